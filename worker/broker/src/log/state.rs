//! What a log remembers beside its batches, as bytes: the content of its checkpoint file, and of its part
//! in the clean-shutdown marker.
//!
//! A state is true as of its end offset. Opening a log means taking the newest state and reading the
//! batches behind it; without any state all batches are read, which gives the same.

use std::collections::HashMap;

use bytes::{Buf, BufMut, TryGetError};

use super::{
    batch::NO_TIMESTAMP,
    producers::{Aborted, Producer, Producers, SentBatch},
    segment::SegmentFacts,
};

const FORMAT: u32 = 0x6d73_0002;
/// Knew no timestamps of the batches that producers may send again.
const OLDER_FORMAT: u32 = 0x6d73_0001;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Everything before it was compacted at least once.
    pub(super) compacted_to: i64,
    /// Where the state in the checkpoint file ends, from which a crash goes on.
    pub(super) checkpointed_to: i64,
    pub(super) segments: Vec<SegmentFacts>,
    pub(super) producers: Producers,
}

impl State {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 48 * self.segments.len() + 64 * self.producers.by_id.len());
        out.put_u32(FORMAT);
        out.put_i64(self.start);
        out.put_i64(self.end);
        out.put_i64(self.compacted_to);
        out.put_i64(self.checkpointed_to);
        out.put_u32(self.segments.len() as u32);
        for segment in &self.segments {
            out.put_i64(segment.base);
            out.put_u64(segment.size_bytes);
            out.put_i64(segment.created_ms);
            out.put_i64(segment.first_timestamp);
            out.put_i64(segment.max_timestamp);
            out.put_i64(segment.max_timestamp_at);
        }
        out.put_u32(self.producers.by_id.len() as u32);
        for (id, producer) in &self.producers.by_id {
            put_producer(&mut out, *id, producer);
        }
        out.put_u32(self.producers.aborted.len() as u32);
        for aborted in &self.producers.aborted {
            out.put_i64(aborted.producer_id);
            out.put_i64(aborted.first_offset);
            out.put_i64(aborted.marker_offset);
        }
        out.put_u32(crc32c::crc32c(&out));
        out
    }

    /// `None` when the bytes are damaged or of another version: then the batches tell it all again.
    pub(super) fn decode(bytes: &[u8], now_ms: i64) -> Option<Self> {
        let (mut body, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(body) != u32::from_be_bytes(*crc) {
            return None;
        }
        let format = body.try_get_u32().ok()?;
        if ![FORMAT, OLDER_FORMAT].contains(&format) {
            return None;
        }
        take_state(&mut body, format, now_ms).ok()
    }
}

fn put_producer(out: &mut Vec<u8>, id: i64, producer: &Producer) {
    out.put_i64(id);
    out.put_i16(producer.epoch);
    out.put_i32(producer.coordinator_epoch);
    out.put_i64(producer.last_timestamp);
    out.put_i64(producer.open_from.unwrap_or(-1));
    out.put_u8(producer.batches.len() as u8);
    for batch in &producer.batches {
        out.put_i32(batch.base_sequence);
        out.put_i32(batch.last_sequence);
        out.put_i64(batch.base_offset);
        out.put_i64(batch.last_offset);
        out.put_i64(batch.max_timestamp);
    }
}

fn take_state(body: &mut &[u8], format: u32, now_ms: i64) -> Result<State, TryGetError> {
    let (start, end) = (body.try_get_i64()?, body.try_get_i64()?);
    let (compacted_to, checkpointed_to) = (body.try_get_i64()?, body.try_get_i64()?);
    let mut segments = Vec::new();
    for _ in 0..body.try_get_u32()? {
        segments.push(SegmentFacts {
            base: body.try_get_i64()?,
            size_bytes: body.try_get_u64()?,
            created_ms: body.try_get_i64()?,
            first_timestamp: body.try_get_i64()?,
            max_timestamp: body.try_get_i64()?,
            max_timestamp_at: body.try_get_i64()?,
        });
    }
    let mut by_id = HashMap::new();
    for _ in 0..body.try_get_u32()? {
        let id = body.try_get_i64()?;
        by_id.insert(id, take_producer(body, format, now_ms)?);
    }
    let mut aborted = Vec::new();
    for _ in 0..body.try_get_u32()? {
        aborted.push(Aborted {
            producer_id: body.try_get_i64()?,
            first_offset: body.try_get_i64()?,
            marker_offset: body.try_get_i64()?,
        });
    }
    Ok(State { start, end, compacted_to, checkpointed_to, segments, producers: Producers::restore(by_id, aborted) })
}

fn take_producer(body: &mut &[u8], format: u32, now_ms: i64) -> Result<Producer, TryGetError> {
    let mut producer = Producer {
        epoch: body.try_get_i16()?,
        coordinator_epoch: body.try_get_i32()?,
        last_timestamp: body.try_get_i64()?,
        seen_ms: now_ms,
        open_from: Some(body.try_get_i64()?).filter(|offset| *offset >= 0),
        batches: Vec::new(),
    };
    for _ in 0..body.try_get_u8()? {
        producer.batches.push(SentBatch {
            base_sequence: body.try_get_i32()?,
            last_sequence: body.try_get_i32()?,
            base_offset: body.try_get_i64()?,
            last_offset: body.try_get_i64()?,
            max_timestamp: if format == OLDER_FORMAT { NO_TIMESTAMP } else { body.try_get_i64()? },
        });
    }
    Ok(producer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let batch = SentBatch { base_sequence: 1, last_sequence: 2, base_offset: 3, last_offset: 4, max_timestamp: 19 };
        let producer = Producer {
            epoch: 5,
            coordinator_epoch: 6,
            last_timestamp: 7,
            seen_ms: 99,
            open_from: Some(3),
            batches: vec![batch; 5],
        };
        let aborted = Aborted { producer_id: 8, first_offset: 9, marker_offset: 10 };
        State {
            start: 11,
            end: 12,
            compacted_to: 13,
            checkpointed_to: 18,
            segments: vec![SegmentFacts { size_bytes: 14, ..SegmentFacts::new(15, 16) }; 2],
            producers: Producers::restore(HashMap::from([(17, producer)]), vec![aborted]),
        }
    }

    #[test]
    fn comes_back_from_its_bytes() {
        let state = state();
        assert_eq!(State::decode(&state.encode(), 99), Some(state));
    }

    #[test]
    fn a_cut_or_changed_state_is_refused() {
        let good = state().encode();
        for cut in 0..good.len() {
            assert_eq!(State::decode(&good[..cut], 99), None, "cut at {cut}");
        }
        for byte in 0..good.len() {
            let mut bad = good.clone();
            bad[byte] ^= 0x80;
            assert_eq!(State::decode(&bad, 99), None, "changed at {byte}");
        }
    }
}
