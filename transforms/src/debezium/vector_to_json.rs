//! `VectorToJsonConverter`: vectors become JSON texts.

use connect_api::{Fate, Field, Origin, Record, Result, SchemaBuilder, Transform, TransformPlugin, Value, java};

use super::{
    extract_schema_to_new_record::NO_SETTINGS,
    rows::{FieldChange, RowChanges},
};

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.VectorToJsonConverter",
    config: || &NO_SETTINGS,
    configure: |_| Ok(Box::new(VectorToJson { changes: RowChanges::default() })),
};

struct VectorToJson {
    changes: RowChanges<()>,
}

impl Transform for VectorToJson {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        self.changes.apply(record, change, |(), value| Ok(json(&value).into()))?;
        Ok(Fate::Kept)
    }
}

fn change(field: &Field) -> Option<FieldChange<()>> {
    let vector = matches!(
        field.schema.name.as_deref()?,
        "io.debezium.data.FloatVector" | "io.debezium.data.DoubleVector" | "io.debezium.data.SparseDoubleVector"
    );
    let builder = SchemaBuilder::string().name("io.debezium.data.Json").version(1);
    let schema = if field.schema.optional { builder.optional().build() } else { builder.build() };
    vector.then(|| FieldChange { field: Field { name: field.name.clone(), schema }, convert: Some(()) })
}

fn json(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Array(items) => format!("{{ \"values\": [{}] }}", list(items.iter().map(number).collect())),
        Value::Struct(sparse) => {
            let dimensions = sparse.get("dimensions").map(number).unwrap_or_default();
            let pairs = match sparse.get("vector") {
                Some(Value::Map(pairs)) => pairs.as_slice(),
                _ => &[],
            };
            let pairs = pairs.iter().map(|(at, value)| format!("\"{}\": {}", number(at), number(value))).collect();
            format!("{{ \"dimensions\": {dimensions}, \"vector\": {{ {} }} }}", list(pairs))
        }
        _ => String::new(),
    }
}

fn number(value: &Value) -> String {
    match value {
        Value::Float32(number) => java::float_text(*number),
        Value::Float64(number) => java::double_text(*number),
        value => value.as_i64().map_or_else(|| "null".to_owned(), |number| number.to_string()),
    }
}
