//! The settings every connector has, whoever wrote it.

use connect_api::{Config, ConfigDef, Props, config, config::Problem, config::Setting, config_key};

use super::{
    ensure_version,
    parts::Named,
    report::{Definition, Report, Row, shown_value},
};
use crate::{
    config::{AtLeastOne, ExactlyOnceSource},
    plugins::{ConnectorPlugin, KAFKA_VERSION},
    rest::App,
    task::chain::names,
};

/// A connector's name.
#[derive(Clone, Debug)]
pub struct Name(pub String);

impl Setting for Name {
    const TYPE: config_key::ConfigType = config_key::ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Err(Problem::Because("String may not be empty".into()));
        }
        let control: Vec<String> = text.chars().filter(|c| c.is_control()).map(|c| u32::from(c).to_string()).collect();
        if control.is_empty() {
            return Ok(Self(text.to_owned()));
        }
        let chars = control.join(", ");
        Err(Problem::Because(format!(
            "String may not contain control sequences but had the following ASCII chars: {chars}"
        )))
    }
}

macro_rules! one_of {
    ($($(#[$about:meta])* $name:ident => [$($text:literal),+]),+ $(,)?) => {$(
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $name(pub String);
        impl Setting for $name {
            const TYPE: config_key::ConfigType = config_key::ConfigType::String;
            fn parse(text: &str) -> Result<Self, Problem> {
                if [$($text),+].contains(&text.trim()) {
                    return Ok(Self(text.trim().to_owned()));
                }
                Err(Problem::Because(format!("String must be one of: {}", [$($text),+].join(", "))))
            }
        }
    )+};
}
one_of! {
    /// `errors.tolerance`
    ToleranceText => ["none", "all"],
    /// `config.action.reload`
    Reload => ["none", "restart"],
}

macro_rules! enum_of {
    ($($(#[$about:meta])* $name:ident => [$($text:literal),+]),+ $(,)?) => {$(
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $name(pub String);
        impl Setting for $name {
            const TYPE: config_key::ConfigType = config_key::ConfigType::String;
            fn parse(text: &str) -> Result<Self, Problem> {
                let upper = text.trim().to_ascii_uppercase();
                if [$($text),+].contains(&upper.as_str()) {
                    return Ok(Self(upper));
                }
                Err(Problem::Because(format!("String must be one of (case insensitive): {}", [$($text),+].join(", "))))
            }
        }
    )+};
}
enum_of! {
    /// `exactly.once.support`
    Support => ["REQUIRED", "REQUESTED"],
    /// `transaction.boundary`
    Boundary => ["INTERVAL", "POLL", "CONNECTOR"],
}

/// The class of a plugin; whether there is one is asked elsewhere.
#[derive(Clone, Debug)]
pub struct ClassName(pub String);

impl Setting for ClassName {
    const TYPE: config_key::ConfigType = config_key::ConfigType::Class;
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(Self(text.trim().to_owned()))
    }
}

/// A list without repetitions.
#[derive(Clone, Debug)]
pub struct Aliases(pub Vec<String>);

impl Setting for Aliases {
    const TYPE: config_key::ConfigType = config_key::ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        Vec::<String>::parse(text).map(Self)
    }
}

/// A text that is not blank.
#[derive(Clone, Debug)]
pub struct NonEmpty(pub String);

impl Setting for NonEmpty {
    const TYPE: config_key::ConfigType = config_key::ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Err(Problem::Because("String must be non-empty".into()));
        }
        Ok(Self(text.to_owned()))
    }
}

config! {
    /// Settings of all connectors.
    pub struct CommonConfig {
        /// Globally unique name to use for this connector.
        #[config(key = "name", group = "Common", importance = High, display = "Connector name", width = Medium)]
        pub name: Name,
        /// Name or alias of the class for this connector.
        #[config(key = "connector.class", group = "Common", importance = High, display = "Connector class", width = Long)]
        pub class: String,
        /// Version of the connector.
        #[config(key = "connector.plugin.version", group = "Common", importance = Medium, display = "Connector version", width = Medium)]
        pub version: Option<String>,
        /// Maximum number of tasks to use for this connector.
        #[config(key = "tasks.max", group = "Common", importance = High, default = "1", display = "Tasks max", width = Short)]
        pub tasks_max: AtLeastOne,
        /// Whether a connector that makes more tasks than it may is refused.
        #[config(key = "tasks.max.enforce", group = "Common", importance = Low, default = "true", display = "Enforce tasks max", width = Short)]
        pub enforce: bool,
        /// Converter class for keys.
        #[config(key = "key.converter", group = "Common", importance = Low, display = "Key converter class", width = Short)]
        pub key_converter: Option<ClassName>,
        /// Version of the key converter.
        #[config(key = "key.converter.plugin.version", group = "Common", importance = Low, display = "Key converter version", width = Short)]
        pub key_converter_version: Option<String>,
        /// Converter class for values.
        #[config(key = "value.converter", group = "Common", importance = Low, display = "Value converter class", width = Short)]
        pub value_converter: Option<ClassName>,
        /// Version of the value converter.
        #[config(key = "value.converter.plugin.version", group = "Common", importance = Low, display = "Value converter version", width = Short)]
        pub value_converter_version: Option<String>,
        /// Converter class for headers.
        #[config(key = "header.converter", group = "Common", importance = Low, display = "Header converter class", width = Short)]
        pub header_converter: Option<ClassName>,
        /// Version of the header converter.
        #[config(key = "header.converter.plugin.version", group = "Common", importance = Low, display = "Header converter version", width = Short)]
        pub header_converter_version: Option<String>,
        /// Aliases for the transformations to be applied to records.
        #[config(key = "transforms", group = "Transforms", importance = Low, default = "", display = "Transforms", width = Long)]
        pub transforms: Aliases,
        /// Aliases for the predicates used by transformations.
        #[config(key = "predicates", group = "Predicates", importance = Low, default = "", display = "Predicates", width = Long)]
        pub predicates: Aliases,
        /// What to do when a value of a config provider changes.
        #[config(key = "config.action.reload", group = "Common", importance = Low, default = "restart", display = "Reload Action", width = Medium)]
        pub reload: Reload,
        /// How long a failed operation is tried again, in milliseconds; -1 without end.
        #[config(key = "errors.retry.timeout", group = "Error Handling", importance = Medium, default = "0", display = "Retry Timeout for Errors", width = Medium)]
        pub retry_timeout: i64,
        /// The longest pause between tries, in milliseconds.
        #[config(key = "errors.retry.delay.max.ms", group = "Error Handling", importance = Medium, default = "60000", display = "Maximum Delay Between Retries for Errors", width = Medium)]
        pub retry_delay_max: i64,
        /// Whether bad records fail the task (`none`) or are left out (`all`).
        #[config(key = "errors.tolerance", group = "Error Handling", importance = Medium, default = "none", display = "Error Tolerance", width = Short)]
        pub tolerance: ToleranceText,
        /// Whether each failure is logged.
        #[config(key = "errors.log.enable", group = "Error Handling", importance = Medium, default = "false", display = "Log Errors", width = Short)]
        pub log: bool,
        /// Whether the log line names the record.
        #[config(key = "errors.log.include.messages", group = "Error Handling", importance = Medium, default = "false", display = "Log Error Details", width = Short)]
        pub log_messages: bool,
    }
}

config! {
    /// Settings of all sinks.
    pub struct SinkFrameworkConfig {
        /// Topics to consume, separated by commas.
        #[config(key = "topics", group = "Common", importance = High, default = "", display = "Topics", width = Long)]
        pub topics: Aliases,
        /// Pattern of the topics to consume.
        #[config(key = "topics.regex", group = "Common", importance = High, default = "", display = "Topics regex", width = Long)]
        pub topics_regex: String,
        /// Topic for records that can't be processed.
        #[config(key = "errors.deadletterqueue.topic.name", group = "Error Handling", importance = Medium, default = "", display = "Dead Letter Queue Topic Name", width = Medium)]
        pub dlq: String,
        /// Replicas of that topic when it is created.
        #[config(key = "errors.deadletterqueue.topic.replication.factor", group = "Error Handling", importance = Medium, default = "3", display = "Dead Letter Queue Topic Replication Factor", width = Medium)]
        pub dlq_replicas: i16,
        /// Whether headers tell where and why a record failed.
        #[config(key = "errors.deadletterqueue.context.headers.enable", group = "Error Handling", importance = Medium, default = "false", display = "Enable Error Context Headers", width = Medium)]
        pub dlq_headers: bool,
    }
}

config! {
    /// Settings of all sources.
    pub struct SourceFrameworkConfig {
        /// Groups of settings for topics that the connector creates.
        #[config(key = "topic.creation.groups", group = "Topic Creation", importance = Low, default = "", display = "Topic Creation Groups", width = Long)]
        pub groups: Aliases,
        /// Whether exactly-once delivery is required.
        #[config(key = "exactly.once.support", group = "Exactly Once Support", importance = Medium, default = "requested", display = "Exactly once support", width = Short)]
        pub support: Support,
        /// Where transactions end.
        #[config(key = "transaction.boundary", group = "Exactly Once Support", importance = Medium, default = "poll", display = "Transaction Boundary", width = Short)]
        pub boundary: Boundary,
        /// Time between the ends of transactions when they end by time.
        #[config(key = "transaction.boundary.interval.ms", group = "Exactly Once Support", importance = Low, display = "Transaction boundary interval", width = Short)]
        pub interval: Option<i64>,
        /// Topic for the offsets of this connector alone.
        #[config(key = "offsets.storage.topic", group = "offsets.topic", importance = Low, display = "Offsets topic", width = Long)]
        pub offsets_topic: Option<NonEmpty>,
    }
}

/// The order of each key in its group, as the JVM numbers them.
fn orders(first: usize, def: &ConfigDef, version: &str) -> Vec<Definition> {
    let mut rows = Vec::new();
    for (at, key) in def.keys().iter().enumerate() {
        let order = match key.name {
            "topics" | "topics.regex" => 4,
            "errors.retry.timeout" | "topic.creation.groups" | "offsets.storage.topic" => 1,
            "errors.retry.delay.max.ms" | "exactly.once.support" => 2,
            "errors.tolerance" | "transaction.boundary" => 3,
            "errors.log.enable" | "transaction.boundary.interval.ms" => 4,
            "errors.log.include.messages" => 5,
            "errors.deadletterqueue.topic.name" => 6,
            "errors.deadletterqueue.topic.replication.factor" => 7,
            "errors.deadletterqueue.context.headers.enable" => 8,
            _ => first + at,
        };
        let mut row = Definition::of(key, i64::try_from(order).unwrap_or(-1));
        if key.name == "connector.plugin.version" {
            row.default = Some(version.to_owned());
        }
        rows.push(row);
    }
    rows
}

pub fn source_definitions(version: &str) -> Vec<Definition> {
    let mut rows = orders(1, CommonConfig::def(), version);
    rows.extend(orders(1, SourceFrameworkConfig::def(), version));
    rows
}

pub fn sink_definitions(version: &str) -> Vec<Definition> {
    let mut rows = orders(1, CommonConfig::def(), version);
    rows.extend(orders(1, SinkFrameworkConfig::def(), version));
    rows
}

/// Checks the framework's settings and the rules across them.
pub fn check(report: &mut Report, plugin: ConnectorPlugin, props: &Props, app: &App) {
    let (extra, definitions) = match plugin {
        ConnectorPlugin::Source(_) => (SourceFrameworkConfig::def(), source_definitions(plugin.version())),
        ConnectorPlugin::Sink(_) => (SinkFrameworkConfig::def(), sink_definitions(plugin.version())),
    };
    // The JVM takes blanks off whatever it reads.
    let trimmed: Props = props.iter().map(|(key, value)| (key.clone(), value.trim().to_owned())).collect();
    let values = CommonConfig::def().values(&trimmed).into_iter().chain(extra.values(&trimmed));
    for (mut definition, value) in definitions.into_iter().zip(values) {
        let inherited = in_force(&definition.name, plugin, app);
        definition.default = definition.default.or_else(|| inherited.clone());
        let shown = shown_value(value.value, &value.errors).or_else(|| inherited.clone());
        // Where there is one version there is one to recommend.
        let recommended: Vec<String> = match definition.name.as_str() {
            "key.converter" | "value.converter" => app.plugins.classes("converter"),
            "header.converter" => app.plugins.classes("header_converter"),
            name => inherited.into_iter().filter(|_| name.ends_with(".plugin.version")).collect(),
        };
        let mut errors = value.errors;
        if definition.name == "tasks.max" && errors.iter().any(|error| error.contains("Not a number")) {
            errors.push("Invalid value null for configuration tasks.max: Value must be non-null".into());
        }
        let name = definition.name.clone();
        let row = Row { definition: Some(definition), name, value: shown, recommended, errors, visible: true };
        report.add(about_converters(row, &trimmed, app));
    }
    lists(report, props);
    if let Some(range) = props.get("connector.plugin.version")
        && let Err(message) = ensure_version(plugin.class(), plugin.version(), range)
    {
        // The JVM finds it wrong twice: as a value, and when it looks for the plugin.
        report.error("connector.plugin.version", &message);
        report.error("connector.plugin.version", &message);
    }
    match plugin {
        ConnectorPlugin::Sink(_) => sink_rules(report, props, app),
        ConnectorPlugin::Source(_) => source_rules(report, props, app),
    }
}

/// A converter is shown by its full name, and has a version, where there is such a converter.
fn about_converters(mut row: Row, props: &Props, app: &App) -> Row {
    let setting = row.name.strip_suffix(".plugin.version").unwrap_or(&row.name).to_owned();
    let Some(class) = props.get(&setting).filter(|_| setting.ends_with(".converter")) else { return row };
    let is_version = setting != row.name;
    match Named::find(&setting, class, &app.plugins) {
        Named::Converter(class) if !is_version => row.value = Some(class.to_owned()),
        Named::Converter(_) => {}
        named if is_version => {
            row.value = None;
            row.recommended.clear();
            row.visible = matches!(named, Named::NoConverter);
        }
        Named::NoConverter => {}
        Named::Unknown => row.value = None,
    }
    row
}

/// What holds where the connector says nothing: the worker's converters, and the versions there are.
fn in_force(name: &str, plugin: ConnectorPlugin, app: &App) -> Option<String> {
    let config = &app.settings.config;
    let class = match name {
        "key.converter" => &config.key_converter,
        "value.converter" => &config.value_converter,
        "header.converter" => &config.header_converter,
        "connector.plugin.version" => return Some(plugin.version().to_owned()),
        name if name.ends_with(".plugin.version") => return Some(KAFKA_VERSION.to_owned()),
        _ => return None,
    };
    Some(class.clone())
}

/// Lists neither repeat themselves nor hold empty parts (4.2).
fn lists(report: &mut Report, props: &Props) {
    for key in ["transforms", "predicates", "topics", "topic.creation.groups"] {
        let Some(text) = props.get(key) else { continue };
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let mut seen = std::collections::HashSet::new();
        if parts.len() > 1 && parts.iter().any(|part| part.is_empty()) {
            report.error(key, &format!("Configuration '{key}' values must not be empty."));
        } else if !parts.iter().all(|part| seen.insert(*part)) {
            report.error(key, &format!("Configuration '{key}' values must not be duplicated."));
        }
    }
}

fn sink_rules(report: &mut Report, props: &Props, app: &App) {
    let text = |key: &str| props.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    let (topics, pattern, dlq) = (text("topics"), text("topics.regex"), text("errors.deadletterqueue.topic.name"));
    let both = |report: &mut Report, message: &str| {
        report.error("topics", message);
        report.error("topics.regex", message);
    };
    match (topics, pattern) {
        (Some(_), Some(_)) => both(report, "topics and topics.regex are mutually exclusive options, but both are set."),
        (None, None) => both(report, "Must configure one of topics or topics.regex"),
        (Some(_), None) => {
            if let Some(dlq) = dlq.filter(|dlq| names(props, "topics").any(|topic| topic == *dlq)) {
                let message = format!(
                    "The DLQ topic '{dlq}' may not be included in the list of topics ('topics={}') consumed by the connector",
                    format_args!("[{}]", names(props, "topics").collect::<Vec<_>>().join(", "))
                );
                report.error("topics", &message);
            }
        }
        (None, Some(pattern)) => match regex::Regex::new(&format!("^(?:{pattern})$")) {
            Ok(compiled) => {
                if let Some(dlq) = dlq.filter(|dlq| compiled.is_match(dlq)) {
                    let message = format!(
                        "The DLQ topic '{dlq}' may not be included in the regex matching topics ('topics.regex={pattern}') consumed by the connector"
                    );
                    report.error("topics.regex", &message);
                }
            }
            Err(error) => {
                report.error(
                    "topics.regex",
                    &format!("Invalid value {pattern} for configuration topics.regex: Invalid regex: {error}"),
                );
            }
        },
    }
    let group = text("consumer.override.group.id");
    if let Some(group) = group.filter(|group| app.settings.cluster().is_some_and(|own| own.group_id == *group)) {
        let message = format!("Consumer group id {group} conflicts with Connect worker group id {group}");
        report.error("consumer.override.group.id", &message);
    }
}

/// What only a cluster promises; a worker that is alone takes no notice of the settings, as the JVM's.
fn source_rules(report: &mut Report, props: &Props, app: &App) {
    let Some(cluster) = app.settings.cluster() else { return };
    let is = |key: &str, word: &str| props.get(key).is_some_and(|text| text.trim().eq_ignore_ascii_case(word));
    if is("exactly.once.support", "required") && cluster.exactly_once != ExactlyOnceSource::Enabled {
        report.error("exactly.once.support", "This worker does not have exactly-once source support enabled.");
    }
    if is("transaction.boundary", "connector") {
        report.error(
            "transaction.boundary",
            "The connector does not support connector-defined transaction boundaries with the given configuration. Please \
             reconfigure it to use a different transaction boundary definition.",
        );
    }
}
