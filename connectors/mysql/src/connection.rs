//! Connections to the server, and what is asked of it outside of snapshot and log.

use std::{path::PathBuf, time::Duration};

use mysql_async::prelude::Queryable;
use mysql_async::{ClientIdentity, Conn, DriverError, Error, IoError, Opts, OptsBuilder, Row, SslOpts};

use crate::binlog::gtid::GtidSet;
use crate::config::{Server, Settings, Tls};
use crate::error::MysqlError;

/// Opens connections of one connector.
#[derive(Clone, Debug)]
pub struct Connector {
    server: Server,
    timeout: Duration,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Queries; the user's initial statements run first.
    Query,
    /// The log; they don't.
    Log,
}

impl Connector {
    pub fn new(settings: &Settings) -> Self {
        Self { server: settings.server.clone(), timeout: settings.shared.values.connect_timeout.0 }
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Host and port, as messages name the server.
    pub fn address(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    /// Sorts an error of a statement.
    pub fn error(&self, statement: &str, error: Error) -> MysqlError {
        MysqlError::of_driver(&self.address(), statement, error)
    }

    pub async fn connect(&self, purpose: Purpose) -> Result<Conn, MysqlError> {
        let tls = self.server.tls != Tls::Off;
        match self.attempt(purpose, tls).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if self.server.tls == Tls::IfPossible => {
                self.attempt(purpose, false).await
            }
            answer => answer,
        }
        .map_err(|error| self.connect_error(error))
    }

    async fn attempt(&self, purpose: Purpose, tls: bool) -> Result<Conn, Error> {
        let connecting = Conn::new(self.options(purpose, tls));
        match tokio::time::timeout(self.timeout, connecting).await {
            Ok(answer) => answer,
            Err(_) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer").into()),
        }
    }

    fn options(&self, purpose: Purpose, tls: bool) -> Opts {
        const KEEP_ALIVE: Duration = Duration::from_secs(60);
        let server = &self.server;
        let mut statements = vec!["SET time_zone = '+00:00'".to_owned()];
        if purpose == Purpose::Query {
            statements.extend(server.initial_statements.iter().cloned());
        }
        OptsBuilder::default()
            .ip_or_hostname(server.host.clone())
            .tcp_port(server.port)
            .user(Some(server.user.clone()))
            .pass(server.password.as_ref().map(|password| password.reveal().to_owned()))
            .prefer_socket(Some(false))
            .stmt_cache_size(Some(0))
            .tcp_keepalive(Some(KEEP_ALIVE))
            .init(statements)
            .ssl_opts(tls.then(|| self.tls()))
            .into()
    }

    fn tls(&self) -> SslOpts {
        let server = &self.server;
        let trusting = matches!(server.tls, Tls::IfPossible | Tls::Trusting | Tls::Off);
        let mut options = SslOpts::default()
            .with_danger_accept_invalid_certs(trusting)
            .with_danger_skip_domain_validation(trusting || server.tls == Tls::VerifyAuthority);
        if let Some(file) = &server.trusted {
            options = options.with_root_certs(vec![PathBuf::from(file).into()]).with_disable_built_in_roots(true);
        }
        let identity = server.identity.as_ref().map(PathBuf::from);
        options.with_client_identity(identity.map(|file| ClientIdentity::new(file.clone().into(), file.into())))
    }

    fn connect_error(&self, error: Error) -> MysqlError {
        const DENIED: [u16; 7] = [1044, 1045, 1129, 1130, 1698, 1862, 3118];
        let address = self.address();
        match error {
            Error::Server(refusal) if DENIED.contains(&refusal.code) => {
                MysqlError::Login { address, user: self.server.user.clone(), problem: refusal.message }
            }
            Error::Io(IoError::Tls(problem)) => MysqlError::Tls { address, problem: problem.to_string() },
            Error::Driver(DriverError::NoClientSslFlagFromServer) => {
                let problem = "the server has no TLS; set database.ssl.mode to use none".into();
                MysqlError::Tls { address, problem }
            }
            Error::Server(refusal) => MysqlError::Connect { address, problem: refusal.message },
            // Each layer of the driver would say once more that it was input or output.
            Error::Io(IoError::Io(problem)) => MysqlError::Connect { address, problem: problem.to_string() },
            other => match other.to_string() {
                // The driver hands a refused certificate on as a failure of the socket.
                problem if problem.contains("peer certificate") => MysqlError::Tls { address, problem },
                problem => MysqlError::Connect { address, problem },
            },
        }
    }
}

/// A connection for queries, with its errors sorted.
pub struct Session {
    pub conn: Conn,
    connector: Connector,
}

impl Session {
    pub async fn open(connector: &Connector) -> Result<Self, MysqlError> {
        Ok(Self { conn: connector.connect(Purpose::Query).await?, connector: connector.clone() })
    }

    pub fn error(&self, statement: &str, error: Error) -> MysqlError {
        self.connector.error(statement, error)
    }

    pub async fn run(&mut self, statement: &str) -> Result<(), MysqlError> {
        self.conn.query_drop(statement).await.map_err(|error| self.connector.error(statement, error))
    }

    pub async fn rows(&mut self, statement: &str) -> Result<Vec<Row>, MysqlError> {
        self.conn.query(statement).await.map_err(|error| self.connector.error(statement, error))
    }

    /// The first column of the first row, as text.
    pub async fn text(&mut self, statement: &str) -> Result<Option<String>, MysqlError> {
        Ok(self.rows(statement).await?.first().and_then(|row| text(row, 0)))
    }

    /// A global variable; nothing where the server does not know it.
    pub async fn variable(&mut self, name: &str) -> Result<Option<String>, MysqlError> {
        let statement = format!("SHOW GLOBAL VARIABLES LIKE '{name}'");
        Ok(self.rows(&statement).await?.first().and_then(|row| text(row, 1)))
    }

    /// Where the server's log ends now. A server with GTIDs has a set of them even if no transaction ran yet.
    pub async fn log_end(&mut self, with_gtids: bool) -> Result<LogEnd, MysqlError> {
        const REFUSED: &str = "the binary log is not enabled on the server; start it with log_bin";
        let mariadb = self.connector.server.mariadb;
        // MySQL 8.4 renamed the statement and forgot the old name.
        let rows = match self.rows("SHOW BINARY LOG STATUS").await {
            Ok(rows) => rows,
            Err(error) if error.is_connection() => return Err(error),
            Err(_) => self.rows("SHOW MASTER STATUS").await?,
        };
        let row = rows.first().ok_or_else(|| MysqlError::Setup(REFUSED.into()))?;
        let file = text(row, 0).unwrap_or_default();
        let position = text(row, 1).and_then(|text| text.parse().ok()).unwrap_or_default();
        let gtids = match mariadb {
            false => text(row, 4),
            true => self.text(&format!("SELECT BINLOG_GTID_POS('{file}', {position})")).await?,
        };
        let gtids = gtids.and_then(|text| GtidSet::parse(&text, mariadb));
        let gtids = gtids.filter(|set| with_gtids || !set.is_empty());
        Ok(LogEnd { file, position, gtids })
    }

    /// The names of the log files that the server still has, oldest first.
    pub async fn log_files(&mut self) -> Result<Vec<String>, MysqlError> {
        Ok(self.rows("SHOW BINARY LOGS").await?.iter().filter_map(|row| text(row, 0)).collect())
    }

    pub async fn close(self) {
        // The session ends either way: a failed farewell is nobody's business.
        drop(self.conn.disconnect().await);
    }
}

/// A position at the end of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEnd {
    pub file: String,
    pub position: u64,
    pub gtids: Option<GtidSet>,
}

/// A column of a row as text.
pub fn text(row: &Row, at: usize) -> Option<String> {
    match row.as_ref(at)? {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        mysql_async::Value::Int(number) => Some(number.to_string()),
        mysql_async::Value::UInt(number) => Some(number.to_string()),
        other => Some(other.as_sql(true)),
    }
}

/// A name in back quotes.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
