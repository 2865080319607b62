//! Appending and reading: offsets, checks, limits, timestamps, idempotence.

use std::ops::ControlFlow;

use connect_broker::log::{
    AppendError, Appended, CleanupPolicy, LogConfig, Origin, ReadError, TimestampOffset, TimestampType,
};

use super::batches::{Batch, CODECS, Folder, NOW, answers, append, contents, fetch_all, keyed, records, values};

fn appended(base_offset: i64, last_offset: i64) -> Appended {
    Appended { base_offset, last_offset, log_append_time: -1, log_start_offset: 0, duplicate: false }
}

/// Segments of about three batches.
fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 300, index_interval_bytes: 100, ..LogConfig::default() }
}

#[test]
fn gives_offsets_in_a_row_and_keeps_batches_as_they_came() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    let (first, second) = (values(&["a", "b"]).encode(), values(&["c"]).packed(4).encode());
    assert_eq!(log.append(&first, Origin::Client, NOW).unwrap(), appended(0, 1));
    assert_eq!(log.append(&second, Origin::Client, NOW).unwrap(), appended(2, 2));
    let both = [values(&["d"]).encode(), values(&["e", "f"]).encode()].concat();
    assert_eq!(log.append(&both, Origin::Client, NOW).unwrap(), appended(3, 5));

    let read = log.read(0, 3, usize::MAX, false).unwrap().load().unwrap();
    // Only base offset and leader epoch are the log's.
    let mut expected = [first.clone(), second].concat();
    expected[12..16].fill(0);
    expected[first.len()..][..8].copy_from_slice(&2i64.to_be_bytes());
    expected[first.len()..][12..16].fill(0);
    assert_eq!(read, expected);
    let texts: Vec<_> = contents(&log).into_iter().map(|(offset, _, value)| (offset, value.unwrap())).collect();
    let expected = ["a", "b", "c", "d", "e", "f"].into_iter().zip(0..).map(|(text, offset)| (offset, text.to_owned()));
    assert_eq!(texts, expected.collect::<Vec<_>>());
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset_and_keeps_to_its_bounds() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    let one = values(&["a", "b"]).encode().len();
    for _ in 0..3 {
        append(&mut log, &values(&["a", "b"]));
    }
    let check = |from, up_to, max_bytes, at_least_one, batches: std::ops::Range<usize>| {
        let all = log.read(0, 6, usize::MAX, false).unwrap().load().unwrap();
        let read = log.read(from, up_to, max_bytes, at_least_one).unwrap().load().unwrap();
        assert_eq!(read, all.slice(batches.start * one..batches.end * one), "{from} to {up_to}");
    };
    check(0, 6, usize::MAX, false, 0..3);
    check(3, 6, usize::MAX, false, 1..3);
    check(4, 6, usize::MAX, false, 2..3);
    check(0, 4, usize::MAX, false, 0..2);
    check(0, 6, 2 * one, false, 0..2);
    check(0, 6, 2 * one - 1, false, 0..1);
    check(0, 6, one - 1, false, 0..0);
    check(0, 6, one - 1, true, 0..1);
    check(0, 6, 0, true, 0..1);
    check(6, 6, 100, true, 3..3);
    check(2, 2, 100, true, 3..3);
}

/// The bounds hold whatever the index knows: with entries at every third batch or so, in several segments, and for a
/// reader that comes from anywhere or goes on where it stopped.
#[test]
fn bounds_hold_wherever_the_index_has_its_entries() {
    let folder = Folder::new();
    let config = LogConfig { segment_bytes: 1_500, index_interval_bytes: 200, ..LogConfig::default() };
    let mut log = folder.open(&config);
    let mut sizes = Vec::new();
    for number in 0..40_usize {
        let batch = values(&["a", &"b".repeat(number % 7 * 9)]);
        sizes.push(batch.encode().len());
        append(&mut log, &batch);
    }
    for from in 0..80_usize {
        for (up_to, max_bytes) in [(80, 400), (80, usize::MAX), (from + 1, 400), (from + 9, 2_000), (from + 4, 180)] {
            let read = log.read(from as i64, up_to as i64, max_bytes, true).unwrap();
            let first = from / 2;
            let fitting = |count: &usize| sizes[first..first + count].iter().sum::<usize>() <= max_bytes;
            let before = |count: &usize| (first + count - 1) * 2 < up_to;
            let most = (2..=40 - first).take_while(|count| fitting(count) && before(count)).last().unwrap_or(1);
            let expected: Vec<usize> = (1..=most).map(|count| sizes[first..first + count].iter().sum()).collect();
            // A read ends with its segment, so it may be shorter, but only there: what follows is another file's.
            let count = expected.iter().position(|bytes| *bytes == read.len());
            let count = count.unwrap_or_else(|| panic!("{from} {up_to} {max_bytes}: {} bytes", read.len())) + 1;
            if count < most {
                let next = log.read(((first + count) * 2) as i64, 80, usize::MAX, true).unwrap();
                assert_eq!(next.place().map(|(_, position)| position), Some(0), "{from} {up_to} {max_bytes}");
            }
            assert_eq!(&read.load().unwrap()[..8], ((first * 2) as i64).to_be_bytes());
        }
    }
}

#[test]
fn offsets_outside_of_the_log_are_out_of_range() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]));
    for offset in [-1, 2] {
        let refused = log.read(offset, 9, 100, true).unwrap_err();
        assert!(matches!(refused, ReadError::OffsetOutOfRange { start: 0, end: 1, .. }), "{refused}");
    }
    assert_eq!(log.read(1, 9, 100, true).unwrap().len(), 0);
}

#[test]
fn readers_cross_segments_from_any_offset() {
    let folder = Folder::new();
    let mut log = folder.open(&small_segments());
    for n in 0..50 {
        append(&mut log, &values(&[&n.to_string(), "x"]));
    }
    assert!(folder.names().len() > 10, "{:?}", folder.names());
    let all = fetch_all(&log, 0, 100_000);
    for from in 0..100 {
        for max_bytes in [1, 150, 100_000] {
            let read = fetch_all(&log, from, max_bytes);
            assert!(all.ends_with(&read), "from {from}");
            assert_eq!(i64::from_be_bytes(read[..8].try_into().unwrap()), from / 2 * 2);
        }
    }
    assert_eq!(log.available_bytes(0), all.len() as u64);
    assert_eq!(log.available_bytes(100), 0);
}

#[test]
fn refuses_damaged_batches_and_stays_as_it_was() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]));
    let before = answers(&log);
    let good = values(&["hello"]).encode();
    let mut refuse = |bytes: &[u8], expected: &str| {
        let refused = log.append(bytes, Origin::Client, NOW).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    };
    for cut in 1..good.len() {
        let expected = format!("corrupt record batch: {cut} bytes are too few for a record batch");
        refuse(&good[..cut], &expected);
    }
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    refuse(&changed(65, 9), "corrupt record batch: its checksum does not match");
    refuse(&changed(16, 1), "invalid record: its magic is 1, only version 2 is kept here");
    refuse(&changed(8, 0xff), "corrupt record batch: its length field is -16777155");
    refuse(&[], "invalid record: there is no record batch");
    refuse(&Batch::of(vec![]).encode(), "invalid record: the number of records does not match their offsets");
    refuse(&[good.clone(), vec![0; 70]].concat(), "invalid record: its magic is 0, only version 2 is kept here");
    assert_eq!(answers(&log), before);
}

#[test]
fn refuses_what_is_too_large() {
    let folder = Folder::new();
    let batch = values(&["a"]).encode();
    let size_bytes = batch.len();
    let mut log = folder.open(&LogConfig { max_message_bytes: size_bytes - 1, ..LogConfig::default() });
    let refused = log.append(&batch, Origin::Client, NOW).unwrap_err();
    assert!(matches!(refused, AppendError::MessageTooLarge { .. }), "{refused}");
    log.reconfigure(LogConfig { segment_bytes: 2 * size_bytes as u32 - 1, ..LogConfig::default() });
    let refused = log.append(&[&batch[..], &batch].concat(), Origin::Client, NOW).unwrap_err();
    assert!(matches!(refused, AppendError::RecordListTooLarge { .. }), "{refused}");
    assert_eq!(log.append(&batch, Origin::Client, NOW).unwrap(), appended(0, 0));
}

#[test]
fn a_compacted_topic_refuses_records_without_a_key_in_any_codec() {
    let folder = Folder::new();
    let config = LogConfig { cleanup_policy: CleanupPolicy::Compact, ..LogConfig::default() };
    let mut log = folder.open(&config);
    for codec in CODECS {
        let refused = log.append(&values(&["a"]).packed(codec).encode(), Origin::Client, NOW).unwrap_err();
        assert_eq!(refused.to_string(), "invalid record: a compacted topic needs a key in every record");
        append(&mut log, &keyed(&[("key", None)]).packed(codec));
    }
    assert_eq!(log.end_offset(), 5);
}

#[test]
fn timestamps_out_of_range_are_refused() {
    let folder = Folder::new();
    let config =
        LogConfig { message_timestamp_before_max_ms: 100, message_timestamp_after_max_ms: 10, ..LogConfig::default() };
    let mut log = folder.open(&config);
    for timestamps in [[NOW - 101, NOW], [NOW, NOW + 11]] {
        let refused = log.append(&values(&["a", "b"]).at(&timestamps).encode(), Origin::Client, NOW).unwrap_err();
        assert!(matches!(refused, AppendError::InvalidTimestamp { .. }), "{refused}");
    }
    append(&mut log, &values(&["a", "b"]).at(&[NOW - 100, NOW + 10]));
}

#[test]
fn log_append_time_stamps_batches_anew_with_a_valid_checksum() {
    let folder = Folder::new();
    let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
    let mut log = folder.open(&config);
    let batch = values(&["a", "b"]).at(&[5, 6]).encode();
    let expected = Appended { log_append_time: NOW + 1, ..appended(0, 1) };
    assert_eq!(log.append(&batch, Origin::Client, NOW + 1).unwrap(), expected);
    let read = log.read(0, 2, 1_000, true).unwrap().load().unwrap();
    assert_eq!(i64::from_be_bytes(read[35..43].try_into().unwrap()), NOW + 1);
    assert_eq!(u32::from_be_bytes(read[17..21].try_into().unwrap()), crc32c::crc32c(&read[21..]));
    assert_eq!(records(&log).iter().map(|record| record.timestamp).collect::<Vec<_>>(), [NOW + 1; 2]);
    assert_eq!(log.offset_for_timestamp(NOW).unwrap(), Some(TimestampOffset { timestamp: NOW + 1, offset: 0 }));
}

#[test]
fn finds_the_first_record_at_or_after_a_timestamp_in_any_codec() {
    for codec in CODECS {
        let folder = Folder::new();
        let mut log = folder.open(&small_segments());
        for n in 0..20 {
            // Timestamps go up and down within a batch and from batch to batch.
            let timestamps = [NOW + 10 * n + 5, NOW + 10 * n, NOW + 10 * n + if n == 13 { 100 } else { 7 }];
            append(&mut log, &values(&["a", "b", "c"]).at(&timestamps).packed(codec));
        }
        let all: Vec<_> = records(&log)
            .iter()
            .map(|record| TimestampOffset { timestamp: record.timestamp, offset: record.offset })
            .collect();
        for timestamp in NOW - 1..NOW + 240 {
            let expected = all.iter().find(|found| found.timestamp >= timestamp).copied();
            assert_eq!(log.offset_for_timestamp(timestamp).unwrap(), expected, "{}", timestamp - NOW);
        }
        let newest = TimestampOffset { timestamp: NOW + 230, offset: 41 };
        assert_eq!(log.max_timestamp_offset().unwrap(), Some(newest));
        assert_eq!(log.delete_records_before(42).unwrap(), 42);
        let newest = TimestampOffset { timestamp: NOW + 197, offset: 59 };
        assert_eq!(log.max_timestamp_offset().unwrap(), Some(newest));
    }
}

#[test]
fn a_batch_sent_again_is_answered_with_its_first_offsets() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    for n in 0..6 {
        append(&mut log, &values(&["a", "b"]).by(7, 0, 2 * n));
    }
    let before = log.size_bytes();
    for n in 1..6 {
        let again = log.append(&values(&["a", "b"]).by(7, 0, 2 * n).encode(), Origin::Client, NOW).unwrap();
        let offset = 2 * i64::from(n);
        assert_eq!(again, Appended { duplicate: true, log_append_time: NOW, ..appended(offset, offset + 1) });
    }
    // Five batches are remembered, so the first is not known any more.
    let refused = log.append(&values(&["a", "b"]).by(7, 0, 0).encode(), Origin::Client, NOW).unwrap_err();
    assert!(matches!(refused, AppendError::OutOfOrderSequence { sequence: 0, last_sequence: 11, .. }), "{refused}");
    assert_eq!((log.size_bytes(), log.end_offset()), (before, 12));
}

#[test]
fn sequences_have_no_gaps_and_epochs_do_not_go_back() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(7, 3, 0));
    let mut refuse = |batch: Batch| log.append(&batch.encode(), Origin::Client, NOW).unwrap_err();
    let refused = refuse(values(&["b"]).by(7, 3, 2));
    assert!(matches!(refused, AppendError::OutOfOrderSequence { sequence: 2, last_sequence: 0, .. }), "{refused}");
    let refused = refuse(values(&["b"]).by(7, 4, 1));
    assert!(matches!(refused, AppendError::OutOfOrderSequence { sequence: 1, .. }), "{refused}");
    let refused = refuse(values(&["b"]).by(7, 2, 1));
    assert!(matches!(refused, AppendError::InvalidProducerEpoch { epoch: 2, current_epoch: 3, .. }), "{refused}");
    append(&mut log, &values(&["b"]).by(7, 4, 0));
    // A producer that is not known, or not any more, begins wherever it is.
    append(&mut log, &values(&["c"]).by(8, 0, 41));
    append(&mut log, &values(&["d"]).by(8, 0, 42));
}

#[test]
fn sequences_go_from_the_greatest_number_to_zero() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(7, 0, i32::MAX - 1));
    append(&mut log, &values(&["b", "c"]).by(7, 0, i32::MAX));
    append(&mut log, &values(&["d"]).by(7, 0, 1));
    let again = log.append(&values(&["b", "c"]).by(7, 0, i32::MAX).encode(), Origin::Client, NOW).unwrap();
    assert_eq!(again, Appended { duplicate: true, log_append_time: NOW, ..appended(1, 2) });
}

#[test]
fn a_producer_silent_for_a_day_is_forgotten() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(7, 0, 0).at(&[1]));
    log.maintain(NOW + 86_399_999).unwrap();
    assert_eq!(log.producers().len(), 1);
    log.maintain(NOW + 86_400_000).unwrap();
    assert_eq!(log.producers(), []);
}

#[test]
fn reading_records_ends_when_the_visitor_has_enough() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a", "b", "c"]));
    let mut seen = Vec::new();
    let visit = |record: connect_broker::log::LogRecord| {
        seen.push(record.offset);
        ControlFlow::Break(())
    };
    log.for_each_record(1, visit).unwrap();
    assert_eq!(seen, [1]);
}
