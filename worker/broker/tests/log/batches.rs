//! Record batches as clients send them, and a folder for one test.

use std::{
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use connect_broker::log::{LogConfig, LogRecord, Origin, PartitionLog};

/// The time at which tests begin.
pub(super) const NOW: i64 = 1_700_000_000_000;

pub(super) const CODECS: [i16; 5] = [0, 1, 2, 3, 4];

/// A folder that goes with the test.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("millrace-log-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens the log as after a crash.
    pub(super) fn open(&self, config: &LogConfig) -> PartitionLog {
        PartitionLog::open(&self.0, config.clone(), None, NOW).unwrap()
    }

    pub(super) fn copy(&self) -> Self {
        let copy = Self::new();
        for entry in std::fs::read_dir(&self.0).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.0.join(entry.file_name())).unwrap();
        }
        copy
    }

    /// Names of all files, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary directory fails no test.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

pub(super) type KeyValue = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A batch of one producer; every field is what a client would put there.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) records: Vec<KeyValue>,
    pub(super) timestamps: Vec<i64>,
    pub(super) codec: i16,
    pub(super) producer: Option<(i64, i16)>,
    pub(super) sequence: i32,
    pub(super) transactional: bool,
}

/// A batch of values without keys.
pub(super) fn values(values: &[&str]) -> Batch {
    let records = values.iter().map(|value| (None, Some(value.as_bytes().to_vec())));
    Batch::of(records.collect())
}

/// A batch of keys with values, or with none for a tombstone.
pub(super) fn keyed(records: &[(&str, Option<&str>)]) -> Batch {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Batch::of(records.iter().map(|(key, value)| (Some(bytes(key)), value.map(bytes))).collect())
}

impl Batch {
    pub(super) fn of(records: Vec<KeyValue>) -> Self {
        let timestamps = vec![NOW; records.len()];
        Self { records, timestamps, codec: 0, producer: None, sequence: -1, transactional: false }
    }

    pub(super) fn at(mut self, timestamps: &[i64]) -> Self {
        self.timestamps = timestamps.to_vec();
        self
    }

    pub(super) fn packed(mut self, codec: i16) -> Self {
        self.codec = codec;
        self
    }

    pub(super) fn by(mut self, producer: i64, epoch: i16, sequence: i32) -> Self {
        self.producer = Some((producer, epoch));
        self.sequence = sequence;
        self
    }

    pub(super) fn in_transaction(mut self) -> Self {
        self.transactional = true;
        self
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let base_timestamp = self.timestamps.first().copied().unwrap_or(-1);
        let mut plain = Vec::new();
        for (delta, ((key, value), timestamp)) in self.records.iter().zip(&self.timestamps).enumerate() {
            let mut record = vec![0];
            put_varint(&mut record, timestamp - base_timestamp);
            put_varint(&mut record, delta as i64);
            for part in [key, value] {
                put_varint(&mut record, part.as_ref().map_or(-1, |part| part.len() as i64));
                record.extend_from_slice(part.as_deref().unwrap_or_default());
            }
            record.push(0);
            put_varint(&mut plain, record.len() as i64);
            plain.extend_from_slice(&record);
        }
        let (producer, epoch) = self.producer.unwrap_or((-1, -1));
        let mut body = Vec::new();
        body.extend_from_slice(&(self.codec | if self.transactional { 0x10 } else { 0 }).to_be_bytes());
        body.extend_from_slice(&(self.records.len() as i32 - 1).to_be_bytes());
        body.extend_from_slice(&base_timestamp.to_be_bytes());
        body.extend_from_slice(&self.timestamps.iter().copied().max().unwrap_or(-1).to_be_bytes());
        body.extend_from_slice(&producer.to_be_bytes());
        body.extend_from_slice(&epoch.to_be_bytes());
        body.extend_from_slice(&self.sequence.to_be_bytes());
        body.extend_from_slice(&(self.records.len() as i32).to_be_bytes());
        body.extend_from_slice(&pack(self.codec, &plain));
        let mut batch = vec![0; 8];
        batch.extend_from_slice(&(body.len() as i32 + 9).to_be_bytes());
        // A leader epoch that the log must put right.
        batch.extend_from_slice(&(-1i32).to_be_bytes());
        batch.push(2);
        batch.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
        batch.extend_from_slice(&body);
        batch
    }
}

fn pack(codec: i16, plain: &[u8]) -> Vec<u8> {
    match codec {
        1 => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        2 => snap::raw::Encoder::new().compress_vec(plain).unwrap(),
        3 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        4 => zstd::stream::encode_all(plain, 1).unwrap(),
        _ => plain.to_vec(),
    }
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut value = ((value << 1) ^ (value >> 63)) as u64;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends as a client and says at which offset.
pub(super) fn append(log: &mut PartitionLog, batch: &Batch) -> i64 {
    log.append(&batch.encode(), Origin::Client, NOW).unwrap().base_offset
}

/// Every record of the log, read record by record.
pub(super) fn records(log: &PartitionLog) -> Vec<LogRecord> {
    let mut records = Vec::new();
    let visit = |record| {
        records.push(record);
        ControlFlow::Continue(())
    };
    log.for_each_record(0, visit).unwrap();
    records
}

/// Offsets, keys and values of all records that are no markers, as text.
pub(super) fn contents(log: &PartitionLog) -> Vec<(i64, String, Option<String>)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let data = records(log).into_iter().filter(|record| record.marker.is_none());
    data.map(|record| {
        (record.offset, text(record.key.as_deref().unwrap_or_default()), record.value.as_deref().map(text))
    })
    .collect()
}

/// All bytes from `from` on, fetched as a consumer fetches.
pub(super) fn fetch_all(log: &PartitionLog, from: i64, max_bytes: usize) -> Vec<u8> {
    let (mut offset, mut all) = (from, Vec::new());
    loop {
        let bytes = log.read(offset, i64::MAX, max_bytes, true).unwrap().load().unwrap();
        if bytes.is_empty() {
            return all;
        }
        offset = last_offset(&bytes) + 1;
        all.extend_from_slice(&bytes);
    }
}

/// The last offset of whole batches.
pub(super) fn last_offset(batches: &[u8]) -> i64 {
    let (mut rest, mut last) = (batches, -1);
    while !rest.is_empty() {
        let number = |at: usize| i32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
        last = i64::from_be_bytes(rest[..8].try_into().unwrap()) + i64::from(number(23));
        rest = &rest[number(8) as usize + 12..];
    }
    last
}

/// What a log answers, all of it: two logs that answer alike are alike to every client.
#[derive(Debug, PartialEq)]
pub(super) struct Answers {
    offsets: [i64; 3],
    bytes: Vec<u8>,
    producers: Vec<connect_broker::log::ProducerView>,
    aborted: Vec<connect_broker::log::AbortedTransaction>,
    newest: Option<connect_broker::log::TimestampOffset>,
    by_timestamp: Vec<Option<connect_broker::log::TimestampOffset>>,
}

pub(super) fn answers(log: &PartitionLog) -> Answers {
    Answers {
        offsets: [log.start_offset(), log.last_stable_offset(), log.end_offset()],
        bytes: fetch_all(log, log.start_offset(), 1_000),
        producers: log.producers(),
        aborted: log.aborted_in(0, i64::MAX),
        newest: log.max_timestamp_offset().unwrap(),
        by_timestamp: (-3..40).map(|step| log.offset_for_timestamp(NOW + step).unwrap()).collect(),
    }
}
