//! Reading JSON that no schema describes.

use std::collections::HashMap;

use connect_api::{Str, Value, decimal};

use super::{
    names::{Marks, Name, Names},
    number::{Number, Short},
    parse::{Parsed, Parser, RawText, Token},
};

/// From this many members on, a name given twice is found by hash.
const LINEAR_MEMBERS_MAX: usize = 64;

/// Reads the next value into the place of a null, which stays where nothing is left.
pub(super) fn any(parser: &mut Parser<'_>, names: &mut Names, place: &mut Value) -> Parsed<()> {
    match parser.peek()? {
        Token::End => Ok(()),
        token => item(parser, token, names, Names::NONE, place),
    }
}

/// Puts a value in the place of a null. Values are made where they stay: moving one over the stack costs more than
/// reading it.
#[inline(always)]
pub(super) fn put(place: &mut Value, value: Value) {
    debug_assert!(place.is_null(), "nothing is left behind");
    // There is nothing to drop, which the compiler can't know.
    std::mem::forget(std::mem::replace(place, value));
}

/// `under`: the number of the name that the value stands under.
fn item(parser: &mut Parser<'_>, token: Token, names: &mut Names, under: u16, place: &mut Value) -> Parsed<()> {
    match token {
        Token::Object => put(place, Value::Map(members(parser, names, under)?)),
        Token::Array => put(place, Value::Array(items(parser, names, under)?)),
        _ => scalar(parser, token, place)?,
    }
    Ok(())
}

/// Apart, so that its variables take no part of the stack in each level of nesting.
#[inline]
fn scalar(parser: &mut Parser<'_>, token: Token, place: &mut Value) -> Parsed<()> {
    match token {
        Token::String => parser.put_string(place)?,
        Token::Number => number(parser, place)?,
        Token::True | Token::False => {
            parser.word(token)?;
            put(place, Value::Boolean(token == Token::True));
        }
        Token::Null => parser.word(token)?,
        Token::Object | Token::Array | Token::End => return Err(parser.unexpected("a value")),
    }
    Ok(())
}

#[inline(always)]
fn number(parser: &mut Parser<'_>, place: &mut Value) -> Parsed<()> {
    match parser.short_number() {
        Some(Short::Integer(number)) => put(place, Value::Int64(number)),
        Some(Short::Decimal(number)) => put(place, Value::Float64(number)),
        None => {
            let number = parser.number()?;
            put(place, if number.integral { Value::Int64(long(number)) } else { Value::Float64(number.double()) });
        }
    }
    Ok(())
}

fn items(parser: &mut Parser<'_>, names: &mut Names, under: u16) -> Parsed<Vec<Value>> {
    let mut items = Vec::new();
    let mut more = !parser.open(b']')?;
    while more {
        let token = parser.peek()?;
        items.push(Value::Null);
        if let Some(place) = items.last_mut() {
            item(parser, token, names, under, place)?;
        }
        more = parser.more(b']')?;
    }
    Ok(items)
}

fn members(parser: &mut Parser<'_>, names: &mut Names, under: u16) -> Parsed<Vec<(Value, Value)>> {
    if parser.open(b'}')? {
        return Ok(Vec::new());
    }
    let mut pairs: Vec<(Value, Value)> = Vec::with_capacity(names.room(under));
    while let Some(under) = expected_members(parser, names, under, &mut pairs)? {
        if let Some((_, place)) = pairs.last_mut() {
            let token = parser.peek()?;
            item(parser, token, names, under, place)?;
        }
    }
    if pairs.is_empty() || !parser.close_object() {
        other_members(parser, names, under, &mut pairs)?;
        names.learn(under, &pairs);
    }
    names.took(under, pairs.len());
    Ok(pairs)
}

/// Reads members as long as they are those that are expected, up to the name of one that holds something nested or
/// stands behind a blank; the answer is the number of its name.
///
/// The members of the last object come again most often, in the same order and without blanks: nothing is looked up. A
/// function of its own, so that its variables take no part of the stack in each level of nesting.
#[inline(never)]
fn expected_members(
    parser: &mut Parser<'_>,
    names: &Names,
    under: u16,
    pairs: &mut Vec<(Value, Value)>,
) -> Parsed<Option<u16>> {
    for next in names.expected(under, pairs.len()) {
        if !parser.take_literal(&next.literal) {
            break;
        }
        let place = new_member(pairs, Str::from_static(next.name));
        match parser.byte() {
            Some(b'"') => parser.put_string(place)?,
            Some(b'-' | b'0'..=b'9') => number(parser, place)?,
            Some(b't' | b'f' | b'n') => {
                let token = parser.peek()?;
                scalar(parser, token, place)?;
            }
            _ => return Ok(Some(next.at)),
        }
    }
    Ok(None)
}

/// Reads the members behind those that came as expected, up to the end of the object.
fn other_members(
    parser: &mut Parser<'_>,
    names: &mut Names,
    under: u16,
    pairs: &mut Vec<(Value, Value)>,
) -> Parsed<()> {
    let mut marks = Marks::default();
    for known in names.expected(under, 0).iter().take(pairs.len()) {
        marks.add_kept(known.name, known.at);
    }
    let mut more = pairs.is_empty() || parser.more(b'}')?;
    while more {
        let (under, place) = match names.take(parser) {
            Name::Kept(name, at) if !marks.add_kept(name, at) => (at, new_member(pairs, Str::from_static(name))),
            Name::Kept(name, at) => (at, member(pairs, Str::from_static(name))),
            Name::Plain(name) => {
                let name = parser.owned(RawText::Plain(name))?;
                (Names::NONE, other_member(pairs, &mut marks, name))
            }
            Name::Other => {
                let name = parser.name().and_then(|name| parser.owned(name))?;
                (Names::NONE, other_member(pairs, &mut marks, name))
            }
        };
        let token = parser.peek()?;
        item(parser, token, names, under, place)?;
        more = parser.more(b'}')?;
    }
    if pairs.len() > LINEAR_MEMBERS_MAX {
        keep_last(pairs);
    }
    Ok(())
}

/// The place of a member that is certainly new; the name is made where it stays, too.
#[inline]
fn new_member(pairs: &mut Vec<(Value, Value)>, name: Str) -> &mut Value {
    // A constant is copied from where it is; made here, its bytes would be written and read back at once, in other widths.
    const EMPTY: (Value, Value) = (Value::Null, Value::Null);
    let at = pairs.len();
    pairs.push(EMPTY);
    let (key, value) = &mut pairs[at];
    put(key, Value::String(name));
    value
}

/// The place of a member that may be there already, unless there are too many to look: repeated ones are joined at the end.
#[inline(never)]
fn member(pairs: &mut Vec<(Value, Value)>, name: Str) -> &mut Value {
    let known = match pairs.len() <= LINEAR_MEMBERS_MAX {
        true => pairs.iter().position(|(key, _)| key.as_str() == Some(&name)),
        false => None,
    };
    match known {
        Some(at) => {
            pairs[at].1 = Value::Null;
            &mut pairs[at].1
        }
        None => new_member(pairs, name),
    }
}

fn other_member<'a>(pairs: &'a mut Vec<(Value, Value)>, marks: &mut Marks, name: Str) -> &'a mut Value {
    if marks.add_other(&name) { member(pairs, name) } else { new_member(pairs, name) }
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

/// `JsonNode.floatValue()`.
pub(super) fn float(number: Number<'_>) -> f32 {
    let value: f32 = number.text().parse().unwrap_or(0.0);
    if value == 0.0 { 0.0 } else { value }
}
