//! `Flatten`: nested fields become fields of one level, with joined names.

use connect_api::{
    Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaCache, Str, Struct, Transform,
    Type, Value, config, plugin, plugin::Side,
};

use crate::{
    row,
    side::{half, key_and_value},
};

config! {
    /// Settings of `Flatten`.
    pub(crate) struct FlattenConfig {
        /// What stands between the names of a nested field.
        #[config(key = "delimiter", group = "", importance = Medium, default = ".")]
        delimiter: String,
    }
}
key_and_value!(Flatten, FlattenConfig);

const PURPOSE: &str = "flattening";

pub(crate) struct Flatten {
    side: Side,
    delimiter: String,
    plans: SchemaCache<Plan>,
}

struct Plan {
    steps: Vec<Step>,
    schema: Schema,
}

/// What becomes of a field.
enum Step {
    /// It stays, with the default that takes the place of null.
    Leaf(Value),
    /// It is a row, whose fields take its place.
    Nested { steps: Vec<Step>, leaves: usize },
}

impl Flatten {
    pub(crate) fn new(props: &Props, side: Side) -> Result<Self> {
        let config: FlattenConfig = plugin::parse(props)?;
        Ok(Self { side, delimiter: config.delimiter, plans: SchemaCache::default() })
    }

    fn flatten_map(&self, pairs: Vec<(Value, Value)>, prefix: &str, out: &mut Vec<(Value, Value)>) -> Result<()> {
        for (key, value) in pairs {
            let Some(name) = key.as_str() else {
                let class = key.java_class();
                let message = format!("class {class} cannot be cast to class java.lang.String");
                return Err(Error::data(message).class("java.lang.ClassCastException"));
            };
            let name = joined(prefix, name, &self.delimiter);
            match value {
                Value::Map(inner) => self.flatten_map(inner, &name, out)?,
                Value::Struct(_) => {
                    let class = value.java_class();
                    return Err(Error::data(format!(
                        "Flatten transformation does not support class {class} for record without schemas (for field {name})."
                    )));
                }
                Value::Logical(_) => {
                    let class = value.java_class();
                    return Err(Error::data(format!(
                        "Flatten transformation was passed a value of type class {class} which is not supported by Connect's data API"
                    )));
                }
                value => row::put(out, &name.into(), value),
            }
        }
        Ok(())
    }
}

impl Transform for Flatten {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let side = self.side;
        let data = std::mem::take(half(record, side));
        let flat = match data.schema {
            None if data.value.is_null() => SchemaAndValue::NULL,
            None => {
                let mut out = Vec::new();
                self.flatten_map(row::require_map(data.value, PURPOSE)?, "", &mut out)?;
                SchemaAndValue::schemaless(Value::Map(out))
            }
            Some(schema) => {
                let row = match data.value {
                    Value::Null => None,
                    value => Some(row::require_struct(value, Some(&schema), PURPOSE)?),
                };
                let delimiter = &self.delimiter;
                let plan = self.plans.plan(&schema, |schema| Plan::new(schema, delimiter))?;
                let Some(row) = row else {
                    *half(record, side) = SchemaAndValue::new(plan.schema.clone(), Value::Null);
                    return Ok(Fate::Kept);
                };
                let mut values = Vec::with_capacity(plan.schema.fields().map_or(0, connect_api::Fields::len));
                flatten_row(&plan.steps, row.into_values(), &mut values);
                Struct::new(plan.schema.clone(), values).into()
            }
        };
        *half(record, side) = flat;
        Ok(Fate::Kept)
    }
}

fn flatten_row(steps: &[Step], values: Vec<Value>, out: &mut Vec<Value>) {
    for (step, value) in steps.iter().zip(values) {
        match (step, value) {
            (Step::Leaf(default), Value::Null) => out.push(default.clone()),
            (Step::Leaf(_), value) => out.push(value),
            (Step::Nested { steps, .. }, Value::Struct(row)) => flatten_row(steps, row.into_values(), out),
            (Step::Nested { leaves, .. }, _) => out.extend(std::iter::repeat_n(Value::Null, *leaves)),
        }
    }
}

fn joined(prefix: &str, name: &str, delimiter: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}{delimiter}{name}") }
}

impl Plan {
    fn new(from: &Schema, delimiter: &str) -> Result<Self> {
        let mut fields = Vec::new();
        let default = from.default.clone().unwrap_or_default();
        let steps = walk(from, "", (from.optional, &default), delimiter, &mut fields)?;
        Ok(Self { steps, schema: row::schema_like(from, fields)? })
    }
}

/// Walks a struct schema; `parent` is whether it is optional and the row that is its default.
fn walk(
    schema: &Schema,
    prefix: &str,
    parent: (bool, &Value),
    delimiter: &str,
    out: &mut Vec<Field>,
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (at, field) in schema.fields().into_iter().flatten().enumerate() {
        let name = joined(prefix, &field.name, delimiter);
        let optional = parent.0 || field.schema.optional;
        let inherited = parent.1.as_struct().map(|row| row.values()[at].clone());
        let default = field.schema.default.clone().or(inherited).unwrap_or_default();
        match &field.schema.ty {
            Type::Map(..) => {
                return Err(Error::data(format!(
                    "Flatten transformation does not support MAP for record with schemas (for field {name})."
                )));
            }
            Type::Struct(_) => {
                let before = out.len();
                let nested = walk(&field.schema, &name, (optional, &default), delimiter, out)?;
                steps.push(Step::Nested { steps: nested, leaves: out.len() - before });
            }
            _ => {
                let mut def = (*field.schema).clone();
                def.optional = optional;
                def.default = Some(default).filter(|default| !default.is_null());
                out.push(Field { name: Str::from(name), schema: Schema::new(def) });
                steps.push(Step::Leaf(field.schema.default.clone().unwrap_or_default()));
            }
        }
    }
    Ok(steps)
}
