//! The settings of what records pass through: transforms, predicates and converters, under their prefixes.

use connect_api::{ConfigDef, Props, config_key::ConfigValue, java};

use super::report::{Definition, Numbering, Report, Row, own_definitions, shown_value};
use crate::{
    plugins::{KAFKA_VERSION, Plugins},
    task::chain::{names, prefixed},
};

/// What is looked for under a prefix.
struct Part {
    /// `transforms.a.`
    prefix: String,
    alias: String,
    group: String,
    /// `Transformation`, and what `/connector-plugins` calls the kind.
    kind: (&'static str, &'static str),
    /// Settings that belong to the framework, behind the plugin's own.
    extra: &'static [(&'static str, &'static str, Option<&'static str>)],
}

/// A plugin that was found: its class and settings.
type Found = Option<(&'static str, &'static ConfigDef)>;

/// Checks transforms and predicates.
pub fn check(report: &mut Report, props: &Props, plugins: &Plugins) {
    for alias in names(props, "transforms") {
        let part = Part {
            prefix: format!("transforms.{alias}."),
            alias: alias.to_owned(),
            group: format!("Transforms: {alias}"),
            kind: ("Transformation", "transformation"),
            extra: &[("negate", "BOOLEAN", Some("false")), ("predicate", "STRING", None)],
        };
        let find = |class: &str| plugins.find_transform(class).map(|plugin| (plugin.class, (plugin.config)()));
        part.check(report, props, plugins, find);
    }
    for alias in names(props, "predicates") {
        let part = Part {
            prefix: format!("predicates.{alias}."),
            alias: alias.to_owned(),
            group: format!("Predicates: {alias}"),
            kind: ("Predicate", "predicate"),
            extra: &[],
        };
        let find = |class: &str| plugins.find_predicate(class).map(|plugin| (plugin.class, (plugin.config)()));
        part.check(report, props, plugins, find);
    }
}

/// Checks the converters that the connector names itself; the worker's own were checked when the worker started.
pub fn converters(report: &mut Report, props: &Props, plugins: &Plugins) {
    for setting in ["key.converter", "value.converter"] {
        let find = |class: &str| plugins.find_converter(class).map(|plugin| (plugin.class, (plugin.config)()));
        converter(report, props, setting, find);
    }
    converter(report, props, "header.converter", |class| {
        plugins.find_header_converter(class).map(|plugin| (plugin.class, (plugin.config)()))
    });
}

impl Part {
    /// The class and its version, the settings of the class, and those of the framework, numbered through.
    fn check(&self, report: &mut Report, props: &Props, plugins: &Plugins, find: impl Fn(&str) -> Found) {
        report.group(&self.group);
        let key = format!("{}type", self.prefix);
        let class = props.get(&key);
        let found = class.and_then(|class| find(class.trim()));
        let errors = match (class, found) {
            (None, _) => vec![format!("Missing required configuration \"{key}\" which has no default value.")],
            (Some(class), None) => {
                vec![format!("Invalid value {class} for configuration {key}: Class {class} could not be found.")]
            }
            _ => Vec::new(),
        };
        let mut row = self.row("type", ("CLASS", None), 0, found.map(|(class, _)| class.to_owned()));
        row.recommended = plugins.classes(self.kind.1);
        row.errors = errors;
        if let Some(definition) = &mut row.definition {
            definition.required = true;
            definition.display = format!("{} type for {}", self.kind.0, self.alias);
        }
        report.add(row);
        let version = found.map(|_| KAFKA_VERSION);
        let mut row = self.row("plugin.version", ("STRING", version), 1, version.map(str::to_owned));
        row.recommended.extend(version.map(str::to_owned));
        if let Some(definition) = &mut row.definition {
            definition.display = format!("{} version for {}", self.kind.0, self.alias);
        }
        report.add(row);
        let Some((_, definition)) = found else { return };
        self.own(report, definition, props);
        for (at, (name, ty, default)) in self.extra.iter().enumerate() {
            let value = props.get(&format!("{}{name}", self.prefix)).map(String::as_str).or(*default);
            let order = definition.keys().len() + 2 + at;
            let mut row = self.row(name, (ty, *default), order, value.map(str::to_owned));
            if let Some(definition) = &mut row.definition {
                (definition.importance, definition.width) = ("MEDIUM", "NONE");
            }
            report.add(row);
        }
    }

    /// The settings of the class itself.
    fn own(&self, report: &mut Report, definition: &ConfigDef, props: &Props) {
        let settings = prefixed(props, &self.prefix);
        for (at, (key, value)) in definition.keys().iter().zip(definition.values(&settings)).enumerate() {
            let errors = named(&self.prefix, key.name, &value);
            let mut shown = Definition::of(key, order(at + 2));
            shown.name = format!("{}{}", self.prefix, key.name);
            shown.group = Some(self.group.clone());
            let name = shown.name.clone();
            report.add(Row {
                definition: Some(shown),
                name,
                value: shown_value(value.value, &errors),
                recommended: Vec::new(),
                errors,
                visible: true,
            });
        }
    }

    fn row(
        &self,
        name: &str,
        (ty, default): (&'static str, Option<&'static str>),
        at: usize,
        value: Option<String>,
    ) -> Row {
        let whole = format!("{}{name}", self.prefix);
        let definition = Definition {
            name: whole.clone(),
            ty,
            required: false,
            default: default.map(str::to_owned),
            importance: "HIGH",
            doc: String::new(),
            group: Some(self.group.clone()),
            order: order(at),
            width: "LONG",
            display: name.to_owned(),
        };
        Row {
            definition: Some(definition),
            name: whole,
            value,
            recommended: Vec::new(),
            errors: Vec::new(),
            visible: true,
        }
    }
}

fn order(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(-1)
}

/// A missing setting is named with its prefix, as the JVM names it.
fn named(prefix: &str, name: &str, value: &ConfigValue) -> Vec<String> {
    let missing = format!("Missing required configuration \"{name}\" which has no default value.");
    let with_prefix = |error: &String| {
        if *error == missing {
            format!("Missing required configuration \"{prefix}{name}\" which has no default value.")
        } else {
            error.replace(&format!("for configuration {name}:"), &format!("for configuration {prefix}{name}:"))
        }
    };
    value.errors.iter().map(with_prefix).collect()
}

/// What a setting names as a converter.
pub enum Named {
    Converter(&'static str),
    /// A class of Java, which is none.
    NoConverter,
    Unknown,
}

impl Named {
    pub fn find(setting: &str, class: &str, plugins: &Plugins) -> Self {
        let found = if setting == "header.converter" {
            plugins.find_header_converter(class.trim()).map(|plugin| plugin.class)
        } else {
            plugins.find_converter(class.trim()).map(|plugin| plugin.class)
        };
        match found {
            Some(class) => Self::Converter(class),
            None if class.starts_with("java.") => Self::NoConverter,
            None => Self::Unknown,
        }
    }
}

fn converter(report: &mut Report, props: &Props, setting: &str, find: impl Fn(&str) -> Found) {
    let Some(class) = props.get(setting) else { return };
    let Some((found, definition)) = find(class.trim()) else {
        let message = if class.starts_with("java.") {
            let interface = if setting.starts_with("header") { "HeaderConverter" } else { "Converter" };
            format!("Class class {class} does not implement the {interface} interface")
        } else {
            format!("Invalid value {class} for configuration {setting}: Class {class} could not be found.")
        };
        return report.error(setting, &message);
    };
    let settings = prefixed(props, &format!("{setting}."));
    let values = definition.values(&settings);
    let definitions = own_definitions(definition, Numbering::of(found, "converter"));
    // The JVM lists them in the order of a hash map, and their groups as they come up there.
    for at in java::hash_map_order(definition.keys().iter().map(|key| key.name)) {
        let (key, mut value) = (&definition.keys()[at], values[at].clone());
        if key.name == "converter.type" {
            // The worker tells a converter its side.
            value.value = setting.strip_suffix(".converter").map(str::to_owned);
            value.errors.clear();
        }
        let mut shown = definitions[at].clone();
        shown.name = format!("{setting}.{}", key.name);
        let name = shown.name.clone();
        report.add(Row {
            definition: Some(shown),
            name,
            value: shown_value(value.value, &value.errors),
            recommended: key.choices.iter().map(|text| (*text).to_owned()).collect(),
            errors: value.errors,
            visible: true,
        });
    }
}
