//! The text under which a statement is recorded.

use super::{
    Dialect,
    cursor::inner_text,
    token::{Kind, Lexis, Token},
};

/// The statement from its first to its last token: comments around it are left out, those inside it are kept.
///
/// As Debezium's MySQL connector does, text in double quotes is recorded in single quotes.
pub(super) fn text(statement: &str, tokens: &[Token], dialect: Dialect, lexis: Lexis) -> String {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return String::new() };
    let mut recorded = String::with_capacity(last.end - first.start);
    let mut from = first.start;
    let requoted = |token: &&Token| {
        token.kind == Kind::Text
            && dialect == Dialect::MySql
            && !lexis.ansi_quotes
            && statement[token.start..token.end].starts_with('"')
    };
    for token in tokens.iter().filter(requoted) {
        recorded.push_str(&statement[from..token.start]);
        recorded.push('\'');
        recorded.push_str(&inner_text(&statement[token.start..token.end], dialect));
        recorded.push('\'');
        from = token.end;
    }
    recorded.push_str(&statement[from..last.end]);
    recorded
}

/// A table name as it is written into the text of a statement of its own.
pub(super) fn quoted_name(database: &str, table: &str) -> String {
    let quote = |name: &str| format!("`{}`", name.replace('`', "``"));
    if database.is_empty() { quote(table) } else { format!("{}.{}", quote(database), quote(table)) }
}
