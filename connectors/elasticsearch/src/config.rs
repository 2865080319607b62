//! The settings of the sink, under the names of Confluent's Elasticsearch sink.

use connect_api::{Password, Props, config, setting_enum};

use crate::setting::{Int, Long, Nodes, StreamPart, TopicMap};

setting_enum! {
    /// What becomes of a record without a value.
    pub enum NullValues { Ignore = "ignore", Delete = "delete", #[default] Fail = "fail" }
}
setting_enum! {
    /// What becomes of a document that the server can't take.
    pub enum Malformed { Ignore = "ignore", Warn = "warn", #[default] Fail = "fail" }
}
setting_enum! {
    /// Whether a record replaces its document or is merged into it.
    pub enum WriteMethod { #[default] Insert = "insert", Upsert = "upsert" }
}
setting_enum! {
    /// Which kind of existing resource records are written to.
    pub enum ExternalUsage {
        Index = "index", DataStream = "datastream", AliasIndex = "alias_index",
        AliasDataStream = "alias_datastream", #[default] Disabled = "disabled",
    }
}
setting_enum! {
    /// Whether the `elastic.https.` settings are in force.
    pub enum SecurityProtocol { #[default] Plaintext = "PLAINTEXT", Ssl = "SSL" }
}

/// A day and a week in milliseconds: the largest back-off and the largest waits that make sense.
const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;
const HALF_DAY_MS: i64 = DAY_MS / 2;
const INT_MAX: i64 = i32::MAX as i64;

config! {
    /// Settings of the Elasticsearch and OpenSearch sink.
    pub struct ElasticsearchConfig {
        #[config(flatten)]
        pub connection: ConnectionConfig,
        #[config(flatten)]
        pub batching: BatchingConfig,
        #[config(flatten)]
        pub conversion: ConversionConfig,
        #[config(flatten)]
        pub stream: DataStreamConfig,
        #[config(flatten)]
        pub external: ExternalConfig,
        #[config(flatten)]
        pub old: OldConfig,
        /// The topics of the connector (`topics`, `topics.regex`), which the worker declares.
        #[config(prefix = "topics")]
        pub topics: Props,
    }
}

config! {
    /// How the servers are reached.
    pub struct ConnectionConfig {
        /// Addresses of the servers, such as `http://localhost:9200`.
        /// Requests go to them in turn; one that does not answer is left out for a while.
        #[config(key = "connection.url", group = "Connector", importance = High, display = "Connection URLs", width = Long)]
        pub nodes: Nodes,
        /// User for basic authentication.
        #[config(key = "connection.username", group = "Connector", importance = Medium, display = "Connection Username", width = Short)]
        pub username: Option<String>,
        /// Password for basic authentication.
        #[config(key = "connection.password", group = "Connector", importance = Medium, display = "Connection Password", width = Short)]
        pub password: Option<Password>,
        /// API key, in the encoded form that Elasticsearch hands out, in place of user and password.
        #[config(key = "connection.api.key", group = "Connector", importance = Low, display = "API Key", width = Short)]
        pub api_key: Option<Password>,
        /// Compresses requests and answers with gzip: less network, more CPU on both sides.
        #[config(key = "connection.compression", group = "Connector", importance = Low, default = "false", display = "Compression", width = Short)]
        pub compression: bool,
        /// How long to wait for a connection, in milliseconds.
        #[config(key = "connection.timeout.ms", group = "Connector", importance = Low, default = "1000", display = "Connection Timeout", width = Short)]
        pub connect_timeout_ms: Int<0, HALF_DAY_MS>,
        /// How long to wait for an answer, in milliseconds, before the request is sent again.
        #[config(key = "read.timeout.ms", group = "Connector", importance = Low, default = "3000", display = "Read Timeout", width = Short)]
        pub read_timeout_ms: Int<0, WEEK_MS>,
        /// How long a connection may be idle before it is closed, in milliseconds; -1 keeps it.
        #[config(key = "max.connection.idle.time.ms", group = "Connector", importance = Low, default = "60000", display = "Max Connection Idle Time", width = Short)]
        pub idle_ms: Int<-1, DAY_MS>,
        /// How often a request that failed is sent again.
        #[config(key = "max.retries", group = "Connector", importance = Low, default = "5", display = "Max Retries", width = Short)]
        pub max_retries: Int<0, INT_MAX>,
        /// First wait before a request is sent again, in milliseconds; it doubles each time, up to a day, with jitter.
        #[config(key = "retry.backoff.ms", group = "Connector", importance = Low, default = "100", display = "Retry Backoff", width = Short)]
        pub retry_backoff_ms: Long<0, DAY_MS>,
        /// Host of an HTTP proxy between the worker and the servers.
        #[config(key = "proxy.host", group = "Proxy", importance = Low, default = "", display = "Proxy Host", width = Long)]
        pub proxy_host: String,
        /// Port of the proxy.
        #[config(key = "proxy.port", group = "Proxy", importance = Low, default = "8080", display = "Proxy Port", width = Short)]
        pub proxy_port: Int<1, 65535>,
        /// User at the proxy.
        #[config(key = "proxy.username", group = "Proxy", importance = Low, default = "", display = "Proxy Username", width = Short)]
        pub proxy_username: String,
        /// Password at the proxy.
        #[config(key = "proxy.password", group = "Proxy", importance = Low, display = "Proxy Password", width = Short)]
        pub proxy_password: Option<Password>,
        /// `SSL` puts the `elastic.https.` settings in force.
        #[config(key = "elastic.security.protocol", group = "Security", importance = Medium, default = "PLAINTEXT", display = "Security protocol", width = Short)]
        pub security: SecurityProtocol,
        #[config(flatten)]
        pub https: HttpsConfig,
        /// Kerberos principal; Kerberos is not supported.
        #[config(key = "kerberos.user.principal", group = "Kerberos", importance = Low, display = "Kerberos User Principal", width = Long)]
        pub kerberos_principal: Option<String>,
        /// Kerberos keytab; Kerberos is not supported.
        #[config(key = "kerberos.keytab.path", group = "Kerberos", importance = Low, display = "Kerberos Keytab Path", width = Long)]
        pub kerberos_keytab: Option<String>,
    }
}

config! {
    /// TLS, by Kafka's names with a prefix. Stores are PEM files.
    pub struct HttpsConfig {
        /// File of the certificates to trust, PEM.
        #[config(key = "elastic.https.ssl.truststore.location", group = "Security", importance = High)]
        pub truststore: Option<String>,
        /// Password of the truststore; PEM files have none.
        #[config(key = "elastic.https.ssl.truststore.password", group = "Security", importance = High)]
        pub truststore_password: Option<Password>,
        /// Format of the truststore; only `PEM` is read, whatever is written here.
        #[config(key = "elastic.https.ssl.truststore.type", group = "Security", importance = Medium, default = "JKS")]
        pub truststore_type: String,
        /// The certificates to trust themselves, PEM.
        #[config(key = "elastic.https.ssl.truststore.certificates", group = "Security", importance = High)]
        pub truststore_certificates: Option<Password>,
        /// File of the client's certificate and private key, PEM.
        #[config(key = "elastic.https.ssl.keystore.location", group = "Security", importance = High)]
        pub keystore: Option<String>,
        /// Password of the keystore; PEM files have none.
        #[config(key = "elastic.https.ssl.keystore.password", group = "Security", importance = High)]
        pub keystore_password: Option<Password>,
        /// Format of the keystore; only `PEM` is read, whatever is written here.
        #[config(key = "elastic.https.ssl.keystore.type", group = "Security", importance = Medium, default = "JKS")]
        pub keystore_type: String,
        /// The client's certificate chain itself, PEM.
        #[config(key = "elastic.https.ssl.keystore.certificate.chain", group = "Security", importance = High)]
        pub keystore_chain: Option<Password>,
        /// The client's private key itself, PEM.
        #[config(key = "elastic.https.ssl.keystore.key", group = "Security", importance = High)]
        pub keystore_key: Option<Password>,
        /// Password of the private key; encrypted keys are not read.
        #[config(key = "elastic.https.ssl.key.password", group = "Security", importance = High)]
        pub key_password: Option<Password>,
        /// TLS version, such as `TLSv1.3`; 1.2 and 1.3 are spoken.
        #[config(key = "elastic.https.ssl.protocol", group = "Security", importance = Medium, default = "TLSv1.3")]
        pub protocol: String,
        /// TLS versions that may be used.
        #[config(key = "elastic.https.ssl.enabled.protocols", group = "Security", importance = Medium, default = "TLSv1.2,TLSv1.3")]
        pub enabled_protocols: Vec<String>,
        /// Cipher suites; accepted, but the TLS library's own safe list is used.
        #[config(key = "elastic.https.ssl.cipher.suites", group = "Security", importance = Low)]
        pub cipher_suites: Option<String>,
        /// `https` checks that the certificate names the host; empty does not.
        #[config(key = "elastic.https.ssl.endpoint.identification.algorithm", group = "Security", importance = Low, default = "https")]
        pub host_check: String,
        /// All settings of the prefix, to see whether any is given.
        #[config(prefix = "elastic.https.")]
        pub given: Props,
    }
}

config! {
    /// How records are gathered into requests.
    pub struct BatchingConfig {
        /// Largest number of operations in a bulk request.
        #[config(key = "batch.size", group = "Connector", importance = Medium, default = "2000", display = "Batch Size", width = Short)]
        pub batch_size: Int<1, 1_000_000>,
        /// Number of bytes after which a bulk request is sent; -1 sets no limit.
        #[config(key = "bulk.size.bytes", group = "Connector", importance = Low, default = "5242880", display = "Bulk Size (bytes)", width = Short)]
        pub bulk_bytes: Long<-1, INT_MAX>,
        /// How long records wait for company, in milliseconds.
        #[config(key = "linger.ms", group = "Connector", importance = Low, default = "1", display = "Linger", width = Short)]
        pub linger_ms: Long<0, WEEK_MS>,
        /// Largest number of bulk requests that a task has under way at a time.
        #[config(key = "max.in.flight.requests", group = "Connector", importance = Medium, default = "5", display = "Max In-flight Requests", width = Short)]
        pub max_in_flight: Int<1, 1000>,
        /// Largest number of records that a task holds; more are not taken until some are written.
        #[config(key = "max.buffered.records", group = "Connector", importance = Low, default = "20000", display = "Max Buffered Records", width = Short)]
        pub max_buffered: Int<1, INT_MAX>,
        /// How long to wait for held records to be written, in milliseconds, before the task fails.
        #[config(key = "flush.timeout.ms", group = "Connector", importance = Low, default = "180000", display = "Flush Timeout", width = Short)]
        pub flush_timeout_ms: Long<1000, WEEK_MS>,
        /// Waits for every record before offsets are committed, in place of committing what is written.
        #[config(key = "flush.synchronously", group = "Connector", importance = Low, default = "false", display = "Flush Synchronously", width = Short)]
        pub flush_synchronously: bool,
    }
}

config! {
    /// How records become documents.
    pub struct ConversionConfig {
        /// Makes document ids of topic, partition and offset in place of the record's key.
        #[config(key = "key.ignore", group = "Data Conversion", importance = High, default = "false", display = "Ignore Key mode", width = Short)]
        pub key_ignore: bool,
        /// Topics for which keys are ignored.
        #[config(key = "topic.key.ignore", group = "Data Conversion", importance = Low, default = "", display = "Topics for 'Ignore Key' mode", width = Long)]
        pub topic_key_ignore: Vec<String>,
        /// Ignores schemas: the server infers its mapping from the documents.
        #[config(key = "schema.ignore", group = "Data Conversion", importance = Low, default = "false", display = "Ignore Schema mode", width = Short)]
        pub schema_ignore: bool,
        /// Topics for which schemas are ignored.
        #[config(key = "topic.schema.ignore", group = "Data Conversion", importance = Low, default = "", display = "Topics for 'Ignore Schema' mode", width = Long)]
        pub topic_schema_ignore: Vec<String>,
        /// Writes maps with string keys as objects, in place of arrays of key and value.
        #[config(key = "compact.map.entries", group = "Data Conversion", importance = Low, default = "true", display = "Compact Map Entries", width = Short)]
        pub compact_maps: bool,
        /// Skips records that can't be made a document, in place of failing the task.
        #[config(key = "drop.invalid.message", group = "Data Conversion", importance = Low, default = "false", display = "Drop invalid messages", width = Long)]
        pub drop_invalid: bool,
        /// What becomes of a record with a key and no value.
        #[config(key = "behavior.on.null.values", group = "Data Conversion", importance = Low, default = "fail", display = "Behavior for null-valued records", width = Short)]
        pub null_values: NullValues,
        /// What becomes of a document that the server refuses for what it holds.
        #[config(key = "behavior.on.malformed.documents", group = "Data Conversion", importance = Low, default = "fail", display = "Behavior on malformed documents", width = Short)]
        pub malformed: Malformed,
        /// `insert` replaces documents, `upsert` merges into them.
        #[config(key = "write.method", group = "Data Conversion", importance = Low, default = "insert", aliases = ["index.write.method"], display = "Write Method", width = Short)]
        pub write_method: WriteMethod,
        /// Lets the server choose document ids; with `write.method=insert` only.
        #[config(key = "use.autogenerated.ids", group = "Data Conversion", importance = Low, default = "false", display = "Use Autogenerated IDs", width = Short)]
        pub autogenerated_ids: bool,
        /// Header that holds the version of the document, in place of the record's offset.
        #[config(key = "external.version.header", group = "Data Conversion", importance = Low, default = "", display = "External Version Header Name", width = Short)]
        pub version_header: String,
    }
}

config! {
    /// Writing to data streams.
    pub struct DataStreamConfig {
        /// First part of the data stream's name: `logs`, `metrics` or a type of your own; `none` writes to indices.
        #[config(key = "data.stream.type", group = "Data Stream", importance = Low, default = "none", display = "Data Stream Type", width = Short)]
        pub ty: StreamType,
        /// Second part of the data stream's name.
        #[config(key = "data.stream.dataset", group = "Data Stream", importance = Low, default = "", display = "Data Stream Dataset", width = Medium)]
        pub dataset: StreamPart,
        /// Last part of the data stream's name; `${topic}` stands for the topic.
        #[config(key = "data.stream.namespace", group = "Data Stream", importance = Low, default = "${topic}", display = "Data Stream Namespace", width = Medium)]
        pub namespace: StreamPart,
        /// Fields to take `@timestamp` from, the first that is there; the record's own timestamp when empty.
        #[config(key = "data.stream.timestamp.field", group = "Data Stream", importance = Low, default = "", display = "Data Stream Timestamp Field", width = Long)]
        pub timestamp_fields: Vec<String>,
    }
}

config! {
    /// Writing to resources that exist already.
    pub struct ExternalConfig {
        /// Kind of the existing resources that topics are mapped to.
        #[config(key = "external.resource.usage", group = "External Resources", importance = Low, default = "disabled", display = "External Resource Usage", width = Short)]
        pub usage: ExternalUsage,
        /// Pairs `topic:resource`, one for each topic.
        #[config(key = "topic.to.external.resource.mapping", group = "External Resources", importance = Low, default = "", display = "Topic to External Resource Mapping", width = Long)]
        pub mapping: TopicMap,
        /// Largest number of mapped topics.
        #[config(key = "max.external.resource.mappings", group = "External Resources", importance = Low, default = "15", display = "Max External Resource Mappings", width = Short)]
        pub max_mappings: Int<1, INT_MAX>,
    }
}

config! {
    /// Settings of releases before 11.
    pub struct OldConfig {
        /// Mapping type of servers before 7; has no effect.
        #[config(key = "type.name", group = "Data Conversion", importance = Low)]
        pub type_name: Option<String>,
        /// Pairs `topic:index`; the index name is used as written. Prefer a `RegexRouter` transform.
        #[config(key = "topic.index.map", group = "Data Conversion", importance = Low, default = "")]
        pub topic_index: TopicMap,
        /// Has no effect: an index is created before its first record is written.
        #[config(key = "auto.create.indices.at.start", group = "Data Conversion", importance = Low, default = "true")]
        pub create_at_start: bool,
        /// Has no effect.
        #[config(key = "log.sensitive.data", group = "Connector", importance = Low, default = "false")]
        pub log_sensitive: bool,
    }
}

/// First part of a data stream's name, in lower case; nothing for `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamType(Option<String>);

impl StreamType {
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl connect_api::Setting for StreamType {
    const TYPE: connect_api::ConfigType = connect_api::ConfigType::String;
    fn parse(text: &str) -> Result<Self, connect_api::config::Problem> {
        let lower = text.trim().to_lowercase();
        if lower.is_empty() || lower == "none" {
            return Ok(Self(None));
        }
        StreamPart::parse(&lower).map(|part| Self(Some(part.text().to_owned())))
    }
}

impl ElasticsearchConfig {
    /// Whether documents go to data streams, by name or by mapping.
    pub fn to_data_streams(&self) -> bool {
        self.stream.ty.name().is_some()
            || matches!(self.external.usage, ExternalUsage::DataStream | ExternalUsage::AliasDataStream)
    }

    pub fn keys_ignored(&self, topic: &str) -> bool {
        self.conversion.key_ignore || self.conversion.topic_key_ignore.iter().any(|name| name == topic)
    }

    pub fn schemas_ignored(&self, topic: &str) -> bool {
        self.conversion.schema_ignore || self.conversion.topic_schema_ignore.iter().any(|name| name == topic)
    }
}

#[cfg(test)]
mod tests {
    use connect_api::Config;

    use super::*;

    #[test]
    fn defaults_are_those_of_the_original() {
        let props: Props = [("connection.url".to_owned(), "localhost:9200".to_owned())].into_iter().collect();
        let config = ElasticsearchConfig::parse(&props).expect("only the servers are required");
        assert_eq!(config.batching.batch_size.get(), 2000);
        assert_eq!(config.batching.flush_timeout_ms.get(), 180_000);
        assert_eq!(config.conversion.null_values, NullValues::Fail);
        assert!(config.conversion.compact_maps);
        assert_eq!(config.stream.ty.name(), None);
        assert!(!config.to_data_streams());
    }

    #[test]
    fn every_setting_is_documented_in_sentences() {
        for key in ElasticsearchConfig::def().keys() {
            assert!(key.doc.ends_with('.'), "{}: {:?}", key.name, key.doc);
        }
    }
}
