//! Transactions in one partition: markers, the last stable offset, the aborted index.

use connect_broker::log::{
    AbortedTransaction, AppendError, EndTransaction, LogConfig, Marker, Origin, PartitionLog, ProducerView,
};

use super::batches::{Folder, NOW, append, records, values};

pub(super) fn end(log: &mut PartitionLog, producer_id: i64, epoch: i16, marker: Marker) -> i64 {
    let end = EndTransaction { producer_id, epoch, marker, coordinator_epoch: 0 };
    log.append_control(&end, NOW).unwrap().base_offset
}

#[test]
fn the_last_stable_offset_waits_for_the_oldest_open_transaction() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]));
    append(&mut log, &values(&["b"]).by(1, 0, 0).in_transaction());
    append(&mut log, &values(&["c"]).by(2, 0, 0).in_transaction());
    append(&mut log, &values(&["d"]).by(1, 0, 1).in_transaction());
    assert_eq!((log.last_stable_offset(), log.end_offset()), (1, 4));
    end(&mut log, 1, 0, Marker::Commit);
    assert_eq!((log.last_stable_offset(), log.end_offset()), (2, 5));
    end(&mut log, 2, 0, Marker::Abort);
    assert_eq!((log.last_stable_offset(), log.end_offset()), (6, 6));
}

#[test]
fn aborted_transactions_are_found_by_every_range_that_meets_them() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(1, 0, 0).in_transaction()); // 0
    append(&mut log, &values(&["b"]).by(2, 0, 0).in_transaction()); // 1
    end(&mut log, 2, 0, Marker::Abort); // 2
    append(&mut log, &values(&["c"]).by(3, 0, 0).in_transaction()); // 3
    end(&mut log, 3, 0, Marker::Commit); // 4
    end(&mut log, 1, 0, Marker::Abort); // 5
    let first = AbortedTransaction { producer_id: 1, first_offset: 0 };
    let second = AbortedTransaction { producer_id: 2, first_offset: 1 };
    let check = |from, to, expected: &[AbortedTransaction]| assert_eq!(log.aborted_in(from, to), expected);
    check(0, 6, &[second, first]);
    check(0, 1, &[first]);
    check(2, 3, &[second, first]);
    check(3, 6, &[first]);
    check(5, 6, &[first]);
    check(6, 9, &[]);
}

#[test]
fn a_marker_is_a_record_that_consumers_know() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(1, 2, 0).in_transaction());
    end(&mut log, 1, 2, Marker::Abort);
    let marker = records(&log).pop().unwrap();
    assert_eq!((marker.offset, marker.marker, marker.producer_id), (1, Some(Marker::Abort), 1));
    assert_eq!((marker.key.as_deref(), marker.value.as_deref()), (Some(&[0; 4][..]), Some(&[0; 6][..])));
}

#[test]
fn fences_old_epochs_and_old_coordinators() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(1, 5, 0).in_transaction());
    let mut ended = |epoch, coordinator_epoch| {
        let end = EndTransaction { producer_id: 1, epoch, marker: Marker::Abort, coordinator_epoch };
        log.append_control(&end, NOW)
    };
    let refused = ended(4, 3).unwrap_err();
    assert!(matches!(refused, AppendError::InvalidProducerEpoch { epoch: 4, current_epoch: 5, .. }), "{refused}");
    ended(6, 3).unwrap();
    let refused = ended(6, 2).unwrap_err();
    assert!(matches!(refused, AppendError::CoordinatorFenced { epoch: 2, current_epoch: 3 }), "{refused}");
    // The marker raised the epoch, so the producer that was cut off writes nothing more.
    let zombie = values(&["b"]).by(1, 5, 1).in_transaction().encode();
    let refused = log.append(&zombie, Origin::Client, NOW).unwrap_err();
    assert!(matches!(refused, AppendError::InvalidProducerEpoch { epoch: 5, current_epoch: 6, .. }), "{refused}");
    let expected = ProducerView {
        producer_id: 1,
        epoch: 6,
        last_sequence: -1,
        last_timestamp: NOW,
        coordinator_epoch: 3,
        txn_start_offset: -1,
    };
    assert_eq!(log.producers(), [expected]);
}

#[test]
fn a_producer_writes_nothing_beside_its_open_transaction() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(1, 0, 0).in_transaction());
    let beside = values(&["b"]).by(1, 0, 1).encode();
    let refused = log.append(&beside, Origin::Client, NOW).unwrap_err();
    assert!(matches!(refused, AppendError::InvalidTxnState { producer_id: 1 }), "{refused}");
}

#[test]
fn clients_write_no_markers_and_coordinators_need_no_sequences() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]).by(1, 0, 0).in_transaction());
    end(&mut log, 1, 0, Marker::Commit);
    let marker = log.read(1, 2, 1_000, true).unwrap().load().unwrap();
    let refused = log.append(&marker, Origin::Client, NOW).unwrap_err();
    assert_eq!(refused.to_string(), "invalid record: clients may not write control records");
    let mut offsets = values(&["b"]).by(1, 0, -1).in_transaction();
    for _ in 0..2 {
        log.append(&offsets.encode(), Origin::Coordinator, NOW).unwrap();
    }
    offsets.producer = None;
    let refused = log.append(&offsets.encode(), Origin::Client, NOW).unwrap_err();
    assert_eq!(refused.to_string(), "invalid record: a transactional batch needs a producer id");
    assert_eq!(log.last_stable_offset(), 2);
}
