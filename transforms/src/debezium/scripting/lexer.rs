//! Expressions cut into words: numbers, names, texts with code inside them, patterns and signs.

use super::Language;

/// What an expression can't be, and where: columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) column: usize,
    pub(crate) why: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at column {}: {}", self.column, self.why)
    }
}

/// A part of a text in double quotes or, in JavaScript, back quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// What stands between `${` and `}`, and where.
    Code(String, usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Number(String),
    Name(String),
    Text(Vec<Part>),
    /// `/.../` with its flags. To Groovy it is a text.
    Pattern(String, String),
    Sign(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) word: Word,
    /// Where it stands, from 0.
    pub(super) at: usize,
}

/// Longer signs come first, so that none is read as the start of another.
const SIGNS: [&str; 50] = [
    "===", "!==", "==~", "<=>", "...", "**", "==", "!=", "=~", "<=", ">=", "&&", "||", "?.", "?:", "??", "?[", "->",
    "=>", "++", "--", "+=", "-=", "<<", ">>", "..", "(", ")", "[", "]", "{", "}", ",", ".", "?", ":", "!", "<", ">",
    "+", "-", "*", "/", "%", "=", ";", "&", "|", "^", "~",
];

pub(super) fn tokens(code: &str, language: Language) -> Result<Vec<Token>, Refusal> {
    let mut lexer = Lexer { chars: code.chars().collect(), at: 0, language, out: Vec::new() };
    lexer.run()?;
    let end = lexer.chars.len();
    lexer.out.push(Token { word: Word::End, at: end });
    Ok(lexer.out)
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    language: Language,
    out: Vec<Token>,
}

impl Lexer {
    fn run(&mut self) -> Result<(), Refusal> {
        while let Some(c) = self.peek(0) {
            let start = self.at;
            let word = match c {
                c if c.is_whitespace() => {
                    self.at += 1;
                    continue;
                }
                '/' if self.peek(1) == Some('/') => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                    continue;
                }
                '/' if self.peek(1) == Some('*') => {
                    self.comment()?;
                    continue;
                }
                '/' if !self.follows_value() => self.pattern()?,
                '\'' | '"' => self.quoted(c)?,
                '@' if self.language == Language::JsonPath => {
                    self.at += 1;
                    Word::Name("@".to_owned())
                }
                '`' if self.language == Language::JavaScript => self.quoted(c)?,
                c if c.is_ascii_digit() => self.number(),
                c if is_name(c) => {
                    let name = self.while_true(|c| is_name(c) || c.is_ascii_digit());
                    Word::Name(name)
                }
                _ => self.sign()?,
            };
            self.out.push(Token { word, at: start });
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn refuse<T>(&self, at: usize, why: impl Into<String>) -> Result<T, Refusal> {
        Err(Refusal { column: at + 1, why: why.into() })
    }

    /// Whether a slash would divide what came before.
    fn follows_value(&self) -> bool {
        match self.out.last().map(|token| &token.word) {
            Some(Word::Sign(sign)) => matches!(*sign, ")" | "]"),
            Some(Word::Name(name)) => !matches!(name.as_str(), "in" | "return"),
            Some(_) => true,
            None => false,
        }
    }

    fn while_true(&mut self, fits: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek(0).is_some_and(&fits) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn comment(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        while !(self.peek(0) == Some('*') && self.peek(1) == Some('/')) {
            if self.peek(0).is_none() {
                return self.refuse(start, "a comment is not closed");
            }
            self.at += 1;
        }
        self.at += 2;
        Ok(())
    }

    /// Digits, a fraction, an exponent, and Java's suffixes, which change nothing here.
    fn number(&mut self) -> Word {
        let mut text = self.while_true(|c| c.is_ascii_digit() || c == '_');
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            text.push('.');
            text += &self.while_true(|c| c.is_ascii_digit() || c == '_');
        }
        if matches!(self.peek(0), Some('e' | 'E')) && self.peek(1).is_some_and(|c| c.is_ascii_digit() || c == '-') {
            text.push('e');
            self.at += 1;
            text.extend(self.peek(0));
            self.at += 1;
            text += &self.while_true(|c| c.is_ascii_digit());
        }
        if let Some(suffix @ ('f' | 'F' | 'd' | 'D')) = self.peek(0) {
            text.push(suffix.to_ascii_lowercase());
        }
        if self.peek(0).is_some_and(|c| "lLgGfFdDiIn".contains(c)) {
            self.at += 1;
        }
        Word::Number(text.replace('_', ""))
    }

    fn pattern(&mut self) -> Result<Word, Refusal> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None | Some('\n') => return self.refuse(start, "a pattern is not closed"),
                Some('/') => break,
                Some('\\') if self.peek(1) == Some('/') => {
                    text.push('/');
                    self.at += 2;
                }
                Some('\\') => {
                    text.push('\\');
                    text.extend(self.peek(1));
                    self.at += 2;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let flags = match self.language {
            Language::JavaScript => self.while_true(|c| c.is_ascii_alphabetic()),
            Language::Groovy | Language::JsonPath => String::new(),
        };
        Ok(Word::Pattern(text, flags))
    }

    fn quoted(&mut self, quote: char) -> Result<Word, Refusal> {
        let start = self.at;
        self.at += 1;
        // Code stands in Groovy's double quotes and in JavaScript's back quotes.
        let with_code = quote == '`' || (quote == '"' && self.language == Language::Groovy);
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => return self.refuse(start, "a text is not closed"),
                Some(c) if c == quote => break,
                Some('\\') => text.push(self.escape()?),
                Some('$') if with_code && self.peek(1) == Some('{') => {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(self.code()?);
                }
                Some('$') if with_code && quote == '"' && self.peek(1).is_some_and(is_name) => {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    self.at += 1;
                    let at = self.at;
                    let mut path = self.while_true(|c| is_name(c) || c.is_ascii_digit());
                    while self.peek(0) == Some('.') && self.peek(1).is_some_and(is_name) {
                        self.at += 1;
                        path.push('.');
                        path += &self.while_true(|c| is_name(c) || c.is_ascii_digit());
                    }
                    parts.push(Part::Code(path, at));
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        parts.push(Part::Text(text));
        Ok(Word::Text(parts))
    }

    fn escape(&mut self) -> Result<char, Refusal> {
        let start = self.at;
        let escaped = self.peek(1);
        self.at += 2;
        Ok(match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => {
                let digits: String = self.chars.iter().skip(self.at).take(4).collect();
                self.at += 4;
                match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                    Some(c) => c,
                    None => return self.refuse(start, "a character's code has four hexadecimal digits"),
                }
            }
            Some(c @ ('\\' | '\'' | '"' | '`' | '$' | '/')) => c,
            _ => return self.refuse(start, "a backslash in a text stands before a character it can't stand before"),
        })
    }

    /// What stands between `${` and the brace that closes it.
    fn code(&mut self) -> Result<Part, Refusal> {
        let start = self.at;
        self.at += 2;
        let from = self.at;
        let mut depth = 1;
        while depth > 0 {
            match self.peek(0) {
                None => return self.refuse(start, "code in a text is not closed"),
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                Some(_) => {}
            }
            self.at += 1;
        }
        Ok(Part::Code(self.chars[from..self.at - 1].iter().collect(), from))
    }

    fn sign(&mut self) -> Result<Word, Refusal> {
        let fits = |sign: &&str| sign.chars().enumerate().all(|(at, c)| self.peek(at) == Some(c));
        match SIGNS.iter().copied().find(fits) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Word::Sign(sign))
            }
            None => self.refuse(self.at, format!("{:?} has no place in an expression", self.chars[self.at])),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}
