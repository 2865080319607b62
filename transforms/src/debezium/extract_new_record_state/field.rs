//! References to fields of the envelope, as `add.fields` and `add.headers` write them.

use connect_api::{Error, Header, Result, Schema, SchemaAndValue, Str, Type, Value};

/// `op`, `source.ts_ms`, `lsn:position`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldReference {
    /// The struct of the envelope that holds it; unknown where only the field is named.
    parent: Option<String>,
    field: String,
    /// The name it gets.
    pub(crate) target: Str,
}

/// A field found in an envelope's schema.
pub(crate) struct LocatedField {
    /// Its place in the envelope, or in the struct at the first place.
    place: (usize, Option<usize>),
    pub(crate) target: Str,
    /// Optional, whatever the field itself is.
    pub(crate) schema: Schema,
}

impl FieldReference {
    pub(crate) fn parse(text: &str, prefix: &str) -> Result<Self> {
        let (path, alias) = text.split_once(':').unwrap_or((text, ""));
        if alias.contains(':') {
            let message = format!("Unexpected field name: {text}");
            return Err(Error::config(message).class("java.lang.IllegalArgumentException"));
        }
        let mut parts = path.split('.');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        let (parent, field) = match second {
            Some(field) => (Some(first), field),
            None => (None, first),
        };
        let target = match (alias, parent) {
            ("", Some(parent)) => format!("{prefix}{parent}_{field}"),
            ("", None) => format!("{prefix}{field}"),
            (alias, _) => format!("{prefix}{alias}"),
        };
        Ok(Self { parent: parent.map(str::to_owned), field: field.to_owned(), target: target.into() })
    }

    /// The field's own name, without what holds it.
    pub(crate) fn name(&self) -> &str {
        &self.field
    }

    /// Where an envelope of this schema holds the field; `None` where it has no such field.
    pub(crate) fn locate(&self, envelope: &Schema) -> Option<LocatedField> {
        let within = |parent: &str| {
            let outer = envelope.fields()?.position(parent)?;
            let fields = envelope.fields()?[outer].schema.fields()?;
            let inner = fields.position(&self.field)?;
            Some(((outer, Some(inner)), fields[inner].schema.clone()))
        };
        let top = || {
            let fields = envelope.fields()?;
            let at = fields.position(&self.field)?;
            Some(((at, None), fields[at].schema.clone()))
        };
        let found = match (&self.parent, self.field.as_str()) {
            (Some(parent), _) => within(parent),
            (None, "op" | "ts_ms" | "ts_us" | "ts_ns") => top(),
            (None, "id" | "total_order" | "data_collection_order") => within("transaction"),
            (None, _) => within("source").or_else(top),
        };
        let (place, schema) = found?;
        let mut def = (*schema).clone();
        def.optional = true;
        def.default = None;
        Some(LocatedField { place, target: self.target.clone(), schema: Schema::new(def) })
    }
}

impl LocatedField {
    /// The value to add to a row.
    pub(crate) fn value(&self, envelope: &[Value]) -> Result<Value> {
        let Some(value) = self.found(envelope) else { return Ok(Value::Null) };
        self.check(value)?;
        Ok(value.clone())
    }

    /// Moves the value to the end of others, out of an envelope that is not looked at again.
    pub(crate) fn take(&self, envelope: &mut [Value], into: &mut Vec<Value>) -> Result<()> {
        let (outer, inner) = self.place;
        let found = match (envelope.get_mut(outer), inner) {
            (Some(value), None) => Some(value),
            (Some(Value::Struct(row)), Some(inner)) => row.values_mut().get_mut(inner),
            _ => None,
        };
        match found {
            Some(value) => {
                self.check(value)?;
                into.push(std::mem::take(value));
            }
            None => into.push(Value::Null),
        }
        Ok(())
    }

    pub(crate) fn header(&self, envelope: &[Value]) -> Header {
        let value = self.found(envelope).cloned().unwrap_or_default();
        Header { key: self.target.clone(), value: SchemaAndValue::new(self.schema.clone(), value) }
    }

    /// The part of the envelope that the field is or stands in.
    pub(crate) fn part(&self) -> usize {
        self.place.0
    }

    fn check(&self, value: &Value) -> Result<()> {
        match (&self.schema.ty, value) {
            // The copy of a struct's schema is optional, so it is not the one its value has.
            (Type::Struct(_), Value::Struct(row)) if *row.schema() != self.schema => {
                Err(Error::data("Struct schemas do not match."))
            }
            _ => Ok(()),
        }
    }

    /// The stored value, not the default of its schema: `source.snapshot` of a streamed change is null here.
    fn found<'a>(&self, envelope: &'a [Value]) -> Option<&'a Value> {
        let (outer, inner) = self.place;
        match (envelope.get(outer), inner) {
            (Some(value), None) => Some(value),
            (Some(Value::Struct(row)), Some(inner)) => row.values().get(inner),
            _ => None,
        }
    }
}
