//! Texts that match a regular expression.

use regex_syntax::{
    Parser,
    hir::{Class, ClassUnicode, Hir, HirKind},
};

use crate::{arguments::Length, random::Random};

/// A regular expression, prepared for making texts of it.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Node);

/// A part of an expression, with the fewest and the most characters it can make.
#[derive(Clone, Debug)]
struct Node {
    shortest: usize,
    longest: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Text(String),
    /// Ranges of characters, both ends included, and how many characters they have.
    Class(Vec<(u32, u32)>, usize),
    Repeat {
        min: usize,
        max: Option<usize>,
        node: Box<Node>,
    },
    All(Vec<Node>),
    OneOf(Vec<Node>),
}

/// How often something is repeated at most for which the expression names no limit.
const REPEATS_BEYOND_MIN: usize = 16;
/// Classes with more characters than this were meant as "anything" or "anything but".
const CLASS_MAX: usize = 128;
/// A longer text fits no message, and a nest of repetitions may ask for any length.
const CHARACTERS_MAX: usize = 1_000_000;

impl Pattern {
    pub(crate) fn parse(expression: &str) -> Result<Self, String> {
        let hir = Parser::new().parse(expression).map_err(|error| {
            format!("the regex '{expression}' can't be read: {}", error.to_string().lines().last().unwrap_or_default())
        })?;
        let node = Node::of(&hir);
        if node.usually() > CHARACTERS_MAX {
            return Err(format!("the regex '{expression}' makes texts of more than {CHARACTERS_MAX} characters"));
        }
        Ok(Self(node))
    }

    /// A text of a wanted length where the expression has one, of a near length otherwise.
    ///
    /// The least length counts even when nobody asked for one, as in the original: `City_[1-9]{0,2}` always has two
    /// digits, because texts have 8 characters or more.
    pub(crate) fn text(&self, length: Length, random: &mut Random, out: &mut String) {
        let high = if length.given { length.max - 1 } else { usize::MAX };
        self.0.write((length.min, high), random, out);
    }
}

impl Node {
    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            // Anchors and word boundaries add nothing to a text.
            HirKind::Empty | HirKind::Look(_) => Node::text(String::new()),
            HirKind::Literal(literal) => Node::text(String::from_utf8_lossy(&literal.0).into_owned()),
            HirKind::Class(Class::Unicode(class)) => Node::class(class),
            HirKind::Class(Class::Bytes(class)) => {
                let ranges = class.ranges().iter().map(|range| (range.start().into(), range.end().into()));
                Node::ranges(ranges.collect())
            }
            HirKind::Repetition(repetition) => {
                let node = Node::of(&repetition.sub);
                let (min, max) = (repetition.min as usize, repetition.max.map(|max| max as usize));
                let most = if node.longest == 0 { 0 } else { max.unwrap_or(usize::MAX) };
                Node {
                    shortest: node.shortest.saturating_mul(min),
                    longest: node.longest.saturating_mul(most),
                    kind: Kind::Repeat { min, max, node: Box::new(node) },
                }
            }
            HirKind::Capture(group) => Node::of(&group.sub),
            HirKind::Concat(parts) => {
                let parts: Vec<Node> = parts.iter().map(Node::of).collect();
                let (shortest, longest) = sum(&parts);
                Node { shortest, longest, kind: Kind::All(parts) }
            }
            HirKind::Alternation(parts) => {
                let parts: Vec<Node> = parts.iter().map(Node::of).collect();
                Node {
                    shortest: parts.iter().map(|part| part.shortest).min().unwrap_or(0),
                    longest: parts.iter().map(|part| part.longest).max().unwrap_or(0),
                    kind: Kind::OneOf(parts),
                }
            }
        }
    }

    fn text(text: String) -> Self {
        let length = text.chars().count();
        Node { shortest: length, longest: length, kind: Kind::Text(text) }
    }

    /// `.`, `\s` and `[^a]` mean printable ASCII where they have some: nobody wants control characters in test data.
    fn class(class: &ClassUnicode) -> Self {
        let all: Vec<(u32, u32)> = class.iter().map(|range| (range.start().into(), range.end().into())).collect();
        let broad = count(&all) > CLASS_MAX || all.first().is_some_and(|(start, _)| *start < u32::from(' '));
        let printable: Vec<(u32, u32)> = all
            .iter()
            .map(|(start, end)| ((*start).max(u32::from(' ')), (*end).min(u32::from('~'))))
            .filter(|(start, end)| start <= end)
            .collect();
        Node::ranges(if broad && !printable.is_empty() { printable } else { all })
    }

    fn ranges(ranges: Vec<(u32, u32)>) -> Self {
        let count = count(&ranges);
        let length = count.min(1);
        Node { shortest: length, longest: length, kind: Kind::Class(ranges, count) }
    }

    /// The most characters where nobody asks for more.
    fn usually(&self) -> usize {
        match &self.kind {
            Kind::Text(_) | Kind::Class(..) => self.longest,
            Kind::Repeat { min, max, node } => {
                node.usually().saturating_mul(max.unwrap_or(min.saturating_add(REPEATS_BEYOND_MIN)))
            }
            Kind::All(parts) => parts.iter().map(Node::usually).fold(0, usize::saturating_add),
            Kind::OneOf(parts) => parts.iter().map(Node::usually).max().unwrap_or(0),
        }
    }

    /// Appends a text that has from `low` to `high` characters, or nearly so where that can't be.
    fn write(&self, (low, high): (usize, usize), random: &mut Random, out: &mut String) -> usize {
        match &self.kind {
            Kind::Text(text) => {
                out.push_str(text);
                self.longest
            }
            Kind::Class(ranges, count) => {
                out.extend(pick(ranges, random.below(*count)));
                self.longest
            }
            Kind::Repeat { min, max, node } => {
                let least = low.div_ceil(node.longest.max(1)).clamp(*min, max.unwrap_or(usize::MAX));
                let most = max.unwrap_or(least.max(min.saturating_add(REPEATS_BEYOND_MIN)));
                let most = high.checked_div(node.shortest).unwrap_or(usize::MAX).clamp(least, most);
                let times = least + random.below(most - least + 1);
                let behind = |at: usize| {
                    (node.shortest.saturating_mul(times - at - 1), node.longest.saturating_mul(times - at - 1))
                };
                write_all(std::iter::repeat_n(&**node, times), behind, (low, high), random, out)
            }
            Kind::All(parts) => write_all(parts.iter(), |at| sum(&parts[at + 1..]), (low, high), random, out),
            Kind::OneOf(parts) => {
                let fitting: Vec<&Node> =
                    parts.iter().filter(|part| part.longest >= low && part.shortest <= high).collect();
                let nearest = || parts.iter().max_by_key(|part| part.longest);
                let part = fitting.get(random.below(fitting.len())).copied().or_else(nearest);
                part.map_or(0, |part| part.write((low, high), random, out))
            }
        }
    }
}

/// Writes parts in a row: each as long as those behind it, whose lengths `behind` tells, leave it to be.
fn write_all<'a>(
    parts: impl Iterator<Item = &'a Node>,
    behind: impl Fn(usize) -> (usize, usize),
    (mut low, mut high): (usize, usize),
    random: &mut Random,
    out: &mut String,
) -> usize {
    let mut all = 0;
    for (at, part) in parts.enumerate() {
        let (shortest, longest) = behind(at);
        let room = (low.saturating_sub(longest), high.saturating_sub(shortest));
        let written = part.write(room, random, out);
        (low, high) = (low.saturating_sub(written), high.saturating_sub(written));
        all += written;
    }
    all
}

fn sum(parts: &[Node]) -> (usize, usize) {
    parts.iter().fold((0, 0), |(shortest, longest): (usize, usize), part| {
        (shortest.saturating_add(part.shortest), longest.saturating_add(part.longest))
    })
}

fn count(ranges: &[(u32, u32)]) -> usize {
    ranges.iter().map(|(start, end)| (end - start) as usize + 1).sum()
}

/// The character at a place among those of the ranges.
fn pick(ranges: &[(u32, u32)], place: usize) -> Option<char> {
    let mut place = u32::try_from(place).ok()?;
    for (start, end) in ranges {
        if place <= end - start {
            return char::from_u32(start + place);
        }
        place -= end - start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNASKED: Length = Length { min: 8, max: 16, given: false };

    fn texts(expression: &str, length: Length) -> Vec<String> {
        let pattern = Pattern::parse(expression).unwrap();
        let mut random = Random::new(7);
        let text = |_| {
            let mut out = String::new();
            pattern.text(length, &mut random, &mut out);
            out
        };
        (0..200).map(text).collect()
    }

    /// Every text matches its expression, which another engine judges: here by the shape of the characters.
    fn check(expression: &str, length: Length, fits: impl Fn(&str) -> bool) {
        for text in texts(expression, length) {
            assert!(fits(&text), "{expression}: {text}");
        }
    }

    #[test]
    fn texts_have_eight_characters_where_they_can() {
        check("City_[1-9]{0,2}", UNASKED, |text| text.len() == 7);
        check("Item_[1-9][0-9]{0,2}", UNASKED, |text| text.len() == 8);
        check("User_[1-9]{0,1}", UNASKED, |text| text.len() == 6);
        check("User_[1-9]", UNASKED, |text| text.len() == 6);
        check("[a-z]{2,30}", UNASKED, |text| (8..=30).contains(&text.len()));
        check("([0-9A-F]{2}:){5}[0-9A-F]{2}", UNASKED, |text| text.len() == 17);
    }

    #[test]
    fn a_length_that_is_asked_for_is_kept() {
        let length = |min, max| Length { min, max, given: true };
        check("[a-z]*", length(3, 5), |text| (3..5).contains(&text.len()));
        check("[ab]+", length(1, 2), |text| text.len() == 1);
        check("x[a-z]*y([0-9]{2})+", length(40, 42), |text| (40..42).contains(&text.len()));
        check("(a|bbb|cccccc)", length(3, 4), |text| text == "bbb");
    }

    #[test]
    fn classes_without_a_limit_are_printable() {
        let printable = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        check(".{9}", UNASKED, printable);
        check(r"\s{9}", UNASKED, |text| text == "         ");
        check(r"\d{9}", UNASKED, |text| text.bytes().all(|byte| byte.is_ascii_digit()));
        check("[^a]{9}", UNASKED, |text| printable(text) && !text.contains('a'));
        check("[éè]{9}", UNASKED, |text| text.chars().all(|c| c == 'é' || c == 'è'));
    }

    #[test]
    fn branches_and_anchors() {
        check("^(cat|dog)house$", UNASKED, |text| text == "cathouse" || text == "doghouse");
        check(r"\[[0-9]{2},[0-9]{2}\]", UNASKED, |text| text.starts_with('[') && text.len() == 7);
    }

    #[test]
    fn what_can_t_be_made_is_refused() {
        assert!(Pattern::parse("(").unwrap_err().contains("unclosed group"));
        assert!(Pattern::parse("(a{1000}){1000}{1000}").is_err());
        // A class of nothing matches nothing and makes nothing.
        assert_eq!(texts("a[^\\s\\S]", UNASKED)[0], "a");
    }
}
