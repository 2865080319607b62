//! What the JVM's bytes depend on and no schema says: the order of its hash maps and the text of its numbers.

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

/// `HashMap.hash()`: folds the high half into the low one.
fn spread(hash: u32) -> u32 {
    hash ^ (hash >> 16)
}

/// `Double.toString()` of JDK 19 and newer: the shortest digits that read back as the same number.
pub fn double_text(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".into(),
        v if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        v if v == 0.0 => if v.is_sign_negative() { "-0.0" } else { "0.0" }.into(),
        v => java_digits(&format!("{v:e}"), || format!("{v:.1e}")),
    }
}

/// `Float.toString()`, with the rule of [`double_text`].
pub fn float_text(value: f32) -> String {
    match value {
        v if v.is_nan() || v.is_infinite() || v == 0.0 => double_text(v.into()),
        v => java_digits(&format!("{v:e}"), || format!("{v:.1e}")),
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
        check(1.5e300, "1.5E300");
        assert_eq!(float_text(0.1), "0.1");
        assert_eq!(float_text(16_777_216.0), "1.6777216E7");
    }
}
