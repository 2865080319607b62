//! Reading JSON by a plan made once per schema: from bytes straight into positional rows.
//!
//! As in the JVM, types are hardly checked: a number is cut to the width of its field, text in the place of a number
//! reads as zero, and anything in the place of text as null.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use connect_api::{Error, Logical, Schema, Struct, Type, Value, decimal, schema::logical};

use super::{
    number::Number,
    parse::{Parsed, Parser, Token},
    read::{self, put},
    text,
};

/// How the values of one schema are read.
pub(super) struct Node {
    kind: Kind,
    optional: bool,
    /// What null reads as, where the settings ask for it.
    default: Option<Value>,
    type_name: &'static str,
}

enum Kind {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
    Bytes,
    Decimal { scale: Option<i32> },
    Date,
    Time,
    Timestamp,
    Array(Box<Node>),
    NamedMap(Box<Node>, Box<Node>),
    PairMap(Box<Node>, Box<Node>),
    Struct(Box<StructNode>),
}

struct StructNode {
    schema: Schema,
    fields: Vec<FieldNode>,
}

struct FieldNode {
    name: Box<[u8]>,
    /// `"name":`, as writers write it.
    member: Vec<u8>,
    node: Node,
}

/// A day's milliseconds, the bound of Connect's Time.
const DAY_MS: i64 = 86_400_000;
/// A field is looked for among this many next ones before it is looked up by name.
const NEAR_FIELDS: usize = 16;

/// Jackson's base64: padding is asked for, bits behind the last byte are not looked at.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

impl Node {
    /// `replace_nulls`: whether null reads as the schema's default.
    pub(super) fn new(schema: &Schema, replace_nulls: bool) -> Self {
        Self {
            kind: Kind::new(schema, replace_nulls),
            optional: schema.optional,
            default: schema.default.clone().filter(|_| replace_nulls),
            type_name: schema.ty.java_name(),
        }
    }

    pub(super) fn read(&self, parser: &mut Parser<'_>) -> Parsed<Value> {
        let mut value = Value::Null;
        self.read_into(parser, &mut value)?;
        Ok(value)
    }

    /// Reads a value into the place where it stays, which holds null.
    fn read_into(&self, parser: &mut Parser<'_>, place: &mut Value) -> Parsed<()> {
        let token = parser.peek()?;
        match (&self.kind, token) {
            (Kind::Struct(node), Token::Object) => put(place, Value::Struct(node.read(parser)?)),
            (Kind::Array(items), Token::Array | Token::Object) => {
                put(place, Value::Array(read_items(items, token, parser)?));
            }
            (Kind::NamedMap(keys, values), Token::Object) => {
                put(place, Value::Map(read_members(keys, values, parser)?))
            }
            (Kind::PairMap(keys, values), Token::Array) => put(place, Value::Map(read_pairs(keys, values, parser)?)),
            _ => self.read_scalar(parser, token, place)?,
        }
        Ok(())
    }

    /// Apart, so that its variables take no part of the stack in each level of nesting.
    #[inline]
    fn read_scalar(&self, parser: &mut Parser<'_>, token: Token, place: &mut Value) -> Parsed<()> {
        // As most numbers are.
        if let (Token::Number, Kind::Int64 | Kind::Timestamp) = (token, &self.kind)
            && let Some(number) = parser.small_integer()
        {
            put(place, Value::Int64(number));
            return Ok(());
        }
        let value = match (&self.kind, token) {
            (_, Token::Null) => {
                parser.word(token)?;
                if self.default.is_none() && self.optional {
                    return Ok(());
                }
                self.null()?
            }
            (_, Token::End) => return Err(parser.unexpected("a value")),
            (Kind::String, Token::String) => {
                parser.put_string(place)?;
                return Ok(());
            }
            (Kind::Int64, Token::Number) => Value::Int64(read::long(parser.number()?)),
            (Kind::Int32, Token::Number) => Value::Int32(read::long(parser.number()?) as i32),
            (Kind::Int16, Token::Number) => Value::Int16(read::long(parser.number()?) as i16),
            (Kind::Int8, Token::Number) => Value::Int8(read::long(parser.number()?) as i8),
            (Kind::Float64, Token::Number) => Value::Float64(parser.double()?),
            (Kind::Float32, Token::Number) => Value::Float32(read::float(parser.number()?)),
            (Kind::Boolean, Token::True | Token::False) => {
                parser.word(token)?;
                Value::Boolean(token == Token::True)
            }
            (Kind::Bytes, Token::String) => Value::Bytes(read_base64(parser, "Invalid bytes field")?),
            (Kind::Decimal { scale }, Token::String) => read_decimal_bytes(parser, *scale)?,
            (Kind::Decimal { scale }, Token::Number) => read_decimal(parser.number()?, *scale)?,
            (Kind::Timestamp, Token::Number) => timestamp(parser.number()?)?,
            (Kind::Date, Token::Number) => date(parser.number()?)?,
            (Kind::Time, Token::Number) => time(parser.number()?)?,
            (kind, token) => {
                parser.skip()?;
                kind.other(token)?
            }
        };
        put(place, value);
        Ok(())
    }

    /// What a null, or a member that is left out, reads as.
    fn null(&self) -> Parsed<Value> {
        match &self.default {
            Some(default) => Ok(default.clone()),
            None if self.optional => Ok(Value::Null),
            None => Err(fail(format!("Invalid null value for required {} field", self.type_name))),
        }
    }
}

impl Kind {
    fn new(schema: &Schema, replace_nulls: bool) -> Self {
        let node = |schema: &Option<Schema>| {
            let any = connect_api::SchemaBuilder::string().optional().build();
            Box::new(Node::new(schema.as_ref().unwrap_or(&any), replace_nulls))
        };
        match (&schema.ty, schema.name.as_deref()) {
            (Type::Bytes, Some(logical::DECIMAL)) => {
                Kind::Decimal { scale: schema.parameter("scale").and_then(|scale| scale.parse().ok()) }
            }
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
            (Type::Map(keys, values), _) if keys.as_ref().is_some_and(|keys| keys.ty == Type::String) => {
                Kind::NamedMap(node(keys), node(values))
            }
            (Type::Map(keys, values), _) => Kind::PairMap(node(keys), node(values)),
            (Type::Struct(_), _) => Kind::Struct(Box::new(StructNode::new(schema, replace_nulls))),
        }
    }

    /// What a value of another JSON type reads as.
    #[cold]
    fn other(&self, token: Token) -> Parsed<Value> {
        let found = token.node_type();
        let message = match self {
            Kind::Int8 => return Ok(Value::Int8(0)),
            Kind::Int16 => return Ok(Value::Int16(0)),
            Kind::Int32 => return Ok(Value::Int32(0)),
            Kind::Int64 => return Ok(Value::Int64(0)),
            Kind::Float32 => return Ok(Value::Float32(0.0)),
            Kind::Float64 => return Ok(Value::Float64(0.0)),
            Kind::Boolean => return Ok(Value::Boolean(false)),
            Kind::String | Kind::Bytes => return Ok(Value::Null),
            Kind::Array(_) => return Ok(Value::Array(Vec::new())),
            Kind::Decimal { .. } => {
                format!(
                    "Invalid type for Decimal, underlying representation should be numeric or bytes but was {found}"
                )
            }
            Kind::Date => logical_mismatch("Date", "integer", found),
            Kind::Time => logical_mismatch("Time", "integer", found),
            Kind::Timestamp => logical_mismatch("Timestamp", "integral", found),
            Kind::NamedMap(..) => {
                format!("Maps with string fields should be encoded as JSON objects, but found {found}")
            }
            Kind::PairMap(..) => {
                format!("Maps with non-string fields should be encoded as JSON array of tuples, but found {found}")
            }
            Kind::Struct(_) => format!("Structs should be encoded as JSON objects, but found {found}"),
        };
        Err(fail(message))
    }
}

fn logical_mismatch(name: &str, expected: &str, found: &str) -> String {
    format!("Invalid type for {name}, underlying representation should be {expected} but was {found}")
}

impl StructNode {
    fn new(schema: &Schema, replace_nulls: bool) -> Self {
        let fields = schema.fields().into_iter().flatten();
        let field = |field: &connect_api::Field| {
            let mut member = Vec::new();
            text::string(&mut member, &field.name);
            member.push(b':');
            FieldNode { name: field.name.as_bytes().into(), member, node: Node::new(&field.schema, replace_nulls) }
        };
        Self { schema: schema.clone(), fields: fields.map(field).collect() }
    }

    fn read(&self, parser: &mut Parser<'_>) -> Parsed<Struct> {
        let mut values = Vec::with_capacity(self.fields.len());
        let mut more = !parser.open(b'}')?;
        // Writers keep the order of the schema, so the next member is most often the next field.
        while more {
            match self.fields.get(values.len()) {
                Some(field) if parser.take_name(&field.member) => {
                    values.push(Value::Null);
                    if let Some(place) = values.last_mut() {
                        field.read(parser, place)?;
                    }
                }
                _ => {
                    let name = parser.name()?;
                    self.read_in_any_order(parser, &name, &mut values)?;
                    break;
                }
            }
            more = parser.more(b'}')?;
        }
        for field in &self.fields[values.len()..] {
            values.push(field.node.null()?);
        }
        Ok(Struct::new(self.schema.clone(), values))
    }

    /// Reads the members from `name` on, whatever their order, and fills in the fields that are left out.
    #[inline(never)]
    fn read_in_any_order(&self, parser: &mut Parser<'_>, name: &[u8], values: &mut Vec<Value>) -> Parsed<()> {
        let mut seen = vec![false; self.fields.len()];
        let mut next = values.len();
        seen[..next].fill(true);
        values.resize(self.fields.len(), Value::Null);
        let mut at = self.position(name, next);
        loop {
            match at {
                Some(at) => {
                    values[at] = Value::Null;
                    self.fields[at].read(parser, &mut values[at])?;
                    seen[at] = true;
                    next = at + 1;
                }
                None => parser.skip()?,
            }
            if !parser.more(b'}')? {
                break;
            }
            let name = parser.name()?;
            at = self.position(&name, next);
        }
        for (at, _) in seen.iter().enumerate().filter(|(_, seen)| !**seen) {
            values[at] = self.fields[at].node.null()?;
        }
        Ok(())
    }

    fn position(&self, name: &[u8], next: usize) -> Option<usize> {
        let near = self.fields[next.min(self.fields.len())..].iter().take(NEAR_FIELDS);
        if let Some(more) = near.map(|field| &field.name).position(|field| **field == *name) {
            return Some(next + more);
        }
        self.schema.fields()?.position(std::str::from_utf8(name).ok()?)
    }
}

impl FieldNode {
    /// A row takes a null only where its field is optional or has a default.
    fn read(&self, parser: &mut Parser<'_>, place: &mut Value) -> Parsed<()> {
        self.node.read_into(parser, place)?;
        if place.is_null() && !self.node.optional && self.node.default.is_none() {
            return Err(fail(format!(
                "Invalid value: null used for required field: \"{}\", schema type: {}",
                String::from_utf8_lossy(&self.name),
                self.node.type_name
            )));
        }
        Ok(())
    }
}

/// The items of an array; of an object, its members' values, as the JVM takes them.
fn read_items(node: &Node, token: Token, parser: &mut Parser<'_>) -> Parsed<Vec<Value>> {
    let mut items = Vec::new();
    let close = if token == Token::Object { b'}' } else { b']' };
    let mut more = !parser.open(close)?;
    while more {
        if token == Token::Object {
            parser.name()?;
        }
        items.push(node.read(parser)?);
        more = parser.more(close)?;
    }
    Ok(items)
}

fn read_members(keys: &Node, values: &Node, parser: &mut Parser<'_>) -> Parsed<Vec<(Value, Value)>> {
    let mut pairs = Vec::new();
    let mut more = !parser.open(b'}')?;
    while more {
        debug_assert!(matches!(keys.kind, Kind::String), "only maps with names as keys are objects");
        let name = parser.name().and_then(|name| parser.owned(name))?;
        pairs.push((Value::String(name), values.read(parser)?));
        more = parser.more(b'}')?;
    }
    read::keep_last(&mut pairs);
    Ok(pairs)
}

fn read_pairs(keys: &Node, values: &Node, parser: &mut Parser<'_>) -> Parsed<Vec<(Value, Value)>> {
    let mut pairs = Vec::new();
    let mut more = !parser.open(b']')?;
    while more {
        let token = parser.peek()?;
        if token != Token::Array {
            let found = token.node_type();
            return Err(fail(format!("Found invalid map entry instead of array tuple: {found}")));
        }
        pairs.push(read_pair(keys, values, parser)?);
        more = parser.more(b']')?;
    }
    read::keep_last(&mut pairs);
    Ok(pairs)
}

fn read_pair(keys: &Node, values: &Node, parser: &mut Parser<'_>) -> Parsed<(Value, Value)> {
    let start = parser.position();
    let mut length = 0;
    let mut more = !parser.open(b']')?;
    while more {
        parser.skip()?;
        length += 1;
        more = parser.more(b']')?;
    }
    if length != 2 {
        return Err(fail(format!("Found invalid map entry, expected length 2 but found :{length}")));
    }
    parser.seek(start);
    parser.open(b']')?;
    let key = keys.read(parser)?;
    parser.more(b']')?;
    let value = values.read(parser)?;
    parser.more(b']')?;
    Ok((key, value))
}

fn read_base64(parser: &mut Parser<'_>, failure: &str) -> Parsed<Bytes> {
    let text = parser.raw_string()?;
    let decoded = BASE64.decode(&*text).or_else(|error| {
        let kept: Vec<u8> = text.iter().copied().filter(|byte| *byte > b' ').collect();
        if kept.len() < text.len() { BASE64.decode(kept) } else { Err(error) }
    });
    decoded.map(Bytes::from).map_err(|error| Box::new(Error::data(failure).caused_by(error)))
}

fn read_decimal_bytes(parser: &mut Parser<'_>, scale: Option<i32>) -> Parsed<Value> {
    let unscaled = read_base64(parser, "Invalid bytes for Decimal field")?;
    if scale.is_none() {
        return Err(fail("Invalid Decimal schema: scale parameter not found."));
    }
    if unscaled.is_empty() {
        return Err(fail("Invalid bytes for Decimal field: a number has at least one byte"));
    }
    let surplus = unscaled.len() - decimal::shortest(&unscaled).len();
    Ok(Value::Bytes(unscaled.slice(surplus..)))
}

/// A number keeps its own scale in the JVM; here it takes the schema's, unless digits would be lost.
fn read_decimal(number: Number<'_>, scale: Option<i32>) -> Parsed<Value> {
    let Some((unscaled, own_scale)) = decimal::parse(number.text()) else {
        return Err(fail(format!("Invalid number for Decimal field: {}", number.text())));
    };
    let Some(scale) = scale else {
        return Err(fail("Invalid Decimal schema: scale parameter not found."));
    };
    // Invariant 6: a value that does not fit is not narrowed; it goes on as what it is.
    Ok(match decimal::rescale(&unscaled, own_scale, scale) {
        Some(unscaled) => Value::Bytes(unscaled),
        None => Value::Logical(Box::new(Logical::Decimal { unscaled, scale: own_scale })),
    })
}

#[cold]
fn fail(message: impl Into<String>) -> Box<Error> {
    Box::new(Error::data(message))
}

fn int(number: Number<'_>, name: &str) -> Parsed<i32> {
    if number.integral
        && let Ok(value) = number.text().parse()
    {
        return Ok(value);
    }
    Err(fail(logical_mismatch(name, "integer", "NUMBER")))
}

fn date(number: Number<'_>) -> Parsed<Value> {
    int(number, "Date").map(Value::Int32)
}

fn time(number: Number<'_>) -> Parsed<Value> {
    let value = int(number, "Time")?;
    if !(0..=DAY_MS).contains(&value.into()) {
        return Err(fail("Time values must use number of milliseconds greater than 0 and less than 86400000"));
    }
    Ok(Value::Int32(value))
}

fn timestamp(number: Number<'_>) -> Parsed<Value> {
    if !number.integral {
        return Err(fail(logical_mismatch("Timestamp", "integral", "NUMBER")));
    }
    Ok(Value::Int64(read::long(number)))
}
