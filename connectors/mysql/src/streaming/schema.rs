//! Statements of the log: DDL is applied to the catalog, recorded in the schema history, and told in messages.

use connect_api::{Value, java::hash_map_order};
use connect_cdc::envelope::{Now, Operation};
use connect_cdc::history::HistoryRecord;
use connect_cdc::schema_change::SchemaChange;
use connect_cdc::table::TableId;

use crate::binlog::event::{Event, Query};
use crate::ddl::{Change as DdlChange, ChangeKind, DdlError};
use crate::error::MysqlError;
use crate::records::{Offsets, RowChange};

use super::Streaming;

/// What a statement of the log is, told by its first words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatementKind {
    Begin,
    Commit,
    Rollback,
    XaStart,
    /// A mark inside a transaction, or one that ends no rows.
    Mark,
    /// A change of rows that was logged as text.
    Data,
    Other,
}

fn statement_kind(statement: &str) -> StatementKind {
    let text = statement.trim_start();
    let starts = |words: &str| text.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
    let is = |word: &str| text.trim_end().eq_ignore_ascii_case(word);
    match () {
        () if is("BEGIN") => StatementKind::Begin,
        () if is("COMMIT") => StatementKind::Commit,
        () if is("ROLLBACK") => StatementKind::Rollback,
        () if starts("XA START") || starts("XA BEGIN") => StatementKind::XaStart,
        () if starts("XA ") || starts("SAVEPOINT") || starts("ROLLBACK TO") || starts("RELEASE SAVEPOINT") => {
            StatementKind::Mark
        }
        () if ["INSERT ", "UPDATE ", "DELETE ", "REPLACE ", "LOAD DATA"].iter().any(|word| starts(word)) => {
            StatementKind::Data
        }
        () => StatementKind::Other,
    }
}

impl Streaming<'_> {
    pub(super) async fn statement(&mut self, event: &Event) -> Result<(), MysqlError> {
        let query = Query::parse(event).map_err(|error| self.broken(event, error))?;
        match statement_kind(&query.statement) {
            StatementKind::Begin => {
                self.begin(event, Some(query.thread));
                Ok(())
            }
            StatementKind::XaStart => {
                self.begin(event, None);
                Ok(())
            }
            StatementKind::Commit | StatementKind::Rollback => {
                self.commit();
                Ok(())
            }
            StatementKind::Mark => Ok(()),
            StatementKind::Data => self.data_statement(&query),
            StatementKind::Other => {
                self.set_time(event);
                let outside = !self.position.in_transaction();
                self.ddl(&query).await?;
                // A statement by itself is a transaction: a restart must not read it again.
                if outside {
                    self.commit();
                }
                Ok(())
            }
        }
    }

    /// Rows that were logged as a statement are lost unless somebody says so.
    fn data_statement(&self, query: &Query) -> Result<(), MysqlError> {
        let table = named_table(&query.statement, &query.database);
        if table.is_some_and(|id| self.catalog.filter.table(&id)) && !self.resume.skipping {
            let statement = query.statement.chars().take(200).collect();
            return Err(MysqlError::StatementFormat { statement, position: self.place() });
        }
        Ok(())
    }

    async fn ddl(&mut self, query: &Query) -> Result<(), MysqlError> {
        if let Some(bits) = query.sql_mode {
            self.catalog.set_sql_mode(bits);
        }
        let changes = match self.catalog.apply(&query.database, &query.statement) {
            Ok(changes) => changes,
            Err(error) => return self.unparseable(query, error),
        };
        if changes.is_empty() {
            return Ok(());
        }
        self.maps.clear();
        let wanted: Vec<&DdlChange> = changes.iter().filter(|change| self.is_recorded(change)).collect();
        let position = self.position.offset();
        let record = |change: &&DdlChange| HistoryRecord {
            server: self.settings.server.prefix.clone(),
            position: (*position).clone(),
            database: change.database.clone(),
            ddl: change.ddl.clone(),
            changes: change.table_changes.clone(),
        };
        let records: Vec<HistoryRecord> =
            wanted.iter().filter(|change| change.kind != ChangeKind::Truncate).map(record).collect();
        if !records.is_empty() {
            // The history is stored before any row is read by the new structure.
            self.history.append(&records, Now::read()).await?;
        }
        for change in wanted {
            match change.kind {
                ChangeKind::Truncate => self.truncate(change),
                _ => self.schema_change(change),
            }
        }
        Ok(())
    }

    /// A statement that can't be read stops the task only where it may touch what is captured.
    fn unparseable(&self, query: &Query, error: DdlError) -> Result<(), MysqlError> {
        let captured = query.database.is_empty() || self.catalog.filter.database(&query.database);
        if captured && !self.settings.shared.history.skip_unparseable {
            return Err(error.into());
        }
        tracing::warn!(%error, "a DDL statement is left out");
        Ok(())
    }

    fn is_recorded(&self, change: &DdlChange) -> bool {
        let history = &self.settings.shared.history;
        let filter = &self.catalog.filter;
        if filter.is_builtin(&change.database) {
            return false;
        }
        if history.captured_tables_only {
            let any = |id: &TableId| filter.table(id);
            return match change.table_changes.is_empty() {
                true => filter.database(&change.database),
                false => change.table_changes.iter().any(|change| any(change.id())) || change.tables.iter().any(any),
            };
        }
        !history.captured_databases_only || change.database.is_empty() || filter.database(&change.database)
    }

    fn schema_change(&mut self, change: &DdlChange) {
        if !self.settings.shared.events.schema_changes {
            return;
        }
        let message = SchemaChange {
            source: Value::Null,
            database: &change.database,
            ddl: &change.ddl,
            changes: &change.table_changes,
        };
        let mut origin = self.origin();
        origin.thread = None;
        let record = self.maker.schema_change(message, &origin, source_table(change), self.position.offset());
        self.output.push(record);
    }

    /// A truncated table makes one record without key and rows, where those are wanted.
    fn truncate(&mut self, change: &DdlChange) {
        if self.settings.shared.work.skipped_operations.contains(Operation::Truncate) {
            return;
        }
        for id in change.tables.iter().filter(|id| self.catalog.filter.table(id)).cloned().collect::<Vec<_>>() {
            let Some(planned) = self.catalog.plan(&id) else { continue };
            let offset = self.position.offset();
            let row = RowChange {
                operation: Operation::Truncate,
                before: None,
                after: None,
                transaction: Default::default(),
                offsets: Offsets { before: offset.clone(), after: offset },
            };
            self.maker.row(&planned, row, &self.origin(), self.output);
        }
    }
}

/// `source.table` of a message: all tables of the statement, in the order of a Java set; nothing for whole databases.
fn source_table(change: &DdlChange) -> Option<String> {
    let text = change.ddl.trim_start().to_ascii_uppercase();
    let of_database = ["CREATE DATABASE", "CREATE SCHEMA", "DROP DATABASE", "DROP SCHEMA"];
    if change.tables.is_empty() && of_database.iter().any(|words| text.starts_with(words)) {
        return None;
    }
    let ids: Vec<String> = change.tables.iter().map(TableId::to_string).collect();
    let order = hash_map_order(ids.iter().map(String::as_str));
    let names: Vec<&str> = order.into_iter().map(|at| change.tables[at].table.as_str()).collect();
    Some(names.join(","))
}

/// The table that a data statement names first, where it can be told.
fn named_table(statement: &str, database: &str) -> Option<TableId> {
    let skipped = [
        "INSERT",
        "UPDATE",
        "DELETE",
        "REPLACE",
        "INTO",
        "FROM",
        "IGNORE",
        "LOW_PRIORITY",
        "HIGH_PRIORITY",
        "DELAYED",
        "QUICK",
    ];
    let mut words = statement.split(|char: char| char.is_whitespace() || char == '(');
    let name = words.find(|word| !word.is_empty() && !skipped.iter().any(|skip| skip.eq_ignore_ascii_case(word)))?;
    let plain = |part: &str| part.trim_matches(|char| char == '`' || char == '"').to_owned();
    Some(match name.split_once('.') {
        Some((database, table)) => TableId::in_database(plain(database), plain(table)),
        None => TableId::in_database(database, plain(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_by_their_first_words() {
        let check = |text: &str, expected: StatementKind| assert_eq!(statement_kind(text), expected, "{text}");
        check("BEGIN", StatementKind::Begin);
        check("commit ", StatementKind::Commit);
        check("XA START X'01',X'',1", StatementKind::XaStart);
        check("XA COMMIT X'01',X'',1", StatementKind::Mark);
        check("insert into t values (1)", StatementKind::Data);
        check("CREATE TABLE beginning (a INT)", StatementKind::Other);
        check("", StatementKind::Other);
    }

    #[test]
    fn a_data_statement_names_its_table() {
        let check = |text: &str, expected: &str| {
            assert_eq!(named_table(text, "app").map(|id| id.to_string()).as_deref(), Some(expected), "{text}");
        };
        check("INSERT INTO `other`.`t` VALUES (1)", "other.t");
        check("insert ignore into t(a) values (1)", "app.t");
        check("UPDATE t SET a=1", "app.t");
        check("DELETE FROM x.t WHERE a=1", "x.t");
    }
}
