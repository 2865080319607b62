//! Cells from row images: how each type of the binlog is laid out.

use connect_api::{Bytes, Str, Value};
use connect_cdc::decimal::Unscaled;

use super::{
    DecodeError,
    cell::{Cell, Date},
    charset::Charset,
    json,
    table_map::{MapColumn, code},
    target::Target,
    wire::Reader,
};

/// The layout of one column in a row image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Lowest byte first, so many bytes.
    Int(usize),
    Float,
    Double,
    Decimal {
        precision: usize,
        scale: usize,
    },
    /// A length of so many bytes, then the value.
    Prefixed(usize),
    /// [`Layout::Prefixed`], deflated by MariaDB.
    Compressed(usize),
    Bits(usize),
    Label(usize),
    Labels(usize),
    Date,
    OldTime,
    OldDateTime,
    OldTimestamp,
    Time(u8),
    DateTime(u8),
    Timestamp(u8),
    Year,
    Json(usize),
    Null,
}

/// MariaDB's COMPRESSED columns.
const BLOB_COMPRESSED: u8 = 140;
const VARCHAR_COMPRESSED: u8 = 141;

impl Layout {
    pub(crate) fn of(column: MapColumn) -> Option<Self> {
        let meta = usize::from(column.meta);
        let digits = column.meta.min(6) as u8;
        Some(match column.code {
            code::TINY => Self::Int(1),
            code::SHORT => Self::Int(2),
            code::INT24 => Self::Int(3),
            code::LONG => Self::Int(4),
            code::LONGLONG => Self::Int(8),
            code::FLOAT => Self::Float,
            code::DOUBLE => Self::Double,
            code::NEWDECIMAL => decimal_layout(meta >> 8, meta & 0xff)?,
            code::VARCHAR | code::VAR_STRING | code::STRING => Self::Prefixed(if meta < 256 { 1 } else { 2 }),
            code::TINY_BLOB | code::BLOB | code::MEDIUM_BLOB | code::LONG_BLOB | code::GEOMETRY | code::VECTOR
                if (1..=4).contains(&meta) =>
            {
                Self::Prefixed(meta)
            }
            BLOB_COMPRESSED if (1..=4).contains(&meta) => Self::Compressed(meta),
            VARCHAR_COMPRESSED => Self::Compressed(if meta < 256 { 1 } else { 2 }),
            code::JSON if (1..=4).contains(&meta) => Self::Json(meta),
            code::BIT => Self::Bits(meta.div_ceil(8)),
            code::ENUM if (1..=2).contains(&meta) => Self::Label(meta),
            code::SET if (1..=8).contains(&meta) => Self::Labels(meta),
            code::DATE | code::NEWDATE => Self::Date,
            code::TIME => Self::OldTime,
            code::DATETIME => Self::OldDateTime,
            code::TIMESTAMP => Self::OldTimestamp,
            code::TIME2 => Self::Time(digits),
            code::DATETIME2 => Self::DateTime(digits),
            code::TIMESTAMP2 => Self::Timestamp(digits),
            code::YEAR => Self::Year,
            code::NULL => Self::Null,
            _ => return None,
        })
    }

    /// Reads one value. The slices of the answer share `body`.
    #[inline]
    pub(crate) fn read(self, reader: &mut Reader<'_>, body: &Bytes, unsigned: bool) -> Result<Cell, DecodeError> {
        Ok(match self {
            Self::Int(4) if !unsigned => Cell::Int(i32::from_le_bytes(reader.array()?).into()),
            Self::Int(length) => integer(reader, length, unsigned)?,
            Self::Prefixed(length) => Cell::Bytes(slice(reader, length, body)?),
            Self::Float => Cell::Float(f32::from_le_bytes(reader.array()?)),
            Self::Double => Cell::Double(f64::from_le_bytes(reader.array()?)),
            Self::Decimal { precision, scale } => Cell::Decimal(decimal(reader, precision, scale)?),
            Self::Compressed(length) => Cell::Bytes(inflate(&slice(reader, length, body)?)?),
            Self::Bits(length) => {
                let at = reader.position();
                reader.skip(length)?;
                Cell::Bytes(body.slice(at..at + length))
            }
            Self::Label(length) => Cell::Label(reader.uint_le(length)?),
            Self::Labels(length) => Cell::Labels(reader.uint_le(length)?),
            Self::Date => Cell::Date(date(reader.uint_le(3)?)),
            Self::OldTime => old_time(reader)?,
            Self::OldDateTime => old_date_time(reader.u64_le()?),
            Self::OldTimestamp => timestamp(i64::from(reader.u32_le()?) * 1_000_000, 0),
            Self::Time(digits) => Cell::Time(time(reader, digits)?),
            Self::DateTime(digits) => date_time(reader, digits)?,
            Self::Timestamp(digits) => {
                let seconds = reader.uint_be(4)? as i64;
                timestamp(seconds * 1_000_000 + fraction(reader, digits)?, digits)
            }
            // Two digits were stored from 1901 on; 0 is the year 0000.
            Self::Year => match reader.u8()? {
                0 => Cell::Year(0),
                year => Cell::Year(1900 + i32::from(year)),
            },
            Self::Json(length) => {
                let document = slice(reader, length, body)?;
                // An empty document stands for null in rows that were written by a broken ALTER.
                let text = if document.is_empty() { "null".to_owned() } else { json::text(&document)? };
                Cell::Text(text.into())
            }
            Self::Null => Cell::Text(Bytes::new()),
        })
    }

    /// Reads a signed value of the kinds that most columns have to the end of the row, where it is made in place: as a cell and
    /// then as a value it would be moved three times. False, with nothing read, for all others.
    #[inline]
    pub(crate) fn read_plain(
        self,
        target: &Target,
        reader: &mut Reader<'_>,
        body: &Bytes,
        row: &mut Vec<Value>,
    ) -> Result<bool, DecodeError> {
        match (self, target) {
            (Self::Int(4), Target::Int32) => {
                row.push(Value::Int32(i32::from_le_bytes(reader.array()?)));
            }
            (Self::Int(8), Target::Int64) => {
                row.push(Value::Int64(i64::from_le_bytes(reader.array()?)));
            }
            (Self::Prefixed(prefix), Target::Text(Charset::Utf8)) => {
                let mut ahead = *reader;
                let length = usize::try_from(ahead.uint_le(prefix)?).map_err(|_| DecodeError::Truncated)?;
                let at = ahead.position();
                ahead.skip(length)?;
                row.push(Value::Null);
                let Some(place) = row.last_mut() else { return Ok(false) };
                if !Str::put_short_utf8(body, at..at + length, place) {
                    row.pop();
                    return Ok(false);
                }
                *reader = ahead;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Passes over one value.
    pub(crate) fn skip(self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let length = match self {
            Self::Int(length) | Self::Bits(length) | Self::Label(length) | Self::Labels(length) => length,
            Self::Float | Self::OldTimestamp => 4,
            Self::Double | Self::OldDateTime => 8,
            Self::Decimal { precision, scale } => decimal_length(precision - scale) + decimal_length(scale),
            Self::Prefixed(length) | Self::Compressed(length) | Self::Json(length) => {
                usize::try_from(reader.uint_le(length)?).map_err(|_| DecodeError::Truncated)?
            }
            Self::Date | Self::OldTime => 3,
            Self::Time(digits) => 3 + usize::from(digits).div_ceil(2),
            Self::DateTime(digits) => 5 + usize::from(digits).div_ceil(2),
            Self::Timestamp(digits) => 4 + usize::from(digits).div_ceil(2),
            Self::Year => 1,
            Self::Null => 0,
        };
        reader.skip(length)
    }
}

#[inline]
fn integer(reader: &mut Reader<'_>, length: usize, unsigned: bool) -> Result<Cell, DecodeError> {
    let number = reader.uint_le(length)?;
    let unused = 64 - 8 * length as u32;
    Ok(match unsigned {
        true => i64::try_from(number).map_or(Cell::Unsigned(number), Cell::Int),
        false => Cell::Int((number << unused) as i64 >> unused),
    })
}

/// A value behind its length.
#[inline]
fn slice(reader: &mut Reader<'_>, prefix: usize, body: &Bytes) -> Result<Bytes, DecodeError> {
    let length = usize::try_from(reader.uint_le(prefix)?).map_err(|_| DecodeError::Truncated)?;
    let at = reader.position();
    reader.skip(length)?;
    Ok(body.slice(at..at + length))
}

/// The most that one COMPRESSED value may grow to: the largest packet that a server sends.
const INFLATED_MAX: usize = 1 << 30;

/// MariaDB's form: a byte with the length's length and whether the zlib header is left out, the length, and the deflated
/// stream; a byte of 0 stands before a value that is not compressed.
fn inflate(bytes: &Bytes) -> Result<Bytes, DecodeError> {
    const DAMAGED: DecodeError = DecodeError::Damaged("a compressed value can't be unpacked");
    let Some(first) = bytes.first() else { return Ok(Bytes::new()) };
    if *first == 0 {
        return Ok(bytes.slice(1..));
    }
    let mut reader = Reader::at(bytes, 1);
    let length = usize::try_from(reader.uint_be(usize::from(first & 7))?).ok().filter(|length| *length <= INFLATED_MAX);
    let length = length.ok_or(DAMAGED)?;
    let zlib_header = first & 8 == 0;
    let mut inflated = Vec::new();
    let mut stream = flate2::Decompress::new(zlib_header);
    inflated.reserve_exact(length.min(reader.remaining().len().saturating_mul(1032)));
    let status = stream.decompress_vec(reader.remaining(), &mut inflated, flate2::FlushDecompress::Finish);
    if status.is_err() || inflated.len() != length {
        return Err(DAMAGED);
    }
    Ok(inflated.into())
}

/// Bytes of so many decimal digits: nine in four bytes, the rest in as few as hold them.
fn decimal_length(digits: usize) -> usize {
    const REST: [usize; 9] = [0, 1, 1, 2, 2, 3, 3, 4, 4];
    digits / 9 * 4 + REST[digits % 9]
}

fn decimal_layout(precision: usize, scale: usize) -> Option<Layout> {
    (precision <= 65 && scale <= precision).then_some(Layout::Decimal { precision, scale })
}

pub(crate) fn decimal(reader: &mut Reader<'_>, precision: usize, scale: usize) -> Result<Unscaled, DecodeError> {
    const SIZE_MAX: usize = 32;
    let length = decimal_length(precision - scale) + decimal_length(scale);
    let mut bytes = [0_u8; SIZE_MAX];
    bytes[..length].copy_from_slice(reader.take(length)?);
    let negative = bytes[0] & 0x80 == 0;
    bytes[0] ^= 0x80;
    if negative {
        bytes[..length].iter_mut().for_each(|byte| *byte = !*byte);
    }
    let mut digits = Digits { number: 0, text: (precision > 38).then(String::new) };
    let mut groups = Reader::new(&bytes[..length]);
    let whole = precision - scale;
    digits.push(&mut groups, whole % 9)?;
    for _ in 0..whole / 9 + scale / 9 {
        digits.push(&mut groups, 9)?;
    }
    digits.push(&mut groups, scale % 9)?;
    digits.finish(negative)
}

/// Collects groups of digits: as a number while it fits, as text for the largest decimals.
struct Digits {
    number: i128,
    text: Option<String>,
}

impl Digits {
    fn push(&mut self, groups: &mut Reader<'_>, digits: usize) -> Result<(), DecodeError> {
        if digits == 0 {
            return Ok(());
        }
        let group = groups.uint_be(decimal_length(digits))?;
        match &mut self.text {
            Some(text) => text.push_str(&format!("{group:0digits$}")),
            None => {
                // Damaged bytes can hold more than nine digits; the sum must not overflow then.
                let unit = 10_u64.pow(digits as u32);
                self.number = self.number.wrapping_mul(unit.into()).wrapping_add((group % unit).into());
            }
        }
        Ok(())
    }

    fn finish(self, negative: bool) -> Result<Unscaled, DecodeError> {
        let Some(text) = self.text else {
            return Ok(Unscaled::Small(if negative { -self.number } else { self.number }));
        };
        let signed = if negative { format!("-{text}") } else { text };
        let bytes = connect_api::decimal::integer_bytes(&signed);
        bytes.map(Unscaled::Large).ok_or(DecodeError::Damaged("a decimal has no digits"))
    }
}

fn date(packed: u64) -> Date {
    Date { year: (packed >> 9) as i64, month: (packed >> 5 & 0xf) as u8, day: (packed & 0x1f) as u8 }
}

/// Digits of a second, in microseconds.
#[inline]
fn fraction(reader: &mut Reader<'_>, digits: u8) -> Result<i64, DecodeError> {
    Ok(match digits {
        0 => 0,
        1 | 2 => reader.uint_be(1)? as i64 * 10_000,
        3 | 4 => reader.uint_be(2)? as i64 * 100,
        _ => reader.uint_be(3)? as i64,
    })
}

fn time(reader: &mut Reader<'_>, digits: u8) -> Result<i64, DecodeError> {
    // Sign, hours and the rest are one number with its fraction, shifted so that bytes sort as times do.
    let fraction_bytes = usize::from(digits).div_ceil(2);
    let bits = 8 * fraction_bytes as u32;
    let packed = reader.uint_be(3 + fraction_bytes)? as i64 - (0x80_0000_i64 << bits);
    let (negative, packed) = (packed < 0, packed.abs());
    let (whole, part) = (packed >> bits, packed & ((1 << bits) - 1));
    let seconds = (whole >> 12 & 0x3ff) * 3600 + (whole >> 6 & 0x3f) * 60 + (whole & 0x3f);
    let micros = seconds * 1_000_000
        + part
            * match fraction_bytes {
                1 => 10_000,
                2 => 100,
                _ => 1,
            };
    Ok(if negative { -micros } else { micros })
}

fn date_time(reader: &mut Reader<'_>, digits: u8) -> Result<Cell, DecodeError> {
    let packed = reader.uint_be(5)? & 0x7f_ffff_ffff;
    let (day, of_day) = (packed >> 17, (packed & 0x1_ffff) as i64);
    let months = day >> 5;
    let date = Date { year: (months / 13) as i64, month: (months % 13) as u8, day: (day & 0x1f) as u8 };
    let seconds = (of_day >> 12) * 3600 + (of_day >> 6 & 0x3f) * 60 + (of_day & 0x3f);
    Ok(Cell::DateTime(date, seconds * 1_000_000 + fraction(reader, digits)?))
}

fn timestamp(micros: i64, digits: u8) -> Cell {
    if micros == 0 { Cell::ZeroTimestamp } else { Cell::Timestamp(micros, Some(digits)) }
}

/// Before MySQL 5.6: decimal digits `hhmmss`.
fn old_time(reader: &mut Reader<'_>) -> Result<Cell, DecodeError> {
    let Cell::Int(packed) = integer(reader, 3, false)? else { return Ok(Cell::Time(0)) };
    let (sign, packed) = (packed.signum(), packed.abs());
    let seconds = packed / 10_000 * 3600 + packed / 100 % 100 * 60 + packed % 100;
    Ok(Cell::Time(sign * seconds * 1_000_000))
}

/// Before MySQL 5.6: decimal digits `yyyymmddhhmmss`.
fn old_date_time(packed: u64) -> Cell {
    let (day, of_day) = (packed / 1_000_000, (packed % 1_000_000) as i64);
    let date = Date { year: (day / 10_000).min(9999) as i64, month: (day / 100 % 100) as u8, day: (day % 100) as u8 };
    let seconds = of_day / 10_000 * 3600 + of_day / 100 % 100 * 60 + of_day % 100;
    Cell::DateTime(date, seconds * 1_000_000)
}
