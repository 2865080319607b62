//! A bulk request being gathered: one buffer of bytes and what is known of each operation in it.

use std::{
    hash::{DefaultHasher, Hasher},
    time::Instant,
};

use crate::{json, tracker::Ticket};

/// One bulk request: its body, and an entry for each operation.
#[derive(Debug)]
pub(crate) struct Bulk {
    pub(crate) body: Vec<u8>,
    pub(crate) operations: Vec<Operation>,
    /// When its first operation came, from where `linger.ms` counts.
    pub(crate) opened: Instant,
    /// Size as the limit of bytes counts it: documents and a fixed part per operation.
    pub(crate) estimate: usize,
}

#[derive(Debug)]
pub(crate) struct Operation {
    /// Where its lines end in the body; they start where those of the operation before end.
    pub(crate) end: usize,
    pub(crate) order: Order,
    pub(crate) ticket: Ticket,
}

/// What the server does to keep operations on one document in their order, and so what we must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The operation carries a version of its own: an older one that comes late is refused.
    Versioned(DocumentHash),
    /// The last one to come wins, so nothing may overtake.
    Arrival(DocumentHash),
    /// `create` in a data stream: the first one wins, a second one is refused.
    First(DocumentHash),
    /// No other operation is on the same document.
    Free,
}

impl Order {
    pub(crate) fn document(self) -> Option<DocumentHash> {
        match self {
            Order::Versioned(document) | Order::Arrival(document) | Order::First(document) => Some(document),
            Order::Free => None,
        }
    }
}

/// Names a document by its index and id. Two documents with one hash are kept in order like one, which costs time
/// but never correctness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DocumentHash(u64);

impl DocumentHash {
    pub(crate) fn of(index: &str, id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(index.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(id.as_bytes());
        Self(hasher.finish())
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// What the limit of bytes counts for an operation besides its document.
const OPERATION_BYTES: usize = 50;

/// The first line of an operation.
#[derive(Debug)]
pub(crate) struct Action<'a> {
    pub(crate) kind: Kind,
    /// The index name as JSON.
    pub(crate) index: &'a [u8],
    pub(crate) id: Option<&'a str>,
    pub(crate) version: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Index,
    Create,
    Delete,
    /// An update that inserts when there is no document; retried by the server this often on conflicts.
    Upsert {
        retry_on_conflict: i32,
    },
}

impl Action<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.kind {
            Kind::Index => b"{\"index\":{\"_index\":",
            Kind::Create => b"{\"create\":{\"_index\":",
            Kind::Delete => b"{\"delete\":{\"_index\":",
            Kind::Upsert { .. } => b"{\"update\":{\"_index\":",
        });
        out.extend_from_slice(self.index);
        if let Some(id) = self.id {
            out.extend_from_slice(b",\"_id\":");
            json::text(id, out);
        }
        if let Some(version) = self.version {
            out.extend_from_slice(b",\"version\":");
            json::integer(version, out);
            out.extend_from_slice(b",\"version_type\":\"external\"");
        }
        if let Kind::Upsert { retry_on_conflict } = self.kind {
            out.extend_from_slice(b",\"retry_on_conflict\":");
            json::integer(retry_on_conflict, out);
        }
        out.extend_from_slice(b"}}\n");
    }
}

impl Bulk {
    /// An empty bulk that writes into a buffer used before.
    pub(crate) fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { body: buffer, operations: Vec::new(), opened: Instant::now(), estimate: 0 }
    }

    /// Takes in an operation whose lines were written to the body.
    pub(crate) fn push(&mut self, order: Order, ticket: Ticket) {
        if self.operations.is_empty() {
            self.opened = Instant::now();
        }
        let end = self.body.len();
        self.operations.push(Operation { end, order, ticket });
    }

    /// Counts the bytes of an operation's document.
    pub(crate) fn count(&mut self, document_bytes: usize) {
        self.estimate += document_bytes + OPERATION_BYTES;
    }

    pub(crate) fn len(&self) -> usize {
        self.operations.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Bytes of all operations; the body itself may be under way.
    pub(crate) fn bytes(&self) -> usize {
        self.operations.last().map_or(0, |operation| operation.end)
    }

    /// The lines of one operation, in a body of this bulk.
    pub(crate) fn lines<'a>(&self, body: &'a [u8], at: usize) -> &'a [u8] {
        let start = if at == 0 { 0 } else { self.operations[at - 1].end };
        &body[start..self.operations[at].end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(action: &Action<'_>) -> String {
        let mut out = Vec::new();
        action.write(&mut out);
        String::from_utf8(out).expect("JSON is text")
    }

    #[test]
    fn first_lines_name_index_id_and_version() {
        let action = |kind, id, version| Action { kind, index: b"\"i\"", id, version };
        assert_eq!(
            line(&action(Kind::Index, Some("a\"b"), Some(7))),
            "{\"index\":{\"_index\":\"i\",\"_id\":\"a\\\"b\",\"version\":7,\"version_type\":\"external\"}}\n"
        );
        assert_eq!(line(&action(Kind::Create, None, None)), "{\"create\":{\"_index\":\"i\"}}\n");
        assert_eq!(
            line(&action(Kind::Upsert { retry_on_conflict: 5 }, Some("a"), None)),
            "{\"update\":{\"_index\":\"i\",\"_id\":\"a\",\"retry_on_conflict\":5}}\n"
        );
    }

    #[test]
    fn documents_of_two_indices_differ() {
        assert_ne!(DocumentHash::of("ab", "c"), DocumentHash::of("a", "bc"));
        assert_eq!(DocumentHash::of("a", "b"), DocumentHash::of("a", "b"));
    }
}
