//! The table of plugins a worker offers, and the names users find them by.

use connect_api::{
    ConfigDef, ConverterPlugin, HeaderConverterPlugin, PredicatePlugin, SinkPlugin, SourcePlugin, TransformPlugin,
};

/// The version of this worker.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `/connector-plugins` shows as the version of transforms and converters: that of Kafka's, which they answer as.
pub const KAFKA_VERSION: &str = "4.3.1";

/// Everything that connectors can be made of. Filled once, by `main`.
#[derive(Clone, Default)]
pub struct Plugins {
    sources: Vec<&'static SourcePlugin>,
    sinks: Vec<&'static SinkPlugin>,
    transforms: Vec<&'static TransformPlugin>,
    predicates: Vec<&'static PredicatePlugin>,
    converters: Vec<&'static ConverterPlugin>,
    header_converters: Vec<&'static HeaderConverterPlugin>,
}

/// A connector plugin of either direction.
#[derive(Clone, Copy)]
pub enum ConnectorPlugin {
    Source(&'static SourcePlugin),
    Sink(&'static SinkPlugin),
}

impl ConnectorPlugin {
    pub fn class(self) -> &'static str {
        match self {
            Self::Source(plugin) => plugin.class,
            Self::Sink(plugin) => plugin.class,
        }
    }

    pub fn version(self) -> &'static str {
        match self {
            Self::Source(plugin) => plugin.version,
            Self::Sink(plugin) => plugin.version,
        }
    }

    pub fn config(self) -> &'static ConfigDef {
        match self {
            Self::Source(plugin) => (plugin.config)(),
            Self::Sink(plugin) => (plugin.config)(),
        }
    }

    /// `source` or `sink`, as REST answers say it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Sink(_) => "sink",
        }
    }
}

/// One line of `/connector-plugins`.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    pub class: &'static str,
    pub kind: &'static str,
    pub version: &'static str,
    pub config: fn() -> &'static ConfigDef,
}

impl Plugins {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn source(mut self, plugin: &'static SourcePlugin) -> Self {
        self.sources.push(plugin);
        self
    }

    pub fn sink(mut self, plugin: &'static SinkPlugin) -> Self {
        self.sinks.push(plugin);
        self
    }

    pub fn sinks(mut self, plugins: &'static [SinkPlugin]) -> Self {
        self.sinks.extend(plugins);
        self
    }

    pub fn transforms(mut self, plugins: &'static [TransformPlugin]) -> Self {
        self.transforms.extend(plugins);
        self
    }

    pub fn predicates(mut self, plugins: &'static [PredicatePlugin]) -> Self {
        self.predicates.extend(plugins);
        self
    }

    pub fn converters(mut self, plugins: &'static [ConverterPlugin]) -> Self {
        self.converters.extend(plugins);
        self
    }

    pub fn header_converters(mut self, plugins: &'static [HeaderConverterPlugin]) -> Self {
        self.header_converters.extend(plugins);
        self
    }

    pub fn find_connector(&self, name: &str) -> Option<ConnectorPlugin> {
        let source = find(&self.sources, name, |p| p.class, "Connector").map(ConnectorPlugin::Source);
        source.or_else(|| find(&self.sinks, name, |p| p.class, "Connector").map(ConnectorPlugin::Sink))
    }

    pub fn find_transform(&self, name: &str) -> Option<&'static TransformPlugin> {
        find(&self.transforms, name, |p| p.class, "Transformation")
    }

    pub fn find_predicate(&self, name: &str) -> Option<&'static PredicatePlugin> {
        find(&self.predicates, name, |p| p.class, "Predicate")
    }

    pub fn find_converter(&self, name: &str) -> Option<&'static ConverterPlugin> {
        find(&self.converters, name, |p| p.class, "Converter")
    }

    pub fn find_header_converter(&self, name: &str) -> Option<&'static HeaderConverterPlugin> {
        find(&self.header_converters, name, |p| p.class, "HeaderConverter")
            .or_else(|| find(&self.header_converters, name, |p| p.class, "Converter"))
    }

    /// All plugins in the order of `/connector-plugins`: sinks, sources, then what records pass through.
    pub fn list(&self, connectors_only: bool) -> Vec<Listed> {
        let mut rows = Vec::new();
        let mut add = |mut part: Vec<Listed>| {
            part.sort_by_key(|row| row.class);
            rows.append(&mut part);
        };
        let row = |class, kind, version, config| Listed { class, kind, version, config };
        add(self.sinks.iter().map(|p| row(p.class, "sink", p.version, p.config)).collect());
        add(self.sources.iter().map(|p| row(p.class, "source", p.version, p.config)).collect());
        if !connectors_only {
            add(self.transforms.iter().map(|p| row(p.class, "transformation", KAFKA_VERSION, p.config)).collect());
            add(self.predicates.iter().map(|p| row(p.class, "predicate", KAFKA_VERSION, p.config)).collect());
            add(self.converters.iter().map(|p| row(p.class, "converter", KAFKA_VERSION, p.config)).collect());
            add(self
                .header_converters
                .iter()
                .map(|p| row(p.class, "header_converter", KAFKA_VERSION, p.config))
                .collect());
        }
        rows
    }

    /// A plugin of any kind, for `/connector-plugins/{plugin}/config`.
    pub fn find_any(&self, name: &str) -> Option<Listed> {
        let rows = self.list(false);
        let suffixes = ["Connector", "Transformation", "Predicate", "Converter", "HeaderConverter"];
        let named = |row: &&Listed| suffixes.iter().any(|suffix| answers_to(row.class, name, suffix));
        // Several makers have a `Filter`; as in configurations, the short name means the one that comes with Kafka.
        let rank = |row: &&Listed| (row.class != name, !row.class.starts_with("org.apache.kafka."));
        rows.iter().filter(named).min_by_key(rank).copied()
    }

    /// The classes of one kind, as forms offer them.
    pub fn classes(&self, kind: &str) -> Vec<String> {
        self.list(false).into_iter().filter(|row| row.kind == kind).map(|row| row.class.to_owned()).collect()
    }

    /// The connectors as the message about an unknown class lists them.
    pub fn available(&self) -> String {
        let describe = |row: Listed| {
            let kind = if row.kind == "sink" { "sink" } else { "source" };
            let (class, version) = (row.class, row.version);
            format!(
                "PluginDesc{{klass=class {class}, name='{class}', version='{version}', encodedVersion={version}, \
                 type={kind}, typeName='{kind}', location='classpath'}}"
            )
        };
        self.list(true).into_iter().map(describe).collect::<Vec<_>>().join(", ")
    }
}

fn find<P>(plugins: &[&'static P], name: &str, class: fn(&P) -> &'static str, suffix: &str) -> Option<&'static P> {
    let exact = plugins.iter().find(|plugin| class(plugin) == name);
    exact.or_else(|| plugins.iter().find(|plugin| answers_to(class(plugin), name, suffix))).copied()
}

/// A class answers to its full name, its simple name, and that without the suffix of its kind.
fn answers_to(class: &str, name: &str, suffix: &str) -> bool {
    let simple = class.rsplit('.').next().unwrap_or(class);
    // The JVM knows no alias for nested classes such as `Cast$Value`.
    class == name || (!simple.contains('$') && (simple == name || simple.strip_suffix(suffix) == Some(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_answers_to_its_aliases() {
        let class = "org.apache.kafka.connect.file.FileStreamSinkConnector";
        for name in [class, "FileStreamSinkConnector", "FileStreamSink"] {
            assert!(answers_to(class, name, "Connector"), "{name}");
        }
        assert!(!answers_to(class, "FileStream", "Connector"));
        assert!(!answers_to("o.a.Cast$Value", "Cast$Value", "Transformation"));
    }
}
