//! `EnforceRecordSize`: cuts the largest fields of change events that are too large for Kafka.

use connect_api::{
    Bytes, Config, ConfigType, Fate, Origin, Props, Record, Result, Setting, Transform, TransformPlugin, Value, config,
    config::Problem, plugin, schema::logical,
};

use super::envelope::{self, Positions};

/// A number of bytes, zero at least.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size(usize);

impl Setting for Size {
    const TYPE: ConfigType = ConfigType::Int;
    fn parse(text: &str) -> std::result::Result<Self, Problem> {
        let number: i32 = text.trim().parse().map_err(|_| Problem::NotOfType(ConfigType::Int))?;
        let size = usize::try_from(number).map_err(|_| Problem::Because("Must be non-negative".to_owned()))?;
        Ok(Self(size))
    }
}

config! {
    /// Settings of `EnforceRecordSize`.
    pub(crate) struct EnforceRecordSizeConfig {
        /// The bytes that a record may have.
        #[config(key = "max.bytes", group = "", importance = High)]
        max: Size,
        /// How much smaller compression makes records.
        #[config(key = "compression.ratio", group = "", importance = Medium, default = "1.0")]
        ratio: f64,
        /// Fields that have fewer bytes stay whole.
        #[config(key = "min.field.size", group = "", importance = Medium, default = "25000")]
        field_min: Size,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.EnforceRecordSize",
    config: EnforceRecordSizeConfig::def,
    configure: |props| Ok(Box::new(EnforceRecordSize::new(props)?)),
};

struct EnforceRecordSize {
    limit: usize,
    field_min: usize,
}

/// What a field takes besides its contents: its name and signs in JSON, roughly.
const FIELD_OVERHEAD_BYTES: usize = 16;

impl EnforceRecordSize {
    fn new(props: &Props) -> Result<Self> {
        let config: EnforceRecordSizeConfig = plugin::parse(props)?;
        Ok(Self { limit: (config.max.0 as f64 * config.ratio) as usize, field_min: config.field_min.0 })
    }
}

impl Transform for EnforceRecordSize {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if envelope::of(record).is_none() {
            return Ok(Fate::Kept);
        }
        let size = size(&record.key.value) + size(&record.value.value);
        let Some(excess) = size.checked_sub(self.limit).filter(|excess| *excess > 0) else {
            return Ok(Fate::Kept);
        };
        let Value::Struct(event) = &mut record.value.value else { return Ok(Fate::Kept) };
        let positions = Positions::new(event.schema());
        let mut large = Vec::new();
        for (at, part) in event.values_mut().iter_mut().enumerate() {
            let Value::Struct(row) = part else { continue };
            if positions.before != Some(at) && positions.after != Some(at) {
                continue;
            }
            let schema = row.schema().clone();
            for (field, value) in schema.fields().into_iter().flatten().zip(row.values_mut()) {
                // A decimal that is cut is another number.
                let whole = field.schema.name.as_deref() == Some(logical::DECIMAL);
                if !whole && length(value).is_some_and(|length| length >= self.field_min) {
                    large.push(value);
                }
            }
        }
        let total: usize = large.iter().filter_map(|value| length(value)).sum();
        for value in large {
            let share =
                length(value).map_or(0, |length| (length as f64 / total as f64 * excess as f64).ceil() as usize);
            cut(value, share);
        }
        Ok(Fate::Kept)
    }
}

/// The bytes of what can be cut.
fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.len()),
        Value::Bytes(bytes) => Some(bytes.len()),
        _ => None,
    }
}

/// Cuts bytes off the end, whole characters of a text.
fn cut(value: &mut Value, bytes: usize) {
    match value {
        Value::String(text) => {
            let mut end = text.len().saturating_sub(bytes);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            *value = text[..end].into();
        }
        Value::Bytes(content) => {
            let kept: Bytes = content.slice(..content.len().saturating_sub(bytes));
            *value = Value::Bytes(kept);
        }
        _ => {}
    }
}

/// About as many bytes as the value takes in a record.
fn size(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Map(pairs) => pairs.iter().map(|(key, value)| size(key) + size(value) + FIELD_OVERHEAD_BYTES).sum(),
        Value::Struct(row) => row.values().iter().map(|value| size(value) + FIELD_OVERHEAD_BYTES).sum(),
        _ => 8,
    }
}
