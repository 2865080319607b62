//! The files of one partition: their names, and at most two open at a time.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::LogError;

pub(super) const LOG: &str = "log";
pub(super) const INDEX: &str = "index";
/// Compaction's output while it is written; without meaning after a crash.
pub(super) const CLEANED: &str = "cleaned";
/// Compaction's output, complete: `<base>-<end>.swap` replaces all segments from `base` to before `end`.
pub(super) const SWAP: &str = "swap";
/// A file on its way to its real name; without meaning after a crash.
pub(super) const TEMPORARY: &str = "tmp";
pub(super) const CHECKPOINT: &str = "checkpoint";

#[derive(Debug)]
pub(super) struct Files {
    dir: Box<Path>,
    open: Mutex<OpenFiles>,
    used: AtomicBool,
}

/// One file is appended to and one more is read from, so that 2,000 partitions hold 4,000 at the most.
#[derive(Debug, Default)]
struct OpenFiles {
    active: Option<(i64, Arc<File>)>,
    reading: Option<(i64, Arc<File>)>,
}

impl Files {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.into(), open: Mutex::default(), used: AtomicBool::new(false) }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn path(&self, base: i64, extension: &str) -> PathBuf {
        // Twenty digits, as Kafka names them, sort by offset.
        self.dir.join(format!("{base:020}.{extension}"))
    }

    pub(super) fn swap_path(&self, base: i64, end: i64) -> PathBuf {
        self.dir.join(format!("{base:020}-{end:020}.{SWAP}"))
    }

    /// The segment's file for appending, created if it is not there.
    pub(super) fn active(&self, base: i64) -> io::Result<Arc<File>> {
        let mut open = self.open();
        if let Some((_, file)) = open.active.as_ref().filter(|(of, _)| *of == base) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::options().read(true).append(true).create(true).open(self.path(base, LOG))?);
        open.active = Some((base, Arc::clone(&file)));
        Ok(file)
    }

    pub(super) fn reading(&self, base: i64) -> io::Result<Arc<File>> {
        let mut open = self.open();
        let OpenFiles { active, reading } = &*open;
        if let Some((_, file)) = active.iter().chain(reading).find(|(of, _)| *of == base) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::open(self.path(base, LOG))?);
        open.reading = Some((base, Arc::clone(&file)));
        Ok(file)
    }

    /// Closes what is open; readers that hold a file keep it until they are done.
    pub(super) fn close(&self) {
        *self.open() = OpenFiles::default();
    }

    /// Whether a file was asked for since the last call.
    pub(super) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Removes a segment with its index. The index goes first: alone it would be wrong for a later
    /// segment of the same name.
    pub(super) fn remove_segment(&self, base: i64) -> Result<(), LogError> {
        remove_if_there(&self.path(base, INDEX))?;
        remove_if_there(&self.path(base, LOG))
    }

    fn open(&self) -> std::sync::MutexGuard<'_, OpenFiles> {
        self.used.store(true, Ordering::Relaxed);
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LogError::at("remove", path, error)),
        _ => Ok(()),
    }
}

/// Writes `path` so that after a kill it holds either its old or its new content. It is not put on the
/// disk itself: readers check the content and do without it if they must.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> Result<(), LogError> {
    let temporary = path.with_extension(TEMPORARY);
    fs::write(&temporary, content).map_err(|error| LogError::at("write", &temporary, error))?;
    fs::rename(&temporary, path).map_err(|error| LogError::at("replace", path, error))
}

/// Puts renames and new names of a folder on the disk.
pub(super) fn sync_dir(path: &Path) -> Result<(), LogError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| LogError::at("sync", path, error))
}
