//! Transforms and predicates: pure functions from record to record.

use crate::{Origin, Record, Result};

/// Changes records one by one, in place (`Transformation` in the JVM, a Single Message Transform to its users).
///
/// The worker owns one instance per task and calls it in order, so caches need no lock. The record is owned: change
/// it, or drop it with `None`. An error goes through `errors.tolerance`; transforms are pure, so it is not retried.
pub trait Transform: Send {
    fn apply(&mut self, record: Record, origin: Origin<'_>) -> Result<Option<Record>>;
}

/// Decides whether a transform applies to a record.
pub trait Predicate: Send {
    fn test(&mut self, record: &Record) -> Result<bool>;
}
