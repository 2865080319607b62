//! Properties and methods of texts, lists, maps, rows, schemas and headers.

use std::borrow::Cow;

use connect_api::Value;

use super::{
    Language,
    eval::{Failure, field_value},
    method::Method,
    number::Number,
    operand::Operand,
};
use crate::java_regex::{JavaRegex, Replacement};

type Called<'a> = Result<Operand<'a>, Failure>;

fn integer<'a>(number: usize) -> Operand<'a> {
    Operand::Number(Number::Integer(number as i64))
}

/// `object.name` of all but rows.
pub(super) fn property<'a>(object: &Operand<'a>, name: &str) -> Called<'a> {
    match (object, name) {
        (Operand::Data(Value::Map(_), _) | Operand::Headers(_), _) => {
            item(object, &Operand::Text(Cow::Owned(name.into())))
        }
        (Operand::Header(header), "value") => Ok(Operand::of(&header.value.value, header.value.schema.as_ref())),
        (Operand::Header(header), "schema") => Ok(header.value.schema.as_ref().map_or(Operand::Null, Operand::Schema)),
        (Operand::Moment(ms), "time") => Ok(Operand::Number(Number::Integer(*ms))),
        (Operand::Schema(_) | Operand::Field(_), "name") => call(object, Method::Name, &[], Language::Groovy),
        (Operand::Field(_), "schema") => call(object, Method::Schema, &[], Language::Groovy),
        (_, "length") => object.size().map(integer).ok_or_else(|| no_property(object, name)),
        _ => Err(no_property(object, name)),
    }
}

fn no_property(object: &Operand<'_>, name: &str) -> Failure {
    format!("{} has no property {name}", object.kind())
}

/// `object[index]`
pub(super) fn item<'a>(object: &Operand<'a>, index: &Operand<'_>) -> Called<'a> {
    match (object, index) {
        (Operand::Null, _) => Err("Cannot get an item of a null object".to_owned()),
        (Operand::Data(Value::Struct(row), _), Operand::Text(name)) => {
            let fields = row.schema().fields();
            let found = fields.and_then(|fields| Some((&fields[fields.position(name)?], fields.position(name)?)));
            let (field, at) = found.ok_or_else(|| format!("{name} is not a valid field name"))?;
            Ok(field_value(field, &row.values()[at]))
        }
        (Operand::Data(Value::Map(pairs), schema), key) => {
            let values = match schema.map(|schema| &schema.ty) {
                Some(connect_api::Type::Map(_, values)) => values.as_ref(),
                _ => None,
            };
            let wanted = |found: &&(Value, Value)| Operand::of(&found.0, None).equals(key, Language::Groovy);
            Ok(pairs.iter().find(wanted).map_or(Operand::Null, |(_, value)| Operand::of(value, values)))
        }
        (Operand::Headers(headers), Operand::Text(name)) => {
            Ok(headers.iter().rev().find(|header| header.key == name.as_ref()).map_or(Operand::Null, Operand::Header))
        }
        (_, Operand::Number(number)) => {
            let items = object.items().ok_or_else(|| format!("{} has no items", object.kind()))?;
            // Groovy counts from the end where the number is negative.
            let at = number.to_i64().map(|at| if at < 0 { at + items.len() as i64 } else { at });
            let found = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| items.get(at).cloned());
            Ok(found.unwrap_or(Operand::Null))
        }
        _ => Err(format!("{} has no item by {}", object.kind(), index.kind())),
    }
}

/// Whether a list holds an item, a text a part, a map or headers a key.
pub(super) fn contains(list: &Operand<'_>, item: &Operand<'_>, language: Language) -> Result<bool, Failure> {
    match (list, item) {
        (Operand::Null, _) => Ok(false),
        (Operand::Text(text), Operand::Text(part)) => Ok(text.contains(part.as_ref())),
        (Operand::Data(Value::Map(pairs), _), key) => {
            Ok(pairs.iter().any(|(found, _)| Operand::of(found, None).equals(key, language)))
        }
        (Operand::Headers(headers), Operand::Text(name)) => {
            Ok(headers.iter().any(|header| header.key == name.as_ref()))
        }
        _ => {
            let items = list.items().ok_or_else(|| format!("{} holds no {}", list.kind(), item.kind()))?;
            Ok(items.iter().any(|found| found.equals(item, language)))
        }
    }
}

pub(super) fn call<'a>(
    object: &Operand<'a>,
    method: Method,
    arguments: &[Operand<'a>],
    language: Language,
) -> Called<'a> {
    if let Operand::Null = object {
        return Err("Cannot invoke a method on null object".to_owned());
    }
    let unknown = || format!("{} has no method {method:?} with such arguments", object.kind());
    if let Some(text) = as_text(object, method) {
        return text_call(&text, method, arguments).unwrap_or_else(|| Err(unknown()));
    }
    Ok(match (object, method, arguments) {
        (_, Method::Equals, [other]) => Operand::Boolean(object.equals(other, language)),
        (_, Method::ToText, []) => Operand::Text(object.text().ok_or_else(unknown)?),
        (_, Method::Get, [index]) => item(object, index)?,
        (_, Method::Contains | Method::ContainsKey, [item]) => Operand::Boolean(contains(object, item, language)?),
        (_, Method::Size, []) => object.size().map(integer).ok_or_else(unknown)?,
        (_, Method::IsEmpty, []) => Operand::Boolean(object.size().ok_or_else(unknown)? == 0),
        (Operand::Number(number), Method::ToInteger, []) => {
            Operand::Number(number.to_i64().map_or(Number::Integer(number.to_f64() as i64), Number::Integer))
        }
        (Operand::Number(_), Method::ToNumber, []) => object.clone(),
        (Operand::Pattern(pattern), Method::Finds, [text]) => {
            let text = text.text().ok_or_else(unknown)?;
            Operand::Boolean(pattern.finds(&text).map_err(|error| error.to_string())?)
        }
        (Operand::Moment(ms), Method::Time, []) => Operand::Number(Number::Integer(*ms)),
        (Operand::Header(header), Method::Value, []) => Operand::of(&header.value.value, header.value.schema.as_ref()),
        (Operand::Header(header), Method::Schema, []) => {
            header.value.schema.as_ref().map_or(Operand::Null, Operand::Schema)
        }
        (Operand::Data(Value::Struct(row), _), Method::Schema, []) => {
            // The schema of the place is the row's own, and lives as long as the record.
            Operand::Schema(row.schema())
        }
        (Operand::Schema(schema), Method::Field, [Operand::Text(name)]) => {
            let field = schema.fields().and_then(|fields| fields.get(name));
            field.map_or(Operand::Null, Operand::Field)
        }
        (Operand::Schema(schema), Method::Name, []) => {
            schema.name.as_ref().map_or(Operand::Null, |name| Operand::Text(Cow::Borrowed(name)))
        }
        (Operand::Schema(schema), Method::Version, []) => {
            schema.version.map_or(Operand::Null, |version| Operand::Number(Number::Integer(version.into())))
        }
        (Operand::Schema(schema), Method::IsOptional, []) => Operand::Boolean(schema.optional),
        (Operand::Field(field), Method::Name, []) => Operand::Text(Cow::Borrowed(&field.name)),
        (Operand::Field(field), Method::Schema, []) => Operand::Schema(&field.schema),
        _ => return list_call(object, method, arguments, language).unwrap_or_else(|| Err(unknown())),
    })
}

/// The text whose method is called; a number's are those of numbers, but for the ones that only texts have.
fn as_text<'a>(object: &Operand<'a>, method: Method) -> Option<Cow<'a, str>> {
    match object {
        Operand::Text(text) if !matches!(method, Method::Equals | Method::ToText) => Some(text.clone()),
        _ => None,
    }
}

fn list_call<'a>(
    object: &Operand<'a>,
    method: Method,
    arguments: &[Operand<'a>],
    language: Language,
) -> Option<Called<'a>> {
    let items = object.items()?;
    Some(Ok(match (method, arguments) {
        (Method::First, []) => items.first().cloned().unwrap_or(Operand::Null),
        (Method::Last, []) => items.last().cloned().unwrap_or(Operand::Null),
        (Method::IndexOf, [wanted]) => {
            let at = items.iter().position(|item| item.equals(wanted, language));
            at.map_or(Operand::Number(Number::Integer(-1)), integer)
        }
        (Method::Join, [Operand::Text(between)]) => {
            let texts: Option<Vec<Cow<'_, str>>> = items.iter().map(Operand::text).collect();
            Operand::Text(Cow::Owned(texts?.join(between)))
        }
        _ => return None,
    }))
}

fn text_call<'a>(text: &Cow<'a, str>, method: Method, arguments: &[Operand<'a>]) -> Option<Called<'a>> {
    let owned = |text: String| Operand::Text(Cow::Owned(text));
    let boolean = Operand::Boolean;
    let place = |at: Option<usize>| {
        let units = |at: usize| text[..at].encode_utf16().count();
        at.map_or(Operand::Number(Number::Integer(-1)), |at| integer(units(at)))
    };
    Some(Ok(match (method, arguments) {
        (Method::StartsWith, [Operand::Text(part)]) => boolean(text.starts_with(part.as_ref())),
        (Method::EndsWith, [Operand::Text(part)]) => boolean(text.ends_with(part.as_ref())),
        (Method::Contains, [Operand::Text(part)]) => boolean(text.contains(part.as_ref())),
        (Method::EqualsIgnoreCase, [Operand::Text(other)]) => boolean(text.to_lowercase() == other.to_lowercase()),
        (Method::EqualsIgnoreCase, [_]) => boolean(false),
        (Method::LowerCase, []) => owned(text.to_lowercase()),
        (Method::UpperCase, []) => owned(text.to_uppercase()),
        (Method::Trim, []) => owned(text.trim().to_owned()),
        (Method::Size, []) => integer(text.encode_utf16().count()),
        (Method::IsEmpty, []) => boolean(text.is_empty()),
        (Method::IsBlank, []) => boolean(text.trim().is_empty()),
        (Method::MatchesWhole | Method::Finds, [pattern]) => {
            let whole = method == Method::MatchesWhole;
            return Some(with_pattern(pattern, |regex| {
                let matched = if whole { regex.matches(text) } else { regex.finds(text) };
                matched.map(Operand::Boolean)
            }));
        }
        (Method::Replace, [Operand::Text(from), Operand::Text(to)]) => owned(text.replace(from.as_ref(), to)),
        (Method::ReplaceAll | Method::ReplaceFirst, [pattern, Operand::Text(to)]) => {
            let to = Replacement::new(to);
            let all = method == Method::ReplaceAll;
            return Some(with_pattern(pattern, |regex| {
                let replaced = if all { regex.replace_all(text, &to) } else { regex.replace_first(text, &to) };
                replaced.map(owned)
            }));
        }
        (Method::Substring, [Operand::Number(from)]) => return Some(substring(text, *from, None)),
        (Method::Substring, [Operand::Number(from), Operand::Number(to)]) => {
            return Some(substring(text, *from, Some(*to)));
        }
        (Method::IndexOf, [Operand::Text(part)]) => place(text.find(part.as_ref())),
        (Method::LastIndexOf, [Operand::Text(part)]) => place(text.rfind(part.as_ref())),
        (Method::Split, [between]) => return Some(split(text, between)),
        (Method::Concat, [other]) => owned(format!("{text}{}", other.text()?)),
        (Method::ToInteger, []) => match text.trim().parse() {
            Ok(number) => Operand::Number(Number::Integer(number)),
            Err(_) => return Some(Err("the text is no whole number".to_owned())),
        },
        (Method::ToNumber, []) => match Number::parse(text) {
            Some(number) => Operand::Number(number),
            None => return Some(Err("the text is no number".to_owned())),
        },
        _ => return None,
    }))
}

/// Does something with a pattern, which is compiled here where it is no constant.
fn with_pattern<'a>(pattern: &Operand<'a>, act: impl Fn(&JavaRegex) -> connect_api::Result<Operand<'a>>) -> Called<'a> {
    let done = match pattern {
        Operand::Pattern(regex) => act(regex),
        Operand::Text(pattern) => act(&JavaRegex::new(pattern)?),
        other => return Err(format!("{} is no pattern", other.kind())),
    };
    done.map_err(|error| error.to_string())
}

/// By UTF-16 units, as Java counts.
fn substring<'a>(text: &str, from: Number, to: Option<Number>) -> Called<'a> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let place = |number: Number| number.to_i64().and_then(|at| usize::try_from(at).ok());
    let end = to.map_or(Some(units.len()), place);
    let part = place(from).zip(end).and_then(|(from, end)| units.get(from..end));
    let part = part.ok_or_else(|| format!("the text of {} characters has no such part", units.len()))?;
    Ok(Operand::Text(Cow::Owned(String::from_utf16_lossy(part))))
}

/// The parts between matches of a pattern; empty ones at the end are left out, as in Java.
fn split<'a>(text: &str, between: &Operand<'a>) -> Called<'a> {
    with_pattern(between, |regex| {
        let mut parts = regex.split(text)?;
        while parts.last().is_some_and(String::is_empty) {
            parts.pop();
        }
        Ok(Operand::List(parts.into_iter().map(|part| Operand::Text(Cow::Owned(part))).collect()))
    })
}
