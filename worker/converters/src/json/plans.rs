//! The plans of a converter: made once per schema, found again by its pointer or by its bytes.

use std::collections::HashMap;

use bytes::Bytes;
use connect_api::{Result, Schema, SchemaAndValue, SchemaCache};

use super::{
    names::Names,
    parse::{Parsed, Parser, Token},
    read, read_schema, schema_parse, schema_text,
    write::{Node, WriteOptions},
};

/// Fewer would make plans again and again for a task of a few tables.
const PLANS_MIN: usize = 16;
/// More would hold memory for schemas that are not coming back.
const PLANS_MAX: usize = 100_000;

/// How data of one schema is written.
pub(super) struct WritePlan {
    /// The envelope up to the payload; empty without one.
    pub(super) prefix: Vec<u8>,
    pub(super) node: Node,
}

/// Plans for writing, by schema.
pub(super) struct WritePlans {
    options: WriteOptions,
    envelope: bool,
    plans: SchemaCache<WritePlan>,
    schemaless: Option<WritePlan>,
}

impl WritePlans {
    pub(super) fn new(options: WriteOptions, envelope: bool, limit: u32) -> Self {
        let limit = (limit as usize).clamp(PLANS_MIN, PLANS_MAX);
        Self { options, envelope, plans: SchemaCache::new(limit), schemaless: None }
    }

    pub(super) fn plan(&mut self, schema: Option<&Schema>) -> Result<&mut WritePlan> {
        let (options, envelope) = (self.options, self.envelope);
        match (schema, &mut self.schemaless) {
            (Some(schema), _) => self.plans.plan(schema, |schema| WritePlan::new(Some(schema), options, envelope)),
            (None, Some(plan)) => Ok(plan),
            (None, empty) => Ok(empty.insert(WritePlan::new(None, options, envelope)?)),
        }
    }
}

impl WritePlan {
    fn new(schema: Option<&Schema>, options: WriteOptions, envelope: bool) -> Result<Self> {
        let mut prefix = Vec::new();
        if envelope {
            prefix.extend_from_slice(b"{\"schema\":");
            schema_text::write(schema, options, &mut prefix)?;
            prefix.extend_from_slice(b",\"payload\":");
        }
        Ok(Self { prefix, node: Node::new(schema, options) })
    }
}

/// How payloads of one schema are read; of no schema, as what they are.
pub(super) type ReadPlan = Option<(Schema, read_schema::Node)>;

/// Plans by the bytes of the schema's JSON; those of the last message are compared first.
pub(super) struct ReadPlans {
    replace_nulls: bool,
    limit: usize,
    plans: Vec<(Bytes, ReadPlan)>,
    by_bytes: HashMap<Bytes, usize>,
    last: usize,
    names: Names,
}

/// So many schemas are compared byte by byte before the text is taken apart: schemas differ early in their text.
const COMPARED_MAX: usize = 32;

impl ReadPlans {
    pub(super) fn new(replace_nulls: bool, limit: u32) -> Self {
        let limit = (limit as usize).clamp(PLANS_MIN, PLANS_MAX);
        Self { replace_nulls, limit, plans: Vec::new(), by_bytes: HashMap::new(), last: 0, names: Names::new() }
    }

    /// Reads `{"schema":S,"payload":P}` if it is just that; false where it must be read in another way.
    pub(super) fn in_one_pass(&mut self, parser: &mut Parser<'_>, data: &mut SchemaAndValue) -> Parsed<bool> {
        if parser.peek()? != Token::Object || parser.open(b'}')? || *parser.name()? != *b"schema" {
            return Ok(false);
        }
        parser.peek()?;
        let start = parser.position();
        if let Some(known) = self.known(parser) {
            self.last = known;
        } else {
            parser.skip()?;
            let end = parser.position();
            parser.seek(start);
            self.plan(parser, end)?;
            parser.seek(end);
        }
        if !parser.more(b'}')? || *parser.name()? != *b"payload" {
            return Ok(false);
        }
        self.read(parser, data)?;
        // Anything else after the payload takes the long way, which says what is wrong or takes the last of two.
        Ok(!parser.more(b'}')?)
    }

    /// Passes over a schema that was met before.
    fn known(&self, parser: &mut Parser<'_>) -> Option<usize> {
        let (bytes, _) = self.plans.get(self.last)?;
        if parser.take_known(bytes) {
            return Some(self.last);
        }
        self.plans.iter().take(COMPARED_MAX).position(|(bytes, _)| parser.take_known(bytes))
    }

    /// Makes the schema between the parser's position and `end` the one that the next payload is read by.
    pub(super) fn plan(&mut self, parser: &mut Parser<'_>, end: usize) -> Parsed<()> {
        let bytes = parser.slice(parser.position(), end);
        if let Some(at) = self.by_bytes.get(&bytes) {
            self.last = *at;
            return Ok(());
        }
        let schema = schema_parse::schema(parser, self.replace_nulls)?;
        let plan = schema.map(|schema| {
            let node = read_schema::Node::new(&schema, self.replace_nulls);
            (schema, node)
        });
        if self.plans.len() >= self.limit {
            self.plans.clear();
            self.by_bytes.clear();
        }
        // Copied, so that the cache does not hold on to the message.
        let bytes = Bytes::copy_from_slice(&bytes);
        self.last = self.plans.len();
        self.by_bytes.insert(bytes.clone(), self.last);
        self.plans.push((bytes, plan));
        Ok(())
    }

    /// Reads a payload by the schema found last.
    pub(super) fn read(&mut self, parser: &mut Parser<'_>, data: &mut SchemaAndValue) -> Parsed<()> {
        match self.plans.get(self.last) {
            Some((_, Some((schema, node)))) => {
                *data = SchemaAndValue::new(schema.clone(), node.read(parser)?);
                Ok(())
            }
            _ => self.read_schemaless(parser, data),
        }
    }

    /// Reads a payload that no schema describes.
    pub(super) fn read_schemaless(&mut self, parser: &mut Parser<'_>, data: &mut SchemaAndValue) -> Parsed<()> {
        read::any(parser, &mut self.names, &mut data.value)
    }
}
