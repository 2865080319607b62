//! Which statements are none of a schema history's business.

use super::token::{Kind, Token};

/// Objects that are created, altered and dropped without any effect on tables.
const OBJECTS: &[&str] = &["USER", "ROLE", "VIEW", "FUNCTION", "PROCEDURE", "TRIGGER"];

/// Whole statements by their first words.
const STATEMENTS: &[&[&str]] = &[
    &["SAVEPOINT"],
    &["GRANT"],
    &["REVOKE"],
    &["ANALYZE"],
    &["OPTIMIZE"],
    &["REPAIR"],
    &["FLUSH"],
    &["REPLACE"],
    &["INSERT"],
    &["UPDATE"],
    &["DELETE"],
    &["BEGIN"],
    &["COMMIT"],
    &["ROLLBACK"],
    &["XA"],
];

/// Words that may stand between CREATE and the kind of object.
const MODIFIERS: &[&str] = &[
    "OR",
    "REPLACE",
    "ALGORITHM",
    "UNDEFINED",
    "MERGE",
    "TEMPTABLE",
    "DEFINER",
    "SQL",
    "SECURITY",
    "INVOKER",
    "AGGREGATE",
];

pub(super) fn is_irrelevant(text: &str, tokens: &[Token]) -> bool {
    let tokens = after_set_statement(text, tokens);
    let word = |at: usize| {
        let token = tokens.get(at).filter(|token| token.kind == Kind::Word)?;
        Some(text[token.start..token.end].to_ascii_uppercase())
    };
    let Some(first) = word(0) else { return tokens.is_empty() };
    if STATEMENTS.iter().any(|words| words[0] == first) {
        return true;
    }
    if !["CREATE", "ALTER", "DROP"].contains(&first.as_str()) {
        return false;
    }
    // The kind of object is the first word that is no modifier; a definer may be any name.
    let mut at = 1;
    while at < tokens.len() {
        match word(at) {
            Some(found) if OBJECTS.contains(&found.as_str()) => return true,
            // Row-based logs have no rows of temporary tables.
            Some(found) if found == "TEMPORARY" => return true,
            Some(found) if found == "DEFINER" => at += definer(text, &tokens[at..]),
            Some(found) if MODIFIERS.contains(&found.as_str()) => at += 1,
            Some(_) => return false,
            None => at += 1,
        }
    }
    false
}

/// The tokens of `DEFINER = user@host` or `DEFINER = CURRENT_USER()`.
fn definer(text: &str, tokens: &[Token]) -> usize {
    let slice = |at: usize| tokens.get(at).map(|token| &text[token.start..token.end]);
    match (slice(1), slice(3)) {
        (Some("="), Some("@")) => 5,
        (Some("="), Some("(")) => 5,
        (Some("="), _) => 3,
        _ => 1,
    }
}

/// MariaDB's `SET STATEMENT a=1, b=2 FOR` goes before the statement that counts.
pub(super) fn after_set_statement<'a>(text: &str, tokens: &'a [Token]) -> &'a [Token] {
    let is = |at: usize, word: &str| {
        tokens.get(at).is_some_and(|t: &Token| t.kind == Kind::Word && text[t.start..t.end].eq_ignore_ascii_case(word))
    };
    if !is(0, "SET") || !is(1, "STATEMENT") {
        return tokens;
    }
    match (2..tokens.len()).find(|at| is(*at, "FOR")) {
        Some(at) => &tokens[at + 1..],
        None => tokens,
    }
}
