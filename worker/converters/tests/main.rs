//! The converters against what the JVM's converters answered.

mod golden;
mod roundtrip;
