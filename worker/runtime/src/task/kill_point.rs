//! Moments at which a test asks the worker to die as `kill -9` would: `MILLRACE_KILL_AT=after_send`.
//!
//! Only debug builds look; in a release build the calls are nothing.

#[cfg(debug_assertions)]
use std::sync::OnceLock;

/// Dies here when this is the moment that was asked for.
#[cfg(debug_assertions)]
pub(crate) fn kill_point(moment: &str) {
    static ASKED: OnceLock<Option<String>> = OnceLock::new();
    if ASKED.get_or_init(|| std::env::var("MILLRACE_KILL_AT").ok()).as_deref() == Some(moment) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn kill_point(_moment: &str) {}
