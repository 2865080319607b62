//! Reading JSON that no schema describes.

use std::collections::HashMap;

use connect_api::{Str, Value, decimal};

use super::{
    names::Names,
    parse::{Number, Parsed, Parser, RawText, Token},
};

/// From this many members on, a name given twice is found by hash.
const LINEAR_MEMBERS_MAX: usize = 64;

/// Reads the next value; null where nothing is left.
pub(super) fn any(parser: &mut Parser<'_>, names: &mut Names) -> Parsed<Value> {
    match parser.peek()? {
        Token::End => Ok(Value::Null),
        token => item(parser, token, names),
    }
}

fn item(parser: &mut Parser<'_>, token: Token, names: &mut Names) -> Parsed<Value> {
    match token {
        Token::String => parser.string().map(Value::String),
        Token::Number => {
            let number = parser.number()?;
            Ok(if number.integral { Value::Int64(long(number)) } else { Value::Float64(double(number)) })
        }
        Token::Object => members(parser, names).map(Value::Map),
        Token::Array => items(parser, names).map(Value::Array),
        Token::True | Token::False => parser.word(token).map(|()| Value::Boolean(token == Token::True)),
        Token::Null => parser.word(token).map(|()| Value::Null),
        Token::End => Err(parser.unexpected("a value")),
    }
}

fn items(parser: &mut Parser<'_>, names: &mut Names) -> Parsed<Vec<Value>> {
    let mut items = Vec::new();
    let mut more = !parser.open(b']')?;
    while more {
        let token = parser.peek()?;
        items.push(item(parser, token, names)?);
        more = parser.more(b']')?;
    }
    Ok(items)
}

fn members(parser: &mut Parser<'_>, names: &mut Names) -> Parsed<Vec<(Value, Value)>> {
    let mut pairs = Vec::new();
    let mut more = !parser.open(b'}')?;
    if more {
        pairs.reserve(names.room(parser.depth()));
    }
    let depth = parser.depth();
    let mut marks = Marks::default();
    while more {
        let name = match parser.plain_name().map(|name| names.get(name).ok_or(name)) {
            Some(Ok(known)) => Str::from_static(known),
            Some(Err(name)) => parser.owned(RawText::Plain(name))?,
            None => parser.name().and_then(|name| parser.owned(name))?,
        };
        let token = parser.peek()?;
        let value = item(parser, token, names)?;
        let maybe_repeated = marks.add(&name) && pairs.len() <= LINEAR_MEMBERS_MAX;
        match maybe_repeated.then(|| value_of(&mut pairs, &name)).flatten() {
            Some(known) => *known = value,
            None => pairs.push((Value::String(name), value)),
        }
        more = parser.more(b'}')?;
    }
    if pairs.len() > LINEAR_MEMBERS_MAX {
        keep_last(&mut pairs);
    }
    names.took(depth, pairs.len());
    Ok(pairs)
}

fn value_of<'a>(pairs: &'a mut [(Value, Value)], name: &str) -> Option<&'a mut Value> {
    pairs.iter_mut().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

/// Tells cheaply that no name was met before; that one was, it says too often rather than too seldom.
#[derive(Default)]
struct Marks([u64; 4]);

impl Marks {
    fn add(&mut self, name: &str) -> bool {
        let mark = super::names::fingerprint(name.as_bytes());
        let bit = 1_u64 << (mark & 63);
        let word = &mut self.0[mark as usize >> 6 & 3];
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }
}

/// Of members with the same name only the last value counts, in the place of the first.
pub(super) fn keep_last(pairs: &mut Vec<(Value, Value)>) {
    if pairs.len() > LINEAR_MEMBERS_MAX {
        return keep_last_of_many(pairs);
    }
    let mut at = 1;
    while at < pairs.len() {
        match pairs[..at].iter().position(|(key, _)| *key == pairs[at].0) {
            Some(first) => {
                let (_, value) = pairs.remove(at);
                pairs[first].1 = value;
            }
            None => at += 1,
        }
    }
}

fn keep_last_of_many(pairs: &mut Vec<(Value, Value)>) {
    if pairs.iter().any(|(key, _)| key.as_str().is_none()) {
        return keep_last_of_any(pairs);
    }
    let mut places: HashMap<Str, usize> = HashMap::with_capacity(pairs.len());
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs.drain(..) {
        if let Value::String(name) = &key {
            match places.get(name) {
                Some(first) => {
                    kept[*first].1 = value;
                    continue;
                }
                None => places.insert(name.clone(), kept.len()),
            };
        }
        kept.push((key, value));
    }
    *pairs = kept;
}

/// Keys that are no strings: their JSON-like debug form tells equal ones apart well enough to hash.
fn keep_last_of_any(pairs: &mut Vec<(Value, Value)>) {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(pairs.len());
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs.drain(..) {
        match places.entry(format!("{key:?}")) {
            std::collections::hash_map::Entry::Occupied(first) => kept[*first.get()].1 = value,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push((key, value));
            }
        }
    }
    *pairs = kept;
}

/// `JsonNode.longValue()`: the fraction cut off, then the low 64 bits.
pub(super) fn long(number: Number<'_>) -> i64 {
    if let Some(value) = number.small {
        return value;
    }
    if number.integral
        && let Ok(value) = number.text().parse()
    {
        return value;
    }
    decimal::parse(number.text()).map_or(0, |(unscaled, scale)| decimal::to_i64_wrapping(&unscaled, scale))
}

/// `JsonNode.doubleValue()`; a decimal has no negative zero.
pub(super) fn double(number: Number<'_>) -> f64 {
    let value: f64 = number.text().parse().unwrap_or(0.0);
    if value == 0.0 { 0.0 } else { value }
}

/// `JsonNode.floatValue()`.
pub(super) fn float(number: Number<'_>) -> f32 {
    let value: f32 = number.text().parse().unwrap_or(0.0);
    if value == 0.0 { 0.0 } else { value }
}
