//! The defaults of columns as values of their schemas.

use connect_api::{Bytes, Schema, Value};
use connect_cdc::table::Column;

use super::{
    cell::Cell,
    convert::{self, Converted},
    target::{self, Target},
    text,
};

/// What schema histories hold for `CURRENT_TIMESTAMP`.
const EPOCH: &str = "1970-01-01 00:00:00";

/// The default that the schema of a column shows; `None` where it has none, or one that can't be told in advance.
pub(crate) fn value(column: &Column, target: &Target, schema: &Schema) -> Option<Value> {
    let expression = column.default_expression.as_deref()?;
    if column.optional && *target == Target::Timestamp && expression == EPOCH {
        return None;
    }
    let converted = match (target, literal(expression, column, target)?) {
        // Defaults of fixed-length binary are as long as they are written.
        (Target::Binary { mode, .. }, cell) => convert::value(cell, &Target::Binary { mode: *mode, pad: 0 }, schema),
        (target, cell) => convert::value(cell, target, schema),
    };
    match converted {
        Converted::Value(value) => Some(value),
        // A default of zeros counts as the beginning of time where null is not allowed.
        Converted::Nothing if !column.optional => Some(target::fallback(target, schema)),
        Converted::Nothing | Converted::Failed(_) | Converted::Wrong(_) => None,
    }
}

fn literal(expression: &str, column: &Column, target: &Target) -> Option<Cell> {
    let trimmed = expression.trim();
    let truth = match trimmed.to_ascii_uppercase().as_str() {
        "TRUE" => "1",
        "FALSE" => "0",
        _ => trimmed,
    };
    Some(match target {
        Target::Boolean => Cell::Int(i64::from(!truth.trim_start_matches('0').is_empty())),
        Target::Bits(length) => Cell::Bytes(bits(truth, *length)?),
        Target::Int16 | Target::Int32 => Cell::Int(integer(truth)?),
        // The largest number stands in for one that is larger.
        Target::Int64 => Cell::Int(integer(truth)?),
        Target::Decimal { scale, .. } => Cell::Decimal(decimal(truth, *scale)?),
        Target::Float32 | Target::Float64 { .. } => text::cell(target, &Bytes::copy_from_slice(truth.as_bytes()))?,
        Target::Text(_)
        | Target::Label(_)
        | Target::Labels(_)
        | Target::Json
        | Target::Uuid
        | Target::Inet4
        | Target::Inet6 => Cell::Text(Bytes::copy_from_slice(expression.as_bytes())),
        Target::Binary { .. } => Cell::Bytes(Bytes::copy_from_slice(expression.as_bytes())),
        Target::Date(_) => Cell::Date(text::date_time(zero_date(trimmed))?.0),
        Target::DateTime(_) => {
            let (date, micros) = text::date_time(zero_date(trimmed))?;
            Cell::DateTime(date, micros)
        }
        Target::Timestamp => text::timestamp(zero_date(trimmed))?,
        Target::Time(_) => Cell::Time(time(trimmed)?),
        Target::Year { .. } => Cell::Year(year(trimmed, column)?),
        Target::Point | Target::Geometry | Target::Vector => return None,
    })
}

fn zero_date(text: &str) -> &str {
    if text.bytes().all(|byte| byte == b'0') { "0000-00-00" } else { text }
}

fn integer(text: &str) -> Option<i64> {
    let whole = text.split('.').next().unwrap_or(text);
    match whole.parse::<i128>() {
        Ok(number) => Some(i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })),
        Err(_) => None,
    }
}

/// A default may have more digits than its column: the server rounds it.
fn decimal(text: &str, scale: i32) -> Option<connect_cdc::decimal::Unscaled> {
    text::decimal(text, scale).or_else(|| {
        let number: f64 = text.parse().ok()?;
        text::decimal(&format!("{number:.*}", usize::try_from(scale).ok()?), scale)
    })
}

/// `1010` are bits; other numbers are numbers.
fn bits(text: &str, length: usize) -> Option<Bytes> {
    let radix = if text.bytes().all(|byte| matches!(byte, b'0' | b'1')) { 2 } else { 10 };
    let number = u64::from_str_radix(text, radix).ok()?;
    Some(Bytes::copy_from_slice(&number.to_be_bytes()[8 - length..]))
}

/// `103000` and `'10:30'` are times as well.
fn time(text: &str) -> Option<i64> {
    if text.contains(':') {
        return text::time(text);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let number: u32 = whole.parse().ok()?;
    text::time(&format!("{}:{}:{}.{fraction}", number / 10_000, number / 100 % 100, number % 100))
}

fn year(text: &str, column: &Column) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    // `YEAR NOT NULL DEFAULT '0000'` and `DEFAULT 0` are one.
    (0..=2155).contains(&year).then_some(year).filter(|_| column.length != Some(2))
}
