//! The broker's scenarios.
mod log;
