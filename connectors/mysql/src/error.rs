//! What can go wrong between the connector and its server, and what the worker does about each.

use connect_api::{Error, ErrorKind};
use mysql_async::Error as DriverError;

use crate::ddl::DdlError;
use crate::decode::DecodeError;

/// A failure of the connector. Messages never hold the password: the driver's errors don't either.
#[derive(Debug, thiserror::Error)]
pub enum MysqlError {
    #[error("could not connect to {address}: {problem}")]
    Connect { address: String, problem: String },
    #[error("{address} refuses the login of user {user}: {problem}")]
    Login { address: String, user: String, problem: String },
    #[error("can't set up the encrypted connection to {address}: {problem}")]
    Tls { address: String, problem: String },
    #[error("lost the connection to {address}: {problem}")]
    Lost { address: String, problem: String },
    /// The server answered a statement with an error.
    #[error("the server refuses `{statement}`: {problem}")]
    Statement { statement: String, code: u16, problem: String },
    #[error("{0}")]
    Setup(String),
    /// Worded as users search for it.
    #[error(
        "The connector is trying to read change stream starting at {position}, but this is no longer available on the \
         server. Reconfigure the connector to use a snapshot mode when needed."
    )]
    PositionLost { position: String },
    #[error("can't read the binlog from {position}: {problem}")]
    Binlog { position: String, problem: String },
    #[error("can't read the event of type {kind} at {position}: {source}")]
    Event { kind: u8, position: String, source: DecodeError },
    #[error("{0}")]
    History(String),
    #[error("{0}")]
    Ddl(#[from] DdlError),
    #[error("can't read a row of table {table}: {problem}")]
    Row { table: String, problem: String },
    /// A row event of a captured table that the schema history does not know.
    #[error(
        "Encountered change event for table {table} whose schema isn't known to this connector (at {position}). The \
         schema history is incomplete: take a new snapshot, or rebuild it with snapshot.mode=recovery."
    )]
    UnknownTable { table: String, position: String },
    #[error(
        "the log holds a data change as a statement, which tells no rows: {statement} (at {position}). Set \
         binlog_format=ROW for all sessions, then take a new snapshot."
    )]
    StatementFormat { statement: String, position: String },
    #[error(
        "the update of table {table} at {position} is logged as a JSON difference. Unset PARTIAL_JSON in \
         binlog_row_value_options, then take a new snapshot."
    )]
    PartialJson { table: String, position: String },
    /// An error that already says what the worker shall do.
    #[error("{0}")]
    Worker(Error),
}

impl MysqlError {
    /// Sorts an error of the driver: refused by the server, or no connection.
    pub(crate) fn of_driver(address: &str, statement: &str, error: DriverError) -> Self {
        match error {
            DriverError::Server(refusal) if is_connection_end(refusal.code) => {
                MysqlError::Lost { address: address.into(), problem: refusal.message }
            }
            DriverError::Server(refusal) => {
                MysqlError::Statement { statement: statement.into(), code: refusal.code, problem: refusal.message }
            }
            other => MysqlError::Lost { address: address.into(), problem: other.to_string() },
        }
    }

    /// Whether trying again on a new connection may help.
    pub(crate) fn is_connection(&self) -> bool {
        matches!(self, MysqlError::Connect { .. } | MysqlError::Lost { .. })
    }
}

/// Answers by which a server says that it ends the session: it shuts down, or somebody killed it.
fn is_connection_end(code: u16) -> bool {
    const SERVER_SHUTDOWN: u16 = 1053;
    const QUERY_INTERRUPTED: u16 = 1317;
    const CONNECTION_KILLED: u16 = 1927;
    const DISCONNECTED_BY_SERVER: u16 = 4031;
    [SERVER_SHUTDOWN, QUERY_INTERRUPTED, CONNECTION_KILLED, DISCONNECTED_BY_SERVER].contains(&code)
}

impl From<Error> for MysqlError {
    fn from(error: Error) -> Self {
        MysqlError::Worker(error)
    }
}

impl From<MysqlError> for Error {
    fn from(error: MysqlError) -> Self {
        let kind = match &error {
            MysqlError::Connect { .. } | MysqlError::Lost { .. } => ErrorKind::Retriable,
            MysqlError::Login { .. } | MysqlError::Tls { .. } | MysqlError::Setup(_) => ErrorKind::Config,
            MysqlError::Statement { .. }
            | MysqlError::PositionLost { .. }
            | MysqlError::Binlog { .. }
            | MysqlError::History(_)
            | MysqlError::Ddl(_)
            | MysqlError::UnknownTable { .. }
            | MysqlError::StatementFormat { .. }
            | MysqlError::PartialJson { .. } => ErrorKind::Fatal,
            MysqlError::Event { .. } | MysqlError::Row { .. } => ErrorKind::Data,
            MysqlError::Worker(_) => ErrorKind::Fatal,
        };
        match error {
            MysqlError::Worker(error) => error,
            error => Error::new(kind, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_kind() {
        let check = |error: MysqlError, kind: ErrorKind| {
            let message = error.to_string();
            let error = Error::from(error);
            assert_eq!((error.kind(), error.message()), (kind, message.as_str()));
        };
        let address = || "db:3306".to_owned();
        let text = || "x".to_owned();
        check(MysqlError::Connect { address: address(), problem: text() }, ErrorKind::Retriable);
        check(MysqlError::Lost { address: address(), problem: text() }, ErrorKind::Retriable);
        check(MysqlError::Login { address: address(), user: text(), problem: text() }, ErrorKind::Config);
        check(MysqlError::Tls { address: address(), problem: text() }, ErrorKind::Config);
        check(MysqlError::Setup(text()), ErrorKind::Config);
        check(MysqlError::Statement { statement: text(), code: 1064, problem: text() }, ErrorKind::Fatal);
        check(MysqlError::PositionLost { position: text() }, ErrorKind::Fatal);
        check(MysqlError::Binlog { position: text(), problem: text() }, ErrorKind::Fatal);
        check(MysqlError::History(text()), ErrorKind::Fatal);
        check(MysqlError::UnknownTable { table: text(), position: text() }, ErrorKind::Fatal);
        check(MysqlError::StatementFormat { statement: text(), position: text() }, ErrorKind::Fatal);
        check(MysqlError::PartialJson { table: text(), position: text() }, ErrorKind::Fatal);
        check(MysqlError::Event { kind: 1, position: text(), source: DecodeError::Truncated }, ErrorKind::Data);
        check(MysqlError::Row { table: text(), problem: text() }, ErrorKind::Data);
        check(MysqlError::Worker(Error::data("d")), ErrorKind::Data);
    }
}
