//! Single JSON values as bytes: text, numbers, binary data.

use base64::Engine;
use connect_api::decimal::integer_text;

/// A JSON string; everything that JSON demands is escaped, nothing else.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escaped(text, out);
    out.push(b'"');
}

/// The inside of a JSON string.
pub(crate) fn escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !ESCAPED[usize::from(*byte)] {
            continue;
        }
        out.extend_from_slice(&bytes[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[start..]);
}

const ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 0x20 {
        table[at] = true;
        at += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

pub(crate) fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest digits that read back as the same number; what is no number becomes text, as Jackson writes it.
pub(crate) fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        serde_json::to_writer(out, &value).expect("writing a number to memory can't fail");
    } else {
        out.extend_from_slice(not_finite(value));
    }
}

/// As [`double`], with the digits that a float needs.
pub(crate) fn float(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        serde_json::to_writer(out, &value).expect("writing a number to memory can't fail");
    } else {
        out.extend_from_slice(not_finite(value.into()));
    }
}

fn not_finite(value: f64) -> &'static [u8] {
    if value.is_nan() {
        b"\"NaN\""
    } else if value > 0.0 {
        b"\"Infinity\""
    } else {
        b"\"-Infinity\""
    }
}

pub(crate) fn boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(crate) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    base64::engine::general_purpose::STANDARD
        .encode_slice(bytes, &mut out[start..])
        .expect("four characters for each three bytes were made room for");
    out.push(b'"');
}

/// The double nearest to an unscaled big-endian two's complement number with a scale.
pub(crate) fn decimal_as_double(unscaled: &[u8], scale: i32) -> f64 {
    // Both operands are exact up to these limits, so one division rounds once, to the nearest double.
    const EXACT_INTEGER: u64 = 1 << 53;
    if let Some(value) = small(unscaled)
        && value.unsigned_abs() <= EXACT_INTEGER
        && (0..=22).contains(&scale)
    {
        #[allow(clippy::cast_precision_loss, reason = "checked to be exact")]
        return value as f64 / 10_f64.powi(scale);
    }
    let digits = format!("{}e{}", integer_text(unscaled), -i64::from(scale));
    digits.parse().unwrap_or(f64::NAN)
}

fn small(unscaled: &[u8]) -> Option<i64> {
    if unscaled.len() > 8 {
        return None;
    }
    let negative = unscaled.first().is_some_and(|byte| *byte >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[8 - unscaled.len()..].copy_from_slice(unscaled);
    Some(i64::from_be_bytes(wide))
}

/// The plain text of a decimal, as a JSON number.
pub(crate) fn decimal(unscaled: &[u8], scale: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(integer_text(unscaled).as_bytes());
    if scale != 0 {
        out.push(b'e');
        integer(-i64::from(scale), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("JSON is text")
    }

    #[test]
    fn text_reads_back_as_itself() {
        for given in ["", "plain", "a\"b\\c\nd\re\tf\u{1}g\u{1f}", "é✓𝄞 \u{7f}"] {
            let json = written(|out| text(given, out));
            assert_eq!(serde_json::from_str::<String>(&json).expect("good JSON"), given);
            assert!(!json.contains('\n'));
        }
    }

    #[test]
    fn numbers_are_the_shortest() {
        assert_eq!(written(|out| double(1e3, out)), "1000.0");
        assert_eq!(written(|out| float(0.1, out)), "0.1");
        assert_eq!(written(|out| double(f64::NAN, out)), "\"NaN\"");
        assert_eq!(written(|out| float(f32::NEG_INFINITY, out)), "\"-Infinity\"");
    }

    proptest::proptest! {
        #[test]
        fn numbers_read_back_as_themselves(wide in proptest::num::f64::NORMAL, narrow in proptest::num::f32::NORMAL) {
            assert_eq!(written(|out| double(wide, out)).parse(), Ok(wide));
            assert_eq!(written(|out| float(narrow, out)).parse(), Ok(narrow));
        }
    }

    #[test]
    fn decimals_become_the_nearest_double() {
        let check = |unscaled: &[u8], scale: i32, expected: f64| {
            assert_eq!(decimal_as_double(unscaled, scale).to_bits(), expected.to_bits());
        };
        check(&[0x30, 0x39], 2, 123.45);
        check(&[0xff], 1, -0.1);
        check(&[], 0, 0.0);
        check(&[0x30, 0x39], -2, 1_234_500.0);
        check(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 3, 2_361_183_241_434_822_606.847);
        assert_eq!(written(|out| decimal(&[0x30, 0x39], 2, out)), "12345e-2");
    }

    #[test]
    fn bytes_are_base64() {
        assert_eq!(written(|out| base64(&[1, 2, 3], out)), "\"AQID\"");
        assert_eq!(written(|out| base64(&[0x30, 0x39], out)), "\"MDk=\"");
    }
}
