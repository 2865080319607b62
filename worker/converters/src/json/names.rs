//! Member names that come again with every message.
//!
//! The names of a topic's objects are few and the same in each message, so each is kept once for the life of the
//! program, and handing it out copies and counts nothing. Names beyond the limits stay slices of their message.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Together with the length below, what is kept at most: 256 KB.
const NAMES_MAX: usize = 4096;
const NAME_BYTES_MAX: usize = 64;
const SLOTS: usize = 512;

static KEPT: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

/// The names that one converter met last, by fingerprint.
pub(super) struct Names {
    slots: Box<[&'static str; SLOTS]>,
    /// Names that could not be kept. Where they are many, names are data, and looking for them is in vain.
    missed: u32,
    /// How many members the last objects had, by depth: the next message's objects have most often as many.
    members: [u16; DEPTHS],
}

const DEPTHS: usize = 16;
/// Room for more is made only when the members are there.
const ROOM_MAX: u16 = 256;

/// From so many missed names on, only those in the slots are looked for.
const MISSED_MAX: u32 = 10_000;

impl Names {
    pub(super) fn new() -> Self {
        Self { slots: Box::new([""; SLOTS]), missed: 0, members: [8; DEPTHS] }
    }

    /// How many members to make room for in an object at this depth.
    pub(super) fn room(&self, depth: usize) -> usize {
        self.members[depth % DEPTHS].into()
    }

    /// An object at this depth had so many members.
    pub(super) fn took(&mut self, depth: usize, members: usize) {
        self.members[depth % DEPTHS] = u16::try_from(members).unwrap_or(ROOM_MAX).min(ROOM_MAX);
    }

    /// The kept name of these bytes; `None` where it is not kept.
    #[inline]
    pub(super) fn get(&mut self, name: &[u8]) -> Option<&'static str> {
        // Two slots a name, so that two names of one object need not push each other out.
        let slot = fingerprint(name) as usize % SLOTS;
        for known in [self.slots[slot], self.slots[slot ^ 1]] {
            if known.as_bytes() == name && !name.is_empty() {
                return Some(known);
            }
        }
        if self.missed >= MISSED_MAX {
            return None;
        }
        let kept = keep(name);
        match kept {
            Some(kept) => {
                self.slots[slot ^ 1] = self.slots[slot];
                self.slots[slot] = kept;
            }
            None => self.missed += 1,
        }
        kept
    }
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

#[cold]
fn keep(name: &[u8]) -> Option<&'static str> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some(known) = kept.get(name) {
        return Some(known);
    }
    if kept.len() >= NAMES_MAX {
        return None;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    kept.insert(name);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_found_again() {
        let (mut first, mut second) = (Names::new(), Names::new());
        let kept = first.get(b"a_name_of_its_own").unwrap();
        assert_eq!(kept, "a_name_of_its_own");
        assert!(std::ptr::eq(kept, second.get(b"a_name_of_its_own").unwrap()));
        assert_eq!(first.get(b""), None);
        assert_eq!(first.get(&[b'x'; NAME_BYTES_MAX + 1]), None);
        assert_eq!(first.get(b"\xff"), None);
    }
}
