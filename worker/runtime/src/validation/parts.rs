//! The settings of what records pass through: transforms, predicates and converters, under their prefixes.

use connect_api::{ConfigDef, Props, config_key::ConfigValue, java};

use super::report::{Definition, Report, Row, shown_value};
use crate::{
    plugins::Plugins,
    task::chain::{names, prefixed},
};

/// What is looked for under a prefix.
struct Part {
    /// `transforms.a.`
    prefix: String,
    group: String,
    /// Settings that belong to the framework, before the plugin's own.
    extra: &'static [(&'static str, &'static str, Option<&'static str>)],
}

/// Checks transforms and predicates.
pub fn check(report: &mut Report, props: &Props, plugins: &Plugins) {
    for alias in names(props, "transforms") {
        let part = Part {
            prefix: format!("transforms.{alias}."),
            group: format!("Transforms: {alias}"),
            extra: &[("negate", "BOOLEAN", Some("false")), ("predicate", "STRING", Some(""))],
        };
        let found = |class: &str| plugins.find_transform(class).map(|plugin| (plugin.config)());
        part.check(report, props, found);
    }
    for alias in names(props, "predicates") {
        let part = Part { prefix: format!("predicates.{alias}."), group: format!("Predicates: {alias}"), extra: &[] };
        part.check(report, props, |class| plugins.find_predicate(class).map(|plugin| (plugin.config)()));
    }
}

/// Checks the converters that the connector names itself; the worker's own were checked when the worker started.
pub fn converters(report: &mut Report, props: &Props, plugins: &Plugins) {
    for setting in ["key.converter", "value.converter"] {
        converter(report, props, setting, |class| plugins.find_converter(class).map(|plugin| (plugin.config)()));
    }
    converter(report, props, "header.converter", |class| {
        plugins.find_header_converter(class).map(|plugin| (plugin.config)())
    });
}

impl Part {
    fn check(&self, report: &mut Report, props: &Props, find: impl Fn(&str) -> Option<&'static ConfigDef>) {
        report.group(&self.group);
        let key = format!("{}type", self.prefix);
        let class = props.get(&key);
        let definition = class.and_then(|class| find(class.trim()));
        let errors = match (class, definition) {
            (None, _) => vec![format!("Missing required configuration \"{key}\" which has no default value.")],
            (Some(class), None) => {
                vec![format!("Invalid value {class} for configuration {key}: Class {class} could not be found.")]
            }
            _ => Vec::new(),
        };
        let value = class.filter(|_| errors.is_empty()).cloned();
        report.add(self.row("type", ("CLASS", true, None), (value, errors)));
        for (name, ty, default) in self.extra {
            let value = props.get(&format!("{}{name}", self.prefix)).map(String::as_str).or(*default);
            report.add(self.row(name, (*ty, false, *default), (value.map(str::to_owned), Vec::new())));
        }
        let Some(definition) = definition else { return };
        let settings = prefixed(props, &self.prefix);
        for (key, value) in definition.keys().iter().zip(definition.values(&settings)) {
            let errors = named(&self.prefix, key.name, &value);
            let mut shown = Definition::of(key, -1);
            shown.name = format!("{}{}", self.prefix, key.name);
            shown.group = Some(self.group.clone());
            shown.display = shown.name.clone();
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
        (ty, required, default): (&'static str, bool, Option<&'static str>),
        (value, errors): (Option<String>, Vec<String>),
    ) -> Row {
        let name = format!("{}{name}", self.prefix);
        let definition = Definition {
            name: name.clone(),
            ty,
            required,
            default: default.map(str::to_owned),
            importance: "HIGH",
            doc: String::new(),
            group: Some(self.group.clone()),
            order: 0,
            width: "LONG",
            display: name.clone(),
        };
        Row { definition: Some(definition), name, value, recommended: Vec::new(), errors, visible: true }
    }
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

fn converter(report: &mut Report, props: &Props, setting: &str, find: impl Fn(&str) -> Option<&'static ConfigDef>) {
    let Some(class) = props.get(setting) else { return };
    let Some(definition) = find(class.trim()) else {
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
    // The JVM lists them in the order of a hash map, and their groups as they come up there.
    for at in java::hash_map_order(definition.keys().iter().map(|key| key.name)) {
        let (key, mut value) = (&definition.keys()[at], values[at].clone());
        if key.name == "converter.type" {
            // The worker tells a converter its side.
            value.value = setting.strip_suffix(".converter").map(str::to_owned);
            value.errors.clear();
        }
        let mut shown = Definition::of(key, -1);
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
