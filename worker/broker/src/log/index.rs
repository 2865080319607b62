//! The sparse index of one segment: where a batch stands, by offset and by timestamp.
//!
//! It is kept in memory while the segment is in use and saved beside it as `<base>.index`; a saved index
//! that is missing, damaged or too short costs a walk over batch headers, never an answer.

use bytes::{Buf, BufMut};

/// Entries of one segment. Beyond it every second goes and the interval doubles, so that 2,000 partitions
/// and segments of a gigabyte need kilobytes each; the walk from an entry to a batch stays within 1 MB.
const ENTRIES_MAX: usize = 2_048;
const FORMAT: u32 = 0x6d69_0001;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Base offset of the batch, counted from the segment's.
    offset: u32,
    position: u32,
    /// The greatest timestamp of all batches before this one.
    timestamp_before: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SparseIndex {
    entries: Vec<Entry>,
    interval_bytes: u64,
    /// Bytes of the segment that the index knows.
    covered_bytes: u64,
    max_timestamp: i64,
}

impl SparseIndex {
    pub(super) fn new(interval_bytes: u32) -> Self {
        let interval_bytes = u64::from(interval_bytes.max(1));
        Self { entries: Vec::new(), interval_bytes, covered_bytes: 0, max_timestamp: i64::MIN }
    }

    pub(super) fn covered_bytes(&self) -> u64 {
        self.covered_bytes
    }

    /// Takes note of the next batch, which stands right behind the bytes covered so far.
    pub(super) fn note(&mut self, offset: u32, size_bytes: u64, max_timestamp: i64) {
        let position = self.covered_bytes;
        let due = self.entries.last().is_none_or(|last| position >= u64::from(last.position) + self.interval_bytes);
        if due {
            if self.entries.len() == ENTRIES_MAX {
                self.thin();
            }
            self.entries.push(Entry { offset, position: position as u32, timestamp_before: self.max_timestamp });
        }
        self.covered_bytes += size_bytes;
        self.max_timestamp = self.max_timestamp.max(max_timestamp);
    }

    fn thin(&mut self) {
        let mut index = 0;
        self.entries.retain(|_| {
            index += 1;
            index % 2 == 1
        });
        self.interval_bytes *= 2;
    }

    /// A position at or before the batch that holds `offset`.
    pub(super) fn position_of_offset(&self, offset: u32) -> u64 {
        self.position_before(|entry| entry.offset <= offset)
    }

    /// A position at or before the first batch with a timestamp of at least `timestamp`.
    pub(super) fn position_of_timestamp(&self, timestamp: i64) -> u64 {
        self.position_before(|entry| entry.timestamp_before < timestamp)
    }

    /// The beginning of a batch at or before both: the last that the index knows.
    pub(super) fn batch_before(&self, position: u64, offset: u32) -> u64 {
        self.position_before(|entry| u64::from(entry.position) <= position && entry.offset <= offset)
    }

    fn position_before(&self, before: impl Fn(&Entry) -> bool) -> u64 {
        let behind = self.entries.partition_point(before);
        behind.checked_sub(1).map_or(0, |index| u64::from(self.entries[index].position))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + 16 * self.entries.len());
        out.put_u32(FORMAT);
        out.put_u64(self.interval_bytes);
        out.put_u64(self.covered_bytes);
        out.put_i64(self.max_timestamp);
        for entry in &self.entries {
            out.put_u32(entry.offset);
            out.put_u32(entry.position);
            out.put_i64(entry.timestamp_before);
        }
        out.put_u32(crc32c::crc32c(&out));
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (mut body, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(body) != u32::from_be_bytes(*crc) || body.try_get_u32().ok()? != FORMAT {
            return None;
        }
        let interval_bytes = body.try_get_u64().ok()?;
        let covered_bytes = body.try_get_u64().ok()?;
        let max_timestamp = body.try_get_i64().ok()?;
        let mut entries = Vec::with_capacity(body.len() / 16);
        while !body.is_empty() {
            entries.push(Entry {
                offset: body.try_get_u32().ok()?,
                position: body.try_get_u32().ok()?,
                timestamp_before: body.try_get_i64().ok()?,
            });
        }
        Some(Self { entries, interval_bytes, covered_bytes, max_timestamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index_of(batches: u32) -> SparseIndex {
        let mut index = SparseIndex::new(100);
        for batch in 0..batches {
            index.note(batch * 10, 40, i64::from(batch));
        }
        index
    }

    #[test]
    fn finds_a_position_at_or_before_the_batch() {
        let index = index_of(100);
        // Entries stand at every third batch: 0, 120, 240 bytes.
        assert_eq!(index.position_of_offset(0), 0);
        assert_eq!(index.position_of_offset(29), 0);
        assert_eq!(index.position_of_offset(30), 120);
        assert_eq!(index.position_of_timestamp(3), 120);
        assert_eq!(index.position_of_timestamp(2), 0);
        assert_eq!(index.position_of_timestamp(4), 120);
        assert_eq!(index.batch_before(119, 1_000), 0);
        assert_eq!(index.batch_before(250, 1_000), 240);
        assert_eq!(index.batch_before(250, 59), 120);
    }

    #[test]
    fn comes_back_from_its_bytes_and_refuses_damaged_ones() {
        let index = index_of(100);
        let mut bytes = index.encode();
        assert_eq!(SparseIndex::decode(&bytes), Some(index));
        bytes[9] ^= 1;
        assert_eq!(SparseIndex::decode(&bytes), None);
    }

    #[test]
    fn grows_thinner_instead_of_longer() {
        let index = index_of(100_000);
        assert!(index.entries.len() <= ENTRIES_MAX);
        let position = index.position_of_offset(999_990);
        assert!(99_999 * 40 - position < 100 * 64 + 40, "{position}");
    }
}
