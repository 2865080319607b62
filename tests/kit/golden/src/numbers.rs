//! Cases of numbers: the text Java gives them, the numbers Java reads of a text, and their hashes.
//!
//! A case names more of Java's forms than this product writes; those that it writes are compared.

use connect_api::{Logical, Value, decimal, java, java_text, values};
use connect_testkit::golden::{self, NotRepresentable, Outcome, shown};
use connect_transforms::java_number;
use serde_json::{Value as Json, json};

pub(crate) fn java_text(case: &Json, expected: &Json) -> Outcome {
    let value = match golden::value(&case["value"], None) {
        Ok(value) => value,
        Err(NotRepresentable(what)) => return Outcome::NotRepresentable(what),
    };
    let found = match &value {
        Value::Float64(number) => json!({
            "toString": java::double_text(*number), "bits": format!("{:016x}", number.to_bits()),
            "toFloat": java::float_text(*number as f32), "toLong": *number as i64, "toInt": *number as i32,
            "toShort": *number as i32 as i16, "toByte": *number as i32 as i8,
        }),
        Value::Float32(number) => json!({
            "toString": java::float_text(*number), "bits": format!("{:08x}", number.to_bits()),
            "toDouble": java::double_text((*number).into()), "toLong": *number as i64, "toInt": *number as i32,
        }),
        Value::Logical(logical) => match &**logical {
            Logical::Decimal { unscaled, scale } => json!({
                "toString": decimal::text(unscaled, *scale), "toPlainString": decimal::plain_text(unscaled, *scale),
                "doubleValue": java::double_text(decimal::to_f64(unscaled, *scale)),
                "longValue": decimal::to_i64_wrapping(unscaled, *scale),
            }),
            Logical::Integer(unscaled) => json!({ "toString": decimal::integer_text(unscaled) }),
            Logical::Date(_) => {
                let mut text = String::new();
                java_text::write(&value, None, &mut text);
                json!({ "toString": text })
            }
        },
        value => json!({ "toString": values::text(value, None) }),
    };
    same_members(expected, &found)
}

/// Every member that was found is the expected one, where the case has it.
fn same_members(expected: &Json, found: &Json) -> Outcome {
    for (name, value) in found.as_object().into_iter().flatten() {
        if expected.get(name).is_some_and(|wanted| wanted != value) {
            return Outcome::Failed(format!("{name}: expected {}, got {}", shown(&expected[name]), shown(value)));
        }
    }
    Outcome::Passed
}

pub(crate) fn parse_double(text: &str, expected: &Json) -> Outcome {
    let mut found = json!({});
    match java_number::parse_double(text) {
        Some(number) => {
            found["f64"] = java::double_text(number).into();
            found["f32"] = java_number::parse_float(text).map(java::float_text).into();
        }
        None if expected.get("error").is_some() => {}
        None => return Outcome::Failed(format!("{text:?} was not read, expected {}", shown(expected))),
    }
    if expected.get("error").is_some() && found.get("f64").is_some() {
        return Outcome::Failed(format!("{text:?} was read as {}, expected {}", found["f64"], shown(expected)));
    }
    if let Some((unscaled, scale)) = decimal::parse(text) {
        found["bigDecimal"] = decimal::text(&unscaled, scale).into();
    }
    same_members(expected, &found)
}

pub(crate) fn hash_code(case: &Json, expected: &Json) -> Outcome {
    let value = match golden::value(&case["value"], None) {
        Ok(value) => value,
        Err(NotRepresentable(what)) => return Outcome::NotRepresentable(what),
    };
    match java::hash_code(&value, None) {
        Some(hash) => same_members(expected, &json!({ "hashCode": hash })),
        None => Outcome::NotRepresentable(format!("a hash of {}", value.java_class())),
    }
}
