//! Numbers of a JSON text: integers are read eight digits at a time, other numbers are checked and kept as text.

use super::parse::{Parsed, Parser, is_delimiter, syntax};

/// So many digits fit 64 bits without a sign.
const SMALL_DIGITS: usize = 19;
/// Jackson's limit; the cost of a number grows faster than its length.
const NUMBER_BYTES_MAX: usize = 1000;

/// A number as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    bytes: &'a [u8],
    /// No point and no exponent.
    pub(super) integral: bool,
    /// Its value, where it is an integer of few enough digits to be read on the way.
    pub(super) small: Option<i64>,
}

impl<'a> Number<'a> {
    pub(super) fn text(&self) -> &'a str {
        std::str::from_utf8(self.bytes).unwrap_or("0")
    }

    /// The nearest double; a decimal has no negative zero.
    pub(super) fn double(&self) -> f64 {
        let value = self.text().parse().unwrap_or(0.0);
        if value == 0.0 { 0.0 } else { value }
    }
}

/// A number of few enough digits to be read on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Short {
    Integer(i64),
    Decimal(f64),
}

impl<'a> Parser<'a> {
    /// Takes a number that is read on the way, as most numbers are; else nothing is taken.
    #[inline(always)]
    pub(super) fn short_number(&mut self) -> Option<Short> {
        let bytes = self.bytes;
        let negative = bytes.get(self.at) == Some(&b'-');
        let first = self.at + usize::from(negative);
        let (point, whole) = digits(bytes, first, 0);
        if bytes.get(point) != Some(&b'.') {
            return self.integer_up_to(point, first, whole, negative).map(Short::Integer);
        }
        let (end, value) = digits(bytes, point + 1, whole);
        let (before, behind) = (point - first, end - point - 1);
        if before == 0 || behind == 0 || before + behind > EXACT_DIGITS || !bytes.get(end).is_none_or(is_delimiter) {
            return None;
        }
        self.at = end;
        let value = value as f64 / POWERS[behind];
        // A decimal has no negative zero.
        Some(Short::Decimal(if negative && value != 0.0 { -value } else { value }))
    }

    /// Takes any number as the nearest double; a decimal has no negative zero.
    pub(super) fn double(&mut self) -> Parsed<f64> {
        match self.short_number() {
            Some(Short::Integer(number)) => Ok(number as f64),
            Some(Short::Decimal(number)) => Ok(number),
            None => self.number().map(|number| number.double()),
        }
    }

    #[inline(always)]
    fn integer_up_to(&mut self, end: usize, first: usize, value: u64, negative: bool) -> Option<i64> {
        if !(1..=SMALL_DIGITS).contains(&(end - first)) || !self.bytes.get(end).is_none_or(is_delimiter) {
            return None;
        }
        let value = i64::try_from(value).ok()?;
        self.at = end;
        Some(if negative { -value } else { value })
    }

    /// Takes an integer that fits, as most numbers are; else nothing is taken.
    #[inline]
    pub(super) fn small_integer(&mut self) -> Option<i64> {
        let bytes = self.bytes;
        let negative = bytes.get(self.at) == Some(&b'-');
        let first = self.at + usize::from(negative);
        let (end, value) = digits(bytes, first, 0);
        self.integer_up_to(end, first, value, negative)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Parsed<Number<'a>> {
        let start = self.at;
        match self.small_integer() {
            Some(small) => Ok(Number { bytes: &self.bytes[start..self.at], integral: true, small: Some(small) }),
            None => self.long_number(),
        }
    }

    /// Takes a number that is not a small integer.
    #[inline(never)]
    fn long_number(&mut self) -> Parsed<Number<'a>> {
        let bytes = self.bytes;
        let start = self.at;
        let digits = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            from + rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())
        };
        let first = start + usize::from(bytes.get(start) == Some(&b'-'));
        let mut at = digits(first);
        let mut valid = at > first;
        let mut integral = true;
        if bytes.get(at) == Some(&b'.') {
            let end = digits(at + 1);
            valid &= end > at + 1;
            integral = false;
            at = end;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let end = digits(at + 1 + sign);
            valid &= end > at + 1 + sign;
            integral = false;
            at = end;
        }
        if !valid || !bytes.get(at).is_none_or(is_delimiter) {
            self.at = at.min(bytes.len());
            return Err(self.unexpected("a number"));
        }
        if at - start > NUMBER_BYTES_MAX {
            let length = at - start;
            return Err(syntax(format!("a number has {length} characters, more than {NUMBER_BYTES_MAX}")));
        }
        self.at = at;
        Ok(Number { bytes: &bytes[start..at], integral, small: None })
    }
}

/// Reads digits behind those that make `value`: where they end, and what all of them write, if it fits.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize, mut value: u64) -> (usize, u64) {
    while let Some(eight) = bytes.get(at..).and_then(|rest| eight_digits(*rest.first_chunk()?)) {
        value = value.wrapping_mul(100_000_000).wrapping_add(eight);
        at += 8;
    }
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        value = value.wrapping_mul(10).wrapping_add(digit.into());
        at += 1;
    }
    (at, value)
}

/// The number that eight digits write; `None` where not all of them are digits.
#[inline]
fn eight_digits(chunk: [u8; 8]) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let word = u64::from_le_bytes(chunk);
    if word & HIGH != ZEROS || word.wrapping_add(0x0606_0606_0606_0606) & HIGH != ZEROS {
        return None;
    }
    // Neighbours become pairs, pairs become fours, and fours the whole, each step in all places at once.
    let pairs = (word - ZEROS).wrapping_mul(10).wrapping_add((word - ZEROS) >> 8);
    let first_and_third = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let others = (pairs >> 16 & PAIRS).wrapping_mul(1 + (10_000 << 32));
    Some(first_and_third.wrapping_add(others) >> 32)
}

/// So many digits are exact in a double, and so is the power of ten that divides them: their quotient is rounded once.
const EXACT_DIGITS: usize = 15;
const POWERS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_taken_where_they_fit() {
        let small = |text: &str| {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            let mut parser = Parser::new(&bytes);
            (parser.small_integer(), parser.position())
        };
        assert_eq!(small("0"), (Some(0), 1));
        assert_eq!(small("-12345678,"), (Some(-12_345_678), 9));
        assert_eq!(small("9223372036854775807}"), (Some(i64::MAX), 19));
        assert_eq!(small("9223372036854775808"), (None, 0));
        assert_eq!(small("00000000000000000001"), (None, 0));
        assert_eq!(small("1234567/"), (None, 0));
        assert_eq!(small("1234567:"), (None, 0));
        assert_eq!(small("-"), (None, 0));
        assert_eq!(small("1.5"), (None, 0));
    }

    proptest! {
        #[test]
        fn numbers_are_what_the_standard_library_reads(whole in any::<i64>(), text in "-?[0-9]{1,12}\\.[0-9]{1,12}") {
            let bytes = Bytes::from(format!("{whole} {text}"));
            let mut parser = Parser::new(&bytes);
            let integer = parser.number().unwrap();
            prop_assert_eq!(integer.text().parse(), Ok(whole));
            prop_assert!(integer.small.is_none_or(|small| small == whole));
            prop_assert_eq!(parser.peek().unwrap(), super::super::parse::Token::Number);
            let expected: f64 = text.parse().unwrap();
            let start = parser.position();
            prop_assert_eq!(parser.number().unwrap().double(), expected);
            parser.seek(start);
            prop_assert_eq!(parser.double().unwrap(), expected);
            parser.seek(0);
            prop_assert_eq!(parser.double().unwrap(), whole as f64);
        }
    }
}
