//! The plans of a converter: made once per schema, found again by its pointer or by its bytes.

use std::collections::HashMap;

use bytes::Bytes;
use connect_api::{Result, Schema, SchemaAndValue};

use super::{
    parse::{Parser, Token},
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
    /// Held, so that no other schema can take its address; `None` for schemaless data.
    schema: Option<Schema>,
}

/// Plans by schema; the one used last is found by comparing a pointer.
pub(super) struct WritePlans {
    options: WriteOptions,
    envelope: bool,
    limit: usize,
    plans: Vec<WritePlan>,
    by_address: HashMap<usize, usize>,
    last: usize,
}

impl WritePlans {
    pub(super) fn new(options: WriteOptions, envelope: bool, limit: u32) -> Self {
        let limit = (limit as usize).clamp(PLANS_MIN, PLANS_MAX);
        Self { options, envelope, limit, plans: Vec::new(), by_address: HashMap::new(), last: 0 }
    }

    pub(super) fn plan(&mut self, schema: Option<&Schema>) -> Result<&mut WritePlan> {
        if !self.plans.get(self.last).is_some_and(|plan| is_of(plan, schema)) {
            self.last = self.find(schema)?;
        }
        Ok(&mut self.plans[self.last])
    }

    #[inline(never)]
    fn find(&mut self, schema: Option<&Schema>) -> Result<usize> {
        let address = schema.map_or(0, |schema| std::ptr::from_ref(&**schema).addr());
        if let Some(at) = self.by_address.get(&address) {
            return Ok(*at);
        }
        // Some sources make an equal schema anew for each record; comparing costs less than planning.
        if self.plans.get(self.last).is_some_and(|plan| plan.schema.as_ref() == schema) {
            return Ok(self.last);
        }
        if self.plans.len() >= self.limit {
            self.plans.clear();
            self.by_address.clear();
        }
        let mut prefix = Vec::new();
        if self.envelope {
            prefix.extend_from_slice(b"{\"schema\":");
            schema_text::write(schema, self.options, &mut prefix)?;
            prefix.extend_from_slice(b",\"payload\":");
        }
        let node = Node::new(schema, self.options);
        self.plans.push(WritePlan { prefix, node, schema: schema.cloned() });
        self.by_address.insert(address, self.plans.len() - 1);
        Ok(self.plans.len() - 1)
    }
}

fn is_of(plan: &WritePlan, schema: Option<&Schema>) -> bool {
    match (&plan.schema, schema) {
        (Some(known), Some(schema)) => known.same(schema),
        (None, None) => true,
        _ => false,
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
}

impl ReadPlans {
    pub(super) fn new(replace_nulls: bool, limit: u32) -> Self {
        let limit = (limit as usize).clamp(PLANS_MIN, PLANS_MAX);
        Self { replace_nulls, limit, plans: Vec::new(), by_bytes: HashMap::new(), last: 0 }
    }

    /// Reads `{"schema":S,"payload":P}` if it is just that; `None` where it must be read in another way.
    pub(super) fn in_one_pass(&mut self, parser: &mut Parser<'_>) -> Result<Option<SchemaAndValue>> {
        if parser.peek()? != Token::Object || parser.open(b'}')? || *parser.name()? != *b"schema" {
            return Ok(None);
        }
        parser.peek()?;
        let start = parser.position();
        let known = self.plans.get(self.last).is_some_and(|(bytes, _)| parser.take_known(bytes));
        if !known {
            parser.skip()?;
        }
        let end = parser.position();
        if !parser.more(b'}')? || *parser.name()? != *b"payload" {
            return Ok(None);
        }
        let plan = if known {
            &self.plans[self.last].1
        } else {
            let payload = parser.position();
            parser.seek(start);
            self.plan(parser, end)?;
            parser.seek(payload);
            &self.plans[self.last].1
        };
        let data = Self::read(plan, parser)?;
        // Anything else after the payload takes the long way, which says what is wrong or takes the last of two.
        Ok(if parser.more(b'}')? { None } else { Some(data) })
    }

    /// The plan for the schema between the parser's position and `end`.
    pub(super) fn plan(&mut self, parser: &mut Parser<'_>, end: usize) -> Result<&ReadPlan> {
        let bytes = parser.slice(parser.position(), end);
        self.last = match self.by_bytes.get(&bytes) {
            Some(at) => *at,
            None => {
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
                self.by_bytes.insert(bytes.clone(), self.plans.len());
                self.plans.push((bytes, plan));
                self.plans.len() - 1
            }
        };
        Ok(&self.plans[self.last].1)
    }

    pub(super) fn read(plan: &ReadPlan, parser: &mut Parser<'_>) -> Result<SchemaAndValue> {
        match plan {
            Some((schema, node)) => Ok(SchemaAndValue::new(schema.clone(), node.read(parser)?)),
            None => read::any(parser).map(SchemaAndValue::schemaless),
        }
    }
}
