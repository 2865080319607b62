//! Settings of both connectors, and the rules across them.

mod connection;
mod events;
mod history;
mod value;
mod values;
mod work;

use connect_api::config::Setting;
use connect_api::{Config, ConfigError, Error, Password, Props};
use connect_cdc::filter::{NameFilter, RegexList, TableFilter};
use connect_cdc::mask::MaskRule;
use connect_cdc::naming::{NameAdjustment, TopicNames};
use connect_cdc::snapshot::ConfigurationBased;

pub use connection::{MariaDbConnection, MySqlConnection};
pub use events::EventSettings;
pub use history::HistorySettings;
pub use value::ValueSettings;
pub use values::{GuardrailAction, InconsistentSchema, LockingMode, MariaDbSslMode, MySqlSslMode, RowCountOrder};
pub use work::WorkSettings;

use crate::decode::Options;
use values::ServerId;

connect_api::config! {
    /// Settings of the MySQL connector.
    #[style = Debezium]
    pub struct MySqlConfig {
        #[config(flatten)]
        pub connection: MySqlConnection,
        #[config(flatten)]
        pub shared: SharedConfig,
    }
}

connect_api::config! {
    /// Settings of the MariaDB connector.
    #[style = Debezium]
    pub struct MariaDbConfig {
        #[config(flatten)]
        pub connection: MariaDbConnection,
        #[config(flatten)]
        pub shared: SharedConfig,
    }
}

connect_api::config! {
    /// Settings that both connectors have.
    #[style = Debezium]
    pub struct SharedConfig {
        #[config(flatten)]
        pub work: WorkSettings,
        #[config(flatten)]
        pub values: ValueSettings,
        #[config(flatten)]
        pub history: HistorySettings,
        #[config(flatten)]
        pub events: EventSettings,
        #[config(prefix = "snapshot.select.statement.overrides.")]
        pub select_overrides: Props,
        #[config(prefix = "column.mask.")]
        pub masks: Props,
        #[config(prefix = "column.truncate.")]
        pub truncations: Props,
        #[config(prefix = "key.converter")]
        pub key_converter: Props,
        #[config(prefix = "value.converter")]
        pub value_converter: Props,
    }
}

/// How the connection is encrypted, in the words of neither server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Off,
    IfPossible,
    /// Encrypted, whoever the server is.
    Trusting,
    VerifyAuthority,
    VerifyHost,
}

/// Where the server is and how to log in; the same for both servers.
#[derive(Clone, Debug)]
pub struct Server {
    pub mariadb: bool,
    pub prefix: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Password>,
    pub tls: Tls,
    pub trusted: Option<String>,
    pub identity: Option<String>,
    pub initial_statements: Vec<String>,
    pub server_id: u32,
    /// Nobody gave the server id, as Debezium 1 allowed.
    pub server_id_chosen: bool,
}

/// All settings of a task.
#[derive(Clone, Debug)]
pub struct Settings {
    pub server: Server,
    pub shared: SharedConfig,
}

macro_rules! server {
    ($config:expr, $mariadb:literal, $tls:expr) => {{
        let connection = $config.connection;
        Server {
            mariadb: $mariadb,
            prefix: connection.prefix.0,
            host: connection.hostname.0,
            port: connection.port,
            user: connection.user,
            password: connection.password,
            tls: $tls,
            trusted: connection.ssl_truststore,
            identity: connection.ssl_keystore,
            initial_statements: statements(connection.initial_statements.as_deref().unwrap_or_default()),
            server_id: connection.server_id.number(),
            server_id_chosen: matches!(connection.server_id, ServerId::Chosen),
        }
    }};
}

impl From<MySqlConfig> for Settings {
    fn from(config: MySqlConfig) -> Self {
        let tls = match config.connection.ssl_mode {
            MySqlSslMode::Disabled => Tls::Off,
            MySqlSslMode::Preferred => Tls::IfPossible,
            MySqlSslMode::Required => Tls::Trusting,
            MySqlSslMode::VerifyCa => Tls::VerifyAuthority,
            MySqlSslMode::VerifyIdentity => Tls::VerifyHost,
        };
        Self { shared: config.shared, server: server!(config, false, tls) }
    }
}

impl From<MariaDbConfig> for Settings {
    fn from(config: MariaDbConfig) -> Self {
        let tls = match config.connection.ssl_mode {
            MariaDbSslMode::Disable => Tls::Off,
            MariaDbSslMode::Trust => Tls::Trusting,
            MariaDbSslMode::VerifyCa => Tls::VerifyAuthority,
            MariaDbSslMode::VerifyFull => Tls::VerifyHost,
        };
        Self { shared: config.shared, server: server!(config, true, tls) }
    }
}

/// Statements between semicolons; two of them are one that belongs to its statement.
fn statements(text: &str) -> Vec<String> {
    let parts = text.replace(";;", "\u{0}");
    let parts = parts.split(';').map(|part| part.replace('\u{0}', ";").trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// Databases of the server itself.
const BUILTIN: &[&str] = &["mysql", "performance_schema", "sys", "information_schema"];

impl Settings {
    pub fn connector(&self) -> &'static str {
        if self.server.mariadb { "mariadb" } else { "mysql" }
    }

    pub fn table_filter(&self) -> TableFilter {
        let events = &self.shared.events;
        TableFilter {
            databases: NameFilter {
                include: events.database_include.clone(),
                exclude: events.database_exclude.clone(),
            },
            tables: NameFilter { include: events.table_include.clone(), exclude: events.table_exclude.clone() },
            builtin: if events.ignore_builtin { BUILTIN } else { &[] },
        }
    }

    pub fn column_filter(&self) -> NameFilter {
        let events = &self.shared.events;
        NameFilter { include: events.column_include.clone(), exclude: events.column_exclude.clone() }
    }

    /// Rules that hide or cut the values of columns, with the columns they are for.
    pub fn mask_rules(&self) -> Result<Vec<(RegexList, MaskRule)>, Error> {
        let masks = self.shared.masks.iter().map(|(name, columns)| (format!("column.mask.{name}"), columns));
        let cuts = self.shared.truncations.iter().map(|(name, columns)| (format!("column.truncate.{name}"), columns));
        let rule = |(name, columns): (String, &String)| {
            let rule = MaskRule::parse(&name)?.map_err(Error::config);
            let columns = RegexList::parse(columns).map_err(|_| {
                Error::config(format!("{columns} is no list of columns to be masked: expressions are expected"))
            });
            Some(rule.and_then(|rule| Ok((columns?, rule))))
        };
        masks.chain(cuts).filter_map(rule).collect()
    }

    pub fn topic_names(&self) -> TopicNames {
        let SharedConfig { values, events, .. } = &self.shared;
        TopicNames {
            prefix: self.server.prefix.clone(),
            delimiter: values.topic_delimiter.clone(),
            heartbeat_prefix: events.heartbeat_prefix.clone(),
            heartbeat_name: values.heartbeat_name.clone(),
            transaction: values.topic_transaction.clone(),
        }
    }

    /// Avro takes fewer names than databases do, so its converters change the default.
    pub fn field_names(&self) -> NameAdjustment {
        let avro = |props: &Props| props.get("").is_some_and(|class| class.ends_with(".AvroConverter"));
        let avro = avro(&self.shared.key_converter) || avro(&self.shared.value_converter);
        let default = if avro { NameAdjustment::Avro } else { NameAdjustment::None };
        self.shared.values.field_names.unwrap_or(default)
    }

    pub fn configuration_based(&self) -> ConfigurationBased {
        let work = &self.shared.work;
        ConfigurationBased {
            data: work.based_data,
            schema: work.based_schema,
            stream: work.based_stream,
            on_schema_error: work.based_on_schema_error,
            on_data_error: work.based_on_data_error,
        }
    }

    pub fn decode_options(&self) -> Options {
        let SharedConfig { values, events, .. } = &self.shared;
        Options {
            decimal: values.decimal,
            time: values.time_precision,
            binary: values.binary,
            bigint_unsigned: values.bigint_unsigned,
            adjust_years: values.adjust_years,
            converting_failure: values.converting_failure,
            comments: events.schema_comments,
        }
    }

    /// Kafka client properties of the schema history, by their names without prefix.
    pub fn history_client(&self) -> Props {
        let history = &self.shared.history;
        let mut client = Props::new();
        if let Some(servers) = &history.bootstrap_servers {
            client.insert("bootstrap.servers".into(), servers.clone());
        }
        for (key, value) in history.old_properties.iter().chain(&history.properties) {
            if key.starts_with("producer.") || key.starts_with("consumer.") {
                client.insert(key.clone(), value.clone());
            }
        }
        client
    }
}

/// Rules across settings.
pub(crate) fn rules(shared: &SharedConfig) -> Vec<ConfigError> {
    let events = &shared.events;
    let mut errors = Vec::new();
    let mut wrong = |key: &str, reason: &str| {
        errors.push(ConfigError::new(key, format!("The '{key}' value is invalid: {reason}")));
    };
    let pairs = [
        ("database", events.database_include.is_empty(), events.database_exclude.is_empty()),
        ("table", events.table_include.is_empty(), events.table_exclude.is_empty()),
        ("column", events.column_include.is_empty(), events.column_exclude.is_empty()),
    ];
    for (name, no_include, no_exclude) in pairs {
        if !no_include && !no_exclude {
            wrong(&format!("{name}.exclude.list"), &format!("\"{name}.include.list\" is already specified"));
        }
    }
    if !events.gtid_includes.is_empty() && !events.gtid_excludes.0.is_empty() {
        wrong("gtid.source.excludes", "Cannot specify GTID excludes when includes are provided.");
    }
    if shared.work.max_queue_size.0 <= shared.work.max_batch_size.0 {
        wrong("max.queue.size", "Must be larger than the maximum batch size");
    }
    errors
}

/// What is known of a setting, for tests of the manual.
pub fn definition(mariadb: bool) -> &'static connect_api::ConfigDef {
    if mariadb { MariaDbConfig::def() } else { MySqlConfig::def() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(pairs: &[(&str, &str)]) -> Props {
        let needed =
            [("topic.prefix", "srv"), ("database.hostname", "db"), ("database.user", "u"), ("database.server.id", "7")];
        needed.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn names_of_version_1_are_read() {
        let mut old = props(&[
            ("database.server.name", "old"),
            ("table.whitelist", "a.b"),
            ("database.history.kafka.topic", "h"),
            ("database.history.producer.acks", "1"),
        ]);
        old.shift_remove("topic.prefix");
        let settings = Settings::from(MySqlConfig::parse(&old).expect("the settings are right"));
        assert_eq!(settings.server.prefix, "old");
        assert!(settings.shared.events.table_include.matches("a.b"));
        assert_eq!(settings.shared.history.topic.as_deref(), Some("h"));
        assert_eq!(settings.history_client().get("producer.acks").map(String::as_str), Some("1"));
    }

    #[test]
    fn version_1_chose_a_server_id_where_none_was_given() {
        let mut given = props(&[]);
        given.shift_remove("database.server.id");
        let errors = MySqlConfig::parse(&given).expect_err("since version 2 it must be given");
        let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages, ["The 'database.server.id' value is invalid: A value is required"]);
        let prefix = given.shift_remove("topic.prefix").expect("it is among those needed");
        given.insert("database.server.name".into(), prefix);
        let server = Settings::from(MySqlConfig::parse(&given).expect("version 1 took it")).server;
        assert!((5400..6400).contains(&server.server_id) && server.server_id_chosen, "{server:?}");
        given.insert("database.server.id".into(), "7".into());
        let server = Settings::from(MySqlConfig::parse(&given).expect("the settings are right")).server;
        assert_eq!((server.server_id, server.server_id_chosen), (7, false));
    }

    #[test]
    fn include_and_exclude_lists_rule_each_other_out() {
        let given = props(&[("table.include.list", "a.b"), ("table.exclude.list", "a.c"), ("max.queue.size", "5")]);
        let config = MySqlConfig::parse(&given).expect("each setting is right by itself");
        let messages: Vec<String> = rules(&config.shared).into_iter().map(|error| error.message).collect();
        assert_eq!(
            messages,
            [
                "The 'table.exclude.list' value is invalid: \"table.include.list\" is already specified",
                "The 'max.queue.size' value is invalid: Must be larger than the maximum batch size",
            ]
        );
    }

    #[test]
    fn wrong_settings_are_named_in_debeziums_words() {
        let errors =
            MySqlConfig::parse(&props(&[("max.batch.size", "0"), ("snapshot.mode", "x"), ("database.ssl.mode", "y")]))
                .expect_err("three settings are wrong");
        let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages.contains(
            &"The 'database.ssl.mode' value is invalid: Value must be one of disabled, preferred, required, verify_ca, \
              verify_identity"
        ));
    }

    #[test]
    fn a_password_is_never_printed() {
        let config = MySqlConfig::parse(&props(&[("database.password", "s3cret")])).expect("the settings are right");
        assert!(!format!("{:?}", Settings::from(config)).contains("s3cret"));
    }

    #[test]
    fn initial_statements_are_parted_by_semicolons() {
        assert_eq!(statements("SET a=1; SET b=';;';"), ["SET a=1", "SET b=';'"]);
    }
}
