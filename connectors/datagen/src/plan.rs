//! How the values of a schema are made: everything the schema says, read once.

use connect_api::{Bytes, Schema, Str, Struct, Type, Value, decimal};

use crate::{
    arguments::Length,
    counter::{Counter, RealCounter},
    pattern::Pattern,
    random::Random,
};

/// A schema and the way to its values.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    schema: Schema,
    make: Make,
}

#[derive(Clone, Debug)]
pub(crate) enum Make {
    Null,
    /// One of these.
    Options(Vec<Value>),
    /// True this often.
    Boolean(f64),
    /// Turns each time; what it is next.
    Flip(bool),
    /// From the first up to, but not including, the second.
    Integer(i128, i128),
    Count(Counter),
    /// As integers.
    Real(f64, f64),
    CountReal(RealCounter),
    Text(Text),
    /// Unscaled, as integers.
    Decimal(i128, i128),
    Bytes(Length),
    List(Box<Plan>, Length),
    Map(Box<Plan>, Box<Plan>, Length),
    Record(Vec<Plan>),
    /// A value or null, as often the one as the other.
    Optional(Box<Plan>),
    /// A struct with a field for each branch, of which one has a value; null is a branch without a field.
    Union {
        branches: Vec<Plan>,
        null: bool,
    },
}

/// A text with what always stands around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) prefix: String,
    pub(crate) suffix: String,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Characters(Length),
    Pattern(Pattern, Length),
    Count(Counter),
}

impl Default for Body {
    fn default() -> Self {
        Body::Characters(Length { min: 8, max: 16, given: false })
    }
}

impl Plan {
    pub(crate) fn new(schema: Schema, make: Make) -> Self {
        Self { schema, make }
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The next value.
    pub(crate) fn make(&mut self, random: &mut Random) -> Value {
        let integer = |number: i128, ty: &Type| match ty {
            Type::Int32 => Value::Int32(i32::try_from(number).expect("a plan keeps to the range of its type")),
            _ => Value::Int64(i64::try_from(number).expect("a plan keeps to the range of its type")),
        };
        let real = |number: f64, ty: &Type| match ty {
            Type::Float32 => Value::Float32(number as f32),
            _ => Value::Float64(number),
        };
        match &mut self.make {
            Make::Null => Value::Null,
            Make::Options(options) => options[random.below(options.len())].clone(),
            Make::Boolean(odds) => Value::Boolean(random.unit() < *odds),
            Make::Flip(next) => {
                *next = !*next;
                Value::Boolean(!*next)
            }
            Make::Integer(min, max) => integer(random.integer(*min, *max), &self.schema.ty),
            Make::Count(counter) => integer(counter.next(), &self.schema.ty),
            Make::Real(min, max) => real(random.real(*min, *max), &self.schema.ty),
            Make::CountReal(counter) => real(counter.next(), &self.schema.ty),
            Make::Text(text) => Value::String(text.make(random)),
            Make::Decimal(min, max) => Value::Bytes(decimal::small_bytes(random.integer(*min, *max))),
            Make::Bytes(length) => {
                let bytes: Vec<u8> = (0..length.choose(random)).map(|_| random.next() as u8).collect();
                Value::Bytes(Bytes::from(bytes))
            }
            Make::List(element, length) => {
                Value::Array((0..length.choose(random)).map(|_| element.make(random)).collect())
            }
            Make::Map(key, value, length) => map(key, value, length.choose(random), random),
            Make::Record(fields) => {
                let values = fields.iter_mut().map(|field| field.make(random)).collect();
                Value::Struct(Struct::new(self.schema.clone(), values))
            }
            Make::Optional(plan) => {
                if random.below(2) == 0 {
                    Value::Null
                } else {
                    plan.make(random)
                }
            }
            Make::Union { branches, null } => {
                let chosen = random.below(branches.len() + usize::from(*null));
                if chosen == branches.len() {
                    return Value::Null;
                }
                let mut values = vec![Value::Null; branches.len()];
                values[chosen] = branches[chosen].make(random);
                Value::Struct(Struct::new(self.schema.clone(), values))
            }
        }
    }

    /// Counts on as if this many records had been made.
    pub(crate) fn skip(&mut self, records: u64) {
        match &mut self.make {
            Make::Flip(next) => *next ^= records % 2 == 1,
            Make::Count(counter) | Make::Text(Text { body: Body::Count(counter), .. }) => counter.skip(records),
            Make::CountReal(counter) => counter.skip(records),
            Make::List(plan, _) | Make::Optional(plan) => plan.skip(records),
            Make::Map(key, value, _) => {
                key.skip(records);
                value.skip(records);
            }
            Make::Record(plans) | Make::Union { branches: plans, .. } => {
                plans.iter_mut().for_each(|plan| plan.skip(records));
            }
            Make::Null
            | Make::Options(_)
            | Make::Boolean(_)
            | Make::Integer(..)
            | Make::Real(..)
            | Make::Text(_)
            | Make::Decimal(..)
            | Make::Bytes(_) => {}
        }
    }
}

/// A key that came before keeps its place and takes the new value, as in Java's maps.
fn map(key: &mut Plan, value: &mut Plan, count: usize, random: &mut Random) -> Value {
    let mut pairs: Vec<(Value, Value)> = Vec::with_capacity(count);
    for _ in 0..count {
        let (key, value) = (key.make(random), value.make(random));
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some(pair) => pair.1 = value,
            None => pairs.push((key, value)),
        }
    }
    Value::Map(pairs)
}

impl Length {
    fn choose(self, random: &mut Random) -> usize {
        self.min + random.below(self.max - self.min)
    }
}

impl Text {
    fn make(&mut self, random: &mut Random) -> Str {
        let mut out = self.prefix.clone();
        match &mut self.body {
            Body::Characters(length) => {
                // Printable characters: the original's control characters are of no use in test data.
                let character = |random: &mut Random| char::from(b' ' + random.below(95) as u8);
                out.extend((0..length.choose(random)).map(|_| character(random)));
            }
            Body::Pattern(pattern, length) => pattern.text(*length, random, &mut out),
            Body::Count(counter) => out.push_str(itoa::Buffer::new().format(counter.next())),
        }
        out.push_str(&self.suffix);
        out.into()
    }
}
