//! What can go wrong with a file, and what the worker does about it.

use std::io;

use connect_api::Error;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("could not open file '{path}' for reading")]
    Open { path: String, source: io::Error },
    #[error("could not read file '{path}'")]
    Read { path: String, source: io::Error },
    #[error("file '{path}' has a line of more than {max} bytes from position {position}, which is no text")]
    LongLine { path: String, position: u64, max: usize },
    /// In the words of the JVM.
    #[error("Offset position is the incorrect type")]
    StoredPosition,
    /// In the words of the JVM.
    #[error("Couldn't find or create file '{path}' for FileStreamSinkTask")]
    Create { path: String, source: io::Error },
    #[error("could not write to {target}: {source}")]
    Write { target: String, source: io::Error },
    /// Offsets that a user wants stored; in the words of the JVM.
    #[error("{0}")]
    Offsets(&'static str),
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::Open { source, .. } | FileError::Read { source, .. } | FileError::Create { source, .. } => {
                Error::fatal(message).caused_by(source)
            }
            FileError::Write { source, .. } => {
                let error = if may_recover(&source) { Error::retriable(message) } else { Error::fatal(message) };
                error.caused_by(source)
            }
            FileError::LongLine { .. } | FileError::StoredPosition | FileError::Offsets(_) => Error::fatal(message),
        }
    }
}

/// A full disk is made room on; most else needs another file or another permission.
fn may_recover(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
            | io::ErrorKind::WouldBlock
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_api::ErrorKind;

    #[test]
    fn every_failure_has_its_kind() {
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        let path = || "f".to_owned();
        let check = |error: FileError, kind: ErrorKind| assert_eq!(Error::from(error).kind(), kind);
        check(FileError::Open { path: path(), source: io(io::ErrorKind::PermissionDenied) }, ErrorKind::Fatal);
        check(FileError::Read { path: path(), source: io(io::ErrorKind::IsADirectory) }, ErrorKind::Fatal);
        check(FileError::LongLine { path: path(), position: 0, max: 1 }, ErrorKind::Fatal);
        check(FileError::StoredPosition, ErrorKind::Fatal);
        check(FileError::Create { path: path(), source: io(io::ErrorKind::NotFound) }, ErrorKind::Fatal);
        check(FileError::Write { target: path(), source: io(io::ErrorKind::StorageFull) }, ErrorKind::Retriable);
        check(FileError::Write { target: path(), source: io(io::ErrorKind::BrokenPipe) }, ErrorKind::Fatal);
        check(FileError::Offsets("no"), ErrorKind::Fatal);
    }
}
