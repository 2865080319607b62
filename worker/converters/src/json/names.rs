//! Member names that come again with every message.
//!
//! The names of a topic's objects are few and the same in each message, so each is kept once for the life of the
//! program, and handing it out copies and counts nothing. Names beyond the limits stay slices of their message.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use connect_api::Value;

use super::{literal::Literal, parse::Parser};

/// Together with the length below, what is kept at most: 256 KB.
const NAMES_MAX: usize = 4096;
const NAME_BYTES_MAX: usize = 64;
const SLOTS: usize = 512;

/// The kept names, each with itself as a member that is not the first is written: `,"name":`.
static KEPT: Mutex<Option<HashMap<&'static str, &'static str>>> = Mutex::new(None);

/// An object of more members is read name by name.
const SHAPE_MAX: usize = 256;
/// So many members all shapes of a converter have at most, a megabyte; an envelope has some forty.
const SHAPES_MAX: usize = 16_384;

/// The names that one converter met.
pub(super) struct Names {
    known: Vec<Known>,
    by_name: HashMap<&'static str, u16>,
    /// Those met last, by fingerprint.
    slots: Box<[u16; SLOTS]>,
    /// The one met last of all: what came after it before comes most often again.
    last: u16,
    /// How many more members shapes may have.
    shapes_left: usize,
    /// Names that could not be kept. Where they are many, names are data, and looking for them is in vain.
    missed: u32,
}

struct Known {
    name: &'static str,
    /// With the comma before and the colon behind it.
    member: &'static str,
    /// What came after it, the latest first. Two, because rows before and after a change end in one name.
    next: [u16; 2],
    /// How many members the last object under this name had: the next one has most often as many.
    members: u16,
    /// The members of an object under this name, in the order in which the next one has them most often.
    shape: Vec<Member>,
    /// How many objects under this name had another shape. Where they are many, no shape is the usual one.
    others: u32,
}

/// A member of a shape, as it stands behind the one before.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) name: &'static str,
    /// The name's number.
    pub(super) at: u16,
    pub(super) literal: Literal,
}

impl Known {
    fn new(name: &'static str, member: &'static str) -> Self {
        Self { name, member, next: [Names::NONE; 2], members: ROOM, shape: Vec::new(), others: 0 }
    }
}

/// A member's name as it was taken.
pub(super) enum Name<'a> {
    /// Kept, under its number in this converter.
    Kept(&'static str, u16),
    /// Not kept, without escapes.
    Plain(&'a [u8]),
    /// Not taken: it is to be read in the general way.
    Other,
}

/// Room for the members of the first object.
const ROOM: u16 = 8;
/// Room for more is made only when the members are there.
const ROOM_MAX: u16 = 256;

/// From so many missed names on, only those that are known are looked for.
const MISSED_MAX: u32 = 10_000;

impl Names {
    /// The number that stands for no name, or for the message as a whole.
    pub(super) const NONE: u16 = 0;

    pub(super) fn new() -> Self {
        Self {
            known: vec![Known::new("", "")],
            by_name: HashMap::new(),
            slots: Box::new([Self::NONE; SLOTS]),
            last: Self::NONE,
            shapes_left: SHAPES_MAX,
            missed: 0,
        }
    }

    /// How many members to make room for in an object under this name.
    pub(super) fn room(&self, under: u16) -> usize {
        self.known[usize::from(under)].members.into()
    }

    /// An object under this name had so many members.
    pub(super) fn took(&mut self, under: u16, members: usize) {
        self.known[usize::from(under)].members = u16::try_from(members).unwrap_or(ROOM_MAX).min(ROOM_MAX);
    }

    /// The members that come most often from this place on in an object under this name.
    #[inline]
    pub(super) fn expected(&self, under: u16, from: usize) -> &[Member] {
        self.known[usize::from(under)].shape.get(from..).unwrap_or_default()
    }

    /// An object under this name had these members, and not those that were expected.
    #[cold]
    pub(super) fn learn(&mut self, under: u16, pairs: &[(Value, Value)]) {
        let known = &mut self.known[usize::from(under)];
        known.others = known.others.wrapping_add(1);
        let room = self.shapes_left + known.shape.len();
        // Ever more seldom: objects that are all different are not worth the work.
        if !known.others.is_power_of_two() || pairs.len() > SHAPE_MAX.min(room) {
            return;
        }
        let mut shape = Vec::with_capacity(pairs.len());
        for (name, _) in pairs {
            let Some(at) = name.as_str().and_then(|name| self.find(name.as_bytes())) else { break };
            let Known { name, member, .. } = self.known[usize::from(at)];
            let literal = if shape.is_empty() { &member[1..] } else { member };
            shape.push(Member { name, at, literal: Literal::new(literal.as_bytes()) });
        }
        self.shapes_left = room - shape.len();
        self.known[usize::from(under)].shape = shape;
    }

    /// Takes a member's name with its colon.
    #[inline]
    pub(super) fn take<'a>(&mut self, parser: &mut Parser<'a>) -> Name<'a> {
        for next in self.known[usize::from(self.last)].next {
            let known = &self.known[usize::from(next)];
            if parser.take_name(known.member.as_bytes().get(1..).unwrap_or_default()) {
                self.last = next;
                return Name::Kept(known.name, next);
            }
        }
        self.take_unexpected(parser)
    }

    fn take_unexpected<'a>(&mut self, parser: &mut Parser<'a>) -> Name<'a> {
        let Some(name) = parser.plain_name() else { return Name::Other };
        let Some(at) = self.find(name) else { return Name::Plain(name) };
        let next = &mut self.known[usize::from(self.last)].next;
        *next = [at, next[0]];
        self.last = at;
        Name::Kept(self.known[usize::from(at)].name, at)
    }

    fn find(&mut self, name: &[u8]) -> Option<u16> {
        // Two slots a name, so that two names of one object need not push each other out.
        let slot = fingerprint(name) as usize % SLOTS;
        for at in [self.slots[slot], self.slots[slot ^ 1]] {
            if at != Self::NONE && self.known[usize::from(at)].name.as_bytes() == name {
                return Some(at);
            }
        }
        if self.missed >= MISSED_MAX {
            return None;
        }
        let Some((name, member)) = keep(name) else {
            self.missed += 1;
            return None;
        };
        let at = *self.by_name.entry(name).or_insert_with(|| {
            self.known.push(Known::new(name, member));
            // No more than are kept.
            (self.known.len() - 1) as u16
        });
        self.slots[slot ^ 1] = self.slots[slot];
        self.slots[slot] = at;
        Some(at)
    }
}

/// Kept names of smaller numbers are marked exactly.
const EXACT: u16 = 256;

/// Tells cheaply that a name was not met before in an object; that one was, it says too often rather than too seldom.
#[derive(Default)]
pub(super) struct Marks {
    /// A bit for each kept name of a number below [`EXACT`].
    kept: [u64; 4],
    /// A bit for the fingerprints of others.
    others: Option<[u64; 4]>,
}

impl Marks {
    /// Marks a kept name; false where it was certainly not marked before.
    #[inline]
    pub(super) fn add_kept(&mut self, name: &str, at: u16) -> bool {
        if at >= EXACT {
            return self.add_other(name);
        }
        // It can have been written in another way before.
        mark(&mut self.kept, at.into()) || self.others.is_some()
    }

    /// As [`Self::add_kept`], for any other name.
    #[inline(never)]
    pub(super) fn add_other(&mut self, name: &str) -> bool {
        let seen = mark(self.others.get_or_insert_default(), fingerprint(name.as_bytes()) as usize % 256);
        seen || self.kept != [0; 4]
    }
}

#[inline]
fn mark(words: &mut [u64; 4], at: usize) -> bool {
    let (word, bit) = (&mut words[at / 64 % 4], 1 << (at % 64));
    let seen = *word & bit != 0;
    *word |= bit;
    seen
}

/// A number that tells most names apart, from their length and their first and last bytes.
#[inline]
pub(super) fn fingerprint(name: &[u8]) -> u32 {
    let (first, last) = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(first), Some(last)) => (u32::from_le_bytes(*first), u32::from_le_bytes(*last)),
        _ => (name.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)), 0),
    };
    let middle = u32::from(name.get(name.len() / 2).copied().unwrap_or_default());
    let mixed = first ^ last.rotate_left(11) ^ middle << 5 ^ (name.len() as u32) << 27;
    mixed.wrapping_mul(0x9e37_79b1) >> 16
}

/// The kept name of these bytes, and its member; `None` where it is not kept.
#[cold]
fn keep(name: &[u8]) -> Option<(&'static str, &'static str)> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some((name, member)) = kept.get_key_value(name) {
        return Some((*name, *member));
    }
    if kept.len() >= NAMES_MAX {
        return None;
    }
    let member: &'static str = Box::leak(format!(",\"{name}\":").into_boxed_str());
    let name = &member[2..name.len() + 2];
    kept.insert(name, member);
    Some((name, member))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_name_is_kept_once_and_found_again() {
        let (mut first, mut second) = (Names::new(), Names::new());
        let get = |names: &mut Names, name: &[u8]| names.find(name).map(|at| names.known[usize::from(at)].name);
        let kept = get(&mut first, b"a_name_of_its_own").unwrap();
        assert_eq!(kept, "a_name_of_its_own");
        assert!(std::ptr::eq(kept, get(&mut second, b"a_name_of_its_own").unwrap()));
        assert_eq!(get(&mut first, b""), None);
        assert_eq!(get(&mut first, &[b'x'; NAME_BYTES_MAX + 1]), None);
        assert_eq!(get(&mut first, b"\xff"), None);
    }

    #[test]
    fn the_name_that_came_next_is_taken_as_it_is_written() {
        let mut names = Names::new();
        let mut take = |text: &'static str| {
            let bytes = Bytes::from_static(text.as_bytes());
            let mut parser = Parser::new(&bytes);
            let taken = match names.take(&mut parser) {
                Name::Kept(name, _) => Some(name.to_owned()),
                Name::Plain(name) => Some(String::from_utf8_lossy(name).into_owned()),
                Name::Other => None,
            };
            (taken, parser.position())
        };
        for _ in 0..3 {
            for name in ["first", "second_name", "a", "a", "first"] {
                let text: &'static str = Box::leak(format!("\"{name}\":1").into_boxed_str());
                assert_eq!(take(text), (Some(name.to_owned()), name.len() + 3));
            }
        }
        assert_eq!(take("\"first\" :1"), (None, 0));
        assert_eq!(take("\"fi"), (None, 0));
        assert_eq!(take("\"second_name_\":1"), (Some("second_name_".to_owned()), 15));
    }

    #[test]
    fn shapes_are_learned_as_far_as_there_is_room() {
        let mut names = Names::new();
        let object = |count: usize| -> Vec<(Value, Value)> {
            (0..count).map(|at| (Value::from(format!("shape_member_{at}")), Value::Null)).collect()
        };
        names.learn(Names::NONE, &object(3));
        let expected: Vec<&str> = names.expected(Names::NONE, 1).iter().map(|member| member.name).collect();
        assert_eq!(expected, ["shape_member_1", "shape_member_2"]);
        assert_eq!(names.shapes_left, SHAPES_MAX - 3);
        // The second other object is learned, the third is not, and the fourth is.
        for (count, learned) in [(5, 5), (7, 5), (2, 2)] {
            names.learn(Names::NONE, &object(count));
            assert_eq!(names.expected(Names::NONE, 0).len(), learned);
        }
        assert_eq!(names.shapes_left, SHAPES_MAX - 2);
        names.shapes_left = 1;
        for _ in 0..4 {
            names.learn(Names::NONE, &object(4));
        }
        assert_eq!(names.expected(Names::NONE, 0).len(), 2, "there is room for three");
    }

    #[test]
    fn marks_tell_what_is_new() {
        let mut marks = Marks::default();
        assert!(!marks.add_kept("a", 1));
        assert!(!marks.add_kept("b", 2));
        assert!(marks.add_kept("a", 1));
        // From the first other name on, nothing is certain.
        assert!(marks.add_other("c"));
        assert!(marks.add_kept("d", 3));
        let mut marks = Marks::default();
        assert!(!marks.add_other("c"));
        assert!(marks.add_other("c"));
    }
}
