//! What goes with time and size, and what `DeleteRecords` takes.

use connect_broker::log::{CleanupPolicy, LogConfig, Marker, ReadError};

use super::{
    batches::{Folder, NOW, append, contents, values},
    transactions::end,
};

/// Two batches of 73 bytes in a segment.
fn two_batches() -> LogConfig {
    LogConfig { segment_bytes: 150, retention_ms: None, ..LogConfig::default() }
}

fn size_of_one() -> u64 {
    values(&["hello"]).encode().len() as u64
}

#[test]
fn segments_whose_newest_record_is_too_old_go() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig { retention_ms: Some(100), ..two_batches() });
    for n in 0..6 {
        append(&mut log, &values(&["hello"]).at(&[NOW + 10 * n]));
    }
    log.maintain(NOW + 110).unwrap();
    assert_eq!((log.start_offset(), log.end_offset()), (0, 6));
    log.maintain(NOW + 111).unwrap();
    assert_eq!((log.start_offset(), log.end_offset()), (2, 6));
    assert_eq!(contents(&log).len(), 4);
    assert!(matches!(log.read(1, 6, 100, true), Err(ReadError::OffsetOutOfRange { start: 2, .. })));
    log.maintain(NOW + 151).unwrap();
    assert_eq!((log.start_offset(), log.end_offset(), log.size_bytes()), (6, 6, 0));
    assert_eq!(append(&mut log, &values(&["hello"])), 6);
}

#[test]
fn the_oldest_segments_go_while_the_rest_is_enough() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig { retention_bytes: Some(3 * size_of_one()), ..two_batches() });
    for _ in 0..6 {
        append(&mut log, &values(&["hello"]));
    }
    log.maintain(NOW).unwrap();
    // Four batches are left: without one more segment it would be two, which is below the limit.
    assert_eq!((log.start_offset(), log.size_bytes()), (2, 4 * size_of_one()));
}

#[test]
fn a_compacted_log_keeps_its_old_segments() {
    let folder = Folder::new();
    let config = LogConfig { retention_ms: Some(1), cleanup_policy: CleanupPolicy::Compact, ..two_batches() };
    let mut log = folder.open(&config);
    for _ in 0..6 {
        append(&mut log, &super::batches::keyed(&[("k", Some("v"))]));
    }
    log.maintain(NOW + 1_000_000).unwrap();
    assert_eq!(log.start_offset(), 0);
    log.reconfigure(LogConfig { cleanup_policy: CleanupPolicy::CompactAndDelete, ..config });
    log.maintain(NOW + 1_000_000).unwrap();
    assert_eq!((log.start_offset(), log.end_offset()), (6, 6));
}

#[test]
fn segments_roll_by_the_age_of_their_records_and_by_the_clock() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig { segment_ms: 100, retention_ms: None, ..LogConfig::default() });
    let logs = || folder.names().iter().filter(|name| name.ends_with(".log")).count();
    append(&mut log, &values(&["a"]).at(&[NOW - 5_000]));
    append(&mut log, &values(&["b"]).at(&[NOW - 4_900]));
    assert_eq!(logs(), 1);
    append(&mut log, &values(&["c"]).at(&[NOW - 4_899]));
    assert_eq!(logs(), 2);
    log.maintain(NOW + 100).unwrap();
    assert_eq!(logs(), 2);
    log.maintain(NOW + 101).unwrap();
    assert_eq!(logs(), 3);
    // An empty segment does not roll again.
    log.maintain(NOW + 1_000).unwrap();
    assert_eq!(logs(), 3);
}

#[test]
fn deleted_records_are_gone_at_once_and_after_a_crash() {
    let folder = Folder::new();
    let mut log = folder.open(&two_batches());
    for _ in 0..6 {
        append(&mut log, &values(&["hello"]));
    }
    assert_eq!(log.delete_records_before(3).unwrap(), 3);
    assert_eq!(log.delete_records_before(1).unwrap(), 3);
    for offset in [-1, 7] {
        assert!(matches!(log.delete_records_before(offset), Err(ReadError::OffsetOutOfRange { .. })));
    }
    assert!(log.read(2, 6, 100, true).is_err());
    assert_eq!(contents(&log).len(), 3);
    drop(log);
    let mut log = folder.open(&two_batches());
    assert_eq!((log.start_offset(), log.end_offset()), (3, 6));
    log.maintain(NOW).unwrap();
    assert_eq!((log.start_offset(), log.size_bytes()), (3, 4 * size_of_one()));
    assert_eq!(log.delete_records_before(6).unwrap(), 6);
    log.maintain(NOW).unwrap();
    assert_eq!((contents(&log).len(), log.size_bytes()), (0, 2 * size_of_one()));
}

#[test]
fn aborted_transactions_go_with_their_records() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(1, 0, 0).in_transaction());
    end(&mut log, 1, 0, Marker::Abort);
    append(&mut log, &values(&["b"]));
    assert_eq!(log.aborted_in(0, 9).len(), 1);
    log.delete_records_before(2).unwrap();
    assert_eq!(log.aborted_in(0, 9), []);
}

#[test]
fn an_idle_log_holds_no_file_open_and_still_answers() {
    let folder = Folder::new();
    let mut log = folder.open(&two_batches());
    for _ in 0..6 {
        append(&mut log, &values(&["hello"]));
    }
    let open = || {
        let links =
            std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.unwrap().path().read_link().ok());
        links.filter(|path| path.starts_with(folder.path())).count()
    };
    let before = contents(&log);
    assert_eq!(open(), 2);
    log.maintain(NOW).unwrap();
    log.maintain(NOW).unwrap();
    assert_eq!(open(), 0);
    assert_eq!(contents(&log), before);
    assert_eq!(append(&mut log, &values(&["hello"])), 6);
}
