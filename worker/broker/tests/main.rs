//! The broker's scenarios.

#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod log;
