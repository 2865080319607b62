//! Conformance suites, fault scripts, real services and golden files for tests.

pub mod golden;
pub mod services;
