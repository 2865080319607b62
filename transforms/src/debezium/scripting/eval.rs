//! Computing a tree for a record.

use std::borrow::Cow;

use connect_api::{Field, Record, Value};

use super::{
    Language, calls,
    operand::Operand,
    tree::{Binary, Member, Node, Variable},
};
use crate::java_regex::JavaRegex;

/// Why an expression could not be computed; it never holds the record's contents.
pub(super) type Failure = String;

/// A record being looked at.
pub(super) struct Evaluation<'a> {
    pub(super) record: &'a Record,
    /// What `value` stands for where it is not the record's value.
    pub(super) root: Option<&'a Value>,
    pub(super) language: Language,
}

impl<'a> Evaluation<'a> {
    pub(super) fn value(&self, node: &'a Node) -> Result<Operand<'a>, Failure> {
        Ok(match node {
            Node::Null => Operand::Null,
            Node::Boolean(flag) => Operand::Boolean(*flag),
            Node::Number(number) => Operand::Number(*number),
            Node::Text(text) => Operand::Text(Cow::Borrowed(text)),
            Node::Pattern(pattern) => Operand::Pattern(pattern),
            Node::Template(parts) => {
                let mut out = String::new();
                for part in parts {
                    out += &self.text(part)?;
                }
                Operand::Text(Cow::Owned(out))
            }
            Node::Variable(variable) => self.variable(*variable),
            Node::Missing(name) => return Err(format!("No such property: {name}")),
            Node::Member(member) => self.member(member)?,
            Node::Index { object, index, safe } => {
                let object = self.value(object)?;
                if let (Operand::Null, true) = (&object, safe) {
                    return Ok(Operand::Null);
                }
                calls::item(&object, &self.value(index)?)?
            }
            Node::Call { object, method, arguments, safe } => {
                let object = self.value(object)?;
                if let (Operand::Null, true) = (&object, safe) {
                    return Ok(Operand::Null);
                }
                let arguments = arguments.iter().map(|node| self.value(node)).collect::<Result<Vec<_>, _>>()?;
                calls::call(&object, *method, &arguments, self.language)?
            }
            Node::Not(node) => Operand::Boolean(!self.truth(node)?),
            Node::Negative(node) => match self.value(node)? {
                Operand::Number(number) => Operand::Number(number.negative()),
                other => return Err(format!("{} has no negative", other.kind())),
            },
            Node::Binary(operator, left, right) => self.binary(*operator, left, right)?,
            Node::Matches { text, pattern, whole, compiled } => {
                let Operand::Text(text) = self.value(text)? else { return Ok(Operand::Boolean(false)) };
                let matches = |regex: &JavaRegex| if *whole { regex.matches(&text) } else { regex.finds(&text) };
                let matched = match self.value(pattern)? {
                    Operand::Pattern(regex) => matches(regex),
                    Operand::Text(pattern) => {
                        let mut compiled = compiled.borrow_mut();
                        if compiled.as_ref().is_none_or(|known| known.0 != pattern) {
                            *compiled = Some(Box::new((pattern.clone().into_owned(), JavaRegex::new(&pattern)?)));
                        }
                        compiled.as_ref().map_or(Ok(false), |known| matches(&known.1))
                    }
                    other => return Err(format!("{} is no pattern", other.kind())),
                };
                Operand::Boolean(matched.map_err(|error| error.to_string())?)
            }
            Node::In { item, list, negated } => {
                let (item, list) = (self.value(item)?, self.value(list)?);
                Operand::Boolean(calls::contains(&list, &item, self.language)? != *negated)
            }
            Node::List(items) => {
                Operand::List(items.iter().map(|node| self.value(node)).collect::<Result<Vec<_>, _>>()?)
            }
            Node::Conditional { condition, yes, no } => self.value(if self.truth(condition)? { yes } else { no })?,
            Node::Otherwise { first, second, by_truth } => {
                let first = self.value(first)?;
                let taken = if *by_truth { first.truth(self.language) } else { !matches!(first, Operand::Null) };
                if taken { first } else { self.value(second)? }
            }
        })
    }

    fn variable(&self, variable: Variable) -> Operand<'a> {
        let record = self.record;
        match variable {
            Variable::Key => Operand::of(&record.key.value, record.key.schema.as_ref()),
            Variable::Value if self.root.is_some() => self.root.map_or(Operand::Null, |value| Operand::of(value, None)),
            Variable::Value => Operand::of(&record.value.value, record.value.schema.as_ref()),
            Variable::KeySchema => record.key.schema.as_ref().map_or(Operand::Null, Operand::Schema),
            Variable::ValueSchema => record.value.schema.as_ref().map_or(Operand::Null, Operand::Schema),
            Variable::Topic => Operand::Text(Cow::Borrowed(&record.topic)),
            Variable::Header => Operand::Headers(&record.headers),
        }
    }

    pub(super) fn truth(&self, node: &'a Node) -> Result<bool, Failure> {
        Ok(self.value(node)?.truth(self.language))
    }

    fn text(&self, node: &'a Node) -> Result<Cow<'a, str>, Failure> {
        let operand = self.value(node)?;
        operand.text().ok_or_else(|| format!("{} has no text", operand.kind()))
    }

    fn member(&self, member: &'a Member) -> Result<Operand<'a>, Failure> {
        let object = self.value(&member.object)?;
        let Operand::Data(Value::Struct(row), _) = &object else {
            return match object {
                Operand::Null if member.safe => Ok(Operand::Null),
                Operand::Null => Err(format!("Cannot get property '{}' on null object", member.name)),
                object => calls::property(&object, &member.name),
            };
        };
        let mut place = member.place.borrow_mut();
        let known = place.as_ref().filter(|(schema, _)| schema.same(row.schema())).map(|(_, at)| *at);
        let at = known.unwrap_or_else(|| {
            let at = row.schema().fields().and_then(|fields| fields.position(&member.name));
            *place = Some((row.schema().clone(), at));
            at
        });
        let Some(at) = at else { return Err(format!("{} is not a valid field name", member.name)) };
        let Some(fields) = row.schema().fields() else { return Ok(Operand::Null) };
        Ok(field_value(&fields[at], &row.values()[at]))
    }

    fn binary(&self, operator: Binary, left: &'a Node, right: &'a Node) -> Result<Operand<'a>, Failure> {
        match operator {
            Binary::And | Binary::Or => return self.logic(operator, left, right),
            _ => {}
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        let ordered = |fits: fn(std::cmp::Ordering) -> bool| -> Result<Operand<'a>, Failure> {
            Ok(Operand::Boolean(left.compare(&right)?.is_some_and(fits)))
        };
        match operator {
            Binary::Equal => Ok(Operand::Boolean(left.equals(&right, self.language))),
            Binary::NotEqual => Ok(Operand::Boolean(!left.equals(&right, self.language))),
            Binary::Less => ordered(std::cmp::Ordering::is_lt),
            Binary::LessOrEqual => ordered(std::cmp::Ordering::is_le),
            Binary::Greater => ordered(std::cmp::Ordering::is_gt),
            Binary::GreaterOrEqual => ordered(std::cmp::Ordering::is_ge),
            _ => arithmetic(operator, &left, &right),
        }
    }

    /// Groovy makes booleans of both sides; JavaScript gives the side that decides.
    fn logic(&self, operator: Binary, left: &'a Node, right: &'a Node) -> Result<Operand<'a>, Failure> {
        let first = self.value(left)?;
        let decided = first.truth(self.language) == (operator == Binary::Or);
        let result = if decided { first } else { self.value(right)? };
        Ok(match self.language {
            Language::JavaScript => result,
            _ => Operand::Boolean(result.truth(self.language)),
        })
    }
}

/// The value of a field, or its default where it is null.
pub(super) fn field_value<'a>(field: &'a Field, value: &'a Value) -> Operand<'a> {
    let value = match &field.schema.default {
        Some(default) if value.is_null() => default,
        _ => value,
    };
    Operand::of(value, Some(&field.schema))
}

fn arithmetic<'a>(operator: Binary, left: &Operand<'a>, right: &Operand<'a>) -> Result<Operand<'a>, Failure> {
    let (left, right) = match (left, right) {
        (Operand::Number(left), Operand::Number(right)) => (*left, *right),
        (Operand::Text(_), _) | (_, Operand::Text(_)) if operator == Binary::Add => {
            let text = |operand: &Operand<'a>| operand.text().ok_or_else(|| format!("{} has no text", operand.kind()));
            return Ok(Operand::Text(Cow::Owned(format!("{}{}", text(left)?, text(right)?))));
        }
        _ => return Err(format!("{} and {} can't be computed with", left.kind(), right.kind())),
    };
    let by_zero = || "Division by zero".to_owned();
    Ok(Operand::Number(match operator {
        Binary::Add => left.add(right),
        Binary::Subtract => left.subtract(right),
        Binary::Multiply => left.multiply(right),
        Binary::Divide => left.divide(right).ok_or_else(by_zero)?,
        _ => left.remainder(right).ok_or_else(by_zero)?,
    }))
}
