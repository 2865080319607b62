//! Column defaults, in the form in which schema histories hold them.

use super::{DdlError, cursor::Cursor, token::Kind};

/// What the history holds for the time of insertion: it has no word for it.
const EPOCH: &str = "1970-01-01 00:00:00";

/// What stands after DEFAULT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Default_ {
    Null,
    /// The text of a constant, without its quotes.
    Constant(String),
    /// Computed for each row, so it can't be told in advance.
    Expression,
}

pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Default_, DdlError> {
    if cursor.skip_parentheses() {
        return Ok(Default_::Expression);
    }
    let sign = if cursor.accept_symbol('-') {
        "-"
    } else if cursor.accept_symbol('+') {
        "+"
    } else {
        ""
    };
    let Some(token) = cursor.peek() else { return Err(cursor.error("expected a default value")) };
    match token.kind {
        Kind::Text => cursor.text_literal().map(Default_::Constant),
        Kind::Number => {
            cursor.next();
            Ok(Default_::Constant(format!("{sign}{}", number(cursor.slice(token)))))
        }
        Kind::Word => word(cursor),
        Kind::Name | Kind::Symbol => Err(cursor.error("expected a default value")),
    }
}

/// `0x4142` loses its last digit in a schema history, as the JVM cuts it like a quoted literal; `0b101` is kept whole.
fn number(text: &str) -> &str {
    if let Some(bits) = text.strip_prefix("0b") {
        return bits;
    }
    match text.strip_prefix("0x") {
        Some(hex) => &hex[..hex.char_indices().next_back().map_or(0, |(at, _)| at)],
        None => text,
    }
}

fn word(cursor: &mut Cursor<'_>) -> Result<Default_, DdlError> {
    let Some(token) = cursor.next() else { return Err(cursor.error("expected a default value")) };
    let text = cursor.slice(token);
    // `x'41'`, `b'1'`, `N'x'`, `_utf8mb4'x'`, `DATE '2020-01-01'`.
    if cursor.peek().is_some_and(|next| next.kind == Kind::Text) {
        return cursor.text_literal().map(Default_::Constant);
    }
    // `_binary 0x41`
    if text.starts_with('_') && cursor.peek().is_some_and(|next| next.kind == Kind::Number) {
        return value(cursor);
    }
    let call = cursor.skip_parentheses();
    Ok(match text.to_ascii_uppercase().as_str() {
        "NULL" => Default_::Null,
        "CURRENT_TIMESTAMP" | "NOW" | "LOCALTIME" | "LOCALTIMESTAMP" => Default_::Constant(EPOCH.to_owned()),
        "TRUE" | "FALSE" if !call => Default_::Constant(text.to_owned()),
        _ => Default_::Expression,
    })
}
