//! The plan of a table: made once per table version, used for every row of it.

use connect_api::{Schema, SchemaAndValue, SchemaBuilder, Str, Struct, Value};

use crate::envelope::Envelope;
use crate::mask::Mask;
use crate::naming::NameAdjustment;

/// How the rows of one table version become records.
#[derive(Clone, Debug)]
pub struct TablePlan {
    pub topic: Str,
    pub envelope: Envelope,
    key: Option<KeyPlan>,
    /// Positions of the captured columns among those that are read; `None` when all that is read is captured.
    captured: Option<Vec<usize>>,
    /// Masks by the positions of their columns in the row.
    masks: Vec<(usize, Mask)>,
}

#[derive(Clone, Debug)]
struct KeyPlan {
    schema: Schema,
    /// Where the key's columns stand among those that are read.
    positions: Vec<usize>,
}

/// A column that is read, because it is captured or because the key needs it.
pub struct ReadColumn<'a> {
    pub name: &'a str,
    pub schema: &'a Schema,
    pub captured: bool,
    pub mask: Option<Mask>,
}

/// The names that a plan's topic and schemas get.
pub struct PlanNames {
    /// The schemas are named like the topic, with `.Key`, `.Value` and `.Envelope` behind it, and then adjusted.
    pub topic: String,
    pub schemas: NameAdjustment,
    pub fields: NameAdjustment,
}

impl TablePlan {
    pub fn new(names: &PlanNames, columns: &[ReadColumn<'_>], key: &[String], source: &Schema) -> Self {
        let schema_name = |suffix| names.schemas.schema_name(&format!("{}.{suffix}", names.topic));
        let row_field = |column: &ReadColumn<'_>| {
            let schema = match &column.mask {
                Some(mask) => mask.schema(column.schema),
                None => column.schema.clone(),
            };
            (names.fields.field_name(column.name), schema)
        };
        let masked = columns.iter().filter(|column| column.captured).enumerate();
        let masks = masked.filter_map(|(at, column)| Some((at, column.mask.clone()?))).collect();
        let row = SchemaBuilder::structure(columns.iter().filter(|c| c.captured).map(row_field))
            .name(schema_name("Value"))
            .build();
        let positions: Vec<usize> = key
            .iter()
            .filter_map(|name| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
            .collect();
        let key = (!positions.is_empty()).then(|| KeyPlan {
            schema: SchemaBuilder::structure(positions.iter().map(|at| key_field(names, &columns[*at])))
                .name(schema_name("Key"))
                .build(),
            positions,
        });
        let all = columns.iter().all(|column| column.captured);
        let captured = || (0..columns.len()).filter(|at| columns[*at].captured).collect();
        Self {
            topic: names.topic.as_str().into(),
            envelope: Envelope::new(schema_name("Envelope"), &row, source),
            key,
            captured: (!all).then(captured),
            masks,
        }
    }

    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The key of a row that was read; nothing for a table without one.
    pub fn key(&self, row: &[Value]) -> SchemaAndValue {
        let Some(key) = &self.key else {
            return SchemaAndValue::NULL;
        };
        let values = key.positions.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect();
        Struct::new(key.schema.clone(), values).into()
    }

    /// Whether two versions of a row have the same key, told without making one.
    pub fn same_key(&self, before: &[Value], after: &[Value]) -> bool {
        let same = |at: &usize| before.get(*at) == after.get(*at);
        self.key.as_ref().is_none_or(|key| key.positions.iter().all(same))
    }

    /// The row as it stands in `before` and `after`.
    pub fn row(&self, mut values: Vec<Value>) -> Value {
        let mut values = match &self.captured {
            None => values,
            Some(captured) => {
                captured.iter().map(|at| values.get_mut(*at).map(std::mem::take).unwrap_or_default()).collect()
            }
        };
        for (at, mask) in &self.masks {
            values[*at] = mask.value(std::mem::take(&mut values[*at]));
        }
        Value::Struct(Struct::new(self.envelope.row_schema().clone(), values))
    }

    /// Whether an update left every captured column as it was (`skip.messages.without.change`).
    pub fn unchanged(&self, before: &[Value], after: &[Value]) -> bool {
        match &self.captured {
            None => before == after,
            Some(captured) => captured.iter().all(|at| before.get(*at) == after.get(*at)),
        }
    }
}

/// A field of a key: what the row's field says about the source column is not repeated there.
fn key_field(names: &PlanNames, column: &ReadColumn<'_>) -> (String, Schema) {
    const ABOUT_SOURCE: &str = "__debezium.source.column.";
    let mut def = (**column.schema).clone();
    if let Some(parameters) = &mut def.parameters {
        parameters.retain(|(name, _)| !name.starts_with(ABOUT_SOURCE));
    }
    def.parameters = def.parameters.filter(|parameters| !parameters.is_empty());
    (names.fields.field_name(column.name), Schema::new(def))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(captured: [bool; 3], key: &[&str]) -> TablePlan {
        let names =
            PlanNames { topic: "srv.app.t".into(), schemas: NameAdjustment::None, fields: NameAdjustment::None };
        let int32 = SchemaBuilder::int32().build();
        let columns: Vec<ReadColumn<'_>> = ["a", "b", "c"]
            .iter()
            .zip(captured)
            .map(|(name, captured)| ReadColumn { name, schema: &int32, captured, mask: None })
            .collect();
        let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
        TablePlan::new(&names, &columns, &key, &SchemaBuilder::string().build())
    }

    #[test]
    fn keys_follow_the_order_of_the_key_and_rows_that_of_the_table() {
        let row = vec![Value::Int32(1), Value::Int32(2), Value::Int32(3)];
        let plan = plan([false, true, true], &["c", "A"]);
        let key = plan.key(&row);
        let names: Vec<&str> =
            key.schema.as_ref().and_then(|s| s.fields()).expect("a struct").iter().map(|f| &*f.name).collect();
        assert_eq!(names, ["c", "a"]);
        assert_eq!(key.value.as_struct().expect("a struct").values(), [Value::Int32(3), Value::Int32(1)]);
        let Value::Struct(row) = plan.row(row) else { panic!("a row is a struct") };
        assert_eq!(row.values(), [Value::Int32(2), Value::Int32(3)]);
        assert_eq!(row.schema().name.as_deref(), Some("srv.app.t.Value"));
    }

    #[test]
    fn a_change_outside_the_captured_columns_is_none() {
        let plan = plan([true, true, false], &["a"]);
        let before = [Value::Int32(1), Value::Int32(2), Value::Int32(3)];
        let after = [Value::Int32(1), Value::Int32(2), Value::Int32(4)];
        assert!(plan.unchanged(&before, &after));
        assert!(plan.same_key(&before, &after));
    }
}
