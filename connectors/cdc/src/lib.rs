//! How a table becomes records: plans per table, envelope, names, snapshot modes, history.

pub mod table;
