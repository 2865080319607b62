//! The text of a value as Java's `String.valueOf` gives it, for whatever writes values as lines or strings.

use std::fmt::Write;

use crate::{Logical, Schema, Struct, Type, Value, decimal, java, schema::logical, time, values::base64};

/// Appends the text. Bytes are written as base64, since Java prints an address instead.
pub fn write(value: &Value, schema: Option<&Schema>, out: &mut String) {
    let name = schema.and_then(|schema| schema.name.as_deref());
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int32(days) if name == Some(logical::DATE) => date(i64::from(*days) * time::DAY_MS, out),
        Value::Int32(ms) if name == Some(logical::TIME) => date((*ms).into(), out),
        Value::Int64(ms) if name == Some(logical::TIMESTAMP) => date(*ms, out),
        Value::Int8(number) => integer((*number).into(), out),
        Value::Int16(number) => integer((*number).into(), out),
        Value::Int32(number) => integer((*number).into(), out),
        Value::Int64(number) => integer(*number, out),
        Value::Float32(number) => out.push_str(&java::float_text(*number)),
        Value::Float64(number) => out.push_str(&java::double_text(*number)),
        Value::String(text) => out.push_str(text),
        Value::Bytes(unscaled) if name == Some(logical::DECIMAL) => {
            let scale = schema.and_then(|schema| schema.parameter("scale")?.parse().ok()).unwrap_or(0);
            out.push_str(&decimal::text(unscaled, scale));
        }
        Value::Bytes(bytes) => base64(bytes, out),
        Value::Array(items) => {
            let element = match schema.map(|schema| &schema.ty) {
                Some(Type::Array(element)) => element.as_ref(),
                _ => None,
            };
            list("[", items, "]", out, |item, out| write(item, element, out));
        }
        Value::Map(pairs) => {
            let (keys, values) = match schema.map(|schema| &schema.ty) {
                Some(Type::Map(keys, values)) => (keys.as_ref(), values.as_ref()),
                _ => (None, None),
            };
            list("{", pairs, "}", out, |(key, value), out| {
                write(key, keys, out);
                out.push('=');
                write(value, values, out);
            });
        }
        Value::Struct(row) => structure(row, out),
        Value::Logical(logical) => match &**logical {
            Logical::Date(ms) => date(*ms, out),
            Logical::Decimal { unscaled, scale } => out.push_str(&decimal::text(unscaled, *scale)),
            Logical::Integer(unscaled) => out.push_str(&decimal::integer_text(unscaled)),
        },
    }
}

fn integer(number: i64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(number));
}

fn list<T>(open: &str, items: &[T], close: &str, out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    out.push_str(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write(item, out);
    }
    out.push_str(close);
}

/// `Struct.toString()`: fields that are null are left out.
fn structure(row: &Struct, out: &mut String) {
    out.push_str("Struct{");
    let mut first = true;
    for (field, value) in row.schema().fields().into_iter().flatten().zip(row.values()) {
        if value.is_null() {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        out.push_str(&field.name);
        out.push('=');
        write(value, Some(&field.schema), out);
    }
    out.push('}');
}

/// `java.util.Date.toString()`, in UTC whatever the zone of the machine.
fn date(ms: i64, out: &mut String) {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let moment = time::Moment::of_ms(ms);
    let (day, month) = (DAYS[usize::from(moment.weekday)], MONTHS[usize::from(moment.month) - 1]);
    // Years before the first count from 1 again, as Java prints them.
    let year = if moment.year > 0 { moment.year } else { 1 - moment.year };
    write!(
        out,
        "{day} {month} {:02} {:02}:{:02}:{:02} UTC {year:04}",
        moment.day, moment.hour, moment.minute, moment.second
    )
    .expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SchemaBuilder;

    #[test]
    fn values_read_as_java_prints_them() {
        let check = |value: Value, expected: &str| {
            let mut out = String::new();
            write(&value, None, &mut out);
            assert_eq!(out, expected);
        };
        check(Value::Null, "null");
        check(Value::Float64(1e7), "1.0E7");
        check(Value::Array(vec![Value::Int8(1), "b".into()]), "[1, b]");
        check(Value::Map(vec![("a".into(), Value::Int64(-1)), ("b".into(), Value::Null)]), "{a=-1, b=null}");
        let row = SchemaBuilder::structure([
            ("a", SchemaBuilder::int32().build()),
            ("none", SchemaBuilder::string().optional().build()),
            ("b", SchemaBuilder::string().build()),
        ]);
        let row = Struct::new(row.build(), vec![Value::Int32(1), Value::Null, "x".into()]);
        check(Value::Struct(row), "Struct{a=1,b=x}");
    }
}
