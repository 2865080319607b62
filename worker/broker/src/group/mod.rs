//! Consumer groups: who is in them, who gets what, and how far each has come.

mod coordinator;
mod join;
pub(crate) mod offsets;
mod rebalance;
mod records;
mod restore;
pub(crate) mod state;
#[cfg(test)]
mod tests;

pub(crate) use coordinator::{Groups, OffsetCommitter};
pub(crate) use join::{Join, Manners};
pub(crate) use offsets::Committed;
pub(crate) use rebalance::Sync;
