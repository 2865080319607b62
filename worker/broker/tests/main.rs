//! The broker's scenarios.

#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod clients;
mod crash;
mod full_disk;
mod harness;
mod limits;
mod log;
mod model;
mod restart;
