//! `Cast`: numbers, booleans and texts become one another, as Java converts them.

use base64::{Engine, engine::general_purpose::STANDARD};
use connect_api::{
    ConfigType, Error, Fate, Field, Logical, Origin, Props, Record, Result, Schema, SchemaCache, Setting, Str,
    Transform, Type, Value, config, config::Problem, decimal, java, plugin, plugin::Side, schema::logical, time,
    values,
};

use crate::{
    java_number,
    row::{self, NullRules},
    side::{half, key_and_value},
};

config! {
    /// Settings of `Cast`.
    pub(crate) struct CastConfig {
        /// The casts: one type for the whole key or value, or field:type pairs. The types are int8, int16, int32,
        /// int64, float32, float64, boolean and string.
        #[config(key = "spec", group = "", importance = High)]
        spec: Spec,
        /// Whether a field that is null is copied as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}
key_and_value!(Cast, CastConfig);

const PURPOSE: &str = "cast types";

/// What to cast to what.
#[derive(Clone, Debug)]
enum Spec {
    Whole(Target),
    Fields(Vec<(Str, Target)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
}

struct Cast {
    side: Side,
    spec: Spec,
    replace_nulls: bool,
    plans: SchemaCache<Plan>,
}

struct Plan {
    schema: Schema,
    /// The places to cast, with the schemas they have before; empty for a cast of the whole.
    casts: Vec<(usize, Schema, Target)>,
    before: NullRules,
}

impl Setting for Spec {
    const TYPE: ConfigType = ConfigType::List;

    fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Problem::Sentence("Must specify at least one field to cast.".to_owned()));
        }
        let casts: Vec<&str> = text.split(',').map(str::trim).collect();
        let (mut whole, mut fields): (Option<Target>, Vec<(Str, Target)>) = (None, Vec::new());
        for cast in &casts {
            // Java cuts off what is empty at the end.
            match cast.trim_end_matches(':').split(':').collect::<Vec<&str>>()[..] {
                [ty] => whole = Some(Target::parse(ty)?),
                [field, ty] => {
                    let (field, target) = (Str::from(field.trim()), Target::parse(ty)?);
                    match fields.iter_mut().find(|(known, _)| *known == field) {
                        Some(known) => known.1 = target,
                        None => fields.push((field, target)),
                    }
                }
                _ => {
                    let list = casts.join(", ");
                    return Err(Problem::Sentence(format!(
                        "Invalid value [{list}] for configuration renames: Invalid rename mapping: {cast}"
                    )));
                }
            }
        }
        match whole {
            Some(_) if casts.len() > 1 => Err(Problem::Sentence(
                "Cast transformations that specify a type to cast the entire value to may only specify a single cast \
                 in their spec"
                    .to_owned(),
            )),
            Some(target) => Ok(Self::Whole(target)),
            None => Ok(Self::Fields(fields)),
        }
    }
}

const TARGETS: [(&str, Target); 8] = [
    ("INT8", Target::Int8),
    ("INT16", Target::Int16),
    ("INT32", Target::Int32),
    ("INT64", Target::Int64),
    ("FLOAT32", Target::Float32),
    ("FLOAT64", Target::Float64),
    ("BOOLEAN", Target::Boolean),
    ("STRING", Target::String),
];

impl Target {
    fn parse(text: &str) -> Result<Self, Problem> {
        let name = text.trim().to_uppercase();
        if let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) {
            return Ok(*target);
        }
        let supported = TARGETS.map(|(name, _)| name).join(", ");
        Err(Problem::Sentence(match name.as_str() {
            "BYTES" | "ARRAY" | "MAP" | "STRUCT" => {
                format!("Cast transformation does not support casting to {name}; supported types are [{supported}]")
            }
            name => format!(
                "Invalid value java.lang.IllegalArgumentException: No enum constant \
                 org.apache.kafka.connect.data.Schema.Type.{name} for configuration Invalid type found in casting \
                 spec: {}",
                text.trim()
            ),
        }))
    }

    fn ty(self) -> Type {
        match self {
            Target::Int8 => Type::Int8,
            Target::Int16 => Type::Int16,
            Target::Int32 => Type::Int32,
            Target::Int64 => Type::Int64,
            Target::Float32 => Type::Float32,
            Target::Float64 => Type::Float64,
            Target::Boolean => Type::Boolean,
            Target::String => Type::String,
        }
    }
}

impl Cast {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: CastConfig = plugin::parse(props)?;
        let (spec, replace_nulls) = (config.spec, config.replace_nulls);
        Ok(Self { side, spec, replace_nulls, plans: SchemaCache::default() })
    }

    fn schemaless(&self, value: &mut Value) -> Result<()> {
        let fields = match &self.spec {
            Spec::Whole(target) => {
                *value = cast(value, None, *target)?;
                return Ok(());
            }
            Spec::Fields(fields) => fields,
        };
        let Value::Map(pairs) = value else { return Err(row::no_map(value, PURPOSE)) };
        for (field, target) in fields {
            match row::get_mut(pairs, field) {
                Some(value) => *value = cast(value, None, *target)?,
                None => pairs.push((Value::String(field.clone()), Value::Null)),
            }
        }
        Ok(())
    }

    /// The value in place, and the schema that it has from then on.
    fn with_schema(&mut self, schema: &Schema, value: &mut Value) -> Result<Schema> {
        let (spec, replace_nulls) = (&self.spec, self.replace_nulls);
        let plan = self.plans.plan(schema, |schema| Plan::new(schema, spec, replace_nulls))?;
        if let Spec::Whole(target) = spec {
            *value = cast(value, Some(schema), *target)?;
            return Ok(plan.schema.clone());
        }
        let Value::Struct(row) = value else { return Err(row::no_struct(value, Some(schema), PURPOSE)) };
        let values = row.values_mut();
        plan.before.apply(values)?;
        for (at, schema, target) in &plan.casts {
            values[*at] = cast(&values[*at], Some(schema), *target)?;
        }
        row.set_schema(plan.schema.clone());
        Ok(plan.schema.clone())
    }
}

impl Transform for Cast {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = half(record, self.side);
        if data.value.is_null() {
            return Ok(Fate::Kept);
        }
        match &mut data.schema {
            None => self.schemaless(&mut data.value)?,
            Some(schema) => *schema = self.with_schema(schema, &mut data.value)?,
        }
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(from: &Schema, spec: &Spec, replace_nulls: bool) -> Result<Self> {
        let mut def = (**from).clone();
        let fields = match spec {
            Spec::Whole(target) => {
                def.default = def.default.map(|default| cast(&default, Some(from), *target)).transpose()?;
                def.ty = target.ty();
                return Ok(Self { schema: Schema::new(def), casts: Vec::new(), before: NullRules::new([], false) });
            }
            Spec::Fields(fields) => fields,
        };
        let Some(old) = from.fields() else {
            return Err(Error::data("Cannot list fields on non-struct type"));
        };
        if def.default.is_some() {
            return Err(unsupported("STRUCT"));
        }
        let (mut casts, mut list) = (Vec::new(), Vec::with_capacity(old.len()));
        for (at, field) in old.iter().enumerate() {
            let Some((_, target)) = fields.iter().find(|(name, _)| *name == field.name) else {
                list.push(field.clone());
                continue;
            };
            casts.push((at, field.schema.clone(), *target));
            let mut builder = connect_api::SchemaBuilder::of(target.ty());
            if field.schema.optional {
                builder = builder.optional();
            }
            if let Some(default) = &field.schema.default {
                builder = builder.default_value(cast(default, Some(&field.schema), *target)?);
            }
            list.push(Field { name: field.name.clone(), schema: builder.build() });
        }
        // A null is refused by the type it would have after the cast.
        let before = NullRules::new(&list, false).with_defaults(old, replace_nulls);
        def.ty = Type::Struct(connect_api::Fields::new(list));
        Ok(Self { schema: Schema::new(def), casts, before })
    }
}

/// A value before the cast, as the kinds that Java's conversions tell apart.
enum Source<'a> {
    Integer(i64),
    Float(f32),
    Double(f64),
    Decimal(&'a [u8], i32),
    Boolean(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
    Date(i64),
}

fn cast(value: &Value, schema: Option<&Schema>, target: Target) -> Result<Value> {
    let name = schema.and_then(|schema| schema.name.as_deref());
    let text = target == Target::String;
    let source = match value {
        Value::Null => return Ok(Value::Null),
        // For a number the physical form is what is cast; for a text, the moment.
        Value::Int32(days) if text && name == Some(logical::DATE) => Source::Date(i64::from(*days) * time::DAY_MS),
        Value::Int32(ms) if text && name == Some(logical::TIME) => Source::Date((*ms).into()),
        Value::Int64(ms) if text && name == Some(logical::TIMESTAMP) => Source::Date(*ms),
        Value::Int8(number) => Source::Integer((*number).into()),
        Value::Int16(number) => Source::Integer((*number).into()),
        Value::Int32(number) => Source::Integer((*number).into()),
        Value::Int64(number) => Source::Integer(*number),
        Value::Float32(number) => Source::Float(*number),
        Value::Float64(number) => Source::Double(*number),
        Value::Boolean(flag) => Source::Boolean(*flag),
        Value::String(text) => Source::Text(text),
        Value::Bytes(unscaled) if name == Some(logical::DECIMAL) => {
            let scale = schema.and_then(|schema| schema.parameter("scale")?.parse().ok()).unwrap_or(0);
            Source::Decimal(unscaled, scale)
        }
        Value::Bytes(bytes) => Source::Bytes(bytes),
        Value::Logical(logical) if schema.is_some() => match &**logical {
            Logical::Date(ms) => Source::Date(*ms),
            Logical::Decimal { unscaled, scale } => Source::Decimal(unscaled, *scale),
            Logical::Integer(unscaled) => Source::Decimal(unscaled, 0),
        },
        Value::Logical(_) => {
            let class = value.java_class();
            return Err(Error::data(format!(
                "Cast transformation was passed a value of type class {class} which is not supported by Connect's data API"
            )));
        }
        Value::Array(_) => return Err(unsupported("ARRAY")),
        Value::Map(_) => return Err(unsupported("MAP")),
        Value::Struct(_) => return Err(unsupported("STRUCT")),
    };
    source.cast(target)
}

fn unsupported(ty: &str) -> Error {
    let supported = TARGETS.map(|(name, _)| name).join(", ");
    Error::data(format!(
        "Cast transformation does not support casting from {ty}; supported types are [{supported}, BYTES]"
    ))
}

impl Source<'_> {
    fn cast(&self, target: Target) -> Result<Value> {
        Ok(match target {
            Target::Int8 => Value::Int8(self.whole(|text| text.parse::<i8>().ok().map(i64::from))? as i8),
            Target::Int16 => Value::Int16(self.whole(|text| text.parse::<i16>().ok().map(i64::from))? as i16),
            Target::Int32 => Value::Int32(self.whole(|text| text.parse::<i32>().ok().map(i64::from))? as i32),
            Target::Int64 => Value::Int64(self.long()?),
            Target::Float32 => Value::Float32(self.float()?),
            Target::Float64 => Value::Float64(self.double()?),
            Target::Boolean => Value::Boolean(match self {
                Source::Boolean(flag) => *flag,
                Source::Text(text) => text.eq_ignore_ascii_case("true"),
                _ => self.long()? != 0,
            }),
            Target::String => Value::from(self.text()),
        })
    }

    /// For the types below 64 bits: floats go through 32 bits on their way, as in Java.
    fn whole(&self, read: impl Fn(&str) -> Option<i64>) -> Result<i64> {
        match self {
            Source::Float(number) => Ok((*number as i32).into()),
            Source::Double(number) => Ok((*number as i32).into()),
            Source::Text(text) => read(text).ok_or_else(|| out_of_range(text)),
            _ => self.long(),
        }
    }

    fn long(&self) -> Result<i64> {
        Ok(match self {
            Source::Integer(number) => *number,
            Source::Float(number) => *number as i64,
            Source::Double(number) => *number as i64,
            Source::Decimal(unscaled, scale) => decimal::to_i64_wrapping(unscaled, *scale),
            Source::Boolean(flag) => (*flag).into(),
            Source::Text(text) => text.parse().map_err(|_| out_of_range(text))?,
            Source::Date(ms) => *ms,
            Source::Bytes(_) => return Err(unexpected_bytes()),
        })
    }

    fn float(&self) -> Result<f32> {
        Ok(match self {
            Source::Integer(number) => *number as f32,
            Source::Float(number) => *number,
            Source::Text(text) => java_number::parse_float(text).ok_or_else(|| out_of_range(text))?,
            _ => self.double()? as f32,
        })
    }

    fn double(&self) -> Result<f64> {
        Ok(match self {
            Source::Float(number) => (*number).into(),
            Source::Double(number) => *number,
            Source::Decimal(unscaled, scale) => decimal::to_f64(unscaled, *scale),
            Source::Text(text) => java_number::parse_double(text).ok_or_else(|| out_of_range(text))?,
            _ => self.long()? as f64,
        })
    }

    fn text(&self) -> String {
        match self {
            Source::Integer(number) => number.to_string(),
            Source::Float(number) => java::float_text(*number),
            Source::Double(number) => java::double_text(*number),
            Source::Decimal(unscaled, scale) => decimal::text(unscaled, *scale),
            Source::Boolean(flag) => flag.to_string(),
            Source::Text(text) => (*text).to_owned(),
            Source::Bytes(bytes) => STANDARD.encode(bytes),
            Source::Date(ms) => values::date_text(*ms),
        }
    }
}

fn out_of_range(text: &str) -> Error {
    Error::data(format!("Value ({text}) was out of range for requested data type"))
}

fn unexpected_bytes() -> Error {
    Error::data("Unexpected type in Cast transformation: class [B")
}
