//! What went wrong, and what that means for a record or the task.

use connect_api::Error;

use crate::answer::{Cause, Item};

/// A failed exchange with the servers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No answer: not connected, connection lost, or too slow.
    #[error("could not reach {node}: {reason}")]
    Unreachable { node: String, reason: String },
    /// An answer that is no success.
    #[error("{node} answered HTTP {status}{}", detail(.cause))]
    Refused { node: String, status: u16, cause: Cause },
    /// An answer that can't be read.
    #[error("{node} gave an answer that is not understood: {reason}")]
    Unreadable { node: String, reason: String },
    /// A client that can't be made of the settings.
    #[error("{0}")]
    Settings(String),
}

fn detail(cause: &Cause) -> String {
    match cause.to_string() {
        text if text.is_empty() => String::new(),
        text => format!(" ({text})"),
    }
}

impl CallError {
    /// Whether the same call may succeed later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            CallError::Unreachable { .. } => true,
            CallError::Refused { status, .. } => matches!(status, 408 | 429 | 500..=599),
            CallError::Unreadable { .. } => true,
            CallError::Settings(_) => false,
        }
    }

    /// What the user can do about it, for messages; empty when nothing is known.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            CallError::Refused { status: 401, .. } => {
                "; check 'connection.username' and 'connection.password' or 'connection.api.key'"
            }
            CallError::Refused { status: 403, .. } => "; the user lacks a privilege, or the index is blocked",
            CallError::Refused { status: 413, .. } => "; lower 'bulk.size.bytes' or 'batch.size'",
            CallError::Unreachable { .. } => "; check 'connection.url' and 'read.timeout.ms'",
            CallError::Refused { .. } | CallError::Unreadable { .. } | CallError::Settings(_) => "",
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Settings(message) => Error::config(message),
            CallError::Unreachable { .. } | CallError::Refused { .. } | CallError::Unreadable { .. } => {
                let message = format!("{error}{}", error.hint());
                Error::fatal(message)
            }
        }
    }
}

/// What an item of a bulk answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Written, or deleted, or nothing there to delete.
    Done,
    /// The server has no capacity for it now.
    Later,
    /// The server holds a newer version, or the document is there already.
    Conflict,
    /// The document itself is bad and always will be.
    Malformed,
    /// The server refuses for another reason.
    Refused,
}

/// Kinds of errors that are the document's own fault.
const MALFORMED: [&str; 5] = [
    "strict_dynamic_mapping_exception",
    "mapper_parsing_exception",
    "illegal_argument_exception",
    "action_request_validation_exception",
    "document_parsing_exception",
];
const CONFLICT: &str = "version_conflict_engine_exception";
/// Kinds that say "not now" whatever the status: thread pools full, memory short, shards on the move.
const LATER: [&str; 5] = [
    "es_rejected_execution_exception",
    "rejected_execution_exception",
    "circuit_breaking_exception",
    "unavailable_shards_exception",
    "process_cluster_event_timeout_exception",
];

pub(crate) fn verdict(item: &Item) -> Verdict {
    let Some(cause) = &item.error else {
        // A delete of what is not there answers 404 without an error.
        return if item.status < 300 || item.status == 404 { Verdict::Done } else { by_status(item.status) };
    };
    let is = |kinds: &[&str]| kinds.contains(&cause.ty.as_str());
    if is(&[CONFLICT]) {
        Verdict::Conflict
    } else if is(&LATER) || matches!(item.status, 429 | 503) {
        Verdict::Later
    } else if is(&MALFORMED) || cause.behind.iter().any(|ty| MALFORMED.contains(&ty.as_str())) {
        Verdict::Malformed
    } else if cause.ty.is_empty() {
        by_status(item.status)
    } else {
        Verdict::Refused
    }
}

fn by_status(status: u16) -> Verdict {
    match status {
        429 | 503 => Verdict::Later,
        409 => Verdict::Conflict,
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use connect_api::ErrorKind;

    use super::*;

    #[test]
    fn items_are_judged_by_the_kind_of_their_error() {
        let check = |status: u16, ty: Option<&str>, expected: Verdict| {
            let error = ty.map(|ty| Cause { ty: ty.into(), ..Cause::default() });
            assert_eq!(verdict(&Item { status, error }), expected, "{status} {ty:?}");
        };
        check(201, None, Verdict::Done);
        check(404, None, Verdict::Done);
        check(500, None, Verdict::Refused);
        check(409, Some("version_conflict_engine_exception"), Verdict::Conflict);
        check(429, Some("es_rejected_execution_exception"), Verdict::Later);
        check(503, Some("unavailable_shards_exception"), Verdict::Later);
        check(400, Some("mapper_parsing_exception"), Verdict::Malformed);
        check(400, Some("document_parsing_exception"), Verdict::Malformed);
        check(400, Some("strict_dynamic_mapping_exception"), Verdict::Malformed);
        check(403, Some("cluster_block_exception"), Verdict::Refused);
        check(404, Some("index_not_found_exception"), Verdict::Refused);
    }

    #[test]
    fn every_failed_call_is_classified() {
        let node = || "h:1".to_owned();
        let refused = |status| CallError::Refused { node: node(), status, cause: Cause::default() };
        let unreachable = || CallError::Unreachable { node: node(), reason: "timed out".into() };
        for (error, may_pass, kind) in [
            (unreachable(), true, ErrorKind::Fatal),
            (refused(429), true, ErrorKind::Fatal),
            (refused(503), true, ErrorKind::Fatal),
            (refused(401), false, ErrorKind::Fatal),
            (CallError::Unreadable { node: node(), reason: "x".into() }, true, ErrorKind::Fatal),
            (CallError::Settings("bad".into()), false, ErrorKind::Config),
        ] {
            assert_eq!(error.may_pass(), may_pass, "{error}");
            assert_eq!(Error::from(error).kind(), kind);
        }
        assert_eq!(
            Error::from(refused(401)).message(),
            "h:1 answered HTTP 401; check 'connection.username' and 'connection.password' or 'connection.api.key'"
        );
    }
}
