//! `ValueToKey`: makes the key of fields of the value.

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaBuilder, SchemaCache, Str,
    Struct, Transform, TransformPlugin, Type, Value, config, java, plugin,
};

use crate::{
    names::SomeNames,
    row::{self, NullRules},
};

config! {
    /// Settings of `ValueToKey`.
    pub(crate) struct ValueToKeyConfig {
        /// The fields of the value that make the key.
        #[config(key = "fields", group = "", importance = High)]
        fields: SomeNames,
        /// Whether a field that is null is taken as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "org.apache.kafka.connect.transforms.ValueToKey",
    config: ValueToKeyConfig::def,
    configure: |props| Ok(Box::new(ValueToKey::new(props)?)),
};

const PURPOSE: &str = "copying fields from value to key";

struct ValueToKey {
    fields: Vec<Str>,
    /// The fields as a Java map without a schema iterates them: the order decides the key's bytes.
    in_map_order: Vec<Str>,
    replace_nulls: bool,
    plans: SchemaCache<Plan>,
}

struct Plan {
    places: Vec<usize>,
    nulls: NullRules,
    schema: Schema,
}

impl ValueToKey {
    fn new(props: &Props) -> Result<Self> {
        let config: ValueToKeyConfig = plugin::parse(props)?;
        let fields: Vec<Str> = config.fields.0.into_iter().map(Str::from).collect();
        let mut distinct: Vec<Str> = Vec::with_capacity(fields.len());
        for field in &fields {
            if !distinct.contains(field) {
                distinct.push(field.clone());
            }
        }
        let order = java::hash_map_order(distinct.iter().map(Str::as_str));
        let in_map_order = order.into_iter().map(|at| distinct[at].clone()).collect();
        Ok(Self { fields: distinct, in_map_order, replace_nulls: config.replace_nulls, plans: SchemaCache::default() })
    }
}

impl Transform for ValueToKey {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        record.key = match (&record.value.schema, &record.value.value) {
            (None, Value::Map(pairs)) => {
                let pair = |name: &Str| {
                    let value = row::get(pairs, name).cloned().unwrap_or_default();
                    (Value::String(name.clone()), value)
                };
                SchemaAndValue::schemaless(Value::Map(self.in_map_order.iter().map(pair).collect()))
            }
            (None, value) => return Err(row::no_map(value, PURPOSE)),
            (Some(_), Value::Struct(row)) => {
                let (fields, replace_nulls) = (&self.fields, self.replace_nulls);
                let plan = self.plans.plan(row.schema(), |schema| Plan::new(schema, fields, replace_nulls))?;
                let mut values: Vec<Value> = plan.places.iter().map(|at| row.values()[*at].clone()).collect();
                plan.nulls.apply(&mut values)?;
                Struct::new(plan.schema.clone(), values).into()
            }
            (schema, value) => return Err(row::no_struct(value, schema.as_ref(), PURPOSE)),
        };
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(from: &Schema, names: &[Str], replace_nulls: bool) -> Result<Self> {
        let all = from.fields();
        let mut places = Vec::with_capacity(names.len());
        let mut fields = Vec::with_capacity(names.len());
        for name in names {
            let Some((at, all)) = all.and_then(|all| Some((all.position(name)?, all))) else {
                return Err(Error::data(format!("Field does not exist: {name}")));
            };
            places.push(at);
            fields.push(Field { name: name.clone(), schema: all[at].schema.clone() });
        }
        let nulls = NullRules::new(&fields, replace_nulls);
        let schema = SchemaBuilder::of(Type::Struct(row::checked_fields(fields)?)).build();
        Ok(Self { places, nulls, schema })
    }
}
