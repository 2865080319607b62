//! Dates and times in the forms that `time.precision.mode` chooses: schemas and values.
//!
//! Databases count by the Gregorian calendar in all times (`java.time` does too), unlike [`connect_api::time`].

use connect_api::{SchemaBuilder, Type, Value, schema::logical};

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

/// Days since 1970-01-01 of a date.
pub fn days_of_date(year: i64, month: u8, day: u8) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * i64::from(month) + 2) / 5 + i64::from(day) - 1;
    year * 365 + leap_days + day_of_year - DAYS_TO_1970
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// The year, month and day of a number of days since 1970-01-01.
pub fn date_of_days(days: i64) -> (i64, u8, u8) {
    let days = days + DAYS_TO_1970;
    let (cycle, day_of_cycle) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year_of_cycle;
    if month < 10 { (year, month as u8 + 3, day as u8) } else { (year + 1, month as u8 - 9, day as u8) }
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
                let mut text = Text::default();
                text.date(days);
                text.push(b'Z');
                Some(text.into_string().into())
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
                let mut text = Text::default();
                text.time(of_day()?, Fraction::Shortest);
                text.push(b'Z');
                Some(text.into_string().into())
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
    let mut text = Text::default();
    text.date(micros.div_euclid(DAY_MICROS));
    text.push(b'T');
    text.time(micros.rem_euclid(DAY_MICROS), fraction);
    text.push(b'Z');
    text.into_string()
}

/// A short ASCII text on the stack, so that a moment costs one allocation of its very size.
#[derive(Default)]
struct Text {
    bytes: [u8; 32],
    length: usize,
}

impl Text {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn two(&mut self, number: u32) {
        self.push(b'0' + (number / 10 % 10) as u8);
        self.push(b'0' + (number % 10) as u8);
    }

    fn date(&mut self, days: i64) {
        let (year, month, day) = date_of_days(days);
        // As in ISO 8601: years beyond four digits have a sign.
        if !(0..=9999).contains(&year) {
            self.push(if year < 0 { b'-' } else { b'+' });
        }
        let year = u32::try_from(year.unsigned_abs()).unwrap_or(u32::MAX);
        if year > 9999 {
            self.two(year / 10_000);
        }
        self.two(year / 100);
        self.two(year);
        self.push(b'-');
        self.two(month.into());
        self.push(b'-');
        self.two(day.into());
    }

    fn time(&mut self, micros: i64, fraction: Fraction) {
        let seconds = (micros / 1_000_000) as u32;
        self.two(seconds / 3600);
        self.push(b':');
        self.two(seconds / 60 % 60);
        self.push(b':');
        self.two(seconds % 60);
        let micros = (micros % 1_000_000) as u32;
        let digits = match fraction {
            Fraction::Shortest if micros == 0 => 0,
            Fraction::Shortest => 6,
            Fraction::Digits(digits) => usize::from(digits.min(6)),
        };
        if digits == 0 {
            return;
        }
        self.push(b'.');
        let start = self.length;
        self.two(micros / 10_000);
        self.two(micros / 100 % 100);
        self.two(micros % 100);
        self.length = start + digits;
        while fraction == Fraction::Shortest && self.bytes[self.length - 1] == b'0' {
            self.length -= 1;
        }
    }

    fn into_string(self) -> String {
        let text = std::str::from_utf8(&self.bytes[..self.length]).expect("digits and signs are ASCII");
        text.to_owned()
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
    fn dates_and_days_are_inverse() {
        for days in (-800_000..3_000_000).step_by(17) {
            let (year, month, day) = date_of_days(days);
            assert_eq!(days_of_date(year, month, day), days);
        }
        assert_eq!(days_of_date(1000, 1, 1), -354_285);
        assert_eq!(days_of_date(9999, 12, 31), 2_932_896);
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
