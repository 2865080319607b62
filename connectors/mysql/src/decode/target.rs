//! What a column becomes: its Connect type, chosen from the column and the options.

use std::sync::Arc;

use connect_api::{Field, Fields, Schema, SchemaBuilder, Str, Type};
use connect_cdc::{
    decimal::DecimalMode,
    table::{Column, jdbc},
    temporal::{self, DateForm, TimeForm, TimestampForm},
};

use super::{BigintUnsigned, Binary, Options, TimePrecision, charset::Charset};

/// How the values of a column are made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    Boolean,
    Int16,
    Int32,
    Int64,
    Float32,
    /// `single` where the server keeps 32 bits only.
    Float64 {
        single: bool,
    },
    Decimal {
        mode: DecimalMode,
        scale: i32,
    },
    Text(Charset),
    /// `pad` is the length of a BINARY column, which the server does not store in full.
    Binary {
        mode: Binary,
        pad: usize,
    },
    /// Bytes lowest first, this many of them.
    Bits(usize),
    Label(Arc<[Str]>),
    Labels(Arc<[Str]>),
    Date(DateForm),
    Time(TimeForm),
    DateTime(TimestampForm),
    Timestamp,
    Year {
        adjust: bool,
    },
    Json,
    Point,
    Geometry,
    Vector,
    Uuid,
    Inet4,
    Inet6,
}

/// The type without UNSIGNED, ZEROFILL and BINARY.
pub(crate) fn base_name(column: &Column) -> &str {
    let end =
        [" UNSIGNED", " SIGNED", " ZEROFILL", " BINARY"].iter().filter_map(|word| column.type_name.find(word)).min();
    &column.type_name[..end.unwrap_or(column.type_name.len())]
}

pub(crate) fn is_unsigned(column: &Column) -> bool {
    column.type_name.contains("UNSIGNED") || column.type_name.contains("ZEROFILL")
}

impl Target {
    pub(crate) fn of(column: &Column, options: &Options) -> Self {
        let unsigned = is_unsigned(column);
        match base_name(column) {
            "BOOL" | "BOOLEAN" => Self::Boolean,
            "BIT" if column.length.unwrap_or(1) == 1 => Self::Boolean,
            "BIT" => Self::Bits(usize::try_from(column.length.unwrap_or(1)).unwrap_or(1).div_ceil(8).clamp(1, 8)),
            "TINYINT" | "INT1" => Self::Int16,
            "SMALLINT" | "INT2" => {
                if unsigned {
                    Self::Int32
                } else {
                    Self::Int16
                }
            }
            "MEDIUMINT" | "INT3" | "MIDDLEINT" => Self::Int32,
            "INT" | "INTEGER" | "INT4" => {
                if unsigned {
                    Self::Int64
                } else {
                    Self::Int32
                }
            }
            "BIGINT" | "INT8" | "SERIAL" => match options.bigint_unsigned {
                BigintUnsigned::Precise if unsigned => Self::Decimal { mode: DecimalMode::Precise, scale: 0 },
                _ => Self::Int64,
            },
            "FLOAT" | "FLOAT4" => match (column.length, column.scale) {
                (None, None) => Self::Float32,
                (Some(length), None) if length <= 24 => Self::Float32,
                (Some(_), None) => Self::Float64 { single: false },
                _ => Self::Float64 { single: true },
            },
            "REAL" if column.jdbc_type == jdbc::REAL => Self::Float32,
            "REAL" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT8" => Self::Float64 { single: false },
            "DECIMAL" | "NUMERIC" | "DEC" | "FIXED" | "NUMBER" => {
                Self::Decimal { mode: options.decimal, scale: column.scale.unwrap_or(0) }
            }
            "ENUM" => Self::Label(labels(column)),
            "SET" => Self::Labels(labels(column)),
            "BINARY" => {
                Self::Binary { mode: options.binary, pad: usize::try_from(column.length.unwrap_or(1)).unwrap_or(0) }
            }
            "VARBINARY" | "RAW" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "LONG VARBINARY" => {
                Self::Binary { mode: options.binary, pad: 0 }
            }
            "DATE" => Self::Date(date_form(options.time)),
            "TIME" => Self::Time(time_form(options.time)),
            "DATETIME" => Self::DateTime(timestamp_form(options.time, column.length)),
            "TIMESTAMP" => Self::Timestamp,
            "YEAR" => Self::Year { adjust: options.adjust_years },
            "JSON" => Self::Json,
            "POINT" => Self::Point,
            "GEOMETRY" | "LINESTRING" | "POLYGON" | "MULTIPOINT" | "MULTILINESTRING" | "MULTIPOLYGON"
            | "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" => Self::Geometry,
            "VECTOR" => Self::Vector,
            "UUID" => Self::Uuid,
            "INET4" => Self::Inet4,
            "INET6" => Self::Inet6,
            _ => Self::Text(column.charset.as_deref().map_or(Charset::Utf8, Charset::by_name)),
        }
    }

    /// The schema that says so, without what the column adds to it.
    pub(crate) fn schema(&self, column: &Column) -> SchemaBuilder {
        let named = |builder: SchemaBuilder, name: &'static str| builder.name(name).version(1);
        match self {
            Self::Boolean => SchemaBuilder::boolean(),
            Self::Int16 => SchemaBuilder::int16(),
            Self::Int32 => SchemaBuilder::int32(),
            Self::Int64 => SchemaBuilder::int64(),
            Self::Float32 => SchemaBuilder::float32(),
            Self::Float64 { .. } => SchemaBuilder::float64(),
            // A number of 64 bits without a sign has up to 20 digits.
            Self::Decimal { mode, scale } if column.jdbc_type == jdbc::BIGINT => mode.schema(*scale, Some(20)),
            Self::Decimal { mode, scale } => mode.schema(*scale, column.length),
            Self::Text(_) | Self::Inet4 | Self::Inet6 => SchemaBuilder::string(),
            Self::Binary { mode: Binary::Bytes, .. } => SchemaBuilder::bytes(),
            Self::Binary { .. } => SchemaBuilder::string(),
            Self::Bits(_) => named(SchemaBuilder::bytes(), "io.debezium.data.Bits")
                .parameter("length", column.length.unwrap_or(1).to_string()),
            Self::Label(labels) => {
                named(SchemaBuilder::string(), "io.debezium.data.Enum").parameter("allowed", allowed(labels))
            }
            Self::Labels(labels) => {
                named(SchemaBuilder::string(), "io.debezium.data.EnumSet").parameter("allowed", allowed(labels))
            }
            Self::Date(form) => form.schema(),
            Self::Time(form) => form.schema(),
            Self::DateTime(form) => form.schema(),
            Self::Timestamp => temporal::zoned_schema(),
            Self::Year { .. } => temporal::year_schema(),
            Self::Json => named(SchemaBuilder::string(), "io.debezium.data.Json"),
            Self::Uuid => named(SchemaBuilder::string(), "io.debezium.data.Uuid"),
            Self::Point => named(point(), "io.debezium.data.geometry.Point").doc("Geometry (POINT)"),
            Self::Geometry => named(geometry(), "io.debezium.data.geometry.Geometry").doc("Geometry"),
            Self::Vector => {
                named(SchemaBuilder::array(SchemaBuilder::float32().build()), "io.debezium.data.FloatVector")
            }
        }
    }
}

fn date_form(precision: TimePrecision) -> DateForm {
    match precision {
        TimePrecision::Connect => DateForm::Connect,
        TimePrecision::IsoString => DateForm::Iso,
        TimePrecision::Adaptive | TimePrecision::Microseconds | TimePrecision::Nanoseconds => DateForm::Days,
    }
}

fn time_form(precision: TimePrecision) -> TimeForm {
    match precision {
        TimePrecision::Connect => TimeForm::Connect,
        TimePrecision::IsoString => TimeForm::Iso,
        TimePrecision::Adaptive | TimePrecision::Microseconds => TimeForm::Micros,
        TimePrecision::Nanoseconds => TimeForm::Nanos,
    }
}

fn timestamp_form(precision: TimePrecision, length: Option<i32>) -> TimestampForm {
    match precision {
        TimePrecision::Connect => TimestampForm::Connect,
        TimePrecision::IsoString => TimestampForm::Iso,
        TimePrecision::Adaptive if length.unwrap_or(0) <= 3 => TimestampForm::Millis,
        TimePrecision::Adaptive | TimePrecision::Microseconds => TimestampForm::Micros,
        TimePrecision::Nanoseconds => TimestampForm::Nanos,
    }
}

/// The labels as they are stored, from the text between the quotes of the statement.
fn labels(column: &Column) -> Arc<[Str]> {
    column.enum_values.iter().map(|label| Str::from(unescape(label))).collect()
}

fn unescape(label: &str) -> String {
    let inner = label.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(label);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' if characters.peek() == Some(&'\'') => {
                characters.next();
                text.push('\'');
            }
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('0') => text.push('\0'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    text
}

/// The list in a schema's parameter, in which a comma inside a label is escaped.
fn allowed(labels: &[Str]) -> String {
    labels.iter().map(|label| label.replace(',', "\\,")).collect::<Vec<_>>().join(",")
}

fn field(name: &'static str, schema: SchemaBuilder) -> Field {
    Field { name: Str::from_static(name), schema: schema.build() }
}

fn structure(fields: Vec<Field>) -> SchemaBuilder {
    SchemaBuilder::of(Type::Struct(Fields::new(fields)))
}

fn point() -> SchemaBuilder {
    structure(vec![
        field("x", SchemaBuilder::float64()),
        field("y", SchemaBuilder::float64()),
        field("wkb", SchemaBuilder::bytes().optional()),
        field("srid", SchemaBuilder::int32().optional()),
    ])
}

fn geometry() -> SchemaBuilder {
    structure(vec![field("wkb", SchemaBuilder::bytes()), field("srid", SchemaBuilder::int32().optional())])
}

/// The value of a column that may not be null where the server has none to give, such as for `0000-00-00`.
pub(crate) fn fallback(target: &Target, schema: &Schema) -> connect_api::Value {
    use connect_api::{Bytes, Struct, Value};
    match (&schema.ty, target) {
        (_, Target::Timestamp) => "1970-01-01T00:00:00Z".into(),
        (_, Target::Date(form)) => form.value(0).unwrap_or_default(),
        (_, Target::Time(form)) => form.value(0).unwrap_or_default(),
        (_, Target::DateTime(form)) => form.value(0).unwrap_or_default(),
        (_, Target::Json) => "{}".into(),
        (Type::Int8, _) => Value::Int8(0),
        (Type::Int16, _) => Value::Int16(0),
        (Type::Int32, _) => Value::Int32(0),
        (Type::Int64, _) => Value::Int64(0),
        (Type::Float32, _) => Value::Float32(0.0),
        (Type::Float64, _) => Value::Float64(0.0),
        (Type::Boolean, _) => Value::Boolean(false),
        (Type::String, _) => "".into(),
        // A Decimal of no bytes is no number.
        (Type::Bytes, Target::Decimal { .. }) => Value::Bytes(Bytes::from_static(&[0])),
        (Type::Bytes, _) => Value::Bytes(Bytes::new()),
        (Type::Array(_), _) => Value::Array(Vec::new()),
        (Type::Map(..), _) => Value::Map(Vec::new()),
        (Type::Struct(fields), _) => {
            let values = fields.iter().map(|field| match (&field.schema.ty, field.schema.optional) {
                (_, true) => Value::Null,
                (Type::Float64, _) => Value::Float64(0.0),
                _ => Value::Bytes(Bytes::new()),
            });
            Value::Struct(Struct::new(schema.clone(), values.collect()))
        }
    }
}
