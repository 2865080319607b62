//! `SetSchemaMetadata`: gives a schema a name or a version.

use connect_api::{
    Error, Fate, Origin, Props, Record, Result, Schema, SchemaCache, Str, Struct, Transform, Value, config, plugin,
    plugin::Side,
};

use crate::{
    row::{self, NullRules},
    side::{half, key_and_value},
};

config! {
    /// Settings of `SetSchemaMetadata`.
    pub(crate) struct SetSchemaMetadataConfig {
        /// The name of the schema.
        #[config(key = "schema.name", group = "", importance = High)]
        name: Option<String>,
        /// The version of the schema.
        #[config(key = "schema.version", group = "", importance = High)]
        version: Option<i32>,
        /// Whether a field that is null is copied as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}
key_and_value!(SetSchemaMetadata, SetSchemaMetadataConfig);

struct SetSchemaMetadata {
    side: Side,
    name: Option<Str>,
    version: Option<i32>,
    replace_nulls: bool,
    plans: SchemaCache<(NullRules, Schema)>,
}

impl SetSchemaMetadata {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: SetSchemaMetadataConfig = plugin::parse(props)?;
        if config.name.is_none() && config.version.is_none() {
            return Err(Error::config("Neither schema name nor version configured"));
        }
        let name = config.name.map(Str::from);
        let (version, replace_nulls) = (config.version, config.replace_nulls);
        Ok(Self { side, name, version, replace_nulls, plans: SchemaCache::default() })
    }
}

impl Transform for SetSchemaMetadata {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = half(record, self.side);
        let Some(schema) = &data.schema else {
            return match data.value {
                Value::Null => Ok(Fate::Kept),
                _ => Err(row::schema_needed("updating schema metadata")),
            };
        };
        let Some(fields) = schema.fields() else {
            return Err(Error::data("Cannot list fields on non-struct type"));
        };
        let (name, version, replace_nulls) = (&self.name, self.version, self.replace_nulls);
        let (nulls, updated) = self.plans.plan(schema, |schema| {
            let mut def = (**schema).clone();
            def.name = name.clone().or(def.name);
            def.version = version.or(def.version);
            if let Some(Value::Struct(default)) = def.default.take() {
                let bare = Schema::new(def.clone());
                def.default = Some(Value::Struct(Struct::new(bare, default.into_values())));
            }
            Ok::<_, Error>((NullRules::new(fields, replace_nulls), Schema::new(def)))
        })?;
        if let Value::Struct(row) = &mut data.value {
            row.reshape(updated, |values| nulls.apply(values))?;
        }
        data.schema = Some(updated.clone());
        Ok(Fate::Kept)
    }
}
