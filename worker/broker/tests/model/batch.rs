//! Record batches as clients send them, right and wrong, and what a fetch gives back in a form that can be compared.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::ProducerId;

use super::random::Random;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    pub(super) const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    fn compress(self, plain: &[u8]) -> Vec<u8> {
        use std::io::Write;
        match self {
            Codec::None => plain.to_vec(),
            Codec::Gzip => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            // As Java frames it: a header, then blocks with their lengths.
            Codec::Snappy => {
                let block = snap::raw::Encoder::new().compress_vec(plain).unwrap();
                let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
                out.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
                out.extend(block);
                out
            }
            Codec::Lz4 => {
                let info = lz4_flex::frame::FrameInfo::new().block_mode(lz4_flex::frame::BlockMode::Independent);
                let mut out = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            Codec::Zstd => zstd::stream::encode_all(plain, 3).unwrap(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) timestamp: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What may be wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Damage {
    None,
    Checksum,
    Count,
    Magic,
    Control,
    Cut,
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) codec: Codec,
    pub(super) sequence: i32,
    pub(super) transactional: bool,
    pub(super) damage: Damage,
}

const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

impl Batch {
    pub(super) fn encode(&self, (producer, epoch): (ProducerId, i16)) -> Bytes {
        let base = self.records.first().map_or(-1, |record| record.timestamp);
        let newest = self.records.iter().map(|record| record.timestamp).max().unwrap_or(-1);
        let mut plain = Vec::new();
        for (offset, record) in (0..).zip(&self.records) {
            record.encode(&mut plain, offset, base);
        }
        let mut attributes = self.codec as i16;
        if self.transactional {
            attributes |= TRANSACTIONAL;
        }
        if self.damage == Damage::Control {
            attributes |= CONTROL;
        }
        let count = i32::try_from(self.records.len()).unwrap();
        let mut checked = BytesMut::new();
        checked.put_i16(attributes);
        checked.put_i32(count - 1);
        checked.put_i64(base);
        checked.put_i64(newest);
        checked.put_i64(producer.0);
        checked.put_i16(epoch);
        checked.put_i32(self.sequence);
        checked.put_i32(if self.damage == Damage::Count { count + 1 } else { count });
        checked.put_slice(&self.codec.compress(&plain));
        let mut out = BytesMut::new();
        out.put_i64(0);
        out.put_i32(i32::try_from(checked.len() + 9).unwrap());
        out.put_i32(-1);
        out.put_i8(if self.damage == Damage::Magic { 9 } else { 2 });
        let crc = crc32c(&checked);
        out.put_u32(if self.damage == Damage::Checksum { !crc } else { crc });
        out.put_slice(&checked);
        match self.damage {
            Damage::Cut => out.truncate(out.len() - 3),
            Damage::Nothing => out.clear(),
            _ => {}
        }
        out.freeze()
    }
}

impl Record {
    pub(super) fn random(random: &mut Random, timestamp: i64) -> Self {
        let bytes = |random: &mut Random, sizes: &[usize]| {
            let size = random.pick(sizes);
            let byte = b'a' + u8::try_from(random.below(26)).unwrap();
            (!random.once_in(6)).then(|| vec![byte; size])
        };
        let key = bytes(random, &[0, 1, 5, 40]);
        let value = bytes(random, &[0, 1, 10, 100, 3000]);
        let headers = (0..random.pick(&[0, 0, 1, 3])).map(|n| (format!("h{n}"), bytes(random, &[0, 2, 9]))).collect();
        Self { timestamp, key, value, headers }
    }

    fn encode(&self, out: &mut Vec<u8>, offset: i64, base: i64) {
        let mut body = vec![0];
        varint(&mut body, self.timestamp - base);
        varint(&mut body, offset);
        for field in [&self.key, &self.value] {
            put(&mut body, field.as_deref());
        }
        varint(&mut body, i64::try_from(self.headers.len()).unwrap());
        for (key, value) in &self.headers {
            put(&mut body, Some(key.as_bytes()));
            put(&mut body, value.as_deref());
        }
        varint(out, i64::try_from(body.len()).unwrap());
        out.extend(body);
    }
}

fn put(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    varint(out, bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap()));
    out.extend(bytes.unwrap_or_default());
}

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap());
}

fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// Every whole batch as a line; what a broker sets itself (times, producer ids, checksums over them) is left out or
/// named so that it is replaced. A batch that was cut off at the limit of the answer does not count.
pub(super) fn describe(mut bytes: &[u8]) -> String {
    let mut out = String::new();
    while bytes.len() >= 61 {
        let int = |at: usize| i32::from_be_bytes(*bytes[at..].first_chunk().unwrap());
        let long = |at: usize| i64::from_be_bytes(*bytes[at..].first_chunk().unwrap());
        let size = usize::try_from(int(8)).unwrap() + 12;
        let Some(batch) = bytes.get(..size) else { break };
        let attributes = i16::from_be_bytes([batch[21], batch[22]]);
        let whole = crc32c(&batch[21..]).to_be_bytes() == batch[17..21];
        let by_broker = attributes & (0x08 | CONTROL) != 0;
        let times = if by_broker { "now".to_owned() } else { format!("{}..{}", long(27), long(35)) };
        let mut payload = batch[61..].to_vec();
        if attributes & CONTROL != 0 && payload.len() == 17 {
            // The epoch of the coordinator.
            payload[12..16].fill(0);
        }
        let epoch = i16::from_be_bytes([batch[51], batch[52]]);
        let name = format!("offset {} leader epoch {} magic {} ", long(0), int(12), batch[16]);
        out.push_str(&name);
        out.push_str(&format!("whole {whole} attributes {attributes} deltas {} times {times} ", int(23)));
        out.push_str(&format!("by producer_id: {} epoch {epoch} sequence {} ", long(43), int(53)));
        out.push_str(&format!("count {} payload {:?}; ", int(57), Bytes::from(payload)));
        bytes = &bytes[size..];
    }
    out
}
