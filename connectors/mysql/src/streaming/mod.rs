//! Streaming: the events of the log, one after the other, become records.
//!
//! A lost connection is made anew from the last position; what was handed out of a running transaction is skipped then.

mod rows;
mod schema;
mod transaction;

use std::{collections::HashMap, time::Duration};

use connect_api::{Headers, Str};
use connect_cdc::envelope::Now;
use connect_cdc::heartbeat::Heartbeat;
use connect_cdc::history::SchemaHistory;
use connect_cdc::source_info::{Micros, SnapshotMarker};

use crate::binlog::event::{Event, kind, rotate, rows_query};
use crate::binlog::gtid::GtidSet;
use crate::binlog::stream::{LogOptions, LogReader};
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::connection::{Connector, Purpose};
use crate::decode::DecodeError;
use crate::error::MysqlError;
use crate::offset::Position;
use crate::records::{Origin, Output, RecordMaker};

use rows::MappedTable;

/// Reads the log of one server.
pub struct Streaming<'a> {
    settings: &'a Settings,
    connector: &'a Connector,
    maker: &'a RecordMaker,
    catalog: &'a mut Catalog,
    history: &'a mut SchemaHistory,
    output: &'a mut Output,
    position: Position,
    /// Tables by the ids that row events name them by, with the body of their TABLE_MAP.
    maps: HashMap<u64, MappedTable>,
    /// What of the next transaction is done already.
    resume: Resume,
    thread: Option<u32>,
    query: Option<Str>,
    /// When the running transaction was committed first, where the server tells.
    committed: Option<Micros>,
    /// Whether the running transaction's source is one whose rows count.
    source_accepted: bool,
    heartbeat: Heartbeat,
    transactions_topic: Str,
}

/// A transaction that was handed out in part before a restart.
#[derive(Clone, Copy, Debug, Default)]
struct Resume {
    /// Events to skip from the first BEGIN on.
    events: u64,
    /// Rows to skip in the first row event after those.
    rows: u64,
    skipping: bool,
}

/// What streaming needs from the snapshot or the restart.
pub struct Start<'a> {
    pub settings: &'a Settings,
    pub connector: &'a Connector,
    pub maker: &'a RecordMaker,
    pub catalog: &'a mut Catalog,
    pub history: &'a mut SchemaHistory,
    pub output: &'a mut Output,
    pub position: Position,
}

impl<'a> Streaming<'a> {
    pub fn new(start: Start<'a>) -> Self {
        let names = start.catalog.topics().clone();
        let interval = start.settings.shared.events.heartbeat_interval.0;
        Self {
            settings: start.settings,
            connector: start.connector,
            maker: start.maker,
            catalog: start.catalog,
            history: start.history,
            output: start.output,
            position: start.position,
            maps: HashMap::new(),
            resume: Resume::default(),
            thread: None,
            query: None,
            committed: None,
            source_accepted: true,
            heartbeat: Heartbeat::new(names.heartbeats().into(), interval),
            transactions_topic: names.transactions().into(),
        }
    }

    /// Reads until something fails that no new connection heals.
    pub async fn run(mut self, after_snapshot: bool) -> Result<(), MysqlError> {
        if after_snapshot && self.heartbeat.enabled() {
            self.beat().await?;
        }
        let mut failures = 0;
        loop {
            let error = match self.session(&mut failures).await {
                Err(error) if error.is_connection() => error,
                Err(error) => return Err(error),
                Ok(()) => continue,
            };
            failures += 1;
            let most = self.settings.shared.work.max_retries;
            if most >= 0 && failures > most {
                return Err(error);
            }
            let wait = self.backoff(failures);
            tracing::warn!(%error, position = %self.position.restart, ?wait, "the log is read on a new connection");
            self.output.flush().await;
            tokio::time::sleep(wait).await;
        }
    }

    /// Doubles from 300 ms up to the user's setting.
    fn backoff(&self, failures: i32) -> Duration {
        const FIRST: Duration = Duration::from_millis(300);
        let doubled = FIRST.saturating_mul(1 << failures.clamp(1, 10).saturating_sub(1));
        doubled.min(self.settings.shared.work.retry_wait)
    }

    /// One connection's life.
    async fn session(&mut self, failures: &mut i32) -> Result<(), MysqlError> {
        self.position.rewind();
        let restart = self.position.restart.clone();
        self.resume = Resume { events: restart.events, rows: restart.rows, skipping: false };
        self.maps.clear();
        let gtids = self.position.gtids_before().filter(|set| !set.is_empty());
        self.position.set_running_gtids(gtids.clone());
        let mut reader = LogReader::open(self.connector, &self.log_options(), &restart, gtids.as_ref()).await?;
        tracing::info!(position = %restart, "the log is read");
        loop {
            let event = match reader.next_now() {
                Some(event) => event?,
                None => {
                    self.output.flush().await;
                    self.wait(&mut reader).await?
                }
            };
            *failures = 0;
            self.event(event).await?;
            if self.heartbeat.enabled() && self.heartbeat.is_due(Now::read()) {
                self.beat().await?;
            }
        }
    }

    /// The next event; heartbeats go out while there is none.
    async fn wait(&mut self, reader: &mut LogReader) -> Result<Event, MysqlError> {
        if !self.heartbeat.enabled() {
            return reader.next().await;
        }
        loop {
            let interval = self.settings.shared.events.heartbeat_interval.0;
            match tokio::time::timeout(interval, reader.next()).await {
                Ok(event) => return event,
                Err(_) => {
                    self.beat().await?;
                    self.output.flush().await;
                }
            }
        }
    }

    fn log_options(&self) -> LogOptions {
        let values = &self.settings.shared.values;
        // The server is asked a little more often than the connection is checked.
        let heartbeat = values.keep_alive_interval.mul_f64(0.8);
        LogOptions {
            heartbeat: (values.keep_alive && heartbeat > Duration::ZERO).then_some(heartbeat),
            write_timeout_seconds: values.net_write_timeout,
            read_timeout_seconds: values.net_read_timeout,
        }
    }

    async fn beat(&mut self) -> Result<(), MysqlError> {
        if let Some(query) = &self.settings.shared.events.heartbeat_query {
            let mut conn = self.connector.connect(Purpose::Query).await?;
            let ran = mysql_async::prelude::Queryable::query_drop(&mut conn, query).await;
            ran.map_err(|error| self.connector.error(query, error))?;
            drop(conn.disconnect().await);
        }
        let message = self.heartbeat.beat(&self.maker.server, Now::read());
        let topic = self.heartbeat.topic.clone();
        let record = self.maker.control(topic, message, Headers::default(), self.position.offset());
        self.output.push(record);
        Ok(())
    }

    async fn event(&mut self, event: Event) -> Result<(), MysqlError> {
        if event.length > 0 {
            self.position.server_id = event.server_id;
            self.position.start_event(event.position, event.length);
        }
        if let Some(rows) = event.rows() {
            self.rows(&event, rows).await?;
        } else {
            self.control(&event).await?;
        }
        if event.length > 0 && event.kind != kind::TRANSACTION_PAYLOAD {
            self.position.complete_event();
            if self.resume.skipping {
                self.resume.events = self.resume.events.saturating_sub(1);
                self.resume.skipping = self.resume.events > 0;
            }
        }
        Ok(())
    }

    async fn control(&mut self, event: &Event) -> Result<(), MysqlError> {
        match event.kind {
            kind::TABLE_MAP => self.table_map(event),
            kind::QUERY | kind::MARIADB_QUERY_COMPRESSED => self.statement(event).await,
            kind::XID | kind::XA_PREPARE => {
                self.commit();
                Ok(())
            }
            kind::GTID | kind::ANONYMOUS_GTID | kind::GTID_TAGGED | kind::MARIADB_GTID => self.gtid(event),
            kind::ROWS_QUERY | kind::MARIADB_ANNOTATE_ROWS => {
                if self.settings.shared.events.include_query {
                    self.query = Some(rows_query(event).into());
                }
                Ok(())
            }
            kind::ROTATE => self.rotate(event),
            kind::PARTIAL_UPDATE_ROWS => self.partial_rows(event),
            kind::INCIDENT => {
                let problem = "the server reports that events are missing in its log".into();
                Err(MysqlError::Binlog { position: self.place(), problem })
            }
            // Whatever else there is or will be says nothing about rows.
            _ => Ok(()),
        }
    }

    fn rotate(&mut self, event: &Event) -> Result<(), MysqlError> {
        let (file, position) = rotate(&event.body).map_err(|error| self.broken(event, error))?;
        if event.is_artificial() || event.timestamp == 0 {
            // It only tells which file this connection begins with.
            self.position.file = file.into();
        } else {
            self.position.rotate(file.into(), position);
        }
        Ok(())
    }

    fn place(&self) -> String {
        format!("{}:{}", self.position.file, self.position.event_position)
    }

    fn broken(&self, event: &Event, source: DecodeError) -> MysqlError {
        MysqlError::Event { kind: event.kind, position: self.place(), source }
    }

    /// Where a record of the current event comes from.
    fn origin(&self) -> Origin {
        Origin {
            time: self.position.time,
            snapshot: SnapshotMarker::No,
            server_id: self.position.server_id,
            gtid: self.position.gtid.clone(),
            file: self.position.file.clone(),
            position: self.position.event_position,
            row: 0,
            thread: self.thread,
            query: self.query.clone(),
        }
    }

    /// When the current event happened: at the commit, where the server tells, else when it was logged.
    fn set_time(&mut self, event: &Event) {
        self.position.time = self.committed.unwrap_or_else(|| Micros::from_seconds(event.timestamp));
    }
}

/// The set of GTIDs from which a server's log is asked for: what was stored, and what the server has forgotten of
/// servers that were not known then.
pub fn merged(stored: &GtidSet, purged: Option<&GtidSet>, accepted: impl Fn(&str) -> bool) -> GtidSet {
    match (stored, purged) {
        (GtidSet::MySql(stored), Some(GtidSet::MySql(purged))) => {
            let known = stored.clone().retain(&accepted);
            let unknown = purged.clone().retain(|source| !known.has_source(source));
            GtidSet::MySql(known.union(&unknown))
        }
        (GtidSet::MySql(stored), _) => GtidSet::MySql(stored.clone().retain(&accepted)),
        (stored, _) => stored.clone(),
    }
}
