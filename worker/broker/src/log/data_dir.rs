//! The data directory: its lock, its clean-shutdown marker and the folders of its partitions.
//!
//! The marker holds what every log needs to open again, so that a start reads one file however many
//! partitions there are. It is removed as soon as it is read: a process that then dies leaves none.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::{Buf, BufMut};

use super::{LogConfig, LogError, PartitionLog, SavedLog, files};

const LOCK: &str = ".lock";
const MARKER: &str = ".clean-shutdown";
const DELETED: &str = "-delete";
const FORMAT: u32 = 0x6d63_0001;
/// Characters of a folder name kept when it is renamed for deletion: file systems end at 255 bytes.
const DELETED_NAME_MAX: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

impl TopicPartition {
    /// From a folder's name, `<topic>-<partition>`.
    fn parse(name: &str) -> Option<Self> {
        let (topic, partition) = name.rsplit_once('-')?;
        let partition: i32 = partition.parse().ok()?;
        let at = Self { topic: topic.to_owned(), partition };
        // `topic-007` and `topic-+7` are not ours.
        (!topic.is_empty() && !topic.starts_with('.') && at.to_string() == name).then_some(at)
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// The locked data directory of this process. The lock ends with the value or with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    clean: bool,
    /// What the last process saved of the logs not opened since.
    saved: Mutex<HashMap<String, SavedLog>>,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if need be, locks it, reads and removes the clean-shutdown marker, and ends
    /// deletions that were under way.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        fs::create_dir_all(path).map_err(|error| LogError::at("create", path, error))?;
        let lock = lock(path)?;
        let marker = path.join(MARKER);
        let saved = fs::read(&marker).ok().and_then(|bytes| decode_marker(&bytes));
        files::remove_if_there(&marker)?;
        let clean = saved.is_some();
        let saved = Mutex::new(saved.unwrap_or_default());
        let this = Self { path: path.to_owned(), clean, saved, _lock: lock };
        for name in this.folders()?.into_iter().filter(|name| name.ends_with(DELETED)) {
            remove_folder(&this.path.join(name))?;
        }
        Ok(this)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the last process closed this directory in order.
    pub fn clean(&self) -> bool {
        self.clean
    }

    /// The partitions that have a folder here, in order of topic and number.
    pub fn partitions(&self) -> Result<Vec<TopicPartition>, LogError> {
        let mut partitions: Vec<_> = self.folders()?.iter().filter_map(|name| TopicPartition::parse(name)).collect();
        partitions.sort_unstable();
        Ok(partitions)
    }

    /// Opens the log of a partition, creating its folder if there is none. After a clean shutdown this
    /// touches no file.
    pub fn open_log(&self, at: &TopicPartition, config: LogConfig, now_ms: i64) -> Result<PartitionLog, LogError> {
        let name = at.to_string();
        let saved = self.take_saved(&name);
        PartitionLog::open(&self.path.join(name), config, saved.as_ref(), now_ms)
    }

    /// Deletes a partition: its folder is renamed to `<topic>-<n>.<unique>-delete` first, so that a crash in the
    /// middle does not bring half of it back. The log must have been dropped or not be used any more.
    pub fn delete_log(&self, at: &TopicPartition) -> Result<(), LogError> {
        let name = at.to_string();
        // A partition of the same name created later must not begin where this one ended.
        self.take_saved(&name);
        let folder = self.path.join(&name);
        let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let kept: String = name.chars().take(DELETED_NAME_MAX).collect();
        let deleted = self.path.join(format!("{kept}.{unique:x}{DELETED}"));
        match fs::rename(&folder, &deleted) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(LogError::at("rename", &folder, error)),
            Ok(()) => remove_folder(&deleted),
        }
    }

    /// Writes the clean-shutdown marker with what [`PartitionLog::close_clean`] gave for every log, and
    /// gives the lock back.
    pub fn close(self, logs: Vec<(TopicPartition, SavedLog)>) -> Result<(), LogError> {
        files::replace_file(&self.path.join(MARKER), &encode_marker(&logs))?;
        files::sync_dir(&self.path)
    }

    fn take_saved(&self, name: &str) -> Option<SavedLog> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    fn folders(&self) -> Result<Vec<String>, LogError> {
        let list_error = |error| LogError::at("list", &self.path, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(list_error)? {
            let entry = entry.map_err(list_error)?;
            if entry.file_type().map_err(list_error)?.is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }
}

fn lock(path: &Path) -> Result<File, LogError> {
    let file = path.join(LOCK);
    let lock = File::options().create(true).truncate(false).write(true).open(&file);
    let lock = lock.map_err(|error| LogError::at("open", &file, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked { directory: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(LogError::at("lock", &file, error)),
    }
}

fn remove_folder(path: &Path) -> Result<(), LogError> {
    fs::remove_dir_all(path).map_err(|error| LogError::at("remove", path, error))
}

fn encode_marker(logs: &[(TopicPartition, SavedLog)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u32(FORMAT);
    for (at, saved) in logs {
        let name = at.to_string();
        out.put_u32(name.len() as u32);
        out.put_slice(name.as_bytes());
        out.put_u32(saved.0.len() as u32);
        out.put_slice(&saved.0);
    }
    out.put_u32(crc32c::crc32c(&out));
    out
}

fn decode_marker(bytes: &[u8]) -> Option<HashMap<String, SavedLog>> {
    let (mut body, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(body) != u32::from_be_bytes(*crc) || body.try_get_u32().ok()? != FORMAT {
        return None;
    }
    let mut logs = HashMap::new();
    while !body.is_empty() {
        let name = take_sized(&mut body)?;
        let saved = take_sized(&mut body)?;
        logs.insert(String::from_utf8(name).ok()?, SavedLog(saved));
    }
    Some(logs)
}

fn take_sized(body: &mut &[u8]) -> Option<Vec<u8>> {
    let len = body.try_get_u32().ok()? as usize;
    let (taken, rest) = body.split_at_checked(len)?;
    *body = rest;
    Some(taken.to_vec())
}
