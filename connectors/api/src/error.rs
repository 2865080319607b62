//! Errors with their four kinds: what the worker does about a failure is decided by the kind alone.

use std::{error::Error as StdError, fmt, time::Duration};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the worker does about a failure. Closed on purpose: every `match` on it is exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The outside world may recover. The worker backs off and repeats the same call.
    Retriable,
    /// This record is bad and always will be. `errors.tolerance` decides: skip to the DLQ, or fail.
    Data,
    /// The user must change the configuration. The task fails; REST answers 400.
    Config,
    /// Anything else. The task fails and keeps its trace for `GET /status`.
    Fatal,
}

/// A failure at the contract: its kind, what was tried on what, and the cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    class: Option<&'static str>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), class: None, retry_after: None, source: None }
    }

    pub fn retriable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retriable, message)
    }

    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub fn fatal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Fatal, message)
    }

    /// Names the Java exception that the JVM would have thrown, where it is not the one of the kind.
    pub fn class(mut self, class: &'static str) -> Self {
        self.class = Some(class);
        self
    }

    /// Asks the worker to wait this long before it repeats the call (`SinkTaskContext.timeout`).
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The Java class that dead letter headers, logs and traces name for this failure.
    pub fn java_class(&self) -> &'static str {
        self.class.unwrap_or(match self.kind {
            ErrorKind::Retriable => "org.apache.kafka.connect.errors.RetriableException",
            ErrorKind::Data => "org.apache.kafka.connect.errors.DataException",
            ErrorKind::Config => "org.apache.kafka.common.config.ConfigException",
            ErrorKind::Fatal => "org.apache.kafka.connect.errors.ConnectException",
        })
    }

    /// The chain of causes in the form of a Java stack trace, as `GET /status` and dead letters show it.
    pub fn trace(&self) -> String {
        let mut text = format!("{}: {}\n", self.java_class(), self.message);
        let mut source = self.source();
        while let Some(cause) = source {
            match cause.downcast_ref::<Error>() {
                Some(error) => text += &format!("Caused by: {}: {}\n", error.java_class(), error.message),
                None => text += &format!("Caused by: {cause}\n"),
            }
            source = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_names_every_cause_once() {
        let cause = Error::data("Field does not exist: zz");
        let error = Error::fatal("Tolerance exceeded in error handler").caused_by(cause);
        assert_eq!(
            error.trace(),
            "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler\n\
             Caused by: org.apache.kafka.connect.errors.DataException: Field does not exist: zz\n"
        );
    }
}
