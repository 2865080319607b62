//! Who runs what: decided by a pure state machine, carried out by a thin shell around it.

pub mod assignor;
pub mod connectors;
pub mod driver;
pub mod group_loop;
pub mod local;
pub mod membership;
pub mod protocol;
pub mod request;
pub mod restarts;
pub mod state;
pub mod tasks;
pub mod watch;
