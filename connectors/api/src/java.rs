//! What the JVM's bytes depend on and no schema says: the order of its hash maps and the text of its numbers.

use crate::{Logical, Schema, Type, Value, decimal, schema::logical, time};

/// The order in which a `java.util.HashMap` (JDK 21) iterates string keys that were inserted in this order.
///
/// Kafka Connect finds stored offsets by the bytes of their key, and those bytes follow this order where the JVM's
/// connector used a `HashMap`. The map grows as it is filled by single `put` calls.
pub fn hash_map_order<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let hashes = hashes(keys);
    let mut capacity = 16_usize;
    while hashes.len() * 4 > capacity * 3 {
        capacity *= 2;
    }
    bucket_order(&hashes, capacity)
}

/// The same for `new HashMap<>(map)`, whose size is chosen at once: it is twice as large when just filled.
pub fn hash_map_copy_order<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let hashes = hashes(keys);
    bucket_order(&hashes, (hashes.len() * 4 / 3 + 1).next_power_of_two().max(2))
}

fn hashes<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
    keys.into_iter().map(|key| spread(string_hash(key))).collect()
}

fn bucket_order(hashes: &[u32], capacity: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..hashes.len()).collect();
    // A stable sort keeps the insertion order inside a bucket, as the bucket's list does.
    order.sort_by_key(|at| hashes[*at] as usize & (capacity - 1));
    order
}

/// `String.hashCode()`: over UTF-16 units.
fn string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// `hashCode()` of the object that the JVM would hold for this value; `None` where that is no function of the value
/// (byte arrays and structs with one hash by their address).
pub fn hash_code(value: &Value, schema: Option<&Schema>) -> Option<i32> {
    let name = schema.and_then(|schema| schema.name.as_deref());
    let long = |number: i64| (number ^ (number.cast_unsigned() >> 32).cast_signed()) as i32;
    Some(match (value, name) {
        (Value::Null, _) => 0,
        (Value::Boolean(flag), _) => {
            if *flag {
                1231
            } else {
                1237
            }
        }
        (Value::Int32(days), Some(logical::DATE)) => long(i64::from(*days) * time::DAY_MS),
        (Value::Int8(number), _) => (*number).into(),
        (Value::Int16(number), _) => (*number).into(),
        (Value::Int32(number), _) => *number,
        (Value::Int64(number), _) => long(*number),
        // `floatToIntBits` knows one NaN only.
        (Value::Float32(number), _) if number.is_nan() => f32::NAN.to_bits().cast_signed(),
        (Value::Float32(number), _) => number.to_bits().cast_signed(),
        (Value::Float64(number), _) if number.is_nan() => long(0x7ff8_0000_0000_0000),
        (Value::Float64(number), _) => long(number.to_bits().cast_signed()),
        (Value::String(text), _) => string_hash(text).cast_signed(),
        (Value::Bytes(unscaled), Some(logical::DECIMAL)) => {
            let scale = schema.and_then(|schema| schema.parameter("scale")?.parse().ok()).unwrap_or(0);
            integer_hash(unscaled).wrapping_mul(31).wrapping_add(scale)
        }
        (Value::Array(items), _) => {
            let element = match schema.map(|schema| &schema.ty) {
                Some(Type::Array(element)) => element.as_ref(),
                _ => None,
            };
            let mut hash = 1_i32;
            for item in items {
                hash = hash.wrapping_mul(31).wrapping_add(hash_code(item, element)?);
            }
            hash
        }
        (Value::Map(pairs), _) => {
            let (keys, values) = match schema.map(|schema| &schema.ty) {
                Some(Type::Map(keys, values)) => (keys.as_ref(), values.as_ref()),
                _ => (None, None),
            };
            let mut hash = 0_i32;
            for (key, value) in pairs {
                hash = hash.wrapping_add(hash_code(key, keys)? ^ hash_code(value, values)?);
            }
            hash
        }
        (Value::Logical(logical), _) => match &**logical {
            Logical::Date(ms) => long(*ms),
            Logical::Integer(unscaled) => integer_hash(unscaled),
            Logical::Decimal { unscaled, scale } => integer_hash(unscaled).wrapping_mul(31).wrapping_add(*scale),
        },
        (Value::Bytes(_) | Value::Struct(_), _) => return None,
    })
}

/// `BigInteger.hashCode()`: over the words of the magnitude, with its sign. A decimal's is the same for what fits a
/// long.
fn integer_hash(unscaled: &[u8]) -> i32 {
    let negative = unscaled.first().is_some_and(|first| first & 0x80 != 0);
    let digits = decimal::integer_text(unscaled);
    let magnitude = decimal::integer_bytes(digits.trim_start_matches('-')).unwrap_or_default();
    let hash = magnitude.rchunks(4).rev().fold(0_u32, |hash, word| {
        let word = word.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        hash.wrapping_mul(31).wrapping_add(word)
    });
    let hash = hash.cast_signed();
    if negative { hash.wrapping_neg() } else { hash }
}

/// `HashMap.hash()`: folds the high half into the low one.
fn spread(hash: u32) -> u32 {
    hash ^ (hash >> 16)
}

/// `Double.toString()` of JDK 19 and newer: the shortest digits that read back as the same number.
pub fn double_text(value: f64) -> String {
    if let Some(text) = short_double(value, &mut [0; SHORT_DOUBLE]) {
        return text.to_owned();
    }
    match value {
        v if v.is_nan() => "NaN".into(),
        v if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        v if v == 0.0 => if v.is_sign_negative() { "-0.0" } else { "0.0" }.into(),
        v => {
            let shortest = even_of_two(format!("{v:e}"), 16, |digits| format!("{v:.digits$e}"));
            java_digits(&shortest, || format!("{v:.1e}"))
        }
    }
}

/// Room for the text of [`short_double`].
pub const SHORT_DOUBLE: usize = 24;

/// [`double_text`] of what most doubles are: an amount with few digits behind the point, in the range without exponents.
///
/// Decimals of up to 15 digits are all different doubles. So one that reads back as the number is the only one, and the
/// shortest text is its digits.
pub fn short_double(value: f64, buffer: &mut [u8; SHORT_DOUBLE]) -> Option<&str> {
    const SCALES: [f64; 5] = [1e0, 1e1, 1e2, 1e3, 1e4];
    let size = value.abs();
    if !(1e-3..1e7).contains(&size) {
        return None;
    }
    let nearest = |scale: &f64| (size * scale + 0.5) as u64;
    let scale = SCALES.iter().position(|scale| nearest(scale) as f64 / scale == size)?;
    let mut digits = nearest(&SCALES[scale]);
    let mut at = buffer.len();
    let mut put = |byte: u8| {
        at -= 1;
        buffer[at] = byte;
    };
    let mut digit = || {
        let digit = b'0' + (digits % 10) as u8;
        digits /= 10;
        (digit, digits == 0)
    };
    match scale {
        0 => put(b'0'),
        _ => (0..scale).for_each(|_| put(digit().0)),
    }
    put(b'.');
    loop {
        let (byte, last) = digit();
        put(byte);
        if last {
            break;
        }
    }
    if value < 0.0 {
        put(b'-');
    }
    std::str::from_utf8(&buffer[at..]).ok()
}

/// `Float.toString()`, with the rule of [`double_text`].
pub fn float_text(value: f32) -> String {
    match value {
        v if v.is_nan() || v.is_infinite() || v == 0.0 => double_text(v.into()),
        v => {
            let shortest = even_of_two(format!("{v:e}"), 7, |digits| format!("{v:.digits$e}"));
            java_digits(&shortest, || format!("{v:.1e}"))
        }
    }
}

/// Of two shortest texts that are equally near Java takes the one with the even last digit, Rust the larger one.
///
/// That takes at least `digits_min` digits: shorter ones are too far from each other to read back as one number.
fn even_of_two(shortest: String, digits_min: usize, exactly: impl Fn(usize) -> String) -> String {
    let Some((mantissa, exponent)) = shortest.split_once('e') else { return shortest };
    let Some((_, fraction)) = mantissa.split_once('.') else { return shortest };
    let odd = matches!(mantissa.as_bytes().last(), Some(b'1' | b'3' | b'5' | b'7' | b'9'));
    if fraction.len() + 1 < digits_min || !odd {
        return shortest;
    }
    // Far more digits than a number has that lies exactly between the two.
    let exact = exactly(fraction.len() + 40);
    let Some((digits, exact_exponent)) = exact.split_once('e') else { return shortest };
    let lower = &digits[..mantissa.len()];
    let halfway = digits[mantissa.len()..].trim_end_matches('0') == "5";
    match halfway && exact_exponent == exponent && lower != mantissa {
        true => format!("{lower}e{exponent}"),
        false => shortest,
    }
}

/// Lays out shortest digits (`1.25e-7`) as Java does: plain from 10^-3 up to 10^7, else with `E`.
///
/// Java never writes fewer than two digits: where one would do, it takes the nearest number of two.
fn java_digits(shortest: &str, two_digits: impl FnOnce() -> String) -> String {
    let one_digit = shortest.trim_start_matches('-').find('e') == Some(1);
    let scientific = if one_digit { two_digits() } else { shortest.to_owned() };
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` always writes an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent of a finite number is small");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    let point = exponent + 1;
    let body = match point {
        -2..=0 => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        1..=7 if digits.len() > point.unsigned_abs() as usize => {
            let (whole, fraction) = digits.split_at(point.unsigned_abs() as usize);
            format!("{whole}.{fraction}")
        }
        1..=7 => format!("{digits:0<width$}.0", width = point.unsigned_abs() as usize),
        _ => {
            let (first, rest) = digits.split_at(1);
            format!("{first}.{}E{exponent}", if rest.is_empty() { "0" } else { rest })
        }
    };
    format!("{sign}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_iterate_in_bucket_order() {
        let check = |keys: &[&str], expected: &[&str]| {
            let order: Vec<&str> = hash_map_order(keys.iter().copied()).into_iter().map(|at| keys[at]).collect();
            assert_eq!(order, expected);
        };
        check(&["table", "schema", "db"], &["schema", "table", "db"]);
        check(&["server_id", "task_id", "database"], &["database", "task_id", "server_id"]);
        check(&["a", "zz"], &["zz", "a"]);
    }

    #[test]
    fn numbers_read_as_java_writes_them() {
        let check = |value: f64, expected: &str| assert_eq!(double_text(value), expected);
        check(1.0, "1.0");
        check(1e7, "1.0E7");
        check(9_999_999.0, "9999999.0");
        check(1e-4, "1.0E-4");
        check(0.001, "0.001");
        check(-12.5, "-12.5");
        check(123_456.789, "123456.789");
        check(4.9e-324, "4.9E-324");
        check(-0.0, "-0.0");
        check(-1234.56, "-1234.56");
        check(0.001, "0.001");
        check(-0.05, "-0.05");
        check(9_999_999.5, "9999999.5");
        check(120.0, "120.0");
        check(1.5e300, "1.5E300");
        check(f64::from(2.0_f32.powi(-25)), "2.9802322387695312E-8");
        assert_eq!(float_text(-2_773_509.0 / 8.0), "-346688.62");
        assert_eq!(float_text(0.1), "0.1");
        assert_eq!(float_text(16_777_216.0), "1.6777216E7");
    }

    #[test]
    fn short_texts_are_those_of_the_general_form() {
        for digits in 0..40_000_u32 {
            for scale in [1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0] {
                let number = f64::from(digits * 7 + 1) / scale;
                let mut buffer = [0; SHORT_DOUBLE];
                let Some(text) = short_double(number, &mut buffer) else { continue };
                let general = format!("{number}");
                assert_eq!(text.trim_end_matches(".0"), general);
            }
        }
    }
}
