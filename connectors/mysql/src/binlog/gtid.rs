//! GTID sets of MySQL and MariaDB: which transactions a server or connector has seen.

use std::{collections::BTreeMap, fmt};

/// The transactions of one kind of server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GtidSet {
    MySql(MySqlGtids),
    MariaDb(MariaDbGtids),
}

impl GtidSet {
    /// Reads the form in which servers print sets; line breaks and blanks don't count.
    pub fn parse(text: &str, mariadb: bool) -> Option<Self> {
        Some(match mariadb {
            false => GtidSet::MySql(MySqlGtids::parse(text)?),
            true => GtidSet::MariaDb(MariaDbGtids::parse(text)?),
        })
    }

    pub fn is_empty(&self) -> bool {
        match self {
            GtidSet::MySql(set) => set.0.is_empty(),
            GtidSet::MariaDb(set) => set.0.is_empty(),
        }
    }

    /// Adds one transaction.
    pub fn add(&mut self, gtid: &Gtid) {
        match (self, gtid) {
            (GtidSet::MySql(set), Gtid::MySql { source, tag, number }) => set.add(source, tag, *number),
            (GtidSet::MariaDb(set), Gtid::MariaDb { domain, server, sequence }) => {
                set.0.insert(*domain, (*server, *sequence));
            }
            // A server does not change its kind while a connection to it lives.
            (GtidSet::MySql(_), Gtid::MariaDb { .. }) | (GtidSet::MariaDb(_), Gtid::MySql { .. }) => {}
        }
    }

    /// Whether every transaction of the other set is in this one.
    pub fn contains(&self, other: &GtidSet) -> bool {
        match (self, other) {
            (GtidSet::MySql(set), GtidSet::MySql(other)) => other.minus(set).0.is_empty(),
            (GtidSet::MariaDb(set), GtidSet::MariaDb(other)) => {
                let has = |(domain, (_, sequence)): (&u32, &(u32, u64))| {
                    set.0.get(domain).is_some_and(|(_, known)| known >= sequence)
                };
                other.0.iter().all(has)
            }
            _ => false,
        }
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GtidSet::MySql(set) => set.fmt(f),
            GtidSet::MariaDb(set) => set.fmt(f),
        }
    }
}

/// The id of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gtid {
    /// `source` is the UUID of the server; the tag is empty before MySQL 8.3.
    MySql {
        source: String,
        tag: String,
        number: u64,
    },
    MariaDb {
        domain: u32,
        server: u32,
        sequence: u64,
    },
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gtid::MySql { source, tag, number } if tag.is_empty() => write!(f, "{source}:{number}"),
            Gtid::MySql { source, tag, number } => write!(f, "{source}:{tag}:{number}"),
            Gtid::MariaDb { domain, server, sequence } => write!(f, "{domain}-{server}-{sequence}"),
        }
    }
}

/// Intervals with both ends inside, in order and apart from each other.
type Intervals = Vec<(u64, u64)>;

/// `uuid:1-5:7,uuid2:1-3:tag:1-2`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MySqlGtids(BTreeMap<String, BTreeMap<String, Intervals>>);

impl MySqlGtids {
    pub fn parse(text: &str) -> Option<Self> {
        let mut set = Self::default();
        let text: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let mut pieces = part.split(':');
            let source = pieces.next()?.to_ascii_lowercase();
            let mut tag = String::new();
            for piece in pieces {
                match piece.chars().next()? {
                    first if first.is_ascii_digit() => {
                        let (from, to) = piece.split_once('-').unwrap_or((piece, piece));
                        set.add_interval(&source, &tag, from.parse().ok()?, to.parse().ok()?);
                    }
                    _ => tag = piece.to_ascii_lowercase(),
                }
            }
        }
        Some(set)
    }

    /// The sources, with the intervals of each of their tags.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &[(u64, u64)])> {
        self.0.iter().flat_map(|(source, tags)| {
            tags.iter().map(move |(tag, intervals)| (source.as_str(), tag.as_str(), intervals.as_slice()))
        })
    }

    fn add(&mut self, source: &str, tag: &str, number: u64) {
        // The usual case costs no search: the next number of a known source.
        if let Some(last) = self.0.get_mut(source).and_then(|tags| tags.get_mut(tag)).and_then(|list| list.last_mut())
            && last.1.checked_add(1) == Some(number)
        {
            last.1 = number;
            return;
        }
        self.add_interval(source, tag, number, number);
    }

    fn add_interval(&mut self, source: &str, tag: &str, from: u64, to: u64) {
        if from == 0 || to < from {
            return;
        }
        let list = self.0.entry(source.to_owned()).or_default().entry(tag.to_owned()).or_default();
        list.push((from, to));
        list.sort_unstable();
        let mut merged: Intervals = Vec::with_capacity(list.len());
        for (from, to) in list.drain(..) {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        *list = merged;
    }

    /// All that either set has.
    pub fn union(mut self, other: &Self) -> Self {
        for (source, tag, intervals) in other.iter() {
            for (from, to) in intervals {
                self.add_interval(source, tag, *from, *to);
            }
        }
        self
    }

    /// What this set has and the other has not.
    pub fn minus(&self, other: &Self) -> Self {
        let mut rest = Self::default();
        for (source, tag, intervals) in self.iter() {
            let none = Vec::new();
            let holes = other.0.get(source).and_then(|tags| tags.get(tag)).unwrap_or(&none);
            for (from, to) in intervals {
                let mut next = *from;
                for (hole_from, hole_to) in holes.iter().filter(|(f, t)| t >= from && f <= to) {
                    if *hole_from > next {
                        rest.add_interval(source, tag, next, hole_from - 1);
                    }
                    next = next.max(hole_to.saturating_add(1));
                }
                if next <= *to {
                    rest.add_interval(source, tag, next, *to);
                }
            }
        }
        rest
    }

    /// The part of the set whose sources are accepted.
    pub fn retain(mut self, accepted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|source, _| accepted(source));
        self
    }

    pub fn has_source(&self, source: &str) -> bool {
        self.0.contains_key(source)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for MySqlGtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (source, tags)) in self.0.iter().enumerate() {
            write!(f, "{}{source}", if at > 0 { "," } else { "" })?;
            for (tag, intervals) in tags {
                if !tag.is_empty() {
                    write!(f, ":{tag}")?;
                }
                for (from, to) in intervals {
                    match from == to {
                        true => write!(f, ":{from}")?,
                        false => write!(f, ":{from}-{to}")?,
                    }
                }
            }
        }
        Ok(())
    }
}

/// The last transaction of each domain: `0-1-100,1-1-5`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MariaDbGtids(BTreeMap<u32, (u32, u64)>);

impl MariaDbGtids {
    pub fn parse(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut numbers = part.split('-');
            let domain = numbers.next()?.parse().ok()?;
            let server = numbers.next()?.parse().ok()?;
            let sequence: u64 = numbers.next()?.parse().ok()?;
            let newest = set.0.get(&domain).is_none_or(|(_, known)| *known < sequence);
            if newest {
                set.0.insert(domain, (server, sequence));
            }
        }
        Some(set)
    }
}

impl fmt::Display for MariaDbGtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (domain, (server, sequence))) in self.0.iter().enumerate() {
            write!(f, "{}{domain}-{server}-{sequence}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "a9024a0f-e545-11f1-aa45-02fc00000001";
    const B: &str = "b9024a0f-e545-11f1-aa45-02fc00000001";

    fn set(text: &str) -> MySqlGtids {
        MySqlGtids::parse(text).expect("a GTID set")
    }

    #[test]
    fn sets_print_as_servers_print_them() {
        let check = |text: &str, printed: &str| assert_eq!(set(text).to_string(), printed);
        check(&format!("{B}:1,\n{A}:1-3:5-7:4"), &format!("{A}:1-7,{B}:1"));
        check(&format!("{A}:1-4:blue:1-2:red:7"), &format!("{A}:1-4:blue:1-2:red:7"));
        check("", "");
        assert_eq!(MySqlGtids::parse("x:y-z:1-"), None);
    }

    #[test]
    fn a_transaction_extends_its_interval() {
        let mut gtids = GtidSet::parse(&format!("{A}:1-3"), false).expect("a GTID set");
        let gtid = |number| Gtid::MySql { source: A.into(), tag: String::new(), number };
        gtids.add(&gtid(4));
        gtids.add(&gtid(6));
        assert_eq!(gtids.to_string(), format!("{A}:1-4:6"));
        gtids.add(&gtid(5));
        assert_eq!(gtids.to_string(), format!("{A}:1-6"));
    }

    #[test]
    fn sets_are_compared_and_subtracted() {
        let check = |left: &str, right: &str, expected: &str| {
            assert_eq!(set(left).minus(&set(right)).to_string(), expected, "{left} - {right}");
        };
        check(&format!("{A}:1-10"), &format!("{A}:3-4:8"), &format!("{A}:1-2:5-7:9-10"));
        check(&format!("{A}:1-10"), &format!("{A}:1-20"), "");
        check(&format!("{A}:5,{B}:1"), &format!("{A}:1-4"), &format!("{A}:5,{B}:1"));
        let all = GtidSet::parse("0-1-10,1-1-3", true).expect("a GTID set");
        assert!(all.contains(&GtidSet::parse("0-2-9", true).expect("a GTID set")));
        assert!(!all.contains(&GtidSet::parse("2-1-1", true).expect("a GTID set")));
    }
}
