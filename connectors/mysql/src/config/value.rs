//! Settings of values and connections.

use std::time::Duration;

use connect_cdc::{naming::NameAdjustment, snapshot::SnapshotMode};

use super::values::{ClassName, LockingMode, Millis};
use crate::decode::{BigintUnsigned, Binary, ConvertingFailure, DecimalMode, TimePrecision};

connect_api::config! {
    /// How values look, and how the server is talked to.
    #[style = Debezium]
    pub struct ValueSettings {
        /// Accepted; passwords are never shown.
        #[config(key = "custom.sanitize.pattern", group = "Connector", importance = Low, default = ".*secret$|.*password$|.*sasl\\.jaas\\.config$|.*basic\\.auth\\.user\\.info|.*registry\\.auth\\.client-secret|.*credentials\\.json$|.*connectionstring$|.*connection\\.string$", display = "Custom pattern for masking sensitive configuration", width = Long)]
        pub sanitize_pattern: String,
        /// Accepted without effect.
        #[config(key = "statistics.metrics.enabled", group = "Connector", importance = Medium, default = "true", display = "Enable collecting statistics metrics like latencies", width = Short)]
        pub statistics: bool,
        /// DECIMAL and NUMERIC as exact bytes (precise), text (string) or floating point (double).
        #[config(key = "decimal.handling.mode", group = "Connector", importance = Medium, default = "precise", display = "Decimal Handling", width = Short)]
        pub decimal: DecimalMode,
        /// How long a snapshot waits for its locks.
        #[config(key = "snapshot.lock.timeout.ms", group = "Connector", importance = Medium, default = "10000", display = "Snapshot lock timeout (ms)", width = Long)]
        pub lock_timeout: Duration,
        /// Accepted without effect: a class of the JVM's.
        #[config(key = "memory.management.schemas.class", group = "Connector", importance = Low, default = "io.debezium.relational.ConcurrentMapTableMappingStorage", display = "Schema storage class", width = Long)]
        pub schemas_class: ClassName,
        /// Accepted without effect: a class of the JVM's.
        #[config(key = "memory.management.tables.class", group = "Connector", importance = Low, default = "io.debezium.relational.ConcurrentMapTableMappingStorage", display = "Table storage class", width = Long)]
        pub tables_class: ClassName,
        /// How long to wait for a connection.
        #[config(key = "connect.timeout.ms", group = "Connector", importance = Medium, default = "30000", display = "Connection Timeout (ms)", width = Short)]
        pub connect_timeout: Millis,
        /// Whether a connection that went silent is made anew.
        #[config(key = "connect.keep.alive", group = "Connector", importance = Low, default = "true", display = "Keep connection alive (true/false)", width = Short)]
        pub keep_alive: bool,
        /// How often the server must show that the connection lives.
        #[config(key = "connect.keep.alive.interval.ms", group = "Connector", importance = Low, default = "60000", display = "Keep alive interval (ms)", width = Short)]
        pub keep_alive_interval: Duration,
        /// Accepted; connections are closed without waiting.
        #[config(key = "use.nongraceful.disconnect", group = "Connector", importance = Medium, default = "false", display = "Use Non-graceful Disconnect", width = Short)]
        pub nongraceful_disconnect: bool,
        /// Seconds that the server waits for a slow reader; 0 leaves the server's setting.
        #[config(key = "binlog.net.write.timeout", group = "Connector", importance = Medium, default = "0", display = "Binlog Net Write Timeout", width = Short)]
        pub net_write_timeout: u64,
        /// Seconds that the server waits for a request; 0 leaves the server's setting.
        #[config(key = "binlog.net.read.timeout", group = "Connector", importance = Medium, default = "0", display = "Binlog Net Read Timeout", width = Short)]
        pub net_read_timeout: u64,
        /// When to read the tables before the log.
        #[config(key = "snapshot.mode", group = "Connector", importance = Low, default = "initial", display = "Snapshot mode", width = Short)]
        pub snapshot_mode: SnapshotMode,
        /// Only select_all exists here.
        #[config(key = "snapshot.query.mode", group = "Connector", importance = Low, default = "select_all", display = "Snapshot query mode", width = Short)]
        pub snapshot_query_mode: Option<String>,
        /// Accepted without effect.
        #[config(key = "snapshot.query.mode.custom.name", group = "Connector", importance = Medium, display = "Snapshot Query Mode Custom Name", width = Medium)]
        pub snapshot_query_custom: Option<String>,
        /// BIGINT UNSIGNED as a 64-bit integer that may wrap (long) or as an exact decimal (precise).
        #[config(key = "bigint.unsigned.handling.mode", group = "Connector", importance = Medium, default = "long", display = "The mode for handling bigint-unsigned values", width = Short)]
        pub bigint_unsigned: BigintUnsigned,
        /// How DATE, TIME and DATETIME are represented.
        #[config(key = "time.precision.mode", group = "Connector", importance = Medium, default = "adaptive_time_microseconds", display = "The time precision mode to be used", width = Short)]
        pub time_precision: TimePrecision,
        /// Whether years of two digits mean 1970 to 2069.
        #[config(key = "enable.time.adjuster", group = "Connector", importance = Low, default = "true", display = "Enable Time Adjuster", width = Short)]
        pub adjust_years: bool,
        /// How schema names are made fit for Avro.
        #[config(key = "schema.name.adjustment.mode", group = "Connector", importance = Low, default = "none", display = "Schema Name Adjustment", width = Medium)]
        pub schema_names: NameAdjustment,
        /// Accepted; rows are always read as they arrive.
        #[config(key = "min.row.count.to.stream.results", group = "Connector", importance = Low, default = "1000", display = "Stream result set of size", width = Medium)]
        pub stream_rows_min: i32,
        /// Accepted; incremental snapshots are not there yet.
        #[config(key = "incremental.snapshot.chunk.size", group = "Connector", importance = Medium, default = "1024", display = "Incremental snapshot chunk size", width = Medium)]
        pub chunk_size: i32,
        /// Accepted; incremental snapshots are not there yet.
        #[config(key = "incremental.snapshot.allow.schema.changes", group = "Connector", importance = Low, default = "false", display = "Allow schema changes during incremental snapshot if supported.", width = Short)]
        pub chunk_schema_changes: bool,
        /// Whether and how long a snapshot keeps others from writing.
        #[config(key = "snapshot.locking.mode", group = "Connector", importance = Low, default = "minimal", display = "Snapshot locking mode", width = Short)]
        pub locking_mode: LockingMode,
        /// Accepted; there is one parser of DDL.
        #[config(key = "ddl.parser.type", group = "Connector", importance = Low, default = "default", display = "DDL Parser Type", width = Short)]
        pub ddl_parser: String,
        /// How field names are made fit for Avro; with an Avro converter that is the default.
        #[config(key = "field.name.adjustment.mode", group = "Connector", importance = Low, display = "Field Name Adjustment", width = Medium)]
        pub field_names: Option<NameAdjustment>,
        /// BINARY and BLOB as bytes, or as base64, base64-url-safe or hex text.
        #[config(key = "binary.handling.mode", group = "Connector", importance = Low, default = "bytes", display = "Binary Handling", width = Short)]
        pub binary: Binary,
        /// What becomes of a value that its column type can't hold: fail, or null with (warn) or without (skip) a
        /// warning.
        #[config(key = "event.converting.failure.handling.mode", group = "Connector", importance = Medium, default = "warn", display = "Event converting failure handling", width = Short)]
        pub converting_failure: ConvertingFailure,
        /// Accepted; MySQL's log has all values.
        #[config(key = "unavailable.value.placeholder", group = "Connector", importance = Medium, default = "__debezium_unavailable_value", display = "Unavailable value placeholder", width = Medium)]
        pub unavailable: Option<String>,
        /// What stands between the parts of topic names.
        #[config(key = "topic.delimiter", group = "Connector", importance = Medium, default = ".", display = "Topic delimiter", width = Short)]
        pub topic_delimiter: String,
        /// Last part of the name of the transaction topic.
        #[config(key = "topic.transaction", group = "Connector", importance = Low, default = "transaction", display = "Transaction topic name", width = Medium)]
        pub topic_transaction: String,
        /// Name of the heartbeat topic, instead of prefix and connector name.
        #[config(key = "topic.heartbeat.name", group = "Connector", importance = Low, display = "Heartbeat topic name", width = Medium)]
        pub heartbeat_name: Option<String>,
        /// Whether an update that left all captured columns as they were makes no record.
        #[config(key = "skip.messages.without.change", group = "Connector", importance = Low, default = "false", display = "Skip messages without change", width = Short)]
        pub skip_unchanged: bool,
    }
}
