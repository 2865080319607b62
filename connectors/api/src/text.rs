//! Shared UTF-8 text.

use std::{borrow::Borrow, fmt, ops::Deref};

use bytes::Bytes;
use bytestring::ByteString;

/// UTF-8 text that shares the buffer it was read from; cloning it copies no bytes.
///
/// It pins that buffer: a cache that lives long copies the text out with [`Str::detached`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(ByteString);

impl Str {
    /// Text that lives in the program itself; costs nothing.
    pub const fn from_static(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// The text of a received buffer, without a copy. Fails when the bytes are not UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, std::str::Utf8Error> {
        ByteString::try_from(bytes).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A part of the text, sharing its buffer; `None` where a bound is beyond the text or within a character.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Option<Self> {
        self.0.get(range).map(|part| Self(self.0.slice_ref(part)))
    }

    /// The bytes of the text, sharing its buffer.
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// A copy in a buffer of its own, for values that outlive the buffer they were read from.
    pub fn detached(&self) -> Self {
        Self::from(self.as_str().to_owned())
    }
}

impl Deref for Str {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self(ByteString::from(text))
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self(ByteString::from(text))
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
