//! `ExtractNewDocumentState`: a change event of MongoDB becomes the document as it is now.

use connect_api::{
    Config, Error, Fate, Field, Header, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaBuilder,
    SchemaCache, Str, Struct, Transform, TransformPlugin, Value, config,
};

use super::{
    ArrayEncoding, Documents,
    extended_json::{self, Bson},
};
use crate::{
    debezium::{
        envelope,
        extract_new_record_state::{Deletes, FieldReference, LocatedField, Mode, Tombstones, old_modes},
        naming::NameAdjustment,
        settings,
    },
    hidden,
};

config! {
    /// Settings of `ExtractNewDocumentState`.
    pub(crate) struct UnwrapDocumentConfig {
        /// What becomes of a delete and of the tombstone after it; as in ExtractNewRecordState.
        #[config(key = "delete.tombstone.handling.mode", group = "", importance = Medium, default = "tombstone", display = "Handle delete and tombstone records", width = Medium)]
        mode: Mode,
        /// A field of the document whose text is the topic to send the record to.
        #[config(key = "route.by.field", group = "", importance = Low, default = "", display = "Route by field name", width = Long)]
        route_by: String,
        /// What the names of added fields start with.
        #[config(key = "add.fields.prefix", group = "", importance = Low, default = "__", display = "Field prefix to be added to each field.", width = Short)]
        fields_prefix: String,
        /// Fields of the envelope to add to the document, each with an optional new name after a colon.
        #[config(key = "add.fields", group = "", importance = Low, default = "", display = "Adds the specified field(s) to the message if they exist.", width = Long)]
        fields: Vec<String>,
        /// What the names of added headers start with.
        #[config(key = "add.headers.prefix", group = "", importance = Low, default = "__", display = "Header prefix to be added to each header.", width = Short)]
        headers_prefix: String,
        /// Fields of the envelope to add as headers, written as in add.fields.
        #[config(key = "add.headers", group = "", importance = Low, default = "", display = "Adds the specified fields to the header if they exist.", width = Long)]
        headers: Vec<String>,
        /// What arrays become: array, whose items have one type, or document, with a field for each item.
        #[config(key = "array.encoding", group = "", importance = Medium, default = "array", display = "Array encoding", width = Short)]
        arrays: String,
        /// Whether documents within documents are taken apart.
        #[config(key = "flatten.struct", group = "", importance = Low, default = "false", display = "Flatten struct", width = Short)]
        flatten: bool,
        /// What stands between the names of fields that are taken apart.
        #[config(key = "flatten.struct.delimiter", group = "", importance = Low, default = "_", display = "Delimiter for flattened struct", width = Short)]
        delimiter: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState",
    config: UnwrapDocumentConfig::def,
    configure: |props| Ok(Box::new(ExtractNewDocumentState::new(props)?)),
};

struct ExtractNewDocumentState {
    tombstones: Tombstones,
    deletes: Deletes,
    route_by: Option<String>,
    fields: Vec<FieldReference>,
    headers: Vec<FieldReference>,
    documents: Documents,
    plans: SchemaCache<Plan>,
    /// The schemas made last: documents of a collection mostly share one, and what follows plans by its pointer.
    last_value: Option<Schema>,
    last_key: Option<Schema>,
}

struct Plan {
    name: String,
    op: Option<usize>,
    before: Option<usize>,
    after: Option<usize>,
    /// Where an update without a document holds what it changed.
    updated: Option<(usize, usize)>,
    added: Vec<LocatedField>,
    headers: Vec<LocatedField>,
}

impl ExtractNewDocumentState {
    fn new(props: &Props) -> Result<Self> {
        let config: UnwrapDocumentConfig = settings::parse(props)?;
        let (tombstones, deletes) = match old_modes(props)? {
            Some(modes) => modes,
            None => config.mode.parts(),
        };
        let encodings = [("array", ArrayEncoding::Array), ("document", ArrayEncoding::Document)];
        let arrays = settings::choice(props, "array.encoding", &config.arrays, &encodings);
        let references = |texts: &[String], prefix: &str| {
            texts.iter().map(|text| FieldReference::parse(text, prefix)).collect::<Result<Vec<_>>>()
        };
        let sanitized = hidden::flag(props, "sanitize.field.names", false).map_err(settings::not_validated)?;
        let names: Option<NameAdjustment> =
            hidden::setting(props, "field.name.adjustment.mode").map_err(settings::not_validated)?;
        let old_names = if sanitized { NameAdjustment::Avro } else { NameAdjustment::None };
        Ok(Self {
            tombstones,
            deletes,
            route_by: Some(config.route_by).filter(|field| !field.is_empty()),
            fields: references(&config.fields, &config.fields_prefix)?,
            headers: references(&config.headers, &config.headers_prefix)?,
            documents: Documents {
                arrays: arrays.map_err(settings::not_validated)?,
                flatten: config.flatten.then_some(config.delimiter),
                names: names.unwrap_or(old_names),
            },
            plans: SchemaCache::default(),
            last_value: None,
            last_key: None,
        })
    }

    /// The key as MongoDB has it: its text is extended JSON.
    fn key(&mut self, key: &SchemaAndValue) -> Result<Option<SchemaAndValue>> {
        let Some(id) = id_text(key) else { return Ok(None) };
        let documents = Documents { flatten: None, ..self.documents.clone() };
        let row = documents.row(vec![("id".to_owned(), extended_json::parse(id)?)], None, Vec::new())?;
        Ok(Some(shared(row, &mut self.last_key)))
    }

    fn tombstone(&mut self, record: &mut Record) -> Result<Fate> {
        if self.tombstones == Tombstones::Drop {
            return Ok(Fate::Dropped);
        }
        for header in &self.headers {
            record.headers.push(Header { key: header.target.clone(), value: SchemaAndValue::NULL });
        }
        if let Some(key) = self.key(&record.key)? {
            record.key = key;
        }
        Ok(Fate::Kept)
    }
}

/// The text of the key's field `id`.
fn id_text(key: &SchemaAndValue) -> Option<&str> {
    key.value.as_struct()?.get("id")?.as_str()
}

/// The row under the schema used before, where it is the same.
fn shared(row: Struct, last: &mut Option<Schema>) -> SchemaAndValue {
    match last {
        Some(known) if known == row.schema() => Struct::new(known.clone(), row.into_values()).into(),
        _ => {
            *last = Some(row.schema().clone());
            row.into()
        }
    }
}

fn document(text: &str) -> Result<Vec<(String, Bson)>> {
    match extended_json::parse(text)? {
        Bson::Document(fields) => Ok(fields),
        _ => Err(Error::data("a document is no JSON object").class("org.bson.BsonInvalidOperationException")),
    }
}

impl Transform for ExtractNewDocumentState {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if record.value.value.is_null() {
            return self.tombstone(record);
        }
        let Some(event) = envelope::take(record) else { return Ok(Fate::Kept) };
        let (fields, headers) = (&self.fields, &self.headers);
        let plan = self.plans.plan(event.schema(), |schema| Plan::new(schema, fields, headers))?;
        let values = event.values();
        let text = |at: Option<usize>| at.and_then(|at| values[at].as_str());
        let deleted = text(plan.op) == Some("d");
        if deleted && self.deletes == Deletes::Drop {
            return Ok(Fate::Dropped);
        }
        let added = plan.headers.iter().map(|field| field.header(values));
        record.headers.extend(added);
        let name = plan.name.clone();
        let mut more = Vec::new();
        if self.deletes == Deletes::Rewrite {
            let schema = SchemaBuilder::boolean().optional().build();
            more.push((Field { name: Str::from_static("__deleted"), schema }, Value::Boolean(deleted)));
        }
        for field in &plan.added {
            more.push((Field { name: field.target.clone(), schema: field.schema.clone() }, field.value(values)?));
        }
        let document = if deleted { plan.deleted(values)? } else { plan.current(values, &record.key)? };
        if let Some(key) = self.key(&record.key)? {
            record.key = key;
        }
        if deleted && self.deletes != Deletes::Rewrite {
            record.value = SchemaAndValue::NULL;
            return Ok(Fate::Kept);
        }
        let row = self.documents.row(document, Some(&name), more)?;
        if let Some(field) = &self.route_by
            && let Some(Value::String(topic)) = row.get(field)
        {
            record.topic = topic.clone();
        }
        record.value = shared(row, &mut self.last_value);
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(envelope: &Schema, fields: &[FieldReference], headers: &[FieldReference]) -> Result<Self> {
        let position = |name: &str| envelope.fields().and_then(|fields| fields.position(name));
        let name = envelope.name.as_ref().map_or("", |name| name.as_str());
        let located = |field: &FieldReference| {
            let unknown = || Error::data(format!("{} is not a valid field name", field.name()));
            field.locate(envelope).ok_or_else(unknown)
        };
        let updated = position("updateDescription").and_then(|at| {
            let inner = envelope.fields()?[at].schema.fields()?.position("updatedFields")?;
            Some((at, inner))
        });
        Ok(Self {
            name: name.strip_suffix(".Envelope").unwrap_or(name).to_owned(),
            op: position("op"),
            before: position("before"),
            after: position("after"),
            updated,
            added: fields.iter().map(located).collect::<Result<_>>()?,
            headers: headers.iter().filter_map(|field| field.locate(envelope)).collect(),
        })
    }

    /// The document before it was deleted; an empty one where the event does not hold it.
    fn deleted(&self, values: &[Value]) -> Result<Vec<(String, Bson)>> {
        match self.before.and_then(|at| values[at].as_str()) {
            Some(before) => document(before),
            None => Ok(Vec::new()),
        }
    }

    /// The document as it is now or, where an update holds no document, what it changed and the id.
    fn current(&self, values: &[Value], key: &SchemaAndValue) -> Result<Vec<(String, Bson)>> {
        if let Some(after) = self.after.and_then(|at| values[at].as_str()) {
            return document(after);
        }
        let updated = self.updated.and_then(|(outer, inner)| values[outer].as_struct()?.values()[inner].as_str());
        let mut fields = updated.map(document).transpose()?.unwrap_or_default();
        if let Some(id) = id_text(key)
            && !fields.iter().any(|(name, _)| name == "_id")
        {
            fields.push(("_id".to_owned(), extended_json::parse(id)?));
        }
        Ok(fields)
    }
}
