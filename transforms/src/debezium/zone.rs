//! Time zones by name or offset, and texts that tell moments with an offset.

use connect_api::{Error, Result};
use jiff::{
    Timestamp, civil,
    tz::{Offset, TimeZone},
};

use super::envelope;

/// Java's old short names: it takes them for names of zones, and then knows no rules for them.
const SHORT_NAMES: [&str; 28] = [
    "ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT", "CST", "CTT", "EAT", "ECT", "EST", "HST", "IET",
    "IST", "JST", "MIT", "MST", "NET", "NST", "PLT", "PNT", "PRT", "PST", "SST", "VST",
];

/// A time zone.
pub(crate) struct Zone {
    name: String,
    rules: Option<TimeZone>,
}

impl Zone {
    /// A geographic name, or an offset as `+08:00`.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let rules = if SHORT_NAMES.contains(&name) {
            None
        } else {
            let found = match name.starts_with(['+', '-']) {
                true => parse_offset(name).and_then(|seconds| Offset::from_seconds(seconds).ok()).map(TimeZone::fixed),
                // A file path is no name, and a letter is none in Java.
                false if name.len() < 2 => None,
                false => TimeZone::get(name).ok(),
            };
            Some(found.ok_or_else(|| {
                envelope::failure(
                    "Invalid timezone format. Please specify either a geographic timezone (e.g. \
                     America/Los_Angeles) or a UTC offset in the format of +/-hh:mm, (e.g. +08:00).",
                )
            })?)
        };
        Ok(Self { name: name.to_owned(), rules })
    }

    fn rules(&self) -> Result<&TimeZone> {
        self.rules.as_ref().ok_or_else(|| {
            Error::data(format!("Unknown time-zone ID: {}", self.name)).class("java.time.zone.ZoneRulesException")
        })
    }

    /// The offset when clocks in the zone show what UTC shows at these seconds since 1970. Of two it is the earlier.
    pub(crate) fn offset_at_wall_time(&self, seconds: i64) -> Result<i64> {
        let out_of_range = |error: jiff::Error| Error::data(error.to_string());
        let wall = Timestamp::from_second(seconds).map_err(out_of_range)?;
        let wall = Offset::UTC.to_datetime(wall);
        Ok(self.rules()?.to_ambiguous_timestamp(wall).offset().before_seconds())
    }

    /// `2020-01-02T03:04:05.123456Z` told in the zone.
    pub(crate) fn timestamp(&self, text: &str) -> Result<String> {
        let parsed = split(text, "2020-01-02T".len()).and_then(|(wall, offset)| {
            let wall: civil::DateTime = wall.parse().ok()?;
            Some((wall, offset))
        });
        let (wall, from) = parsed.ok_or_else(|| unreadable(text))?;
        let shown = Offset::UTC.to_timestamp(wall).map_err(|error| Error::data(error.to_string()))?;
        let to = self.offset_at_wall_time(shown.as_second())?;
        let moved = wall.checked_add(jiff::SignedDuration::from_secs(to - i64::from(from)));
        let moved = moved.map_err(|error| Error::data(error.to_string()))?;
        Ok(format!("{}T{}{}", moved.date(), time_text(moved.time()), offset_text(to)))
    }

    /// `03:04:05Z` told in the zone, by the offset that it has when clocks are not put forward.
    pub(crate) fn time(&self, text: &str) -> Result<String> {
        let parsed = split(text, 0).and_then(|(wall, offset)| {
            let wall: civil::Time = wall.parse().ok()?;
            Some((wall, offset))
        });
        let (wall, from) = parsed.ok_or_else(|| unreadable(text))?;
        let to = self.standard_offset()?;
        let moved = wall.wrapping_add(jiff::SignedDuration::from_secs(to - i64::from(from)));
        Ok(format!("{}{}", time_text(moved), offset_text(to)))
    }

    fn standard_offset(&self) -> Result<i64> {
        let now = Timestamp::now();
        let rules = self.rules()?;
        let info = rules.to_offset_info(now);
        let standard = match info.dst().is_dst() {
            false => info.offset(),
            true => rules.following(now).find(|t| !t.dst().is_dst()).map_or(info.offset(), |t| t.offset()),
        };
        Ok(standard.seconds().into())
    }
}

trait BeforeSeconds {
    fn before_seconds(self) -> i64;
}

impl BeforeSeconds for jiff::tz::AmbiguousOffset {
    fn before_seconds(self) -> i64 {
        let offset = match self {
            jiff::tz::AmbiguousOffset::Unambiguous { offset } => offset,
            jiff::tz::AmbiguousOffset::Gap { before, .. } | jiff::tz::AmbiguousOffset::Fold { before, .. } => before,
        };
        offset.seconds().into()
    }
}

/// The text before its offset, and the offset in seconds. Signs before `from` belong to the date.
fn split(text: &str, from: usize) -> Option<(&str, i32)> {
    let at = from + text.get(from..)?.find(['Z', '+', '-'])?;
    let (wall, offset) = text.split_at(at);
    Some((wall, parse_offset(offset)?))
}

/// `Z`, `+hh:mm`, `-hh:mm:ss`
fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let parts: Vec<&str> = rest.split(':').collect();
    if parts.len() < 2 || parts.len() > 3 || parts.iter().any(|part| part.len() != 2) {
        return None;
    }
    let mut seconds = 0;
    for at in 0..3 {
        let part: i32 = parts.get(at).map_or(Some(0), |part| part.parse().ok())?;
        seconds = seconds * 60 + part;
    }
    Some(sign * seconds)
}

fn offset_text(seconds: i64) -> String {
    if seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match rest {
        0 => format!("{sign}{hours:02}:{minutes:02}"),
        rest => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
    }
}

fn time_text(time: civil::Time) -> String {
    let fraction = time.subsec_nanosecond();
    let whole = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    match fraction {
        0 => whole,
        fraction => format!("{whole}.{}", format!("{fraction:09}").trim_end_matches('0')),
    }
}

fn unreadable(text: &str) -> Error {
    // Java says at which character it stopped.
    let index = text.find(' ').unwrap_or(0);
    Error::data(format!("Text '{text}' could not be parsed at index {index}"))
        .class("java.time.format.DateTimeParseException")
}
