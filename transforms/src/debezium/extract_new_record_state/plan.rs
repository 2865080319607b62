//! What is prepared per envelope schema: where its parts stand, and the schema of the row that comes out.

use connect_api::{Error, Field, Fields, Result, Schema, SchemaDef, Str, Struct, Type, Value};

use super::{Change, Settings, field::LocatedField};
use crate::row::make_room;

pub(super) struct EnvelopePlan {
    op: Option<usize>,
    before: Option<usize>,
    after: Option<usize>,
    /// The schema of the rows, as the envelope's `before` has it.
    pub(super) row_schema: Option<Schema>,
    /// The fields to add to the row, and whether they are needed elsewhere, too.
    added: Vec<(LocatedField, bool)>,
    /// The values of those fields in one record, for as long as it is changed.
    added_values: Vec<Value>,
    pub(super) headers: Vec<LocatedField>,
    marks_deleted: bool,
    keep_compatible: bool,
    replace_nulls: bool,
    row: Option<RowPlan>,
    key: Option<RowPlan>,
}

/// What is prepared per row schema and list of dropped fields; the last ones are kept.
struct RowPlan {
    from: Schema,
    dropped: Vec<Str>,
    /// The places of dropped fields, in order.
    left_out: Vec<usize>,
    /// Fields whose null becomes a default, and fields that take no null.
    checks: Vec<Check>,
    to: Schema,
}

struct Check {
    at: usize,
    name: Str,
    default: Option<Value>,
    required: bool,
    type_name: &'static str,
}

impl EnvelopePlan {
    pub(super) fn new(schema: &Schema, settings: &Settings) -> Result<Self> {
        let position = |name: &str| schema.fields().and_then(|fields| fields.position(name));
        let (before, after) = (position("before"), position("after"));
        let added: Vec<LocatedField> = settings.fields.iter().filter_map(|field| field.locate(schema)).collect();
        let needed = |field: &LocatedField| {
            let part = Some(field.part());
            part == before || part == after || added.iter().filter(|other| other.part() == field.part()).count() > 1
        };
        let copied: Vec<bool> = added.iter().map(needed).collect();
        let part = |at: Option<usize>| Some(schema.fields()?[at?].schema.clone());
        Ok(Self {
            op: position("op"),
            before,
            after,
            row_schema: part(before).or_else(|| part(after)),
            added_values: Vec::new(),
            added: added.into_iter().zip(copied).collect(),
            headers: settings.headers.iter().filter_map(|field| field.locate(schema)).collect(),
            marks_deleted: settings.marks_deleted(),
            keep_compatible: settings.keep_compatible,
            replace_nulls: settings.replace_nulls,
            row: None,
            key: None,
        })
    }

    /// Where the row stands among the envelope's values.
    pub(super) fn change(&self, values: &[Value]) -> Change {
        let op = self.op.and_then(|at| values[at].as_str()).map(|op| op.as_bytes().first().copied());
        match self.after {
            _ if matches!(op, Some(Some(b't' | b'm'))) => Change::Other,
            None => Change::Other,
            Some(after) if values[after].as_struct().is_some() => Change::Row { after },
            Some(_) => Change::Delete { before: self.before },
        }
    }

    /// Takes the fields that are to be added to the row; those of the row itself, and those named twice, are copied.
    pub(super) fn take_added(&mut self, envelope: &mut [Value]) -> Result<()> {
        self.added_values.clear();
        for (field, copy) in &self.added {
            match copy {
                true => self.added_values.push(field.value(envelope)?),
                false => field.take(envelope, &mut self.added_values)?,
            }
        }
        Ok(())
    }

    /// Fills in defaults, leaves out fields and adds those that were read.
    pub(super) fn rebuild(&mut self, row: &mut Struct, deleted: bool, dropped: &[Str]) -> Result<()> {
        if !self.row.as_ref().is_some_and(|plan| plan.serves(row.schema(), dropped)) {
            let mut more = Vec::new();
            if self.marks_deleted {
                let schema = connect_api::SchemaBuilder::string().optional().build();
                more.push(Field { name: Str::from_static("__deleted"), schema });
            }
            more.extend(self.added.iter().map(|(f, _)| Field { name: f.target.clone(), schema: f.schema.clone() }));
            let plan = RowPlan::new(row.schema(), dropped, self.keep_compatible, self.replace_nulls)?;
            self.row = Some(plan.with_fields(more)?);
        }
        let plan = self.row.as_ref().expect("planned above");
        row.reshape(&plan.to, |values| {
            plan.apply(values)?;
            make_room(values, self.added_values.len() + usize::from(self.marks_deleted));
            if self.marks_deleted {
                values.push(Value::String(Str::from_static(if deleted { "true" } else { "false" })));
            }
            values.append(&mut self.added_values);
            Ok(())
        })
    }

    /// Leaves the dropped fields out of the key.
    pub(super) fn rebuild_key(&mut self, key: &mut Struct, dropped: &[Str]) -> Result<()> {
        if !self.key.as_ref().is_some_and(|plan| plan.serves(key.schema(), dropped)) {
            self.key = Some(RowPlan::new(key.schema(), dropped, self.keep_compatible, self.replace_nulls)?);
        }
        let plan = self.key.as_ref().expect("planned above");
        key.reshape(&plan.to, |values| plan.apply(values))
    }
}

impl RowPlan {
    fn new(from: &Schema, dropped: &[Str], keep_compatible: bool, replace_nulls: bool) -> Result<Self> {
        let (mut left_out, mut kept, mut checks) = (Vec::new(), Vec::new(), Vec::new());
        for (at, field) in from.fields().into_iter().flatten().enumerate() {
            if dropped.contains(&field.name) && (field.schema.optional || !keep_compatible) {
                left_out.push(at);
                continue;
            }
            let default = field.schema.default.clone().filter(|_| replace_nulls);
            let required = !field.schema.optional;
            if default.is_some() || required {
                let (name, type_name) = (field.name.clone(), field.schema.ty.java_name());
                checks.push(Check { at: kept.len(), name, default, required, type_name });
            }
            kept.push(field.clone());
        }
        let to = schema_like(from, kept);
        Ok(Self { from: from.clone(), dropped: dropped.to_vec(), left_out, checks, to })
    }

    fn with_fields(mut self, more: Vec<Field>) -> Result<Self> {
        let mut fields: Vec<Field> = self.to.fields().into_iter().flatten().cloned().collect();
        for field in more {
            if fields.iter().any(|known| known.name == field.name) {
                let message = format!("Cannot create field because of field name duplication {}", field.name);
                return Err(Error::data(message).class("org.apache.kafka.connect.errors.SchemaBuilderException"));
            }
            fields.push(field);
        }
        self.to = schema_like(&self.from, fields);
        Ok(self)
    }

    fn serves(&self, schema: &Schema, dropped: &[Str]) -> bool {
        self.from.same(schema) && self.dropped == dropped
    }

    fn apply(&self, values: &mut Vec<Value>) -> Result<()> {
        for at in self.left_out.iter().rev() {
            values.remove(*at);
        }
        for check in &self.checks {
            if !values[check.at].is_null() {
                continue;
            }
            match &check.default {
                Some(default) => values[check.at] = default.clone(),
                None if check.required => {
                    return Err(Error::data(format!(
                        "Invalid value: null used for required field: \"{}\", schema type: {}",
                        check.name, check.type_name
                    )));
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// A struct schema with the metadata of another one; never optional, without a default.
fn schema_like(from: &Schema, fields: Vec<Field>) -> Schema {
    Schema::new(SchemaDef {
        ty: Type::Struct(Fields::new(fields)),
        optional: false,
        name: from.name.clone(),
        version: from.version,
        default: None,
        doc: from.doc.clone(),
        parameters: from.parameters.clone(),
    })
}
