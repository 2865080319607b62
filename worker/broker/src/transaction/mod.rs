//! Transactions: who may write under a transactional id, what belongs to the open one, and how it ends everywhere.

mod coordinator;
mod records;
mod restore;
pub(crate) mod state;

pub(crate) use coordinator::{Transactions, Writing};
pub(crate) use state::{Phase, Producer, Transaction};
