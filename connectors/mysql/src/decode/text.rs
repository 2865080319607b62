//! Values as text: the result rows of queries, and the defaults of columns.

use connect_api::Bytes;
use connect_cdc::decimal::Unscaled;

use super::{
    cell::{Cell, Date, Day, moment},
    target::Target,
};

/// Reads a column of a result row in the text protocol; `None` when it is not what the target expects.
pub(crate) fn cell(target: &Target, bytes: &Bytes) -> Option<Cell> {
    Some(match target {
        // A bit comes as a byte, a number as its digit.
        Target::Boolean if matches!(bytes[..], [0 | 1]) => Cell::Bytes(bytes.clone()),
        Target::Boolean | Target::Int16 | Target::Int32 | Target::Int64 => integer(ascii(bytes)?)?,
        Target::Float32 => Cell::Float(ascii(bytes)?.parse().ok()?),
        Target::Float64 { single: true } => Cell::Float(ascii(bytes)?.parse().ok()?),
        Target::Float64 { single: false } => Cell::Double(ascii(bytes)?.parse().ok()?),
        Target::Decimal { scale, .. } => Cell::Decimal(decimal(ascii(bytes)?, *scale)?),
        Target::Text(_)
        | Target::Label(_)
        | Target::Labels(_)
        | Target::Json
        | Target::Uuid
        | Target::Inet4
        | Target::Inet6 => Cell::Text(bytes.clone()),
        Target::Binary { .. } | Target::Bits(_) | Target::Point | Target::Geometry | Target::Vector => {
            Cell::Bytes(bytes.clone())
        }
        Target::Date(_) => Cell::Date(date(ascii(bytes)?)?),
        Target::Time(_) => Cell::Time(time(ascii(bytes)?)?),
        Target::DateTime(_) => {
            let (date, micros) = date_time(ascii(bytes)?)?;
            Cell::DateTime(date, micros)
        }
        Target::Timestamp => timestamp(ascii(bytes)?)?,
        Target::Year { .. } => Cell::Year(ascii(bytes)?.parse().ok()?),
    })
}

fn ascii(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn integer(text: &str) -> Option<Cell> {
    match text.parse() {
        Ok(number) => Some(Cell::Int(number)),
        Err(_) => text.parse().ok().map(Cell::Unsigned),
    }
}

/// Decimal text of no more digits behind the point than the scale has.
pub(crate) fn decimal(text: &str, scale: i32) -> Option<Unscaled> {
    let scale_digits = usize::try_from(scale).ok()?;
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let small = whole.len() + scale_digits <= 38 && fraction.len() <= scale_digits;
    if !small || whole.len() + fraction.len() == 0 {
        return Unscaled::parse(text, scale);
    }
    let mut number = 0_i128;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return Unscaled::parse(text, scale);
        }
        number = number * 10 + i128::from(digit - b'0');
    }
    for _ in fraction.len()..scale_digits {
        number *= 10;
    }
    Some(Unscaled::Small(if negative { -number } else { number }))
}

/// `2024-02-29`
pub(crate) fn date(text: &str) -> Option<Date> {
    // The server's own layout is read by its places; what people write as a default may be shorter.
    if let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() {
        let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
        let date = Date { year, month: two(m1, m2)?, day: two(d1, d2)? };
        return (date.month <= 12 && date.day <= 31).then_some(date);
    }
    let mut parts = text.split('-');
    let mut part = || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let date = Date { year: part()?.parse().ok()?, month: part()?.parse().ok()?, day: part()?.parse().ok()? };
    (parts.next().is_none() && date.year <= 9999 && date.month <= 12 && date.day <= 31).then_some(date)
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// `-838:59:59.999999` in microseconds.
pub(crate) fn time(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let seconds = match *whole.as_bytes() {
        [h1, h2, b':', m1, m2, b':', s1, s2] => {
            i64::from(two(h1, h2)?) * 3600 + i64::from(two(m1, m2)?) * 60 + i64::from(two(s1, s2)?)
        }
        _ => seconds(whole)?,
    };
    let micros = seconds * 1_000_000 + fraction_micros(fraction)?;
    Some(if negative { -micros } else { micros })
}

/// Hours, minutes and seconds of any length; `1:2` is an hour and two minutes.
fn seconds(text: &str) -> Option<i64> {
    let mut seconds = 0;
    let mut parts = 0;
    for part in text.split(':') {
        seconds = seconds * 60 + i64::from(part.parse::<u16>().ok()?);
        parts += 1;
        if parts > 3 {
            return None;
        }
    }
    Some(if parts == 2 { seconds * 60 } else { seconds })
}

fn fraction_micros(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    Some(digits.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
}

/// `2024-02-29 12:34:56.789`
pub(crate) fn date_time(text: &str) -> Option<(Date, i64)> {
    match text.split_once([' ', 'T']) {
        Some((day, of_day)) => Some((date(day)?, time(of_day)?)),
        None => Some((date(text)?, 0)),
    }
}

pub(crate) fn timestamp(text: &str) -> Option<Cell> {
    let (date, micros) = date_time(text)?;
    match date.day() {
        Day::Days(days) => Some(Cell::Timestamp(moment(days, micros)?, None)),
        Day::Zero => Some(Cell::ZeroTimestamp),
        Day::Invalid => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_times_and_numbers() {
        assert_eq!(time("-838:59:58.9"), Some(-3_020_398_900_000));
        assert_eq!(time("1:2"), Some(3_720_000_000));
        assert_eq!(time("00:00:00.000001"), Some(1));
        assert_eq!(time("1:2:3:4"), None);
        assert_eq!(date("2024-02-29"), Some(Date { year: 2024, month: 2, day: 29 }));
        assert_eq!(date("2024-02"), None);
        assert_eq!(decimal("-9.5", 2), Some(Unscaled::Small(-950)));
        assert_eq!(decimal(".5", 1), Some(Unscaled::Small(5)));
        assert_eq!(decimal("1.255", 2), None);
        assert_eq!(decimal("x", 2), None);
    }
}
