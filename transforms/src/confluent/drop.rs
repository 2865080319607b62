//! Confluent's `Drop`: leaves the key or the value out of a record.

use connect_api::{
    Config, Error, Fate, Origin, Props, Record, Result, Schema, SchemaAndValue, Transform, TransformPlugin, Value,
    config, plugin, plugin::Side, setting_enum,
};

use crate::side::half;

setting_enum! {
    /// What becomes of the schema.
    pub(crate) enum SchemaBehavior { #[default] Nullify = "nullify", Retain = "retain", ForceOptional = "force_optional" }
}

config! {
    /// Settings of Confluent's `Drop`.
    pub(crate) struct DropConfig {
        /// What becomes of the schema: nullify leaves it out too, retain keeps it, force_optional makes it one that
        /// takes null.
        #[config(key = "schema.behavior", group = "", importance = Medium, default = "nullify")]
        schema: SchemaBehavior,
    }
}

pub(crate) const KEY: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.Drop$Key",
    config: DropConfig::def,
    configure: |props| Ok(Box::new(Drop::new(props, Side::Key)?)),
};

pub(crate) const VALUE: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.Drop$Value",
    config: DropConfig::def,
    configure: |props| Ok(Box::new(Drop::new(props, Side::Value)?)),
};

struct Drop {
    side: Side,
    schema: SchemaBehavior,
    /// The optional schema made last, and of which: records of a topic share it.
    optional: Option<(Schema, Schema)>,
}

impl Drop {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: DropConfig = plugin::parse(props)?;
        Ok(Self { side, schema: config.schema, optional: None })
    }

    fn optional(&mut self, schema: &Schema) -> Schema {
        match &self.optional {
            Some((from, optional)) if from.same(schema) => optional.clone(),
            _ => {
                let optional = schema.to_builder().optional().build();
                self.optional = Some((schema.clone(), optional.clone()));
                optional
            }
        }
    }
}

impl Transform for Drop {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let schema = std::mem::take(half(record, self.side)).schema;
        let schema = match (self.schema, schema) {
            (SchemaBehavior::Nullify, _) | (_, None) => None,
            (SchemaBehavior::Retain, Some(schema)) if !schema.optional => {
                return Err(Error::data("a schema that is not optional can't be retained without a value"));
            }
            (SchemaBehavior::Retain, schema) => schema,
            (SchemaBehavior::ForceOptional, Some(schema)) => Some(self.optional(&schema)),
        };
        *half(record, self.side) = SchemaAndValue { schema, value: Value::Null };
        Ok(Fate::Kept)
    }
}
