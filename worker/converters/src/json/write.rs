//! Writing data as JSON by a plan made once per schema.

use connect_api::{Error, Logical, Result, Schema, Type, Value, decimal, schema::logical};

use super::{DecimalFormat, text};

/// How the values of one schema are written; names and defaults are prepared.
pub(super) struct Node {
    kind: Kind,
    optional: bool,
    /// What stands in for null, where the settings ask for it.
    default: Option<Value>,
}

enum Kind {
    /// No schema: the value says what it is.
    Any,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
    Bytes,
    /// The scale is missing where the schema does not name one.
    Decimal {
        scale: Option<i32>,
        format: DecimalFormat,
    },
    Date,
    Time,
    Timestamp,
    Array(Box<Node>),
    /// Keys that are strings make an object, others an array of pairs.
    NamedMap(Box<Node>, Box<Node>),
    PairMap(Box<Node>, Box<Node>),
    Struct(Box<StructNode>),
}

struct StructNode {
    schema: Schema,
    fields: Vec<FieldNode>,
}

struct FieldNode {
    /// `{"first":` or `,"next":`.
    prefix: text::Piece,
    node: Node,
}

/// What of the converter's settings the plans depend on.
#[derive(Clone, Copy)]
pub(super) struct WriteOptions {
    pub(super) decimals: DecimalFormat,
    pub(super) replace_nulls: bool,
}

impl Node {
    pub(super) fn new(schema: Option<&Schema>, options: WriteOptions) -> Self {
        let Some(schema) = schema else {
            return Self { kind: Kind::Any, optional: true, default: None };
        };
        Self {
            kind: Kind::new(schema, options),
            optional: schema.optional,
            default: schema.default.clone().filter(|_| options.replace_nulls),
        }
    }

    pub(super) fn write(&mut self, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        match (&mut self.kind, value) {
            (Kind::String, Value::String(text)) => text::value(out, text),
            (Kind::Int64 | Kind::Timestamp, Value::Int64(number)) => text::integer(out, *number),
            (Kind::Int32 | Kind::Date | Kind::Time, Value::Int32(number)) => text::integer(out, (*number).into()),
            (Kind::Int16, Value::Int16(number)) => text::integer(out, (*number).into()),
            (Kind::Int8, Value::Int8(number)) => text::integer(out, (*number).into()),
            (Kind::Boolean, Value::Boolean(true)) => out.extend_from_slice(b"true"),
            (Kind::Boolean, Value::Boolean(false)) => out.extend_from_slice(b"false"),
            (Kind::Float64, Value::Float64(number)) => text::double(out, *number),
            (Kind::Float32, Value::Float32(number)) => text::float(out, *number),
            (Kind::Bytes, Value::Bytes(bytes)) => text::base64(out, bytes),
            (Kind::Struct(node), Value::Struct(row)) => return node.write(row, out),
            (_, Value::Null) => return self.write_null(out),
            (Kind::Array(node), Value::Array(items)) => return write_array(node, items, out),
            (Kind::NamedMap(keys, values), Value::Map(pairs)) => return write_object(keys, values, pairs, out),
            (Kind::PairMap(keys, values), Value::Map(pairs)) => return write_pairs(keys, values, pairs, out),
            (Kind::Decimal { scale, format }, value) => return write_decimal(*scale, *format, value, out),
            (Kind::Any, value) => return write_any(value, out),
            (kind, value) => return Err(kind.mismatch(value)),
        }
        Ok(())
    }

    #[inline(never)]
    fn write_null(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(default) = self.default.take() {
            let written = self.write(&default, out);
            self.default = Some(default);
            return written;
        }
        if !self.optional {
            return Err(Error::data(
                "Conversion error: null value for field that is required and has no default value",
            ));
        }
        out.extend_from_slice(b"null");
        Ok(())
    }
}

impl Kind {
    fn new(schema: &Schema, options: WriteOptions) -> Self {
        let node = |schema: &Option<Schema>| Box::new(Node::new(schema.as_ref(), options));
        match (&schema.ty, schema.name.as_deref()) {
            (Type::Bytes, Some(logical::DECIMAL)) => Kind::Decimal {
                scale: schema.parameter("scale").and_then(|scale| scale.parse().ok()),
                format: options.decimals,
            },
            (Type::Int32, Some(logical::DATE)) => Kind::Date,
            (Type::Int32, Some(logical::TIME)) => Kind::Time,
            (Type::Int64, Some(logical::TIMESTAMP)) => Kind::Timestamp,
            (Type::Int8, _) => Kind::Int8,
            (Type::Int16, _) => Kind::Int16,
            (Type::Int32, _) => Kind::Int32,
            (Type::Int64, _) => Kind::Int64,
            (Type::Float32, _) => Kind::Float32,
            (Type::Float64, _) => Kind::Float64,
            (Type::Boolean, _) => Kind::Boolean,
            (Type::String, _) => Kind::String,
            (Type::Bytes, _) => Kind::Bytes,
            (Type::Array(items), _) => Kind::Array(node(items)),
            // Maps parsed from header text have no key schema, so the keys themselves tell.
            (Type::Map(None, _), _) => Kind::Any,
            (Type::Map(keys, values), _) => {
                let named = keys.as_ref().is_some_and(|keys| keys.ty == Type::String);
                let (keys, values) = (node(keys), node(values));
                if named { Kind::NamedMap(keys, values) } else { Kind::PairMap(keys, values) }
            }
            (Type::Struct(_), _) => Kind::Struct(Box::new(StructNode::new(schema, options))),
        }
    }

    /// The JVM's words for a value of another class.
    fn mismatch(&self, value: &Value) -> Error {
        let expected = match self {
            Kind::Date => return logical_mismatch("Date", value),
            Kind::Time => return logical_mismatch("Time", value),
            Kind::Timestamp => return logical_mismatch("Timestamp", value),
            Kind::Bytes => "bytes type",
            Kind::Any | Kind::Decimal { .. } => "BYTES",
            Kind::Int8 => "INT8",
            Kind::Int16 => "INT16",
            Kind::Int32 => "INT32",
            Kind::Int64 => "INT64",
            Kind::Float32 => "FLOAT32",
            Kind::Float64 => "FLOAT64",
            Kind::Boolean => "BOOLEAN",
            Kind::String => "STRING",
            Kind::Array(_) => "ARRAY",
            Kind::NamedMap(..) | Kind::PairMap(..) => "MAP",
            Kind::Struct(_) => "STRUCT",
        };
        Error::data(format!("Invalid type for {expected}: class {}", value.java_class()))
    }
}

fn logical_mismatch(name: &str, value: &Value) -> Error {
    // A moment that has no place in the physical form stays a Java date; only these two say why.
    if let Value::Logical(date) = value
        && matches!(**date, Logical::Date(_))
    {
        return Error::data(match name {
            "Date" => "Kafka Connect Date type should not have any time fields set to non-zero values.",
            _ => "Kafka Connect Time type should not have any date fields set to non-zero values.",
        });
    }
    Error::data(format!("Invalid type for {name}, expected Date but was class {}", value.java_class()))
}

impl StructNode {
    fn new(schema: &Schema, options: WriteOptions) -> Self {
        let fields = schema.fields().into_iter().flatten().enumerate();
        let field = |(at, field): (usize, &connect_api::Field)| {
            let mut prefix = vec![if at == 0 { b'{' } else { b',' }];
            text::string(&mut prefix, &field.name);
            prefix.push(b':');
            FieldNode { prefix: text::Piece::new(prefix), node: Node::new(Some(&field.schema), options) }
        };
        Self { schema: schema.clone(), fields: fields.map(field).collect() }
    }

    fn write(&mut self, row: &connect_api::Struct, out: &mut Vec<u8>) -> Result<()> {
        if !row.schema().same(&self.schema) {
            if row.schema() != &self.schema {
                return Err(Error::data("Mismatching schema."));
            }
            // The next row most likely has the same schema, and then a pointer tells.
            self.schema = row.schema().clone();
        }
        if self.fields.is_empty() {
            out.push(b'{');
        }
        for (field, value) in self.fields.iter_mut().zip(row.values()) {
            field.prefix.append_to(out);
            field.node.write(value, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

fn write_array(node: &mut Node, items: &[Value], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        node.write(item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_object(keys: &mut Node, values: &mut Node, pairs: &[(Value, Value)], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for (at, (key, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match key {
            Value::Null if keys.optional && keys.default.is_none() => text::string(out, "null"),
            key => keys.write(key, out)?,
        }
        out.push(b':');
        values.write(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_pairs(keys: &mut Node, values: &mut Node, pairs: &[(Value, Value)], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'[');
    for (at, (key, value)) in pairs.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b",[" } else { b"[" });
        keys.write(key, out)?;
        out.push(b',');
        values.write(value, out)?;
        out.push(b']');
    }
    out.push(b']');
    Ok(())
}

fn write_decimal(scale: Option<i32>, format: DecimalFormat, value: &Value, out: &mut Vec<u8>) -> Result<()> {
    let (unscaled, own_scale) = match value {
        Value::Bytes(unscaled) => (unscaled, scale),
        Value::Logical(logical) => match &**logical {
            Logical::Decimal { unscaled, scale } => (unscaled, Some(*scale)),
            _ => return Err(decimal_mismatch(value)),
        },
        _ => return Err(decimal_mismatch(value)),
    };
    let Some(scale) = scale else {
        return Err(Error::data("Invalid Decimal schema: scale parameter not found."));
    };
    let own_scale = own_scale.unwrap_or(scale);
    match format {
        DecimalFormat::Numeric => out.extend_from_slice(decimal::text(unscaled, own_scale).as_bytes()),
        DecimalFormat::Base64 if own_scale == scale => text::base64(out, unscaled),
        DecimalFormat::Base64 => {
            return Err(Error::data(format!(
                "Decimal value has mismatching scale for given Decimal schema. Schema has scale {scale}, value has scale {own_scale}."
            )));
        }
    }
    Ok(())
}

fn decimal_mismatch(value: &Value) -> Error {
    Error::data(format!("Invalid type for Decimal, expected BigDecimal but was class {}", value.java_class()))
}

/// Writes a value that no schema describes.
fn write_any(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Int8(number) => text::integer(out, (*number).into()),
        Value::Int16(number) => text::integer(out, (*number).into()),
        Value::Int32(number) => text::integer(out, (*number).into()),
        Value::Int64(number) => text::integer(out, *number),
        Value::Float32(number) => text::float(out, *number),
        Value::Float64(number) => text::double(out, *number),
        Value::String(string) => text::value(out, string),
        Value::Bytes(bytes) => text::base64(out, bytes),
        Value::Array(items) => return write_array(&mut any(), items, out),
        Value::Map(pairs) if pairs.iter().all(|(key, _)| matches!(key, Value::String(_))) => {
            return write_any_object(pairs, out);
        }
        Value::Map(pairs) => return write_pairs(&mut any(), &mut any(), pairs, out),
        Value::Struct(_) => return Err(Error::data("Mismatching schema.")),
        Value::Logical(_) => {
            let class = value.java_class();
            return Err(Error::data(format!("Java class class {class} does not have corresponding schema type.")));
        }
    }
    Ok(())
}

fn write_any_object(pairs: &[(Value, Value)], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for (at, (key, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text::string(out, key.as_str().unwrap_or_default());
        out.push(b':');
        write_any(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn any() -> Node {
    Node { kind: Kind::Any, optional: true, default: None }
}
