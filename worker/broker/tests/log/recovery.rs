//! Crashes: torn tails, lost checkpoints, damaged middles, full disks, and what a clean shutdown gives.

use std::{fs, process::Command};

use connect_broker::log::{AppendError, LogConfig, Marker, Origin, PartitionLog};

use super::{
    batches::{Answers, Folder, NOW, answers, append, contents, values},
    transactions::end,
};

const FIRST: &str = "00000000000000000000.log";

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 400, index_interval_bytes: 100, ..LogConfig::default() }
}

/// A bit of everything, in three and a half segments or in one.
fn fill(log: &mut PartitionLog) {
    for round in 0..3 {
        append(log, &values(&["a", "b"]).at(&[NOW + 10 * i64::from(round), NOW + 3]));
        append(log, &values(&["c"]).by(1, 0, 2 * round).in_transaction().packed(4));
        append(log, &values(&["d"]).by(2, 5, round));
        append(log, &values(&["e"]).by(1, 0, 2 * round + 1).in_transaction());
        if round < 2 {
            end(log, 1, 0, if round == 0 { Marker::Abort } else { Marker::Commit });
        }
    }
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_the_log_goes_on() {
    for checkpoint_after in [0, 1, 3] {
        let folder = Folder::new();
        let mut log = folder.open(&LogConfig::default());
        let mut ends = vec![(0, 0)];
        for n in 0..5 {
            append(&mut log, &values(&[&n.to_string(), "x"]).by(1, 0, 2 * n));
            ends.push((log.size_bytes(), log.end_offset()));
            if n + 1 == checkpoint_after {
                log.flush().unwrap();
            }
        }
        drop(log);
        for cut in 0..=ends[5].0 {
            let copy = folder.copy();
            fs::File::options().write(true).open(copy.path().join(FIRST)).unwrap().set_len(cut).unwrap();
            let mut log = copy.open(&LogConfig::default());
            let whole = ends.iter().rev().find(|(bytes, _)| *bytes <= cut).unwrap();
            assert_eq!((log.size_bytes(), log.end_offset()), *whole, "cut at {cut}");
            assert_eq!(fs::metadata(copy.path().join(FIRST)).unwrap().len(), whole.0, "cut at {cut}");
            assert_eq!(contents(&log).len() as i64, whole.1, "cut at {cut}");
            // What was acknowledged and lost with the disk is taken again, in sequence.
            let sequence = whole.1 as i32;
            assert_eq!(append(&mut log, &values(&["y", "z"]).by(1, 0, sequence)), whole.1, "cut at {cut}");
        }
    }
}

#[test]
fn rubbish_behind_the_last_batch_is_cut_off() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    fill(&mut log);
    let before = answers(&log);
    drop(log);
    let file = folder.path().join(FIRST);
    let good = fs::read(&file).unwrap();
    for rubbish in [vec![0; 200], vec![0xff; 200], good[..100].to_vec()] {
        fs::write(&file, [&good[..], &rubbish].concat()).unwrap();
        assert_eq!(answers(&folder.open(&LogConfig::default())), before);
        assert_eq!(fs::read(&file).unwrap(), good);
    }
}

#[test]
fn a_clean_and_an_unclean_restart_give_the_same_answers() {
    for config in [small_segments(), LogConfig::default()] {
        for flush_after in 0..4 {
            let folder = Folder::new();
            let mut log = folder.open(&config);
            for round in 0..4 {
                if round == flush_after {
                    log.flush().unwrap();
                }
                if round == 0 {
                    fill(&mut log);
                }
                append(&mut log, &values(&["f", "g"]).by(3, 0, 2 * round).at(&[NOW + 7, NOW + 1]));
            }
            log.delete_records_before(3).unwrap();
            append(&mut log, &values(&["h"]));
            let before = answers(&log);
            let killed = folder.copy();
            let saved = log.close_clean().unwrap();
            drop(log);
            let clean = PartitionLog::open(folder.path(), config.clone(), Some(&saved), NOW).unwrap();
            assert_eq!(answers(&clean), before);
            drop(clean);
            assert_eq!(answers(&killed.open(&config)), before);
            // Closed in order and started again, but without the marker.
            assert_eq!(answers(&folder.open(&config)), before);
            go_on(&folder, &config, &before);
        }
    }
}

/// A log opened without any checkpoint knows all but its start, and takes what an intact one takes.
fn go_on(folder: &Folder, config: &LogConfig, before: &Answers) {
    let bare = folder.copy();
    for name in bare.names().iter().filter(|name| !name.ends_with(".log")) {
        fs::remove_file(bare.path().join(name)).unwrap();
    }
    let mut log = bare.open(config);
    log.delete_records_before(3).unwrap();
    assert_eq!(&answers(&log), before);
    let mut intact = folder.open(config);
    for log in [&mut log, &mut intact] {
        append(log, &values(&["i"]).by(3, 0, 8));
        end(log, 1, 0, Marker::Abort);
    }
    assert_eq!(answers(&log), answers(&intact));
}

#[test]
fn after_a_clean_shutdown_no_batch_is_read() {
    let folder = Folder::new();
    let mut log = folder.open(&small_segments());
    fill(&mut log);
    let expected = (log.start_offset(), log.last_stable_offset(), log.end_offset(), log.producers());
    let saved = log.close_clean().unwrap();
    drop(log);
    for name in folder.names() {
        // As many bytes as before, and not one of them as before.
        let bytes = fs::read(folder.path().join(&name)).unwrap();
        fs::write(folder.path().join(&name), vec![0xff; bytes.len()]).unwrap();
    }
    let log = PartitionLog::open(folder.path(), small_segments(), Some(&saved), NOW).unwrap();
    assert_eq!((log.start_offset(), log.last_stable_offset(), log.end_offset(), log.producers()), expected);
}

#[test]
fn a_file_shorter_than_at_the_clean_shutdown_is_recovered() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    append(&mut log, &values(&["a"]));
    let size_bytes = log.size_bytes();
    append(&mut log, &values(&["b"]));
    let saved = log.close_clean().unwrap();
    let file = fs::File::options().write(true).open(folder.path().join(FIRST)).unwrap();
    file.set_len(size_bytes + 10).unwrap();
    let log = PartitionLog::open(folder.path(), LogConfig::default(), Some(&saved), NOW).unwrap();
    assert_eq!((log.end_offset(), log.size_bytes()), (1, size_bytes));
}

#[test]
fn a_damaged_middle_ends_the_log_there() {
    let folder = Folder::new();
    let mut log = folder.open(&small_segments());
    for _ in 0..20 {
        append(&mut log, &values(&["a"]));
    }
    drop(log);
    let second = folder.names()[1].clone();
    let path = folder.path().join(&second);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let log = folder.open(&small_segments());
    let base: i64 = second.trim_end_matches(".log").parse().unwrap();
    assert_eq!(log.end_offset(), base + 1);
    assert_eq!(folder.names(), [FIRST.to_owned(), second]);
}

#[test]
fn a_damaged_index_or_checkpoint_costs_nothing_but_time() {
    let folder = Folder::new();
    let mut log = folder.open(&small_segments());
    fill(&mut log);
    let before = answers(&log);
    log.close_clean().unwrap();
    drop(log);
    for name in folder.names().iter().filter(|name| !name.ends_with(".log")) {
        let copy = folder.copy();
        let path = copy.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(answers(&copy.open(&small_segments())), before, "{name}");
    }
}

#[test]
fn a_log_emptied_by_retention_goes_on_at_its_end_after_a_crash() {
    let folder = Folder::new();
    let mut log = folder.open(&LogConfig::default());
    fill(&mut log);
    log.maintain(NOW + 999_999_999).unwrap();
    let end = log.end_offset();
    assert_eq!((log.start_offset(), log.size_bytes()), (end, 0));
    drop(log);
    let mut log = folder.open(&LogConfig::default());
    assert_eq!((log.start_offset(), log.end_offset()), (end, end));
    assert_eq!(append(&mut log, &values(&["a"])), end);
}

/// Set in the process that the next test starts under a limit for files.
const LIMITED: &str = "MILLRACE_LOG_TEST_FOLDER";

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    if let Some(folder) = std::env::var_os(LIMITED) {
        return write_until_full(folder.as_ref());
    }
    let folder = Folder::new();
    // A file beyond the limit fails as a full disk does: with a part of the write done.
    let shell = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let test = "log::recovery::a_full_disk_refuses_writes_and_loses_nothing";
    let child = Command::new("bash")
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(LIMITED, folder.path())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{output}");
    // The process ended without a word to the log; what it had acknowledged is all there.
    let log = folder.open(&LogConfig::default());
    let acknowledged = fs::read_to_string(folder.path().join("acknowledged")).unwrap();
    assert_eq!(log.end_offset().to_string(), acknowledged);
    assert_eq!(contents(&log).len() as i64, log.end_offset());
}

fn write_until_full(folder: &std::path::Path) {
    let mut log = PartitionLog::open(folder, LogConfig::default(), None, NOW).unwrap();
    let large = values(&[&"x".repeat(10_000)]).encode();
    let refused = loop {
        if let Err(refused) = log.append(&large, Origin::Client, NOW) {
            break refused;
        }
    };
    assert!(matches!(refused, AppendError::Storage(_)), "{refused}");
    assert!(log.end_offset() > 3, "some were written before");
    let full = answers(&log);
    assert_eq!(fs::metadata(folder.join(FIRST)).unwrap().len(), log.size_bytes());
    assert!(log.append(&large, Origin::Client, NOW).is_err());
    assert_eq!(answers(&log), full);
    // For a small one there is room.
    append(&mut log, &values(&["small"]));
    fs::write(folder.join("acknowledged"), log.end_offset().to_string()).unwrap();
}
