//! Transforms that change the rows of change events, and flat records alike: values of some fields, under new schemas.

use std::collections::HashMap;

use connect_api::{Field, Fields, Record, Result, Schema, SchemaAndValue, SchemaCache, Struct, Type, Value};

use super::envelope::names_envelope;

/// What becomes of a field: its new schema, and how its values are converted.
pub(crate) struct FieldChange<C> {
    pub(crate) field: Field,
    /// None where the value stays what it is.
    pub(crate) convert: Option<C>,
}

/// The plan for a row's schema.
pub(crate) struct RowChange<C> {
    schema: Schema,
    converted: Vec<(usize, C)>,
}

impl<C> RowChange<C> {
    /// Nothing where no field changes.
    fn new(from: &Schema, change: impl Fn(&Field) -> Option<FieldChange<C>>) -> Option<Self> {
        let mut converted = Vec::new();
        let mut changed = false;
        let mut fields = Vec::new();
        for (at, field) in from.fields()?.iter().enumerate() {
            let Some(change) = change(field) else {
                fields.push(field.clone());
                continue;
            };
            changed = true;
            fields.push(change.field);
            converted.extend(change.convert.map(|convert| (at, convert)));
        }
        let mut def = (**from).clone();
        def.ty = Type::Struct(Fields::new(fields));
        def.default = None;
        changed.then(|| Self { schema: Schema::new(def), converted })
    }

    pub(crate) fn apply(&self, row: Struct, convert: &impl Fn(&C, Value) -> Result<Value>) -> Result<Struct> {
        let mut values = row.into_values();
        for (at, how) in &self.converted {
            let value = std::mem::take(&mut values[*at]);
            if !value.is_null() {
                values[*at] = convert(how, value)?;
            }
        }
        Ok(Struct::new(self.schema.clone(), values))
    }
}

/// The plan for a value's schema.
enum ValueChange<C> {
    None,
    Row(RowChange<C>),
    /// A change event: its own new schema, and the places of its rows with their plan.
    Event {
        schema: Schema,
        rows: Vec<(usize, RowChange<C>)>,
    },
}

/// Changes rows by plans made once per schema.
pub(crate) struct RowChanges<C> {
    plans: SchemaCache<ValueChange<C>>,
}

impl<C> Default for RowChanges<C> {
    fn default() -> Self {
        Self { plans: SchemaCache::default() }
    }
}

impl<C> RowChanges<C> {
    /// Changes the record's value: the rows of a change event, or the row that the value is.
    pub(crate) fn apply(
        &mut self,
        record: &mut Record,
        change: impl Fn(&Field) -> Option<FieldChange<C>>,
        convert: impl Fn(&C, Value) -> Result<Value>,
    ) -> Result<()> {
        if !matches!(record.value.value, Value::Struct(_)) {
            return Ok(());
        }
        let data = std::mem::take(&mut record.value);
        record.value = self.changed(data, change, convert)?;
        Ok(())
    }

    /// The same for a key or a value.
    pub(crate) fn changed(
        &mut self,
        data: SchemaAndValue,
        change: impl Fn(&Field) -> Option<FieldChange<C>>,
        convert: impl Fn(&C, Value) -> Result<Value>,
    ) -> Result<SchemaAndValue> {
        let Value::Struct(row) = data.value else { return Ok(data) };
        let plan = self.plans.plan(row.schema(), |schema| Ok::<_, connect_api::Error>(plan(schema, change)))?;
        Ok(match plan {
            ValueChange::None => SchemaAndValue { schema: data.schema, value: Value::Struct(row) },
            ValueChange::Row(plan) => plan.apply(row, &convert)?.into(),
            ValueChange::Event { schema, rows } => {
                let mut values = row.into_values();
                for (at, plan) in rows {
                    if let Value::Struct(row) = std::mem::take(&mut values[*at]) {
                        values[*at] = Value::Struct(plan.apply(row, &convert)?);
                    }
                }
                Struct::new(schema.clone(), values).into()
            }
        })
    }
}

fn plan<C>(schema: &Schema, change: impl Fn(&Field) -> Option<FieldChange<C>>) -> ValueChange<C> {
    if !names_envelope(schema) {
        return RowChange::new(schema, change).map_or(ValueChange::None, ValueChange::Row);
    }
    let mut fields: Vec<Field> = schema.fields().into_iter().flatten().cloned().collect();
    let mut rows = Vec::new();
    // Both rows share one schema, so they share one new schema too.
    let mut made: HashMap<usize, Schema> = HashMap::new();
    for (at, field) in fields.iter_mut().enumerate() {
        if !matches!(field.name.as_str(), "before" | "after") {
            continue;
        }
        let Some(mut plan) = RowChange::new(&field.schema, &change) else { continue };
        let address = std::ptr::from_ref(&*field.schema).addr();
        plan.schema = made.entry(address).or_insert(plan.schema).clone();
        field.schema = plan.schema.clone();
        rows.push((at, plan));
    }
    if rows.is_empty() {
        return ValueChange::None;
    }
    let mut def = (**schema).clone();
    def.ty = Type::Struct(Fields::new(fields));
    ValueChange::Event { schema: Schema::new(def), rows }
}
