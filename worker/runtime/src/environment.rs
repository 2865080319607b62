//! A worker's properties from environment variables, as the images of Confluent and Debezium take them.
//!
//! Confluent's: `CONNECT_GROUP_ID` is `group.id`; two underscores stand for one, three for a dash. Debezium's has names of
//! its own for the most needed ones beside that, defaults for them, and lets them go before their `CONNECT_` twins.
//! Variables for the JVM (`KAFKA_HEAP_OPTS`, `CLASSPATH`) have no meaning here. (Invariant 8: notes name variables only.)

use std::collections::BTreeMap;

use connect_api::Props;

use crate::logging;

const PREFIX: &str = "CONNECT_";
const LOGIN_FILE: &str = "-Djava.security.auth.login.config=";

/// Variables of Debezium's image, with what each sets, and its default where the image has one.
const DEBEZIUM: &[(&str, &str, Option<&str>)] = &[
    ("BOOTSTRAP_SERVERS", "bootstrap.servers", None),
    ("GROUP_ID", "group.id", Some("1")),
    ("CONFIG_STORAGE_TOPIC", "config.storage.topic", None),
    ("OFFSET_STORAGE_TOPIC", "offset.storage.topic", None),
    ("KEY_CONVERTER", "key.converter", Some("org.apache.kafka.connect.json.JsonConverter")),
    ("VALUE_CONVERTER", "value.converter", Some("org.apache.kafka.connect.json.JsonConverter")),
    ("REST_HOST_NAME", "rest.host.name", None),
    ("REST_PORT", "rest.port", None),
    ("ADVERTISED_HOST_NAME", "rest.advertised.host.name", None),
    ("ADVERTISED_PORT", "rest.advertised.port", Some("8083")),
    ("OFFSET_FLUSH_INTERVAL_MS", "offset.flush.interval.ms", Some("60000")),
    ("OFFSET_FLUSH_TIMEOUT_MS", "offset.flush.timeout.ms", Some("5000")),
    ("SHUTDOWN_TIMEOUT", "task.shutdown.graceful.timeout.ms", Some("10000")),
];

/// What that image's properties file says where no variable does.
const DEBEZIUM_FILE: &[(&str, &str)] = &[
    ("status.storage.topic", "connect-status"),
    ("config.storage.replication.factor", "1"),
    ("offset.storage.replication.factor", "1"),
    ("status.storage.replication.factor", "1"),
];

/// What the environment says, and what to tell the user about it once there is a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub props: Props,
    pub notes: Vec<String>,
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let mut environment = Self::of(std::env::vars_os().filter_map(text));
        if let Ok(options) = std::env::var("KAFKA_OPTS") {
            environment.add_login_file(&options);
        }
        environment
    }

    /// Images were told their login by a file for the JVM, before properties could say it.
    fn add_login_file(&mut self, options: &str) {
        let named = options.split_whitespace().find_map(|option| option.strip_prefix(LOGIN_FILE));
        let Some(path) = named.filter(|_| !self.props.contains_key("sasl.jaas.config")) else { return };
        match std::fs::read_to_string(path).map(|text| client_section(&text)) {
            Ok(Some(line)) => drop(self.props.insert("sasl.jaas.config".into(), line)),
            Ok(None) => self.notes.push(format!("{path}, which KAFKA_OPTS names, has no section KafkaClient")),
            Err(error) => self.notes.push(format!("could not read {path}, which KAFKA_OPTS names: {error}")),
        }
    }

    /// Reads variables; in which of the two ways is decided by whose names are there.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        let mut environment = Self::default();
        for (name, value) in &variables {
            if let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| !is_for_the_image(rest)) {
                environment.props.insert(property(rest), value.clone());
            }
        }
        let said = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let own = ["BOOTSTRAP_SERVERS", "CONFIG_STORAGE_TOPIC", "OFFSET_STORAGE_TOPIC"];
        if own.into_iter().any(|name| said(name).is_some()) && !variables.contains_key("CONNECT_BOOTSTRAP_SERVERS") {
            environment.add_debezium(&variables);
        }
        if let Some(log) = log_directives(&variables) {
            environment.props.entry("millrace.log".into()).or_insert(log);
        }
        environment
    }

    fn add_debezium(&mut self, variables: &BTreeMap<String, String>) {
        for (name, key, default) in DEBEZIUM {
            let said = variables.get(*name).map(String::as_str).filter(|value| !value.is_empty());
            let Some(value) = said.or(*default) else { continue };
            let twin = self.props.insert((*key).to_owned(), value.to_owned());
            if twin.is_some_and(|twin| twin != value) {
                self.notes.push(format!(
                    "{PREFIX}{} is not read beside BOOTSTRAP_SERVERS, as in Debezium's image; set {name}",
                    key.replace('.', "_").to_ascii_uppercase()
                ));
            }
        }
        let status = variables.get("STATUS_STORAGE_TOPIC").filter(|topic| !topic.is_empty());
        if let Some(topic) = status {
            self.props.insert("status.storage.topic".into(), topic.clone());
        }
        for (key, value) in DEBEZIUM_FILE {
            self.props.entry((*key).to_owned()).or_insert_with(|| (*value).to_owned());
        }
        let unread = variables.keys().filter(|name| {
            let known = DEBEZIUM.iter().any(|(known, _, _)| known == name) || *name == "STATUS_STORAGE_TOPIC";
            !known && crate::config::is_read(&property(name)) && !name.starts_with(PREFIX)
        });
        let unread = unread.map(|name| format!("{name} is not read, as in Debezium's image; set {PREFIX}{name}"));
        self.notes.extend(unread);
    }
}

/// What a file of Java logins says for clients of Kafka: `KafkaClient { module required option="value"; };`
fn client_section(text: &str) -> Option<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let (_, rest) = text.split_once("KafkaClient")?;
    let rest = rest.trim_start().strip_prefix('{')?;
    // Of several modules the first one is the login; its options end at the first semicolon outside of quotes.
    let mut quote = None;
    let end = rest.char_indices().find_map(|(at, c)| {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (';', None) => return Some(at),
            _ => {}
        }
        None
    })?;
    Some(format!("{};", rest[..end].trim()))
}

/// Variables that steer the image itself: its log, and its waiting for Kafka.
fn is_for_the_image(rest: &str) -> bool {
    rest.is_empty() || ["LOG4J_", "CUB_", "JMX_"].iter().any(|prefix| rest.starts_with(prefix))
}

/// The property that a variable sets, its prefix taken off.
fn property(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let mut property = String::with_capacity(lower.len());
    let mut rest = lower.as_str();
    while let Some(c) = rest.chars().next() {
        let (written, length) = match rest.len() - rest.trim_start_matches('_').len() {
            0 => (c, c.len_utf8()),
            1 => ('.', 1),
            2 => ('_', 2),
            _ => ('-', 3),
        };
        property.push(written);
        rest = &rest[length..];
    }
    property
}

/// Log levels in our words: `CONNECT_LOG4J_ROOT_LOGLEVEL` or `LOG_LEVEL`, and `CONNECT_LOG4J_LOGGERS` as `name=LEVEL,...`.
fn log_directives(variables: &BTreeMap<String, String>) -> Option<String> {
    let root = ["CONNECT_LOG4J_ROOT_LOGLEVEL", "CONNECT_LOG4J_ROOTLOGGER", "LOG_LEVEL"]
        .iter()
        .find_map(|name| variables.get(*name).and_then(|text| logging::directive(text)));
    let loggers = variables.get("CONNECT_LOG4J_LOGGERS").map(String::as_str).unwrap_or_default();
    let of_logger = |pair: &str| {
        let (name, level) = pair.split_once('=')?;
        Some(format!("{}={}", logging::target(name.trim()), logging::directive(level)?))
    };
    let loggers: Vec<String> = loggers.split(',').filter_map(of_logger).collect();
    if root.is_none() && loggers.is_empty() {
        return None;
    }
    let root = root.unwrap_or_else(|| "info".into());
    Some(std::iter::once(root).chain(loggers).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn check(variables: &[(&str, &str)], expected: &[(&str, &str)], notes: &[&str]) {
        let environment = read(variables);
        let mut found: Vec<(&str, &str)> =
            environment.props.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(environment.notes, notes);
    }

    #[test]
    fn variables_of_confluents_image_are_properties() {
        check(
            &[
                ("CONNECT_GROUP_ID", "g"),
                ("CONNECT_CONFIG_PROVIDERS_MY__FILE_CLASS", "x.Y"),
                ("CONNECT_A___B_C", "d"),
                ("CONNECT_CUB_KAFKA_TIMEOUT", "300"),
                ("CONNECT_LOG4J_APPENDER_STDOUT_LAYOUT_CONVERSIONPATTERN", "%m"),
                ("KAFKA_HEAP_OPTS", "-Xmx1g"),
                ("CLASSPATH", "/x.jar"),
                ("GROUP_ID", "another program's"),
            ],
            &[("a-b.c", "d"), ("config.providers.my_file.class", "x.Y"), ("group.id", "g")],
            &[],
        );
    }

    #[test]
    fn variables_of_debezium_go_before_their_twins_and_have_its_defaults() {
        const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
        check(
            &[
                ("BOOTSTRAP_SERVERS", "k:9092"),
                ("CONFIG_STORAGE_TOPIC", "c"),
                ("OFFSET_STORAGE_TOPIC", "o"),
                ("CONNECT_KEY_CONVERTER", "x.Avro"),
                ("CONNECT_STATUS_STORAGE_TOPIC", "s"),
                ("CONNECT_STATUS_STORAGE_REPLICATION_FACTOR", "2"),
                ("STATUS_STORAGE_REPLICATION_FACTOR", "3"),
                ("HOME", "/root"),
            ],
            &[
                ("bootstrap.servers", "k:9092"),
                ("config.storage.replication.factor", "1"),
                ("config.storage.topic", "c"),
                ("group.id", "1"),
                ("key.converter", JSON),
                ("offset.flush.interval.ms", "60000"),
                ("offset.flush.timeout.ms", "5000"),
                ("offset.storage.replication.factor", "1"),
                ("offset.storage.topic", "o"),
                ("rest.advertised.port", "8083"),
                ("status.storage.replication.factor", "2"),
                ("status.storage.topic", "s"),
                ("task.shutdown.graceful.timeout.ms", "10000"),
                ("value.converter", JSON),
            ],
            &[
                "CONNECT_KEY_CONVERTER is not read beside BOOTSTRAP_SERVERS, as in Debezium's image; set KEY_CONVERTER",
                "STATUS_STORAGE_REPLICATION_FACTOR is not read, as in Debezium's image; set \
                 CONNECT_STATUS_STORAGE_REPLICATION_FACTOR",
            ],
        );
    }

    #[test]
    fn log_levels_are_said_in_our_words() {
        let log = |variables: &[(&str, &str)]| read(variables).props.get("millrace.log").cloned();
        assert_eq!(
            log(&[
                ("CONNECT_LOG4J_ROOT_LOGLEVEL", "WARN"),
                ("CONNECT_LOG4J_LOGGERS", "org.apache.kafka.connect=DEBUG, org.reflections=ERROR,broken"),
            ])
            .as_deref(),
            Some("warn,connect_runtime=debug,org::reflections=error")
        );
        assert_eq!(log(&[("LOG_LEVEL", "INFO, stdout")]).as_deref(), Some("info"));
        assert_eq!(log(&[("CONNECT_LOG4J_LOGGERS", "io.debezium=ALL")]).as_deref(), Some("info,connect_cdc=trace"));
        assert_eq!(log(&[("LOG_LEVEL", "loud")]), None);
    }

    #[test]
    fn a_login_file_of_java_is_read() {
        let path = std::env::temp_dir().join(format!("jaas-{}.conf", std::process::id()));
        let file = "Client { x.Digest required a=\"b\"; };\n// KafkaClient {\nKafkaClient {\n  x.PlainLoginModule required\n  \
                    username=\"u\"\n  password=\"p;}\";\n};\n";
        std::fs::write(&path, file).expect("a temporary file");
        let options = format!("-Xmx1g {LOGIN_FILE}{} -Dx=y", path.display());
        let mut environment = Environment::default();
        environment.add_login_file(&options);
        let line = environment.props.get("sasl.jaas.config").map(String::as_str);
        assert_eq!(line, Some("x.PlainLoginModule required\n  username=\"u\"\n  password=\"p;}\";"));
        environment.props.insert("sasl.jaas.config".into(), "given".into());
        environment.add_login_file(&options);
        assert_eq!(environment.props["sasl.jaas.config"], "given");
        std::fs::remove_file(path).expect("the file is ours");

        let mut environment = Environment::default();
        environment.add_login_file(&format!("{LOGIN_FILE}/no/such"));
        let missing = "could not read /no/such, which KAFKA_OPTS names: No such file or directory (os error 2)";
        assert_eq!((environment.props.len(), environment.notes), (0, vec![missing.to_owned()]));
    }
}
