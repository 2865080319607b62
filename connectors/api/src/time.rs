//! Calendar arithmetic in UTC, as converters and transforms need it: milliseconds since 1970 to fields and back.
//!
//! The calendar is Java's: Gregorian from 1582-10-15 on, Julian before.

pub const DAY_MS: i64 = 86_400_000;

/// A moment by the fields of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Astronomical: the year before 1 is 0.
    pub year: i64,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub millisecond: u16,
    /// From 0, which is Sunday.
    pub weekday: u8,
}

impl Moment {
    pub fn of_ms(ms: i64) -> Self {
        let (days, of_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
        let (year, month, day) = date_of_days(days);
        Self {
            year,
            month,
            day,
            hour: (of_day / 3_600_000) as u8,
            minute: (of_day / 60_000 % 60) as u8,
            second: (of_day / 1000 % 60) as u8,
            millisecond: (of_day % 1000) as u16,
            weekday: (days + 4).rem_euclid(7) as u8,
        }
    }
}

/// 1582-10-15, the first day of the Gregorian calendar.
const GREGORIAN_FROM: i64 = -141_427;

/// Days since 1970-01-01 of a date; months and days beyond their range carry over.
pub fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    // Years that begin in March put the leap day last.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    if days >= GREGORIAN_FROM {
        return days;
    }
    year * 365 + year.div_euclid(4) + day_of_year - 719_470
}

/// The year, month and day of a number of days since 1970-01-01.
pub fn date_of_days(days: i64) -> (i64, u8, u8) {
    let (year, day_of_year) = if days >= GREGORIAN_FROM {
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        (era * 400 + year_of_era, day_of_year)
    } else {
        let days = days + 719_470;
        let (cycle, day_of_cycle) = (days.div_euclid(1461), days.rem_euclid(1461));
        let year_of_cycle = (day_of_cycle - day_of_cycle / 1460) / 365;
        (cycle * 4 + year_of_cycle, day_of_cycle - year_of_cycle * 365)
    };
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + i64::from(month <= 2), month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_known_moments() {
        let moment = Moment::of_ms(1_600_000_000_123);
        let expected =
            Moment { year: 2020, month: 9, day: 13, hour: 12, minute: 26, second: 40, millisecond: 123, weekday: 0 };
        assert_eq!(moment, expected);
        let before = Moment::of_ms(-1);
        assert_eq!((before.year, before.month, before.day, before.millisecond, before.weekday), (1969, 12, 31, 999, 3));
    }

    #[test]
    fn dates_and_days_are_inverse() {
        for days in (-800_000..800_000).step_by(37) {
            let (year, month, day) = date_of_days(days);
            assert_eq!(days_of_date(year, month.into(), day.into()), days);
        }
        assert_eq!(days_of_date(1970, 1, 1), 0);
        assert_eq!(days_of_date(1582, 10, 15), days_of_date(1582, 10, 4) + 1);
        assert_eq!(days_of_date(1, 1, 1), -719_164);
        assert_eq!(days_of_date(2000, 2, 29), 11_016);
        assert_eq!(days_of_date(2000, 14, 1), days_of_date(2001, 2, 1));
    }
}
