//! Transforms and predicates: pure functions from record to record.

use crate::{Origin, Record, Result};

/// Changes records one by one, in place (`Transformation` in the JVM, a Single Message Transform to its users).
///
/// The worker owns one instance per task and calls it in order, so caches need no lock. An error goes through
/// `errors.tolerance`; transforms are pure, so it is not retried. What a record holds after an error or after
/// [`Fate::Dropped`] is of no meaning: nobody looks at it again.
pub trait Transform: Send {
    fn apply(&mut self, record: &mut Record, origin: Origin<'_>) -> Result<Fate>;
}

/// Whether a record goes on after a transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Dropped,
}

impl Fate {
    pub fn kept_if(kept: bool) -> Self {
        if kept { Fate::Kept } else { Fate::Dropped }
    }
}

/// Decides whether a transform applies to a record.
pub trait Predicate: Send {
    fn test(&mut self, record: &Record) -> Result<bool>;
}
