//! Transactions of the log: GTID, BEGIN and COMMIT.

use connect_api::{Headers, SchemaAndValue, Str};
use connect_cdc::envelope::Now;
use connect_cdc::source_info::Micros;
use connect_cdc::transaction::TransactionContext;

use crate::binlog::event::{self, Event, kind};
use crate::binlog::gtid::Gtid;
use crate::error::MysqlError;

use super::Streaming;

impl Streaming<'_> {
    pub(super) fn gtid(&mut self, event: &Event) -> Result<(), MysqlError> {
        let start = match event.kind {
            kind::GTID_TAGGED => event::gtid_tagged(event),
            kind::MARIADB_GTID => event::mariadb_gtid(event),
            _ => event::gtid(event),
        };
        let start = start.map_err(|error| self.broken(event, error))?;
        self.committed = start.committed_micros.map(Micros);
        if let Some(gtid) = &start.gtid {
            self.position.start_gtid(gtid);
            self.source_accepted = self.accepts(gtid);
        }
        if event.kind == kind::MARIADB_GTID && !start.standalone {
            self.begin(event, None);
        }
        Ok(())
    }

    /// `gtid.source.includes` and `.excludes`.
    fn accepts(&self, gtid: &Gtid) -> bool {
        let events = &self.settings.shared.events;
        if !events.gtid_filter_rows || (events.gtid_includes.is_empty() && events.gtid_excludes.0.is_empty()) {
            return true;
        }
        let source = match gtid {
            Gtid::MySql { source, .. } => source.clone(),
            Gtid::MariaDb { domain, server, .. } => format!("{domain}-{server}"),
        };
        match events.gtid_includes.is_empty() {
            false => events.gtid_includes.matches(&source),
            true => !events.gtid_excludes.0.matches(&source),
        }
    }

    pub(super) fn begin(&mut self, event: &Event, thread: Option<u32>) {
        self.position.begin();
        self.thread = thread;
        self.query = None;
        self.set_time(event);
        let resumed = self.resume.events > 0;
        self.resume.skipping = resumed;
        if !self.settings.shared.work.transaction_metadata {
            return;
        }
        let id = self.position.gtid.clone();
        let id =
            id.unwrap_or_else(|| format!("file={},pos={}", self.position.file, self.position.event_position).into());
        // The transaction that a restart reads again goes on with its counts and began long ago.
        if resumed && self.position.transaction.id() == Some(&id) {
            return;
        }
        self.position.transaction.begin(id.clone());
        let message = TransactionContext::begin_message(&id, Now::read());
        self.transaction_record(message);
    }

    pub(super) fn commit(&mut self) {
        if !self.resume.skipping
            && self.settings.shared.work.transaction_metadata
            && let Some(message) = self.position.transaction.end_message(Now::read())
        {
            self.transaction_record(message);
        }
        self.position.commit();
        self.resume = super::Resume::default();
        self.thread = None;
        self.query = None;
        self.committed = None;
        self.source_accepted = true;
    }

    fn transaction_record(&mut self, message: (SchemaAndValue, SchemaAndValue)) {
        let topic: Str = self.transactions_topic.clone();
        let record = self.maker.control(topic, message, Headers::default(), self.position.offset());
        self.output.push(record);
    }
}
