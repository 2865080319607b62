//! JSON exactly as the JVM's `JsonConverter` writes it, because offsets are found by the bytes of their keys.

use connect_api::{Logical, OffsetMap, Props, Str, Value, java};

/// An object of strings, in the order of the properties.
pub fn write_props(props: &Props, out: &mut String) {
    out.push('{');
    for (at, (key, value)) in props.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write_text(value, out);
    }
    out.push('}');
}

/// An object of primitive values, in the order of the map.
pub fn write_map(map: &OffsetMap, out: &mut String) {
    out.push('{');
    for (at, (key, value)) in map.0.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

pub fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Int8(n) => out.push_str(&n.to_string()),
        Value::Int16(n) => out.push_str(&n.to_string()),
        Value::Int32(n) => out.push_str(&n.to_string()),
        Value::Int64(n) => out.push_str(&n.to_string()),
        Value::Float32(n) => write_number(&java::float_text(*n), out),
        Value::Float64(n) => write_number(&java::double_text(*n), out),
        Value::String(text) => write_text(text, out),
        // Connectors promise primitives; what else they hand over is kept as text rather than lost.
        Value::Bytes(bytes) => write_text(&String::from_utf8_lossy(bytes), out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Map(pairs) => {
            let text = |value: &Value| value.as_str().map_or_else(|| Str::from(format!("{value:?}")), Str::from);
            write_map(&OffsetMap(pairs.iter().map(|(key, value)| (text(key), value.clone())).collect()), out);
        }
        Value::Struct(_) => out.push_str("null"),
        Value::Logical(logical) => match **logical {
            Logical::Date(millis) => out.push_str(&millis.to_string()),
            Logical::Decimal { .. } | Logical::Integer(_) => out.push_str("null"),
        },
    }
}

/// Numbers that JSON can't hold are strings, as Jackson writes them.
fn write_number(text: &str, out: &mut String) {
    if text.ends_with(|c: char| c.is_ascii_digit()) {
        out.push_str(text);
    } else {
        write_text(text, out);
    }
}

/// A string with Jackson's escapes: upper-case hex, and supplementary characters as a pair of surrogates.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if u32::from(c) > 0xFFFF => {
                let mut units = [0_u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A parsed value; integers are 64-bit, other numbers doubles, as schemaless JSON is read in the JVM.
pub fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(yes) => Value::Boolean(*yes),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(n) => Value::Int64(n),
            None => Value::Float64(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(text.as_str().into()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(value_of).collect()),
        serde_json::Value::Object(members) => Value::Map(
            members.iter().map(|(key, value)| (Value::String(key.as_str().into()), value_of(value))).collect(),
        ),
    }
}

/// The members of an object as an offset map; `None` when it is no object.
pub fn map_of(json: &serde_json::Value) -> Option<OffsetMap> {
    let members = json.as_object()?;
    Some(OffsetMap(members.iter().map(|(key, value)| (Str::from(key.as_str()), value_of(value))).collect()))
}

/// A map as a tree, for REST answers.
pub fn tree_of(map: &OffsetMap) -> serde_json::Value {
    let mut text = String::new();
    write_map(map, &mut text);
    serde_json::from_str(&text).unwrap_or_default()
}

/// Properties of an object of strings; other members are taken as their JSON text, null is left out.
pub fn props_of(json: &serde_json::Value) -> Option<Props> {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Some(json.as_object()?.iter().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_bytes_of_the_jvm() {
        let check = |value: Value, expected: &str| {
            let mut out = String::new();
            write_value(&value, &mut out);
            assert_eq!(out, expected);
        };
        check("a/\u{1}\u{2028}é\u{1F600}\t\"".into(), "\"a/\\u0001\u{2028}é\\uD83D\\uDE00\\t\\\"\"");
        check("\u{1f}".into(), "\"\\u001F\"");
        check(Value::Float64(1e7), "1.0E7");
        check(Value::Float64(f64::NAN), "\"NaN\"");
        check(Value::Float32(0.1), "0.1");
        check(Value::Int64(-5), "-5");
    }
}
