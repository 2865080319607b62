//! The text of a value in a header: JSON-like, with dates by their magnitude.

use crate::{Logical, Schema, Type, Value, decimal, java, schema::logical, time};

/// The text of a value; `None` for null. Only text within arrays, maps and structs is quoted.
pub fn text(value: &Value, schema: Option<&Schema>) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let mut out = String::new();
    write(value, schema, false, &mut out);
    Some(out)
}

/// A moment as the shortest of time, date and timestamp that holds it.
pub fn date_text(ms: i64) -> String {
    let mut out = String::new();
    date(ms, &mut out);
    out
}

fn write(value: &Value, schema: Option<&Schema>, embedded: bool, out: &mut String) {
    let name = schema.and_then(|schema| schema.name.as_deref());
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int32(days) if name == Some(logical::DATE) => date(i64::from(*days) * time::DAY_MS, out),
        Value::Int32(ms) if name == Some(logical::TIME) => date((*ms).into(), out),
        Value::Int64(ms) if name == Some(logical::TIMESTAMP) => date(*ms, out),
        Value::Int8(number) => out.push_str(&number.to_string()),
        Value::Int16(number) => out.push_str(&number.to_string()),
        Value::Int32(number) => out.push_str(&number.to_string()),
        Value::Int64(number) => out.push_str(&number.to_string()),
        Value::Float32(number) => out.push_str(&java::float_text(*number)),
        Value::Float64(number) => out.push_str(&java::double_text(*number)),
        Value::String(text) if embedded => quoted(text, out),
        Value::String(text) => out.push_str(text),
        Value::Bytes(unscaled) if name == Some(logical::DECIMAL) => {
            let scale = schema.and_then(|schema| schema.parameter("scale")?.parse().ok()).unwrap_or(0);
            out.push_str(&decimal::text(unscaled, scale));
        }
        Value::Bytes(bytes) if embedded => {
            out.push('"');
            base64(bytes, out);
            out.push('"');
        }
        Value::Bytes(bytes) => base64(bytes, out),
        Value::Array(items) => {
            let element = match schema.map(|schema| &schema.ty) {
                Some(Type::Array(element)) => element.as_ref(),
                _ => None,
            };
            list('[', items, ']', out, |item, out| write(item, element, true, out));
        }
        Value::Map(pairs) => {
            let (keys, values) = match schema.map(|schema| &schema.ty) {
                Some(Type::Map(keys, values)) => (keys.as_ref(), values.as_ref()),
                _ => (None, None),
            };
            list('{', pairs, '}', out, |(key, value), out| {
                write(key, keys, true, out);
                out.push(':');
                write(value, values, true, out);
            });
        }
        Value::Struct(row) => {
            let fields: Vec<_> = row.schema().fields().into_iter().flatten().zip(row.values()).collect();
            list('{', &fields, '}', out, |(field, value), out| {
                quoted(&field.name, out);
                out.push(':');
                let value = if value.is_null() { field.schema.default.as_ref().unwrap_or(value) } else { value };
                write(value, Some(&field.schema), true, out);
            });
        }
        Value::Logical(logical) => match &**logical {
            Logical::Date(ms) => date(*ms, out),
            Logical::Decimal { unscaled, scale } => out.push_str(&decimal::text(unscaled, *scale)),
            Logical::Integer(unscaled) => out.push_str(&decimal::integer_text(unscaled)),
        },
    }
}

fn list<T>(open: char, items: &[T], close: char, out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

fn date(ms: i64, out: &mut String) {
    let moment = time::Moment::of_ms(ms);
    let time_of_day =
        || format!("{:02}:{:02}:{:02}.{:03}Z", moment.hour, moment.minute, moment.second, moment.millisecond);
    // Java prints the year of an era without saying which.
    let year = if moment.year > 0 { moment.year } else { 1 - moment.year };
    let day = || format!("{year:04}-{:02}-{:02}", moment.month, moment.day);
    if ms.unsigned_abs() < time::DAY_MS.unsigned_abs() {
        out.push_str(&time_of_day());
    } else if ms % time::DAY_MS == 0 {
        out.push_str(&day());
    } else {
        out.push_str(&day());
        out.push('T');
        out.push_str(&time_of_day());
    }
}

/// Appends bytes as padded base64.
pub(crate) fn base64(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| (group << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= chunk.len() { digit.into() } else { '=' });
        }
    }
}
