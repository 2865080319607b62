//! Integration tests of the runtime that need no services.

mod cluster;
mod golden;
