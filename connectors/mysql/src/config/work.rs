//! Settings of the connector at work: batches, snapshots, connections.

use std::time::Duration;

use connect_cdc::filter::RegexList;

use super::values::{GuardrailAction, Operations, Positive};

connect_api::config! {
    /// How the connector works: batches, snapshots, retries.
    #[style = Debezium]
    pub struct WorkSettings {
        /// What to do with an event that can't be processed: fail, warn or skip. Such an event stops the task in
        /// any case: a lost change is never right.
        #[config(key = "event.processing.failure.handling.mode", group = "Connector", importance = Medium, default = "fail", display = "Event deserialization failure handling", width = Short)]
        pub event_failure: String,
        /// The most records that one poll hands to the worker.
        #[config(key = "max.batch.size", group = "Connector", importance = Medium, default = "2048", display = "Change event batch size", width = Short)]
        pub max_batch_size: Positive,
        /// How many records may wait between the log and the worker; must be larger than the batch.
        #[config(key = "max.queue.size", group = "Connector", importance = Medium, default = "8192", display = "Change event buffer size", width = Short)]
        pub max_queue_size: Positive,
        /// How long a poll waits before it answers with nothing; records are handed over as soon as they are there.
        #[config(key = "poll.interval.ms", group = "Connector", importance = Medium, default = "500", display = "Poll interval (ms)", width = Short)]
        pub poll_interval: Duration,
        /// Accepted; memory is bounded by the batches.
        #[config(key = "max.queue.size.in.bytes", group = "Connector", importance = Medium, default = "0", display = "Change event buffer size in bytes", width = Long)]
        pub max_queue_bytes: u64,
        /// Whether BEGIN and END of transactions go to a topic and each record tells its place in its transaction.
        #[config(key = "provide.transaction.metadata", group = "Connector", importance = Low, default = "false", display = "Store transaction metadata information in a dedicated topic.", width = Short)]
        pub transaction_metadata: bool,
        /// Operations that make no records: c, u, d, r, t, or none.
        #[config(key = "skipped.operations", group = "Connector", importance = Low, default = "t", display = "Skipped Operations", width = Short)]
        pub skipped_operations: Operations,
        /// How long to wait before a snapshot.
        #[config(key = "snapshot.delay.ms", group = "Connector", importance = Low, default = "0", display = "Snapshot Delay (milliseconds)", width = Medium)]
        pub snapshot_delay: Duration,
        /// How long to wait after a snapshot before streaming.
        #[config(key = "streaming.delay.ms", group = "Connector", importance = Low, default = "0", display = "Streaming Delay (milliseconds)", width = Medium)]
        pub streaming_delay: Duration,
        /// The captured tables whose rows a snapshot reads; all by default.
        #[config(key = "snapshot.include.collection.list", group = "Connector", importance = Medium, display = "Snapshot mode include data collection", width = Long)]
        pub snapshot_include: Option<RegexList>,
        /// Accepted; rows are read as they arrive.
        #[config(key = "snapshot.fetch.size", group = "Connector", importance = Medium, display = "Snapshot fetch size", width = Medium)]
        pub snapshot_fetch_size: Option<i32>,
        /// Accepted; a snapshot is read by one connection.
        #[config(key = "snapshot.max.threads", group = "Connector", importance = Medium, default = "1", display = "Snapshot maximum threads", width = Short)]
        pub snapshot_threads: Positive,
        /// Accepted, see snapshot.max.threads.
        #[config(key = "snapshot.max.threads.multiplier", group = "Connector", importance = Medium, default = "1", display = "Snapshot maximum thread multiplier", width = Short)]
        pub snapshot_threads_multiplier: Positive,
        /// Accepted, see snapshot.max.threads.
        #[config(key = "legacy.snapshot.max.threads", group = "Connector", importance = Low, default = "false", aliases = ["internal.legacy.snapshot.max.threads"], display = "Enforces using a single thread per table regardless of table size", width = Short)]
        pub legacy_snapshot_threads: bool,
        /// Name of a snapshot mode that is loaded from a JVM class; there is none here.
        #[config(key = "snapshot.mode.custom.name", group = "Connector", importance = Medium, display = "Snapshot Mode Custom Name", width = Medium)]
        pub snapshot_custom_name: Option<String>,
        /// With snapshot.mode=configuration_based: whether rows are read.
        #[config(key = "snapshot.mode.configuration.based.snapshot.data", group = "Connector", importance = Medium, default = "false", display = "Snapshot mode property based snapshot data", width = Medium)]
        pub based_data: bool,
        /// With snapshot.mode=configuration_based: whether the structure is read.
        #[config(key = "snapshot.mode.configuration.based.snapshot.schema", group = "Connector", importance = Medium, default = "false", display = "Snapshot mode property based snapshot schema", width = Medium)]
        pub based_schema: bool,
        /// With snapshot.mode=configuration_based: whether the log is read afterwards.
        #[config(key = "snapshot.mode.configuration.based.start.stream", group = "Connector", importance = Medium, default = "false", display = "Snapshot mode property based start stream", width = Medium)]
        pub based_stream: bool,
        /// With snapshot.mode=configuration_based: whether a lost schema history is read again from the server.
        #[config(key = "snapshot.mode.configuration.based.snapshot.on.schema.error", group = "Connector", importance = Medium, default = "false", display = "Snapshot mode property based snapshot on schema error", width = Medium)]
        pub based_on_schema_error: bool,
        /// With snapshot.mode=configuration_based: whether a lost log position leads to a new snapshot.
        #[config(key = "snapshot.mode.configuration.based.snapshot.on.data.error", group = "Connector", importance = Medium, default = "false", display = "Snapshot mode property based snapshot on data error", width = Medium)]
        pub based_on_data_error: bool,
        /// The longest wait between two attempts to reconnect.
        #[config(key = "retriable.restart.connector.wait.ms", group = "Connector", importance = Low, default = "10000", display = "Retriable restart wait (ms)", width = Medium)]
        pub retry_wait: Duration,
        /// Accepted; rows are read as they arrive.
        #[config(key = "query.fetch.size", group = "Connector", importance = Medium, default = "0", display = "Query fetch size", width = Medium)]
        pub query_fetch_size: i32,
        /// How often to reconnect before the task fails; -1 is without end, 0 never.
        #[config(key = "errors.max.retries", group = "Connector", importance = Low, default = "-1", display = "The maximum number of retries", width = Medium)]
        pub max_retries: i32,
        /// Accepted; incremental snapshots are not there yet.
        #[config(key = "incremental.snapshot.watermarking.strategy", group = "Connector", importance = Low, default = "INSERT_INSERT", display = "Incremental snapshot watermarking strategy", width = Medium)]
        pub watermarking: Option<String>,
        /// Whether a stored position is looked up on the server before streaming.
        #[config(key = "internal.log.position.check.enable", group = "Connector", importance = Medium, default = "true", display = "Enable/Disable log position check", width = Medium)]
        pub position_check: bool,
        /// Accepted without effect.
        #[config(key = "internal.advanced.metrics.enable", group = "Connector", importance = Medium, default = "false", display = "Enable/Disable advance metrics", width = Medium)]
        pub advanced_metrics: bool,
        /// How long validation may try to reach the server.
        #[config(key = "connection.validation.timeout.ms", group = "Connector", importance = Low, default = "60000", display = "Connection validation timeout (ms)", width = Short)]
        pub validation_timeout: Duration,
        /// Accepted; a task stops at once.
        #[config(key = "executor.shutdown.timeout.ms", group = "Connector", importance = Medium, default = "4000", display = "Executor shutdown timeout (ms)", width = Medium)]
        pub shutdown_timeout: Duration,
        /// Accepted without effect: there is no OpenLineage here.
        #[config(key = "openlineage.integration.enabled", group = "Connector", importance = Low, default = "false", display = "Enables OpenLineage integration", width = Short)]
        pub lineage: bool,
        /// Accepted, see openlineage.integration.enabled.
        #[config(key = "openlineage.integration.config.file.path", group = "Connector", importance = Low, default = "./openlineage.yml", display = "Path to OpenLineage file configuration", width = Long)]
        pub lineage_file: String,
        /// Accepted, see openlineage.integration.enabled.
        #[config(key = "openlineage.integration.job.namespace", group = "Connector", importance = Low, display = "Namespace used for Debezium job", width = Long)]
        pub lineage_namespace: Option<String>,
        /// Accepted, see openlineage.integration.enabled.
        #[config(key = "openlineage.integration.job.description", group = "Connector", importance = Low, default = "Debezium change data capture job", display = "Description used for Debezium job", width = Long)]
        pub lineage_description: String,
        /// Accepted, see openlineage.integration.enabled.
        #[config(key = "openlineage.integration.job.tags", group = "Connector", importance = Low, display = "Debezium job tags", width = Long)]
        pub lineage_tags: Option<Vec<String>>,
        /// Accepted, see openlineage.integration.enabled.
        #[config(key = "openlineage.integration.job.owners", group = "Connector", importance = Low, display = "Debezium job owners", width = Long)]
        pub lineage_owners: Option<Vec<String>>,
        /// Accepted, see openlineage.integration.enabled.
        #[config(key = "openlineage.integration.dataset.kafka.bootstrap.servers", group = "Connector", importance = Low, display = "Kafka bootstrap server used in Kafka Connect deployment", width = Long)]
        pub lineage_servers: Option<String>,
        /// Whether records carry the __debezium.context headers.
        #[config(key = "extended.headers.enabled", group = "Connector", importance = Low, default = "true", display = "Enable/Disable extended headers", width = Short)]
        pub extended_headers: bool,
        /// The most tables to capture; 0 is any number.
        #[config(key = "guardrail.collections.max", group = "Connector", importance = Medium, default = "0", display = "Maximum number of collections or tables", width = Short)]
        pub guardrail_max: i32,
        /// What to do when there are more: fail or warn.
        #[config(key = "guardrail.collections.limit.action", group = "Connector", importance = Medium, default = "warn", display = "Guardrail collections limit action", width = Short)]
        pub guardrail_action: GuardrailAction,
    }
}
