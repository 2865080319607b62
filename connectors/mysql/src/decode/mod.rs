//! Turns the bytes of rows into Connect values: from the binlog and from the text rows of a snapshot.
//!
//! A [`RowPlan`] is made once per table version. [`RowPlan::bind`] joins it with a TABLE_MAP event, which says how the
//! server encoded the columns, into a [`RowDecoder`] that then walks the row images of that table.

mod binlog;
mod cell;
mod charset;
mod convert;
mod default;
mod error;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_rows;
mod json;
mod options;
mod row;
mod table_map;
mod target;
mod text;
pub(crate) mod wire;

pub use error::DecodeError;
pub use options::{BigintUnsigned, Binary, ConvertingFailure, DecimalMode, Options, TimePrecision};
pub use row::{RowDecoder, RowPlan};
pub use table_map::{MapColumn, TableMap};

#[cfg(test)]
mod robustness;
#[cfg(test)]
mod second_decoder;
