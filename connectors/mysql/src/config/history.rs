//! Settings of the schema history.

use connect_api::Props;

use super::values::ClassName;

connect_api::config! {
    /// Where the structure of the tables is kept.
    #[style = Debezium]
    pub struct HistorySettings {
        /// Where the schema history is kept; a Kafka topic, whatever class is named.
        #[config(key = "schema.history.internal", group = "History Storage", importance = Low, default = "io.debezium.storage.kafka.history.KafkaSchemaHistory", aliases = ["database.history"], display = "Database schema history class", width = Long)]
        pub class: ClassName,
        /// Whether a DDL statement that can't be read is logged and left out, instead of stopping the task.
        #[config(key = "schema.history.internal.skip.unparseable.ddl", group = "History Storage", importance = Low, default = "false", aliases = ["database.history.skip.unparseable.ddl"], display = "Skip DDL statements that cannot be parsed", width = Short)]
        pub skip_unparseable: bool,
        /// Whether the history leaves tables out that are not captured.
        #[config(key = "schema.history.internal.store.only.captured.tables.ddl", group = "History Storage", importance = Low, default = "false", aliases = ["database.history.store.only.captured.tables.ddl", "database.history.store.only.monitored.tables.ddl"], display = "Store only DDL that modifies tables that are captured based on include/exclude lists", width = Short)]
        pub captured_tables_only: bool,
        /// Whether the history leaves databases out that are not captured.
        #[config(key = "schema.history.internal.store.only.captured.databases.ddl", group = "History Storage", importance = Low, default = "false", aliases = ["database.history.store.only.captured.databases.ddl"], display = "Store only DDL that modifies tables of databases that are captured based on include/exclude lists", width = Short)]
        pub captured_databases_only: bool,
        /// The topic of the schema history: one partition, kept for ever.
        #[config(key = "schema.history.internal.kafka.topic", group = "History Storage", importance = High, aliases = ["database.history.kafka.topic"], display = "Database schema history topic name", width = Long)]
        pub topic: Option<String>,
        /// The brokers that have the topic of the schema history.
        #[config(key = "schema.history.internal.kafka.bootstrap.servers", group = "History Storage", importance = High, aliases = ["database.history.kafka.bootstrap.servers"], display = "Kafka broker addresses", width = Long)]
        pub bootstrap_servers: Option<String>,
        #[config(prefix = "schema.history.internal.")]
        pub properties: Props,
        #[config(prefix = "database.history.")]
        pub old_properties: Props,
    }
}
