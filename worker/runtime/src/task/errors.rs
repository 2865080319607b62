//! What is done about a failure: one table of kind, stage and tolerance. (Invariant 4)

use std::time::Duration;

use connect_api::{Error, ErrorKind, config, config::Problem, config::Setting, config_key};

/// Where a record was when it failed (`Stage` in the JVM).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Transformation,
    KeyConverter,
    ValueConverter,
    HeaderConverter,
    Produce,
    Put,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Stage::Transformation => "TRANSFORMATION",
            Stage::KeyConverter => "KEY_CONVERTER",
            Stage::ValueConverter => "VALUE_CONVERTER",
            Stage::HeaderConverter => "HEADER_CONVERTER",
            Stage::Produce => "KAFKA_PRODUCE",
            Stage::Put => "TASK_PUT",
        }
    }
}

connect_api::setting_enum! {
    /// Whether bad records fail the task (`errors.tolerance`).
    pub enum Tolerance { #[default] None = "none", All = "all" }
}

/// A time limit where -1 means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Within(Duration),
    Forever,
}

impl Setting for Limit {
    const TYPE: config_key::ConfigType = config_key::ConfigType::Long;
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(u64::try_from(i64::parse(text)?).map_or(Limit::Forever, |ms| Limit::Within(Duration::from_millis(ms))))
    }
}

config! {
    /// How a connector's tasks treat failures.
    pub struct ErrorConfig {
        /// How long a failed operation is tried again; -1 without end.
        #[config(key = "errors.retry.timeout", group = "Error Handling", importance = Medium, default = "0")]
        pub retry_timeout: Limit,
        /// The longest pause between tries.
        #[config(key = "errors.retry.delay.max.ms", group = "Error Handling", importance = Medium, default = "60000")]
        pub retry_delay_max: Duration,
        /// Whether bad records fail the task (`none`) or are left out (`all`).
        #[config(key = "errors.tolerance", group = "Error Handling", importance = Medium, default = "none")]
        pub tolerance: Tolerance,
        /// Whether each failure is logged.
        #[config(key = "errors.log.enable", group = "Error Handling", importance = Medium, default = "false")]
        pub log: bool,
        /// Whether the log line names the record.
        #[config(key = "errors.log.include.messages", group = "Error Handling", importance = Medium, default = "false")]
        pub log_messages: bool,
    }
}

/// What to do with a failed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do the same again after a pause.
    Retry,
    /// Leave the record out, having reported it.
    Skip,
    /// Report it and fail the task.
    Fail(Reason),
}

/// Why the task fails, in the JVM's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    NotTolerated,
    NotTolerable,
}

impl Reason {
    pub fn message(self) -> &'static str {
        match self {
            Reason::NotTolerated => "Tolerance exceeded in error handler",
            Reason::NotTolerable => "Unhandled exception in error handler",
        }
    }
}

/// The policy. `time_left` says whether the retry timeout has not passed yet.
pub fn policy(kind: ErrorKind, stage: Stage, tolerance: Tolerance, time_left: bool) -> Verdict {
    let repeatable = match stage {
        Stage::KeyConverter | Stage::ValueConverter | Stage::HeaderConverter | Stage::Produce => true,
        // Transforms are pure, so nothing would change; `put` has its own repetition with the whole batch.
        Stage::Transformation | Stage::Put => false,
    };
    let tolerable = match (stage, kind) {
        (Stage::Transformation | Stage::KeyConverter | Stage::ValueConverter | Stage::HeaderConverter, _) => true,
        (Stage::Produce | Stage::Put, ErrorKind::Retriable | ErrorKind::Data) => true,
        (Stage::Produce | Stage::Put, ErrorKind::Config | ErrorKind::Fatal) => false,
    };
    match (kind, tolerance) {
        (ErrorKind::Retriable, _) if repeatable && time_left => Verdict::Retry,
        (_, Tolerance::None) => Verdict::Fail(Reason::NotTolerated),
        (_, Tolerance::All) if tolerable => Verdict::Skip,
        (_, Tolerance::All) => Verdict::Fail(Reason::NotTolerable),
    }
}

/// A failure of one record, with where it happened and whose fault it was.
#[derive(Debug)]
pub struct Failure {
    pub stage: Stage,
    /// The Java class of the transform or converter.
    pub class: &'static str,
    pub error: Error,
}

impl Failure {
    /// The error the task fails with.
    pub fn into_fatal(self, reason: Reason) -> Error {
        Error::fatal(reason.message()).caused_by(self.error)
    }
}

/// Pauses between tries: 300 ms doubling; beyond the limit random ones below it, so that tasks don't march in step.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    attempt: u32,
    max: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(300);

impl Backoff {
    pub fn new(max: Duration) -> Self {
        Self { attempt: 0, max }
    }

    pub fn pause(&mut self) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.attempt.min(30));
        self.attempt = self.attempt.saturating_add(1);
        if pause <= self.max { pause } else { self.max.mul_f64(random_fraction()) }
    }

    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

fn random_fraction() -> f64 {
    let mut bytes = [0_u8; 4];
    // Without random numbers the pause is the longest, which is right too.
    getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_this_table() {
        use ErrorKind::{Config, Data, Fatal, Retriable};
        let fail = Verdict::Fail(Reason::NotTolerated);
        let check = |kind, stage, none, all| {
            assert_eq!(policy(kind, stage, Tolerance::None, false), none, "{kind:?} {stage:?} none");
            assert_eq!(policy(kind, stage, Tolerance::All, false), all, "{kind:?} {stage:?} all");
        };
        for stage in [Stage::Transformation, Stage::KeyConverter, Stage::ValueConverter, Stage::HeaderConverter] {
            for kind in [Retriable, Data, Config, Fatal] {
                check(kind, stage, fail, Verdict::Skip);
            }
        }
        for stage in [Stage::Produce, Stage::Put] {
            check(Retriable, stage, fail, Verdict::Skip);
            check(Data, stage, fail, Verdict::Skip);
            check(Config, stage, fail, Verdict::Fail(Reason::NotTolerable));
            check(Fatal, stage, fail, Verdict::Fail(Reason::NotTolerable));
        }
        for stage in [Stage::KeyConverter, Stage::ValueConverter, Stage::HeaderConverter, Stage::Produce] {
            assert_eq!(policy(Retriable, stage, Tolerance::None, true), Verdict::Retry);
        }
        assert_eq!(policy(Retriable, Stage::Transformation, Tolerance::All, true), Verdict::Skip);
        assert_eq!(policy(Data, Stage::ValueConverter, Tolerance::All, true), Verdict::Skip);
    }

    #[test]
    fn pauses_double_up_to_the_limit() {
        let mut backoff = Backoff::new(Duration::from_millis(1000));
        let pauses: Vec<u128> = (0..2).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [300, 600]);
        assert!((0..20).all(|_| backoff.pause() <= Duration::from_millis(1000)));
    }
}
