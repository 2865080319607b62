//! Reads MySQL and MariaDB: snapshot, then binlog, as Debezium's connectors write them.

pub mod ddl;
pub mod decode;
