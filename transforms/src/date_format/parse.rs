//! Reading a text by a pattern, leniently: fields may overflow, and what follows the last field is not looked at.

use connect_api::time::{DAY_MS, Moment, days_of_date};

use super::{DAYS, DateFormat, MONTHS, Part, SHORT, weekday, year_start};

/// Fields that are read as numbers, and so must not take each other's digits where nothing stands between them.
const NUMBERS: &str = "yYdHkKhmsSDFwWu";

/// The zones that texts name, in minutes east of UTC; names that several zones share are taken as Java takes them.
const ZONES: [(&str, i64); 26] = [
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("Eastern Standard Time", -300),
    ("Eastern Daylight Time", -240),
    ("Central Standard Time", -360),
    ("Central Daylight Time", -300),
    ("Mountain Standard Time", -420),
    ("Mountain Daylight Time", -360),
    ("Pacific Standard Time", -480),
    ("Pacific Daylight Time", -420),
    ("Coordinated Universal Time", 0),
    ("WET", 0),
    ("CET", 60),
    ("CEST", 120),
    ("BST", 60),
    ("IST", 120),
    ("JST", 540),
];

impl DateFormat {
    /// The moment that a text names. `now_ms` tells which century two digits of a year mean: from 80 years before on.
    pub fn parse(&self, text: &str, now_ms: i64) -> Option<i64> {
        let mut fields = Fields { now_ms, ..Fields::default() };
        let mut rest = text;
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Part::Field { letter, count } => {
                    let abutting = match self.parts.get(at + 1) {
                        Some(Part::Field { letter: 'M' | 'L', count }) => *count <= 2,
                        Some(Part::Field { letter, .. }) => NUMBERS.contains(*letter),
                        _ => false,
                    };
                    let width = abutting.then_some(*count);
                    rest = fields.read(*letter, *count, width, rest)?;
                }
            }
        }
        // Nothing read at all is a failure to Java.
        if rest.len() == text.len() {
            return None;
        }
        fields.resolve()
    }
}

/// Which fields say what day it is; the ones read last win.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum DayBy {
    #[default]
    Month,
    Year,
    Week,
    WeekOfMonth,
    WeekdayInMonth,
}

#[derive(Default)]
struct Fields {
    /// Settles which century two digits of a year mean.
    now_ms: i64,
    year: Option<i64>,
    /// Two digits that may mean one of two centuries.
    ambiguous: bool,
    before_christ: bool,
    week_year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: i64,
    week: i64,
    weekday: Option<i64>,
    day_by: DayBy,
    hour: i64,
    half: i64,
    /// Whether the hour is one of twelve.
    of_twelve: bool,
    minute: i64,
    second: i64,
    millisecond: i64,
    offset_minutes: i64,
}

impl Fields {
    /// Reads one field and gives back what is left of the text.
    fn read<'a>(&mut self, letter: char, count: usize, width: Option<usize>, text: &'a str) -> Option<&'a str> {
        let text = text.trim_start_matches([' ', '\t']);
        if text.is_empty() {
            return None;
        }
        match letter {
            'G' => return self.read_era(text),
            'a' => return self.read_half(text),
            'E' => {
                let (day, rest) = named(&DAYS, text)?;
                self.weekday = Some(day);
                return Some(rest);
            }
            'M' | 'L' if count > 2 => {
                let (month, rest) = named(&MONTHS, text)?;
                (self.month, self.day_by) = (Some(month + 1), DayBy::Month);
                return Some(rest);
            }
            'z' | 'Z' => return self.read_zone(text),
            'X' => return self.read_iso_zone(text, count),
            _ => {}
        }
        let (number, rest) = number(text, width)?;
        let digits = text.len() - rest.len();
        match letter {
            'y' | 'Y' => {
                let short = count <= 2 && digits == 2 && text.as_bytes()[..2].iter().all(u8::is_ascii_digit);
                let year = if short { self.century(number) } else { number };
                if letter == 'y' { self.year = Some(year) } else { self.week_year = Some(year) }
            }
            'M' | 'L' => (self.month, self.day_by) = (Some(number), DayBy::Month),
            'd' => (self.day, self.day_by) = (Some(number), DayBy::Month),
            'D' => (self.day_of_year, self.day_by) = (number, DayBy::Year),
            'w' => (self.week, self.day_by) = (number, DayBy::Week),
            'W' => (self.week, self.day_by) = (number, DayBy::WeekOfMonth),
            'F' => (self.week, self.day_by) = (number, DayBy::WeekdayInMonth),
            'u' => self.weekday = Some(number.rem_euclid(7)),
            'H' => (self.hour, self.of_twelve) = (number, false),
            'k' => (self.hour, self.of_twelve) = (if number == 24 { 0 } else { number }, false),
            'K' => (self.hour, self.of_twelve) = (number, true),
            'h' => (self.hour, self.of_twelve) = (if number == 12 { 0 } else { number }, true),
            'm' => self.minute = number,
            's' => self.second = number,
            _ => self.millisecond = number,
        }
        Some(rest)
    }

    fn century(&mut self, digits: i64) -> i64 {
        let start = Moment::of_ms(self.now_ms).year - 80;
        self.ambiguous = digits == start % 100;
        digits + start / 100 * 100 + if digits < start % 100 { 100 } else { 0 }
    }

    fn read_era<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (era, rest) = named_exactly(&["BC", "AD"], text)?;
        self.before_christ = era == 0;
        Some(rest)
    }

    fn read_half<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (half, rest) = named_exactly(&["AM", "PM"], text)?;
        self.half = half;
        Some(rest)
    }

    fn read_zone<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if text.starts_with(['+', '-']) {
            return self.read_offset(text, false);
        }
        let names = ZONES.map(|(name, _)| name);
        let (zone, rest) = named_exactly(&names, text)?;
        let (name, minutes) = ZONES[zone as usize];
        self.offset_minutes = minutes;
        if name == "GMT" && rest.starts_with(['+', '-']) {
            return self.read_offset(rest, true);
        }
        Some(rest)
    }

    fn read_iso_zone<'a>(&mut self, text: &'a str, count: usize) -> Option<&'a str> {
        if let Some(rest) = text.strip_prefix('Z') {
            return Some(rest);
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let rest = text.strip_prefix(['+', '-'])?;
        let (hours, rest) = number(rest.get(..2)?, None).map(|(hours, _)| (hours, &rest[2..]))?;
        let (minutes, rest) = match count {
            1 => (0, rest),
            2 => (number(rest.get(..2)?, None)?.0, &rest[2..]),
            _ => {
                let rest = rest.strip_prefix(':')?;
                (number(rest.get(..2)?, None)?.0, &rest[2..])
            }
        };
        self.offset_minutes = sign * offset(hours, minutes)?;
        Some(rest)
    }

    /// `+hhmm`, or after GMT `+hh:mm`.
    fn read_offset<'a>(&mut self, text: &'a str, colon: bool) -> Option<&'a str> {
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let digits = &text[1..];
        let hours_end = digits.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let hours: i64 = digits.get(..hours_end)?.parse().ok()?;
        let rest = &digits[hours_end..];
        let minutes_text = match rest.strip_prefix(':') {
            Some(after) if colon => after,
            None if !colon => rest,
            _ => return None,
        };
        let minutes: i64 = minutes_text.get(..2)?.parse().ok()?;
        self.offset_minutes = sign * offset(hours, minutes)?;
        Some(&minutes_text[2..])
    }

    fn resolve(&self) -> Option<i64> {
        let hour = if self.of_twelve { self.hour + 12 * self.half } else { self.hour };
        let minutes = hour.checked_mul(60)?.checked_add(self.minute)?.checked_sub(self.offset_minutes)?;
        let seconds = minutes.checked_mul(60)?.checked_add(self.second)?;
        let of_day = seconds.checked_mul(1000)?.checked_add(self.millisecond)?;
        let at = |year: i64| self.days(year)?.checked_mul(DAY_MS)?.checked_add(of_day);
        let year = self.year.unwrap_or(1970);
        let ms = at(if self.before_christ { 1 - year } else { year })?;
        if !self.ambiguous {
            return Some(ms);
        }
        let now = Moment::of_ms(self.now_ms);
        let start =
            days_of_date(now.year - 80, now.month.into(), now.day.into()) * DAY_MS + self.now_ms.rem_euclid(DAY_MS);
        if ms < start { at(year + 100) } else { Some(ms) }
    }

    fn days(&self, year: i64) -> Option<i64> {
        let within = |number: i64| (number.abs() < 1_000_000_000).then_some(number);
        let month = within(self.month.unwrap_or(1))?;
        let month_start = || days_of_date(year, month, 1);
        let sunday_of = |day: i64| day - weekday(day);
        // A day of the week counts only where no day of the month says otherwise.
        let weekday_given = self.weekday.unwrap_or(0);
        if let Some(week_year) = self.week_year {
            let first = sunday_of(year_start(within(week_year)?));
            let week = if self.day_by == DayBy::Week { within(self.week)? } else { 1 };
            return Some(first + (week - 1) * 7 + weekday_given);
        }
        Some(match self.day_by {
            DayBy::Year => year_start(year) + within(self.day_of_year)? - 1,
            DayBy::Week => sunday_of(year_start(year)) + (within(self.week)? - 1) * 7 + weekday_given,
            DayBy::WeekOfMonth => sunday_of(month_start()) + (within(self.week)? - 1) * 7 + weekday_given,
            DayBy::WeekdayInMonth => {
                let start = month_start();
                start + (weekday_given - weekday(start)).rem_euclid(7) + (within(self.week)? - 1) * 7
            }
            DayBy::Month if self.day.is_none() && self.weekday.is_some() => {
                let start = month_start();
                start + (weekday_given - weekday(start)).rem_euclid(7)
            }
            DayBy::Month => month_start() + within(self.day.unwrap_or(1))? - 1,
        })
    }
}

fn offset(hours: i64, minutes: i64) -> Option<i64> {
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

/// A number with an optional minus, of at most so many characters where more numbers follow.
fn number(text: &str, width: Option<usize>) -> Option<(i64, &str)> {
    let scope = match width {
        Some(width) => text.get(..width)?,
        None => text,
    };
    let unsigned = scope.strip_prefix('-').unwrap_or(scope);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let end = scope.len() - unsigned.len() + digits;
    // Java keeps the low half of what does not fit an int.
    let number: i128 = scope.get(..end).filter(|_| digits > 0 && digits < 30)?.parse().ok()?;
    Some((i64::from(number.clamp(i64::MIN.into(), i64::MAX.into()) as i32), &text[end..]))
}

/// The place of the longest name that the text starts with, in full or in short, whatever the case.
fn named<'a>(names: &[&str], text: &'a str) -> Option<(i64, &'a str)> {
    named_exactly(names, text).or_else(|| {
        let short: Vec<&str> = names.iter().map(|name| &name[..SHORT]).collect();
        named_exactly(&short, text)
    })
}

fn named_exactly<'a>(names: &[&str], text: &'a str) -> Option<(i64, &'a str)> {
    let starts = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let found = names.iter().enumerate().filter(|(_, name)| starts(name)).max_by_key(|(_, name)| name.len());
    found.map(|(at, name)| (at as i64, &text[name.len()..]))
}
