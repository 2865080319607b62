//! TABLE_MAP events: how the server encoded the columns of the row events that follow.

use connect_api::Bytes;

use super::{DecodeError, wire::Reader};

/// What a TABLE_MAP event says. Row events name it by `table_id`.
#[derive(Clone, Debug, PartialEq)]
pub struct TableMap {
    pub table_id: u64,
    pub database: String,
    pub table: String,
    pub columns: Vec<MapColumn>,
    /// The collation of each text column, where the server tells (`binlog_row_metadata`).
    pub charsets: Vec<Option<u64>>,
}

/// The wire form of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapColumn {
    /// The field type number of the MySQL protocol; ENUM and SET stand under their own, not under STRING.
    pub code: u8,
    /// The number that the type needs to be read: lengths, precision, fraction digits.
    pub meta: u16,
}

/// Field type numbers of the MySQL protocol.
pub(crate) mod code {
    pub(crate) const DECIMAL: u8 = 0;
    pub(crate) const TINY: u8 = 1;
    pub(crate) const SHORT: u8 = 2;
    pub(crate) const LONG: u8 = 3;
    pub(crate) const FLOAT: u8 = 4;
    pub(crate) const DOUBLE: u8 = 5;
    pub(crate) const NULL: u8 = 6;
    pub(crate) const TIMESTAMP: u8 = 7;
    pub(crate) const LONGLONG: u8 = 8;
    pub(crate) const INT24: u8 = 9;
    pub(crate) const DATE: u8 = 10;
    pub(crate) const TIME: u8 = 11;
    pub(crate) const DATETIME: u8 = 12;
    pub(crate) const YEAR: u8 = 13;
    pub(crate) const NEWDATE: u8 = 14;
    pub(crate) const VARCHAR: u8 = 15;
    pub(crate) const BIT: u8 = 16;
    pub(crate) const TIMESTAMP2: u8 = 17;
    pub(crate) const DATETIME2: u8 = 18;
    pub(crate) const TIME2: u8 = 19;
    pub(crate) const VECTOR: u8 = 242;
    pub(crate) const JSON: u8 = 245;
    pub(crate) const NEWDECIMAL: u8 = 246;
    pub(crate) const ENUM: u8 = 247;
    pub(crate) const SET: u8 = 248;
    pub(crate) const TINY_BLOB: u8 = 249;
    pub(crate) const MEDIUM_BLOB: u8 = 250;
    pub(crate) const LONG_BLOB: u8 = 251;
    pub(crate) const BLOB: u8 = 252;
    pub(crate) const VAR_STRING: u8 = 253;
    pub(crate) const STRING: u8 = 254;
    pub(crate) const GEOMETRY: u8 = 255;
}

impl TableMap {
    /// Reads the event's body: what stands between the common header and the checksum.
    pub fn parse(body: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let table_id = reader.uint_le(6)?;
        reader.skip(2)?;
        let database = name(&mut reader)?;
        let table = name(&mut reader)?;
        let count = usize::try_from(reader.length_encoded()?).map_err(|_| DecodeError::Truncated)?;
        let codes = reader.take(count)?;
        let meta_length = usize::try_from(reader.length_encoded()?).map_err(|_| DecodeError::Truncated)?;
        let mut metas = Reader::new(reader.take(meta_length)?);
        let columns = codes.iter().map(|code| column(*code, &mut metas)).collect::<Result<Vec<_>, _>>()?;
        reader.skip(count.div_ceil(8))?;
        let charsets = charsets(&columns, reader.remaining());
        Ok(Self { table_id, database, table, columns, charsets })
    }
}

/// A name with its length before it and a zero after it.
fn name(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let length = usize::from(reader.u8()?);
    let text = String::from_utf8_lossy(reader.take(length)?).into_owned();
    reader.skip(1)?;
    Ok(text)
}

/// Reads the collations from the optional metadata that may end the event. It is optional to understand, too: what does
/// not read as expected is left out.
fn charsets(columns: &[MapColumn], metadata: &[u8]) -> Vec<Option<u64>> {
    const DEFAULT_CHARSET: u8 = 2;
    const COLUMN_CHARSET: u8 = 3;
    let is_text = |column: &MapColumn| {
        matches!(
            column.code,
            code::STRING
                | code::VAR_STRING
                | code::VARCHAR
                | code::TINY_BLOB
                | code::BLOB
                | code::MEDIUM_BLOB
                | code::LONG_BLOB
        )
    };
    let texts: Vec<usize> = (0..columns.len()).filter(|at| is_text(&columns[*at])).collect();
    let mut charsets = vec![None; columns.len()];
    let mut reader = Reader::new(metadata);
    let mut field = || {
        let kind = reader.u8().ok()?;
        let length = usize::try_from(reader.length_encoded().ok()?).ok()?;
        Some((kind, reader.take(length).ok()?))
    };
    while let Some((kind, value)) = field() {
        let mut value = Reader::new(value);
        let mut number = || value.length_encoded().ok();
        if kind == DEFAULT_CHARSET {
            // One for most columns, then pairs of a text column's number and its own.
            let default = number();
            texts.iter().for_each(|at| charsets[*at] = default);
            while let (Some(nth), Some(collation)) = (number(), number()) {
                if let Some(at) = usize::try_from(nth).ok().and_then(|nth| texts.get(nth)) {
                    charsets[*at] = Some(collation);
                }
            }
        } else if kind == COLUMN_CHARSET {
            texts.iter().for_each(|at| charsets[*at] = number());
        }
    }
    charsets
}

fn column(code: u8, metas: &mut Reader<'_>) -> Result<MapColumn, DecodeError> {
    let column = |meta| MapColumn { code, meta };
    Ok(match code {
        code::FLOAT | code::DOUBLE | code::TIMESTAMP2 | code::DATETIME2 | code::TIME2 | code::JSON => {
            column(metas.u8()?.into())
        }
        code::BLOB | code::TINY_BLOB | code::MEDIUM_BLOB | code::LONG_BLOB | code::GEOMETRY | code::VECTOR => {
            column(metas.u8()?.into())
        }
        code::VARCHAR | code::VAR_STRING => column(metas.u16_le()?),
        // MariaDB's COMPRESSED columns.
        140 => column(metas.u8()?.into()),
        141 => column(metas.u16_le()?),
        code::BIT => {
            let (bits, bytes) = (metas.u8()?, metas.u8()?);
            column(u16::from(bytes) * 8 + u16::from(bits))
        }
        code::NEWDECIMAL => column(u16::from_be_bytes([metas.u8()?, metas.u8()?])),
        code::STRING | code::ENUM | code::SET => string(metas.u8()?, metas.u8()?),
        _ => column(0),
    })
}

/// STRING hides ENUM and SET in its first byte, and the two high bits of a length above 255 as well.
fn string(first: u8, second: u8) -> MapColumn {
    match first {
        code::ENUM | code::SET => MapColumn { code: first, meta: second.into() },
        _ if first & 0x30 != 0x30 => {
            let high = u16::from((first & 0x30) ^ 0x30) << 4;
            MapColumn { code: code::STRING, meta: high | u16::from(second) }
        }
        _ => MapColumn { code: code::STRING, meta: second.into() },
    }
}
