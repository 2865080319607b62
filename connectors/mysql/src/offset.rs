//! Where the connector is in the log: the offset that is stored with each record, in Debezium's words.
//!
//! Inside a transaction an offset names its BEGIN, with the number of events and rows that were done since: a restart
//! reads the transaction again and skips those.

use std::sync::Arc;

use connect_api::{OffsetMap, Str, Value};
use connect_cdc::history::offset_of;
use connect_cdc::snapshot::Stored;
use connect_cdc::source_info::Micros;
use connect_cdc::transaction::TransactionContext;

use crate::binlog::gtid::{Gtid, GtidSet};

const TS_SEC: Str = Str::from_static("ts_sec");
const FILE: Str = Str::from_static("file");
const POS: Str = Str::from_static("pos");
const GTIDS: Str = Str::from_static("gtids");
const ROW: Str = Str::from_static("row");
const SERVER_ID: Str = Str::from_static("server_id");
const EVENT: Str = Str::from_static("event");
const SNAPSHOT: Str = Str::from_static("snapshot");

/// A place in the log from which reading can start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    pub file: Str,
    pub position: u64,
    /// All transactions before this place; `None` on a server without GTIDs.
    pub gtids: Option<Str>,
    /// Events of the transaction here that are done, its BEGIN among them.
    pub events: u64,
    /// Rows of the next event that are done.
    pub rows: u64,
}

impl std::fmt::Display for Restart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.gtids {
            Some(gtids) => write!(f, "{}:{} (GTIDs {gtids})", self.file, self.position),
            None => write!(f, "{}:{}", self.file, self.position),
        }
    }
}

/// The state that offsets are written from (`BinlogOffsetContext`).
#[derive(Clone, Debug)]
pub struct Position {
    pub restart: Restart,
    /// The transactions up to and including the running one.
    gtids: Option<GtidSet>,
    pub time: Micros,
    pub server_id: u32,
    pub transaction: TransactionContext,
    /// The file that is being read, and the event there.
    pub file: Str,
    pub event_position: u64,
    event_length: u64,
    in_transaction: bool,
    pub gtid: Option<Str>,
}

impl Position {
    pub fn new(restart: Restart, mariadb: bool) -> Self {
        let gtids = restart.gtids.as_ref().and_then(|text| GtidSet::parse(text, mariadb));
        Self {
            gtids,
            time: Micros::default(),
            server_id: 0,
            transaction: TransactionContext::default(),
            file: restart.file.clone(),
            event_position: restart.position,
            event_length: 0,
            in_transaction: false,
            gtid: None,
            restart,
        }
    }

    /// Takes up what was stored; nothing when it names no file.
    pub fn load(offset: &OffsetMap, mariadb: bool) -> Option<Self> {
        let number = |key: &str| match offset.get(key) {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_i64(),
            None => None,
        };
        let unsigned = |key: &str| number(key).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        let gtids = offset.get(&GTIDS).and_then(Value::as_str).filter(|text| !text.is_empty());
        let restart = Restart {
            file: offset.get(&FILE)?.as_str()?.into(),
            position: unsigned(&POS),
            gtids: gtids.map(Str::from),
            events: unsigned(&EVENT),
            rows: unsigned(&ROW),
        };
        let mut position = Self::new(restart, mariadb);
        // The server's id is that of the next event: the log may come from another server by now.
        position.time = Micros(number(&TS_SEC).unwrap_or_default().saturating_mul(1_000_000));
        position.transaction = TransactionContext::load(offset);
        Some(position)
    }

    /// Makes the position one from which reading may start: nothing of the transaction is done on a new connection
    /// until its events come again.
    pub fn rewind(&mut self) {
        self.in_transaction = false;
        self.file = self.restart.file.clone();
    }

    pub fn set_gtids(&mut self, gtids: Option<GtidSet>) {
        self.restart.gtids = gtids.as_ref().and_then(printed);
        self.gtids = gtids;
    }

    /// The transactions before the running one: from there a new connection reads on.
    pub fn gtids_before(&self) -> Option<GtidSet> {
        match (&self.restart.gtids, &self.gtids) {
            (Some(text), Some(set)) => GtidSet::parse(text, matches!(set, GtidSet::MariaDb(_))),
            _ => None,
        }
    }

    /// The server's transactions start anew from this set.
    pub fn set_running_gtids(&mut self, gtids: Option<GtidSet>) {
        if gtids.is_some() {
            self.gtids = gtids;
        }
    }

    /// The log goes on in another file.
    pub fn rotate(&mut self, file: Str, position: u64) {
        self.file = file.clone();
        self.event_position = position;
        self.event_length = 0;
        if !self.in_transaction {
            self.restart = Restart { file, position, gtids: self.restart.gtids.clone(), events: 0, rows: 0 };
        }
    }

    pub fn start_event(&mut self, position: u64, length: u64) {
        self.event_position = position;
        self.event_length = length;
        if !self.in_transaction {
            self.restart.file = self.file.clone();
            self.restart.position = position.saturating_add(length);
            self.restart.events = 0;
            self.restart.rows = 0;
        }
    }

    /// Between transactions there is nothing to count: a restart begins behind the event.
    pub fn complete_event(&mut self) {
        if self.in_transaction {
            self.restart.events += 1;
            self.restart.rows = 0;
        }
    }

    pub fn complete_row(&mut self, rows: u64) {
        self.restart.rows = rows;
    }

    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    pub fn start_gtid(&mut self, gtid: &Gtid) {
        self.gtid = Some(gtid.to_string().into());
        if let Some(set) = &mut self.gtids {
            self.restart.gtids = printed(set);
            set.add(gtid);
        }
    }

    pub fn begin(&mut self) {
        self.restart.file = self.file.clone();
        self.restart.position = self.event_position;
        self.restart.events = 0;
        self.restart.rows = 0;
        self.in_transaction = true;
    }

    /// The transaction that ended with the current event is done.
    pub fn commit(&mut self) {
        self.in_transaction = false;
        self.restart = Restart {
            file: self.file.clone(),
            position: self.event_position.saturating_add(self.event_length),
            gtids: self.gtids.as_ref().and_then(printed),
            events: 0,
            rows: 0,
        };
        self.transaction.end();
        self.gtid = None;
    }

    /// The offset to store with a record that is made here.
    pub fn offset(&self) -> Arc<OffsetMap> {
        let restart = &self.restart;
        let mut map = Vec::with_capacity(8);
        map.push((TS_SEC, Value::Int64(self.time.seconds())));
        map.push((FILE, Value::String(restart.file.clone())));
        map.push((POS, number(restart.position)));
        if let Some(gtids) = &restart.gtids {
            map.push((GTIDS, Value::String(gtids.clone())));
        }
        if restart.rows != 0 {
            map.push((ROW, number(restart.rows)));
        }
        if self.server_id != 0 {
            map.push((SERVER_ID, Value::Int64(self.server_id.into())));
        }
        if restart.events != 0 {
            map.push((EVENT, number(restart.events)));
        }
        self.transaction.store(&mut map);
        Arc::new(OffsetMap(map))
    }

    /// The offset of a record that a snapshot makes; the last one looks as if it were streamed.
    pub fn snapshot_offset(&self, last: bool) -> Arc<OffsetMap> {
        let mut map = Arc::unwrap_or_clone(self.offset()).0;
        if !last {
            map.push((SNAPSHOT, Value::String(Str::from_static("INITIAL"))));
        }
        Arc::new(OffsetMap(map))
    }
}

/// An empty set is not stored: it would read as a position before all others.
fn printed(set: &GtidSet) -> Option<Str> {
    (!set.is_empty()).then(|| set.to_string().into())
}

fn number(number: u64) -> Value {
    Value::Int64(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What a stored offset says about the snapshot, in the words of any version.
pub fn stored(offset: Option<&OffsetMap>) -> Stored {
    let Some(offset) = offset else {
        return Stored::Nothing;
    };
    let unfinished = match offset.get(&SNAPSHOT) {
        Some(Value::Boolean(running)) => *running,
        Some(Value::String(text)) => matches!(text.as_str(), "true" | "INITIAL"),
        _ => false,
    };
    if unfinished { Stored::Unfinished } else { Stored::Position }
}

/// Whether a statement of the schema history was in force at an offset: it was recorded there or before.
pub fn is_at_or_before(recorded: &OffsetMap, desired: &OffsetMap, mariadb: bool) -> bool {
    let gtids = |offset: &OffsetMap| {
        let text = offset.get(&GTIDS).and_then(Value::as_str).filter(|text| !text.is_empty())?;
        GtidSet::parse(text, mariadb)
    };
    match (gtids(recorded), gtids(desired)) {
        (Some(recorded_set), Some(desired_set)) if recorded_set == desired_set => {
            let in_snapshot = |offset| stored(Some(offset)) == Stored::Unfinished;
            match (in_snapshot(recorded), in_snapshot(desired)) {
                (false, true) => false,
                (true, _) => true,
                (false, false) => place(recorded, false) <= place(desired, false),
            }
        }
        (Some(recorded_set), Some(desired_set)) => desired_set.contains(&recorded_set),
        // GTIDs were switched on in between, or off again.
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (None, None) => {
            let server = |offset: &OffsetMap| offset.get(&SERVER_ID).and_then(Value::as_i64);
            match (server(recorded), server(desired)) {
                (Some(one), Some(other)) if one != other => {
                    let time = |offset: &OffsetMap| offset.get(&TS_SEC).and_then(Value::as_i64);
                    time(recorded) <= time(desired)
                }
                _ => place(recorded, true) <= place(desired, true),
            }
        }
    }
}

/// File number, position, events and rows, to be compared in this order. With equal GTIDs the place in the file is of
/// no matter: the servers may differ.
fn place(offset: &OffsetMap, in_file: bool) -> (i64, i64, i64, i64) {
    let number = |key: &str| offset.get(key).and_then(Value::as_i64).unwrap_or_default();
    let file = offset.get(&FILE).and_then(Value::as_str).unwrap_or_default();
    let file_number = file.rsplit_once('.').and_then(|(_, number)| number.parse().ok()).unwrap_or_default();
    match in_file {
        true => (file_number, number(&POS), number(&EVENT), number(&ROW)),
        false => (0, 0, number(&EVENT), number(&ROW)),
    }
}

/// An offset from its JSON text, for tests and tools.
pub fn parse_offset(text: &str) -> Option<OffsetMap> {
    Some(offset_of(serde_json::from_str::<serde_json::Value>(text).ok()?.as_object()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "a9024a0f-e545-11f1-aa45-02fc00000001";

    fn offset(text: &str) -> OffsetMap {
        parse_offset(&text.replace("UUID", UUID)).expect("a JSON object")
    }

    #[test]
    fn an_offset_inside_a_transaction_names_its_begin() {
        let stored = offset(r#"{"ts_sec":5,"file":"binlog.000001","pos":100,"gtids":"UUID:1-3"}"#);
        let mut position = Position::load(&stored, false).expect("a position");
        position.server_id = 7;
        position.start_event(100, 50);
        position.start_gtid(&Gtid::MySql { source: UUID.into(), tag: String::new(), number: 4 });
        position.complete_event();
        position.start_event(150, 20);
        position.begin();
        position.complete_event();
        position.start_event(170, 30);
        position.complete_event();
        position.start_event(200, 40);
        position.complete_row(1);
        let expected =
            r#"{"ts_sec":5,"file":"binlog.000001","pos":150,"gtids":"UUID:1-3","row":1,"server_id":7,"event":2}"#;
        assert_eq!(*position.offset(), offset(expected));
        position.complete_event();
        position.start_event(240, 10);
        position.commit();
        let expected = r#"{"ts_sec":5,"file":"binlog.000001","pos":250,"gtids":"UUID:1-4","server_id":7}"#;
        assert_eq!(*position.offset(), offset(expected));
    }

    #[test]
    fn offsets_of_all_versions_tell_an_unfinished_snapshot() {
        let check = |text: &str, expected: Stored| assert_eq!(stored(Some(&offset(text))), expected, "{text}");
        check(r#"{"file":"f","pos":4,"snapshot":true}"#, Stored::Unfinished);
        check(r#"{"file":"f","pos":4,"snapshot":"INITIAL"}"#, Stored::Unfinished);
        check(r#"{"file":"f","pos":4,"snapshot":"INCREMENTAL"}"#, Stored::Position);
        check(r#"{"file":"f","pos":4}"#, Stored::Position);
        assert_eq!(stored(None), Stored::Nothing);
    }

    #[test]
    fn history_is_compared_by_gtid_then_by_place() {
        let check = |recorded: &str, desired: &str, expected: bool| {
            let result = is_at_or_before(&offset(recorded), &offset(desired), false);
            assert_eq!(result, expected, "{recorded} against {desired}");
        };
        check(r#"{"file":"b.2","pos":9,"gtids":"UUID:1-3"}"#, r#"{"file":"b.1","pos":4,"gtids":"UUID:1-4"}"#, true);
        check(r#"{"file":"b.1","pos":1,"gtids":"UUID:1-5"}"#, r#"{"file":"b.1","pos":4,"gtids":"UUID:1-4"}"#, false);
        check(r#"{"gtids":"UUID:1-4"}"#, r#"{"gtids":"UUID:1-4","event":2}"#, true);
        check(r#"{"gtids":"UUID:1-4"}"#, r#"{"gtids":"UUID:1-4","snapshot":true}"#, false);
        check(r#"{"file":"b.9","pos":1}"#, r#"{"file":"b.10","pos":1}"#, true);
        check(r#"{"file":"b.10","pos":5}"#, r#"{"file":"b.10","pos":1}"#, false);
        check(r#"{"file":"b.1","pos":1}"#, r#"{"file":"b.1","pos":1,"gtids":"UUID:1"}"#, true);
    }
}
