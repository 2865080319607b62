//! The structure part of a snapshot: CREATE statements of the server, recorded in the schema history.

use connect_cdc::envelope::Now;
use connect_cdc::filter::TableFilter;
use connect_cdc::history::HistoryRecord;
use connect_cdc::schema_change::SchemaChange;
use connect_cdc::source_info::SnapshotMarker;
use connect_cdc::table::{TableChange, TableId};

use crate::connection::{Session, quoted, text};
use crate::error::MysqlError;
use crate::offset::Position;

use super::{Snapshot, origin};

/// All tables that a user may have made, in the order of their names.
pub(super) async fn tables(session: &mut Session, filter: &TableFilter) -> Result<Vec<TableId>, MysqlError> {
    let databases: Vec<String> = session.rows("SHOW DATABASES").await?.iter().filter_map(|row| text(row, 0)).collect();
    let mut tables = Vec::new();
    for database in databases.iter().filter(|name| !filter.is_builtin(name)) {
        let statement = format!("SHOW FULL TABLES IN {} WHERE Table_type = 'BASE TABLE'", quoted(database));
        let rows = match session.rows(&statement).await {
            Ok(rows) => rows,
            Err(error) if error.is_connection() => return Err(error),
            Err(error) => {
                // A database that the user may not see, or that is gone by now.
                tracing::warn!(%error, database, "the tables of a database can't be listed; it is left out");
                continue;
            }
        };
        tables.extend(rows.iter().filter_map(|row| text(row, 0)).map(|table| TableId::in_database(database, table)));
    }
    tables.sort();
    Ok(tables)
}

/// Reads the structure of the tables and records it.
pub(super) struct Structure<'a, 'b> {
    pub(super) snapshot: &'a mut Snapshot<'b>,
    pub(super) session: &'a mut Session,
    /// What the records carry: where the log goes on.
    pub(super) position: &'a Position,
}

/// A statement of the snapshot with what it did.
struct Step {
    database: String,
    table: Option<String>,
    ddl: String,
    changes: Vec<TableChange>,
}

impl Structure<'_, '_> {
    pub(super) async fn read(mut self, tables: &[TableId]) -> Result<(), MysqlError> {
        let history = &self.snapshot.settings.shared.history;
        let filter = &self.snapshot.catalog.filter;
        let wanted = |id: &&TableId| match (history.captured_tables_only, history.captured_databases_only) {
            (true, _) => filter.table(id),
            (false, true) => filter.database(&id.catalog),
            (false, false) => true,
        };
        let tables: Vec<TableId> = tables.iter().filter(wanted).cloned().collect();
        let mut steps = vec![self.server_charset().await?];
        steps.extend(tables.iter().map(|id| Step {
            database: id.catalog.clone(),
            table: Some(id.table.clone()),
            ddl: format!("DROP TABLE IF EXISTS {}.{}", quoted(&id.catalog), quoted(&id.table)),
            changes: vec![TableChange::Drop { id: id.clone(), table: None }],
        }));
        let mut database = None;
        for id in &tables {
            if database != Some(&id.catalog) {
                database = Some(&id.catalog);
                steps.extend(self.database(&id.catalog).await?);
            }
            steps.extend(self.table(id).await?);
        }
        self.record(steps).await
    }

    async fn server_charset(&mut self) -> Result<Step, MysqlError> {
        let charset = self.session.variable("character_set_server").await?.unwrap_or_default();
        let collation = self.session.variable("collation_server").await?.unwrap_or_default();
        let ddl = format!("SET character_set_server={charset}, collation_server={collation}");
        self.apply("", &ddl)?;
        Ok(Step { database: String::new(), table: None, ddl, changes: Vec::new() })
    }

    async fn database(&mut self, name: &str) -> Result<Vec<Step>, MysqlError> {
        let statement = format!(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME = '{}'",
            name.replace('\\', "\\\\").replace('\'', "''")
        );
        let rows = self.session.rows(&statement).await?;
        let charset = rows.first().and_then(|row| text(row, 0)).unwrap_or_default();
        let collation = rows.first().and_then(|row| text(row, 1)).unwrap_or_default();
        let quoted = quoted(name);
        let statements = [
            format!("DROP DATABASE IF EXISTS {quoted}"),
            format!("CREATE DATABASE {quoted} CHARSET {charset} COLLATE {collation}"),
            format!("USE {quoted}"),
        ];
        let mut steps = Vec::new();
        for ddl in statements {
            self.apply(name, &ddl)?;
            steps.push(Step { database: name.to_owned(), table: None, ddl, changes: Vec::new() });
        }
        Ok(steps)
    }

    async fn table(&mut self, id: &TableId) -> Result<Option<Step>, MysqlError> {
        let statement = format!("SHOW CREATE TABLE {}.{}", quoted(&id.catalog), quoted(&id.table));
        let captured = self.snapshot.catalog.filter.table(id);
        let rows = match self.session.rows(&statement).await {
            Ok(rows) => rows,
            Err(error) if captured || error.is_connection() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, table = %id, "the structure of a table that is not captured can't be read");
                return Ok(None);
            }
        };
        let Some(ddl) = rows.first().and_then(|row| text(row, 1)) else { return Ok(None) };
        let changes = match self.snapshot.catalog.apply(&id.catalog, &ddl) {
            Ok(changes) => changes.into_iter().flat_map(|change| change.table_changes).collect(),
            Err(error) if captured && !self.snapshot.settings.shared.history.skip_unparseable => {
                return Err(error.into());
            }
            Err(error) => {
                tracing::warn!(%error, table = %id, "the structure of a table is left out");
                return Ok(None);
            }
        };
        Ok(Some(Step { database: id.catalog.clone(), table: Some(id.table.clone()), ddl, changes }))
    }

    fn apply(&mut self, database: &str, ddl: &str) -> Result<(), MysqlError> {
        self.snapshot.catalog.apply(database, ddl)?;
        Ok(())
    }

    /// Writes the history first: a record that needs it must never come before it.
    async fn record(&mut self, steps: Vec<Step>) -> Result<(), MysqlError> {
        let offset = self.position.snapshot_offset(false);
        let record = |step: &Step| HistoryRecord {
            server: self.snapshot.settings.server.prefix.clone(),
            position: (*offset).clone(),
            database: step.database.clone(),
            ddl: step.ddl.clone(),
            changes: step.changes.clone(),
        };
        let records: Vec<HistoryRecord> = steps.iter().map(record).collect();
        self.snapshot.history.append(&records, Now::read()).await?;
        if !self.snapshot.settings.shared.events.schema_changes {
            return Ok(());
        }
        let origin = origin(self.position, self.position.time, SnapshotMarker::Snapshot);
        for step in steps {
            let change = SchemaChange {
                source: connect_api::Value::Null,
                database: &step.database,
                ddl: &step.ddl,
                changes: &step.changes,
            };
            let record = self.snapshot.maker.schema_change(change, &origin, step.table, offset.clone());
            self.snapshot.output.push(record);
            if self.snapshot.output.is_full() {
                self.snapshot.output.flush().await;
            }
        }
        Ok(())
    }
}
