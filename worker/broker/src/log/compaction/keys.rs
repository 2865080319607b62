//! The newest offset of every key, within a limit of memory.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use crate::log::{
    batch::{BatchHeader, HEADER_BYTES},
    record::{self, RecordSlice},
};

/// Memory of one key: a slot of 32 bytes in a table that is half full after it grew.
const KEY_BYTES: usize = 64;

/// Keys stand here as two 64-bit hashes with secrets of their own: as good as the key, and always of one size.
#[derive(Debug)]
pub(super) struct NewestOffsets {
    hashers: [RandomState; 2],
    offsets: HashMap<u128, i64>,
    keys_max: usize,
    end: i64,
}

impl NewestOffsets {
    /// For everything before `end`, if memory suffices.
    pub(super) fn new(memory_bytes_max: usize, end: i64) -> Self {
        let keys_max = memory_bytes_max / KEY_BYTES;
        Self { hashers: [RandomState::new(), RandomState::new()], offsets: HashMap::new(), keys_max, end }
    }

    /// Takes note of a batch; `false` when memory is used up, and this batch and all behind it have to wait.
    pub(super) fn note(&mut self, header: &BatchHeader, batch: &[u8]) -> bool {
        // One batch always goes, or a pass with too little memory would never get on.
        let full = self.offsets.len() + header.record_count.max(0) as usize > self.keys_max;
        if full && !self.offsets.is_empty() {
            self.end = header.base_offset;
            return false;
        }
        // A batch that does not decode is kept whole, so its keys outdate nothing.
        let Ok(payload) = record::open_payload(header, &batch[HEADER_BYTES..]) else { return true };
        let Ok(records) = RecordSlice::iterate(&payload).collect::<Result<Vec<_>, _>>() else { return true };
        for record in records {
            if let Some(key) = record.key {
                self.offsets.insert(self.hash(key), header.base_offset + i64::from(record.offset_delta));
            }
        }
        true
    }

    /// Everything before it has been noted.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Whether a later record has the same key.
    pub(super) fn outdated(&self, key: &[u8], offset: i64) -> bool {
        self.offsets.get(&self.hash(key)).is_some_and(|newest| offset < *newest)
    }

    fn hash(&self, key: &[u8]) -> u128 {
        let [high, low] = &self.hashers;
        u128::from(high.hash_one(key)) << 64 | u128::from(low.hash_one(key))
    }
}
