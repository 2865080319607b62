//! Reading header text: a literal, a number, a date, an array, a map, or else a string.
//!
//! The JVM's parser stops after the first value that it understands, so `1,2` reads as 1. That is kept: headers mean
//! to a connector here what they mean to it there.

use std::sync::LazyLock;

use crate::{
    Schema, SchemaAndValue, SchemaBuilder, Str, Type, Value, decimal,
    schema::logical,
    time,
    values::align::{CommonSchema, align, date_value, restate},
};

/// Deeper nesting is an attack on the stack.
const DEPTH_MAX: u32 = 100;

/// The value that a header's text stands for; `None` where it is nested too deeply to be read.
pub fn parse(text: &Str) -> Option<SchemaAndValue> {
    if !text.starts_with(may_start_a_value) {
        return Some(SchemaAndValue::new(STRING.clone(), Value::String(text.clone())));
    }
    let mut parser = Parser { text, tokens: Tokens { text, at: 0, next: None }, depth: 0 };
    match parser.value(false) {
        Ok(value) => Some(value),
        Err(Stop::TooDeep) => None,
        Err(Stop::NoValue) => Some(SchemaAndValue::new(STRING.clone(), Value::String(text.clone()))),
    }
}

/// Spares most text the parser: whatever else it starts with, it is a string.
fn may_start_a_value(first: char) -> bool {
    matches!(first, '[' | '{' | 'n' | 't' | 'f' | '+' | '-') || first.is_whitespace() || first.is_numeric()
}

static STRING: LazyLock<Schema> = LazyLock::new(|| SchemaBuilder::string().build());
static BOOLEAN: LazyLock<Schema> = LazyLock::new(|| SchemaBuilder::boolean().build());

enum Stop {
    /// The text is no value of the kind it began as.
    NoValue,
    TooDeep,
}

type Parsed = Result<SchemaAndValue, Stop>;

struct Parser<'a> {
    text: &'a Str,
    tokens: Tokens<'a>,
    depth: u32,
}

impl Parser<'_> {
    /// The next value. One within another must be whole; at the top, what follows it is ignored.
    fn value(&mut self, embedded: bool) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Stop::TooDeep);
        }
        let parsed = self.value_here(embedded);
        self.depth -= 1;
        parsed
    }

    fn value_here(&mut self, embedded: bool) -> Parsed {
        if !self.tokens.has_next() {
            return Ok(SchemaAndValue::NULL);
        }
        if embedded && self.tokens.take("\"") {
            return Ok(self.quoted());
        }
        if self.literal("null", embedded) {
            return Ok(SchemaAndValue::NULL);
        }
        for (literal, value) in [("true", true), ("false", false)] {
            if self.literal(literal, embedded) {
                return Ok(SchemaAndValue::new(BOOLEAN.clone(), Value::Boolean(value)));
            }
        }
        let start = self.tokens.position();
        let container = if self.tokens.take("[") {
            Some(self.array())
        } else if self.tokens.take("{") {
            Some(self.map())
        } else {
            None
        };
        match container {
            Some(Err(Stop::NoValue)) => self.tokens.rewind(start),
            Some(parsed) => return parsed,
            None => {}
        }
        let token = self.tokens.next();
        if token.trim().is_empty() {
            return Ok(SchemaAndValue::new(STRING.clone(), token.into()));
        }
        self.scalar(token.trim(), embedded)
    }

    /// A word that must be all there is, unless it stands within another value.
    fn literal(&mut self, word: &str, embedded: bool) -> bool {
        let start = self.tokens.position();
        if self.tokens.take(word) && (embedded || !self.tokens.has_next()) {
            return true;
        }
        self.tokens.rewind(start);
        false
    }

    fn scalar(&mut self, token: &str, embedded: bool) -> Parsed {
        let token = with_ascii_digits(token);
        let digit = token.starts_with(|c: char| c.is_ascii_digit());
        if digit && let Some(value) = self.date(&token) {
            return Ok(value);
        }
        if (digit || token.starts_with(['+', '-']))
            && let Some(value) = number(&token)
        {
            return Ok(value);
        }
        if embedded {
            return Err(Stop::NoValue);
        }
        Ok(SchemaAndValue::new(STRING.clone(), Value::String(self.text.clone())))
    }

    /// A date whose colons may have split it into five tokens.
    fn date(&mut self, token: &str) -> Option<SchemaAndValue> {
        let start = self.tokens.position();
        if let Some(rest) = self.tokens.next_four()
            && let Some(value) = date(&format!("{token}{rest}"))
        {
            return Some(value);
        }
        self.tokens.rewind(start);
        date(token)
    }

    /// Text in quotes reads as a date where it is one, else as what it is, escapes and all.
    fn quoted(&mut self) -> SchemaAndValue {
        let mut content = String::new();
        while self.tokens.has_next() && !self.tokens.take_exactly("\"") {
            content.push_str(self.tokens.next());
        }
        date(&content).unwrap_or_else(|| SchemaAndValue::new(STRING.clone(), content.into()))
    }

    fn array(&mut self) -> Parsed {
        let (mut items, mut common) = (Vec::new(), CommonSchema::default());
        while self.tokens.has_next() {
            if self.tokens.take("]") {
                return finish_array(items, &common);
            }
            if self.tokens.take(",") {
                return Err(Stop::NoValue);
            }
            let item = self.value(true)?;
            common.merge(item.schema.as_ref());
            items.push(item);
            self.separator("]")?;
        }
        Err(Stop::NoValue)
    }

    fn map(&mut self) -> Parsed {
        let mut pairs: Vec<(SchemaAndValue, SchemaAndValue)> = Vec::new();
        let (mut keys, mut values) = (CommonSchema::default(), CommonSchema::default());
        while self.tokens.has_next() {
            if self.tokens.take("}") {
                return finish_map(pairs, &keys, &values);
            }
            if self.tokens.take(",") {
                return Err(Stop::NoValue);
            }
            let key = self.value(true)?;
            if key.value.is_null() || !self.tokens.take(":") {
                return Err(Stop::NoValue);
            }
            let value = self.value(true)?;
            keys.merge(key.schema.as_ref());
            values.merge(value.schema.as_ref());
            match pairs.iter_mut().find(|(known, _)| known.value == key.value) {
                Some(known) => known.1 = value,
                None => pairs.push((key, value)),
            }
            self.separator("}")?;
        }
        Err(Stop::NoValue)
    }

    /// Takes the comma after an item, unless the end comes next.
    fn separator(&mut self, end: &str) -> Result<(), Stop> {
        let start = self.tokens.position();
        if self.tokens.take(end) {
            self.tokens.rewind(start);
            return Ok(());
        }
        if self.tokens.take(",") { Ok(()) } else { Err(Stop::NoValue) }
    }
}

fn finish_array(items: Vec<SchemaAndValue>, common: &CommonSchema) -> Parsed {
    let fit = |item: SchemaAndValue| match common.get() {
        Some(schema) => align(item.value, item.schema.as_ref(), schema).ok_or(Stop::NoValue),
        None => Ok(restate(item.value, item.schema.as_ref(), None)),
    };
    let values = items.into_iter().map(fit).collect::<Result<Vec<Value>, Stop>>()?;
    let schema = SchemaBuilder::of(Type::Array(common.get().cloned())).build();
    Ok(SchemaAndValue::new(schema, Value::Array(values)))
}

fn finish_map(pairs: Vec<(SchemaAndValue, SchemaAndValue)>, keys: &CommonSchema, values: &CommonSchema) -> Parsed {
    let values = if keys.get().is_some() { values.get() } else { None };
    let fit = |data: SchemaAndValue, schema: Option<&Schema>| match schema {
        Some(schema) => align(data.value, data.schema.as_ref(), schema).ok_or(Stop::NoValue),
        None => Ok(restate(data.value, data.schema.as_ref(), None)),
    };
    let pair = |(key, value)| Ok((fit(key, keys.get())?, fit(value, values)?));
    let pairs = pairs.into_iter().map(pair).collect::<Result<Vec<_>, Stop>>()?;
    let schema = SchemaBuilder::of(Type::Map(keys.get().cloned(), values.cloned())).build();
    Ok(SchemaAndValue::new(schema, Value::Map(pairs)))
}

/// A number in the smallest type that holds it: an integer, a float, a double, a decimal.
fn number(token: &str) -> Option<SchemaAndValue> {
    let (unscaled, scale) = decimal::parse(token)?;
    let simple = |builder: SchemaBuilder, value| Some(SchemaAndValue::new(builder.build(), value));
    if let Some(integer) = decimal::rescale(&unscaled, scale, 0)
        && integer.len() <= 8
    {
        let number = decimal::to_i64_wrapping(&integer, 0);
        return match (i8::try_from(number), i16::try_from(number), i32::try_from(number)) {
            (Ok(number), ..) => simple(SchemaBuilder::int8(), Value::Int8(number)),
            (_, Ok(number), _) => simple(SchemaBuilder::int16(), Value::Int16(number)),
            (.., Ok(number)) => simple(SchemaBuilder::int32(), Value::Int32(number)),
            _ => simple(SchemaBuilder::int64(), Value::Int64(number)),
        };
    }
    if scale != 0 {
        let number = token.trim_start_matches('+');
        if let Some(float) = number.parse::<f32>().ok().filter(|float| float.is_finite()) {
            return simple(SchemaBuilder::float32(), Value::Float32(float));
        }
        if let Some(double) = number.parse::<f64>().ok().filter(|double| double.is_finite()) {
            return simple(SchemaBuilder::float64(), Value::Float64(double));
        }
    }
    let schema = SchemaBuilder::bytes().name(logical::DECIMAL).version(1).parameter("scale", scale.to_string());
    simple(schema, Value::Bytes(unscaled))
}

/// A date, time or timestamp, told by its length and read leniently: months and days may overflow.
fn date(token: &str) -> Option<SchemaAndValue> {
    let token = token.replace("\\:", ":");
    let mut fields = Fields { rest: &token };
    let (name, builder, ms) = match token.encode_utf16().count() {
        10 => (logical::DATE, SchemaBuilder::int32(), fields.day()? * time::DAY_MS),
        13 => (logical::TIME, SchemaBuilder::int32(), fields.time_of_day()?),
        24 => {
            let day = fields.day()?;
            fields.separator('T')?;
            (logical::TIMESTAMP, SchemaBuilder::int64(), day * time::DAY_MS + fields.time_of_day()?)
        }
        _ => return None,
    };
    let schema = builder.name(name).version(1).build();
    Some(SchemaAndValue::new(schema, date_value(ms, Some(name))))
}

/// Reads the fields of a date one after the other.
struct Fields<'a> {
    rest: &'a str,
}

impl Fields<'_> {
    fn day(&mut self) -> Option<i64> {
        let year = self.number()?;
        self.separator('-')?;
        let month = self.number()?;
        self.separator('-')?;
        Some(time::days_of_date(year, month, self.number()?))
    }

    fn time_of_day(&mut self) -> Option<i64> {
        let hour = self.number()?;
        self.separator(':')?;
        let minute = self.number()?;
        self.separator(':')?;
        let second = self.number()?;
        self.separator('.')?;
        let ms = self.number()?;
        self.separator('Z')?;
        Some(((hour * 60 + minute) * 60 + second) * 1000 + ms)
    }

    fn number(&mut self) -> Option<i64> {
        let trimmed = self.rest.trim_start_matches([' ', '\t']);
        let unsigned = trimmed.strip_prefix('-').unwrap_or(trimmed);
        let digits = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
        if digits == 0 {
            return None;
        }
        let end = trimmed.len() - unsigned.len() + digits;
        let number = trimmed[..end].parse().ok().filter(|number: &i64| number.abs() < 1_000_000_000)?;
        self.rest = &trimmed[end..];
        Some(number)
    }

    fn separator(&mut self, separator: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(separator)?;
        Some(())
    }
}

/// Java reads the digits of every script; of those, full-width and Arabic ones are read here.
fn with_ascii_digits(token: &str) -> String {
    let digit = |c: char| {
        let zero = [0xff10, 0x0660, 0x06f0].into_iter().find(|zero| (*zero..*zero + 10).contains(&u32::from(c)));
        zero.and_then(|zero| char::from_digit(u32::from(c) - zero, 10)).unwrap_or(c)
    };
    token.chars().map(digit).collect()
}

/// The text cut at delimiters that no backslash precedes.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// A token that was looked at and not taken.
    next: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    fn position(&self) -> usize {
        self.at - self.next.map_or(0, str::len)
    }

    fn rewind(&mut self, position: usize) {
        self.at = position;
        self.next = None;
    }

    fn has_next(&self) -> bool {
        self.next.is_some() || self.at < self.text.len()
    }

    fn next(&mut self) -> &'a str {
        self.next.take().unwrap_or_else(|| self.cut())
    }

    /// Four tokens as one text; none where there are fewer.
    fn next_four(&mut self) -> Option<&'a str> {
        let start = self.position();
        for _ in 0..4 {
            if !self.has_next() {
                self.rewind(start);
                return None;
            }
            self.next();
        }
        Some(&self.text[start..self.at])
    }

    /// Takes the next token if it is this one, blanks around it ignored.
    fn take(&mut self, expected: &str) -> bool {
        if !self.has_next() {
            return false;
        }
        let mut token = self.next();
        while token.trim().is_empty() && self.at < self.text.len() {
            token = self.cut();
        }
        let found = token.trim() == expected;
        self.next = (!found).then_some(token);
        found
    }

    fn take_exactly(&mut self, expected: &str) -> bool {
        let token = self.next();
        self.next = (token != expected).then_some(token);
        token == expected
    }

    fn cut(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            match c {
                '\\' => escaped = !escaped,
                ':' | ',' | '{' | '}' | '[' | ']' | '"' if !escaped => {
                    end = if at == 0 { 1 } else { at };
                    break;
                }
                _ => escaped = false,
            }
        }
        self.at += end;
        &rest[..end]
    }
}
