//! The settings a topic can have: Kafka's names, types and defaults, and the names of the broker settings behind them.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError;

use crate::{log::LogConfig, refusal::Refusal};

/// A topic's own settings, as they were given.
pub(crate) type Settings = BTreeMap<String, String>;

/// The type of a setting; the numbers are those of `DescribeConfigs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingKind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) kind: SettingKind,
    pub(crate) default: &'static str,
    /// The broker setting that gives the default in Kafka, for the list of synonyms; empty where that has no value of
    /// its own, as those in milliseconds beside others in hours.
    pub(crate) broker_name: &'static str,
    /// The values there are, if they can be listed.
    one_of: &'static [&'static str],
}

const fn setting(name: &'static str, kind: SettingKind, default: &'static str, broker_name: &'static str) -> Setting {
    Setting { name, kind, default, broker_name, one_of: &[] }
}

const LONG_MAX: &str = "9223372036854775807";

use SettingKind::{Boolean, Double, Int, List, Long, String as Text};

pub(crate) const SETTINGS: &[Setting] = &[
    setting("cleanup.policy", List, "delete", "log.cleanup.policy"),
    setting("compression.gzip.level", Int, "-1", "compression.gzip.level"),
    setting("compression.lz4.level", Int, "9", "compression.lz4.level"),
    Setting {
        one_of: &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"],
        ..setting("compression.type", Text, "producer", "compression.type")
    },
    setting("compression.zstd.level", Int, "3", "compression.zstd.level"),
    setting("delete.retention.ms", Long, "86400000", "log.cleaner.delete.retention.ms"),
    setting("file.delete.delay.ms", Long, "60000", "log.segment.delete.delay.ms"),
    setting("flush.messages", Long, LONG_MAX, "log.flush.interval.messages"),
    setting("flush.ms", Long, LONG_MAX, ""),
    setting("follower.replication.throttled.replicas", List, "", ""),
    setting("index.interval.bytes", Int, "4096", "log.index.interval.bytes"),
    setting("leader.replication.throttled.replicas", List, "", ""),
    setting("local.retention.bytes", Long, "-2", "log.local.retention.bytes"),
    setting("local.retention.ms", Long, "-2", "log.local.retention.ms"),
    setting("max.compaction.lag.ms", Long, LONG_MAX, "log.cleaner.max.compaction.lag.ms"),
    setting("max.message.bytes", Int, "1048588", "message.max.bytes"),
    setting("message.timestamp.after.max.ms", Long, "3600000", "log.message.timestamp.after.max.ms"),
    setting("message.timestamp.before.max.ms", Long, LONG_MAX, "log.message.timestamp.before.max.ms"),
    Setting {
        one_of: &["CreateTime", "LogAppendTime"],
        ..setting("message.timestamp.type", Text, "CreateTime", "log.message.timestamp.type")
    },
    setting("min.cleanable.dirty.ratio", Double, "0.5", "log.cleaner.min.cleanable.ratio"),
    setting("min.compaction.lag.ms", Long, "0", "log.cleaner.min.compaction.lag.ms"),
    setting("min.insync.replicas", Int, "1", "min.insync.replicas"),
    setting("preallocate", Boolean, "false", "log.preallocate"),
    setting("remote.log.copy.disable", Boolean, "false", ""),
    setting("remote.log.delete.on.disable", Boolean, "false", ""),
    setting("remote.storage.enable", Boolean, "false", ""),
    setting("retention.bytes", Long, "-1", "log.retention.bytes"),
    setting("retention.ms", Long, "604800000", ""),
    setting("segment.bytes", Int, "1073741824", "log.segment.bytes"),
    setting("segment.index.bytes", Int, "10485760", "log.index.size.max.bytes"),
    setting("segment.jitter.ms", Long, "0", ""),
    setting("segment.ms", Long, "604800000", ""),
    setting("unclean.leader.election.enable", Boolean, "false", "unclean.leader.election.enable"),
];

impl Setting {
    pub(crate) fn named(name: &str) -> Result<&'static Setting, Refusal> {
        SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .ok_or_else(|| Refusal::new(ResponseError::InvalidConfig, format!("Unknown topic config name: {name}")))
    }

    /// The least and the greatest value of a number, where Kafka has such.
    fn range(&self) -> (i64, i64) {
        match self.name {
            "compression.gzip.level" => (-1, 9),
            "compression.lz4.level" => (1, 17),
            "compression.zstd.level" => (-131_072, 22),
            "flush.messages" | "max.compaction.lag.ms" | "min.insync.replicas" | "segment.ms" => (1, i64::MAX),
            "local.retention.bytes" | "local.retention.ms" => (-2, i64::MAX),
            "retention.bytes" => (i64::MIN, i64::MAX),
            "retention.ms" => (-1, i64::MAX),
            "segment.bytes" => (1_048_576, i64::MAX),
            "segment.index.bytes" => (4, i64::MAX),
            _ => (0, i64::MAX),
        }
    }

    fn check_range(&self, value: &str) -> Result<(), String> {
        let Ok(number) = value.trim().parse::<i64>() else { return Ok(()) };
        let (least, most) = self.range();
        if number < least {
            return Err(format!("Value must be at least {least}"));
        }
        if number > most {
            return Err(format!("Value must be no more than {most}"));
        }
        // The levels of gzip are its default and those from 1 on.
        if self.name == "compression.gzip.level" && number == 0 {
            return Err("Value must be between 1 and 9 or equal to -1".to_owned());
        }
        Ok(())
    }

    fn check(&self, value: &str) -> Result<(), Refusal> {
        let reason = match self.kind {
            Boolean if !matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "false") => {
                "Expected value to be either true or false".to_owned()
            }
            Int if value.trim().parse::<i32>().is_err() => "Not a number of type INT".to_owned(),
            Long if value.trim().parse::<i64>().is_err() => "Not a number of type LONG".to_owned(),
            Double if value.trim().parse::<f64>().is_err() => "Not a number of type DOUBLE".to_owned(),
            _ if !self.one_of.is_empty() && !self.one_of.contains(&value) => {
                format!("String must be one of: {}", self.one_of.join(", "))
            }
            List if self.name.ends_with("throttled.replicas") && !names_replicas(value) => {
                "must be the literal '*' or a list of [partitionId]:[brokerId]".to_owned()
            }
            Int | Long => match self.check_range(value) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            },
            _ => return Ok(()),
        };
        let message = format!("Invalid value {value} for configuration {}: {reason}", self.name);
        Err(Refusal::new(ResponseError::InvalidConfig, message))
    }
}

/// Whether the value is a list of replicas as throttles name them.
fn names_replicas(value: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().is_ok();
    let replica =
        |item: &str| item.split_once(':').is_some_and(|(partition, broker)| number(partition) && number(broker));
    let value = value.trim();
    value.is_empty() || value == "*" || value.split(',').map(str::trim).all(replica)
}

/// Checks a topic's own settings and gives what they mean to its logs.
pub(crate) fn log_config(settings: &Settings) -> Result<LogConfig, Refusal> {
    for (name, value) in settings {
        Setting::named(name)?.check(value)?;
    }
    let own = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    LogConfig::of(own).map_err(|error| Refusal::new(ResponseError::InvalidConfig, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str, expected: &str) {
        let settings = Settings::from([(name.to_owned(), value.to_owned())]);
        let found = log_config(&settings).map(drop);
        let expected = match expected {
            "" => Ok(()),
            message => Err(Refusal::new(ResponseError::InvalidConfig, message)),
        };
        assert_eq!(found, expected, "{name}={value}");
    }

    #[test]
    fn wrong_settings_are_refused_in_kafkas_words() {
        check("retention.ms", "1000", "");
        check("cleanup.policy", "compact,delete", "");
        check("no.such", "1", "Unknown topic config name: no.such");
        check("retention.ms", "week", "Invalid value week for configuration retention.ms: Not a number of type LONG");
        check(
            "compression.type",
            "rar",
            "Invalid value rar for configuration compression.type: String must be one of: \
             uncompressed, zstd, lz4, snappy, gzip, producer",
        );
        check(
            "preallocate",
            "no",
            "Invalid value no for configuration preallocate: Expected value to be either true or false",
        );
    }

    #[test]
    fn every_default_is_a_value_of_its_type() {
        for setting in SETTINGS {
            assert_eq!(setting.check(setting.default), Ok(()), "{}", setting.name);
        }
    }
}
