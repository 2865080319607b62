//! Reads MySQL and MariaDB: snapshot, then binlog, as Debezium's connectors write them.

pub mod binlog;
pub mod catalog;
pub mod config;
pub mod connection;
pub mod ddl;
pub mod decode;
pub mod error;
pub mod offset;
pub mod records;
pub mod snapshot;
pub mod source;
pub mod streaming;

pub use source::{MARIADB, MYSQL};
