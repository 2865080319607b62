//! The binary log: its events, its transactions, and the connection that reads it.

pub mod event;
pub mod gtid;
pub mod stream;
