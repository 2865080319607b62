//! `HeaderFrom`: copies or moves fields into headers.

use connect_api::{
    Error, Fate, Field, Header, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaCache, Str, Struct,
    Transform, Value, config, plugin, plugin::Side,
};

use crate::{
    names::ListedNames,
    row::{self, NullRules},
    side::{half, key_and_value},
};

config! {
    /// Settings of `HeaderFrom`.
    pub(crate) struct HeaderFromConfig {
        /// The fields to take.
        #[config(key = "fields", group = "", importance = High)]
        fields: ListedNames,
        /// The headers to make of them, in the same order.
        #[config(key = "headers", group = "", importance = High)]
        headers: ListedNames,
        /// Whether the fields stay (copy) or go (move).
        #[config(key = "operation", group = "", importance = High)]
        operation: Operation,
        /// Whether a field that is null is taken as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}
key_and_value!(HeaderFrom, HeaderFromConfig);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Move,
    Copy,
}

impl connect_api::Setting for Operation {
    const TYPE: connect_api::ConfigType = connect_api::ConfigType::String;
    fn parse(text: &str) -> Result<Self, connect_api::config::Problem> {
        match text.trim() {
            "move" => Ok(Self::Move),
            "copy" => Ok(Self::Copy),
            _ => Err("String must be one of: move, copy".to_owned().into()),
        }
    }
}

struct HeaderFrom {
    side: Side,
    fields: Vec<Str>,
    headers: Vec<Str>,
    operation: Operation,
    replace_nulls: bool,
    plans: SchemaCache<Plan>,
}

struct Plan {
    /// Where each field stands, with its schema.
    taken: Vec<(usize, Schema)>,
    /// What stays when fields move.
    kept: Vec<usize>,
    nulls: NullRules,
    schema: Schema,
}

impl HeaderFrom {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: HeaderFromConfig = plugin::parse(props)?;
        if config.fields.0.len() != config.headers.0.len() {
            return Err(Error::config("'fields' config must have the same number of elements as 'headers' config."));
        }
        let texts = |names: ListedNames| names.0.into_iter().map(Str::from).collect();
        Ok(Self {
            side,
            fields: texts(config.fields),
            headers: texts(config.headers),
            operation: config.operation,
            replace_nulls: config.replace_nulls,
            plans: SchemaCache::default(),
        })
    }

    fn take_from_row(&mut self, row: Struct, headers: &mut Vec<Header>) -> Result<SchemaAndValue> {
        let (fields, replace_nulls) = (&self.fields, self.replace_nulls);
        let plan = self.plans.plan(row.schema(), |schema| Plan::new(schema, fields, replace_nulls))?;
        for (name, (at, schema)) in self.headers.iter().zip(&plan.taken) {
            let value = row::field_value(row.values()[*at].clone(), schema, replace_nulls);
            if value.is_null() && !schema.optional {
                let schema = row::schema_text(schema);
                return Err(Error::data(format!("A null value requires an optional schema but was {schema}")));
            }
            headers.push(Header { key: name.clone(), value: SchemaAndValue::new(schema.clone(), value) });
        }
        if self.operation == Operation::Copy {
            return Ok(row.into());
        }
        let mut values = row.into_values();
        let mut kept: Vec<Value> = plan.kept.iter().map(|at| std::mem::take(&mut values[*at])).collect();
        plan.nulls.apply(&mut kept)?;
        Ok(Struct::new(plan.schema.clone(), kept).into())
    }

    fn take_from_map(&self, mut pairs: Vec<(Value, Value)>, headers: &mut Vec<Header>) -> SchemaAndValue {
        for (field, name) in self.fields.iter().zip(&self.headers) {
            let value = row::get(&pairs, field).cloned().unwrap_or_default();
            headers.push(Header { key: name.clone(), value: SchemaAndValue::schemaless(value) });
            if self.operation == Operation::Move {
                pairs.retain(|(key, _)| key.as_str() != Some(field.as_str()));
            }
        }
        SchemaAndValue::schemaless(Value::Map(pairs))
    }
}

impl Transform for HeaderFrom {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let purpose = match self.operation {
            Operation::Move => "header move",
            Operation::Copy => "header copy",
        };
        let data = std::mem::take(half(record, self.side));
        let changed = match data.schema {
            None => self.take_from_map(row::require_map(data.value, purpose)?, &mut record.headers),
            Some(schema) => {
                let row = row::require_struct(data.value, Some(&schema), purpose)?;
                let changed = self.take_from_row(row, &mut record.headers)?;
                match self.operation {
                    Operation::Copy => SchemaAndValue { schema: Some(schema), value: changed.value },
                    Operation::Move => changed,
                }
            }
        };
        *half(record, self.side) = changed;
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(from: &Schema, names: &[Str], replace_nulls: bool) -> Result<Self> {
        let all: Vec<&Field> = from.fields().into_iter().flatten().collect();
        let mut taken = Vec::with_capacity(names.len());
        for name in names {
            let Some(at) = all.iter().position(|field| field.name == *name) else {
                return Err(Error::data(format!("no field {name}")).class("java.lang.NullPointerException"));
            };
            taken.push((at, all[at].schema.clone()));
        }
        let kept: Vec<usize> = (0..all.len()).filter(|at| !names.contains(&all[*at].name)).collect();
        let fields: Vec<Field> = kept.iter().map(|at| all[*at].clone()).collect();
        let nulls = NullRules::new(&fields, replace_nulls);
        Ok(Self { taken, kept, nulls, schema: row::schema_like(from, fields)? })
    }
}
