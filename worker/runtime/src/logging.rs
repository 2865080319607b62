//! Log lines to stderr, with levels that can be changed while the worker runs.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
};

use connect_api::{Error, Result};
use tracing_subscriber::{EnvFilter, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt};

/// Levels by logger, as `/admin/loggers` shows and sets them.
#[derive(Clone)]
pub struct Loggers {
    levels: Arc<Mutex<Levels>>,
    filter: Option<reload::Handle<EnvFilter, Registry>>,
}

struct Levels {
    /// As configured; what is set later goes on top.
    base: String,
    set: BTreeMap<String, Level>,
}

/// The level of one logger in the JVM's words, and when it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub name: String,
    pub modified_ms: Option<i64>,
}

pub const ROOT: &str = "root";
const NAMES: [&str; 8] = ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"];

impl Loggers {
    /// Starts logging. `directives` is a level or `target=level` pairs; the environment's RUST_LOG goes before it.
    pub fn install(directives: &str) -> Result<Self> {
        let base = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()).unwrap_or(directives.to_owned());
        let filter = EnvFilter::try_new(&base)
            .map_err(|error| Error::config(format!("millrace.log is no log level: {error}")))?;
        let (layer, handle) = reload::Layer::new(filter);
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
        // A second worker in one process, as tests start them, logs through the first one's subscriber.
        let installed = tracing_subscriber::registry().with(layer).with(lines).try_init().is_ok();
        Ok(Self::of(base, installed.then_some(handle)))
    }

    fn of(base: String, filter: Option<reload::Handle<EnvFilter, Registry>>) -> Self {
        let root = base.split(',').find(|part| !part.contains('=')).unwrap_or("info").to_ascii_uppercase();
        let set = BTreeMap::from([(ROOT.to_owned(), Level { name: root, modified_ms: None })]);
        Self { levels: Arc::new(Mutex::new(Levels { base, set })), filter }
    }

    pub fn is_level(name: &str) -> bool {
        NAMES.contains(&name.to_ascii_uppercase().as_str())
    }

    pub fn all(&self) -> BTreeMap<String, Level> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner).set.clone()
    }

    /// The level in force of a logger: its own, or that of the nearest one above it.
    pub fn get(&self, name: &str) -> Level {
        let set = self.all();
        let mut at = name;
        loop {
            if let Some(level) = set.get(at) {
                return if at == name { level.clone() } else { Level { modified_ms: None, ..level.clone() } };
            }
            match at.rfind('.') {
                Some(dot) => at = &at[..dot],
                None => break,
            }
        }
        set.get(ROOT)
            .cloned()
            .map(|level| Level { modified_ms: None, ..level })
            .unwrap_or(Level { name: "INFO".into(), modified_ms: None })
    }

    /// Sets the level of a logger and all below it; answers whose level changed.
    pub fn set(&self, name: &str, level: &str) -> Vec<String> {
        let level = level.to_ascii_uppercase();
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let below = |known: &String| name == ROOT || known == name || known.starts_with(&format!("{name}."));
        let mut affected: Vec<String> = levels.set.keys().filter(|known| below(known)).cloned().collect();
        if !affected.iter().any(|known| known == name) {
            affected.push(name.to_owned());
            affected.sort();
        }
        let now = crate::now_ms();
        let mut changed = Vec::new();
        for logger in affected {
            if levels.set.get(&logger).is_none_or(|known| known.name != level) {
                levels.set.insert(logger.clone(), Level { name: level.clone(), modified_ms: Some(now) });
                changed.push(logger);
            }
        }
        self.apply(&levels);
        changed
    }

    fn apply(&self, levels: &Levels) {
        let Some(filter) = &self.filter else { return };
        let set = levels.set.iter().filter(|(_, level)| level.modified_ms.is_some());
        let added = |(name, level): (&String, &Level)| {
            let level = directive(&level.name)?;
            Some(if name == ROOT { level } else { format!("{}={level}", target(name)) })
        };
        let added: Vec<String> = set.filter_map(added).collect();
        let text = std::iter::once(levels.base.clone()).chain(added).collect::<Vec<_>>().join(",");
        match EnvFilter::try_new(&text) {
            Ok(new) => {
                if let Err(error) = filter.reload(new) {
                    tracing::warn!(%error, "could not change log levels");
                }
            }
            Err(error) => tracing::debug!(%error, "this logger has no part in our log"),
        }
    }
}

/// A level of the JVM's in our words. An appender may follow it, as in `INFO, stdout`.
pub(crate) fn directive(level: &str) -> Option<String> {
    let level = level.split(',').next().unwrap_or_default().trim().to_ascii_uppercase();
    match level.as_str() {
        "FATAL" => Some("error".into()),
        "ALL" => Some("trace".into()),
        "OFF" | "ERROR" | "WARN" | "INFO" | "DEBUG" | "TRACE" => Some(level.to_ascii_lowercase()),
        _ => None,
    }
}

/// Loggers of the JVM worker, by the crate that does their work here.
pub(crate) fn target(name: &str) -> String {
    match name {
        "org.apache.kafka.connect" | "org.apache.kafka.connect.runtime" => "connect_runtime".into(),
        name if name.starts_with("io.debezium") => "connect_cdc".into(),
        name => name.replace('.', "::"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logger_takes_its_level_from_above() {
        let loggers = Loggers::of("info".into(), None);
        assert_eq!(loggers.get("a.b").name, "INFO");
        assert_eq!(loggers.set("a", "debug"), ["a"]);
        assert_eq!(loggers.get("a.b.c").name, "DEBUG");
        assert_eq!(loggers.get("ab").name, "INFO");
        assert_eq!(loggers.set("a.b", "TRACE"), ["a.b"]);
        assert_eq!(loggers.set("a", "WARN"), ["a", "a.b"]);
        assert_eq!(loggers.set("a", "WARN"), Vec::<String>::new());
    }
}
