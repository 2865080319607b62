//! Documents: a record's value as JSON bytes, by a plan made once per schema.

use connect_api::{Error, Logical, Result, Schema, Struct, Type, Value, schema::logical};

use crate::json;

/// How values with a schema are written; schemaless ones are written as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As `JsonConverter` does without schemas: decimals stay bytes, maps with other than string keys become pairs.
    SchemaIgnored,
    /// Decimals become doubles, maps without string keys arrays of `{"key":..,"value":..}`.
    Schema {
        /// Whether maps with string keys stay objects.
        compact_maps: bool,
    },
}

/// Plans kept at a time. A topic has one or two value schemas; more than these means that schemas don't repeat.
const PLANS_MAX: usize = 256;

/// Writes values as JSON.
#[derive(Debug)]
pub struct DocumentWriter {
    form: Form,
    plans: Vec<(Schema, Plan)>,
    /// Where the plan of the last record is: records of a topic mostly share one schema.
    last: usize,
    scratch: Vec<u8>,
}

/// What `@timestamp` of a data stream's document is made of.
#[derive(Clone, Copy, Debug)]
pub enum Timestamp<'a> {
    /// Milliseconds since the epoch.
    Record(Option<i64>),
    /// The first of these fields that has a value, as text.
    Fields(&'a [String]),
}

impl DocumentWriter {
    pub fn new(form: Form) -> Self {
        Self { form, plans: Vec::new(), last: 0, scratch: Vec::new() }
    }

    /// Appends the value; what was appended before an error is for the caller to cut off.
    pub fn write(&mut self, schema: Option<&Schema>, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        match schema {
            Some(schema) => {
                let at = self.plan(schema)?;
                self.plans[at].1.write(self.form, value, out)
            }
            None => schemaless(self.form, value, out),
        }
    }

    /// Appends the value with `@timestamp` set; it must be an object.
    pub fn write_stamped(
        &mut self,
        schema: Option<&Schema>,
        value: &Value,
        timestamp: Timestamp<'_>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let start = out.len();
        let fields: Vec<(&str, &Value)> = match value {
            Value::Struct(row) => {
                let names = row.schema().fields().into_iter().flatten().map(|field| &*field.name);
                names.zip(row.values()).collect()
            }
            Value::Map(entries) => {
                entries.iter().filter_map(|(key, value)| key.as_str().map(|key| (key, value))).collect()
            }
            _ => Vec::new(),
        };
        self.write(schema, value, out)?;
        if out.get(start) != Some(&b'{') {
            return Err(Error::data("a document of a data stream must be a JSON object"));
        }
        self.scratch.clear();
        let mut stamp = std::mem::take(&mut self.scratch);
        let stamped = stamp_text(self.form, &fields, timestamp, &mut stamp);
        if stamped? {
            if fields.iter().any(|(name, _)| *name == "@timestamp") {
                // Rare enough to be written again: a document that brings a timestamp which is overruled.
                let rest = without_timestamp(value);
                out.truncate(start);
                let schema = match &rest {
                    Value::Struct(row) => Some(row.schema().clone()),
                    _ => None,
                };
                self.write_once(schema.as_ref(), &rest, out)?;
            }
            out.pop();
            if out.len() > start + 1 {
                out.push(b',');
            }
            out.extend_from_slice(b"\"@timestamp\":");
            out.extend_from_slice(&stamp);
            out.push(b'}');
        }
        self.scratch = stamp;
        Ok(())
    }

    /// As [`DocumentWriter::write`], with a plan that is not kept.
    fn write_once(&self, schema: Option<&Schema>, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        match schema {
            Some(schema) => Plan::of(self.form, schema)?.write(self.form, value, out),
            None => schemaless(self.form, value, out),
        }
    }

    fn plan(&mut self, schema: &Schema) -> Result<usize> {
        if self.plans.get(self.last).is_some_and(|(known, _)| known.same(schema)) {
            return Ok(self.last);
        }
        if let Some(at) = self.plans.iter().position(|(known, _)| known.same(schema)) {
            self.last = at;
            return Ok(at);
        }
        if self.plans.len() == PLANS_MAX {
            self.plans.clear();
        }
        self.plans.push((schema.clone(), Plan::of(self.form, schema)?));
        self.last = self.plans.len() - 1;
        Ok(self.last)
    }
}

/// How values of one schema are written.
#[derive(Debug)]
struct Plan {
    missing: Missing,
    kind: Kind,
}

/// What a missing value becomes.
#[derive(Debug)]
enum Missing {
    Null,
    /// The schema's default value as JSON.
    Default(Vec<u8>),
    Refused,
}

#[derive(Debug)]
enum Kind {
    /// A value that says itself what it is: numbers, text, bytes.
    Plain,
    /// A decimal that becomes a double.
    Decimal {
        scale: i32,
    },
    Array(Box<Plan>),
    Map {
        key: Box<Plan>,
        value: Box<Plan>,
        form: MapForm,
    },
    Struct(Schema, Vec<FieldPlan>),
    /// Schemas that say nothing about what is inside.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MapForm {
    Object,
    /// `[{"key":..,"value":..}]`
    Entries,
    /// `[[key,value]]`
    Pairs,
}

#[derive(Debug)]
struct FieldPlan {
    /// `{"name":` for the first field, `,"name":` for the others.
    opening: Vec<u8>,
    plan: Plan,
}

impl Plan {
    fn of(form: Form, schema: &Schema) -> Result<Self> {
        let kind = Kind::of(form, schema)?;
        let missing = match &schema.default {
            Some(Value::Null) => Missing::Null,
            Some(default) => {
                let mut json = Vec::new();
                kind.write(form, default, &mut json)?;
                Missing::Default(json)
            }
            None if schema.optional => Missing::Null,
            None => Missing::Refused,
        };
        Ok(Self { missing, kind })
    }

    fn write(&self, form: Form, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        if !value.is_null() {
            return self.kind.write(form, value, out);
        }
        match &self.missing {
            Missing::Null => out.extend_from_slice(b"null"),
            Missing::Default(json) => out.extend_from_slice(json),
            Missing::Refused => {
                return Err(Error::data("null value for a field that is required and has no default value"));
            }
        }
        Ok(())
    }
}

impl Kind {
    fn of(form: Form, schema: &Schema) -> Result<Self> {
        Ok(match &schema.ty {
            Type::Bytes if schema.name.as_deref() == Some(logical::DECIMAL) && form != Form::SchemaIgnored => {
                let scale = schema.parameter("scale").and_then(|text| text.parse().ok());
                Kind::Decimal { scale: scale.ok_or_else(|| Error::data("a Decimal schema has no valid scale"))? }
            }
            Type::Array(Some(element)) => Kind::Array(Box::new(Plan::of(form, element)?)),
            Type::Map(Some(key), Some(value)) => Kind::Map {
                key: Box::new(Plan::of(form, key)?),
                value: Box::new(Plan::of(form, value)?),
                form: match (form, &key.ty) {
                    (Form::SchemaIgnored | Form::Schema { compact_maps: true }, Type::String) => MapForm::Object,
                    (Form::SchemaIgnored, _) => MapForm::Pairs,
                    (Form::Schema { .. }, _) => MapForm::Entries,
                },
            },
            Type::Struct(fields) => {
                let plans = fields.iter().enumerate().map(|(at, field)| {
                    let mut opening = vec![if at == 0 { b'{' } else { b',' }];
                    json::text(&field.name, &mut opening);
                    opening.push(b':');
                    Ok(FieldPlan { opening, plan: Plan::of(form, &field.schema)? })
                });
                Kind::Struct(schema.clone(), plans.collect::<Result<_>>()?)
            }
            Type::Array(_) | Type::Map(..) => Kind::Unknown,
            _ => Kind::Plain,
        })
    }

    fn write(&self, form: Form, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        match (self, value) {
            (Kind::Struct(schema, fields), Value::Struct(row)) => {
                if !row.schema().same(schema) && row.schema() != schema {
                    return Plan::of(form, row.schema())?.write(form, value, out);
                }
                row_of(form, fields, row, out)
            }
            (Kind::Decimal { scale }, Value::Bytes(unscaled)) => {
                json::double(json::decimal_as_double(unscaled, *scale), out);
                Ok(())
            }
            (Kind::Array(element), Value::Array(items)) => {
                separated(b'[', b']', items, out, |item, out| element.write(form, item, out))
            }
            (Kind::Map { key, value, form: MapForm::Object }, Value::Map(entries)) => {
                separated(b'{', b'}', entries, out, |entry, out| {
                    key_of_object(&entry.0, key, out)?;
                    value.write(form, &entry.1, out)
                })
            }
            (Kind::Map { key, value, form: map_form }, Value::Map(entries)) => {
                let (open, middle, close): (&[u8], &[u8], u8) = match map_form {
                    MapForm::Entries => (b"{\"key\":", b",\"value\":", b'}'),
                    MapForm::Pairs | MapForm::Object => (b"[", b",", b']'),
                };
                separated(b'[', b']', entries, out, |entry, out| {
                    out.extend_from_slice(open);
                    key.write(form, &entry.0, out)?;
                    out.extend_from_slice(middle);
                    value.write(form, &entry.1, out)?;
                    out.push(close);
                    Ok(())
                })
            }
            // A value of another type than its schema says is written as what it is: nothing is narrowed.
            (Kind::Plain | Kind::Unknown | Kind::Decimal { .. }, value) => schemaless(form, value, out),
            (Kind::Array(_) | Kind::Map { .. } | Kind::Struct(..), value) => schemaless(form, value, out),
        }
    }
}

fn row_of(form: Form, fields: &[FieldPlan], row: &Struct, out: &mut Vec<u8>) -> Result<()> {
    if fields.is_empty() {
        out.extend_from_slice(b"{}");
        return Ok(());
    }
    for (field, value) in fields.iter().zip(row.values()) {
        out.extend_from_slice(&field.opening);
        // The plain kinds, most columns of most tables, without a call for each.
        match (value, &field.plan.kind) {
            (Value::String(text), _) => json::text(text, out),
            (Value::Int64(n), _) => json::integer(*n, out),
            (Value::Int32(n), _) => json::integer(*n, out),
            (value, _) => field.plan.write(form, value, out)?,
        }
    }
    out.push(b'}');
    Ok(())
}

fn key_of_object(key: &Value, plan: &Plan, out: &mut Vec<u8>) -> Result<()> {
    match (key, &plan.missing) {
        (Value::String(text), _) => json::text(text, out),
        (Value::Null, Missing::Default(default)) => out.extend_from_slice(default),
        // The text that a Java map makes of a null key.
        (Value::Null, _) => out.extend_from_slice(b"\"null\""),
        (other, _) => return Err(Error::data(format!("a map with string keys has a key of {}", other.java_class()))),
    }
    out.push(b':');
    Ok(())
}

/// Writes a value by what it is.
fn schemaless(form: Form, value: &Value, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(b) => json::boolean(*b, out),
        Value::Int8(n) => json::integer(*n, out),
        Value::Int16(n) => json::integer(*n, out),
        Value::Int32(n) => json::integer(*n, out),
        Value::Int64(n) => json::integer(*n, out),
        Value::Float32(n) => json::float(*n, out),
        Value::Float64(n) => json::double(*n, out),
        Value::String(text) => json::text(text, out),
        Value::Bytes(bytes) => json::base64(bytes, out),
        Value::Array(items) => separated(b'[', b']', items, out, |item, out| schemaless(form, item, out))?,
        Value::Map(entries) => schemaless_map(form, entries, out)?,
        Value::Struct(row) => Plan::of(form, row.schema())?.write(form, value, out)?,
        Value::Logical(logical) => match &**logical {
            Logical::Date(ms) => json::integer(*ms, out),
            Logical::Decimal { unscaled, scale } => json::decimal(unscaled, *scale, out),
            Logical::Integer(unscaled) => json::decimal(unscaled, 0, out),
        },
    }
    Ok(())
}

fn schemaless_map(form: Form, entries: &[(Value, Value)], out: &mut Vec<u8>) -> Result<()> {
    if entries.iter().all(|(key, _)| matches!(key, Value::String(_))) {
        return separated(b'{', b'}', entries, out, |(key, value), out| {
            if let Value::String(key) = key {
                json::text(key, out);
                out.push(b':');
            }
            schemaless(form, value, out)
        });
    }
    separated(b'[', b']', entries, out, |(key, value), out| {
        out.push(b'[');
        schemaless(form, key, out)?;
        out.push(b',');
        schemaless(form, value, out)?;
        out.push(b']');
        Ok(())
    })
}

fn separated<T>(
    open: u8,
    close: u8,
    items: &[T],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, &mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(close);
    Ok(())
}

/// Writes what `@timestamp` becomes; false when the document keeps its own.
fn stamp_text(form: Form, fields: &[(&str, &Value)], timestamp: Timestamp<'_>, out: &mut Vec<u8>) -> Result<bool> {
    match timestamp {
        Timestamp::Record(None) => Ok(false),
        Timestamp::Record(Some(ms)) => {
            json::integer(ms, out);
            Ok(true)
        }
        Timestamp::Fields(wanted) => {
            let find = |name: &String| fields.iter().find(|(field, value)| *field == name && !value.is_null());
            let Some((_, value)) = wanted.iter().find_map(find) else { return Ok(false) };
            let mut json = Vec::new();
            schemaless(form, value, &mut json)?;
            match json.first() {
                Some(b'"') => out.extend_from_slice(&json),
                Some(b'{' | b'[') | None => out.extend_from_slice(b"\"\""),
                Some(_) => {
                    out.push(b'"');
                    out.extend_from_slice(&json);
                    out.push(b'"');
                }
            }
            Ok(true)
        }
    }
}

fn without_timestamp(value: &Value) -> Value {
    match value {
        Value::Struct(row) => {
            let fields = row.schema().fields().into_iter().flatten();
            let kept = fields.zip(row.values()).filter(|(field, _)| field.name != "@timestamp");
            let (fields, values): (Vec<_>, Vec<_>) =
                kept.map(|(field, value)| ((field.name.clone(), field.schema.clone()), value.clone())).unzip();
            Value::Struct(Struct::new(connect_api::SchemaBuilder::structure(fields).build(), values))
        }
        Value::Map(entries) => {
            Value::Map(entries.iter().filter(|(key, _)| key.as_str() != Some("@timestamp")).cloned().collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use connect_api::SchemaBuilder as S;

    use super::*;

    const COMPACT: Form = Form::Schema { compact_maps: true };

    fn written(form: Form, schema: Option<&Schema>, value: &Value) -> Result<String, String> {
        let mut out = Vec::new();
        let result = DocumentWriter::new(form).write(schema, value, &mut out);
        result.map(|()| String::from_utf8(out).expect("JSON is text")).map_err(|error| error.to_string())
    }

    #[test]
    fn maps_take_the_form_that_the_settings_ask_for() {
        let text = S::map(S::string().build(), S::int32().build()).build();
        let number = S::map(S::int32().build(), S::string().build()).build();
        let by_text = Value::Map(vec![("k".into(), Value::Int32(1))]);
        let by_number = Value::Map(vec![(Value::Int32(1), "x".into())]);
        let check = |form, schema: Option<&Schema>, value, expected: &str| {
            assert_eq!(written(form, schema, value), Ok(expected.to_owned()));
        };
        check(COMPACT, Some(&text), &by_text, r#"{"k":1}"#);
        check(Form::Schema { compact_maps: false }, Some(&text), &by_text, r#"[{"key":"k","value":1}]"#);
        check(COMPACT, Some(&number), &by_number, r#"[{"key":1,"value":"x"}]"#);
        check(Form::SchemaIgnored, Some(&text), &by_text, r#"{"k":1}"#);
        check(Form::SchemaIgnored, Some(&number), &by_number, r#"[[1,"x"]]"#);
        check(COMPACT, None, &by_number, r#"[[1,"x"]]"#);
        check(COMPACT, None, &by_text, r#"{"k":1}"#);
    }

    #[test]
    fn a_null_becomes_the_default_or_is_refused() {
        let row = |field: Schema| Value::Struct(Struct::new(S::structure([("f", field)]).build(), vec![Value::Null]));
        let check = |field: Schema, expected: Result<&str, &str>| {
            let value = row(field);
            let schema = value.as_struct().map(Struct::schema).cloned();
            let found = written(COMPACT, schema.as_ref(), &value);
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        };
        check(S::int32().optional().build(), Ok(r#"{"f":null}"#));
        check(S::int32().default_value(Value::Int32(7)).build(), Ok(r#"{"f":7}"#));
        check(S::int32().build(), Err("null value for a field that is required and has no default value"));
    }

    #[test]
    fn rows_inside_rows_are_written_by_the_schema_that_they_have() {
        let inner = |name: &str| S::structure([(name, S::int64().build())]).build();
        let outer = S::structure([("r", inner("a")), ("list", S::array(inner("a")).build())]).build();
        let row = |schema: Schema| Value::Struct(Struct::new(schema, vec![Value::Int64(1)]));
        let values = vec![row(inner("b")), Value::Array(vec![row(inner("a"))])];
        let value = Value::Struct(Struct::new(outer.clone(), values));
        assert_eq!(written(COMPACT, Some(&outer), &value), Ok(r#"{"r":{"b":1},"list":[{"a":1}]}"#.to_owned()));
        let empty = S::structure::<&str>([]).build();
        let value = Value::Struct(Struct::new(empty.clone(), Vec::new()));
        assert_eq!(written(COMPACT, Some(&empty), &value), Ok("{}".to_owned()));
    }

    #[test]
    fn logical_values_without_a_schema_are_numbers() {
        let decimal = Logical::Decimal { unscaled: connect_api::Bytes::from_static(&[0x30, 0x39]), scale: 2 };
        let list = Value::Array(vec![
            Value::Logical(Box::new(Logical::Date(5))),
            Value::Logical(Box::new(decimal)),
            Value::Bytes(connect_api::Bytes::from_static(&[1, 2, 3])),
            Value::Float32(0.1),
        ]);
        assert_eq!(written(Form::SchemaIgnored, None, &list), Ok(r#"[5,12345e-2,"AQID",0.1]"#.to_owned()));
    }
}
