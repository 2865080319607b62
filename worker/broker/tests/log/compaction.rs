//! Compaction: the newest record of every key stays, at its offset, through crashes and restarts.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
};

use connect_broker::log::{CleanupPolicy, Compacted, LogConfig, LogRecord, Marker, PartitionLog};
use proptest::prelude::*;

use super::{
    batches::{Batch, CODECS, Folder, NOW, append, contents, fetch_all, keyed, records, values},
    transactions::end,
};

const MEMORY: usize = 1 << 20;
const DAY: i64 = 86_400_000;

fn compacted() -> LogConfig {
    LogConfig {
        cleanup_policy: CleanupPolicy::Compact,
        min_cleanable_dirty_ratio: 0.0,
        segment_bytes: 300,
        index_interval_bytes: 100,
        ..LogConfig::default()
    }
}

/// Fills the active segment, so that everything before is in closed ones.
fn roll(log: &mut PartitionLog) {
    let filler = "x".repeat(200);
    append(log, &keyed(&[("filler", Some(&filler))]));
    append(log, &keyed(&[("filler", Some(&filler))]));
}

fn without_filler(log: &PartitionLog) -> Vec<(i64, String, Option<String>)> {
    contents(log).into_iter().filter(|(_, key, _)| key != "filler").collect()
}

fn row(offset: i64, key: &str, value: Option<&str>) -> (i64, String, Option<String>) {
    (offset, key.to_owned(), value.map(str::to_owned))
}

#[test]
fn the_newest_record_of_a_key_stays_at_its_offset_in_any_codec() {
    for codec in CODECS {
        let folder = Folder::new();
        let mut log = folder.open(&compacted());
        append(&mut log, &keyed(&[("a", Some("1")), ("b", Some("1")), ("a", Some("2"))]).packed(codec));
        append(&mut log, &keyed(&[("c", Some("1"))]).packed(codec));
        append(&mut log, &keyed(&[("b", Some("2")), ("c", Some("2"))]).packed(codec));
        roll(&mut log);
        log.compact(NOW, MEMORY).unwrap().unwrap();
        let expected = [row(2, "a", Some("2")), row(4, "b", Some("2")), row(5, "c", Some("2"))];
        assert_eq!(without_filler(&log), expected, "codec {codec}");
        let first = log.read(0, 3, 10_000, true).unwrap().load().unwrap();
        assert_eq!(i16::from_be_bytes([first[21], first[22]]), codec, "the batch keeps its codec");
        // A read at a removed offset goes on with what follows.
        assert_eq!(fetch_all(&log, 3, 10_000)[..8], 4i64.to_be_bytes());
        assert_eq!(log.end_offset(), 8);
    }
}

#[test]
fn a_pass_is_due_when_enough_is_dirty_or_waits_too_long() {
    let folder = Folder::new();
    let config = LogConfig { min_cleanable_dirty_ratio: 0.5, ..compacted() };
    let mut log = folder.open(&config);
    assert_eq!(log.compact(NOW, MEMORY).unwrap(), None);
    for n in 0..10 {
        append(&mut log, &keyed(&[(&format!("key {n}"), Some("1"))]));
    }
    roll(&mut log);
    assert!(log.compact(NOW, MEMORY).unwrap().is_some());
    assert_eq!(log.compact(NOW, MEMORY).unwrap(), None, "nothing is dirty");
    append(&mut log, &keyed(&[("key 1", Some("2"))]));
    roll(&mut log);
    assert_eq!(log.compact(NOW, MEMORY).unwrap(), None, "less than half is dirty");
    log.reconfigure(LogConfig { max_compaction_lag_ms: 100, ..config.clone() });
    assert_eq!(log.compact(NOW + 100, MEMORY).unwrap(), None);
    assert!(log.compact(NOW + 101, MEMORY).unwrap().is_some());
    append(&mut log, &keyed(&[("key 1", Some("3"))]));
    roll(&mut log);
    log.reconfigure(LogConfig { min_compaction_lag_ms: 100, min_cleanable_dirty_ratio: 0.0, ..config });
    assert_eq!(log.compact(NOW + 99, MEMORY).unwrap(), None, "too young");
    assert!(log.compact(NOW + 100, MEMORY).unwrap().is_some());
}

#[test]
fn a_tombstone_stays_for_its_time_and_keeps_its_timestamp() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    append(&mut log, &keyed(&[("a", Some("1")), ("b", Some("1"))]));
    append(&mut log, &keyed(&[("a", None), ("c", Some("1"))]).at(&[NOW + 5, NOW + 6]));
    roll(&mut log);
    log.compact(NOW, MEMORY).unwrap().unwrap();
    let kept = [row(1, "b", Some("1")), row(2, "a", None), row(3, "c", Some("1"))];
    assert_eq!(without_filler(&log), kept);
    assert_eq!(records(&log)[1].timestamp, NOW + 5);
    roll(&mut log);
    log.compact(NOW + DAY - 1, MEMORY).unwrap().unwrap();
    assert_eq!(without_filler(&log), kept);
    roll(&mut log);
    log.compact(NOW + DAY, MEMORY).unwrap().unwrap();
    assert_eq!(without_filler(&log), [kept[0].clone(), kept[2].clone()]);
}

#[test]
fn markers_stay_while_their_data_does_and_aborted_data_goes() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    append(&mut log, &keyed(&[("a", Some("committed"))]).by(1, 0, 0).in_transaction()); // 0
    end(&mut log, 1, 0, Marker::Commit); // 1
    append(&mut log, &keyed(&[("a", Some("aborted"))]).by(1, 0, 1).in_transaction()); // 2
    end(&mut log, 1, 0, Marker::Abort); // 3
    append(&mut log, &keyed(&[("b", Some("1"))]).by(1, 0, 2)); // 4
    roll(&mut log);
    let markers = |log: &PartitionLog| -> Vec<i64> {
        records(log).iter().filter(|record| record.marker.is_some()).map(|record| record.offset).collect()
    };
    log.compact(NOW, MEMORY).unwrap().unwrap();
    // The aborted record does not outdate the committed one.
    assert_eq!(without_filler(&log), [row(0, "a", Some("committed")), row(4, "b", Some("1"))]);
    assert_eq!(markers(&log), [1, 3]);
    roll(&mut log);
    log.compact(NOW + DAY, MEMORY).unwrap().unwrap();
    assert_eq!(markers(&log), [1]);
    assert_eq!(log.aborted_in(0, 99), []);
    append(&mut log, &keyed(&[("a", Some("2"))]));
    for days in 2..4 {
        roll(&mut log);
        log.compact(NOW + days * DAY, MEMORY).unwrap().unwrap();
    }
    assert_eq!(markers(&log), [0; 0]);
}

#[test]
fn nothing_of_an_open_transaction_is_touched() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    append(&mut log, &keyed(&[("a", Some("1"))]).by(1, 0, 0).in_transaction());
    append(&mut log, &keyed(&[("a", Some("2"))]));
    roll(&mut log);
    assert_eq!(log.compact(NOW, MEMORY).unwrap(), None);
    end(&mut log, 1, 0, Marker::Abort);
    roll(&mut log);
    assert!(log.compact(NOW, MEMORY).unwrap().is_some());
    assert_eq!(without_filler(&log), [row(1, "a", Some("2"))]);
}

#[test]
fn a_producers_last_sequence_survives_even_a_lost_checkpoint() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    append(&mut log, &keyed(&[("a", Some("1"))]).by(1, 3, 0));
    append(&mut log, &keyed(&[("a", Some("2"))]).by(1, 3, 1));
    append(&mut log, &keyed(&[("a", Some("3"))]));
    roll(&mut log);
    log.compact(NOW, MEMORY).unwrap().unwrap();
    assert_eq!(without_filler(&log), [row(2, "a", Some("3"))]);
    drop(log);
    fs::remove_file(folder.path().join("checkpoint")).unwrap();
    let mut log = folder.open(&compacted());
    let again = keyed(&[("a", Some("2"))]).by(1, 3, 1).encode();
    let answer = log.append(&again, connect_broker::log::Origin::Client, NOW).unwrap();
    assert!(answer.duplicate);
    assert_eq!(append(&mut log, &keyed(&[("a", Some("4"))]).by(1, 3, 2)), 5);
}

#[test]
fn keys_beyond_the_memory_wait_for_the_next_pass() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    for n in 0..20 {
        append(&mut log, &keyed(&[(&format!("{}", n % 10), Some(&n.to_string()))]));
    }
    roll(&mut log);
    let mut passes = 0;
    while log.compact(NOW, 64 * 4).unwrap().is_some() {
        passes += 1;
    }
    assert!(passes > 3, "{passes}");
    let expected: Vec<_> = (10..20).map(|n| row(n, &(n - 10).to_string(), Some(&n.to_string()))).collect();
    assert_eq!(without_filler(&log), expected);
}

#[test]
fn small_neighbours_become_one_segment() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    for n in 0..30 {
        append(&mut log, &keyed(&[("a", Some(&n.to_string()))]));
    }
    roll(&mut log);
    let done = log.compact(NOW, MEMORY).unwrap().unwrap();
    assert!(done.bytes_after < done.bytes_before / 5, "{done:?}");
    log.reconfigure(LogConfig { segment_bytes: 10_000, ..compacted() });
    roll(&mut log);
    log.reconfigure(LogConfig { segment_bytes: 300, ..compacted() });
    roll(&mut log);
    log.reconfigure(LogConfig { segment_bytes: 10_000, ..compacted() });
    log.compact(NOW, MEMORY).unwrap().unwrap();
    let logs = folder.names().iter().filter(|name| name.ends_with(".log")).count();
    assert_eq!(logs, 2, "{:?}", folder.names());
}

#[test]
fn output_is_thrown_away_when_retention_took_a_segment_meanwhile() {
    let folder = Folder::new();
    let config = LogConfig { cleanup_policy: CleanupPolicy::CompactAndDelete, ..compacted() };
    let mut log = folder.open(&config);
    for _ in 0..10 {
        append(&mut log, &keyed(&[("a", Some("1"))]));
    }
    roll(&mut log);
    let output = log.compaction(NOW, MEMORY).unwrap().run().unwrap();
    log.delete_records_before(8).unwrap();
    log.maintain(NOW).unwrap();
    let before = contents(&log);
    assert_eq!(log.install(output, NOW).unwrap(), None);
    assert_eq!(contents(&log), before);
    assert!(folder.names().iter().all(|name| !name.ends_with("cleaned")), "{:?}", folder.names());
}

/// The state of the folder before a pass, after it, and the one file that the pass wrote.
struct Pass {
    before: Folder,
    after: Folder,
    end: i64,
}

fn pass() -> Pass {
    let folder = Folder::new();
    let config = LogConfig { segment_bytes: 10_000, ..compacted() };
    let mut log = folder.open(&compacted());
    for n in 0..12 {
        append(&mut log, &keyed(&[("a", Some(&n.to_string())), ("b", Some("x"))]).by(1, 0, 2 * n).in_transaction());
        end(&mut log, 1, 0, if n % 3 == 2 { Marker::Abort } else { Marker::Commit });
    }
    roll(&mut log);
    log.flush().unwrap();
    let before = folder.copy();
    log.reconfigure(config);
    log.compact(NOW, MEMORY).unwrap().unwrap();
    let end = log_bases(&folder)[1];
    drop(log);
    Pass { before, after: folder, end }
}

fn log_bases(folder: &Folder) -> Vec<i64> {
    folder.names().iter().filter_map(|name| name.strip_suffix(".log")?.parse().ok()).collect()
}

#[test]
fn a_kill_before_the_swap_leaves_the_log_as_it_was() {
    let pass = pass();
    let expected = committed(&pass.before.open(&compacted()));
    let whole = fs::read(pass.after.path().join("00000000000000000000.log")).unwrap();
    for written in [0, whole.len() / 2, whole.len()] {
        let killed = pass.before.copy();
        fs::write(killed.path().join("00000000000000000000.cleaned"), &whole[..written]).unwrap();
        let log = killed.open(&compacted());
        assert_eq!(committed(&log), expected);
        assert!(killed.names().iter().all(|name| !name.ends_with("cleaned")));
    }
}

#[test]
fn a_kill_at_any_step_of_the_swap_ends_with_the_compacted_log() {
    let pass = pass();
    let expected = committed(&pass.after.open(&compacted()));
    let replaced: Vec<i64> = log_bases(&pass.before).into_iter().filter(|base| *base < pass.end).collect();
    assert!(replaced.len() > 5, "{replaced:?}");
    let output = pass.after.path().join("00000000000000000000.log");
    // Removed so far: none, then one segment more each time, at last all but the one that is renamed over.
    for removed in 0..replaced.len() {
        for checkpoint in [true, false] {
            let killed = pass.before.copy();
            let swap = format!("{:020}-{:020}.swap", 0, pass.end);
            fs::copy(&output, killed.path().join(swap)).unwrap();
            for base in &replaced[1..=removed] {
                fs::remove_file(killed.path().join(format!("{base:020}.log"))).unwrap();
            }
            if !checkpoint {
                fs::remove_file(killed.path().join("checkpoint")).unwrap();
            }
            let log = killed.open(&compacted());
            assert_eq!(committed(&log), expected, "after {removed} removals");
            assert_eq!(log_bases(&killed).len(), 2);
        }
    }
    // Swapped, but the old checkpoint is still there.
    let killed = pass.after.copy();
    fs::copy(pass.before.path().join("checkpoint"), killed.path().join("checkpoint")).unwrap();
    let log = killed.open(&compacted());
    assert_eq!(committed(&log), expected);
    assert_eq!(log.end_offset(), pass.before.open(&compacted()).end_offset());
}

/// What a consumer with `read_committed` sees, as it decides by the aborted index and the markers.
fn committed(log: &PartitionLog) -> Vec<LogRecord> {
    let mut aborted = log.aborted_in(log.start_offset(), log.last_stable_offset());
    aborted.sort_by_key(|transaction| transaction.first_offset);
    let mut aborted = aborted.into_iter().peekable();
    let mut aborting = HashSet::new();
    let mut seen = Vec::new();
    for record in records(log).into_iter().filter(|record| record.offset < log.last_stable_offset()) {
        while let Some(transaction) = aborted.next_if(|transaction| transaction.first_offset <= record.offset) {
            aborting.insert(transaction.producer_id);
        }
        match record.marker {
            Some(Marker::Abort) => {
                aborting.remove(&record.producer_id);
            }
            Some(Marker::Commit) => {}
            None if record.transactional && aborting.contains(&record.producer_id) => {}
            None => seen.push(record),
        }
    }
    seen
}

#[derive(Clone, Debug)]
enum Step {
    /// Keys with values, a codec, and who writes: 0 is nobody, 1 idempotent, 2 and 3 transactional.
    Write(Vec<(u8, Option<u8>)>, i16, i64),
    End(i64, bool),
    Compact {
        days: i64,
    },
    Restart {
        checkpoint: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..5u8, proptest::option::weighted(0.8, any::<u8>()));
    prop_oneof![
        8 => (proptest::collection::vec(record, 1..4), 0..5i16, 0..4i64).prop_map(|(r, c, p)| Step::Write(r, c, p)),
        3 => (2..4i64, any::<bool>()).prop_map(|(producer, commit)| Step::End(producer, commit)),
        2 => (0..2i64).prop_map(|days| Step::Compact { days }),
        1 => any::<bool>().prop_map(|checkpoint| Step::Restart { checkpoint }),
    ]
}

/// The log, and beside it what it must mean.
struct Model {
    folder: Folder,
    log: PartitionLog,
    now: i64,
    sequences: HashMap<i64, i32>,
    open: HashMap<i64, Vec<LogRecord>>,
    /// Every record that was ever committed, by offset.
    committed: BTreeMap<i64, LogRecord>,
}

impl Model {
    fn new() -> Self {
        let folder = Folder::new();
        let log = folder.open(&compacted());
        let (sequences, open) = (HashMap::new(), HashMap::new());
        Self { folder, log, now: NOW, sequences, open, committed: BTreeMap::new() }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(data, codec, producer) => self.write(data, *codec, *producer),
            Step::End(producer, commit) => {
                if let Some(written) = self.open.remove(producer) {
                    end(&mut self.log, *producer, 0, if *commit { Marker::Commit } else { Marker::Abort });
                    let kept = written.into_iter().filter(|_| *commit);
                    self.committed.extend(kept.map(|record| (record.offset, record)));
                }
            }
            Step::Compact { days } => {
                self.now += days * DAY;
                self.log.compact(self.now, MEMORY).unwrap();
            }
            Step::Restart { checkpoint } => {
                if !checkpoint && self.folder.names().iter().any(|name| name == "checkpoint") {
                    fs::remove_file(self.folder.path().join("checkpoint")).unwrap();
                }
                self.log = self.folder.open(&compacted());
            }
        }
    }

    fn write(&mut self, data: &[(u8, Option<u8>)], codec: i16, producer: i64) {
        let bytes = |(key, value): &(u8, Option<u8>)| (Some(vec![*key]), value.map(|value| vec![value]));
        let mut batch = Batch::of(data.iter().map(bytes).collect()).packed(codec);
        if producer > 0 {
            let sequence = self.sequences.entry(producer).or_default();
            batch = batch.by(producer, 0, *sequence);
            *sequence += data.len() as i32;
            batch.transactional = producer > 1;
        }
        let base = append(&mut self.log, &batch);
        let written: Vec<LogRecord> = records(&self.log).into_iter().filter(|record| record.offset >= base).collect();
        assert_eq!(written.len(), data.len());
        if producer > 1 {
            self.open.entry(producer).or_default().extend(written);
        } else {
            self.committed.extend(written.into_iter().map(|record| (record.offset, record)));
        }
    }

    fn check(&self) {
        let seen = committed(&self.log);
        let stable = self.log.last_stable_offset();
        let first_open = self.open.values().flatten().map(|record| record.offset).min();
        assert_eq!(stable, first_open.unwrap_or(self.log.end_offset()));
        let mut newest: BTreeMap<_, LogRecord> = BTreeMap::new();
        for record in self.committed.range(..stable).map(|(_, record)| record) {
            newest.insert(record.key.clone(), record.clone());
        }
        // Every record seen was written so, and of every key the newest is seen, a tombstone perhaps not.
        for record in &seen {
            assert_eq!(self.committed.get(&record.offset), Some(record));
        }
        let offsets: HashSet<i64> = seen.iter().map(|record| record.offset).collect();
        for record in newest.values() {
            assert!(offsets.contains(&record.offset) || record.value.is_none(), "lost {record:?}");
            if !offsets.contains(&record.offset) {
                assert!(seen.iter().all(|other| other.key != record.key), "a deleted key is back: {record:?}");
            }
        }
        for producer in self.log.producers() {
            let next = self.sequences[&producer.producer_id];
            assert_eq!(producer.last_sequence + 1, next, "{producer:?}");
        }
    }
}

proptest! {
    // Every pass syncs files, so cases are dear: a quarter of the usual number, or of `PROPTEST_CASES`.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn a_compacted_log_means_what_the_whole_log_meant(steps in proptest::collection::vec(step(), 1..60)) {
        let mut model = Model::new();
        for step in &steps {
            model.take(step);
            model.check();
        }
        // At last all transactions end, and of every key in the closed segments one record is left.
        model.take(&Step::End(2, true));
        model.take(&Step::End(3, false));
        roll(&mut model.log);
        let closed_end = model.log.end_offset() - 1;
        model.log.compact(model.now, MEMORY).unwrap();
        let mut keys = HashSet::new();
        for record in committed(&model.log).iter().filter(|record| record.offset < closed_end) {
            prop_assert!(keys.insert(record.key.clone()), "twice: {record:?}");
        }
    }
}

#[test]
fn what_compaction_says_it_did_is_what_is_on_the_disk() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    append(&mut log, &keyed(&[("a", Some("1"))]));
    append(&mut log, &keyed(&[("a", Some("2"))]));
    roll(&mut log);
    let before = log.size_bytes();
    let Compacted { bytes_before, bytes_after } = log.compact(NOW, MEMORY).unwrap().unwrap();
    assert_eq!(before - log.size_bytes(), bytes_before - bytes_after);
    log.reconfigure(LogConfig::default());
    append(&mut log, &values(&["a topic that compacts no more needs no keys"]));
}

#[test]
fn a_foreign_decoder_reads_what_compaction_wrote() {
    let folder = Folder::new();
    let mut log = folder.open(&compacted());
    append(&mut log, &keyed(&[("a", Some("1")), ("b", None), ("c", Some("1"))]).at(&[NOW + 3, NOW, NOW + 2]));
    append(&mut log, &keyed(&[("a", Some("2"))]).by(1, 4, 0).in_transaction());
    end(&mut log, 1, 4, Marker::Commit);
    append(&mut log, &keyed(&[("c", Some("2"))]).by(1, 4, 1));
    roll(&mut log);
    log.compact(NOW, MEMORY).unwrap().unwrap();
    let mut bytes = bytes::Bytes::from(fetch_all(&log, 0, 10_000));
    let decoded = kafka_protocol::records::RecordBatchDecoder::decode_all(&mut bytes).unwrap();
    let decoded = decoded.into_iter().flat_map(|batch| batch.records);
    let theirs: Vec<_> = decoded
        .map(|record| (record.offset, record.timestamp, record.key, record.value, record.sequence, record.producer_id))
        .collect();
    // Theirs is base sequence plus offset delta, also where there is no base sequence.
    let sequences = [0, 0, -1, 1, -1, -1];
    let ours: Vec<_> = records(&log)
        .into_iter()
        .zip(sequences)
        .map(|(record, sequence)| {
            (record.offset, record.timestamp, record.key, record.value, sequence, record.producer_id)
        })
        .collect();
    assert_eq!(theirs, ours);
}
