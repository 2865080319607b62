//! How a table becomes records: plans per table, envelope, names, snapshot modes, history.

pub mod decimal;
pub mod table;
pub mod table_json;
pub mod temporal;
