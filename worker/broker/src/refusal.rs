//! An error of Kafka's protocol with the words that go with it.

use kafka_protocol::{error::ResponseError, protocol::StrBytes};

use crate::log::{AppendError, LogError, ReadError};

/// Why a request, or one part of it, is refused. Clients show the message to people.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) error: ResponseError,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(error: ResponseError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }

    pub(crate) fn code(&self) -> i16 {
        self.error.code()
    }

    pub(crate) fn text(&self) -> Option<StrBytes> {
        Some(StrBytes::from_string(self.message.clone()))
    }
}

impl From<ResponseError> for Refusal {
    fn from(error: ResponseError) -> Self {
        Self { error, message: error.to_string() }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        let code = match &error {
            AppendError::CorruptMessage(_) => ResponseError::CorruptMessage,
            AppendError::MessageTooLarge { .. } => ResponseError::MessageTooLarge,
            AppendError::RecordListTooLarge { .. } => ResponseError::RecordListTooLarge,
            AppendError::InvalidRecord(_) => ResponseError::InvalidRecord,
            AppendError::InvalidTimestamp { .. } => ResponseError::InvalidTimestamp,
            AppendError::OutOfOrderSequence { .. } => ResponseError::OutOfOrderSequenceNumber,
            AppendError::InvalidProducerEpoch { .. } => ResponseError::InvalidProducerEpoch,
            AppendError::InvalidTxnState { .. } => ResponseError::InvalidTxnState,
            AppendError::CoordinatorFenced { .. } => ResponseError::TransactionCoordinatorFenced,
            AppendError::Storage(_) => ResponseError::KafkaStorageError,
        };
        Self::new(code, with_source(&error))
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        let code = match &error {
            ReadError::OffsetOutOfRange { .. } => ResponseError::OffsetOutOfRange,
            ReadError::Storage(_) => ResponseError::KafkaStorageError,
        };
        Self::new(code, with_source(&error))
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        Self::new(ResponseError::KafkaStorageError, with_source(&error))
    }
}

/// The error and what caused it, in one line.
pub(crate) fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
