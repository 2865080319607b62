//! Numbers read as Java reads them.

/// `Double.parseDouble`: blanks around it, a type suffix, hexadecimal digits, `NaN` and `Infinity` are allowed.
pub fn parse_double(text: &str) -> Option<f64> {
    parse(text, |digits| digits.parse().ok(), |value| value)
}

/// `Float.parseFloat`, with the rule of [`parse_double`]; rounded once.
pub fn parse_float(text: &str) -> Option<f32> {
    parse(text, |digits| digits.parse().ok(), |value| value as f32)
}

fn parse<F: std::ops::Neg<Output = F>>(
    text: &str,
    decimal: impl Fn(&str) -> Option<F>,
    other: impl Fn(f64) -> F,
) -> Option<F> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let size = match digits {
        "NaN" => other(f64::NAN),
        "Infinity" => other(f64::INFINITY),
        _ if digits.starts_with("0x") || digits.starts_with("0X") => other(hexadecimal(&digits[2..])?),
        _ => {
            let number = digits.strip_suffix(TYPE_SUFFIXES).unwrap_or(digits);
            decimal(number).filter(|_| is_decimal(number))?
        }
    };
    Some(if negative { -size } else { size })
}

/// Digits with at most one point, and an exponent.
fn is_decimal(number: &str) -> bool {
    let (mantissa, exponent) = number.split_once(['e', 'E']).map_or((number, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_right = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !unsigned.is_empty() && digits(unsigned)
    });
    exponent_right && digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0
}

/// `1.8p3`: what stands behind `0x`. A suffix follows the exponent only, since `d` and `f` are digits before it.
fn hexadecimal(number: &str) -> Option<f64> {
    let (mantissa, exponent) = number.split_once(['p', 'P'])?;
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if integer.len() + fraction.len() == 0 {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in integer.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift: i32 = exponent.strip_suffix(TYPE_SUFFIXES).unwrap_or(exponent).parse().ok()?;
    Some(value * f64::exp2(f64::from(shift) - 4.0 * fraction.len() as f64))
}

const TYPE_SUFFIXES: [char; 4] = ['f', 'F', 'd', 'D'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_java_reads_are_read() {
        for (text, expected) in [
            (" 1.5d ", 1.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("0x1p3", 8.0),
            ("0x1.8p1f", 3.0),
            ("+Infinity", f64::INFINITY),
            ("1e400", f64::INFINITY),
        ] {
            assert_eq!(parse_double(text), Some(expected), "{text}");
        }
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
        for text in ["", " ", "1_0", "inf", "nan", "infinity", "1e", "0x1", "1.5l", "--1", ".", "e5"] {
            assert_eq!(parse_double(text), None, "{text}");
        }
        assert_eq!(parse_float("16777217"), Some(16_777_216.0));
    }
}
