//! Bytes in, lines out: finds the ends of lines without copying what is between them.

use bytes::{Bytes, BytesMut};
use connect_api::Str;
use memchr::memchr2;

/// What was read and not yet given out as lines.
///
/// A line ends with `\n`, `\r` or `\r\n`. The last one waits until its end is read, and a `\r` until it is known whether
/// a `\n` follows.
#[derive(Default)]
pub(crate) struct Lines {
    pending: BytesMut,
    /// How much of `pending` is known to hold no end of a line, so that long lines are searched once.
    searched: usize,
    /// Bytes of the file up to `pending`.
    position: u64,
}

/// A line without its end, and where the next one begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: Str,
    pub(crate) end: u64,
}

impl Lines {
    /// Lines from this byte of the file on.
    pub(crate) fn at(position: u64) -> Self {
        Self { position, ..Self::default() }
    }

    /// Where the first line that was not given out begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes wait for the end of their line.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// The buffer to append to what was read. It comes back with [`Lines::put_back`].
    pub(crate) fn take_buffer(&mut self) -> BytesMut {
        std::mem::take(&mut self.pending)
    }

    pub(crate) fn put_back(&mut self, buffer: BytesMut) {
        self.pending = buffer;
    }

    /// The next complete lines, at most `max`.
    pub(crate) fn take(&mut self, max: usize) -> Vec<Line> {
        let mut ends: Vec<(usize, usize)> = Vec::new();
        let mut from = self.searched;
        while ends.len() < max {
            let Some(found) = memchr2(b'\n', b'\r', &self.pending[from..]) else {
                from = self.pending.len();
                break;
            };
            let at = from + found;
            let length = match (self.pending[at], self.pending.get(at + 1)) {
                (b'\r', Some(b'\n')) => 2,
                (b'\r', None) => {
                    from = at;
                    break;
                }
                _ => 1,
            };
            from = at + length;
            ends.push((at, from));
        }
        let whole = ends.last().map_or(0, |(_, next)| *next);
        self.searched = from - whole;
        let block = self.pending.split_to(whole).freeze();
        let start = self.position;
        self.position += whole as u64;
        let mut begin = 0;
        let cut = |(end, next): (usize, usize)| {
            let line = Line { text: text(block.slice(begin..end)), end: start + next as u64 };
            begin = next;
            line
        };
        ends.into_iter().map(cut).collect()
    }
}

/// Bytes that are no UTF-8 become replacement characters, as in the JVM.
fn text(bytes: Bytes) -> Str {
    Str::from_utf8(bytes.clone()).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(lines: &mut Lines, bytes: &[u8]) {
        let mut buffer = lines.take_buffer();
        buffer.extend_from_slice(bytes);
        lines.put_back(buffer);
    }

    fn check(chunks: &[&str], expected: &[(&str, u64)], waiting: usize) {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for chunk in chunks {
            feed(&mut lines, chunk.as_bytes());
            found.extend(lines.take(usize::MAX));
        }
        let found: Vec<(&str, u64)> = found.iter().map(|line| (line.text.as_str(), line.end)).collect();
        assert_eq!(found, expected, "{chunks:?}");
        assert_eq!(lines.waiting(), waiting, "{chunks:?}");
    }

    #[test]
    fn every_kind_of_line_end_is_one_end() {
        check(&["a\nb\r\nc\rd\n"], &[("a", 2), ("b", 5), ("c", 7), ("d", 9)], 0);
        check(&["\n\n\r\n"], &[("", 1), ("", 2), ("", 4)], 0);
        check(&["é\n"], &[("é", 3)], 0);
    }

    #[test]
    fn the_last_line_waits_for_its_end() {
        check(&["a\nb"], &[("a", 2)], 1);
        check(&["a\nb", "c", "\n"], &[("a", 2), ("bc", 5)], 0);
        check(&["a\r"], &[], 2);
        check(&["a\r", "\nb\r", "c"], &[("a", 3), ("b", 5)], 1);
    }

    #[test]
    fn a_batch_has_its_limit_and_the_rest_comes_next() {
        let mut lines = Lines::at(10);
        feed(&mut lines, b"a\nb\nc\n");
        assert_eq!(lines.take(2).len(), 2);
        assert_eq!(lines.position(), 14);
        assert_eq!(lines.take(2), [Line { text: "c".into(), end: 16 }]);
        assert_eq!(lines.take(2), []);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let mut lines = Lines::default();
        feed(&mut lines, b"a\xff\n");
        assert_eq!(lines.take(1), [Line { text: "a\u{fffd}".into(), end: 3 }]);
    }

    /// However the bytes arrive, the same lines come out.
    #[test]
    fn chunks_make_no_difference() {
        let text = "one\r\ntwo\n\rthree\r\r\n\nfour\rfive\nsix";
        let mut whole = Lines::default();
        feed(&mut whole, text.as_bytes());
        let expected = whole.take(usize::MAX);
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                feed(&mut lines, chunk);
                found.extend(lines.take(3));
            }
            while found.len() < expected.len() {
                found.extend(lines.take(1));
            }
            assert_eq!(found, expected, "chunks of {size}");
        }
    }
}
