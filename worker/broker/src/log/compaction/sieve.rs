//! What of a batch stays: the rules of a compacted log, one batch at a time in the log's order.

use std::{collections::HashMap, io};

use super::{Compaction, keys::NewestOffsets};
use crate::log::{
    EndTransaction,
    batch::{BatchHeader, HEADER_BYTES, NO_TIMESTAMP},
    codec::Codec,
    producers::Aborted,
    read::record_timestamp,
    record::{self, RecordSlice},
};

/// What becomes of a batch.
#[derive(Debug)]
pub(super) enum Verdict {
    Keep,
    Replace(BatchHeader, Vec<u8>),
    Drop,
}

/// Which batches belong to aborted transactions.
#[derive(Debug)]
pub(super) struct AbortedData {
    /// Of every producer first and marker offsets, in order.
    by_producer: HashMap<i64, Vec<(i64, i64)>>,
}

impl AbortedData {
    pub(super) fn new(aborted: &[Aborted]) -> Self {
        let mut by_producer: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
        for aborted in aborted {
            by_producer.entry(aborted.producer_id).or_default().push((aborted.first_offset, aborted.marker_offset));
        }
        Self { by_producer }
    }

    pub(super) fn holds(&self, header: &BatchHeader) -> bool {
        if !header.transactional() || header.control() {
            return false;
        }
        let Some(ranges) = self.by_producer.get(&header.producer_id) else { return false };
        let behind = ranges.partition_point(|(_, marker)| *marker < header.base_offset);
        ranges.get(behind).is_some_and(|(first, _)| *first <= header.base_offset)
    }
}

pub(super) struct Sieve<'a> {
    compaction: &'a Compaction,
    newest: NewestOffsets,
    aborted: AbortedData,
    /// Producers whose transaction at hand has a batch that stays, so that its marker has to stay too.
    needs_marker: HashMap<i64, bool>,
    dropped_markers: Vec<i64>,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(compaction: &'a Compaction, newest: NewestOffsets) -> Self {
        Self {
            compaction,
            newest,
            aborted: AbortedData::new(&compaction.aborted),
            needs_marker: HashMap::new(),
            dropped_markers: Vec::new(),
        }
    }

    pub(super) fn into_dropped_markers(self) -> Vec<i64> {
        self.dropped_markers
    }

    pub(super) fn pass(&mut self, header: &BatchHeader, batch: &[u8]) -> io::Result<Verdict> {
        if header.control() {
            return Ok(self.pass_marker(header, batch));
        }
        let verdict = self.pass_data(header, batch)?;
        if header.transactional() && !matches!(verdict, Verdict::Drop) {
            self.needs_marker.insert(header.producer_id, true);
        }
        Ok(verdict)
    }

    /// A marker stays as long as its transaction has a batch here, and then until its horizon.
    fn pass_marker(&mut self, header: &BatchHeader, batch: &[u8]) -> Verdict {
        let needed = self.needs_marker.remove(&header.producer_id).unwrap_or(false);
        if needed || header.base_offset >= self.newest.end() || EndTransaction::decode(header, batch).is_none() {
            return Verdict::Keep;
        }
        match header.delete_horizon() {
            None => {
                let records: Vec<_> = RecordSlice::iterate(&batch[HEADER_BYTES..]).flatten().collect();
                self.rewrite(header, &records, true).unwrap_or(Verdict::Keep)
            }
            Some(horizon) if self.compaction.now_ms < horizon => Verdict::Keep,
            // The only trace of a producer keeps its epoch.
            Some(_) if self.compaction.last_data.get(&header.producer_id) == Some(&None) => Verdict::Keep,
            Some(_) => {
                self.dropped_markers.push(header.base_offset);
                Verdict::Drop
            }
        }
    }

    fn pass_data(&self, header: &BatchHeader, batch: &[u8]) -> io::Result<Verdict> {
        if header.base_offset >= self.newest.end() {
            return Ok(Verdict::Keep);
        }
        if header.last_offset() < self.compaction.start || self.aborted.holds(header) {
            return Ok(self.empty(header));
        }
        let Ok(payload) = record::open_payload(header, &batch[HEADER_BYTES..]) else {
            return Ok(keep_unreadable(header));
        };
        let Ok(records) = RecordSlice::iterate(&payload).collect::<io::Result<Vec<_>>>() else {
            return Ok(keep_unreadable(header));
        };
        let expired = header.delete_horizon().is_some_and(|horizon| self.compaction.now_ms >= horizon);
        let kept: Vec<RecordSlice<'_>> =
            records.iter().filter(|record| self.stays(header, record, expired)).copied().collect();
        if kept.is_empty() {
            return Ok(self.empty(header));
        }
        let starts_horizon = header.delete_horizon().is_none() && kept.iter().any(|record| record.value.is_none());
        if kept.len() == records.len() && !starts_horizon {
            return Ok(Verdict::Keep);
        }
        self.rewrite(header, &kept, starts_horizon)
    }

    fn stays(&self, header: &BatchHeader, record: &RecordSlice<'_>, expired: bool) -> bool {
        let offset = header.base_offset + i64::from(record.offset_delta);
        let Some(key) = record.key else { return false };
        offset >= self.compaction.start && !self.newest.outdated(key, offset) && !(expired && record.value.is_none())
    }

    /// The batch with the records that stay: at the same offsets, with the same sequences, by the same codec.
    fn rewrite(&self, header: &BatchHeader, kept: &[RecordSlice<'_>], starts_horizon: bool) -> io::Result<Verdict> {
        let mut new = *header;
        new.record_count = kept.len() as i32;
        if !header.log_append_time() {
            let newest = kept.iter().map(|record| record_timestamp(header, record)).max();
            new.max_timestamp = newest.unwrap_or(NO_TIMESTAMP);
        }
        let mut payload = Vec::new();
        if starts_horizon {
            let horizon = self.compaction.now_ms.saturating_add(self.compaction.config.delete_retention_ms);
            new.set_delete_horizon(horizon);
            for record in kept {
                let delta = record_timestamp(header, record).wrapping_sub(horizon);
                record.encode_with_timestamp_delta(delta, &mut payload);
            }
        } else {
            for record in kept {
                payload.extend_from_slice(record.raw);
            }
        }
        let payload = header.codec().unwrap_or(Codec::None).compress(&payload)?;
        Ok(replaced_by(new, &payload))
    }

    /// A batch without records goes, unless it is its producer's last: it stays, empty, so that a log that
    /// is read from the start still knows the producer's epoch and sequence.
    fn empty(&self, header: &BatchHeader) -> Verdict {
        let last = self.compaction.last_data.get(&header.producer_id) == Some(&Some(header.last_offset()));
        if !header.idempotent() || !last {
            return Verdict::Drop;
        }
        if header.record_count == 0 {
            return Verdict::Keep;
        }
        replaced_by(header.without_records(), &[])
    }
}

fn replaced_by(mut header: BatchHeader, payload: &[u8]) -> Verdict {
    let batch = header.seal(payload);
    header.size_bytes = batch.len();
    Verdict::Replace(header, batch)
}

fn keep_unreadable(header: &BatchHeader) -> Verdict {
    tracing::warn!(offset = header.base_offset, "compaction keeps a batch whole that does not decode");
    Verdict::Keep
}
