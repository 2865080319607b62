//! Measures the storage engine alone: CPU for records in and out, and the time to open many partitions.
//!
//! `cargo run --release -p connect-broker --example log -- <folder>`, which is left empty again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use connect_broker::log::{CleanupPolicy, DataDir, LogConfig, Origin, TopicPartition};

const RECORDS: usize = 1_000_000;
const RECORD_BYTES: usize = 200;
/// What a producer's `batch.size` of 16 kB holds.
const RECORDS_PER_BATCH: usize = 75;
/// What a consumer fetches of one partition at a time.
const FETCH_BYTES: usize = 1 << 20;
const PARTITIONS: i32 = 2_000;
const PARTITION_BYTES: usize = 2 << 20;
const NOW: i64 = 1_700_000_000_000;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder to work in"));
    in_and_out(&folder.join("flow"));
    compaction(&folder.join("compaction"));
    open_many(&folder.join("many"));
}

fn in_and_out(folder: &Path) {
    let batch = batch(RECORDS_PER_BATCH, |_| None);
    let dir = DataDir::open(folder).expect("an empty folder");
    let mut log = dir.open_log(&at(0), LogConfig::default(), NOW).expect("a new log");
    let cpu = cpu_seconds();
    for _ in 0..RECORDS / RECORDS_PER_BATCH {
        log.append(&batch, Origin::Client, NOW).expect("an append");
    }
    let appended = cpu_seconds();
    let (mut offset, mut bytes) = (0, 0);
    while offset < log.end_offset() {
        let read = log.read(offset, i64::MAX, FETCH_BYTES, true).expect("a read");
        bytes += read.len();
        offset += (read.len() / batch.len() * RECORDS_PER_BATCH) as i64;
    }
    let read = cpu_seconds();
    println!("append {:.3} CPU-s, read {:.3} CPU-s for {} MB", appended - cpu, read - appended, bytes >> 20);
    fs::remove_dir_all(folder).expect("our own folder");
}

fn compaction(folder: &Path) {
    let config = LogConfig { cleanup_policy: CleanupPolicy::Compact, segment_bytes: 16 << 20, ..LogConfig::default() };
    let dir = DataDir::open(folder).expect("an empty folder");
    let mut log = dir.open_log(&at(0), config, NOW).expect("a new log");
    for n in 0..RECORDS / RECORDS_PER_BATCH {
        let batch = batch(RECORDS_PER_BATCH, |index| Some(((n * RECORDS_PER_BATCH + index) % 50_000) as u32));
        log.append(&batch, Origin::Client, NOW).expect("an append");
    }
    let (cpu, begin) = (cpu_seconds(), Instant::now());
    let done = log.compact(NOW, 64 << 20).expect("a pass").expect("a dirty log");
    println!("compaction {:.3} CPU-s, {:.3} s: {done:?}", cpu_seconds() - cpu, begin.elapsed().as_secs_f64());
    fs::remove_dir_all(folder).expect("our own folder");
}

fn open_many(folder: &Path) {
    let batch = batch(RECORDS_PER_BATCH, |_| None);
    let dir = DataDir::open(folder).expect("an empty folder");
    let open = |dir: &DataDir| -> Vec<_> {
        let log = |partition| dir.open_log(&at(partition), LogConfig::default(), NOW).expect("a log");
        (0..PARTITIONS).map(log).collect()
    };
    let mut logs = open(&dir);
    for log in &mut logs {
        for _ in 0..PARTITION_BYTES / batch.len() {
            log.append(&batch, Origin::Client, NOW).expect("an append");
        }
        log.maintain(NOW + 300_000).expect("a checkpoint");
        log.maintain(NOW + 300_000).expect("files closed");
        // What a crash would have to read again.
        log.append(&batch, Origin::Client, NOW).expect("an append");
        log.maintain(NOW + 300_000).expect("nothing to do");
        log.maintain(NOW + 300_000).expect("files closed");
    }
    println!("memory after writing {} MB", resident_kb() >> 10);
    drop((logs, dir));
    let (cpu, begin) = (cpu_seconds(), Instant::now());
    let dir = DataDir::open(folder).expect("a killed folder");
    let mut logs = open(&dir);
    println!("open after a kill {:.1} CPU-ms, {:.1} ms", 1e3 * (cpu_seconds() - cpu), millis(begin));
    let begin = Instant::now();
    let saved = logs.iter_mut().zip(0..).map(|(log, n)| (at(n), log.close_clean().expect("a clean end"))).collect();
    dir.close(saved).expect("a marker");
    println!("close {:.1} ms", millis(begin));
    drop(logs);
    let (cpu, begin) = (cpu_seconds(), Instant::now());
    let dir = DataDir::open(folder).expect("a clean folder");
    let logs = open(&dir);
    let (cpu, wall) = (1e3 * (cpu_seconds() - cpu), millis(begin));
    let bytes: u64 = logs.iter().map(|log| log.size_bytes()).sum();
    println!("open {PARTITIONS} clean logs of {} MB in all {cpu:.1} CPU-ms, {wall:.1} ms", bytes >> 20);
    fs::remove_dir_all(folder).expect("our own folder");
}

fn millis(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

fn at(partition: i32) -> TopicPartition {
    TopicPartition { topic: "bench".to_owned(), partition }
}

/// A batch as a producer sends it, of records with the keys given.
fn batch(count: usize, key: impl Fn(usize) -> Option<u32>) -> Vec<u8> {
    let mut records = Vec::new();
    for index in 0..count {
        let mut record = vec![0, 0];
        put_varint(&mut record, index as i64);
        match key(index) {
            None => put_varint(&mut record, -1),
            Some(key) => {
                put_varint(&mut record, 4);
                record.extend_from_slice(&key.to_be_bytes());
            }
        }
        put_varint(&mut record, RECORD_BYTES as i64);
        record.resize(record.len() + RECORD_BYTES, b'x');
        record.push(0);
        put_varint(&mut records, record.len() as i64);
        records.extend_from_slice(&record);
    }
    let mut body = Vec::new();
    body.extend_from_slice(&0i16.to_be_bytes());
    body.extend_from_slice(&(count as i32 - 1).to_be_bytes());
    body.extend_from_slice(&NOW.to_be_bytes());
    body.extend_from_slice(&NOW.to_be_bytes());
    body.extend_from_slice(&(-1i64).to_be_bytes());
    body.extend_from_slice(&(-1i16).to_be_bytes());
    body.extend_from_slice(&(-1i32).to_be_bytes());
    body.extend_from_slice(&(count as i32).to_be_bytes());
    body.extend_from_slice(&records);
    let mut batch = vec![0; 8];
    batch.extend_from_slice(&(body.len() as i32 + 9).to_be_bytes());
    batch.extend_from_slice(&[0, 0, 0, 0, 2]);
    batch.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
    batch.extend_from_slice(&body);
    batch
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut value = ((value << 1) ^ (value >> 63)) as u64;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// CPU time of this one thread, which the kernel counts in nanoseconds.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    stat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("a number") / 1e9
}

fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or_default()
}
