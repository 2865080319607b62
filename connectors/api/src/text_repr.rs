//! How a [`crate::Str`] lies in memory: in place, in the program, or in a buffer that others share.
//!
//! The one module of this crate with `unsafe` code, two lines of it, both measured: text that was checked when it was
//! taken is not checked again each time it is read, and what owns nothing is cloned as it is moved, in one piece. A
//! clone by parts is read back at other bounds when it moves on, for which a processor waits longer than for the copy.
#![allow(unsafe_code)]

use std::ops::Range;

use bytestring::ByteString;

pub(crate) enum Repr {
    /// What stands behind the end of the text is not part of it.
    Inline {
        len: u8,
        bytes: [u8; Repr::INLINE_MAX],
    },
    Static(&'static str),
    Shared(ByteString),
}

impl Repr {
    /// With it a [`crate::Value`] is as large as a struct makes it anyway; a UUID fits.
    pub(crate) const INLINE_MAX: usize = 38;

    /// The text in place; `None` where it is too long.
    #[inline]
    pub(crate) fn inline(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::INLINE_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self::Inline { len: text.len() as u8, bytes })
    }

    /// What stands at this place of a longer text, in a copy of always the same length; `None` where it is too long,
    /// stands too close to the end, or the range is none of whole characters.
    #[inline(always)]
    pub(crate) fn inline_part(text: &str, range: Range<usize>) -> Option<Self> {
        let bytes = text.as_bytes().get(range.start..)?.first_chunk()?;
        let len = range.end.checked_sub(range.start)?;
        let whole = text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
        (whole && len <= Self::INLINE_MAX).then_some(Self::Inline { len: len as u8, bytes: *bytes })
    }

    /// As [`Self::inline_part`], of bytes that are checked to be UTF-8 now.
    #[inline(always)]
    pub(crate) fn inline_utf8(bytes: &[u8], range: Range<usize>) -> Option<Self> {
        let part = bytes.get(range.clone())?;
        let window = bytes[range.start..].first_chunk()?;
        if part.len() > Self::INLINE_MAX || std::str::from_utf8(part).is_err() {
            return None;
        }
        Some(Self::Inline { len: part.len() as u8, bytes: *window })
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Inline { len, bytes } => {
                let text = &bytes[..usize::from(*len)];
                // SAFETY: the three functions above take just these bytes from a `str`; nothing changes them.
                unsafe { std::str::from_utf8_unchecked(text) }
            }
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Clone for Repr {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            // SAFETY: neither form owns anything: all that they hold is `Copy`.
            Self::Inline { .. } | Self::Static(_) => unsafe { std::ptr::read(self) },
            Self::Shared(text) => Self::Shared(text.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_held_whole_or_not_at_all() {
        let held = |text: &str| Repr::inline(text).map(|text| text.as_str().to_owned());
        assert_eq!(held(""), Some(String::new()));
        assert_eq!(held("žluťoučký"), Some("žluťoučký".to_owned()));
        assert_eq!(held(&"a".repeat(38)), Some("a".repeat(38)));
        assert_eq!(held(&"a".repeat(39)), None);
    }

    #[test]
    fn parts_end_where_they_are_to_end() {
        let long = format!("před {} za", "a".repeat(60));
        let part = |range| Repr::inline_part(&long, range).map(|text| text.as_str().to_owned());
        assert_eq!(part(0..6), Some("před ".to_owned()));
        assert_eq!(part(0..2), None);
        assert_eq!(part(2..6), None);
        assert_eq!(part(6..44), Some("a".repeat(38)));
        assert_eq!(part(6..45), None);
        let end = long.len();
        assert_eq!(part(end - 38..end), Some(format!("{} za", "a".repeat(35))));
        assert_eq!(part(end - 38..end - 38), Some(String::new()));
        assert_eq!(part(end - 38..end - 39), None);
        assert_eq!(part(end - 37..end), None);
        assert_eq!(part(end..end + 1), None);
    }

    #[test]
    fn parts_of_bytes_are_checked() {
        let bytes = [b"\xff", "před".as_bytes(), &[b'a'; 60]].concat();
        let part = |range| Repr::inline_utf8(&bytes, range).map(|text| text.as_str().to_owned());
        assert_eq!(part(1..6), Some("před".to_owned()));
        assert_eq!(part(0..6), None);
        assert_eq!(part(1..3), None);
        assert_eq!(part(6..44), Some("a".repeat(38)));
        assert_eq!(part(6..45), None);
        assert_eq!(part(29..30), None);
        assert_eq!(part(66..67), None);
    }

    #[test]
    fn clones_are_texts_of_their_own() {
        for text in [Repr::inline("short"), Some(Repr::Static("static")), Some(Repr::Shared("shared".into()))] {
            let text = text.unwrap();
            let clone = text.clone();
            let known = text.as_str().to_owned();
            drop(text);
            assert_eq!(clone.as_str(), known);
        }
    }
}
