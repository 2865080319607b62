//! The settings of one topic's logs, with Kafka's names and defaults.

use super::ConfigError;

/// What happens to records that are no longer wanted (`cleanup.policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CleanupPolicy {
    Delete,
    Compact,
    CompactAndDelete,
}

impl CleanupPolicy {
    pub fn compacts(self) -> bool {
        self != CleanupPolicy::Delete
    }

    pub fn deletes(self) -> bool {
        self != CleanupPolicy::Compact
    }
}

/// Whose clock a record's timestamp is (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// Settings of one topic. Times are milliseconds; a limit of `None` is Kafka's -1.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    pub segment_bytes: u32,
    pub segment_ms: i64,
    pub retention_bytes: Option<u64>,
    pub retention_ms: Option<i64>,
    pub cleanup_policy: CleanupPolicy,
    pub delete_retention_ms: i64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
    pub max_message_bytes: usize,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub index_interval_bytes: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1_073_741_824,
            segment_ms: 604_800_000,
            retention_bytes: None,
            retention_ms: Some(604_800_000),
            cleanup_policy: CleanupPolicy::Delete,
            delete_retention_ms: 86_400_000,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            min_cleanable_dirty_ratio: 0.5,
            max_message_bytes: 1_048_588,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: 3_600_000,
            index_interval_bytes: 4_096,
        }
    }
}

impl LogConfig {
    /// The defaults with a topic's own settings on top. Names this engine has no use for are passed over:
    /// which names a topic may have is decided where topics are created.
    pub fn of<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for (key, value) in settings {
            config.apply(key, value)?;
        }
        Ok(config)
    }

    /// Takes one setting by its Kafka name.
    pub fn apply(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let setting = Setting { key, value };
        match key {
            "segment.bytes" => self.segment_bytes = setting.number(SEGMENT_BYTES_MIN, i64::from(i32::MAX))? as u32,
            "segment.ms" => self.segment_ms = setting.number(1, i64::MAX)?,
            "retention.bytes" => self.retention_bytes = u64::try_from(setting.number(i64::MIN, i64::MAX)?).ok(),
            "retention.ms" => self.retention_ms = Some(setting.number(-1, i64::MAX)?).filter(|ms| *ms >= 0),
            "cleanup.policy" => self.cleanup_policy = setting.cleanup_policy()?,
            "delete.retention.ms" => self.delete_retention_ms = setting.number(0, i64::MAX)?,
            "min.compaction.lag.ms" => self.min_compaction_lag_ms = setting.number(0, i64::MAX)?,
            "max.compaction.lag.ms" => self.max_compaction_lag_ms = setting.number(1, i64::MAX)?,
            "min.cleanable.dirty.ratio" => self.min_cleanable_dirty_ratio = setting.ratio()?,
            "max.message.bytes" => self.max_message_bytes = setting.number(0, i64::from(i32::MAX))? as usize,
            "message.timestamp.type" => self.message_timestamp_type = setting.timestamp_type()?,
            "message.timestamp.before.max.ms" => self.message_timestamp_before_max_ms = setting.number(0, i64::MAX)?,
            "message.timestamp.after.max.ms" => self.message_timestamp_after_max_ms = setting.number(0, i64::MAX)?,
            "index.interval.bytes" => self.index_interval_bytes = setting.number(0, i64::from(i32::MAX))? as u32,
            _ => {}
        }
        Ok(())
    }
}

/// Kafka's own lower bound of 14 bytes is an empty legacy segment; the tests of small segments need it low.
const SEGMENT_BYTES_MIN: i64 = 14;

struct Setting<'a> {
    key: &'a str,
    value: &'a str,
}

impl Setting<'_> {
    fn refuse<T>(&self, reason: &'static str) -> Result<T, ConfigError> {
        Err(ConfigError { key: self.key.to_owned(), value: self.value.to_owned(), reason })
    }

    fn number(&self, least: i64, most: i64) -> Result<i64, ConfigError> {
        match self.value.trim().parse::<i64>() {
            Err(_) => self.refuse("not a number of the right size"),
            Ok(number) if number < least => self.refuse("value is too small"),
            Ok(number) if number > most => self.refuse("value is too large"),
            Ok(number) => Ok(number),
        }
    }

    fn ratio(&self) -> Result<f64, ConfigError> {
        match self.value.trim().parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
            _ => self.refuse("must lie between 0 and 1"),
        }
    }

    fn cleanup_policy(&self) -> Result<CleanupPolicy, ConfigError> {
        let (mut compact, mut delete) = (false, false);
        for policy in self.value.split(',').map(str::trim) {
            match policy {
                "compact" => compact = true,
                "delete" => delete = true,
                _ => return self.refuse("must be compact, delete or both"),
            }
        }
        Ok(match (compact, delete) {
            (true, true) => CleanupPolicy::CompactAndDelete,
            (true, false) => CleanupPolicy::Compact,
            _ => CleanupPolicy::Delete,
        })
    }

    fn timestamp_type(&self) -> Result<TimestampType, ConfigError> {
        match self.value.trim() {
            "CreateTime" => Ok(TimestampType::CreateTime),
            "LogAppendTime" => Ok(TimestampType::LogAppendTime),
            _ => self.refuse("must be CreateTime or LogAppendTime"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_every_setting_by_its_kafka_name() {
        let config = LogConfig::of([
            ("segment.bytes", "1048576"),
            ("segment.ms", "1"),
            ("retention.bytes", "2"),
            ("retention.ms", "-1"),
            ("cleanup.policy", "compact, delete"),
            ("delete.retention.ms", "3"),
            ("min.compaction.lag.ms", "4"),
            ("max.compaction.lag.ms", "5"),
            ("min.cleanable.dirty.ratio", "0.1"),
            ("max.message.bytes", "6"),
            ("message.timestamp.type", "LogAppendTime"),
            ("message.timestamp.before.max.ms", "7"),
            ("message.timestamp.after.max.ms", "8"),
            ("index.interval.bytes", "9"),
            ("compression.type", "producer"),
        ]);
        let expected = LogConfig {
            segment_bytes: 1_048_576,
            segment_ms: 1,
            retention_bytes: Some(2),
            retention_ms: None,
            cleanup_policy: CleanupPolicy::CompactAndDelete,
            delete_retention_ms: 3,
            min_compaction_lag_ms: 4,
            max_compaction_lag_ms: 5,
            min_cleanable_dirty_ratio: 0.1,
            max_message_bytes: 6,
            message_timestamp_type: TimestampType::LogAppendTime,
            message_timestamp_before_max_ms: 7,
            message_timestamp_after_max_ms: 8,
            index_interval_bytes: 9,
        };
        assert_eq!(config, Ok(expected));
    }

    #[test]
    fn refuses_what_kafka_refuses() {
        let check = |key: &str, value: &str, reason| {
            let refused = ConfigError { key: key.to_owned(), value: value.to_owned(), reason };
            assert_eq!(LogConfig::of([(key, value)]), Err(refused));
        };
        check("segment.bytes", "1e6", "not a number of the right size");
        check("segment.bytes", "2147483648", "value is too large");
        check("retention.ms", "-2", "value is too small");
        check("cleanup.policy", "compress", "must be compact, delete or both");
        check("min.cleanable.dirty.ratio", "1.5", "must lie between 0 and 1");
        check("message.timestamp.type", "createtime", "must be CreateTime or LogAppendTime");
    }
}
