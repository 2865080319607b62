//! The header of a v2 record batch: read, checked and written without looking at the records inside.
//!
//! | bytes | field | bytes | field |
//! |---|---|---|---|
//! | 0..8 | base offset | 27..35 | base timestamp |
//! | 8..12 | length of what follows | 35..43 | max timestamp |
//! | 12..16 | leader epoch | 43..51 | producer id |
//! | 16 | magic, 2 | 51..53 | producer epoch |
//! | 17..21 | CRC-32C of everything after it | 53..57 | base sequence |
//! | 21..23 | attributes | 57..61 | number of records |
//! | 23..27 | last offset delta | 61.. | records, perhaps compressed |

use super::{EndTransaction, Marker, codec::Codec};

pub(super) const HEADER_BYTES: usize = 61;
/// Base offset and length: what stands before the bytes that the length counts.
const PREFIX_BYTES: usize = 12;
/// Where the bytes begin that the checksum covers.
const CHECKED_FROM: usize = 21;

const COMPRESSION: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
/// The base timestamp is the time at which tombstones or a marker in the batch may go (KIP-534).
const DELETE_HORIZON: i16 = 0x40;

/// Producer id of a batch that is not idempotent.
pub(super) const NO_PRODUCER: i64 = -1;
pub(super) const NO_SEQUENCE: i32 = -1;
pub(super) const NO_TIMESTAMP: i64 = -1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) base_offset: i64,
    pub(super) size_bytes: usize,
    pub(super) magic: i8,
    pub(super) crc: u32,
    pub(super) attributes: i16,
    pub(super) last_offset_delta: i32,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) record_count: i32,
}

/// Why bytes are not a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BatchDefect {
    #[error("{0} bytes are too few for a record batch")]
    Short(usize),
    #[error("its length field is {0}")]
    Length(i32),
    #[error("its magic is {0}, only version 2 is kept here")]
    Magic(i8),
    #[error("its checksum does not match")]
    Crc,
}

impl BatchHeader {
    /// Reads the header from the start of `bytes`, which may end before the batch does.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BatchDefect> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else { return Err(BatchDefect::Short(bytes.len())) };
        let length = i32::from_be_bytes(field(bytes, 8));
        let magic = bytes[16] as i8;
        if magic != 2 {
            return Err(BatchDefect::Magic(magic));
        }
        let size_bytes = usize::try_from(length).unwrap_or_default() + PREFIX_BYTES;
        if size_bytes < HEADER_BYTES {
            return Err(BatchDefect::Length(length));
        }
        Ok(Self {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            size_bytes,
            magic,
            crc: u32::from_be_bytes(field(bytes, 17)),
            attributes: i16::from_be_bytes(field(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, 35)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            record_count: i32::from_be_bytes(field(bytes, 57)),
        })
    }

    /// Reads the header of the first batch in `bytes` and checks the whole batch against its checksum.
    pub(super) fn check(bytes: &[u8]) -> Result<Self, BatchDefect> {
        let header = Self::parse(bytes)?;
        let batch = bytes.get(..header.size_bytes).ok_or(BatchDefect::Short(bytes.len()))?;
        if crc32c::crc32c(&batch[CHECKED_FROM..]) != header.crc {
            return Err(BatchDefect::Crc);
        }
        Ok(header)
    }

    /// The header as bytes, with leader epoch 0: there is one leader only, and always the same.
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&((self.size_bytes - PREFIX_BYTES) as i32).to_be_bytes());
        bytes[16] = self.magic as u8;
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        bytes
    }

    /// A whole batch of this header and `payload`; length and checksum are made to fit.
    pub(super) fn seal(mut self, payload: &[u8]) -> Vec<u8> {
        self.size_bytes = HEADER_BYTES + payload.len();
        self.crc = self.checksum(payload);
        let mut batch = Vec::with_capacity(self.size_bytes);
        batch.extend_from_slice(&self.encode());
        batch.extend_from_slice(payload);
        batch
    }

    /// The checksum of a batch with this header and `payload`.
    pub(super) fn checksum(&self, payload: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.encode()[CHECKED_FROM..]), payload)
    }

    pub(super) fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Sequence numbers go from the greatest `i32` on to 0.
    pub(super) fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return NO_SEQUENCE;
        }
        (i64::from(self.base_sequence) + i64::from(self.last_offset_delta)).rem_euclid(1 << 31) as i32
    }

    pub(super) fn codec(&self) -> Option<Codec> {
        Codec::of(self.attributes & COMPRESSION)
    }

    pub(super) fn idempotent(&self) -> bool {
        self.producer_id != NO_PRODUCER
    }

    pub(super) fn transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub(super) fn control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    pub(super) fn log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    pub(super) fn stamp_log_append_time(&mut self, now_ms: i64) {
        self.attributes |= LOG_APPEND_TIME;
        self.max_timestamp = now_ms;
    }

    pub(super) fn clear_log_append_time(&mut self) {
        self.attributes &= !LOG_APPEND_TIME;
    }

    /// When tombstones and markers of this batch may go, once a compaction has said so.
    pub(super) fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// The same batch after all its records were removed.
    pub(super) fn without_records(&self) -> Self {
        let attributes = self.attributes & !(COMPRESSION | DELETE_HORIZON);
        Self { attributes, record_count: 0, base_timestamp: NO_TIMESTAMP, max_timestamp: NO_TIMESTAMP, ..*self }
    }

    /// The records' timestamp deltas count from the base timestamp, so they must be written anew with this.
    pub(super) fn set_delete_horizon(&mut self, at_ms: i64) {
        self.attributes |= DELETE_HORIZON;
        self.base_timestamp = at_ms;
    }
}

/// What the first batch among a client's records says of itself, as far as the bytes go: requests are checked by it before
/// the log looks whether it is a batch at all.
#[derive(Clone, Copy)]
pub(crate) struct FirstBatch<'a>(pub(crate) &'a [u8]);

impl FirstBatch<'_> {
    /// How many bytes it says that it has.
    pub(crate) fn size_bytes(self) -> Option<usize> {
        let length = i32::from_be_bytes(self.field(8)?);
        Some(usize::try_from(length).ok()?.saturating_add(PREFIX_BYTES))
    }

    pub(crate) fn is_zstd(self) -> bool {
        self.attributes().and_then(|attributes| Codec::of(attributes & COMPRESSION)) == Some(Codec::Zstd)
    }

    /// Producer id and epoch of a transactional batch.
    pub(crate) fn transactional_producer(self) -> Option<(i64, i16)> {
        let (id, epoch) = (i64::from_be_bytes(self.field(43)?), i16::from_be_bytes(self.field(51)?));
        (self.attributes()? & TRANSACTIONAL != 0).then_some((id, epoch))
    }

    fn attributes(self) -> Option<i16> {
        self.field(21).map(i16::from_be_bytes)
    }

    fn field<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }
}

fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

/// Bytes of a marker's one record: length, attributes, two deltas, key (version, type), value (version,
/// coordinator epoch), no headers.
const MARKER_RECORD_BYTES: usize = 17;

impl EndTransaction {
    /// The control batch that tells consumers; the base offset is the log's to give.
    pub(super) fn encode(&self, now_ms: i64) -> Vec<u8> {
        let mut record = Vec::with_capacity(MARKER_RECORD_BYTES);
        let kind: i16 = match self.marker {
            Marker::Abort => 0,
            Marker::Commit => 1,
        };
        // Every number here is a zigzag varint of one byte: twice the value.
        record.extend_from_slice(&[2 * (MARKER_RECORD_BYTES as u8 - 1), 0, 0, 0, 2 * 4]);
        record.extend_from_slice(&0i16.to_be_bytes());
        record.extend_from_slice(&kind.to_be_bytes());
        record.push(2 * 6);
        record.extend_from_slice(&0i16.to_be_bytes());
        record.extend_from_slice(&self.coordinator_epoch.to_be_bytes());
        record.push(0);
        let header = BatchHeader {
            base_offset: 0,
            size_bytes: 0,
            magic: 2,
            crc: 0,
            attributes: TRANSACTIONAL | CONTROL,
            last_offset_delta: 0,
            base_timestamp: now_ms,
            max_timestamp: now_ms,
            producer_id: self.producer_id,
            producer_epoch: self.epoch,
            base_sequence: NO_SEQUENCE,
            record_count: 1,
        };
        header.seal(&record)
    }

    /// Reads a marker back from its control batch; other control batches are nobody's here.
    pub(super) fn decode(header: &BatchHeader, batch: &[u8]) -> Option<Self> {
        let record = batch.get(HEADER_BYTES..)?.first_chunk::<MARKER_RECORD_BYTES>();
        // A batch with its delete horizon set has a long timestamp delta, so it is decoded by the book.
        let (kind, coordinator_epoch) = match record {
            Some(record) if header.delete_horizon().is_none() => (
                i16::from_be_bytes([record[7], record[8]]),
                i32::from_be_bytes([record[12], record[13], record[14], record[15]]),
            ),
            _ => {
                let record = super::record::RecordSlice::iterate(batch.get(HEADER_BYTES..)?).next()?.ok()?;
                let (key, value) = (record.key?, record.value?);
                (i16::from_be_bytes(*key.get(2..)?.first_chunk()?), i32::from_be_bytes(*value.get(2..)?.first_chunk()?))
            }
        };
        let marker = match kind {
            0 => Marker::Abort,
            1 => Marker::Commit,
            _ => return None,
        };
        Some(Self { producer_id: header.producer_id, epoch: header.producer_epoch, marker, coordinator_epoch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_survives_encode_and_decode() {
        let end = EndTransaction { producer_id: 7, epoch: 3, marker: Marker::Commit, coordinator_epoch: 11 };
        let batch = end.encode(1_000);
        let header = BatchHeader::check(&batch).unwrap();
        assert_eq!(header.encode(), batch[..HEADER_BYTES]);
        assert_eq!(batch.len(), HEADER_BYTES + MARKER_RECORD_BYTES);
        assert_eq!(EndTransaction::decode(&header, &batch), Some(end));
    }

    #[test]
    fn every_flipped_bit_after_the_checksum_is_noticed() {
        let end = EndTransaction { producer_id: 7, epoch: 3, marker: Marker::Abort, coordinator_epoch: 0 };
        let good = end.encode(1_000);
        for byte in 17..good.len() {
            let mut bad = good.clone();
            bad[byte] ^= 0x10;
            assert_eq!(BatchHeader::check(&bad), Err(BatchDefect::Crc), "byte {byte}");
        }
    }

    #[test]
    fn sequences_wrap_at_the_greatest_number() {
        let end = EndTransaction { producer_id: 7, epoch: 3, marker: Marker::Abort, coordinator_epoch: 0 };
        let mut header = BatchHeader::parse(&end.encode(0)).unwrap();
        (header.base_sequence, header.last_offset_delta) = (i32::MAX, 1);
        assert_eq!(header.last_sequence(), 0);
        (header.base_sequence, header.last_offset_delta) = (i32::MAX - 1, 1);
        assert_eq!(header.last_sequence(), i32::MAX);
    }
}
