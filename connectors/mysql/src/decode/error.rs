//! Why bytes could not become values.

use connect_api::{Error, ErrorKind};

/// A failure to read a row. None of them can heal by trying again: the bytes or the table model are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the bytes of the event end too early")]
    Truncated,
    #[error("{0}")]
    Damaged(&'static str),
    /// The model and the log disagree: a DDL statement was missed. The text is the one that users search for.
    #[error(
        "Error processing row in {table}, internal schema size {model}, but row size {row} , restart connector with \
         schema recovery mode."
    )]
    ColumnCount { table: String, model: usize, row: usize },
    #[error("can't read column {column} of table {table}: {problem}")]
    Column { table: String, column: String, problem: String },
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        let kind = match error {
            DecodeError::Truncated | DecodeError::Damaged(_) | DecodeError::Column { .. } => ErrorKind::Data,
            DecodeError::ColumnCount { .. } => ErrorKind::Fatal,
        };
        Error::new(kind, error.to_string())
    }
}
