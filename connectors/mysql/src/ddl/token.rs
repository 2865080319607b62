//! Splits SQL text into tokens, as the server would: comments are gone, executed comments are opened.

use super::{DdlError, Dialect};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a bare name.
    Word,
    /// A name in backticks, or in double quotes under ANSI_QUOTES.
    Name,
    /// Text in single or double quotes.
    Text,
    Number,
    /// One other character.
    Symbol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// How the session that ran the statement wrote its SQL.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lexis {
    pub(super) ansi_quotes: bool,
    pub(super) no_backslash_escapes: bool,
}

pub(super) fn tokenize(text: &str, dialect: Dialect, lexis: Lexis) -> Result<Vec<Token>, DdlError> {
    Lexer { text, bytes: text.as_bytes(), dialect, lexis, at: 0, tokens: Vec::new() }.run()
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    dialect: Dialect,
    lexis: Lexis,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn run(mut self) -> Result<Vec<Token>, DdlError> {
        while let Some(byte) = self.bytes.get(self.at).copied() {
            let start = self.at;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => self.at += 1,
                b'#' => self.skip_line(),
                b'-' if self.starts("--") && self.bytes.get(self.at + 2).is_none_or(|b| *b <= b' ') => self.skip_line(),
                b'/' if self.starts("/*") => self.open_comment()?,
                // The end of an executed comment; it has no meaning elsewhere.
                b'*' if self.starts("*/") => self.at += 2,
                b'`' => self.quoted(b'`', Kind::Name)?,
                b'"' if self.lexis.ansi_quotes => self.quoted(b'"', Kind::Name)?,
                b'\'' | b'"' => self.quoted(byte, Kind::Text)?,
                b'0'..=b'9' => self.number_or_word(),
                b'.' if self.starts_fraction() => self.number_or_word(),
                _ if word_byte(byte) => {
                    self.skip_word();
                    self.push(Kind::Word, start);
                }
                _ => {
                    self.at += 1;
                    self.push(Kind::Symbol, start);
                }
            }
        }
        Ok(self.tokens)
    }

    fn starts(&self, prefix: &str) -> bool {
        self.bytes[self.at..].starts_with(prefix.as_bytes())
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, start, end: self.at });
    }

    fn skip_line(&mut self) {
        self.at = self.bytes[self.at..].iter().position(|b| *b == b'\n').map_or(self.bytes.len(), |n| self.at + n + 1);
    }

    fn skip_word(&mut self) {
        while self.bytes.get(self.at).copied().is_some_and(word_byte) {
            self.at += 1;
        }
    }

    /// A comment is skipped; one that this server executes is entered instead.
    fn open_comment(&mut self) -> Result<(), DdlError> {
        let marker = match self.dialect {
            _ if self.starts("/*!") => 3,
            Dialect::MariaDb if self.starts("/*M!") => 4,
            _ => 0,
        };
        if marker > 0 {
            let digits = self.bytes[self.at + marker..].iter().take(6).take_while(|b| b.is_ascii_digit()).count();
            let version: u32 = self.text[self.at + marker..self.at + marker + digits].parse().unwrap_or(0);
            if executed(self.dialect, version) {
                self.at += marker + digits;
                return Ok(());
            }
        }
        match self.text[self.at..].find("*/") {
            Some(length) => {
                self.at += length + 2;
                Ok(())
            }
            None => Err(DdlError::new(self.text, self.at, "a comment without end")),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind) -> Result<(), DdlError> {
        let start = self.at;
        let escapes = kind == Kind::Text && !self.lexis.no_backslash_escapes;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(DdlError::new(self.text, start, "a quoted text without end")),
                Some(b'\\') if escapes => self.at += 2,
                Some(byte) if *byte == quote && self.bytes.get(self.at + 1) == Some(&quote) => self.at += 2,
                Some(byte) if *byte == quote => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        self.push(kind, start);
        Ok(())
    }

    /// `.5` is a number where no name stands before the dot.
    fn starts_fraction(&self) -> bool {
        let digit = self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit);
        let after_name = self.tokens.last().is_some_and(|t| t.end == self.at && t.kind != Kind::Symbol);
        digit && !after_name
    }

    /// Digits may begin a name (`1st`), and a number may go on with a fraction and an exponent.
    fn number_or_word(&mut self) {
        let start = self.at;
        self.skip_word();
        let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        let hex_or_bits =
            self.bytes[start..self.at].starts_with(b"0x") || self.bytes[start..self.at].starts_with(b"0b");
        if digits(&self.bytes[start..self.at]) && self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.skip_word();
        }
        let ends_with_exponent = self.bytes[start..self.at].last().is_some_and(|b| matches!(b, b'e' | b'E'));
        if ends_with_exponent && matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
            self.at += 1;
            self.skip_word();
        }
        let number = hex_or_bits || is_number(&self.bytes[start..self.at]);
        self.push(if number { Kind::Number } else { Kind::Word }, start);
    }
}

fn is_number(text: &[u8]) -> bool {
    let mantissa = text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
    let exponent = text.get(mantissa + 1..).unwrap_or_default();
    text[..mantissa].iter().all(|b| b.is_ascii_digit() || *b == b'.')
        && exponent.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'))
        && (mantissa == text.len() || !exponent.is_empty())
}

fn word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Whether a server of today runs what stands in `/*!version ... */`.
///
/// MariaDB leaves out what is meant for MySQL 5.7 and newer.
fn executed(dialect: Dialect, version: u32) -> bool {
    match dialect {
        Dialect::MySql => version <= 99_999,
        Dialect::MariaDb => !(50_700..=99_999).contains(&version),
    }
}
