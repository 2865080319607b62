//! How a table becomes records: plans per table, envelope, names, snapshot modes, history.

pub mod decimal;
pub mod envelope;
pub mod filter;
pub mod heartbeat;
pub mod history;
pub mod mask;
pub mod naming;
pub mod row;
pub mod schema_change;
pub mod snapshot;
pub mod source_info;
pub mod table;
pub mod table_json;
pub mod temporal;
pub mod transaction;
