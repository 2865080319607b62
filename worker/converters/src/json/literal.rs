//! Bytes that a message most likely has at a place, taken at once where it has them: names, and a whole schema.

use super::parse::Parser;

/// Bytes that are looked for at one place, with a first look at eight of them at once.
#[derive(Clone, Copy)]
pub(super) struct Literal {
    bytes: &'static [u8],
    first: u64,
    mask: u64,
}

impl Literal {
    pub(super) fn new(bytes: &'static [u8]) -> Self {
        let (mut first, mut mask) = ([0; 8], [0; 8]);
        for (at, byte) in bytes.iter().take(8).enumerate() {
            (first[at], mask[at]) = (*byte, 0xff);
        }
        Self { bytes, first: u64::from_le_bytes(first), mask: u64::from_le_bytes(mask) }
    }
}

impl Parser<'_> {
    /// Passes over known bytes, if they come next: a whole value.
    #[inline]
    pub(super) fn take_known(&mut self, value: &[u8]) -> bool {
        let found = !value.is_empty() && self.bytes[self.at..].starts_with(value);
        if found {
            self.at += value.len();
        }
        found
    }

    /// As [`Self::take_known`] of a member's name with its quotes and colon, which is too short to call a function for.
    #[inline]
    pub(super) fn take_name(&mut self, member: &[u8]) -> bool {
        let Some(next) = self.bytes.get(self.at..self.at + member.len()) else { return false };
        let found = match (next.last_chunk::<8>(), member.last_chunk::<8>()) {
            (Some(next_end), Some(member_end)) => {
                // The last eight may overlap with the eights before them.
                let (next, member) = (next.as_chunks::<8>().0, member.as_chunks::<8>().0);
                next_end == member_end && next.iter().zip(member).all(|(next, member)| next == member)
            }
            _ => !member.is_empty() && next.iter().zip(member).all(|(next, member)| next == member),
        };
        if found {
            self.at += member.len();
        }
        found
    }

    /// As [`Self::take_name`], of bytes that were prepared.
    #[inline(always)]
    pub(super) fn take_literal(&mut self, literal: &Literal) -> bool {
        let Some(next) = self.bytes.get(self.at..) else { return false };
        let Some(first) = next.first_chunk() else { return self.take_name(literal.bytes) };
        if u64::from_le_bytes(*first) & literal.mask != literal.first {
            return false;
        }
        let found = match literal.bytes.len() {
            ..=8 => true,
            // The last eight may overlap with the first ones.
            len @ ..=16 => next.get(len - 8..len) == literal.bytes.last_chunk::<8>().map(|last| &last[..]),
            _ => return self.take_name(literal.bytes),
        };
        if found {
            self.at += literal.bytes.len();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_literal_is_taken_where_all_of_it_stands() {
        let taken = |text: &'static str, literal: &'static str| {
            let bytes = Bytes::from_static(text.as_bytes());
            let mut parser = Parser::new(&bytes);
            (parser.take_literal(&Literal::new(literal.as_bytes())), parser.position())
        };
        assert_eq!(taken("\"a\":1", "\"a\":"), (true, 4));
        assert_eq!(taken("\"a\":1234567890", "\"a\":"), (true, 4));
        assert_eq!(taken("\"abcde\":", "\"abcde\":"), (true, 8));
        assert_eq!(taken("\"abcdefg\":1", "\"abcdefg\":"), (true, 10));
        assert_eq!(taken("\"abcdefx\":1", "\"abcdefg\":"), (false, 0));
        assert_eq!(taken("\"b\":1234567890", "\"a\":"), (false, 0));
        assert_eq!(taken("\"abcdefg\"", "\"abcdefg\":"), (false, 0));
        assert_eq!(taken("", "\"a\":"), (false, 0));
    }
}
