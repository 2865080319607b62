//! JSON text made a value with a schema of its own, as `table.expand.json.payload` asks.

use connect_api::{Field, Fields, Schema, SchemaAndValue, SchemaBuilder, Str, Struct, Type, Value};
use serde_json::Value as Json;

/// Deeper nesting is an attack on the stack.
const DEPTH_MAX: usize = 100;

/// What becomes of nulls in objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    LeaveOut,
    /// They become fields of optional bytes, which hold nothing.
    Keep,
}

/// The value that the text stands for; `None` where it is no object or array, or holds what one schema can't say.
pub(crate) fn expand(text: &str, nulls: Nulls) -> Option<SchemaAndValue> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    // What follows the first value is not looked at.
    let json = serde_json::Deserializer::from_str(text).into_iter::<Json>().next()?.ok()?;
    let shape = Shape::of(&json, DEPTH_MAX)?;
    let schema = shape.schema("payload", nulls, true)?;
    let value = value(&json, &schema);
    Some(SchemaAndValue::new(schema, value))
}

/// What is known of the values at one place.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Null, or an array of nothing else.
    Unknown,
    Boolean,
    Int32,
    Int64,
    Float64,
    String,
    /// `None` where the array is empty.
    Array(Option<Box<Shape>>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    fn of(json: &Json, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        Some(match json {
            Json::Null => Shape::Unknown,
            Json::Bool(_) => Shape::Boolean,
            Json::String(_) => Shape::String,
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) if i32::try_from(number).is_ok() => Shape::Int32,
                (Some(_), _) => Shape::Int64,
                // An integer beyond 64 bits would lose digits as a float.
                (None, Some(float)) if float.fract() == 0.0 && float.abs() >= i64::MAX as f64 => return None,
                _ => Shape::Float64,
            },
            Json::Array(items) => {
                let mut common: Option<Shape> = None;
                for item in items {
                    let shape = Shape::of(item, depth)?;
                    common = Some(match common {
                        None => shape,
                        Some(common) => common.merge(shape)?,
                    });
                }
                Shape::Array(common.map(Box::new))
            }
            Json::Object(members) => {
                let member = |(name, value): (&String, &Json)| Some((name.clone(), Shape::of(value, depth)?));
                Shape::Object(members.iter().map(member).collect::<Option<_>>()?)
            }
        })
    }

    /// The shape of both; none where no schema describes both.
    fn merge(self, other: Shape) -> Option<Shape> {
        Some(match (self, other) {
            (Shape::Unknown, shape) | (shape, Shape::Unknown) => shape,
            (Shape::Int32, Shape::Int64) | (Shape::Int64, Shape::Int32) => Shape::Int64,
            (Shape::Array(None), array @ Shape::Array(_)) | (array @ Shape::Array(_), Shape::Array(None)) => array,
            (Shape::Array(Some(left)), Shape::Array(Some(right))) => Shape::Array(Some(Box::new(left.merge(*right)?))),
            (Shape::Object(mut left), Shape::Object(right)) => {
                for (name, shape) in right {
                    match left.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => *known = std::mem::replace(known, Shape::Unknown).merge(shape)?,
                        None => left.push((name, shape)),
                    }
                }
                Shape::Object(left)
            }
            (left, right) if left == right => left,
            _ => return None,
        })
    }

    /// The schema at a place; none for what holds nothing that a schema could describe.
    fn schema(&self, path: &str, nulls: Nulls, optional: bool) -> Option<Schema> {
        let builder = match self {
            Shape::Unknown if nulls == Nulls::Keep => SchemaBuilder::bytes(),
            Shape::Unknown | Shape::Array(None) => return None,
            Shape::Boolean => SchemaBuilder::boolean(),
            Shape::Int32 => SchemaBuilder::int32(),
            Shape::Int64 => SchemaBuilder::int64(),
            Shape::Float64 => SchemaBuilder::float64(),
            Shape::String => SchemaBuilder::string(),
            Shape::Array(Some(items)) => {
                let in_array = !matches!(**items, Shape::Object(_));
                SchemaBuilder::array(items.schema(path, nulls, in_array)?)
            }
            Shape::Object(members) => {
                let field = |(name, shape): &(String, Shape)| {
                    let schema = shape.schema(&format!("{path}.{name}"), nulls, true)?;
                    Some(Field { name: Str::from(name.as_str()), schema })
                };
                let fields = members.iter().filter_map(field).collect();
                SchemaBuilder::of(Type::Struct(Fields::new(fields))).name(path)
            }
        };
        Some(if optional { builder.optional().build() } else { builder.build() })
    }
}

fn value(json: &Json, schema: &Schema) -> Value {
    match (json, &schema.ty) {
        (Json::Bool(flag), _) => Value::Boolean(*flag),
        (Json::String(text), _) => text.as_str().into(),
        (Json::Number(number), Type::Int32) => {
            number.as_i64().and_then(|number| number.try_into().ok()).map_or(Value::Null, Value::Int32)
        }
        (Json::Number(number), Type::Int64) => number.as_i64().map_or(Value::Null, Value::Int64),
        (Json::Number(number), _) => number.as_f64().map_or(Value::Null, Value::Float64),
        (Json::Array(items), Type::Array(Some(element))) => {
            Value::Array(items.iter().map(|item| value(item, element)).collect())
        }
        (Json::Object(members), Type::Struct(fields)) => {
            let field =
                |field: &Field| members.get(field.name.as_str()).map_or(Value::Null, |m| value(m, &field.schema));
            Value::Struct(Struct::new(schema.clone(), fields.iter().map(field).collect()))
        }
        _ => Value::Null,
    }
}
