//! JSON text as the JVM's converters write it: Jackson's escapes, Java's numbers.

use std::io::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use connect_api::{Str, java};

/// As [`string`]; short text is copied in one piece of always the same length.
#[inline]
pub(super) fn value(out: &mut Vec<u8>, text: &Str) {
    match text.as_inline() {
        Some((piece, len)) if is_plain(&piece[..len]) => {
            out.push(b'"');
            let end = out.len() + len;
            out.extend_from_slice(piece);
            out.truncate(end);
            out.push(b'"');
        }
        _ => string(out, text),
    }
}

/// Appends a quoted string.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    match is_plain(bytes) {
        true => out.extend_from_slice(bytes),
        false => escaped(out, bytes),
    }
    out.push(b'"');
}

/// Whether all of a text can go into the output as it is; false now and then for one that can.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    // Eight bytes at a time: nearly no text holds anything to escape, and this is where the converter spends its time.
    let (chunks, rest) = bytes.as_chunks::<8>();
    let plain = |chunk: &[u8; 8]| !may_need_escape(u64::from_le_bytes(*chunk));
    if !chunks.iter().all(plain) {
        return false;
    }
    // The last bytes are looked at together with some before them that were looked at already.
    match (bytes.last_chunk::<8>(), rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(last), ..) => plain(last),
        (None, Some(first), Some(last)) => {
            let both = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
            !may_need_escape(both)
        }
        _ => !rest.iter().any(|byte| needs_escape(*byte)),
    }
}

/// Where the first byte stands that can't go into the output as it is.
fn first_escaped(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.iter().position(|byte| needs_escape(*byte)).map(|found| from + found)
}

/// True whenever one of the eight bytes needs an escape, and now and then when none does.
fn may_need_escape(chunk: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = EACH * 0x80;
    let zero_in = |word: u64| word.wrapping_sub(EACH) & !word & HIGH;
    let control = chunk.wrapping_sub(EACH * 0x20) & !chunk & HIGH;
    let quote = zero_in(chunk ^ (EACH * u64::from(b'"')));
    let backslash = zero_in(chunk ^ (EACH * u64::from(b'\\')));
    // The four top bits of a byte are set only where a character beyond the basic plane starts.
    let supplementary = chunk & (chunk << 1) & (chunk << 2) & (chunk << 3) & HIGH;
    control | quote | backslash | supplementary != 0
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte >= 0xf0
}

#[cold]
fn escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut done = 0;
    let mut next = first_escaped(bytes, 0);
    while let Some(at) = next {
        out.extend_from_slice(&bytes[done..at]);
        done = at + escape(out, &bytes[at..]);
        next = first_escaped(bytes, done);
    }
    out.extend_from_slice(&bytes[done..]);
}

/// Appends the escape of the character at the start and says how many bytes it had.
fn escape(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    let short = match bytes[0] {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        0x08 => b'b',
        0x0c => b'f',
        byte if byte < 0x20 => {
            unit(out, byte.into());
            return 1;
        }
        _ => {
            // Jackson writes what UTF-16 needs two units for as two escapes.
            let character = &bytes[..4.min(bytes.len())];
            for code in std::str::from_utf8(character).unwrap_or("\u{fffd}").encode_utf16() {
                unit(out, code);
            }
            return character.len();
        }
    };
    out.extend_from_slice(&[b'\\', short]);
    1
}

fn unit(out: &mut Vec<u8>, code: u16) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |shift: u16| HEX[usize::from((code >> shift) & 0xf)];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// Bytes that go into the output again and again, with room behind them to be copied in a piece of fixed length.
pub(super) struct Piece {
    first: [u8; Piece::FIRST],
    len: usize,
    /// All of it, where it is longer.
    long: Option<Box<[u8]>>,
}

impl Piece {
    const FIRST: usize = 16;

    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let mut first = [0; Self::FIRST];
        let len = bytes.len();
        match first.get_mut(..len) {
            Some(place) => {
                place.copy_from_slice(&bytes);
                Self { first, len, long: None }
            }
            None => Self { first, len, long: Some(bytes.into()) },
        }
    }

    #[inline]
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        match &self.long {
            None => {
                let end = out.len() + self.len;
                out.extend_from_slice(&self.first);
                out.truncate(end);
            }
            Some(long) => out.extend_from_slice(long),
        }
    }
}

/// Appends an integer. Its digits are made eight at a time in a register and go out as one piece, of which what stands
/// before the first digit and behind the last one is cut off.
#[inline]
pub(super) fn integer(out: &mut Vec<u8>, number: i64) {
    const EIGHT: u64 = 100_000_000;
    if number < 0 {
        out.push(b'-');
    }
    let number = number.unsigned_abs();
    let (high, low) = (number / EIGHT, number % EIGHT);
    match high {
        0 => first_digits(out, low),
        1..EIGHT => {
            first_digits(out, high);
            all_digits(out, low);
        }
        _ => {
            first_digits(out, high / EIGHT);
            all_digits(out, high % EIGHT);
            all_digits(out, low);
        }
    }
}

/// Digits without zeros before them.
#[inline(always)]
fn first_digits(out: &mut Vec<u8>, number: u64) {
    let digits = eight_digits(number);
    let zeros = (digits.trailing_zeros() / 8).min(7);
    let end = out.len() + 8 - zeros as usize;
    out.extend_from_slice(&((digits | ZEROS) >> (8 * zeros)).to_le_bytes());
    out.truncate(end);
}

#[inline(always)]
fn all_digits(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&(eight_digits(number) | ZEROS).to_le_bytes());
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight digits of a number, the first one lowest: halves become quarters, and quarters digits, each step in all
/// places at once. The divisions by 100 and 10 are multiplications that are exact for so few digits.
#[inline(always)]
fn eight_digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

/// `Double.toString`, quoted where JSON has no such number.
pub(super) fn double(out: &mut Vec<u8>, number: f64) {
    if let Some(text) = java::short_double(number, &mut [0; java::SHORT_DOUBLE]) {
        return out.extend_from_slice(text.as_bytes());
    }
    let size = number.abs();
    if (1e-3..1e7).contains(&size) && plain(out, &number, DOUBLE_DIGITS) {
        return;
    }
    quote_if(out, !number.is_finite(), &java::double_text(number));
}

/// `Float.toString`, quoted where JSON has no such number.
pub(super) fn float(out: &mut Vec<u8>, number: f32) {
    let size = number.abs();
    if (1e-3..1e7).contains(&size) && plain(out, &number, FLOAT_DIGITS) {
        return;
    }
    quote_if(out, !number.is_finite(), &java::float_text(number));
}

/// From so many digits on, two shortest texts can be equally near.
const DOUBLE_DIGITS: usize = 16;
const FLOAT_DIGITS: usize = 7;

/// In this range Java writes no exponent, so its text is Rust's, with a fraction always. False, with nothing written, where
/// the two may differ: of two texts equally near, Java takes the even one.
fn plain(out: &mut Vec<u8>, number: &dyn std::fmt::Display, digits: usize) -> bool {
    let start = out.len();
    write!(out, "{number}").expect("writing to memory does not fail");
    let text = &out[start..];
    if text.len() > digits && text.last().is_some_and(|last| last % 2 == 1) {
        out.truncate(start);
        return false;
    }
    if !text.contains(&b'.') {
        out.extend_from_slice(b".0");
    }
    true
}

fn quote_if(out: &mut Vec<u8>, quoted: bool, text: &str) {
    if quoted {
        out.push(b'"');
    }
    out.extend_from_slice(text.as_bytes());
    if quoted {
        out.push(b'"');
    }
}

/// Appends bytes as quoted, padded base64.
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let room = bytes.len().div_ceil(3) * 4;
    out.push(b'"');
    let start = out.len();
    out.resize(start + room, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_are_those_of_jackson() {
        let check = |text: &str, expected: &str| assert_eq!(written(|out| string(out, text)), expected);
        check("", r#""""#);
        check("plain text of some length", r#""plain text of some length""#);
        check("a\"b\\c/d", r#""a\"b\\c/d""#);
        check("\n\t\r\u{8}\u{c}\u{1}\u{1f}\u{7f}", "\"\\n\\t\\r\\b\\f\\u0001\\u001F\u{7f}\"");
        check("ž\u{2028}", "\"ž\u{2028}\"");
        check("ěščřžýáíé 😀 and more", "\"ěščřžýáíé \\uD83D\\uDE00 and more\"");
        check("seven77\"", r#""seven77\"""#);
        // Text that is held in place is written no other way.
        for text in ["", "a", "abc\n", "a\"b\\c/d", "ž😀", "seven77", "eight888", "twenty bytes of text.", "é"] {
            assert_eq!(written(|out| value(out, &Str::from(text))), written(|out| string(out, text)));
        }
    }

    #[test]
    fn integers_are_written_as_the_standard_library_writes_them() {
        let mut numbers = vec![0, 1, 9, 10, 99, 100, i64::MAX, i64::MIN];
        for power in 0..=18 {
            let ten = 10_i64.pow(power);
            numbers.extend([ten - 1, ten, ten + 1, -ten, ten.wrapping_mul(7_919), ten / 3]);
        }
        for number in numbers {
            assert_eq!(written(|out| integer(out, number)), number.to_string());
        }
        for number in (0..100_000_000_u64).step_by(9_973) {
            assert_eq!(written(|out| all_digits(out, number)), format!("{number:08}"));
        }
    }

    #[test]
    fn numbers_are_those_of_java() {
        let check = |number: f64, expected: &str| assert_eq!(written(|out| double(out, number)), expected);
        for (number, expected) in
            [(1.0, "1.0"), (1234.56, "1234.56"), (0.002, "0.002"), (1e7, "1.0E7"), (-0.0, "-0.0"), (1e-4, "1.0E-4")]
        {
            check(number, expected);
        }
        check(f64::NAN, "\"NaN\"");
        check(f64::NEG_INFINITY, "\"-Infinity\"");
        assert_eq!(written(|out| float(out, 0.1)), "0.1");
        assert_eq!(written(|out| float(out, 16_777_216.0)), "1.6777216E7");
        assert_eq!(written(|out| float(out, -2_773_509.0 / 8.0)), "-346688.62");
    }

    #[test]
    fn plain_numbers_equal_the_general_form() {
        let mut bits = 0x1234_5678_9abc_def0_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (bits >> 11) as f64 / 1e10;
            assert_eq!(written(|out| double(out, number)), java::double_text(number));
            let single = number as f32;
            assert_eq!(written(|out| float(out, single)), java::float_text(single));
        }
    }

    #[test]
    fn bytes_are_padded_base64() {
        assert_eq!(written(|out| base64(out, &[0, 255, 254])), "\"AP/+\"");
        assert_eq!(written(|out| base64(out, b"ab")), "\"YWI=\"");
        assert_eq!(written(|out| base64(out, b"")), "\"\"");
    }
}
