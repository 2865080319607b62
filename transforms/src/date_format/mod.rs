//! `java.text.SimpleDateFormat` in UTC and English, the only zone and language that the transforms use.
//!
//! Judged by `tests/golden/values/dates.jsonl`, which the program `golden` runs.

mod parse;
mod write;

use connect_api::time;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Field { letter: char, count: usize },
}

const LETTERS: &str = "GyMwWDdFEaHkKhmsSzZYuXL";

impl DateFormat {
    /// Compiles a pattern; the error is the JVM's message.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\'' if rest.next_if_eq(&'\'').is_some() => literal(&mut parts, '\''),
                '\'' => loop {
                    match rest.next() {
                        Some('\'') if rest.next_if_eq(&'\'').is_some() => literal(&mut parts, '\''),
                        Some('\'') => break,
                        Some(quoted) => literal(&mut parts, quoted),
                        None => return Err("Unterminated quote".to_owned()),
                    }
                },
                c if !c.is_ascii_alphabetic() => literal(&mut parts, c),
                c if !LETTERS.contains(c) => return Err(format!("Illegal pattern character '{c}'")),
                letter => {
                    let mut count = 1;
                    while rest.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    if letter == 'X' && count > 3 {
                        return Err(format!("invalid ISO 8601 format: length={count}"));
                    }
                    parts.push(Part::Field { letter, count });
                }
            }
        }
        Ok(Self { parts })
    }
}

fn literal(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Literal(text)) => text.push(c),
        _ => parts.push(Part::Literal(c.to_string())),
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Months and days are cut to this many letters for their short names.
const SHORT: usize = 3;

/// Days since 1970 of the first day of a year.
fn year_start(year: i64) -> i64 {
    time::days_of_date(year, 1, 1)
}

/// From 0, which is Sunday.
fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}
