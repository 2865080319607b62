//! Dates and times in the forms that `time.precision.mode` chooses: schemas and values.

use connect_api::{SchemaBuilder, Type, Value, schema::logical, time};

pub const DAY_MICROS: i64 = 86_400_000_000;

/// The form of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateForm {
    /// `io.debezium.time.Date`: days since 1970.
    Days,
    /// Kafka Connect's own `Date`, days as well.
    Connect,
    /// `2024-02-29Z`
    Iso,
}

/// The form of a time of day, or of a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// Kafka Connect's own `Time`: milliseconds of the day.
    Connect,
    Millis,
    Micros,
    Nanos,
    /// `12:34:56.789Z`
    Iso,
}

/// The form of a date with a time, without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampForm {
    /// Kafka Connect's own `Timestamp`: milliseconds since 1970.
    Connect,
    Millis,
    Micros,
    Nanos,
    /// `2024-02-29T12:34:56.789Z`
    Iso,
}

fn named(ty: Type, name: &'static str) -> SchemaBuilder {
    SchemaBuilder::of(ty).name(name).version(1)
}

impl DateForm {
    pub fn schema(self) -> SchemaBuilder {
        match self {
            Self::Days => named(Type::Int32, "io.debezium.time.Date"),
            Self::Connect => named(Type::Int32, logical::DATE),
            Self::Iso => named(Type::String, "io.debezium.time.IsoDate"),
        }
    }

    /// `None` when the form can't hold the date.
    pub fn value(self, days: i64) -> Option<Value> {
        match self {
            Self::Days | Self::Connect => i32::try_from(days).ok().map(Value::Int32),
            Self::Iso => {
                let mut text = String::with_capacity(11);
                push_date(&mut text, days);
                text.push('Z');
                Some(text.into())
            }
        }
    }
}

impl TimeForm {
    pub fn schema(self) -> SchemaBuilder {
        match self {
            Self::Connect => named(Type::Int32, logical::TIME),
            Self::Millis => named(Type::Int32, "io.debezium.time.Time"),
            Self::Micros => named(Type::Int64, "io.debezium.time.MicroTime"),
            Self::Nanos => named(Type::Int64, "io.debezium.time.NanoTime"),
            Self::Iso => named(Type::String, "io.debezium.time.IsoTime"),
        }
    }

    /// `None` when the form can't hold the time: milliseconds and texts are times of a day.
    pub fn value(self, micros: i64) -> Option<Value> {
        let of_day = || (0..DAY_MICROS).contains(&micros).then_some(micros);
        match self {
            Self::Connect | Self::Millis => i32::try_from(of_day()? / 1000).ok().map(Value::Int32),
            Self::Micros => Some(Value::Int64(micros)),
            Self::Nanos => micros.checked_mul(1000).map(Value::Int64),
            Self::Iso => {
                let mut text = String::with_capacity(16);
                push_time(&mut text, of_day()?, Fraction::Shortest);
                text.push('Z');
                Some(text.into())
            }
        }
    }
}

impl TimestampForm {
    pub fn schema(self) -> SchemaBuilder {
        match self {
            Self::Connect => named(Type::Int64, logical::TIMESTAMP),
            Self::Millis => named(Type::Int64, "io.debezium.time.Timestamp"),
            Self::Micros => named(Type::Int64, "io.debezium.time.MicroTimestamp"),
            Self::Nanos => named(Type::Int64, "io.debezium.time.NanoTimestamp"),
            Self::Iso => named(Type::String, "io.debezium.time.IsoTimestamp"),
        }
    }

    /// `None` when the form can't hold the moment: nanoseconds end in the years 1677 and 2262.
    pub fn value(self, micros: i64) -> Option<Value> {
        match self {
            Self::Connect | Self::Millis => Some(Value::Int64(micros.div_euclid(1000))),
            Self::Micros => Some(Value::Int64(micros)),
            Self::Nanos => micros.checked_mul(1000).map(Value::Int64),
            Self::Iso => Some(zoned_text(micros, Fraction::Shortest).into()),
        }
    }
}

/// `io.debezium.time.ZonedTimestamp`: a moment as text in UTC.
pub fn zoned_schema() -> SchemaBuilder {
    named(Type::String, "io.debezium.time.ZonedTimestamp")
}

/// `io.debezium.time.Year`
pub fn year_schema() -> SchemaBuilder {
    named(Type::Int32, "io.debezium.time.Year")
}

/// How many digits stand behind the seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fraction {
    /// As many as are needed, and no point where none is.
    Shortest,
    /// Exactly so many, up to six.
    Digits(u8),
}

/// `2024-02-29T12:34:56.789Z`
pub fn zoned_text(micros: i64, fraction: Fraction) -> String {
    let mut text = String::with_capacity(27);
    push_date(&mut text, micros.div_euclid(DAY_MICROS));
    text.push('T');
    push_time(&mut text, micros.rem_euclid(DAY_MICROS), fraction);
    text.push('Z');
    text
}

fn push_date(text: &mut String, days: i64) {
    let (year, month, day) = time::date_of_days(days);
    match u32::try_from(year) {
        Ok(year) if year <= 9999 => push_digits(text, year, 4),
        // As in ISO 8601: years beyond four digits have a sign.
        _ => text.push_str(&format!("{year:+05}")),
    }
    text.push('-');
    push_digits(text, month.into(), 2);
    text.push('-');
    push_digits(text, day.into(), 2);
}

fn push_time(text: &mut String, micros: i64, fraction: Fraction) {
    let seconds = (micros / 1_000_000) as u32;
    push_digits(text, seconds / 3600, 2);
    text.push(':');
    push_digits(text, seconds / 60 % 60, 2);
    text.push(':');
    push_digits(text, seconds % 60, 2);
    let micros = (micros % 1_000_000) as u32;
    match fraction {
        Fraction::Shortest if micros == 0 => {}
        Fraction::Digits(0) => {}
        Fraction::Shortest => {
            text.push('.');
            push_digits(text, micros, 6);
            text.truncate(text.trim_end_matches('0').len());
        }
        Fraction::Digits(digits) => {
            text.push('.');
            let digits = usize::from(digits.min(6));
            push_digits(text, micros, 6);
            text.truncate(text.len() - (6 - digits));
        }
    }
}

fn push_digits(text: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        text.push(char::from(b'0' + (number / 10_u32.pow(place) % 10) as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        let check = |micros, fraction, expected: &str| assert_eq!(zoned_text(micros, fraction), expected);
        check(0, Fraction::Shortest, "1970-01-01T00:00:00Z");
        check(1_100_000, Fraction::Shortest, "1970-01-01T00:00:01.1Z");
        check(1_100_000, Fraction::Digits(3), "1970-01-01T00:00:01.100Z");
        check(1_100_000, Fraction::Digits(0), "1970-01-01T00:00:01Z");
        check(-1, Fraction::Shortest, "1969-12-31T23:59:59.999999Z");
        check(253_402_300_799_000_000, Fraction::Digits(6), "9999-12-31T23:59:59.000000Z");
    }

    #[test]
    fn a_form_refuses_what_it_can_not_hold() {
        assert_eq!(TimeForm::Micros.value(-1000), Some(Value::Int64(-1000)));
        assert_eq!(TimeForm::Connect.value(-1000), None);
        assert_eq!(TimeForm::Iso.value(DAY_MICROS), None);
        assert_eq!(TimeForm::Iso.value(DAY_MICROS - 1), Some("23:59:59.999999Z".into()));
        assert_eq!(TimestampForm::Nanos.value(-30_610_224_000_000_000), None);
        assert_eq!(TimestampForm::Millis.value(-1), Some(Value::Int64(-1)));
        assert_eq!(DateForm::Iso.value(-354_285), Some("1000-01-01Z".into()));
    }
}
