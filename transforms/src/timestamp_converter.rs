//! `TimestampConverter`: one form of a moment becomes another: text, number, date, time or timestamp.

use connect_api::{
    ConfigType, Error, Fate, Field, Logical, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaBuilder,
    SchemaCache, Setting, Str, Struct, Transform, Type, Value, config, config::Problem, plugin, plugin::Side,
    schema::logical, time,
};

use crate::{
    date_format::DateFormat,
    row::{self, NullRules},
    side::{half, key_and_value},
};

config! {
    /// Settings of `TimestampConverter`.
    pub(crate) struct TimestampConverterConfig {
        /// The field to convert; the whole key or value when empty.
        #[config(key = "field", group = "", importance = High, default = "")]
        field: String,
        /// What to convert to: string, unix, Date, Time or Timestamp.
        #[config(key = "target.type", group = "", importance = High)]
        target: Form,
        /// How texts are written, as a pattern of Java's SimpleDateFormat, in UTC.
        #[config(key = "format", group = "", importance = Medium, default = "")]
        format: String,
        /// What a unix number counts: seconds, milliseconds, microseconds or nanoseconds.
        #[config(key = "unix.precision", group = "", importance = Low, default = "milliseconds")]
        precision: Precision,
        /// Whether a field that is null is copied as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}
key_and_value!(TimestampConverter, TimestampConverterConfig);

const PURPOSE: &str = "converting timestamp formats";

/// The forms of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Unix,
    Date,
    Time,
    Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Setting for Form {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(match text.trim() {
            "string" => Form::Text,
            "unix" => Form::Unix,
            "Date" => Form::Date,
            "Time" => Form::Time,
            "Timestamp" => Form::Timestamp,
            _ => return Err("String must be one of: string, unix, Date, Time, Timestamp".to_owned().into()),
        })
    }
}

impl Setting for Precision {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(match text.trim() {
            "seconds" => Precision::Seconds,
            "milliseconds" => Precision::Milliseconds,
            "microseconds" => Precision::Microseconds,
            "nanoseconds" => Precision::Nanoseconds,
            _ => {
                let all = "nanoseconds, microseconds, milliseconds, seconds";
                return Err(format!("String must be one of: {all}").into());
            }
        })
    }
}

struct TimestampConverter {
    side: Side,
    field: Str,
    convert: Convert,
    replace_nulls: bool,
    plans: SchemaCache<Plan>,
}

struct Plan {
    /// Where the field stands, and its form before.
    from: Option<(usize, Form)>,
    nulls: NullRules,
    schema: Schema,
}

impl TimestampConverter {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: TimestampConverterConfig = plugin::parse(props)?;
        let format = match config.format.as_str() {
            "" if config.target == Form::Text => {
                return Err(Error::config(
                    "TimestampConverter requires format option to be specified when using string timestamps",
                ));
            }
            "" => None,
            pattern => Some(DateFormat::new(pattern).map_err(|message| {
                Error::config(format!(
                    "Invalid value java.lang.IllegalArgumentException: {message} for configuration TimestampConverter \
                     requires a SimpleDateFormat-compatible pattern for string timestamps: {pattern}"
                ))
            })?),
        };
        let convert = Convert { target: config.target, format, pattern: config.format, precision: config.precision };
        let field = config.field.into();
        Ok(Self { side, field, convert, replace_nulls: config.replace_nulls, plans: SchemaCache::default() })
    }

    fn schemaless(&self, value: Value) -> Result<Value> {
        if value.is_null() || self.field.is_empty() {
            return self.convert.schemaless(&value);
        }
        let mut pairs = row::require_map(value, PURPOSE)?;
        let converted = self.convert.schemaless(row::get(&pairs, &self.field).unwrap_or(&Value::Null))?;
        row::put(&mut pairs, &self.field, converted);
        Ok(Value::Map(pairs))
    }

    fn with_schema(&mut self, schema: &Schema, value: Value) -> Result<SchemaAndValue> {
        if self.field.is_empty() {
            let target = self.convert.target.schema(schema.optional);
            let value = self.convert.physical(&value, Form::of(schema)?)?;
            return Ok(SchemaAndValue::new(target, value));
        }
        let row = match value {
            Value::Null => None,
            value => Some(row::require_struct(value, Some(schema), PURPOSE)?),
        };
        let (field, target, replace_nulls) = (&self.field, self.convert.target, self.replace_nulls);
        let plan = self.plans.plan(schema, |schema| Plan::new(schema, field, target, replace_nulls))?;
        let Some(row) = row else { return Ok(SchemaAndValue::new(plan.schema.clone(), Value::Null)) };
        let mut values = row.into_values();
        plan.nulls.apply(&mut values)?;
        if let Some((at, form)) = plan.from {
            values[at] = self.convert.physical(&values[at], form)?;
        }
        Ok(Struct::new(plan.schema.clone(), values).into())
    }
}

impl Transform for TimestampConverter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = std::mem::take(half(record, self.side));
        let converted = match &data.schema {
            None => SchemaAndValue::schemaless(self.schemaless(data.value)?),
            Some(schema) => self.with_schema(schema, data.value)?,
        };
        *half(record, self.side) = converted;
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(from: &Schema, name: &str, target: Form, replace_nulls: bool) -> Result<Self> {
        let old = from.fields().into_iter().flatten();
        let place = from.fields().and_then(|fields| fields.position(name));
        let form = place.map(|at| from.fields().map(|fields| Form::of(&fields[at].schema)).transpose()).transpose()?;
        let fields = old.clone().enumerate().map(|(at, field)| match place == Some(at) {
            true => Field { name: field.name.clone(), schema: target.schema(field.schema.optional) },
            false => field.clone(),
        });
        let fields: Vec<Field> = fields.collect();
        let nulls = NullRules::new(&fields, false).with_defaults(old, replace_nulls);
        let mut def = (*row::schema_like(from, fields)?).clone();
        def.optional = from.optional;
        if let Some(Value::Struct(default)) = &from.default {
            let bare = Schema::new(def.clone());
            def.default = Some(Value::Struct(Struct::new(bare, default.values().to_vec())));
        }
        Ok(Self { from: place.zip(form.flatten()), nulls, schema: Schema::new(def) })
    }
}

impl Form {
    /// The form of values of this schema.
    fn of(schema: &Schema) -> Result<Self> {
        Ok(match (schema.name.as_deref(), &schema.ty) {
            (Some(logical::TIMESTAMP), _) => Form::Timestamp,
            (Some(logical::DATE), _) => Form::Date,
            (Some(logical::TIME), _) => Form::Time,
            (_, Type::String) => Form::Text,
            (_, Type::Int64) => Form::Unix,
            _ => {
                let schema = row::schema_text(schema);
                let message = format!("Schema {schema} does not correspond to a known timestamp type format");
                return Err(Error::data(message).class("org.apache.kafka.connect.errors.ConnectException"));
            }
        })
    }

    fn schema(self, optional: bool) -> Schema {
        let builder = match self {
            Form::Text => SchemaBuilder::string(),
            Form::Unix => SchemaBuilder::int64(),
            Form::Date => SchemaBuilder::int32().name(logical::DATE).version(1),
            Form::Time => SchemaBuilder::int32().name(logical::TIME).version(1),
            Form::Timestamp => SchemaBuilder::int64().name(logical::TIMESTAMP).version(1),
        };
        if optional { builder.optional().build() } else { builder.build() }
    }
}

/// From one form to another, by milliseconds since 1970.
struct Convert {
    target: Form,
    format: Option<DateFormat>,
    pattern: String,
    precision: Precision,
}

impl Convert {
    fn schemaless(&self, value: &Value) -> Result<Value> {
        let form = match value {
            Value::Null => return Ok(Value::Null),
            Value::Int64(_) => Form::Unix,
            Value::String(_) => Form::Text,
            Value::Logical(logical) if matches!(**logical, Logical::Date(_)) => Form::Timestamp,
            value => {
                let class = value.java_class();
                let message = format!("TimestampConverter does not support class {class} objects as timestamps");
                return Err(Error::data(message));
            }
        };
        let ms = self.ms(value, form)?;
        Ok(match self.target {
            Form::Text => self.text(ms)?,
            Form::Unix => Value::Int64(self.unix(ms)),
            Form::Date => date(ms.div_euclid(time::DAY_MS) * time::DAY_MS),
            Form::Time => date(ms.rem_euclid(time::DAY_MS)),
            Form::Timestamp => date(ms),
        })
    }

    /// A value under the target's schema.
    fn physical(&self, value: &Value, form: Form) -> Result<Value> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let ms = self.ms(value, form)?;
        Ok(match self.target {
            Form::Text => self.text(ms)?,
            Form::Unix => Value::Int64(self.unix(ms)),
            // Invariant 6: a day that no 32 bits hold stays a moment.
            Form::Date => i32::try_from(ms.div_euclid(time::DAY_MS)).map_or_else(|_| date(ms), Value::Int32),
            Form::Time => Value::Int32(ms.rem_euclid(time::DAY_MS) as i32),
            Form::Timestamp => Value::Int64(ms),
        })
    }

    fn ms(&self, value: &Value, form: Form) -> Result<i64> {
        Ok(match (form, value) {
            (_, Value::Logical(logical)) => match **logical {
                Logical::Date(ms) => ms,
                _ => return Err(self.unexpected(value)),
            },
            (Form::Date, Value::Int32(days)) => i64::from(*days) * time::DAY_MS,
            (Form::Time, Value::Int32(ms)) => (*ms).into(),
            (Form::Timestamp, Value::Int64(ms)) => *ms,
            (Form::Unix, Value::Int64(number)) => match self.precision {
                Precision::Seconds => number.saturating_mul(1000),
                Precision::Milliseconds => *number,
                Precision::Microseconds => number / 1000,
                Precision::Nanoseconds => number / 1_000_000,
            },
            (Form::Text, Value::String(text)) => self.read(text)?,
            (_, value) => return Err(self.unexpected(value)),
        })
    }

    fn unexpected(&self, value: &Value) -> Error {
        let class = value.java_class();
        Error::data(format!("could not convert a value of class {class} to the form {:?} of a moment", self.target))
    }

    fn read(&self, text: &str) -> Result<i64> {
        let Some(format) = &self.format else { return Err(no_format()) };
        format.parse(text, now_ms()).ok_or_else(|| {
            let pattern = &self.pattern;
            Error::data(format!("Could not parse timestamp: value ({text}) does not match pattern ({pattern})"))
        })
    }

    fn text(&self, ms: i64) -> Result<Value> {
        self.format.as_ref().map(|format| format.write(ms).into()).ok_or_else(no_format)
    }

    fn unix(&self, ms: i64) -> i64 {
        match self.precision {
            Precision::Seconds => ms / 1000,
            Precision::Milliseconds => ms,
            Precision::Microseconds => ms.saturating_mul(1000),
            Precision::Nanoseconds => ms.saturating_mul(1_000_000),
        }
    }
}

fn no_format() -> Error {
    Error::data("could not convert a text: the setting format of TimestampConverter is not given")
        .class("java.lang.NullPointerException")
}

fn date(ms: i64) -> Value {
    Value::Logical(Box::new(Logical::Date(ms)))
}

/// Only for the century of years written with two digits.
pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok().and_then(|now| i64::try_from(now.as_millis()).ok()).unwrap_or(0)
}
