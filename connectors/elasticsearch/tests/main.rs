//! The sink against a server of this test's own, which keeps documents with versions and fails as it is told to.

mod delivery;
mod documents;
mod faults;
mod order;
mod property;
mod server;
mod setup;
mod validation;
