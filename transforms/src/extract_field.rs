//! `ExtractField`: puts one field in the place of the whole key or value.

use connect_api::{
    Error, Fate, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaCache, Transform, Value, config, plugin,
    plugin::Side,
};

use crate::{
    field_path::{FieldPath, Syntax, take_from_row},
    row,
    side::{half, key_and_value},
};

config! {
    /// Settings of `ExtractField`.
    pub(crate) struct ExtractFieldConfig {
        /// The field to extract.
        #[config(key = "field", group = "", importance = Medium)]
        field: String,
        /// Whether a field that is null is taken as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
        /// How the field is written: V1 takes it as a plain name, V2 as a path with dots between nested names.
        #[config(key = "field.syntax.version", group = "", importance = High, default = "V1")]
        syntax: Syntax,
    }
}
key_and_value!(ExtractField, ExtractFieldConfig);

const PURPOSE: &str = "field extraction";

struct ExtractField {
    side: Side,
    path: FieldPath,
    replace_nulls: bool,
    plans: SchemaCache<(Vec<usize>, Schema)>,
}

impl ExtractField {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: ExtractFieldConfig = plugin::parse(props)?;
        let path = FieldPath::parse(&config.field, config.syntax)?;
        Ok(Self { side, path, replace_nulls: config.replace_nulls, plans: SchemaCache::default() })
    }
}

impl Transform for ExtractField {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = std::mem::take(half(record, self.side));
        let extracted = match data.schema {
            None if data.value.is_null() => SchemaAndValue::NULL,
            None => {
                let pairs = row::require_map(data.value, PURPOSE)?;
                SchemaAndValue::schemaless(self.path.take_from_map(pairs))
            }
            Some(schema) => {
                let row = match data.value {
                    Value::Null => None,
                    value => Some(row::require_struct(value, Some(&schema), PURPOSE)?),
                };
                let path = &self.path;
                let (places, field) = self.plans.plan(&schema, |schema| {
                    path.locate(schema)?.ok_or_else(|| {
                        let message = format!("Unknown field: {}", path.text());
                        Error::data(message).class("java.lang.IllegalArgumentException")
                    })
                })?;
                let value = row.map(|row| take_from_row(row, places)).unwrap_or_default();
                let value = row::field_value(value, field, self.replace_nulls);
                SchemaAndValue::new(field.clone(), value)
            }
        };
        *half(record, self.side) = extracted;
        Ok(Fate::Kept)
    }
}
