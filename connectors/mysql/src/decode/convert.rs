//! From a cell to the value that the column's target asks for.

use base64::{Engine, engine::general_purpose};
use connect_api::{Bytes, Schema, Str, Struct, Value, decimal};
use connect_cdc::{
    decimal::{DecimalMode, Unscaled},
    temporal::{self, Fraction},
};

use super::{
    Binary,
    cell::{Cell, Day, moment},
    target::Target,
};

/// What a cell became.
pub(crate) enum Converted {
    Value(Value),
    /// A date of zeros: the server's way to say that there is none.
    Nothing,
    /// The target can't hold it; the words say why.
    Failed(&'static str),
    /// The bytes are damaged or belong to another type: not a matter of settings.
    Wrong(&'static str),
}

use Converted::{Failed, Nothing, Wrong};

fn some(value: impl Into<Value>) -> Converted {
    Converted::Value(value.into())
}

/// The value of a cell. `schema` is the column's, for structs.
#[inline]
pub(crate) fn value(cell: Cell, target: &Target, schema: &Schema) -> Converted {
    match (target, cell) {
        (Target::Int32, Cell::Int(number)) => narrow(number, Value::Int32),
        (Target::Int64, Cell::Int(number)) => Converted::Value(Value::Int64(number)),
        // Debezium's `long` mode: what is above 2^63-1 wraps.
        (Target::Int64, Cell::Unsigned(number)) => Converted::Value(Value::Int64(number as i64)),
        (Target::Int16, Cell::Int(number)) => narrow(number, Value::Int16),
        (Target::Boolean, Cell::Int(number)) => Converted::Value(Value::Boolean(number != 0)),
        (Target::Boolean, Cell::Bytes(bits)) => Converted::Value(Value::Boolean(bits.iter().any(|byte| *byte != 0))),
        (Target::Float32, Cell::Float(number)) => Converted::Value(Value::Float32(number)),
        (Target::Float32, Cell::Double(number)) => Converted::Value(Value::Float32(number as f32)),
        (Target::Float64 { .. }, Cell::Float(number)) => Converted::Value(Value::Float64(number.into())),
        (Target::Float64 { .. }, Cell::Double(number)) => Converted::Value(Value::Float64(number)),
        (Target::Decimal { mode, scale }, Cell::Decimal(number)) => Converted::Value(mode.value(&number, *scale)),
        (Target::Decimal { mode, scale }, Cell::Int(number)) => integer(*mode, *scale, number.into()),
        (Target::Decimal { mode, scale }, Cell::Unsigned(number)) => integer(*mode, *scale, number.into()),
        (Target::Text(charset), Cell::Bytes(bytes)) => Converted::Value(Value::String(charset.decode(bytes))),
        (Target::Binary { mode, pad }, Cell::Bytes(bytes)) => binary(*mode, *pad, bytes),
        (Target::Bits(length), Cell::Bytes(bits)) => bits_of(*length, &bits),
        (Target::Label(labels), Cell::Label(number)) => label(labels, number),
        (Target::Labels(labels), Cell::Labels(bits)) => label_set(labels, bits),
        (Target::Date(_) | Target::DateTime(_) | Target::Time(_) | Target::Timestamp | Target::Year { .. }, cell) => {
            temporal(cell, target)
        }
        (Target::Point | Target::Geometry, Cell::Bytes(bytes)) => geometry(&bytes, target, schema),
        (Target::Vector, Cell::Bytes(bytes)) => vector(&bytes),
        (Target::Uuid, Cell::Bytes(bytes)) => uuid(&bytes),
        (Target::Inet4, Cell::Bytes(bytes)) => some(std::net::Ipv4Addr::from(padded(&bytes)).to_string()),
        (Target::Inet6, Cell::Bytes(bytes)) => some(std::net::Ipv6Addr::from(padded::<16>(&bytes)).to_string()),
        (_, Cell::Text(text)) => match Str::from_utf8(text.clone()) {
            Ok(text) => Converted::Value(Value::String(text)),
            Err(_) => some(String::from_utf8_lossy(&text).into_owned()),
        },
        _ => Wrong("the server stores it as another type than the table model says"),
    }
}

fn narrow<T: TryFrom<i64>>(number: i64, value: fn(T) -> Value) -> Converted {
    match T::try_from(number) {
        Ok(number) => Converted::Value(value(number)),
        // Invariant 6: a value that does not fit is an error, not another value.
        Err(_) => Wrong("the number does not fit the type of the table model"),
    }
}

fn integer(mode: DecimalMode, scale: i32, number: i128) -> Converted {
    let bytes = decimal::small_bytes(number);
    match decimal::rescale(&bytes, 0, scale) {
        Some(bytes) => Converted::Value(mode.value(&Unscaled::Large(bytes), scale)),
        None => Failed("the number has more digits than a decimal can hold"),
    }
}

fn binary(mode: Binary, pad: usize, bytes: Bytes) -> Converted {
    let bytes = if bytes.len() < pad {
        let mut padded = bytes.to_vec();
        padded.resize(pad, 0);
        Bytes::from(padded)
    } else {
        bytes
    };
    match mode {
        Binary::Bytes => Converted::Value(Value::Bytes(bytes)),
        Binary::Base64 => some(general_purpose::STANDARD.encode(&bytes)),
        Binary::Base64UrlSafe => some(general_purpose::URL_SAFE.encode(&bytes)),
        Binary::Hex => some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

/// The server writes the highest byte first, Debezium the lowest.
fn bits_of(length: usize, bits: &[u8]) -> Converted {
    let mut bytes: Vec<u8> = bits.iter().rev().copied().collect();
    bytes.resize(length, 0);
    Converted::Value(Value::Bytes(bytes.into()))
}

fn label(labels: &[Str], number: u64) -> Converted {
    if number == 0 {
        return Converted::Value(Value::String(Str::default()));
    }
    match usize::try_from(number - 1).ok().and_then(|at| labels.get(at)) {
        Some(label) => Converted::Value(Value::String(label.clone())),
        None => Wrong("the row has a label that the table model does not know"),
    }
}

fn label_set(labels: &[Str], bits: u64) -> Converted {
    if labels.len() < 64 && bits >> labels.len() != 0 {
        return Wrong("the row has a label that the table model does not know");
    }
    let mut text = String::new();
    for (_, label) in labels.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(label);
    }
    some(text)
}

fn temporal(cell: Cell, target: &Target) -> Converted {
    const BEYOND: &str = "the time is beyond what time.precision.mode can express";
    const NO_DATE: &str = "the date does not exist in the calendar";
    let held = |value: Option<Value>| value.map_or(Failed(BEYOND), Converted::Value);
    match (target, cell) {
        (Target::Date(form), Cell::Date(date)) => match date.day() {
            Day::Days(days) => held(form.value(days)),
            Day::Zero => Nothing,
            Day::Invalid => Wrong(NO_DATE),
        },
        (Target::DateTime(form), Cell::DateTime(date, micros)) => match date.day() {
            Day::Days(days) => held(moment(days, micros).and_then(|micros| form.value(micros))),
            Day::Zero => Nothing,
            Day::Invalid => Wrong(NO_DATE),
        },
        (Target::Time(form), Cell::Time(micros)) => held(form.value(micros)),
        (Target::Timestamp, Cell::Timestamp(micros, digits)) => {
            some(temporal::zoned_text(micros, digits.map_or(Fraction::Shortest, Fraction::Digits)))
        }
        (Target::Timestamp, Cell::ZeroTimestamp) => Nothing,
        (Target::Year { adjust }, Cell::Year(year)) => Converted::Value(Value::Int32(adjusted(year, *adjust))),
        _ => Wrong("the server stores it as another type than the table model says"),
    }
}

/// Two digits mean the years 1970 to 2069.
fn adjusted(year: i32, adjust: bool) -> i32 {
    match year {
        0..=69 if adjust => year + 2000,
        70..=99 if adjust => year + 1900,
        _ => year,
    }
}

/// The server's form: four bytes of SRID, lowest first, then well-known binary.
fn geometry(bytes: &Bytes, target: &Target, schema: &Schema) -> Converted {
    let Some((srid, _)) = bytes.split_first_chunk::<4>() else { return Wrong("a geometry is cut off") };
    let srid = match i32::from_le_bytes(*srid) {
        0 => Value::Null,
        srid => Value::Int32(srid),
    };
    let wkb = bytes.slice(4..);
    let values = if *target == Target::Point {
        let Some((x, y)) = point(&wkb) else { return Wrong("a POINT is none") };
        vec![Value::Float64(x), Value::Float64(y), Value::Bytes(wkb), srid]
    } else {
        vec![Value::Bytes(wkb), srid]
    };
    Converted::Value(Value::Struct(Struct::new(schema.clone(), values)))
}

fn point(wkb: &[u8]) -> Option<(f64, f64)> {
    let (order, rest) = wkb.split_first()?;
    let coordinate = |at: usize| {
        let bytes: [u8; 8] = rest.get(4 + at * 8..12 + at * 8)?.try_into().ok()?;
        Some(if *order == 1 { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    };
    Some((coordinate(0)?, coordinate(1)?))
}

fn vector(bytes: &[u8]) -> Converted {
    let (numbers, []) = bytes.as_chunks::<4>() else { return Wrong("a vector is cut off") };
    let numbers = numbers.iter().map(|number| Value::Float32(f32::from_le_bytes(*number)));
    Converted::Value(Value::Array(numbers.collect()))
}

/// MariaDB stores the parts of most UUIDs in the order in which they sort by time.
fn uuid(bytes: &[u8]) -> Converted {
    let mut b = padded::<16>(bytes);
    let swapped = b[6] & 0x80 != 0 && b[8] > 0 && b[8] < 0x60;
    if swapped {
        let stored = b;
        b[0..4].copy_from_slice(&stored[12..16]);
        b[4..6].copy_from_slice(&stored[10..12]);
        b[6..8].copy_from_slice(&stored[8..10]);
        b[8..10].copy_from_slice(&stored[6..8]);
        b[10..16].copy_from_slice(&stored[0..6]);
    }
    let mut text = String::with_capacity(36);
    for (at, byte) in b.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text += &format!("{byte:02x}");
    }
    some(text)
}

/// Fixed-length binary loses its trailing zeros on the way.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    padded
}
