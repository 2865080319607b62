//! `HoistField`: wraps the whole key or value in one field.

use connect_api::{
    Fate, Field, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaBuilder, SchemaCache, Str, Struct,
    Transform, Type, Value, config, plugin, plugin::Side,
};

use crate::{
    row::{self, NullRules},
    side::{half, key_and_value},
};

config! {
    /// Settings of `HoistField`.
    pub(crate) struct HoistFieldConfig {
        /// The field that is to hold what was there.
        #[config(key = "field", group = "", importance = Medium)]
        field: String,
    }
}
key_and_value!(HoistField, HoistFieldConfig);

struct HoistField {
    side: Side,
    field: Str,
    plans: SchemaCache<(NullRules, Schema)>,
}

impl HoistField {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: HoistFieldConfig = plugin::parse(props)?;
        Ok(Self { side, field: config.field.into(), plans: SchemaCache::default() })
    }
}

impl Transform for HoistField {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = half(record, self.side);
        let value = std::mem::take(&mut data.value);
        *data = match &data.schema {
            None => SchemaAndValue::schemaless(Value::Map(vec![(Value::String(self.field.clone()), value)])),
            Some(schema) => {
                let name = &self.field;
                let (nulls, hoisted) = self.plans.plan(schema, |schema| {
                    let field = Field { name: name.clone(), schema: schema.clone() };
                    let nulls = NullRules::new([&field], false);
                    let fields = row::checked_fields(vec![field])?;
                    Ok::<_, connect_api::Error>((nulls, SchemaBuilder::of(Type::Struct(fields)).build()))
                })?;
                let mut values = vec![value];
                nulls.apply(&mut values)?;
                Struct::new(hoisted.clone(), values).into()
            }
        };
        Ok(Fate::Kept)
    }
}
