//! Is this a configuration a connector can run with? The answers of `/validate`, and of create.

pub mod client;
pub mod framework;
pub mod parts;
pub mod report;

use connect_api::{Config, ConfigError, Props};

pub use report::{Definition, Report, Row};

use crate::{
    herder::restarts::AutoRestart,
    plugins::{ConnectorPlugin, Listed},
    rest::{App, body::RawConfig, error::RestError},
};

/// Asks everything that is to be asked of a configuration. An error means that it names no connector.
pub async fn validate(app: &App, config: &RawConfig) -> Result<Report, RestError> {
    let given: Props = config.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
    let Some(class) = given.get("connector.class") else {
        let shown: Vec<String> =
            config.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("null"))).collect();
        return Err(RestError::bad_request(format!(
            "Connector config {{{}}} contains no connector type",
            shown.join(", ")
        )));
    };
    let plugin = app.plugins.find_connector(class).ok_or_else(|| {
        RestError::bad_request(format!(
            "Failed to find any class that implements Connector and which name matches {class}, available connectors are: {}",
            app.plugins.available()
        ))
    })?;
    let resolved = app.settings.providers.resolve(&given).map_err(|error| RestError::internal(error.message()))?;
    let mut report = Report::new(class);
    framework::check(&mut report, plugin, &resolved, app);
    parts::check(&mut report, &resolved, &app.plugins);
    connector(&mut report, plugin, &resolved).await;
    parts::converters(&mut report, &resolved, &app.plugins);
    client::check(&mut report, plugin, &resolved, &app.settings.config);
    restarts(&mut report, &given);
    for (key, value) in given.iter().filter(|(key, value)| resolved.get(*key) != Some(value)) {
        report.shown_as(key, value);
    }
    for (key, _) in config.iter().filter(|(_, value)| value.is_none()) {
        if key == "tasks.max" {
            report.error(key, "Invalid value null for configuration tasks.max: Value must be non-null");
        }
        report.without_value(key);
        report.error(key, "Null value can not be supplied as the configuration value.");
    }
    Ok(report)
}

/// Our own settings of all connectors, where they are given: clients of the JVM's worker don't expect others.
fn restarts(report: &mut Report, given: &Props) {
    let definition = AutoRestart::def();
    for (at, (key, value)) in definition.keys().iter().zip(definition.values(given)).enumerate() {
        if !given.contains_key(key.name) {
            continue;
        }
        let row = Row {
            definition: Some(Definition::of(key, i64::try_from(at + 1).unwrap_or(-1))),
            name: key.name.to_owned(),
            value: report::shown_value(value.value, &value.errors),
            recommended: Vec::new(),
            errors: value.errors,
            visible: true,
        };
        report.add(row);
    }
}

/// The connector's own settings, then the rules across them, then the real system, each only when all before is right.
async fn connector(report: &mut Report, plugin: ConnectorPlugin, props: &Props) {
    let definition = plugin.config();
    let mut right = true;
    for (key, value) in definition.keys().iter().zip(definition.values(props)) {
        right &= value.errors.is_empty();
        report.own(key, value);
    }
    if !right {
        return;
    }
    let rules = match plugin {
        ConnectorPlugin::Source(plugin) => (plugin.rules)(props),
        ConnectorPlugin::Sink(plugin) => (plugin.rules)(props),
    };
    let found = if rules.is_empty() {
        match plugin {
            ConnectorPlugin::Source(plugin) => (plugin.check)(props.clone()).await,
            ConnectorPlugin::Sink(plugin) => (plugin.check)(props.clone()).await,
        }
    } else {
        rules
    };
    for ConfigError { key, message } in found {
        report.error(&key, &message);
    }
}

/// The settings of a plugin as `/connector-plugins/{p}/config` lists them: its own, then the framework's.
pub fn definitions(plugin: &Listed) -> Vec<Definition> {
    let numbering = report::Numbering::of(plugin.class, plugin.kind);
    let mut rows: Vec<Definition> = report::own_definitions((plugin.config)(), numbering);
    let framework = match plugin.kind {
        "source" => framework::source_definitions(plugin.version),
        "sink" => framework::sink_definitions(plugin.version),
        _ => Vec::new(),
    };
    let new: Vec<Definition> =
        framework.into_iter().filter(|row| rows.iter().all(|own| own.name != row.name)).collect();
    rows.extend(new);
    rows
}

/// Whether a plugin has a version in a range such as `[1.0,2.0)`, `1.2` or `latest`.
pub fn ensure_version(class: &str, version: &str, range: &str) -> Result<(), String> {
    let range = range.trim();
    if range == "latest" {
        return Ok(());
    }
    let ranged = range.starts_with(['[', '(']) && range.ends_with([']', ')']);
    let (low, high) = match ranged.then(|| &range[1..range.len() - 1]).and_then(|inner| inner.split_once(',')) {
        Some((low, high)) => (low.trim(), high.trim()),
        None => (range, range),
    };
    let above = low.is_empty() && ranged
        || numbers(low)
            .is_some_and(|low| numbers(version).is_some_and(|v| v > low || (v == low && !range.starts_with('('))));
    let below = high.is_empty() && ranged
        || numbers(high)
            .is_some_and(|high| numbers(version).is_some_and(|v| v < high || (v == high && !range.ends_with(')'))));
    if above && below {
        return Ok(());
    }
    let shown = if ranged { range.to_owned() } else { format!("[{range},{range}]") };
    Err(format!("Plugin {class} not found that matches the version range {shown}, available versions: [{version}]"))
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    let mut numbers: Vec<u64> = version.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_ranges_are_maven_s() {
        for (range, fits) in [
            ("latest", true),
            ("4.3.1", true),
            ("[4.0,)", true),
            ("(,4.3.1)", false),
            ("[1.0,2.0)", false),
            ("9.9", false),
            ("", false),
            ("abc def", false),
        ] {
            assert_eq!(ensure_version("C", "4.3.1", range).is_ok(), fits, "{range}");
        }
        assert_eq!(
            ensure_version("C", "4.3.1", "9.9"),
            Err("Plugin C not found that matches the version range [9.9,9.9], available versions: [4.3.1]".into())
        );
    }
}
