//! The rows of a snapshot.

use std::{collections::HashMap, sync::Arc};

use connect_api::{Bytes, OffsetMap, Value};
use connect_cdc::envelope::Operation;
use connect_cdc::snapshot::Place;
use connect_cdc::table::TableId;
use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value as Cell};

use crate::catalog::{Catalog, PlannedTable};
use crate::config::{RowCountOrder, Settings};
use crate::connection::{Session, quoted, text};
use crate::error::MysqlError;
use crate::offset::Position;
use crate::records::{Offsets, Origin, Output, RecordMaker, RowChange};

use super::{now, origin};

/// The tables whose rows are read, in the order of the include list, or by size where that is wanted.
pub(super) async fn order(
    session: &mut Session,
    settings: &Settings,
    mut tables: Vec<TableId>,
) -> Result<Vec<TableId>, MysqlError> {
    let events = &settings.shared.events;
    if let Some(include) = &settings.shared.work.snapshot_include {
        tables.retain(|id| include.matches(&id.to_string()));
    }
    tables.sort_by_cached_key(|id| (events.table_include.position(&id.to_string()), id.clone()));
    if events.order_by_rows == RowCountOrder::Disabled {
        return Ok(tables);
    }
    let counts = row_counts(session).await?;
    let count = |id: &TableId| counts.get(&id.to_string()).copied().unwrap_or_default();
    match events.order_by_rows {
        RowCountOrder::Descending => tables.sort_by_key(|id| std::cmp::Reverse(count(id))),
        RowCountOrder::Ascending | RowCountOrder::Disabled => tables.sort_by_key(count),
    }
    Ok(tables)
}

/// The server's estimates.
async fn row_counts(session: &mut Session) -> Result<HashMap<String, u64>, MysqlError> {
    let statement = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), TABLE_ROWS FROM information_schema.TABLES";
    let rows = session.rows(statement).await?;
    let count = |row: &Row| Some((text(row, 0)?, text(row, 1)?.parse().ok()?));
    Ok(rows.iter().filter_map(count).collect())
}

/// Reads the rows of one table.
pub(super) struct TableRows<'a> {
    pub(super) settings: &'a Settings,
    pub(super) maker: &'a RecordMaker,
    pub(super) catalog: &'a mut Catalog,
    pub(super) output: &'a mut Output,
    pub(super) position: &'a Position,
    pub(super) first_table: bool,
    pub(super) last_table: bool,
}

impl TableRows<'_> {
    pub(super) async fn read(&mut self, session: &mut Session, id: &TableId) -> Result<(), MysqlError> {
        let Some(planned) = self.catalog.plan(id) else {
            return Ok(());
        };
        let time = now(session).await?;
        let offset = self.position.snapshot_offset(false);
        let statement = self.statement(&planned);
        let address = session.conn.opts().ip_or_hostname().to_owned();
        let failed = |error| MysqlError::of_driver(&address, &statement, error);
        let mut result = session.conn.query_iter(statement.as_str()).await.map_err(failed)?;
        // One row is read ahead: a row must know whether it is the last one.
        let mut next = result.next().await.map_err(failed)?;
        let mut count = 0_u64;
        while let Some(row) = next {
            next = result.next().await.map_err(failed)?;
            let place = Place {
                first_table: self.first_table,
                last_table: self.last_table,
                first_row: count == 0,
                last_row: next.is_none(),
            };
            let values = decode(&planned, row)?;
            self.push(&planned, values, &origin(self.position, time, place.marker()), &offset);
            count += 1;
            if self.output.is_full() {
                self.output.flush().await;
            }
        }
        tracing::info!(table = %id, rows = count, "a table was read");
        Ok(())
    }

    fn push(&mut self, planned: &PlannedTable, values: Vec<Value>, origin: &Origin, offset: &Arc<OffsetMap>) {
        if self.settings.shared.work.skipped_operations.contains(Operation::Read) {
            return;
        }
        let change = RowChange {
            operation: Operation::Read,
            before: None,
            after: Some(values),
            transaction: Default::default(),
            offsets: Offsets { before: offset.clone(), after: offset.clone() },
        };
        self.maker.row(planned, change, origin, self.output);
    }

    /// All columns by name, for `*` leaves invisible ones out; of the user's own statement where there is one.
    fn statement(&self, planned: &PlannedTable) -> String {
        let id = &planned.table.id;
        let columns = planned.rows.select_list().join(", ");
        let overrides = &self.settings.shared.select_overrides;
        let mut listed = self.settings.shared.events.select_overrides.iter().flat_map(|list| &list.0);
        let name = id.to_string();
        if listed.any(|entry| entry.eq_ignore_ascii_case(&name))
            && let Some((_, statement)) = overrides.iter().find(|(key, _)| key.eq_ignore_ascii_case(&name))
        {
            return format!("SELECT {columns} FROM ({statement}) AS chosen");
        }
        format!("SELECT {columns} FROM {}.{}", quoted(&id.catalog), quoted(&id.table))
    }
}

fn decode(planned: &PlannedTable, row: Row) -> Result<Vec<Value>, MysqlError> {
    let cell = |cell: Cell| match cell {
        Cell::NULL => None,
        Cell::Bytes(bytes) => Some(Bytes::from(bytes)),
        // The text protocol knows nothing else.
        other => Some(Bytes::from(other.as_sql(true))),
    };
    let cells: Vec<Option<Bytes>> = row.unwrap().into_iter().map(cell).collect();
    let row = planned.rows.from_text(&cells);
    row.map_err(|error| MysqlError::Row { table: planned.full_name.to_string(), problem: error.to_string() })
}
