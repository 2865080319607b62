//! Row events: TABLE_MAP tells the table, the row events that follow hold its rows.

use std::sync::Arc;

use connect_api::{Bytes, OffsetMap};
use connect_cdc::envelope::Operation;
use connect_cdc::table::TableId;

use crate::binlog::event::{Event, Rows, RowsKind, table_map};
use crate::catalog::PlannedTable;
use crate::config::InconsistentSchema;
use crate::decode::{DecodeError, RowDecoder, TableMap};
use crate::error::MysqlError;
use crate::records::{Offsets, Origin, RowChange};

use super::Streaming;

/// A table as a TABLE_MAP event described it.
#[derive(Clone)]
pub(super) struct MappedTable {
    /// The event's body: an equal one says nothing new.
    body: Bytes,
    target: Target,
}

#[derive(Clone)]
enum Target {
    Ignored,
    Captured(Arc<Captured>),
    /// The log's columns are not those of the model.
    Mismatched(TableId, DecodeError),
    Unknown(TableId),
}

/// A captured table with the decoder for the way the log encodes it.
struct Captured {
    planned: Arc<PlannedTable>,
    decoder: RowDecoder,
}

/// The id that ends a statement's row events where they have no rows.
const DUMMY_TABLE: u64 = 0x00ff_ffff;

impl Streaming<'_> {
    pub(super) fn table_map(&mut self, event: &Event) -> Result<(), MysqlError> {
        let id = event.body.get(..6).map(|id| id.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        if let Some(known) = id.and_then(|id| self.maps.get(&id))
            && known.body == event.body
        {
            return Ok(());
        }
        let map = table_map(event).map_err(|error| self.broken(event, error))?;
        let target = self.target(&map);
        // The body is kept for long: a copy does not pin what it came in.
        let body = Bytes::copy_from_slice(&event.body);
        self.maps.insert(map.table_id, MappedTable { body, target });
        Ok(())
    }

    fn target(&mut self, map: &TableMap) -> Target {
        let id = TableId::in_database(&map.database, &map.table);
        if !self.catalog.filter.table(&id) {
            return Target::Ignored;
        }
        let Some(planned) = self.catalog.plan(&id) else {
            return Target::Unknown(id);
        };
        match planned.rows.bind(map) {
            Ok(decoder) => Target::Captured(Arc::new(Captured { planned, decoder })),
            Err(error) => Target::Mismatched(id, error),
        }
    }

    pub(super) async fn rows(&mut self, event: &Event, kind: RowsKind) -> Result<(), MysqlError> {
        if self.resume.skipping || !self.source_accepted {
            return Ok(());
        }
        // What a restart skips is in this event or nowhere.
        let skip = std::mem::take(&mut self.resume.rows);
        let rows = Rows::parse(event, kind).map_err(|error| self.broken(event, error))?;
        if rows.table_id == DUMMY_TABLE {
            return Ok(());
        }
        let Some(mapped) = self.maps.get(&rows.table_id) else {
            let problem = format!("rows of table number {} come without its description", rows.table_id);
            return Err(MysqlError::Binlog { position: self.place(), problem });
        };
        let captured = match &mapped.target {
            Target::Ignored => return Ok(()),
            Target::Captured(captured) => captured.clone(),
            Target::Mismatched(id, error) => return self.inconsistent(id.clone(), Some(error.clone())),
            Target::Unknown(id) => return self.inconsistent(id.clone(), None),
        };
        self.set_time(event);
        self.emit_rows(&captured, &rows, kind, skip).await
    }

    /// Rows of a captured table whose structure is not known.
    fn inconsistent(&self, table: TableId, mismatch: Option<DecodeError>) -> Result<(), MysqlError> {
        let error = match mismatch {
            Some(error) => MysqlError::Row { table: table.to_string(), problem: error.to_string() },
            None => MysqlError::UnknownTable { table: table.to_string(), position: self.place() },
        };
        match self.settings.shared.events.inconsistent_schema {
            InconsistentSchema::Fail => Err(error),
            InconsistentSchema::Warn => {
                tracing::warn!(%error, "rows are left out");
                Ok(())
            }
            InconsistentSchema::Skip => Ok(()),
        }
    }

    async fn emit_rows(
        &mut self,
        captured: &Captured,
        rows: &Rows,
        kind: RowsKind,
        skip: u64,
    ) -> Result<(), MysqlError> {
        let operation = match kind {
            RowsKind::Write => Operation::Create,
            RowsKind::Update => Operation::Update,
            RowsKind::Delete => Operation::Delete,
        };
        if self.settings.shared.work.skipped_operations.contains(operation) {
            return Ok(());
        }
        let Captured { planned, decoder } = captured;
        let failed =
            |error: DecodeError| MysqlError::Row { table: planned.full_name.to_string(), problem: error.to_string() };
        let mut origin = self.origin();
        let mut done = self.position.offset();
        let mut at = 0;
        let mut row = 0_u64;
        while at < rows.images.len() {
            let start = at;
            let first = decoder.decode(&rows.images, &mut at, &rows.present).map_err(failed)?;
            let (before, after) = match kind {
                RowsKind::Write => (None, Some(first)),
                RowsKind::Delete => (Some(first), None),
                RowsKind::Update => {
                    let after = decoder.decode(&rows.images, &mut at, &rows.present_after).map_err(failed)?;
                    (Some(first), Some(after))
                }
            };
            if at == start {
                // An image of no bytes would repeat without end.
                return Err(failed(DecodeError::Truncated));
            }
            row += 1;
            if row <= skip {
                continue;
            }
            origin.row = usize::try_from(row - 1).unwrap_or(usize::MAX);
            self.position.complete_row(row);
            let change = RowChange {
                operation,
                before,
                after,
                transaction: Default::default(),
                offsets: Offsets { before: done.clone(), after: done },
            };
            done = self.emit_row(planned, change, &origin);
            if self.output.is_full() {
                self.output.flush().await;
            }
        }
        Ok(())
    }

    /// Emits a change that has the offset before it, and answers with the offset behind it.
    fn emit_row(&mut self, planned: &PlannedTable, mut change: RowChange, origin: &Origin) -> Arc<OffsetMap> {
        if self.settings.shared.values.skip_unchanged
            && let (Some(old), Some(new)) = (&change.before, &change.after)
            && planned.plan.unchanged(old, new)
        {
            return change.offsets.before;
        }
        // The offset counts the events of the transaction, so it is made after this one is counted.
        if self.position.transaction.id().is_some() {
            let moved = match (&change.before, &change.after) {
                (Some(old), Some(new)) => !planned.plan.same_key(old, new),
                _ => false,
            };
            let places = if moved { &mut change.transaction[..] } else { &mut change.transaction[..1] };
            for place in places {
                *place = self.position.transaction.event(&planned.full_name);
            }
        }
        let after = self.position.offset();
        change.offsets.after = after.clone();
        self.maker.row(planned, change, origin, self.output);
        after
    }

    /// An update logged as a JSON difference can't be shown whole.
    pub(super) fn partial_rows(&mut self, event: &Event) -> Result<(), MysqlError> {
        let id = event.body.get(..6).map(|id| id.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        match id.and_then(|id| self.maps.get(&id)).map(|mapped| &mapped.target) {
            Some(Target::Captured(captured)) if !self.resume.skipping => {
                Err(MysqlError::PartialJson { table: captured.planned.full_name.to_string(), position: self.place() })
            }
            _ => Ok(()),
        }
    }
}
