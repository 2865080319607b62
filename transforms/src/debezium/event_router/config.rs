//! Settings of `EventRouter`.

use connect_api::{Props, Result, Str, config, plugin, setting_enum};

use crate::{
    debezium::settings,
    hidden,
    java_regex::{JavaRegex, Replacement},
};

config! {
    /// Settings of `EventRouter`.
    pub(crate) struct EventRouterConfig {
        /// The column with the event's id, which becomes the header id.
        #[config(key = "table.field.event.id", group = "Table", importance = Low, default = "id", display = "Event ID Field", width = Medium)]
        pub(super) id: String,
        /// The column that becomes the record's key.
        #[config(key = "table.field.event.key", group = "Table", importance = Low, default = "aggregateid", display = "Event Key Field", width = Medium)]
        pub(super) key: String,
        /// The column with the event's type.
        #[config(key = "table.field.event.type", group = "Table", importance = Low, default = "type", display = "Event Type Field", width = Medium)]
        pub(super) event_type: String,
        /// The column that becomes the record's value.
        #[config(key = "table.field.event.payload", group = "Table", importance = Low, default = "payload", display = "Event Payload Field", width = Medium)]
        pub(super) payload: String,
        /// The column that becomes the record's timestamp; the time of the change where it is not given.
        #[config(key = "table.field.event.timestamp", group = "Table", importance = Medium, display = "Event Timestamp Field", width = Medium)]
        pub(super) timestamp: Option<String>,
        /// More columns to take, as column:header, column:envelope or column:partition, each with an optional new name
        /// after one more colon.
        #[config(key = "table.fields.additional.placement", group = "Table", importance = High, display = "Settings for each additional column in the outbox table", width = Medium)]
        pub(super) placements: Option<Vec<String>>,
        /// Whether a column to take that is missing is an error.
        #[config(key = "table.field.additional.missing", group = "Table", importance = Medium, default = "error", display = "Behavior when an additional field is missing in the change data", width = Medium)]
        pub(super) missing: String,
        /// The column with the version of the envelope's schema.
        #[config(key = "table.field.event.schema.version", group = "Table", importance = Low, display = "Event Schema Version Field", width = Medium)]
        pub(super) version: Option<String>,
        /// What to do about an update of the outbox table, which nobody should make: warn, error (both skip it), fatal.
        #[config(key = "table.op.invalid.behavior", group = "Table", importance = Medium, default = "warn", display = "Behavior when capturing an unexpected outbox event", width = Medium)]
        pub(super) invalid_operation: String,
        /// Whether a payload that is JSON becomes a struct.
        #[config(key = "table.expand.json.payload", group = "Table", importance = Medium, default = "false", display = "Expand Payload escaped string as real JSON", width = Medium)]
        pub(super) expand: bool,
        /// What becomes of nulls in JSON: ignore leaves them out, optional_bytes keeps them.
        #[config(key = "table.json.payload.null.behavior", group = "Table", importance = Medium, default = "ignore", display = "Behavior when json payload including null value", width = Medium)]
        pub(super) json_nulls: String,
        /// The column that tells the topic.
        #[config(key = "route.by.field", group = "Router", importance = High, default = "aggregatetype", display = "Field to route events by", width = Medium)]
        pub(super) route_by: String,
        /// The regular expression that the column's text must match.
        #[config(key = "route.topic.regex", group = "Router", importance = Low, default = "(?<routedByValue>.*)", display = "The name of the routed topic", width = Medium)]
        pub(super) route_regex: String,
        /// The topic; $1 and ${name} stand for groups of the match.
        #[config(key = "route.topic.replacement", group = "Router", importance = High, default = "outbox.event.${routedByValue}", display = "The name of the routed topic", width = Medium)]
        pub(super) route_replacement: String,
        /// Whether an empty payload becomes a tombstone.
        #[config(key = "route.tombstone.on.empty.payload", group = "Router", importance = High, default = "false", display = "Empty payloads cause a tombstone message", width = Medium)]
        pub(super) tombstones: bool,
        /// The column with the context of a trace. Accepted; this worker writes no traces.
        #[config(key = "tracing.span.context.field", group = "Tracing", importance = High, default = "tracingspancontext", display = "Serialized tracing span context field", width = Medium)]
        pub(super) tracing_field: String,
        /// The name of the traced operation. Accepted; this worker writes no traces.
        #[config(key = "tracing.operation.name", group = "Tracing", importance = High, default = "debezium-read", display = "Tracing operation name", width = Medium)]
        pub(super) tracing_name: String,
        /// Whether only events with a context are traced. Accepted; this worker writes no traces.
        #[config(key = "tracing.with.context.field.only", group = "Tracing", importance = High, default = "false", display = "Trace only events with context field present", width = Medium)]
        pub(super) tracing_only: bool,
    }
}

setting_enum! {
    /// What to do about an update of the outbox table.
    pub(crate) enum InvalidOperation { #[default] Warn = "warn", Error = "error", Fatal = "fatal" }
}

/// Where a column goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Header,
    Envelope,
    Partition,
}

/// A further column to take, and the name that it gets.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) field: Str,
    pub(crate) place: Place,
    pub(crate) name: Str,
}

/// Names of settings that tables and collections have under different ones.
pub(crate) struct Names {
    pub(crate) placements: &'static str,
    pub(crate) missing: &'static str,
}

const TABLE: Names =
    Names { placements: "table.fields.additional.placement", missing: "table.field.additional.missing" };

/// What the settings come to.
pub(crate) struct Settings {
    pub(crate) id: Str,
    pub(crate) key: Str,
    pub(crate) payload: Str,
    pub(crate) timestamp: Option<Str>,
    pub(crate) version: Option<Str>,
    pub(crate) placements: Vec<Placement>,
    pub(crate) missing_is_error: bool,
    pub(crate) invalid_operation: InvalidOperation,
    pub(crate) expand: bool,
    pub(crate) keep_json_nulls: bool,
    pub(crate) route_by: Str,
    pub(crate) route_regex: JavaRegex,
    pub(crate) route_replacement: Replacement,
    pub(crate) tombstones: bool,
}

impl Settings {
    pub(crate) fn new(props: &Props) -> Result<Self> {
        Self::of(plugin::parse(props)?, props, &TABLE)
    }

    /// The settings under these names.
    pub(crate) fn of(config: EventRouterConfig, props: &Props, names: &Names) -> Result<Self> {
        let missing = [("ignore", false), ("error", true)];
        let nulls = [("ignore", false), ("optional_bytes", true)];
        let operations =
            [("warn", InvalidOperation::Warn), ("error", InvalidOperation::Error), ("fatal", InvalidOperation::Fatal)];
        let key = "route.topic.regex";
        let regex = JavaRegex::new(&config.route_regex).map_err(|why| {
            let reason = format!("A valid regular expressions is expected, but {why}");
            settings::invalid(key, Some(&config.route_regex), &reason)
        })?;
        let optional = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Str::from);
        let settings = Self {
            id: config.id.into(),
            key: config.key.into(),
            payload: config.payload.into(),
            timestamp: optional(config.timestamp),
            version: optional(config.version),
            placements: placements(props, names.placements, config.placements.unwrap_or_default())?,
            missing_is_error: settings::choice(props, names.missing, &config.missing, &missing)?,
            invalid_operation: settings::choice(
                props,
                "table.op.invalid.behavior",
                &config.invalid_operation,
                &operations,
            )?,
            expand: config.expand,
            keep_json_nulls: settings::choice(props, "table.json.payload.null.behavior", &config.json_nulls, &nulls)?,
            route_by: config.route_by.into(),
            route_regex: regex,
            route_replacement: Replacement::new(&config.route_replacement),
            tombstones: config.tombstones,
        };
        settings.with_old_names(props)
    }

    /// Settings that versions 1 and 2 had under other names.
    fn with_old_names(mut self, props: &Props) -> Result<Self> {
        if hidden::strict(props)? {
            return Ok(self);
        }
        let old = |old: &'static str, new: &str| {
            let given = props.get(old).map(String::as_str).filter(|_| !props.contains_key(new));
            if given.is_some() {
                tracing::warn!("{old} of EventRouter is honoured as in older versions; {new} takes its place");
            }
            given
        };
        if old("debezium.op.invalid.behavior", "table.op.invalid.behavior").is_some() {
            self.invalid_operation = hidden::setting(props, "debezium.op.invalid.behavior")?.unwrap_or_default();
        }
        if old("table.fields.additional.error.on.missing", "table.field.additional.missing").is_some() {
            self.missing_is_error = hidden::flag(props, "table.fields.additional.error.on.missing", true)?;
        }
        Ok(self)
    }
}

fn placements(props: &Props, key: &str, texts: Vec<String>) -> Result<Vec<Placement>> {
    let given = props.get(key).map(String::as_str);
    let places = [("header", Place::Header), ("envelope", Place::Envelope), ("partition", Place::Partition)];
    let placement = |text: String| {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let (field, place) = match parts[..] {
            [field, place] | [field, place, _] if !field.is_empty() => (field, place),
            _ => return Err(settings::invalid(key, given, &format!("Unexpected number of elements in {text}"))),
        };
        let found = places.iter().find(|(word, _)| word.eq_ignore_ascii_case(place)).map(|(_, place)| *place);
        let place =
            found.ok_or_else(|| settings::invalid(key, given, "Value must be one of header, envelope, partition"))?;
        let name = parts.get(2).copied().unwrap_or(field);
        Ok(Placement { field: field.into(), place, name: name.into() })
    };
    texts.into_iter().map(placement).collect()
}
