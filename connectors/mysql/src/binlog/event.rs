//! Events of the binary log, framed: the header and what the bodies of the control events say.

use connect_api::Bytes;

use crate::binlog::gtid::Gtid;
use crate::decode::{DecodeError, TableMap, wire::Reader};

/// Event type numbers. Those that are not named here are skipped.
pub(crate) mod kind {
    pub(crate) const QUERY: u8 = 2;
    pub(crate) const ROTATE: u8 = 4;
    pub(crate) const FORMAT_DESCRIPTION: u8 = 15;
    pub(crate) const XID: u8 = 16;
    pub(crate) const TABLE_MAP: u8 = 19;
    pub(crate) const WRITE_ROWS_V1: u8 = 23;
    pub(crate) const UPDATE_ROWS_V1: u8 = 24;
    pub(crate) const DELETE_ROWS_V1: u8 = 25;
    pub(crate) const INCIDENT: u8 = 26;
    pub(crate) const HEARTBEAT: u8 = 27;
    pub(crate) const ROWS_QUERY: u8 = 29;
    pub(crate) const WRITE_ROWS: u8 = 30;
    pub(crate) const UPDATE_ROWS: u8 = 31;
    pub(crate) const DELETE_ROWS: u8 = 32;
    pub(crate) const GTID: u8 = 33;
    pub(crate) const ANONYMOUS_GTID: u8 = 34;
    pub(crate) const XA_PREPARE: u8 = 38;
    pub(crate) const PARTIAL_UPDATE_ROWS: u8 = 39;
    pub(crate) const TRANSACTION_PAYLOAD: u8 = 40;
    pub(crate) const HEARTBEAT_V2: u8 = 41;
    pub(crate) const GTID_TAGGED: u8 = 42;
    pub(crate) const MARIADB_ANNOTATE_ROWS: u8 = 160;
    pub(crate) const MARIADB_GTID: u8 = 162;
    pub(crate) const MARIADB_QUERY_COMPRESSED: u8 = 165;
    pub(crate) const MARIADB_WRITE_ROWS_COMPRESSED_V1: u8 = 166;
    pub(crate) const MARIADB_UPDATE_ROWS_COMPRESSED_V1: u8 = 167;
    pub(crate) const MARIADB_DELETE_ROWS_COMPRESSED_V1: u8 = 168;
    pub(crate) const MARIADB_WRITE_ROWS_COMPRESSED: u8 = 169;
    pub(crate) const MARIADB_UPDATE_ROWS_COMPRESSED: u8 = 170;
    pub(crate) const MARIADB_DELETE_ROWS_COMPRESSED: u8 = 171;
}

/// The event was made up by the server for this connection and stands in no file.
const ARTIFICIAL: u16 = 0x20;

/// One event as it came, without its checksum.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: u8,
    /// Seconds since 1970.
    pub timestamp: u32,
    pub server_id: u32,
    pub flags: u16,
    /// Where the event starts in its file; events of a compressed transaction all start where that does.
    pub position: u64,
    /// How many bytes it takes there.
    pub length: u64,
    pub body: Bytes,
}

impl Event {
    pub fn is_artificial(&self) -> bool {
        self.flags & ARTIFICIAL != 0
    }

    pub fn rows(&self) -> Option<RowsKind> {
        Some(match self.kind {
            kind::WRITE_ROWS_V1
            | kind::WRITE_ROWS
            | kind::MARIADB_WRITE_ROWS_COMPRESSED_V1
            | kind::MARIADB_WRITE_ROWS_COMPRESSED => RowsKind::Write,
            kind::UPDATE_ROWS_V1
            | kind::UPDATE_ROWS
            | kind::MARIADB_UPDATE_ROWS_COMPRESSED_V1
            | kind::MARIADB_UPDATE_ROWS_COMPRESSED => RowsKind::Update,
            kind::DELETE_ROWS_V1
            | kind::DELETE_ROWS
            | kind::MARIADB_DELETE_ROWS_COMPRESSED_V1
            | kind::MARIADB_DELETE_ROWS_COMPRESSED => RowsKind::Delete,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsKind {
    Write,
    Update,
    Delete,
}

/// ROTATE: the log goes on in another file.
pub(crate) fn rotate(body: &Bytes) -> Result<(String, u64), DecodeError> {
    let mut reader = Reader::new(body);
    let position = reader.u64_le()?;
    Ok((String::from_utf8_lossy(reader.remaining()).into_owned(), position))
}

/// A statement of the log: DDL, or a mark such as BEGIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) thread: u32,
    pub(crate) database: String,
    pub(crate) statement: String,
    /// The SQL mode of the session, which tells how names and texts are quoted.
    pub(crate) sql_mode: Option<u64>,
}

impl Query {
    pub(crate) fn parse(event: &Event) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&event.body);
        let thread = reader.u32_le()?;
        reader.skip(4)?;
        let database_length = usize::from(reader.u8()?);
        reader.skip(2)?;
        let variables_length = usize::from(reader.u16_le()?);
        let sql_mode = sql_mode(reader.take(variables_length)?);
        let database = String::from_utf8_lossy(reader.take(database_length)?).into_owned();
        reader.skip(1)?;
        let statement = match event.kind {
            kind::MARIADB_QUERY_COMPRESSED => inflate(reader.remaining())?,
            _ => reader.remaining().to_vec(),
        };
        Ok(Self { thread, database, statement: String::from_utf8_lossy(&statement).into_owned(), sql_mode })
    }
}

/// The second of the status variables, behind the flags of the session.
fn sql_mode(variables: &[u8]) -> Option<u64> {
    const FLAGS: u8 = 0;
    const SQL_MODE: u8 = 1;
    let mut reader = Reader::new(variables);
    let mut code = reader.u8().ok()?;
    if code == FLAGS {
        reader.skip(4).ok()?;
        code = reader.u8().ok()?;
    }
    if code == SQL_MODE { reader.u64_le().ok() } else { None }
}

/// ROWS_QUERY or ANNOTATE_ROWS: the statement that the rows come from.
pub(crate) fn rows_query(event: &Event) -> String {
    // The length byte of ROWS_QUERY is cut off at 255 and says nothing.
    let start = if event.kind == kind::ROWS_QUERY { 1 } else { 0 };
    String::from_utf8_lossy(event.body.get(start..).unwrap_or_default()).into_owned()
}

/// The start of a transaction as its GTID event tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) gtid: Option<Gtid>,
    /// When it was first committed, in microseconds since 1970; MySQL 8 and later.
    pub(crate) committed_micros: Option<i64>,
    /// MariaDB: a statement by itself, without BEGIN and COMMIT.
    pub(crate) standalone: bool,
}

/// GTID and ANONYMOUS_GTID of MySQL.
pub(crate) fn gtid(event: &Event) -> Result<Start, DecodeError> {
    let mut reader = Reader::new(&event.body);
    reader.skip(1)?;
    let source = uuid(reader.array()?);
    let number = reader.u64_le()?;
    let gtid = (event.kind == kind::GTID).then_some(Gtid::MySql { source, tag: String::new(), number });
    // Type and values of the logical clock.
    let committed = match reader.skip(17).and_then(|()| reader.uint_le(7)).ok() {
        // The highest bit says that the time of the first commit follows.
        Some(time) if time >> 55 == 1 => reader.uint_le(7).ok(),
        time => time,
    };
    let committed_micros = committed.and_then(|time| i64::try_from(time).ok()).filter(|time| *time > 0);
    Ok(Start { gtid, committed_micros, standalone: false })
}

fn uuid(bytes: [u8; 16]) -> String {
    uuid::Uuid::from_bytes(bytes).to_string()
}

/// GTID_TAGGED: fields with numbers before them, in the form of the server's serialization library.
pub(crate) fn gtid_tagged(event: &Event) -> Result<Start, DecodeError> {
    let mut reader = Reader::new(&event.body);
    let mut tagged = Tagged::default();
    // Version, size of the message, and the last field that a reader must know.
    for _ in 0..3 {
        variable(&mut reader)?;
    }
    while !reader.remaining().is_empty() {
        let field = variable(&mut reader)?;
        if !tagged.read(field, &mut reader)? {
            break;
        }
    }
    let original = tagged.original.or(tagged.immediate);
    Ok(Start {
        gtid: Some(Gtid::MySql { source: uuid(tagged.source), tag: tagged.tag, number: tagged.number }),
        committed_micros: original.and_then(|time| i64::try_from(time).ok()),
        standalone: false,
    })
}

#[derive(Default)]
struct Tagged {
    source: [u8; 16],
    number: u64,
    tag: String,
    immediate: Option<u64>,
    original: Option<u64>,
}

impl Tagged {
    /// Reads one field; false after the last one that matters.
    fn read(&mut self, field: u64, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        match field {
            0 => drop(variable(reader)?),
            1 => {
                for byte in &mut self.source {
                    *byte = u8::try_from(variable(reader)?).map_err(|_| DecodeError::Truncated)?;
                }
            }
            2 => self.number = zigzag(variable(reader)?),
            3 => {
                let length = usize::try_from(variable(reader)?).map_err(|_| DecodeError::Truncated)?;
                self.tag = String::from_utf8_lossy(reader.take(length)?).into_owned();
            }
            4 | 5 => drop(variable(reader)?),
            6 => self.immediate = Some(variable(reader)?),
            7 => self.original = Some(variable(reader)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A number whose first byte tells by its low one-bits how many bytes follow.
fn variable(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let first = reader.u8()?;
    let following = first.trailing_ones() as usize;
    let rest = reader.uint_le(following.min(8))?;
    if following >= 8 {
        return Ok(rest);
    }
    let own_bits = 7 - following;
    let own = u64::from(first) >> (following + 1);
    Ok(rest.checked_shl(own_bits as u32).unwrap_or_default() | own)
}

/// A signed number with its sign in the lowest bit; transaction numbers are never negative.
fn zigzag(number: u64) -> u64 {
    number >> 1
}

/// MariaDB's GTID event, which is the BEGIN of its transaction too.
pub(crate) fn mariadb_gtid(event: &Event) -> Result<Start, DecodeError> {
    const STANDALONE: u8 = 1;
    let mut reader = Reader::new(&event.body);
    let sequence = reader.u64_le()?;
    let domain = reader.u32_le()?;
    let flags = reader.u8()?;
    let gtid = Gtid::MariaDb { domain, server: event.server_id, sequence };
    Ok(Start { gtid: Some(gtid), committed_micros: None, standalone: flags & STANDALONE != 0 })
}

/// The uncompressed size that a TRANSACTION_PAYLOAD promises.
pub(crate) fn payload_size(body: &Bytes) -> Result<u64, DecodeError> {
    const UNCOMPRESSED_SIZE: u64 = 3;
    let mut reader = Reader::new(body);
    loop {
        let field = reader.length_encoded()?;
        let length = usize::try_from(reader.length_encoded()?).map_err(|_| DecodeError::Truncated)?;
        match field {
            0 => return Err(DecodeError::Truncated),
            UNCOMPRESSED_SIZE => return Reader::new(reader.take(length)?).length_encoded(),
            _ => reader.skip(length)?,
        }
    }
}

/// The rows of one event, not yet read.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) table_id: u64,
    /// Which columns the images hold: of a write or delete; before the update.
    pub(crate) present: Bytes,
    /// Of the image after an update.
    pub(crate) present_after: Bytes,
    pub(crate) images: Bytes,
}

impl Rows {
    pub(crate) fn parse(event: &Event, rows: RowsKind) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&event.body);
        let table_id = reader.uint_le(6)?;
        reader.skip(2)?;
        let v2 = matches!(event.kind, kind::WRITE_ROWS | kind::UPDATE_ROWS | kind::DELETE_ROWS);
        let mariadb_v2 =
            (kind::MARIADB_WRITE_ROWS_COMPRESSED..=kind::MARIADB_DELETE_ROWS_COMPRESSED).contains(&event.kind);
        if v2 || mariadb_v2 {
            let extra = usize::from(reader.u16_le()?);
            reader.skip(extra.checked_sub(2).ok_or(DecodeError::Truncated)?)?;
        }
        let columns = usize::try_from(reader.length_encoded()?).map_err(|_| DecodeError::Truncated)?;
        let bitmap = columns.div_ceil(8);
        let slice = |reader: &mut Reader<'_>, length: usize| {
            let start = reader.position();
            reader.skip(length)?;
            Ok::<_, DecodeError>(event.body.slice(start..start + length))
        };
        let present = slice(&mut reader, bitmap)?;
        let present_after = match rows {
            RowsKind::Update => slice(&mut reader, bitmap)?,
            RowsKind::Write | RowsKind::Delete => present.clone(),
        };
        let images = match event.kind >= kind::MARIADB_WRITE_ROWS_COMPRESSED_V1 {
            true => inflate(reader.remaining())?.into(),
            false => event.body.slice(reader.position()..),
        };
        Ok(Self { table_id, present, present_after, images })
    }
}

/// The largest thing that a compressed MariaDB event may become: as large as any packet of the protocol.
const INFLATED_BYTES_MAX: u64 = 1 << 30;

/// Undoes MariaDB's compression: a byte that tells algorithm and length of the size, the size, and zlib data.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    use std::io::Read;

    let mut reader = Reader::new(bytes);
    let header = reader.u8()?;
    let size = reader.uint_be(usize::from(header & 0x07))?;
    if size > INFLATED_BYTES_MAX {
        return Err(DecodeError::Truncated);
    }
    let mut inflated = Vec::new();
    flate2::read::ZlibDecoder::new(reader.remaining())
        .take(size)
        .read_to_end(&mut inflated)
        .map_err(|_| DecodeError::Truncated)?;
    match u64::try_from(inflated.len()) == Ok(size) {
        true => Ok(inflated),
        false => Err(DecodeError::Truncated),
    }
}

/// TABLE_MAP with the id by which the row events name it.
pub(crate) fn table_map(event: &Event) -> Result<TableMap, DecodeError> {
    TableMap::parse(&event.body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: u8, body: impl Into<Bytes>) -> Event {
        Event { kind, timestamp: 1, server_id: 7, flags: 0, position: 4, length: 19, body: body.into() }
    }

    /// Everything that reads the body of an event.
    fn read(event: &Event) {
        drop((rotate(&event.body), Query::parse(event), rows_query(event), gtid(event)));
        drop((gtid_tagged(event), mariadb_gtid(event), payload_size(&event.body), table_map(event)));
        for kind in [RowsKind::Write, RowsKind::Update, RowsKind::Delete] {
            drop(Rows::parse(event, kind));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(kind in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&event(kind, body));
        }

        #[test]
        fn an_event_may_end_anywhere(end in 0..60_usize, kind in any::<u8>()) {
            let body = [&1_u32.to_le_bytes()[..], &[0; 4], &[3, 0, 0, 0, 0], b"app\0CREATE TABLE t (id INT PRIMARY KEY)"].concat();
            read(&event(kind, body[..end.min(body.len())].to_vec()));
        }
    }

    #[test]
    fn a_statement_comes_with_database_thread_and_sql_mode() {
        let variables = [&[0_u8, 9, 9, 9, 9, 1][..], &4_u64.to_le_bytes()].concat();
        let body = [
            &53_u32.to_le_bytes()[..],
            &[0; 4],
            &[3, 0, 0, u8::try_from(variables.len()).unwrap(), 0],
            &variables,
            b"app\0DROP TABLE t",
        ]
        .concat();
        let query = Query::parse(&event(kind::QUERY, body));
        let expected =
            Query { thread: 53, database: "app".into(), statement: "DROP TABLE t".into(), sql_mode: Some(4) };
        assert_eq!(query, Ok(expected));
    }

    #[test]
    fn a_gtid_tells_the_time_of_the_first_commit() {
        let uuid = uuid::uuid!("a9024a0f-e545-11f1-aa45-02fc00000001");
        let time = 1_795_222_467_116_264_u64;
        let body = [&[1_u8][..], uuid.as_bytes(), &14_u64.to_le_bytes(), &[2; 17], &time.to_le_bytes()[..7]].concat();
        let expected = Start {
            gtid: Some(Gtid::MySql { source: uuid.to_string(), tag: String::new(), number: 14 }),
            committed_micros: Some(1_795_222_467_116_264),
            standalone: false,
        };
        assert_eq!(gtid(&event(kind::GTID, body)), Ok(expected));
    }

    #[test]
    fn mariadb_marks_statements_that_stand_alone() {
        let body = [&5_u64.to_le_bytes()[..], &0_u32.to_le_bytes(), &[1, 0, 0]].concat();
        let expected = Start {
            gtid: Some(Gtid::MariaDb { domain: 0, server: 7, sequence: 5 }),
            committed_micros: None,
            standalone: true,
        };
        assert_eq!(mariadb_gtid(&event(kind::MARIADB_GTID, body)), Ok(expected));
    }

    #[test]
    fn mariadbs_compression_is_undone() {
        use std::io::Write;

        let text = b"INSERT INTO t VALUES (1)".repeat(20);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(&text).unwrap();
        let bytes = [&[0x82, 1, 224][..], &zlib.finish().unwrap()].concat();
        assert_eq!(inflate(&bytes), Ok(text));
        assert_eq!(inflate(&[0x84, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
    }

    #[test]
    fn variable_numbers_are_read_in_all_lengths() {
        let check = |bytes: &[u8], expected: u64| assert_eq!(variable(&mut Reader::new(bytes)), Ok(expected));
        check(&[0b0000_0010], 1);
        check(&[0b1111_1101, 0xff], 0x3fff);
        check(&[0xff, 1, 0, 0, 0, 0, 0, 0, 0x80], 0x8000_0000_0000_0001);
    }
}
