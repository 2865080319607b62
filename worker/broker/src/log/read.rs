//! Reading batches back, by offset and by timestamp.

use std::{fs::File, io, ops::ControlFlow, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;

use super::{
    EndTransaction, LogRecord, PartitionLog, ReadError, RecordHeader, TimestampOffset,
    batch::{BatchHeader, HEADER_BYTES},
    partition::Place,
    record::{self, RecordSlice},
    scan::{BatchScan, HEADER_CHUNK_BYTES, WHOLE_CHUNK_BYTES},
    segment::Segment,
};

/// Whole batches where they stand in their file. Its bytes don't change as long as this lives: what retention and
/// compaction take away is another file or none.
#[derive(Clone, Debug, Default)]
pub struct Batches {
    file: Option<Arc<File>>,
    position: u64,
    len: usize,
}

impl Batches {
    #[cfg(test)]
    pub(crate) fn new(file: Arc<File>, position: u64, len: usize) -> Self {
        Self { file: Some(file), position, len }
    }

    /// Bytes of all batches.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The file and the position of the first batch in it; `None` when there are no batches.
    pub fn place(&self) -> Option<(&File, u64)> {
        self.file.as_deref().filter(|_| self.len > 0).map(|file| (file, self.position))
    }

    /// The batches' bytes.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn load(&self) -> io::Result<Bytes> {
        let mut bytes = vec![0; self.len];
        if let Some((file, position)) = self.place() {
            file.read_exact_at(&mut bytes, position)?;
        }
        Ok(bytes.into())
    }
}

impl PartitionLog {
    /// Whole batches from the one that holds `from`, up to but without the batch that starts at or after
    /// `up_to`, of one segment: the next read goes on in the next. Empty when there is nothing to give.
    /// Never more than `max_bytes`, unless `at_least_one` and the first batch alone is larger.
    pub fn read(&self, from: i64, up_to: i64, max_bytes: usize, at_least_one: bool) -> Result<Batches, ReadError> {
        if from < self.start || from > self.end {
            return Err(ReadError::OffsetOutOfRange { offset: from, start: self.start, end: self.end });
        }
        let up_to = up_to.min(self.end);
        if from >= up_to {
            return Ok(Batches::default());
        }
        let Some((segment, position)) = self.locate(from)? else { return Ok(Batches::default()) };
        let most = position.saturating_add(max_bytes as u64);
        let (mut end, next) = self.last_whole_batch(segment, position, most, up_to)?;
        if end == position && at_least_one {
            let first = segment.scan(&self.files, position, HEADER_CHUNK_BYTES)?.header()?;
            end += first.filter(|first| first.base_offset < up_to).map_or(0, |first| first.size_bytes as u64);
        }
        if let Some(offset) = next {
            self.remember(Place { offset, base: segment.facts.base, position: end });
        }
        let file = self.files.reading(segment.facts.base)?;
        Ok(Batches { file: Some(file), position, len: usize::try_from(end - position).unwrap_or(usize::MAX) })
    }

    /// Where the last batch ends that begins before `up_to` and is whole before the position `most`, and, where that
    /// is known, the offset behind it.
    fn last_whole_batch(
        &self,
        segment: &Segment,
        from: u64,
        most: u64,
        up_to: i64,
    ) -> Result<(u64, Option<i64>), ReadError> {
        let base = segment.facts.base;
        let behind = self.segments.get(self.segment_index(base) + 1).map_or(self.end, |next| next.facts.base);
        if segment.facts.size_bytes <= most && behind <= up_to {
            return Ok((segment.facts.size_bytes, Some(behind)));
        }
        let known = segment.batch_before(&self.files, most, up_to, self.config.index_interval_bytes)?;
        let (mut end, mut next) = (known.max(from), None);
        let mut scan = segment.scan(&self.files, end, HEADER_CHUNK_BYTES)?;
        while let Some(header) = scan.header()? {
            scan.advance(&header);
            if header.base_offset >= up_to || scan.position() > most {
                break;
            }
            (end, next) = (scan.position(), Some(header.last_offset() + 1));
        }
        Ok((end, next))
    }

    /// Bytes from `from` to the end of the log, roughly: what a fetch with `min_bytes` waits for.
    pub fn available_bytes(&self, from: i64) -> u64 {
        if from >= self.end {
            return 0;
        }
        let index = self.segment_index(from);
        let here = &self.segments[index];
        let before = match self.place_of(from).filter(|place| place.base == here.facts.base) {
            Some(place) => place.position,
            None => here.position_of_offset(&self.files, from, self.config.index_interval_bytes).unwrap_or_default(),
        };
        let all: u64 = self.segments[index..].iter().map(|segment| segment.facts.size_bytes).sum();
        all.saturating_sub(before)
    }

    /// Every record at or after `from`, decoded, until the visitor breaks. For internal logs.
    pub fn for_each_record(
        &self,
        from: i64,
        mut visit: impl FnMut(LogRecord) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let from = from.max(self.start);
        let Some((segment, position)) = self.locate(from)? else { return Ok(()) };
        let mut position = position;
        for segment in &self.segments[self.segment_index(segment.facts.base)..] {
            if segment.facts.size_bytes == 0 {
                continue;
            }
            let mut scan = segment.scan(&self.files, position, WHOLE_CHUNK_BYTES)?;
            position = 0;
            while let Some(header) = scan.header()? {
                let Some(batch) = scan.batch(&header)? else { break };
                if visit_records(&header, &Bytes::copy_from_slice(batch), from, &mut visit)?.is_break() {
                    return Ok(());
                }
                scan.advance(&header);
            }
        }
        Ok(())
    }

    /// The first record whose timestamp is at least `timestamp`.
    pub fn offset_for_timestamp(&self, timestamp: i64) -> Result<Option<TimestampOffset>, ReadError> {
        let interval_bytes = self.config.index_interval_bytes;
        for (index, segment) in self.segments.iter().enumerate() {
            let next_base = self.segments.get(index + 1).map_or(self.end, |next| next.facts.base);
            if segment.facts.size_bytes == 0 || segment.facts.max_timestamp < timestamp || next_base <= self.start {
                continue;
            }
            let position = segment.position_of_timestamp(&self.files, timestamp, interval_bytes)?;
            if let Some(found) = self.first_at_or_after(segment, position, timestamp)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first record with the greatest timestamp.
    pub fn max_timestamp_offset(&self) -> Result<Option<TimestampOffset>, ReadError> {
        let filled = self.segments.iter().filter(|segment| segment.facts.size_bytes > 0);
        // Of equal timestamps the first counts, and `max_by_key` would give the last.
        let Some(segment) = filled.rev().max_by_key(|segment| segment.facts.max_timestamp) else { return Ok(None) };
        let max_timestamp = segment.facts.max_timestamp;
        if segment.facts.max_timestamp_at < self.start {
            // That record may be deleted, so what is left must be looked through.
            return self.max_timestamp_by_scan();
        }
        let interval_bytes = self.config.index_interval_bytes;
        let position = segment.position_of_offset(&self.files, segment.facts.max_timestamp_at, interval_bytes)?;
        self.first_at_or_after(segment, position, max_timestamp)
    }

    fn max_timestamp_by_scan(&self) -> Result<Option<TimestampOffset>, ReadError> {
        let mut found: Option<TimestampOffset> = None;
        self.for_each_record(self.start, |record| {
            if found.is_none_or(|found| record.timestamp > found.timestamp) {
                found = Some(TimestampOffset { timestamp: record.timestamp, offset: record.offset });
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn first_at_or_after(
        &self,
        segment: &Segment,
        position: u64,
        timestamp: i64,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        let mut scan = segment.scan(&self.files, position, HEADER_CHUNK_BYTES)?;
        while let Some(header) = scan.header()? {
            if header.max_timestamp >= timestamp && header.last_offset() >= self.start {
                let Some(batch) = scan.batch(&header)? else { break };
                if let Some(found) = first_record_at_or_after(&header, batch, timestamp, self.start)? {
                    return Ok(Some(found));
                }
            }
            scan.advance(&header);
        }
        Ok(None)
    }

    /// The segment that would hold `offset`.
    pub(super) fn segment_index(&self, offset: i64) -> usize {
        self.segments.partition_point(|segment| segment.facts.base <= offset).saturating_sub(1)
    }

    /// Where the first batch begins that ends at or after `from`. Compaction leaves gaps, so it may be in a
    /// later segment than the one that would hold `from`.
    fn locate(&self, from: i64) -> Result<Option<(&Segment, u64)>, ReadError> {
        let index = self.segment_index(from);
        let place = self.place_of(from);
        for segment in &self.segments[index..] {
            let facts = &segment.facts;
            if facts.size_bytes == 0 {
                continue;
            }
            let position = match place.filter(|place| place.base == facts.base) {
                Some(place) => place.position,
                None => segment.position_of_offset(&self.files, from, self.config.index_interval_bytes)?,
            };
            let mut scan = segment.scan(&self.files, position, HEADER_CHUNK_BYTES)?;
            if let Some(position) = first_ending_at_or_after(&mut scan, from)? {
                return Ok(Some((segment, position)));
            }
        }
        Ok(None)
    }
}

fn first_ending_at_or_after(scan: &mut BatchScan, from: i64) -> io::Result<Option<u64>> {
    while let Some(header) = scan.header()? {
        if header.last_offset() >= from {
            return Ok(Some(scan.position()));
        }
        scan.advance(&header);
    }
    Ok(None)
}

fn first_record_at_or_after(
    header: &BatchHeader,
    batch: &[u8],
    timestamp: i64,
    start: i64,
) -> io::Result<Option<TimestampOffset>> {
    let payload = record::open_payload(header, &batch[HEADER_BYTES..])?;
    for record in RecordSlice::iterate(&payload) {
        let record = record?;
        let found = TimestampOffset {
            timestamp: record_timestamp(header, &record),
            offset: header.base_offset + i64::from(record.offset_delta),
        };
        if found.timestamp >= timestamp && found.offset >= start {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

pub(super) fn record_timestamp(header: &BatchHeader, record: &RecordSlice<'_>) -> i64 {
    if header.log_append_time() {
        return header.max_timestamp;
    }
    header.base_timestamp.saturating_add(record.timestamp_delta)
}

fn visit_records(
    header: &BatchHeader,
    batch: &Bytes,
    from: i64,
    visit: &mut impl FnMut(LogRecord) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let payload = match record::open_payload(header, &batch[HEADER_BYTES..])? {
        std::borrow::Cow::Borrowed(plain) => batch.slice_ref(plain),
        std::borrow::Cow::Owned(plain) => Bytes::from(plain),
    };
    let marker = header.control().then(|| EndTransaction::decode(header, batch)).flatten().map(|end| end.marker);
    for record in RecordSlice::iterate(&payload) {
        let record = record?;
        let offset = header.base_offset + i64::from(record.offset_delta);
        if offset < from {
            continue;
        }
        let shared = |slice: Option<&[u8]>| slice.map(|slice| payload.slice_ref(slice));
        let headers = record.decode_headers().ok_or_else(|| invalid_data("malformed record headers"))?;
        let headers = headers
            .into_iter()
            .map(|(key, value)| RecordHeader { key: payload.slice_ref(key), value: shared(value) })
            .collect();
        let visited = visit(LogRecord {
            offset,
            timestamp: record_timestamp(header, &record),
            key: shared(record.key),
            value: shared(record.value),
            headers,
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            transactional: header.transactional(),
            marker,
        });
        if visited.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn invalid_data(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
