//! The data directory: one process at a time, clean shutdown, partitions come and go.

use connect_broker::log::{DataDir, LogConfig, LogError, TopicPartition};

use super::batches::{Folder, NOW, answers, append, values};

fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.to_owned(), partition }
}

#[test]
fn a_second_process_is_told_that_the_directory_is_taken() {
    let folder = Folder::new();
    let first = DataDir::open(folder.path()).unwrap();
    let refused = DataDir::open(folder.path()).unwrap_err();
    assert!(matches!(&refused, LogError::Locked { .. }));
    let expected = format!(
        "data directory {} is locked by another process; stop it or choose another directory",
        folder.path().display()
    );
    assert_eq!(refused.to_string(), expected);
    drop(first);
    DataDir::open(folder.path()).unwrap();
}

#[test]
fn a_clean_shutdown_is_known_once() {
    let folder = Folder::new();
    let dir = DataDir::open(folder.path()).unwrap();
    assert!(!dir.clean());
    let mut log = dir.open_log(&at("orders", 0), LogConfig::default(), NOW).unwrap();
    append(&mut log, &values(&["a"]).by(1, 0, 0));
    let before = answers(&log);
    dir.close(vec![(at("orders", 0), log.close_clean().unwrap())]).unwrap();

    let dir = DataDir::open(folder.path()).unwrap();
    assert!(dir.clean());
    let log = dir.open_log(&at("orders", 0), LogConfig::default(), NOW).unwrap();
    assert_eq!(answers(&log), before);
    drop((dir, log));

    // That process was killed.
    let dir = DataDir::open(folder.path()).unwrap();
    assert!(!dir.clean());
    let log = dir.open_log(&at("orders", 0), LogConfig::default(), NOW).unwrap();
    assert_eq!(answers(&log), before);
}

#[test]
fn a_damaged_marker_is_none() {
    let folder = Folder::new();
    let marker = folder.path().join(".clean-shutdown");
    DataDir::open(folder.path()).unwrap().close(Vec::new()).unwrap();
    let mut bytes = std::fs::read(&marker).unwrap();
    bytes[3] ^= 1;
    std::fs::write(&marker, bytes).unwrap();
    assert!(!DataDir::open(folder.path()).unwrap().clean());
    assert!(!marker.exists());
}

#[test]
fn partitions_are_listed_by_topic_and_number() {
    let folder = Folder::new();
    let dir = DataDir::open(folder.path()).unwrap();
    let expected = [at("a-b", 2), at("a-b", 10), at("a.c", 0)];
    for partition in &expected {
        dir.open_log(partition, LogConfig::default(), NOW).unwrap();
    }
    std::fs::create_dir(folder.path().join("lost+found")).unwrap();
    std::fs::create_dir(folder.path().join("topic-007")).unwrap();
    assert_eq!(dir.partitions().unwrap(), expected);
}

#[test]
fn a_deleted_partition_does_not_come_back() {
    let folder = Folder::new();
    let dir = DataDir::open(folder.path()).unwrap();
    let mut log = dir.open_log(&at("orders", 0), LogConfig::default(), NOW).unwrap();
    append(&mut log, &values(&["a"]));
    dir.close(vec![(at("orders", 0), log.close_clean().unwrap())]).unwrap();

    let dir = DataDir::open(folder.path()).unwrap();
    dir.delete_log(&at("orders", 0)).unwrap();
    dir.delete_log(&at("never", 0)).unwrap();
    assert_eq!(dir.partitions().unwrap(), []);
    let log = dir.open_log(&at("orders", 0), LogConfig::default(), NOW).unwrap();
    assert_eq!(log.end_offset(), 0);
}

#[test]
fn a_deletion_that_a_crash_interrupted_is_ended() {
    let folder = Folder::new();
    let half = folder.path().join("orders-0.17f3-delete");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("00000000000000000000.log"), "x").unwrap();
    let dir = DataDir::open(folder.path()).unwrap();
    assert_eq!(dir.partitions().unwrap(), []);
    assert!(!half.exists());
}
