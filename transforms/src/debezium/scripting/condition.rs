//! A condition over one value, as JSON paths have it: `@` is the value, and a field that is not there decides nothing.

use connect_api::{Headers, Record, SchemaAndValue, Value};

use super::{Language, eval::Evaluation, parser, tree::Node};

/// A parsed condition.
pub(crate) struct Condition {
    tree: Node,
}

/// What a condition says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    True,
    False,
    /// A field that it looks at is missing or null on the way.
    Missing,
}

impl Condition {
    /// The error is the column and what is wrong there.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let tree = parser::parse(text, Language::JsonPath).map_err(|refusal| (refusal.column, refusal.why))?;
        Ok(Self { tree })
    }

    pub(crate) fn holds(&self, value: &Value) -> Outcome {
        // A condition sees nothing of a record but the value.
        let record = Record {
            topic: Default::default(),
            partition: None,
            key: SchemaAndValue::NULL,
            value: SchemaAndValue::NULL,
            timestamp: None,
            headers: Headers::default(),
        };
        let evaluation = Evaluation { record: &record, root: Some(value), language: Language::JsonPath };
        match evaluation.truth(&self.tree) {
            Ok(true) => Outcome::True,
            Ok(false) => Outcome::False,
            Err(_) => Outcome::Missing,
        }
    }
}
