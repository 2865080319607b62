//! `Filter` and `ContentBasedRouter`: an expression over the record decides.
//!
//! The JVM runs whole scripts in Groovy or JavaScript. People write one expression there; that is what is understood
//! here, in either language, and all else is refused when the transform is configured, with its place.

mod calls;
mod condition;
pub(crate) mod content_based_router;
mod eval;
pub(crate) mod filter;
mod lexer;
mod method;
mod number;
mod operand;
mod parser;
mod tree;

use connect_api::{ConfigType, Error, Props, Record, Result, Setting, config::Problem, setting_enum};

use super::{envelope, settings};
use crate::{hidden, java_regex::JavaRegex};
pub(crate) use condition::{Condition, Outcome};
use eval::Evaluation;
use operand::Operand;
use tree::Node;

/// The languages whose expressions are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Groovy,
    JavaScript,
    /// The conditions of JSON paths: JavaScript's operators, `@` for the value, `=~` for patterns.
    JsonPath,
}

setting_enum! {
    /// What becomes of records without a value.
    enum NullHandling { #[default] Keep = "keep", Drop = "drop", Evaluate = "evaluate" }
}

impl Language {
    /// By the name that Java's script engines have.
    fn named(name: &str) -> Option<Self> {
        match name {
            "groovy" | "Groovy" => Some(Language::Groovy),
            "js" | "JS" | "graal.js" | "Graal.js" | "javascript" | "JavaScript" | "ecmascript" | "ECMAScript"
            | "nashorn" => Some(Language::JavaScript),
            _ => None,
        }
    }
}

/// A text that is an expression in one of the languages, for `/validate`, which looks at one setting at a time.
#[derive(Clone, Debug)]
pub(crate) struct ExpressionText;

impl Setting for ExpressionText {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> std::result::Result<Self, Problem> {
        match (parser::parse(text, Language::Groovy), parser::parse(text, Language::JavaScript)) {
            (Err(refusal), Err(_)) => Err(Problem::Because(refusal.to_string())),
            _ => Ok(Self),
        }
    }
}

/// What both transforms have in common: when they look at a record, and the expression that they compute.
struct Script {
    expression: String,
    tree: Node,
    language: Language,
    topics: Option<JavaRegex>,
    nulls: NullHandling,
}

/// What to do with a record before the expression is computed.
enum Look {
    /// Pass it on as it is.
    Away,
    Drop,
    Evaluate,
}

impl Script {
    fn new(props: &Props, key: &str) -> Result<Self> {
        let given = |key: &str| props.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
        let (Some(language), Some(expression)) = (given("language"), given(key)) else {
            return Err(not_valid());
        };
        let invalid = |message: String| Error::config(message).class("io.debezium.DebeziumException");
        let Some(engine) = language.strip_prefix("jsr223.") else {
            let message = "Value for option 'language' must begin with 'jsr223.' or 'wasm', e.g. 'jsr223.groovy'";
            return Err(invalid(message.to_owned()));
        };
        let unparsed = || invalid(format!("Failed to parse expression '{expression}'"));
        let Some(language) = Language::named(engine) else {
            let why = format!("Implementation of language '{engine}' not found on the classpath");
            return Err(unparsed().caused_by(invalid(why)));
        };
        let tree = parser::parse(expression, language)
            .map_err(|refusal| unparsed().caused_by(invalid(refusal.to_string())))?;
        let topics = match given("topic.regex") {
            Some(regex) => Some(
                JavaRegex::new(regex)
                    .map_err(|why| not_valid().caused_by(settings::invalid("topic.regex", Some(regex), &why)))?,
            ),
            None => None,
        };
        let nulls = hidden::setting(props, "null.handling.mode").map_err(|error| not_valid().caused_by(error))?;
        Ok(Self { expression: expression.to_owned(), tree, language, topics, nulls: nulls.unwrap_or_default() })
    }

    fn look(&self, record: &Record) -> Result<Look> {
        if let Some(topics) = &self.topics
            && !topics.matches(&record.topic)?
        {
            return Ok(Look::Away);
        }
        Ok(match self.nulls {
            NullHandling::Evaluate => Look::Evaluate,
            _ if !record.value.value.is_null() => Look::Evaluate,
            NullHandling::Keep => Look::Away,
            NullHandling::Drop => Look::Drop,
        })
    }

    fn evaluate<'a>(&'a self, record: &'a Record) -> Result<Operand<'a>> {
        let evaluation = Evaluation { record, root: None, language: self.language };
        evaluation.value(&self.tree).map_err(|why| self.failure(record, &why))
    }

    /// The JVM prints the record with its contents; here its topic has to do.
    fn failure(&self, record: &Record, why: &str) -> Error {
        let expression = &self.expression;
        envelope::failure(format!(
            "Error while evaluating expression '{expression}' for record of topic {}: {why}",
            record.topic
        ))
    }
}

fn not_valid() -> Error {
    Error::config("The provided configuration isn't valid; check the error log for details.")
        .class("io.debezium.DebeziumException")
}

#[cfg(test)]
mod tests;
