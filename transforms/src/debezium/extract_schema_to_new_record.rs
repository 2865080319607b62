//! `ExtractSchemaToNewRecord`: change events get a block that says what the table's columns are.

use connect_api::{
    ConfigDef, Fate, Field, Origin, Record, Result, Schema, SchemaBuilder, SchemaCache, Str, Struct, Transform,
    TransformPlugin, Value,
};

use super::envelope::{self, Positions};
use crate::row;

/// No settings at all.
pub(crate) static NO_SETTINGS: std::sync::LazyLock<ConfigDef> = std::sync::LazyLock::new(ConfigDef::default);

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.ExtractSchemaToNewRecord",
    config: || &NO_SETTINGS,
    configure: |_| Ok(Box::new(ExtractSchemaToNewRecord { plans: SchemaCache::default() })),
};

struct ExtractSchemaToNewRecord {
    plans: SchemaCache<Plan>,
}

struct Plan {
    schema: Schema,
    positions: Positions,
    /// Where `source` holds the name of the table.
    table: Option<usize>,
    /// The schema of the block and of its inner struct, and the columns, which are the same for every record.
    block: Schema,
    columns: Value,
}

impl Transform for ExtractSchemaToNewRecord {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let Some(event) = envelope::of(record) else { return Ok(Fate::Kept) };
        let positions = Positions::new(event.schema());
        let part = |at| Positions::part(at, event.values());
        if part(positions.before).is_none() && part(positions.after).is_none() {
            return Ok(Fate::Kept);
        }
        let plan = self.plans.plan(event.schema(), Plan::new)?;
        let source = Positions::part(plan.positions.source, event.values());
        let table = source.zip(plan.table).map(|(source, at)| source.values()[at].clone());
        let table = table.filter(|table| !table.is_null()).unwrap_or_else(|| "".into());
        let block = Value::Struct(Struct::new(plan.block.clone(), vec![table, plan.columns.clone()]));
        let schema = plan.schema.clone();
        if let Some(event) = envelope::take(record) {
            let mut values = event.into_values();
            values.push(block);
            record.value = Struct::new(schema, values).into();
        }
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(envelope: &Schema) -> Result<Self> {
        let positions = Positions::new(envelope);
        let fields = |at: Option<usize>| envelope.fields()?[at?].schema.fields();
        let row = fields(positions.after).or_else(|| fields(positions.before));
        let mut columns = Vec::new();
        let column = column_schema();
        for field in row.into_iter().flatten() {
            columns.push(column_of(field, &column)?);
        }
        let table = SchemaBuilder::structure([("columns", SchemaBuilder::array(column).build())]);
        let table = table.name("io.debezium.connector.source.schema.Table").version(1).build();
        let block = SchemaBuilder::structure([("id", SchemaBuilder::string().build()), ("table", table.clone())]);
        let block = block.name("io.debezium.connector.source.Schema").version(1).build();
        let mut all: Vec<Field> = envelope.fields().into_iter().flatten().cloned().collect();
        all.push(Field { name: Str::from_static("sourceSchema"), schema: block.clone() });
        Ok(Self {
            schema: row::schema_like(envelope, all)?,
            positions,
            table: fields(positions.source).and_then(|source| source.position("table")),
            block,
            columns: Value::Struct(Struct::new(table, vec![Value::Array(columns)])),
        })
    }
}

fn column_schema() -> Schema {
    let text = SchemaBuilder::string;
    SchemaBuilder::structure([
        ("name", text().build()),
        ("typeName", text().build()),
        ("length", SchemaBuilder::int32().optional().build()),
        ("scale", SchemaBuilder::int32().optional().build()),
        ("comment", text().optional().build()),
    ])
    .name("io.debezium.connector.source.schema.Column")
    .version(1)
    .build()
}

/// What the connector wrote into the parameters of a field's schema.
fn column_of(field: &Field, schema: &Schema) -> Result<Value> {
    let parameter = |name: &str| field.schema.parameter(&format!("__debezium.source.column.{name}")).cloned();
    let Some(type_name) = parameter("type") else {
        return Err(envelope::failure(
            "Ensure that enable configurations \"column.propagate.source.type\" or \
             \"datatype.propagate.source.type\" and the value is set to \".*\"",
        ));
    };
    let number = |name: &str| parameter(name).and_then(|text| text.parse().ok()).map_or(Value::Null, Value::Int32);
    let values = vec![
        Value::String(parameter("name").unwrap_or_else(|| field.name.clone())),
        Value::String(type_name),
        number("length"),
        number("scale"),
        parameter("comment").map_or(Value::Null, Value::String),
    ];
    Ok(Value::Struct(Struct::new(schema.clone(), values)))
}
