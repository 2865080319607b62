//! `ByLogicalTableRouter`: the changes of tables that are parts of one go to one topic, under one schema.

use std::collections::HashMap;

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaBuilder, SchemaCache, Str,
    Struct, Transform, TransformPlugin, Type, Value, config,
};

use super::{envelope, naming::NameAdjustment, settings};
use crate::{
    hidden,
    java_regex::{JavaRegex, Replacement},
    row,
};

config! {
    /// Settings of `ByLogicalTableRouter`.
    pub(crate) struct RouterConfig {
        /// The regular expression that the whole topic of a table must match.
        #[config(key = "topic.regex", group = "", importance = Low, display = "Topic regex", width = Long)]
        regex: Option<JavaRegex>,
        /// The topic of the logical table; $1 and ${name} stand for groups of the match.
        #[config(key = "topic.replacement", group = "", importance = Low, display = "Topic replacement", width = Long)]
        replacement: Option<String>,
        /// Whether keys get a field that tells the tables apart, since two of them may hold equal keys.
        #[config(key = "key.enforce.uniqueness", group = "", importance = Low, default = "true", display = "Add source topic name into key", width = Short)]
        unique_keys: bool,
        /// The regular expression that makes the value of that field out of the topic.
        #[config(key = "key.field.regex", group = "", importance = Low, display = "Key field regex", width = Long)]
        key_regex: Option<JavaRegex>,
        /// The value of that field, where the topic matches.
        #[config(key = "key.field.replacement", group = "", importance = Low, display = "Key field replacement", width = Long)]
        key_replacement: Option<String>,
        /// How many topics' schemas are remembered in the JVM; here no record is slower without.
        #[config(key = "logical.table.cache.size", group = "", importance = Low, default = "16", display = "Logical table cache size", width = Long)]
        cache_size: i32,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.ByLogicalTableRouter",
    config: RouterConfig::def,
    configure: |props| Ok(Box::new(ByLogicalTableRouter::new(props)?)),
};

/// More topics than this are not remembered; a task seldom has more than a few thousand.
const ROUTES_MAX: usize = 10_000;

struct ByLogicalTableRouter {
    regex: JavaRegex,
    replacement: Replacement,
    /// The name of the key's field.
    key_field: Option<Str>,
    key_value: Option<(JavaRegex, Replacement)>,
    adjustment: NameAdjustment,
    /// What becomes of the topics of this task; none where a topic stays what it is.
    routes: HashMap<Str, Option<Route>>,
}

struct Route {
    topic: Str,
    /// The topic's name as schemas take it.
    schema_name: String,
    key_value: Str,
    keys: SchemaCache<Schema>,
    values: SchemaCache<EnvelopePlan>,
}

struct EnvelopePlan {
    schema: Schema,
    /// The places of `before` and `after`, with their new schema.
    rows: Vec<(usize, Schema)>,
}

impl ByLogicalTableRouter {
    fn new(props: &Props) -> Result<Self> {
        let config: RouterConfig = settings::parse(props)?;
        let missing = |key: &str| settings::not_validated(settings::invalid(key, None, "A value is required"));
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let key_value = match (config.key_regex, given(config.key_replacement)) {
            (Some(regex), Some(replacement)) => Some((regex, Replacement::new(&replacement))),
            (Some(_), None) => return Err(missing("key.field.replacement")),
            (None, _) => None,
        };
        let regex = config.regex.ok_or_else(|| missing("topic.regex"))?;
        let replacement = given(config.replacement).ok_or_else(|| missing("topic.replacement"))?;
        let name: Option<String> = hidden::setting(props, "key.field.name")?;
        let name = name.unwrap_or_else(|| "__dbz__physicalTableIdentifier".to_owned());
        Ok(Self {
            regex,
            replacement: Replacement::new(&replacement),
            key_field: config.unique_keys.then(|| name.into()),
            key_value,
            adjustment: hidden::setting(props, "schema.name.adjustment.mode")
                .map_err(settings::not_validated)?
                .unwrap_or_default(),
            routes: HashMap::new(),
        })
    }

    fn route(&self, topic: &Str) -> Result<Option<Route>> {
        if !self.regex.matches(topic)? {
            return Ok(None);
        }
        let routed = self.regex.replace_first(topic, &self.replacement)?;
        if routed.is_empty() {
            return Ok(None);
        }
        let key_value = match &self.key_value {
            Some((regex, replacement)) if regex.matches(topic)? => regex.replace_first(topic, replacement)?.into(),
            _ => topic.detached(),
        };
        Ok(Some(Route {
            schema_name: self.adjustment.adjust(&routed),
            topic: routed.into(),
            key_value,
            keys: SchemaCache::default(),
            values: SchemaCache::default(),
        }))
    }
}

impl Transform for ByLogicalTableRouter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if !self.routes.contains_key(&record.topic) {
            let route = self.route(&record.topic)?;
            if self.routes.len() >= ROUTES_MAX {
                self.routes.clear();
            }
            self.routes.insert(record.topic.detached(), route);
        }
        let Some(Some(route)) = self.routes.get_mut(&record.topic) else { return Ok(Fate::Kept) };
        record.topic = route.topic.clone();
        if !record.key.value.is_null() {
            record.key = route.key(std::mem::take(&mut record.key), self.key_field.as_ref())?;
        }
        if let Some(event) = envelope::take(record) {
            record.value = route.event(event)?;
        }
        Ok(Fate::Kept)
    }
}

impl Route {
    fn key(&mut self, key: SchemaAndValue, field: Option<&Str>) -> Result<SchemaAndValue> {
        let row = row::require_struct(key.value, key.schema.as_ref(), "Updating schema")?;
        let name = format!("{}.Key", self.schema_name);
        let schema = self.keys.plan(row.schema(), |schema| {
            let mut fields: Vec<Field> = schema.fields().into_iter().flatten().cloned().collect();
            if let Some(field) = field {
                fields.push(Field { name: field.clone(), schema: SchemaBuilder::string().build() });
            }
            let mut def = (**schema).clone();
            def.name = Some(name.into());
            def.ty = Type::Struct(row::checked_fields(fields)?);
            Ok::<_, Error>(Schema::new(def))
        })?;
        let mut values = row.into_values();
        if field.is_some() {
            values.push(Value::String(self.key_value.clone()));
        }
        Ok(Struct::new(schema.clone(), values).into())
    }

    fn event(&mut self, event: Struct) -> Result<SchemaAndValue> {
        let name = &self.schema_name;
        let plan = self.values.plan(event.schema(), |schema| Ok::<_, Error>(EnvelopePlan::new(schema, name)))?;
        let mut values = event.into_values();
        for (at, schema) in &plan.rows {
            if let Value::Struct(row) = std::mem::take(&mut values[*at]) {
                values[*at] = Value::Struct(Struct::new(schema.clone(), row.into_values()));
            }
        }
        Ok(Struct::new(plan.schema.clone(), values).into())
    }
}

impl EnvelopePlan {
    fn new(schema: &Schema, topic: &str) -> Self {
        let mut fields: Vec<Field> = schema.fields().into_iter().flatten().cloned().collect();
        let mut rows = Vec::new();
        for (at, field) in fields.iter_mut().enumerate() {
            if matches!(field.name.as_str(), "before" | "after") && field.schema.fields().is_some() {
                field.schema = field.schema.to_builder().name(format!("{topic}.Value")).build();
                rows.push((at, field.schema.clone()));
            }
        }
        let mut def = (**schema).clone();
        def.name = Some(format!("{topic}.Envelope").into());
        def.ty = Type::Struct(connect_api::Fields::new(fields));
        Self { schema: Schema::new(def), rows }
    }
}
