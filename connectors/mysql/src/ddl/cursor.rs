//! Walking over the tokens of one statement.

use super::{
    DdlError, Dialect,
    token::{Kind, Token},
};

/// A place in a statement. Words are compared without regard to case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) dialect: Dialect,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect, tokens: &'a [Token]) -> Self {
        Self { text, dialect, tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at + ahead).copied()
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn slice(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    /// Where the next token starts; the end of the text when there is none.
    pub(super) fn position(&self) -> usize {
        self.peek().map_or(self.text.len(), |token| token.start)
    }

    /// Where the token before this place ends.
    pub(super) fn previous_end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.end)
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> DdlError {
        DdlError::new(self.text, self.position(), problem)
    }

    /// The next bare word in upper case.
    pub(super) fn word(&self) -> Option<String> {
        let token = self.peek()?;
        (token.kind == Kind::Word).then(|| self.slice(token).to_ascii_uppercase())
    }

    pub(super) fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        self.peek_at(ahead).is_some_and(|t| t.kind == Kind::Word && self.slice(t).eq_ignore_ascii_case(word))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.is_word_at(0, word)
    }

    pub(super) fn accept(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn accept_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.accept(word))
    }

    /// All the words in a row, or none of them.
    pub(super) fn accept_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(ahead, word)| self.is_word_at(ahead, word));
        if found {
            self.at += words.len();
        }
        found
    }

    pub(super) fn is_symbol(&self, symbol: char) -> bool {
        self.peek().is_some_and(|t| t.kind == Kind::Symbol && self.text[t.start..].starts_with(symbol))
    }

    pub(super) fn accept_symbol(&mut self, symbol: char) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: char) -> Result<(), DdlError> {
        if self.accept_symbol(symbol) { Ok(()) } else { Err(self.error(format!("expected `{symbol}`"))) }
    }

    /// A name, bare or quoted.
    pub(super) fn name(&mut self) -> Result<String, DdlError> {
        let Some(token) = self.peek() else { return Err(self.error("expected a name")) };
        let name = match token.kind {
            Kind::Word => self.slice(token).to_owned(),
            Kind::Name => unquote(self.slice(token)),
            // `"t"` is a name under ANSI_QUOTES, which a session may have set without our knowledge.
            Kind::Text => unquote(self.slice(token)),
            Kind::Number | Kind::Symbol => return Err(self.error("expected a name")),
        };
        self.at += 1;
        Ok(name)
    }

    /// `table` or `database.table`.
    pub(super) fn qualified_name(&mut self) -> Result<(Option<String>, String), DdlError> {
        let first = self.name()?;
        if self.accept_symbol('.') { Ok((Some(first), self.name()?)) } else { Ok((None, first)) }
    }

    /// The names in a parenthesised list of key parts; `None` for a part that is an expression.
    pub(super) fn key_parts(&mut self) -> Result<Vec<Option<String>>, DdlError> {
        self.expect_symbol('(')?;
        let mut parts = Vec::new();
        loop {
            if self.is_symbol('(') {
                parts.push(None);
            } else {
                parts.push(Some(self.name()?));
            }
            self.skip_clause();
            if self.accept_symbol(')') {
                return Ok(parts);
            }
            self.expect_symbol(',')?;
        }
    }

    /// Skips a balanced pair of parentheses, if one stands here.
    pub(super) fn skip_parentheses(&mut self) -> bool {
        if !self.is_symbol('(') {
            return false;
        }
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match self.slice(token) {
                "(" if token.kind == Kind::Symbol => depth += 1,
                ")" if token.kind == Kind::Symbol => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        true
    }

    /// Skips to the next comma or closing parenthesis on this level.
    pub(super) fn skip_clause(&mut self) {
        while !self.is_done() && !self.is_symbol(',') && !self.is_symbol(')') {
            self.step();
        }
    }

    /// One token, or a whole pair of parentheses.
    pub(super) fn step(&mut self) {
        if !self.skip_parentheses() {
            self.at += 1;
        }
    }

    /// Text in quotes as it stands between them; literals in a row are one text, as in C.
    pub(super) fn text_literal(&mut self) -> Result<String, DdlError> {
        let mut text = match self.peek() {
            Some(token) if token.kind == Kind::Text => inner_text(self.slice(token), self.dialect),
            _ => return Err(self.error("expected a text in quotes")),
        };
        self.at += 1;
        while let Some(token) = self.peek().filter(|t| t.kind == Kind::Text) {
            text += &inner_text(self.slice(token), self.dialect);
            self.at += 1;
        }
        Ok(text)
    }

    /// The numbers of `(10)` or `(10,2)`.
    pub(super) fn numbers(&mut self) -> Option<(i32, Option<i32>)> {
        let mut ahead = *self;
        let number = |cursor: &mut Self| {
            let token = cursor.next().filter(|t| t.kind == Kind::Number)?;
            cursor.slice(token).parse().ok()
        };
        if !ahead.accept_symbol('(') {
            return None;
        }
        let first = number(&mut ahead)?;
        let second = if ahead.accept_symbol(',') { Some(number(&mut ahead)?) } else { None };
        if !ahead.accept_symbol(')') {
            return None;
        }
        *self = ahead;
        Some((first, second))
    }
}

/// The name between its quotes; a doubled quote stands for one.
fn unquote(text: &str) -> String {
    let Some(quote) = text.chars().next() else { return String::new() };
    let doubled: String = [quote, quote].iter().collect();
    text[1..text.len() - 1].replace(&doubled, &quote.to_string())
}

/// What stands between the quotes. Escapes stay as they are written, as schema histories keep them; MySQL's
/// double-quoted text is read as if it had been written in single quotes.
pub(super) fn inner_text(literal: &str, dialect: Dialect) -> String {
    let inner = &literal[1..literal.len() - 1];
    if literal.starts_with('"') && dialect == Dialect::MySql { inner.replace('\'', "''") } else { inner.to_owned() }
}
