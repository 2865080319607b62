//! The connection that reads the log: asks for it from a position and frames what comes.

use std::time::Duration;

use connect_api::{Bytes, Str};
use futures_util::{FutureExt, StreamExt};
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn, Error, Sid, prelude::Queryable};

use crate::binlog::event::{Event, kind, payload_size, rotate};
use crate::binlog::gtid::{GtidSet, MySqlGtids};
use crate::connection::{Connector, Purpose};
use crate::error::MysqlError;
use crate::offset::Restart;

/// Reads events in the order of the log.
pub struct LogReader {
    stream: BinlogStream,
    connector: Connector,
    file: Str,
    /// Where the last event ended.
    end: u64,
    /// Bytes of a compressed transaction that are still to come, and where its event stands.
    payload: Option<Payload>,
    /// Whether the server has told by now if its events end in checksums.
    described: bool,
    /// How long the server may be silent; it was asked for a heartbeat well within that time.
    silence_max: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Payload {
    position: u64,
    length: u64,
    left: u64,
}

/// How a connection to the log is set up.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// How often the server shows that it lives; `None` asks for nothing.
    pub heartbeat: Option<Duration>,
    pub write_timeout_seconds: u64,
    pub read_timeout_seconds: u64,
}

impl LogReader {
    /// Asks for the log from a place; with a set of GTIDs, for all transactions that are not in it.
    pub async fn open(
        connector: &Connector,
        options: &LogOptions,
        from: &Restart,
        gtids: Option<&GtidSet>,
    ) -> Result<Self, MysqlError> {
        let mut conn = connector.connect(Purpose::Log).await?;
        for statement in session(options, gtids) {
            let set = conn.query_drop(&statement).await;
            set.map_err(|error| connector.error(&statement, error))?;
        }
        let stream = dump(conn, connector, from, gtids).await.map_err(|error| lost(connector, from, error))?;
        Ok(Self {
            stream,
            connector: connector.clone(),
            file: from.file.clone(),
            end: from.position,
            payload: None,
            described: false,
            silence_max: options.heartbeat.map(|period| period * 3),
        })
    }

    /// The file that is being read.
    pub fn file(&self) -> &Str {
        &self.file
    }

    /// The next event, however long that takes.
    pub async fn next(&mut self) -> Result<Event, MysqlError> {
        let event = match self.silence_max {
            Some(silence) => match tokio::time::timeout(silence, self.stream.next()).await {
                Ok(event) => event,
                Err(_) => return Err(self.lost("the server sends nothing, not even heartbeats")),
            },
            None => self.stream.next().await,
        };
        self.frame(event)
    }

    /// The next event where it has arrived already.
    pub fn next_now(&mut self) -> Option<Result<Event, MysqlError>> {
        let event = self.stream.next().now_or_never()?;
        Some(self.frame(event))
    }

    fn lost(&self, problem: &str) -> MysqlError {
        MysqlError::Lost { address: self.connector.address(), problem: problem.into() }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.file, self.end)
    }

    fn frame(&mut self, event: Option<Result<mysql_async::binlog::events::Event, Error>>) -> Result<Event, MysqlError> {
        let event = match event {
            None => return Err(self.lost("the server ended the log")),
            Some(Err(error)) => return Err(log_error(&self.connector, &self.place(), error)),
            Some(Ok(event)) => event,
        };
        let header = event.header();
        let mut framed = Event {
            kind: header.event_type_raw(),
            timestamp: header.timestamp(),
            server_id: header.server_id(),
            flags: header.flags_raw(),
            position: self.end,
            length: header.event_size().into(),
            body: Bytes::copy_from_slice(event.data()),
        };
        self.described |= framed.kind == kind::FORMAT_DESCRIPTION;
        if !self.described {
            cut_checksum(&mut framed, header.event_size(), header.log_pos());
        }
        match self.payload.take() {
            Some(payload) => self.inside(payload, &mut framed)?,
            None => self.outside(header.log_pos(), &mut framed)?,
        }
        Ok(framed)
    }

    /// An event of a compressed transaction stands where that stands.
    fn inside(&mut self, payload: Payload, event: &mut Event) -> Result<(), MysqlError> {
        let Some(left) = payload.left.checked_sub(event.length) else {
            let problem = "a compressed transaction can't be decompressed".into();
            return Err(MysqlError::Binlog { position: self.place(), problem });
        };
        event.position = payload.position;
        event.length = payload.length;
        self.payload = (left > 0).then_some(Payload { left, ..payload });
        Ok(())
    }

    fn outside(&mut self, log_pos: u32, event: &mut Event) -> Result<(), MysqlError> {
        let broken = |kind, position| move |source| MysqlError::Event { kind, position, source };
        if event.kind == kind::ROTATE {
            let (file, position) = rotate(&event.body).map_err(broken(event.kind, self.place()))?;
            self.file = file.into();
            self.end = position;
            return Ok(());
        }
        // Events that stand in no file, such as heartbeats, move nothing.
        if log_pos == 0 || matches!(event.kind, kind::HEARTBEAT | kind::HEARTBEAT_V2) || event.is_artificial() {
            event.length = 0;
            return Ok(());
        }
        let end = widened(self.end, log_pos);
        event.position = end.saturating_sub(event.length);
        self.end = end;
        if event.kind == kind::TRANSACTION_PAYLOAD {
            let left = payload_size(&event.body).map_err(broken(event.kind, self.place()))?;
            let payload = Payload { position: event.position, length: event.length, left };
            self.payload = (left > 0).then_some(payload);
        }
        Ok(())
    }
}

/// Before the log is described the driver leaves checksums on; MariaDB writes one even then.
fn cut_checksum(event: &mut Event, size: u32, log_pos: u32) {
    const CHECKSUM: usize = 4;
    let Some((data, checksum)) = event.body.split_last_chunk::<CHECKSUM>() else {
        return;
    };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&event.timestamp.to_le_bytes());
    hasher.update(&[event.kind]);
    hasher.update(&event.server_id.to_le_bytes());
    hasher.update(&size.to_le_bytes());
    hasher.update(&log_pos.to_le_bytes());
    hasher.update(&event.flags.to_le_bytes());
    hasher.update(data);
    if hasher.finalize().to_le_bytes() == *checksum {
        event.body.truncate(event.body.len() - CHECKSUM);
    }
}

/// The server counts positions with 32 bits, yet a large transaction makes a file larger than that.
fn widened(before: u64, position: u32) -> u64 {
    let turn = 1_u64 << 32;
    let candidate = (before & !(turn - 1)) | u64::from(position);
    if candidate < before && before - candidate > turn / 2 { candidate + turn } else { candidate }
}

/// What the session must say before it asks for the log.
fn session(options: &LogOptions, gtids: Option<&GtidSet>) -> Vec<String> {
    let mut statements = Vec::new();
    if let Some(period) = options.heartbeat {
        let nanos = period.as_nanos();
        statements.push(format!("SET @master_heartbeat_period = {nanos}, @source_heartbeat_period = {nanos}"));
    }
    if options.write_timeout_seconds > 0 {
        statements.push(format!("SET net_write_timeout = {}", options.write_timeout_seconds));
    }
    if options.read_timeout_seconds > 0 {
        statements.push(format!("SET net_read_timeout = {}", options.read_timeout_seconds));
    }
    if let Some(GtidSet::MariaDb(set)) = gtids {
        statements.push(format!("SET @slave_connect_state = '{set}'"));
        statements.push("SET @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0".into());
    }
    // Without effect on MySQL; MariaDB hides its GTID events from clients that don't know them.
    statements.push("SET @mariadb_slave_capability = 4".into());
    statements
}

async fn dump(
    conn: Conn,
    connector: &Connector,
    from: &Restart,
    gtids: Option<&GtidSet>,
) -> Result<BinlogStream, Error> {
    let server = connector.server();
    let request = BinlogStreamRequest::new(server.server_id);
    match gtids {
        Some(GtidSet::MySql(set)) => {
            let sids = sids(set);
            conn.get_binlog_stream(request.with_gtid().with_gtid_set(sids)).await
        }
        Some(GtidSet::MariaDb(_)) => conn.get_binlog_stream(request).await,
        None => {
            let request = request.with_filename(from.file.as_bytes()).with_pos(from.position.max(4));
            conn.get_binlog_stream(request).await
        }
    }
}

/// The set as the request carries it.
fn sids(set: &MySqlGtids) -> Vec<Sid<'static>> {
    let sid = |(source, tag, intervals): (&str, &str, &[(u64, u64)])| {
        let mut text = source.to_owned();
        if !tag.is_empty() {
            text += &format!(":{tag}");
        }
        for (from, to) in intervals {
            text += &format!(":{from}-{to}");
        }
        text.parse().ok()
    };
    set.iter().filter_map(sid).collect()
}

fn lost(connector: &Connector, from: &Restart, error: Error) -> MysqlError {
    log_error(connector, &from.to_string(), error)
}

/// The server has no log from the position that was asked for.
const NO_LOG: u16 = 1236;

fn log_error(connector: &Connector, place: &str, error: Error) -> MysqlError {
    match error {
        Error::Server(refusal) if refusal.code == NO_LOG && !replaced(&refusal.message) => {
            MysqlError::Binlog { position: place.into(), problem: format!("{}; {LOST_HINT}", refusal.message) }
        }
        Error::Server(refusal) if refusal.code == NO_LOG => {
            let problem = format!("{}; another client uses the same database.server.id", refusal.message);
            MysqlError::Lost { address: connector.address(), problem }
        }
        error => connector.error("COM_BINLOG_DUMP", error),
    }
}

const LOST_HINT: &str = "if the server has purged the log, set snapshot.mode=when_needed";

/// Two clients with one server id push each other out.
fn replaced(message: &str) -> bool {
    message.contains("same server_uuid/server_id") || message.contains("same server_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_on_beyond_32_bits() {
        let turn = 1_u64 << 32;
        assert_eq!(widened(100, 200), 200);
        assert_eq!(widened(turn - 10, 50), turn + 50);
        assert_eq!(widened(turn + 50, 150), turn + 150);
        assert_eq!(widened(500, 120), 120);
    }
}
