//! Reads MySQL and MariaDB: snapshot, then binlog, as Debezium's connectors write them.
