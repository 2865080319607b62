//! One value between its two forms: read from the binlog or from text, not yet what the options ask for.

use connect_api::Bytes;
use connect_cdc::{
    decimal::Unscaled,
    temporal::{self, DAY_MICROS},
};

/// What a column holds, however it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Int(i64),
    Unsigned(u64),
    Float(f32),
    Double(f64),
    Decimal(Unscaled),
    Bytes(Bytes),
    /// Text that is UTF-8 whatever the column's character set: results of queries, rendered JSON, labels.
    Text(Bytes),
    Date(Date),
    /// Microseconds; may be negative and longer than a day.
    Time(i64),
    DateTime(Date, i64),
    /// Microseconds since 1970 in UTC; how many digits the server keeps, where that is to be seen.
    Timestamp(i64, Option<u8>),
    /// A TIMESTAMP of zeros, which is no moment.
    ZeroTimestamp,
    Year(i32),
    /// The number of a label, from 1; 0 is the empty text of an invalid value.
    Label(u64),
    /// A bit for each label.
    Labels(u64),
}

/// A date as the server holds it, which may be no date: month and day can be zero, or beyond the month's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: u8,
    pub(crate) day: u8,
}

/// What a [`Date`] is on the calendar.
pub(crate) enum Day {
    Days(i64),
    /// It has zeros, as `0000-00-00` and `2024-05-00` have.
    Zero,
    /// It does not exist, as `2023-02-30`.
    Invalid,
}

impl Date {
    pub(crate) fn day(self) -> Day {
        if self.month == 0 || self.day == 0 {
            return Day::Zero;
        }
        let days = temporal::days_of_date(self.year, self.month, self.day);
        match temporal::date_of_days(days) {
            (year, month, day) if (year, month, day) == (self.year, self.month, self.day) => Day::Days(days),
            _ => Day::Invalid,
        }
    }
}

/// Microseconds since 1970 of a day and a time.
pub(crate) fn moment(days: i64, micros: i64) -> Option<i64> {
    days.checked_mul(DAY_MICROS)?.checked_add(micros)
}
