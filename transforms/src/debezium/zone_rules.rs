//! Which fields a time zone is applied to: the rules of `include.list` and `exclude.list`.

use connect_api::Result;

use super::envelope;
use crate::java_regex::JavaRegex;

/// A list as Java prints it: rules after the first may leave out `source` or `topic`, which then still holds.
const LIST: &str = r#"\[(source|topic|[".\w\s_]+):([".\w\s_]+(?::[".\w\s_]+)?(?:,|]$))+"#;

/// The rules of both lists.
pub(crate) struct Rules {
    included: Vec<Rule>,
    excluded: Vec<Rule>,
}

struct Rule {
    kind: RuleKind,
    name: String,
    /// Every field where none is named.
    field: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RuleKind {
    Topic,
    Table,
    Either,
}

/// The fields of a table's rows that are converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    None,
    All,
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Choice {
    pub(crate) fn takes(&self, field: &str) -> bool {
        match self {
            Choice::None => false,
            Choice::All => true,
            Choice::Only(names) => names.iter().any(|name| name == field),
            Choice::AllBut(names) => names.iter().all(|name| name != field),
        }
    }
}

impl Rules {
    pub(crate) fn new(included: Vec<String>, excluded: Vec<String>) -> Result<Self> {
        Ok(Self { included: rules(&included, "include")?, excluded: rules(&excluded, "exclude")? })
    }

    pub(crate) fn choose(&self, topic: &str, table: &str) -> Choice {
        let matching = |rules: &[Rule]| -> Option<Option<Vec<String>>> {
            let found: Vec<&Rule> = rules.iter().filter(|rule| rule.matches(topic, table)).collect();
            if found.is_empty() {
                return None;
            }
            Some(found.iter().map(|rule| rule.field.clone()).collect())
        };
        match (self.included.is_empty(), self.excluded.is_empty()) {
            (true, true) => Choice::All,
            (false, _) => match matching(&self.included) {
                None => Choice::None,
                Some(None) => Choice::All,
                Some(Some(fields)) => Choice::Only(fields),
            },
            (true, false) => match matching(&self.excluded) {
                None => Choice::All,
                Some(None) => Choice::None,
                Some(Some(fields)) => Choice::AllBut(fields),
            },
        }
    }
}

impl Rule {
    fn matches(&self, topic: &str, table: &str) -> bool {
        match self.kind {
            RuleKind::Topic => self.name == topic,
            RuleKind::Table => self.name == table,
            RuleKind::Either => self.name == topic || self.name == table,
        }
    }
}

fn rules(list: &[String], which: &str) -> Result<Vec<Rule>> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let invalid = || {
        envelope::failure(format!(
            "Invalid {which} list format. Please specify a list of rules in the format of \
             \"source:<tablename>:<fieldnames>\", \"topic:<topicname>:<fieldnames>\", \"<matchname>:<fieldnames>\""
        ))
    };
    let pattern = JavaRegex::new(LIST).expect("a constant pattern");
    if !pattern.matches(&format!("[{}]", list.join(", ")))? {
        return Err(invalid());
    }
    let mut kind = RuleKind::Either;
    let mut rules = Vec::with_capacity(list.len());
    for text in list {
        let mut parts: Vec<&str> = text.split(':').map(str::trim).collect();
        match parts.first() {
            Some(&"source") => kind = RuleKind::Table,
            Some(&"topic") => kind = RuleKind::Topic,
            _ => parts.insert(0, ""),
        }
        let Some(name) = parts.get(1).filter(|name| !name.is_empty()) else { return Err(invalid()) };
        rules.push(Rule { kind, name: (*name).to_owned(), field: parts.get(2).map(|field| (*field).to_owned()) });
    }
    Ok(rules)
}
