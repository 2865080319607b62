//! A MySQL or MariaDB server as its users see it: SQL.

use mysql_async::{Conn, Opts, OptsBuilder, Row, prelude::Queryable};

/// A connection as root, with statements that must succeed.
pub struct Database {
    pub port: u16,
    connection: Conn,
}

impl Database {
    /// Connects as root to a server on loopback.
    pub async fn connect(port: u16) -> Self {
        let options =
            OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(port).user(Some("root")).prefer_socket(false);
        let connection = Conn::new(Opts::from(options)).await.expect("the database takes connections");
        Self { port, connection }
    }

    /// Runs statements in turn.
    pub async fn run(&mut self, statements: &[&str]) {
        for statement in statements {
            self.connection.query_drop(*statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    /// All rows of a query, each value as text, null as `None`.
    pub async fn rows(&mut self, query: &str) -> Vec<Vec<Option<String>>> {
        let rows: Vec<Row> = self.connection.query(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        let text = |row: Row| row.unwrap().into_iter().map(mysql_text).collect();
        rows.into_iter().map(text).collect()
    }
}

fn mysql_text(value: mysql_async::Value) -> Option<String> {
    match value {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}
