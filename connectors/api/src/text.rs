//! UTF-8 text that is cheap to copy.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::{Deref, Range},
};

use bytes::Bytes;
use bytestring::ByteString;

use crate::{Value, text_repr::Repr};

/// UTF-8 text. Short text, as most names and columns are, is held in place: to make, clone and drop it neither
/// allocates nor counts. Longer text shares the buffer it was read from.
///
/// It pins that buffer: a cache that lives long copies the text out with [`Str::detached`].
#[derive(Clone)]
pub struct Str(Repr);

impl Str {
    /// Text that lives in the program itself; costs nothing.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Repr::Static(text))
    }

    /// The text of a received buffer, without a copy of long text. Fails when the bytes are not UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, std::str::Utf8Error> {
        if bytes.len() <= Repr::INLINE_MAX {
            return std::str::from_utf8(&bytes).map(Self::from);
        }
        ByteString::try_from(bytes).map(|text| Self(Repr::Shared(text)))
    }

    #[inline]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Text that is held in place: its bytes with those behind its end, which mean nothing, and how many are the text.
    #[inline]
    pub fn as_inline(&self) -> Option<(&[u8; Repr::INLINE_MAX], usize)> {
        match &self.0 {
            Repr::Inline { len, bytes } => Some((bytes, usize::from(*len))),
            Repr::Static(_) | Repr::Shared(_) => None,
        }
    }

    /// Puts a part of a longer text in the place of a null, if it is short; false where it is not, or where the range is
    /// none of whole characters.
    ///
    /// For decoders that make millions of strings: handed on as a result, the text would be written and read back at once
    /// in pieces of other widths, for which the processor waits longer than for all the rest.
    #[inline(always)]
    pub fn put_short(text: &str, range: Range<usize>, place: &mut Value) -> bool {
        debug_assert!(place.is_null(), "nothing is left behind");
        Self::put_repr(Repr::inline_part(text, range), place)
    }

    /// As [`Str::put_short`], of a buffer of bytes that need not all be text.
    #[inline(always)]
    pub fn put_short_utf8(bytes: &[u8], range: Range<usize>, place: &mut Value) -> bool {
        debug_assert!(place.is_null(), "nothing is left behind");
        Self::put_repr(Repr::inline_utf8(bytes, range), place)
    }

    #[inline(always)]
    fn put_repr(repr: Option<Repr>, place: &mut Value) -> bool {
        let Some(repr) = repr else { return false };
        // There is nothing to drop, which the compiler can't know.
        std::mem::forget(std::mem::replace(place, Value::String(Self(repr))));
        true
    }

    /// The text in a buffer of its own, for values that outlive the buffer they were read from.
    pub fn detached(&self) -> Self {
        match &self.0 {
            Repr::Shared(text) => Self::from(&**text),
            Repr::Inline { .. } | Repr::Static(_) => self.clone(),
        }
    }
}

#[inline]
fn inline(text: &str) -> Option<Str> {
    Repr::inline(text).map(Str)
}

impl Default for Str {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl Deref for Str {
    type Target = str;
    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        inline(&text).unwrap_or_else(|| Self(Repr::Shared(ByteString::from(text))))
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        inline(text).unwrap_or_else(|| Self(Repr::Shared(ByteString::from(text))))
    }
}

impl PartialEq for Str {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other)
    }
}

/// As of a `str`, so that maps are searched by one.
impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
