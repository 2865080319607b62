//! Numbers of expressions: whole, with decimal places, or floating.

use std::cmp::Ordering;

use connect_api::{decimal, java};

/// Digits behind the point that a division adds where it does not come out even (Groovy's own choice).
const DIVISION_DIGITS: u32 = 10;
/// A number of more places is computed with as a float.
const SCALE_MAX: u32 = 30;

#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i64),
    Decimal(i128, u32),
    Float(f64),
}

impl Number {
    /// A literal, or text that is converted.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(float) = text.strip_suffix(['f', 'd']) {
            return float.parse().ok().map(Number::Float);
        }
        if let Ok(integer) = text.parse() {
            return Some(Number::Integer(integer));
        }
        let (unscaled, scale) = decimal::parse(text)?;
        Some(Self::of_decimal(&unscaled, scale))
    }

    /// A decimal by its unscaled bytes; one that is too long is taken as a float.
    pub(super) fn of_decimal(unscaled: &[u8], scale: i32) -> Self {
        let float = || Number::Float(decimal::to_f64(unscaled, scale));
        if unscaled.len() > 15 {
            return float();
        }
        let negative = unscaled.first().is_some_and(|first| first & 0x80 != 0);
        let whole =
            unscaled.iter().fold(if negative { -1 } else { 0 }, |whole: i128, byte| (whole << 8) | i128::from(*byte));
        match u32::try_from(scale) {
            Ok(scale) if scale <= SCALE_MAX => Number::Decimal(whole, scale),
            _ => float(),
        }
    }

    pub(super) fn to_f64(self) -> f64 {
        match self {
            Number::Integer(number) => number as f64,
            Number::Decimal(whole, scale) => whole as f64 / 10_f64.powi(scale.cast_signed()),
            Number::Float(number) => number,
        }
    }

    /// The whole number, where it is one.
    pub(super) fn to_i64(self) -> Option<i64> {
        match self {
            Number::Integer(number) => Some(number),
            Number::Decimal(whole, scale) => {
                let unit = 10_i128.checked_pow(scale)?;
                (whole % unit == 0).then(|| i64::try_from(whole / unit).ok())?
            }
            Number::Float(number) if number.fract() == 0.0 && number.abs() < i64::MAX as f64 => Some(number as i64),
            Number::Float(_) => None,
        }
    }

    pub(super) fn is_zero(self) -> bool {
        match self {
            Number::Integer(number) => number == 0,
            Number::Decimal(whole, _) => whole == 0,
            Number::Float(number) => number == 0.0 || number.is_nan(),
        }
    }

    /// The text as Java writes it.
    pub(super) fn text(self) -> String {
        match self {
            Number::Integer(number) => number.to_string(),
            Number::Decimal(whole, scale) => decimal::text(&decimal::small_bytes(whole), scale.cast_signed()),
            Number::Float(number) => java::double_text(number),
        }
    }

    pub(super) fn compare(self, other: Number) -> Option<Ordering> {
        match self.aligned(other) {
            Some((left, right, _)) => Some(left.cmp(&right)),
            None => self.to_f64().partial_cmp(&other.to_f64()),
        }
    }

    pub(super) fn add(self, other: Number) -> Number {
        self.exactly(other, |left, right, scale| Some((left.checked_add(right)?, scale)), |left, right| left + right)
    }

    pub(super) fn subtract(self, other: Number) -> Number {
        self.exactly(other, |left, right, scale| Some((left.checked_sub(right)?, scale)), |left, right| left - right)
    }

    pub(super) fn multiply(self, other: Number) -> Number {
        self.exactly(
            other,
            |left, right, scale| Some((left.checked_mul(right)?, scale * 2)),
            |left, right| left * right,
        )
    }

    /// Decimal unless a float takes part: `1 / 2` is 0.5.
    pub(super) fn divide(self, other: Number) -> Option<Number> {
        if let (Number::Float(_), _) | (_, Number::Float(_)) = (self, other) {
            return Some(Number::Float(self.to_f64() / other.to_f64()));
        }
        if other.is_zero() {
            return None;
        }
        let quotient = self.aligned(other).and_then(|(left, right, _)| {
            let shifted = left.checked_mul(10_i128.pow(DIVISION_DIGITS))?;
            Some(Number::Decimal(shifted / right, DIVISION_DIGITS).shortest())
        });
        Some(quotient.unwrap_or_else(|| Number::Float(self.to_f64() / other.to_f64())))
    }

    pub(super) fn remainder(self, other: Number) -> Option<Number> {
        if let (Number::Float(_), _) | (_, Number::Float(_)) = (self, other) {
            return Some(Number::Float(self.to_f64() % other.to_f64()));
        }
        let (left, right, scale) = self.aligned(other)?;
        Some(Number::Decimal(left.checked_rem(right)?, scale).shortest())
    }

    pub(super) fn negative(self) -> Number {
        match self {
            Number::Integer(number) => number.checked_neg().map_or(Number::Float(-(number as f64)), Number::Integer),
            Number::Decimal(whole, scale) => Number::Decimal(-whole, scale),
            Number::Float(number) => Number::Float(-number),
        }
    }

    fn exactly(
        self,
        other: Number,
        exact: impl Fn(i128, i128, u32) -> Option<(i128, u32)>,
        float: impl Fn(f64, f64) -> f64,
    ) -> Number {
        let found = self.aligned(other).and_then(|(left, right, scale)| exact(left, right, scale));
        match found {
            Some((whole, scale)) if scale <= SCALE_MAX => Number::Decimal(whole, scale).shortest(),
            _ => Number::Float(float(self.to_f64(), other.to_f64())),
        }
    }

    /// Both as whole numbers of one scale; none where one is a float or does not fit.
    fn aligned(self, other: Number) -> Option<(i128, i128, u32)> {
        let parts = |number| match number {
            Number::Integer(number) => Some((i128::from(number), 0)),
            Number::Decimal(whole, scale) => Some((whole, scale)),
            Number::Float(_) => None,
        };
        let ((left, left_scale), (right, right_scale)) = (parts(self)?, parts(other)?);
        let scale = left_scale.max(right_scale);
        let scaled = |whole: i128, from: u32| whole.checked_mul(10_i128.checked_pow(scale - from)?);
        Some((scaled(left, left_scale)?, scaled(right, right_scale)?, scale))
    }

    /// Without zeros behind the point, as an integer where nothing is left there.
    fn shortest(self) -> Number {
        let Number::Decimal(mut whole, mut scale) = self else { return self };
        while scale > 0 && whole % 10 == 0 {
            whole /= 10;
            scale -= 1;
        }
        match (scale, i64::try_from(whole)) {
            (0, Ok(integer)) => Number::Integer(integer),
            _ => Number::Decimal(whole, scale),
        }
    }
}
