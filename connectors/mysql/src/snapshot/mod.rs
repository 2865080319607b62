//! The snapshot: the structure of the tables and their rows as they were at one position of the log.
//!
//! One connection reads in one transaction with a consistent view. A lock keeps writers away just while the view is
//! opened and the position is read, so that the view and the position are the same moment.

mod data;
mod lock;
mod structure;

use std::time::Duration;

use connect_cdc::snapshot::{Task, mark_last};
use connect_cdc::source_info::Micros;
use connect_cdc::table::TableId;
use connect_cdc::{history::SchemaHistory, source_info::SnapshotMarker};

use crate::catalog::Catalog;
use crate::config::{GuardrailAction, Settings};
use crate::connection::{Connector, Session};
use crate::error::MysqlError;
use crate::offset::{Position, Restart};
use crate::records::{Origin, Output, RecordMaker};

use lock::Lock;

/// What a snapshot works with.
pub struct Snapshot<'a> {
    pub settings: &'a Settings,
    pub connector: &'a Connector,
    pub maker: &'a RecordMaker,
    pub catalog: &'a mut Catalog,
    pub history: &'a mut SchemaHistory,
    pub output: &'a mut Output,
    /// Whether the server keeps GTIDs.
    pub with_gtids: bool,
}

impl Snapshot<'_> {
    /// Reads what the task asks for and gives the position from which the log goes on.
    ///
    /// `stay` keeps an old position: only the structure is read again.
    pub async fn run(mut self, task: Task, stay: Option<Position>) -> Result<Position, MysqlError> {
        let delay = self.settings.shared.work.snapshot_delay;
        if delay > Duration::ZERO {
            tokio::time::sleep(delay).await;
        }
        let mut session = Session::open(self.connector).await?;
        let mut tables = structure::tables(&mut session, &self.catalog.filter).await?;
        let mut lock = Lock::take(&mut session, self.settings, &self.captured(&tables)).await?;
        if lock.holds_server() {
            // A table may have come while the lock was waited for. The log from here on does not tell of it.
            tables = structure::tables(&mut session, &self.catalog.filter).await?;
        }
        let captured = self.captured(&tables);
        self.check_guardrail(captured.len())?;
        let end = session.log_end(self.with_gtids).await?;
        let restart = Restart { file: end.file.as_str().into(), position: end.position, ..Restart::default() };
        let mut position = Position::new(restart, self.settings.server.mariadb);
        position.set_gtids(end.gtids);
        position.time = now(&mut session).await?;
        let position = stay.unwrap_or(position);
        tracing::info!(position = %position.restart, tables = captured.len(), "the snapshot starts");

        self.output.hold_last();
        self.catalog.tables.clear();
        // Defaults of TIMESTAMP columns read as the server's own clients see them, and as the log's DDL will.
        session.run("SET time_zone = @@GLOBAL.time_zone").await?;
        structure::Structure { snapshot: &mut self, session: &mut session, position: &position }.read(&tables).await?;
        session.run("SET time_zone = '+00:00'").await?;
        lock.release_after_structure(&mut session).await?;
        if task.data {
            self.read_rows(&mut session, captured, &position).await?;
        }
        lock.release(&mut session).await?;
        self.finish(&position);
        self.output.flush().await;
        session.close().await;
        Ok(position)
    }

    fn captured(&self, tables: &[TableId]) -> Vec<TableId> {
        tables.iter().filter(|id| self.catalog.filter.table(id)).cloned().collect()
    }

    async fn read_rows(
        &mut self,
        session: &mut Session,
        captured: Vec<TableId>,
        position: &Position,
    ) -> Result<(), MysqlError> {
        let tables = data::order(session, self.settings, captured).await?;
        for (at, id) in tables.iter().enumerate() {
            let mut rows = data::TableRows {
                settings: self.settings,
                maker: self.maker,
                catalog: &mut *self.catalog,
                output: &mut *self.output,
                position,
                first_table: at == 0,
                last_table: at + 1 == tables.len(),
            };
            rows.read(session, id).await?;
        }
        Ok(())
    }

    /// The last record says so, whichever it was, and its offset is one of the log.
    fn finish(&mut self, position: &Position) {
        if let Some(mut last) = self.output.release() {
            mark_last(&mut last, self.maker.offset(position.snapshot_offset(true)));
            self.output.push(last);
        }
    }

    fn check_guardrail(&self, captured: usize) -> Result<(), MysqlError> {
        let work = &self.settings.shared.work;
        let most = usize::try_from(work.guardrail_max).unwrap_or_default();
        if most == 0 || captured <= most {
            return Ok(());
        }
        let problem =
            format!("{captured} tables are to be captured, more than guardrail.collections.max={most} allows");
        match work.guardrail_action {
            GuardrailAction::Fail => Err(MysqlError::Setup(problem)),
            GuardrailAction::Warn => {
                tracing::warn!("{problem}");
                Ok(())
            }
        }
    }
}

/// Where a record of a snapshot comes from.
fn origin(position: &Position, time: Micros, snapshot: SnapshotMarker) -> Origin {
    Origin {
        time,
        snapshot,
        server_id: 0,
        gtid: None,
        file: position.restart.file.clone(),
        position: position.restart.position,
        row: 0,
        thread: None,
        query: None,
    }
}

/// The server's clock.
async fn now(session: &mut Session) -> Result<Micros, MysqlError> {
    let seconds = session.text("SELECT UNIX_TIMESTAMP()").await?;
    Ok(Micros(seconds.and_then(|text| text.parse::<i64>().ok()).unwrap_or_default().saturating_mul(1_000_000)))
}
