//! Decimal numbers as the data model holds them: an unscaled integer in big-endian two's complement, and a scale.
//!
//! Texts follow `java.math.BigDecimal`, so that bytes and messages equal the JVM's.

use bytes::Bytes;

/// The integer as decimal digits. No bytes at all read as zero.
pub fn integer_text(unscaled: &[u8]) -> String {
    if unscaled.len() <= 16 {
        return small(unscaled).to_string();
    }
    let negative = unscaled[0] & 0x80 != 0;
    let mut magnitude = unscaled.to_vec();
    if negative {
        negate(&mut magnitude);
    }
    let digits = magnitude_digits(&magnitude);
    if negative { format!("-{digits}") } else { digits }
}

/// Decimal digits, with or without a sign, as the shortest two's complement form; `None` when the text is no integer.
pub fn integer_bytes(text: &str) -> Option<Bytes> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    if digits.len() <= 38 {
        let number: i128 = digits.parse().ok()?;
        return Some(small_bytes(if negative { -number } else { number }));
    }
    let mut magnitude = digits_magnitude(digits);
    if negative {
        negate(&mut magnitude);
    }
    Some(Bytes::copy_from_slice(shortest(&magnitude)))
}

/// A number as the shortest two's complement form (`BigInteger.toByteArray`).
pub fn small_bytes(number: i128) -> Bytes {
    Bytes::copy_from_slice(shortest(&number.to_be_bytes()))
}

/// Two's complement without the leading bytes that only repeat the sign.
pub fn shortest(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, second, ..] = rest {
        let repeats = (*first == 0 && second & 0x80 == 0) || (*first == 0xff && second & 0x80 != 0);
        if !repeats {
            break;
        }
        rest = &rest[1..];
    }
    rest
}

/// `BigDecimal.toString()`: plain where the exponent is small, else scientific.
pub fn text(unscaled: &[u8], scale: i32) -> String {
    let integer = integer_text(unscaled);
    if scale == 0 {
        return integer;
    }
    let (sign, digits) = split_sign(&integer);
    let exponent = digits.len() as i64 - 1 - i64::from(scale);
    if scale > 0 && exponent >= -6 {
        return format!("{sign}{}", with_point(digits, scale));
    }
    let (first, rest) = digits.split_at(1);
    let fraction = if rest.is_empty() { String::new() } else { format!(".{rest}") };
    match exponent {
        0 => format!("{sign}{first}{fraction}"),
        _ => format!("{sign}{first}{fraction}E{exponent:+}"),
    }
}

/// `BigDecimal.toPlainString()`: never with an exponent.
///
/// The caller bounds the scale; a scale from outside may ask for two thousand million zeros.
pub fn plain_text(unscaled: &[u8], scale: i32) -> String {
    let integer = integer_text(unscaled);
    let (sign, digits) = split_sign(&integer);
    match scale {
        0 => integer,
        scale if scale > 0 => format!("{sign}{}", with_point(digits, scale)),
        _ if digits == "0" => "0".to_owned(),
        scale => format!("{sign}{digits}{}", "0".repeat(scale.unsigned_abs() as usize)),
    }
}

/// Reads what `new BigDecimal(text)` reads: digits, a point, an exponent. The scale is the text's own.
pub fn parse(text: &str) -> Option<(Bytes, i32)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_after_sign = whole.trim_start_matches(['+', '-']);
    if whole.len() - digits_after_sign.len() > 1 || digits_after_sign.len() + fraction.len() == 0 {
        return None;
    }
    if fraction.starts_with(['+', '-']) {
        return None;
    }
    let unscaled = integer_bytes(&format!("{whole}{fraction}"))?;
    let scale = i32::try_from(fraction.len() as i64 - exponent).ok()?;
    Some((unscaled, scale))
}

/// The same number at another scale; `None` when that would lose digits or needs more than `DIGITS_MAX` zeros.
pub fn rescale(unscaled: &[u8], from: i32, to: i32) -> Option<Bytes> {
    if from == to {
        return Some(Bytes::copy_from_slice(shortest(unscaled)));
    }
    let integer = integer_text(unscaled);
    if integer == "0" {
        return Some(small_bytes(0));
    }
    let shift = i64::from(to) - i64::from(from);
    let zeros = usize::try_from(shift.unsigned_abs()).ok().filter(|zeros| *zeros <= DIGITS_MAX)?;
    if shift > 0 {
        return integer_bytes(&(integer + &"0".repeat(zeros)));
    }
    let kept = integer.len().checked_sub(zeros)?;
    let (head, tail) = integer.split_at(kept);
    if tail.bytes().any(|digit| digit != b'0') || matches!(head, "" | "-") {
        return None;
    }
    integer_bytes(head)
}

/// `BigDecimal.longValue()`: the fraction cut off, then the low 64 bits.
pub fn to_i64_wrapping(unscaled: &[u8], scale: i32) -> i64 {
    let integer = integer_text(unscaled);
    let (sign, digits) = split_sign(&integer);
    let mut low = 0_u64;
    if scale > 0 {
        let whole = digits.len().saturating_sub(scale.unsigned_abs() as usize);
        for digit in digits[..whole].bytes() {
            low = low.wrapping_mul(10).wrapping_add((digit - b'0').into());
        }
    } else {
        for digit in digits.bytes() {
            low = low.wrapping_mul(10).wrapping_add((digit - b'0').into());
        }
        // 10^64 is a multiple of 2^64, so more zeros change nothing.
        for _ in 0..scale.unsigned_abs().min(64) {
            low = low.wrapping_mul(10);
        }
    }
    let low = if sign.is_empty() { low } else { low.wrapping_neg() };
    low as i64
}

/// `BigDecimal.doubleValue()`: the nearest double, infinite when there is none.
pub fn to_f64(unscaled: &[u8], scale: i32) -> f64 {
    let number = format!("{}e{}", integer_text(unscaled), -i64::from(scale));
    number.parse().expect("digits with an exponent are a double")
}

/// No number of this many digits comes from a database or fits a message; more zeros are an attack.
const DIGITS_MAX: usize = 10_000;

fn small(bytes: &[u8]) -> i128 {
    let mut number = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1_i128 } else { 0 };
    for byte in bytes {
        number = (number << 8) | i128::from(*byte);
    }
    number
}

fn split_sign(integer: &str) -> (&str, &str) {
    match integer.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", integer),
    }
}

fn with_point(digits: &str, scale: i32) -> String {
    let scale = scale.unsigned_abs() as usize;
    match digits.len().checked_sub(scale) {
        Some(whole) if whole > 0 => format!("{}.{}", &digits[..whole], &digits[whole..]),
        _ => format!("0.{digits:0>scale$}"),
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 10 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Turns a magnitude into its two's complement negative and back. The top bit must be free.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(carry.into());
    }
}

/// Nine decimal digits fit a 32-bit limb.
const LIMB: u64 = 1_000_000_000;

fn magnitude_digits(magnitude: &[u8]) -> String {
    let mut limbs: Vec<u64> = Vec::new();
    for byte in magnitude {
        let mut carry = u64::from(*byte);
        for limb in &mut limbs {
            let next = *limb * 256 + carry;
            *limb = next % LIMB;
            carry = next / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut digits = limbs.pop().unwrap_or(0).to_string();
    for limb in limbs.iter().rev() {
        digits += &format!("{limb:09}");
    }
    digits
}

/// With one zero byte in front, so that the top bit is free.
fn digits_magnitude(digits: &str) -> Vec<u8> {
    let mut reversed: Vec<u8> = Vec::with_capacity(digits.len() / 2 + 1);
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut reversed {
            let next = u32::from(*byte) * 10 + carry;
            *byte = (next & 0xff) as u8;
            carry = next >> 8;
        }
        if carry > 0 {
            reversed.push((carry & 0xff) as u8);
        }
    }
    reversed.push(0);
    reversed.reverse();
    reversed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_big_decimal() {
        let check = |unscaled: &str, scale: i32, expected: &str, plain: &str| {
            let bytes = integer_bytes(unscaled).expect("digits");
            assert_eq!(text(&bytes, scale), expected);
            assert_eq!(plain_text(&bytes, scale), plain);
        };
        check("1230", 2, "12.30", "12.30");
        check("-1234", 2, "-12.34", "-12.34");
        check("0", 2, "0.00", "0.00");
        check("12", -3, "1.2E+4", "12000");
        check("1", 10, "1E-10", "0.0000000001");
        check("5", 0, "5", "5");
        check("1", 6, "0.000001", "0.000001");
        check("1", 7, "1E-7", "0.0000001");
        check("0", -3, "0E+3", "0");
        check(
            "12345678901234567890123456789012345678901234567890",
            2,
            "123456789012345678901234567890123456789012345678.90",
            "123456789012345678901234567890123456789012345678.90",
        );
        check(
            "-12345678901234567890123456789012345678901234567890",
            0,
            "-12345678901234567890123456789012345678901234567890",
            "-12345678901234567890123456789012345678901234567890",
        );
    }

    #[test]
    fn texts_read_back_with_their_own_scale() {
        let check = |number: &str, unscaled: &str, scale: i32| {
            assert_eq!(parse(number), Some((integer_bytes(unscaled).expect("digits"), scale)));
        };
        check("12.3456", "123456", 4);
        check("1e3", "1", -3);
        check("-0.50", "-50", 2);
        check(".5", "5", 1);
        check("5.", "5", 0);
        check("+1.5E-2", "15", 3);
        for wrong in ["", "-", ".", "1.2.3", "--1", "1e", "1e+", "0x1", "1 ", "1.-2", "e5", "1e99999999999"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn two_s_complement_is_shortest() {
        let check = |number: i128, bytes: &[u8]| assert_eq!(&small_bytes(number)[..], bytes);
        check(0, &[0]);
        check(127, &[0x7f]);
        check(128, &[0, 0x80]);
        check(-128, &[0x80]);
        check(-129, &[0xff, 0x7f]);
        check(-1, &[0xff]);
    }

    #[test]
    fn numbers_of_any_length_read_back() {
        for digits in ["1".repeat(39), "9".repeat(60), "7".repeat(200)] {
            for number in [digits.clone(), format!("-{digits}")] {
                assert_eq!(integer_text(&integer_bytes(&number).expect("digits")), number);
            }
        }
    }

    #[test]
    fn a_scale_changes_only_where_no_digit_is_lost() {
        let check = |from: i32, to: i32, expected: Option<i128>| {
            assert_eq!(rescale(&small_bytes(1500), from, to), expected.map(small_bytes));
        };
        check(2, 4, Some(150_000));
        check(3, 1, Some(15));
        check(3, 0, None);
        check(9, 0, None);
        check(0, i32::MAX, None);
    }

    #[test]
    fn long_values_wrap() {
        assert_eq!(to_i64_wrapping(&small_bytes(199), 2), 1);
        assert_eq!(to_i64_wrapping(&small_bytes(-199), 2), -1);
        assert_eq!(to_i64_wrapping(&small_bytes(1 << 63), 0), i64::MIN);
        assert_eq!(to_i64_wrapping(&small_bytes(1), -3), 1000);
        assert_eq!(to_i64_wrapping(&small_bytes(1), i32::MIN), 0);
        assert!((to_f64(&small_bytes(15), 1) - 1.5).abs() < f64::EPSILON);
    }
}
