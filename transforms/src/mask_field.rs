//! `MaskField`: puts nothing, or a fixed text, in the place of what is private.

use connect_api::{
    Error, Fate, Logical, Origin, Props, Record, Result, Schema, SchemaCache, Str, Transform, Type, Value, config,
    decimal, plugin, plugin::Side, schema::logical,
};

use crate::{
    names::{NonEmpty, SomeNames},
    row::{self, NullRules},
    side::{half, key_and_value},
};

config! {
    /// Settings of `MaskField`.
    pub(crate) struct MaskFieldConfig {
        /// The fields to mask.
        #[config(key = "fields", group = "", importance = High)]
        fields: SomeNames,
        /// The text, or the number, to put in the place of texts and numbers. Without it they become empty or zero.
        #[config(key = "replacement", group = "", importance = Low)]
        replacement: Option<NonEmpty>,
        /// Whether a field that is null is masked as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}
key_and_value!(MaskField, MaskFieldConfig);

const PURPOSE: &str = "mask fields";

struct MaskField {
    side: Side,
    fields: Vec<Str>,
    replacement: Option<Str>,
    replace_nulls: bool,
    plans: SchemaCache<Plan>,
}

struct Plan {
    nulls: NullRules,
    /// The places to mask, with their schemas.
    masked: Vec<(usize, Schema)>,
}

impl MaskField {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: MaskFieldConfig = plugin::parse(props)?;
        Ok(Self {
            side,
            fields: config.fields.0.into_iter().map(Str::from).collect(),
            replacement: config.replacement.map(|text| text.0.into()),
            replace_nulls: config.replace_nulls,
            plans: SchemaCache::default(),
        })
    }
}

impl Transform for MaskField {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = half(record, self.side);
        match (&data.schema, &mut data.value) {
            (None, Value::Map(pairs)) => {
                for field in &self.fields {
                    match row::get_mut(pairs, field) {
                        Some(value) => *value = mask(value, None, self.replacement.as_ref())?,
                        None => pairs.push((Value::String(field.clone()), Value::Null)),
                    }
                }
            }
            (Some(_), Value::Struct(row)) => {
                let (fields, replace_nulls) = (&self.fields, self.replace_nulls);
                let plan =
                    self.plans.plan(row.schema(), |schema| Ok::<_, Error>(Plan::new(schema, fields, replace_nulls)))?;
                let values = row.values_mut();
                plan.nulls.apply(values)?;
                for (at, schema) in &plan.masked {
                    values[*at] = mask(&values[*at], Some(schema), self.replacement.as_ref())?;
                }
            }
            (None, value) => return Err(row::no_map(value, PURPOSE)),
            (schema, value) => return Err(row::no_struct(value, schema.as_ref(), PURPOSE)),
        }
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(schema: &Schema, names: &[Str], replace_nulls: bool) -> Self {
        let fields = schema.fields().into_iter().flatten();
        let nulls = NullRules::new(fields.clone(), replace_nulls);
        let masked = fields.enumerate().filter(|(_, field)| names.contains(&field.name));
        Self { nulls, masked: masked.map(|(at, field)| (at, field.schema.clone())).collect() }
    }
}

fn mask(value: &Value, schema: Option<&Schema>, replacement: Option<&Str>) -> Result<Value> {
    match replacement {
        _ if value.is_null() => Ok(Value::Null),
        Some(text) => replaced(value, schema, text),
        None => emptied(value, schema),
    }
}

fn is_date(schema: Option<&Schema>) -> bool {
    let name = schema.and_then(|schema| schema.name.as_deref());
    matches!(name, Some(logical::DATE | logical::TIME | logical::TIMESTAMP))
}

fn is_decimal(schema: Option<&Schema>) -> bool {
    schema.is_some_and(|schema| schema.ty == Type::Bytes && schema.name.as_deref() == Some(logical::DECIMAL))
}

/// The empty value of the same type.
fn emptied(value: &Value, schema: Option<&Schema>) -> Result<Value> {
    Ok(match value {
        Value::Boolean(_) => Value::Boolean(false),
        Value::Int8(_) => Value::Int8(0),
        Value::Int16(_) => Value::Int16(0),
        Value::Int32(_) => Value::Int32(0),
        Value::Int64(_) => Value::Int64(0),
        Value::Float32(_) => Value::Float32(0.0),
        Value::Float64(_) => Value::Float64(0.0),
        Value::String(_) => Value::String(Str::from_static("")),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Map(_) => Value::Map(Vec::new()),
        Value::Bytes(_) if is_decimal(schema) => Value::Bytes(decimal::small_bytes(0)),
        Value::Logical(logical) => Value::Logical(Box::new(match **logical {
            Logical::Date(_) => Logical::Date(0),
            Logical::Decimal { .. } => Logical::Decimal { unscaled: decimal::small_bytes(0), scale: 0 },
            Logical::Integer(_) => Logical::Integer(decimal::small_bytes(0)),
        })),
        Value::Null | Value::Bytes(_) | Value::Struct(_) => {
            let class = value.java_class_in(schema);
            return Err(Error::data(format!("Cannot mask value of type: class {class}")));
        }
    })
}

/// The replacement as a value of the same type.
fn replaced(value: &Value, schema: Option<&Schema>, text: &Str) -> Result<Value> {
    let number = |ending: &str| {
        let not_a_number = || Error::data(format!("Unable to convert {text} (class java.lang.String) to {ending}"));
        decimal::parse(text).ok_or_else(not_a_number)
    };
    let integer = || number("a number").map(|(unscaled, scale)| decimal::to_i64_wrapping(&unscaled, scale));
    let double = || number("a number").map(|(unscaled, scale)| decimal::to_f64(&unscaled, scale));
    Ok(match value {
        _ if is_date(schema) => return Err(no_replacement(value, schema)),
        Value::Int8(_) => Value::Int8(integer()? as i8),
        Value::Int16(_) => Value::Int16(integer()? as i16),
        Value::Int32(_) => Value::Int32(integer()? as i32),
        Value::Int64(_) => Value::Int64(integer()?),
        Value::Float32(_) => Value::Float32(double()? as f32),
        Value::Float64(_) => Value::Float64(double()?),
        Value::String(_) => Value::String(text.clone()),
        Value::Bytes(_) if is_decimal(schema) => {
            let (unscaled, own) = number("number")?;
            let scale = schema.and_then(|schema| schema.parameter("scale")?.parse().ok());
            match scale.and_then(|scale| decimal::rescale(&unscaled, own, scale)) {
                Some(unscaled) => Value::Bytes(unscaled),
                None => Value::Logical(Box::new(Logical::Decimal { unscaled, scale: own })),
            }
        }
        Value::Logical(logical) => match **logical {
            Logical::Decimal { .. } => {
                let (unscaled, scale) = number("number")?;
                Value::Logical(Box::new(Logical::Decimal { unscaled, scale }))
            }
            Logical::Integer(_) => match decimal::integer_bytes(text) {
                Some(unscaled) => Value::Logical(Box::new(Logical::Integer(unscaled))),
                None => return Err(number("number").err().unwrap_or_else(|| no_replacement(value, schema))),
            },
            Logical::Date(_) => return Err(no_replacement(value, schema)),
        },
        _ => return Err(no_replacement(value, schema)),
    })
}

fn no_replacement(value: &Value, schema: Option<&Schema>) -> Error {
    let class = value.java_class_in(schema);
    Error::data(format!("Cannot mask value of type class {class} with custom replacement."))
}
