//! The settings of the source, under the names of Confluent's datagen.

use connect_api::config;

pub use crate::quickstart::Quickstart;

config! {
    /// Settings of the datagen source.
    pub struct DatagenConfig {
        /// The topic to write to.
        #[config(key = "kafka.topic", group = "", importance = High)]
        pub topic: String,
        /// The longest pause before a record, in milliseconds; on average it is half as long. 0 is no pause.
        #[config(key = "max.interval", group = "", importance = High, default = "500")]
        pub max_interval_ms: i64,
        /// How many records each task makes before it stops as FAILED; below 1 it never stops.
        #[config(key = "iterations", group = "", importance = High, default = "-1")]
        pub iterations: i64,
        /// The schema itself: Avro with arg.properties.
        #[config(key = "schema.string", group = "", importance = High, default = "")]
        pub schema: String,
        /// A file on the worker that holds the schema.
        #[config(key = "schema.filename", group = "", importance = High, default = "")]
        pub schema_file: String,
        /// The field whose value is the key of a record. A quickstart has one of its own.
        #[config(key = "schema.keyfield", group = "", importance = High, default = "")]
        pub key_field: String,
        /// A schema that comes with the connector.
        #[config(key = "quickstart", group = "", importance = High, default = "")]
        pub quickstart: Quickstart,
        /// Gives the same records again. Each task draws its own seed from it.
        #[config(key = "random.seed", group = "", importance = Low)]
        pub seed: Option<i64>,
    }
}
