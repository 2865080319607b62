//! `ExtractChangedRecordState`: headers that name the fields that an update changed, and those that it did not.

use connect_api::{
    Config, Error, Fate, Header, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaBuilder, SchemaCache,
    Str, Transform, TransformPlugin, Value, config, plugin,
};

use super::envelope::{self, Positions};

config! {
    /// Settings of `ExtractChangedRecordState`.
    pub(crate) struct ExtractChangedConfig {
        /// The header for the names of changed fields.
        #[config(key = "header.changed.name", group = "", importance = Low, display = "Header change name.", width = Long)]
        changed: Option<String>,
        /// The header for the names of unchanged fields.
        #[config(key = "header.unchanged.name", group = "", importance = Low, display = "Header unchanged name.", width = Long)]
        unchanged: Option<String>,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.ExtractChangedRecordState",
    config: ExtractChangedConfig::def,
    configure: |props| Ok(Box::new(ExtractChangedRecordState::new(props)?)),
};

struct ExtractChangedRecordState {
    /// The name of each header with its schema.
    changed: Option<(Str, Schema)>,
    unchanged: Option<(Str, Schema)>,
    plans: SchemaCache<Plan>,
}

struct Plan {
    positions: Positions,
    /// The names of the fields of `after`, and where `before` has them.
    fields: Vec<(Str, Option<usize>)>,
}

impl ExtractChangedRecordState {
    fn new(props: &Props) -> Result<Self> {
        let config: ExtractChangedConfig = plugin::parse(props)?;
        let header = |name: Option<String>| {
            let name: Str = name.filter(|name| !name.trim().is_empty())?.into();
            let items = SchemaBuilder::string().optional().build();
            let schema = SchemaBuilder::array(items).optional().name(name.clone()).build();
            Some((name, schema))
        };
        Ok(Self { changed: header(config.changed), unchanged: header(config.unchanged), plans: SchemaCache::default() })
    }
}

impl Transform for ExtractChangedRecordState {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let Some(event) = envelope::of(record) else { return Ok(Fate::Kept) };
        let plan = self.plans.plan(event.schema(), |schema| Ok::<_, Error>(Plan::new(schema)))?;
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        let before = Positions::part(plan.positions.before, event.values());
        let after = Positions::part(plan.positions.after, event.values());
        if let (Some(before), Some(after)) = (before, after) {
            for ((name, at), value) in plan.fields.iter().zip(after.values()) {
                let same = at.is_some_and(|at| before.values()[at] == *value);
                let list = if same { &mut unchanged } else { &mut changed };
                list.push(Value::String(name.clone()));
            }
        }
        for (header, names) in [(&self.changed, changed), (&self.unchanged, unchanged)] {
            if let Some((name, schema)) = header {
                let value = SchemaAndValue::new(schema.clone(), Value::Array(names));
                record.headers.push(Header { key: name.clone(), value });
            }
        }
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(schema: &Schema) -> Self {
        let positions = Positions::new(schema);
        let fields = |at: Option<usize>| schema.fields()?[at?].schema.fields();
        let before = fields(positions.before);
        let field =
            |field: &connect_api::Field| (field.name.clone(), before.and_then(|before| before.position(&field.name)));
        let fields = fields(positions.after).into_iter().flatten().map(field).collect();
        Self { positions, fields }
    }
}
