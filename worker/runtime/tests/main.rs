//! Integration tests of the runtime that need no services.

#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod alone;
mod cluster;
mod compose;
mod restarts;
