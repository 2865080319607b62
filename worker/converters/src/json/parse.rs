//! A pull parser over the bytes of one JSON text: text without escapes is handed out as slices of those bytes.
//!
//! It accepts what Jackson accepts as Kafka Connect configures it: leading zeros are allowed, comments and NaN are not.

use bytes::Bytes;
use connect_api::{Error, ErrorKind, Str, Value};

/// Jackson's limit; deeper nesting is an attack on the stack.
const DEPTH_MAX: u32 = 1000;

/// Boxed, so that the results of the innermost loops stay as small as a value.
pub(super) type Parsed<T> = Result<T, Box<Error>>;

/// What comes next in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
    /// Nothing but blanks is left.
    End,
}

impl Token {
    /// Jackson's name of a node of this kind, for messages.
    pub(super) fn node_type(self) -> &'static str {
        match self {
            Token::Null => "NULL",
            Token::True | Token::False => "BOOLEAN",
            Token::Number => "NUMBER",
            Token::String => "STRING",
            Token::Array => "ARRAY",
            Token::Object => "OBJECT",
            Token::End => "MISSING",
        }
    }
}

pub(super) struct Parser<'a> {
    input: &'a Bytes,
    /// The same, without the way through the shared buffer.
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    depth: u32,
    text: Text<'a>,
}

/// What follows the first string that was met, from there on. Checking it at once costs less than checking each string.
enum Text<'a> {
    Unknown,
    From(usize, &'a str),
    /// It is not UTF-8 as a whole.
    Invalid(usize),
}

impl<'a> Parser<'a> {
    pub(super) fn new(input: &'a Bytes) -> Self {
        let at = if input.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { input, bytes: input, at, depth: 0, text: Text::Unknown }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes on at a position that [`Self::position`] gave.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> Bytes {
        self.input.slice(from..to)
    }

    /// Leaves an object whose closing bracket stands here.
    #[inline]
    pub(super) fn close_object(&mut self) -> bool {
        let closed = self.byte() == Some(b'}');
        if closed {
            self.at += 1;
            self.depth -= 1;
        }
        closed
    }

    /// Looks at the next value without taking it.
    #[inline]
    pub(super) fn peek(&mut self) -> Parsed<Token> {
        self.skip_blanks();
        let Some(byte) = self.byte() else { return Ok(Token::End) };
        Ok(match byte {
            b'"' => Token::String,
            b'{' => Token::Object,
            b'[' => Token::Array,
            b'-' | b'0'..=b'9' => Token::Number,
            b't' => Token::True,
            b'f' => Token::False,
            b'n' => Token::Null,
            _ => return Err(self.unexpected("a value")),
        })
    }

    /// Takes the word that [`Self::peek`] found: `null`, `true` or `false`.
    pub(super) fn word(&mut self, token: Token) -> Parsed<()> {
        let word: &[u8] = match token {
            Token::Null => b"null",
            Token::True => b"true",
            _ => b"false",
        };
        let rest = &self.bytes[self.at..];
        if !rest.starts_with(word) || !rest.get(word.len()).is_none_or(is_delimiter) {
            return Err(self.unexpected("null, true or false"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes a string.
    pub(super) fn string(&mut self) -> Parsed<Str> {
        let mut value = Value::Null;
        self.put_string(&mut value)?;
        match value {
            Value::String(text) => Ok(text),
            _ => Err(invalid_utf8(self.at)),
        }
    }

    /// Takes a string and puts it in the place of a null.
    #[inline(always)]
    pub(super) fn put_string(&mut self, place: &mut Value) -> Parsed<()> {
        let from = self.at + 1;
        let to = plain_end(self.bytes, from);
        if self.bytes.get(to) != Some(&b'"') {
            return self.put_escaped(place);
        }
        self.at = to + 1;
        match self.text_from(from) {
            Some((start, text)) if Str::put_short(text, from - start..to - start, place) => Ok(()),
            _ => self.put_long(from, to, place),
        }
    }

    #[inline(never)]
    fn put_escaped(&mut self, place: &mut Value) -> Parsed<()> {
        let text = self.raw_string().and_then(|text| self.owned(text))?;
        *place = Value::String(text);
        Ok(())
    }

    /// Puts a string that is long, stands at the end of the message or in one that is not UTF-8 as a whole.
    #[inline(never)]
    fn put_long(&mut self, from: usize, to: usize, place: &mut Value) -> Parsed<()> {
        let text = Str::from_utf8(self.input.slice(from..to)).map_err(|_| invalid_utf8(from))?;
        *place = Value::String(text);
        Ok(())
    }

    /// The text that holds what stands at this position, with its own start.
    #[inline(always)]
    fn text_from(&mut self, at: usize) -> Option<(usize, &'a str)> {
        match self.text {
            Text::From(start, text) if start <= at => Some((start, text)),
            Text::Invalid(start) if start <= at => None,
            _ => self.check_text(at),
        }
    }

    #[inline(never)]
    fn check_text(&mut self, at: usize) -> Option<(usize, &'a str)> {
        match std::str::from_utf8(&self.bytes[at..]) {
            Ok(text) => {
                self.text = Text::From(at, text);
                Some((at, text))
            }
            Err(_) => {
                self.text = Text::Invalid(at);
                None
            }
        }
    }

    /// The bytes of a string without escapes, or what its escapes stand for; not checked to be UTF-8.
    pub(super) fn raw_string(&mut self) -> Parsed<RawText<'a>> {
        let (from, to, plain) = self.string_span()?;
        let bytes = self.bytes;
        if plain {
            return Ok(RawText::Plain(&bytes[from..to]));
        }
        unescape(&bytes[from..to])
            .map(RawText::Unescaped)
            .ok_or_else(|| syntax(format!("a wrong escape at byte {from}")))
    }

    /// Text that was taken, as a string of its own where it is no slice of the input.
    pub(super) fn owned(&self, text: RawText<'a>) -> Parsed<Str> {
        let text = match text {
            RawText::Plain(bytes) => Str::from_utf8(self.input.slice_ref(bytes)).ok(),
            RawText::Unescaped(bytes) => String::from_utf8(bytes).ok().map(Str::from),
        };
        text.ok_or_else(|| invalid_utf8(self.at))
    }

    /// Enters an array or object whose opening bracket comes next; true when it is empty and already left.
    pub(super) fn open(&mut self, close: u8) -> Parsed<bool> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(syntax(format!("values are nested deeper than {DEPTH_MAX}")));
        }
        self.at += 1;
        self.skip_blanks();
        if self.byte() == Some(close) {
            self.at += 1;
            self.depth -= 1;
            return Ok(true);
        }
        Ok(false)
    }

    /// Counts levels that are visited by seeking, where the brackets around them are left already.
    pub(super) fn descend(&mut self, levels: u32) -> Parsed<()> {
        self.depth += levels;
        if self.depth > DEPTH_MAX {
            return Err(syntax(format!("values are nested deeper than {DEPTH_MAX}")));
        }
        Ok(())
    }

    pub(super) fn ascend(&mut self, levels: u32) {
        self.depth -= levels;
    }

    /// After an item: true when another one follows, false when the bracket closed.
    #[inline]
    pub(super) fn more(&mut self, close: u8) -> Parsed<bool> {
        self.skip_blanks();
        match self.byte() {
            Some(b',') => {
                self.at += 1;
                self.skip_blanks();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ => Err(self.unexpected(if close == b'}' { "',' or '}'" } else { "',' or ']'" })),
        }
    }

    /// Takes a member's name without escapes and the colon right behind it, as writers write them; else nothing.
    #[inline]
    pub(super) fn plain_name(&mut self) -> Option<&'a [u8]> {
        let bytes = self.bytes;
        if bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let from = self.at + 1;
        let to = plain_end(bytes, from);
        let found = bytes.get(to..to + 2) == Some(b"\":");
        found.then(|| {
            self.at = to + 2;
            &bytes[from..to]
        })
    }

    /// Takes a member's name and the colon after it.
    #[inline]
    pub(super) fn name(&mut self) -> Parsed<RawText<'a>> {
        if self.byte() != Some(b'"') {
            return Err(self.unexpected("a member's name"));
        }
        let name = self.raw_string()?;
        self.colon()?;
        Ok(name)
    }

    /// As [`Self::skip`], but nothing at all is no error.
    pub(super) fn skip_if_any(&mut self) -> Parsed<()> {
        if self.peek()? == Token::End { Ok(()) } else { self.skip() }
    }

    /// Takes any value, checking its syntax, and forgets it.
    pub(super) fn skip(&mut self) -> Parsed<()> {
        match self.peek()? {
            Token::End => Err(self.unexpected("a value")),
            Token::String => self.raw_string().map(drop),
            Token::Number => self.number().map(drop),
            token @ (Token::Null | Token::True | Token::False) => self.word(token),
            Token::Array => {
                let mut more = !self.open(b']')?;
                while more {
                    self.skip()?;
                    more = self.more(b']')?;
                }
                Ok(())
            }
            Token::Object => {
                let mut more = !self.open(b'}')?;
                while more {
                    self.name()?;
                    self.skip()?;
                    more = self.more(b'}')?;
                }
                Ok(())
            }
        }
    }

    /// The error for what stands here in the place of something else.
    #[cold]
    pub(super) fn unexpected(&self, expected: &str) -> Box<Error> {
        match self.byte() {
            Some(byte) if byte.is_ascii_graphic() => {
                syntax(format!("unexpected '{}' at byte {}, expected {expected}", byte as char, self.at))
            }
            Some(byte) => syntax(format!("unexpected byte {byte:#04x} at byte {}, expected {expected}", self.at)),
            None => syntax(format!("unexpected end of input at byte {}, expected {expected}", self.at)),
        }
    }

    fn colon(&mut self) -> Parsed<()> {
        if self.byte() != Some(b':') {
            self.skip_blanks();
            if self.byte() != Some(b':') {
                return Err(self.unexpected("':'"));
            }
        }
        self.at += 1;
        Ok(())
    }

    /// The byte that stands here.
    #[inline]
    pub(super) fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    /// Takes a string: where its text starts and ends, and whether it has no escapes.
    fn string_span(&mut self) -> Parsed<(usize, usize, bool)> {
        let start = self.at + 1;
        let mut at = start;
        let mut plain = true;
        loop {
            at = plain_end(self.bytes, at);
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    at += 2;
                }
                _ => {
                    self.at = at.min(self.bytes.len());
                    return Err(self.unexpected("the end of a string"));
                }
            }
        }
        self.at = at + 1;
        Ok((start, at, plain))
    }
}

/// Text of a member's name or of a string, without a copy where it has no escapes.
pub(super) enum RawText<'a> {
    Plain(&'a [u8]),
    Unescaped(Vec<u8>),
}

impl std::ops::Deref for RawText<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            RawText::Plain(bytes) => bytes,
            RawText::Unescaped(bytes) => bytes,
        }
    }
}

/// A failure of the text itself, in the form in which the JVM's converter reports it.
#[cold]
pub(super) fn syntax(what: impl Into<String>) -> Box<Error> {
    let cause = Error::new(ErrorKind::Data, what).class("org.apache.kafka.common.errors.SerializationException");
    Box::new(
        Error::data("Converting byte[] to Kafka Connect data failed due to serialization error: ").caused_by(cause),
    )
}

#[cold]
fn invalid_utf8(at: usize) -> Box<Error> {
    syntax(format!("the string at byte {at} is not UTF-8"))
}

pub(super) fn is_delimiter(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}')
}

/// The first quote, backslash or control character from here on, or the end.
#[inline]
fn plain_end(bytes: &[u8], from: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = EACH * 0x80;
    let mut at = from.min(bytes.len());
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let zero_in = |word: u64| word.wrapping_sub(EACH) & !word & HIGH;
        let control = word.wrapping_sub(EACH * 0x20) & !word & HIGH;
        let found = control | zero_in(word ^ (EACH * u64::from(b'"'))) | zero_in(word ^ (EACH * u64::from(b'\\')));
        if found != 0 {
            // A borrow makes marks only behind a true one, so the first mark is true.
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    rest.map_or(bytes.len(), |more| at + more)
}

/// What a text with escapes stands for; `None` when an escape is wrong.
fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        let character = match escape {
            b'"' | b'\\' | b'/' => escape as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = hex_unit(rest)?;
                rest = &rest[4..];
                let low = rest.strip_prefix(b"\\u").and_then(hex_unit);
                match (unit, low) {
                    (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                        rest = &rest[6..];
                        let code = 0x10000 + ((u32::from(unit) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
                        char::from_u32(code)?
                    }
                    // Half a pair has no place in UTF-8.
                    _ => char::from_u32(unit.into()).unwrap_or('\u{fffd}'),
                }
            }
            _ => return None,
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn hex_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
