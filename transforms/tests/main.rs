//! The transforms against what the JVM's transforms answered.

mod golden;
mod without_recordings;
