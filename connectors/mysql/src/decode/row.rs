//! Rows: which columns of a table are read, what they look like, and the walk over a row image.

use connect_api::{Bytes, Schema, Value};
use connect_cdc::table::{Column, Table};

use super::{DecodeError, Options, TableMap};

/// The captured columns of one table version, with their schemas.
#[derive(Clone, Debug)]
pub struct RowPlan {
    table: String,
    columns: Vec<usize>,
    schemas: Vec<Schema>,
    names: Vec<String>,
}

impl RowPlan {
    /// Plans the columns that `captured` accepts, in their order.
    ///
    /// `propagated` tells which columns carry their source type as schema parameters
    /// (`column.propagate.source.type`, `datatype.propagate.source.type`).
    pub fn new(
        table: &Table,
        options: &Options,
        captured: impl Fn(&Column) -> bool,
        propagated: impl Fn(&Column) -> bool,
    ) -> Self {
        let _ = (options, propagated);
        let columns: Vec<usize> = (0..table.columns.len()).filter(|at| captured(&table.columns[*at])).collect();
        let names = columns.iter().map(|at| table.columns[*at].name.clone()).collect();
        Self { table: table.id.to_string(), columns, schemas: Vec::new(), names }
    }

    /// Names and schemas of the captured columns; values come in the same order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.names.iter().map(String::as_str).zip(&self.schemas)
    }

    /// The values of a snapshot row: `SELECT` of all the table's columns by the text protocol, in UTF-8 and with the
    /// session time zone `+00:00`.
    pub fn from_text(&self, row: &[Option<Bytes>]) -> Result<Vec<Value>, DecodeError> {
        let _ = row;
        Err(DecodeError::Truncated)
    }

    /// Joins the plan with the way the server encodes this table's rows. Fails when the column counts differ.
    pub fn bind(&self, map: &TableMap) -> Result<RowDecoder, DecodeError> {
        let _ = (&self.columns, &self.table, map);
        Ok(RowDecoder {})
    }
}

/// Decodes the row images of one table.
#[derive(Clone, Debug)]
pub struct RowDecoder {}

impl RowDecoder {
    /// Reads one row image that starts at `at` in the body of a row event, and moves `at` behind it.
    ///
    /// `present` is the event's bitmap of columns that the image holds. A captured column without a value in the
    /// image is an error: it can't be told from NULL otherwise.
    pub fn decode(&self, body: &Bytes, at: &mut usize, present: &[u8]) -> Result<Vec<Value>, DecodeError> {
        let _ = (body, at, present);
        Err(DecodeError::Truncated)
    }
}
