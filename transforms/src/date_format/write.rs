//! Writing a moment by a pattern.

use std::fmt::Write;

use connect_api::time::{DAY_MS, Moment, days_of_date};

use super::{DAYS, DateFormat, MONTHS, Part, SHORT, weekday, year_start};

impl DateFormat {
    /// The text of a moment.
    pub fn write(&self, ms: i64) -> String {
        let moment = Moment::of_ms(ms);
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Field { letter, count } => field(&moment, ms, *letter, *count, &mut out),
            }
        }
        out
    }
}

fn field(moment: &Moment, ms: i64, letter: char, count: usize, out: &mut String) {
    let hour = i64::from(moment.hour);
    let days = ms.div_euclid(DAY_MS);
    let day_of_year = days - year_start(moment.year);
    let number = match letter {
        'G' => return out.push_str(if moment.year > 0 { "AD" } else { "BC" }),
        'y' => return year(year_of_era(moment.year), count, out),
        'Y' => return year(week_year(moment, days), count, out),
        'M' | 'L' if count >= SHORT => return name(MONTHS[usize::from(moment.month) - 1], count, out),
        'M' | 'L' => moment.month.into(),
        'w' => week_of_year(moment, days),
        'W' => (i64::from(moment.day) - 1 + weekday(days_of_date(moment.year, moment.month.into(), 1))) / 7 + 1,
        'D' => day_of_year + 1,
        'd' => moment.day.into(),
        'F' => (i64::from(moment.day) - 1) / 7 + 1,
        'E' => return name(DAYS[usize::from(moment.weekday)], count, out),
        'u' => (i64::from(moment.weekday) + 6) % 7 + 1,
        'a' => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'H' => hour,
        'k' => (hour + 23) % 24 + 1,
        'K' => hour % 12,
        'h' => (hour + 11) % 12 + 1,
        'm' => moment.minute.into(),
        's' => moment.second.into(),
        'S' => moment.millisecond.into(),
        'z' => return out.push_str(if count >= 4 { "Coordinated Universal Time" } else { "UTC" }),
        'Z' => return out.push_str("+0000"),
        _ => return out.push('Z'),
    };
    padded(number, count, out);
}

fn padded(number: i64, count: usize, out: &mut String) {
    write!(out, "{number:0count$}").expect("writing to memory does not fail");
}

fn name(full: &str, count: usize, out: &mut String) {
    out.push_str(if count > SHORT { full } else { &full[..SHORT] });
}

fn year(year: i64, count: usize, out: &mut String) {
    if count == 2 { padded(year.rem_euclid(100), 2, out) } else { padded(year, count, out) }
}

fn year_of_era(year: i64) -> i64 {
    if year > 0 { year } else { 1 - year }
}

/// Weeks begin on Sunday, and the week of January 1 is the first of its year.
fn week_of_year(moment: &Moment, days: i64) -> i64 {
    if week_year(moment, days) != year_of_era(moment.year) {
        return 1;
    }
    let start = year_start(moment.year);
    (days - start + weekday(start)) / 7 + 1
}

fn week_year(moment: &Moment, days: i64) -> i64 {
    let saturday = days + 6 - weekday(days);
    let next = saturday >= year_start(moment.year + 1);
    year_of_era(moment.year + i64::from(next))
}
