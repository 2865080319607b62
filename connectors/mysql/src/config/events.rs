//! Settings of what is captured and what becomes of it.

use std::time::Duration;

use connect_cdc::filter::{KeyColumns, RegexList};

use super::values::{ClassName, InconsistentSchema, Millis, RowCountOrder, TextOf};

connect_api::config! {
    /// What is captured, and which records it makes.
    #[style = Debezium]
    pub struct EventSettings {
        /// Custom converters are JVM classes: none can be named.
        #[config(key = "converters", group = "Events", importance = Low, display = "List of prefixes defining custom values converters.", width = Medium)]
        pub converters: Option<String>,
        /// Post processors are JVM classes: none can be named.
        #[config(key = "post.processors", group = "Events", importance = Low, display = "List of change event post processors.", width = Medium)]
        pub post_processors: Option<String>,
        /// Whether a delete is followed by a record without value, so that compaction forgets the key.
        #[config(key = "tombstones.on.delete", group = "Events", importance = Medium, default = "true", display = "Change the behaviour of Debezium with regards to delete operations", width = Short)]
        pub tombstones: bool,
        /// How often a heartbeat record carries the position forward; 0 is never.
        #[config(key = "heartbeat.interval.ms", group = "Events", importance = Medium, default = "0", display = "Connector heartbeat interval (milli-seconds)", width = Medium)]
        pub heartbeat_interval: Millis,
        /// First part of the name of the heartbeat topic.
        #[config(key = "heartbeat.topics.prefix", group = "Events", importance = Low, default = "__debezium-heartbeat", aliases = ["topic.heartbeat.prefix"], display = "A prefix used for naming of heartbeat topics", width = Medium)]
        pub heartbeat_prefix: String,
        /// Accepted; signals are not there yet.
        #[config(key = "signal.data.collection", group = "Events", importance = Medium, display = "Signaling data collection", width = Medium)]
        pub signal_table: Option<Vec<String>>,
        /// Accepted; signals are not there yet.
        #[config(key = "signal.poll.interval.ms", group = "Events", importance = Medium, default = "5000", display = "Signal processor poll interval", width = Short)]
        pub signal_poll: Duration,
        /// Accepted; signals are not there yet.
        #[config(key = "signal.enabled.channels", group = "Events", importance = Medium, default = "source", display = "Enabled channels names", width = Long)]
        pub signal_channels: Vec<String>,
        /// Accepted; topics are named prefix, database, table.
        #[config(key = "topic.naming.strategy", group = "Events", importance = Medium, default = "io.debezium.schema.SchemaTopicNamingStrategy", display = "Topic naming strategy class", width = Medium)]
        pub topic_naming: ClassName,
        /// Accepted; notifications are not there yet.
        #[config(key = "notification.enabled.channels", group = "Events", importance = Medium, display = "Enabled notification channels names", width = Long)]
        pub notification_channels: Option<Vec<String>>,
        /// Accepted; notifications are not there yet.
        #[config(key = "notification.sink.topic.name", group = "Events", importance = High, display = "Notification topic name", width = Long)]
        pub notification_topic: Option<String>,
        /// Accepted without effect: a class of the JVM's.
        #[config(key = "transaction.metadata.factory", group = "Events", importance = Low, default = "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory", display = "Factory class to create transaction context & transaction struct maker classes", width = Medium)]
        pub transaction_factory: ClassName,
        /// Accepted without effect.
        #[config(key = "custom.metric.tags", group = "Events", importance = Low, display = "Customize metric tags", width = Medium)]
        pub metric_tags: Option<Vec<String>>,
        /// Columns to capture, as database.table.column expressions; all others are left out.
        #[config(key = "column.include.list", group = "Events", importance = Medium, aliases = ["column.whitelist"], display = "Include Columns", width = Long)]
        pub column_include: RegexList,
        /// Columns to leave out, as database.table.column expressions.
        #[config(key = "column.exclude.list", group = "Events", importance = Medium, aliases = ["column.blacklist"], display = "Exclude Columns", width = Long)]
        pub column_exclude: RegexList,
        /// Tables to capture, as database.table expressions; all others are left out.
        #[config(key = "table.include.list", group = "Events", importance = High, aliases = ["table.whitelist"], display = "Include Tables", width = Long)]
        pub table_include: RegexList,
        /// Tables to leave out, as database.table expressions.
        #[config(key = "table.exclude.list", group = "Events", importance = Medium, aliases = ["table.blacklist"], display = "Exclude Tables", width = Long)]
        pub table_exclude: RegexList,
        /// Keys other than the primary key: table:column,column;table:column.
        #[config(key = "message.key.columns", group = "Events", importance = Medium, display = "Columns PK mapping", width = Long)]
        pub key_columns: Option<KeyColumns>,
        /// Tables whose rows a snapshot reads by the statement in
        /// snapshot.select.statement.overrides.<database>.<table>.
        #[config(key = "snapshot.select.statement.overrides", group = "Events", importance = Medium, display = "List of tables where the default select statement used during snapshotting should be overridden.", width = Long)]
        pub select_overrides: Option<TextOf<Vec<String>>>,
        /// Columns whose text is hidden behind a hash, by the hash and its salt.
        #[config(key = "column.mask.hash.([^.]+).with.salt.(.+)", group = "Events", importance = Medium, display = "Mask Columns Using Hash and Salt", width = Long)]
        pub mask_hash: Option<String>,
        /// Columns whose text is hidden behind so many asterisks.
        #[config(key = "column.mask.with.(d+).chars", group = "Events", importance = Medium, display = "Mask Columns With n Asterisks")]
        pub mask_asterisks: Option<String>,
        /// Columns whose text is cut to so many characters.
        #[config(key = "column.truncate.to.(d+).chars", group = "Events", importance = Medium, display = "Truncate Columns To n Characters")]
        pub truncate: Option<i32>,
        /// Whether DDL statements make records in the topic that is named as the prefix.
        #[config(key = "include.schema.changes", group = "Events", importance = Medium, default = "true", display = "Include database schema changes", width = Short)]
        pub schema_changes: bool,
        /// Whether comments of tables and columns are kept.
        #[config(key = "include.schema.comments", group = "Events", importance = Medium, default = "false", display = "Include Table and Column Comments", width = Short)]
        pub schema_comments: bool,
        /// Columns whose fields tell their source type in schema parameters.
        #[config(key = "column.propagate.source.type", group = "Events", importance = Medium, display = "Propagate Source Types by Columns")]
        pub propagate_columns: RegexList,
        /// Types (database.table.TYPE) whose fields tell their source type in schema parameters.
        #[config(key = "datatype.propagate.source.type", group = "Events", importance = Medium, display = "Propagate Source Types by Data Type")]
        pub propagate_types: RegexList,
        /// Accepted without effect.
        #[config(key = "internal.snapshot.scan.all.columns.force", group = "Events", importance = Low, default = "false", display = "Snapshot force scan all columns of all tables", width = Short)]
        pub scan_all_columns: bool,
        /// Whether a snapshot reads small tables first (ascending) or large ones (descending).
        #[config(key = "snapshot.tables.order.by.row.count", group = "Events", importance = Medium, default = "disabled", display = "Initial snapshot tables order by row count")]
        pub order_by_rows: RowCountOrder,
        /// A statement that runs on the server with every heartbeat.
        #[config(key = "heartbeat.action.query", group = "Events", importance = Low, display = "An optional query to execute with every heartbeat", width = Medium)]
        pub heartbeat_query: Option<String>,
        /// Whether source.query holds the statement, where the server logs it.
        #[config(key = "include.query", group = "Events", importance = Medium, default = "false", display = "Include original SQL query with in change events", width = Short)]
        pub include_query: bool,
        /// Whether the server's own databases are left out.
        #[config(key = "table.ignore.builtin", group = "Events", importance = Low, default = "true", display = "Ignore system databases", width = Short)]
        pub ignore_builtin: bool,
        /// Databases to capture; all others are left out.
        #[config(key = "database.include.list", group = "Events", importance = High, aliases = ["database.whitelist"], display = "Include Databases", width = Long)]
        pub database_include: RegexList,
        /// Databases to leave out.
        #[config(key = "database.exclude.list", group = "Events", importance = Medium, aliases = ["database.blacklist"], display = "Exclude Databases", width = Long)]
        pub database_exclude: RegexList,
        /// Accepted; a rolled back transaction is not in the log.
        #[config(key = "binlog.buffer.size", group = "Events", importance = Medium, default = "0", display = "Binlog reader buffer size", width = Medium)]
        pub buffer_size: i32,
        /// Accepted, see event.processing.failure.handling.mode.
        #[config(key = "event.deserialization.failure.handling.mode", group = "Events", importance = Medium, default = "fail", display = "Event deserialization failure handling", width = Short)]
        pub deserialization_failure: String,
        /// What to do with rows of a table whose structure is unknown: fail, or leave them out with (warn) or
        /// without (skip) a warning.
        #[config(key = "inconsistent.schema.handling.mode", group = "Events", importance = Medium, default = "fail", display = "Inconsistent schema failure handling", width = Short)]
        pub inconsistent_schema: InconsistentSchema,
        /// Whether rows of sources that gtid.source.includes or excludes reject are left out.
        #[config(key = "gtid.source.filter.dml.events", group = "Events", importance = Medium, default = "true", display = "Filter DML events", width = Short)]
        pub gtid_filter_rows: bool,
        /// Whether to start from file and position even if GTIDs are stored.
        #[config(key = "gtid.ignore.on.recovery", group = "Events", importance = Low, default = "false", display = "Ignore GTID on recovery", width = Short)]
        pub gtid_ignore: bool,
        /// Servers, by expressions on their UUID, whose transactions count.
        #[config(key = "gtid.source.includes", group = "Events", importance = High, display = "Include GTID sources", width = Long)]
        pub gtid_includes: RegexList,
        /// Servers, by expressions on their UUID, whose transactions don't count.
        #[config(key = "gtid.source.excludes", group = "Events", importance = Medium, display = "Exclude GTID sources", width = Long)]
        pub gtid_excludes: TextOf<RegexList>,
        /// Accepted without effect: a class of the JVM's.
        #[config(key = "sourceinfo.struct.maker", group = "Events", importance = Low, display = "Source info struct maker class", width = Medium)]
        pub source_info: Option<ClassName>,
    }
}
