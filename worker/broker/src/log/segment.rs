//! One segment: a file of batches, what is known about it, and its index.

use std::{
    fs, io,
    sync::{Mutex, PoisonError},
};

use super::{
    LogError,
    batch::{BatchHeader, NO_TIMESTAMP},
    files::{Files, INDEX},
    index::SparseIndex,
    scan::{BatchScan, HEADER_CHUNK_BYTES},
};

/// What is known about a segment without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFacts {
    pub(super) base: i64,
    pub(super) size_bytes: u64,
    /// When the first batch was appended, by our clock.
    pub(super) created_ms: i64,
    /// The first batch's greatest timestamp, which `segment.ms` counts from.
    pub(super) first_timestamp: i64,
    pub(super) max_timestamp: i64,
    /// Base offset of the first batch that has `max_timestamp`.
    pub(super) max_timestamp_at: i64,
}

impl SegmentFacts {
    pub(super) fn new(base: i64, created_ms: i64) -> Self {
        Self {
            base,
            size_bytes: 0,
            created_ms,
            first_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            max_timestamp_at: base,
        }
    }

    /// Takes note of a batch behind the last.
    pub(super) fn note(&mut self, header: &BatchHeader) {
        if self.size_bytes == 0 {
            self.first_timestamp = header.max_timestamp;
        }
        if header.max_timestamp > self.max_timestamp {
            self.max_timestamp = header.max_timestamp;
            self.max_timestamp_at = header.base_offset;
        }
        self.size_bytes += header.size_bytes as u64;
    }
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) facts: SegmentFacts,
    index: Mutex<LoadedIndex>,
}

#[derive(Debug, Default)]
struct LoadedIndex {
    index: Option<SparseIndex>,
    /// Bytes that the index file covers, as far as we know.
    saved_bytes: u64,
}

impl Segment {
    pub(super) fn new(facts: SegmentFacts) -> Self {
        Self { facts, index: Mutex::default() }
    }

    /// Takes note of a batch that was written behind the last.
    pub(super) fn note(&mut self, header: &BatchHeader, interval_bytes: u32) {
        let loaded = self.index.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.facts.size_bytes == 0 {
            loaded.index = Some(SparseIndex::new(interval_bytes));
        }
        // An index that is not loaded is caught up when it is.
        if let Some(index) = &mut loaded.index {
            note_in_index(index, self.facts.base, header);
        }
        self.facts.note(header);
    }

    /// A position at or before the batch that holds `offset`.
    pub(super) fn position_of_offset(&self, files: &Files, offset: i64, interval_bytes: u32) -> io::Result<u64> {
        // Behind a gap that compaction left, the offset may be before the segment.
        let relative = u32::try_from((offset - self.facts.base).max(0)).unwrap_or(u32::MAX);
        self.with_index(files, interval_bytes, |index| index.position_of_offset(relative))
    }

    /// A position at or before the first batch with a timestamp of at least `timestamp`.
    pub(super) fn position_of_timestamp(&self, files: &Files, timestamp: i64, interval_bytes: u32) -> io::Result<u64> {
        self.with_index(files, interval_bytes, |index| index.position_of_timestamp(timestamp))
    }

    /// The beginning of a batch at or before `position` and at or before the batch that holds `offset`.
    pub(super) fn batch_before(
        &self,
        files: &Files,
        position: u64,
        offset: i64,
        interval_bytes: u32,
    ) -> io::Result<u64> {
        let relative = u32::try_from((offset - self.facts.base).max(0)).unwrap_or(u32::MAX);
        self.with_index(files, interval_bytes, |index| index.batch_before(position, relative))
    }

    /// The segment's batches from `position` on.
    pub(super) fn scan(&self, files: &Files, position: u64, chunk_bytes: usize) -> io::Result<BatchScan> {
        Ok(BatchScan::new(files.reading(self.facts.base)?, position, self.facts.size_bytes, chunk_bytes))
    }

    fn with_index<T>(
        &self,
        files: &Files,
        interval_bytes: u32,
        look_up: impl FnOnce(&SparseIndex) -> T,
    ) -> io::Result<T> {
        let mut loaded = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.index.is_none() {
            *loaded = self.load_index(files, interval_bytes)?;
        }
        Ok(look_up(loaded.index.as_ref().expect("the index was just loaded")))
    }

    fn load_index(&self, files: &Files, interval_bytes: u32) -> io::Result<LoadedIndex> {
        let saved = fs::read(files.path(self.facts.base, INDEX)).ok().and_then(|bytes| SparseIndex::decode(&bytes));
        let saved = saved.filter(|index| index.covered_bytes() <= self.facts.size_bytes);
        let saved_bytes = saved.as_ref().map_or(0, SparseIndex::covered_bytes);
        let mut index = saved.unwrap_or_else(|| SparseIndex::new(interval_bytes));
        if saved_bytes < self.facts.size_bytes {
            let mut scan = self.scan(files, saved_bytes, HEADER_CHUNK_BYTES)?;
            while let Some(header) = scan.header()? {
                note_in_index(&mut index, self.facts.base, &header);
                scan.advance(&header);
            }
        }
        Ok(LoadedIndex { index: Some(index), saved_bytes })
    }

    /// Saves the index if it knows more than its file does.
    pub(super) fn save_index(&self, files: &Files) -> Result<(), LogError> {
        let mut loaded = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = &loaded.index else { return Ok(()) };
        if index.covered_bytes() > loaded.saved_bytes {
            // A lost or torn index is built again from the segment, so it needs no sync.
            let path = files.path(self.facts.base, INDEX);
            fs::write(&path, index.encode()).map_err(|error| LogError::at("write", &path, error))?;
            loaded.saved_bytes = index.covered_bytes();
        }
        Ok(())
    }

    /// Lets go of the index, saving it first.
    pub(super) fn unload_index(&self, files: &Files) -> Result<(), LogError> {
        self.save_index(files)?;
        self.index.lock().unwrap_or_else(PoisonError::into_inner).index = None;
        Ok(())
    }
}

fn note_in_index(index: &mut SparseIndex, base: i64, header: &BatchHeader) {
    let offset = u32::try_from(header.base_offset - base).unwrap_or(u32::MAX);
    index.note(offset, header.size_bytes as u64, header.max_timestamp);
}
