//! Opening a log that was not closed in order: what a crash left is read, checked and cut to size.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    LogConfig, LogError, PartitionLog,
    batch::BatchHeader,
    files::{self, CHECKPOINT, CLEANED, Files, INDEX, LOG, SWAP, TEMPORARY},
    producers::Aborted,
    scan::{BatchScan, HEADER_CHUNK_BYTES, WHOLE_CHUNK_BYTES},
    segment::SegmentFacts,
    state::State,
};

impl PartitionLog {
    /// Opens the log from its last checkpoint and the batches behind it.
    pub(super) fn recover(files: Files, config: LogConfig, now_ms: i64) -> Result<Self, LogError> {
        fs::create_dir_all(files.dir()).map_err(|error| LogError::at("create", files.dir(), error))?;
        let sizes = settle_files(&files)?;
        let state = read_checkpoint(&files, &sizes, now_ms);
        let checkpointed_to = state.end;
        let mut recovery = Recovery { files: &files, now_ms, state, end: 0, cut: false, read_bytes: 0 };
        let mut log = recovery.run(&sizes)?;
        let read_bytes = recovery.read_bytes;
        log.start = log.start.max(log.segments.first().map_or(0, |segment| segment.base));
        if log.end < log.start {
            // Only a disk that lost what was flushed can do this. Offsets are not given twice, so the
            // log goes on behind the lost ones.
            for segment in log.segments.drain(..) {
                files.remove_segment(segment.base)?;
            }
            log.end = log.start;
        }
        if log.end < checkpointed_to {
            files::remove_if_there(&files.dir().join(CHECKPOINT))?;
            log.checkpointed_to = 0;
        }
        let mut log = Self::from_state(files, config, log, now_ms);
        log.forget_aborted_without_marker()?;
        log.producers.forget_before(log.start);
        log.checkpoint.bytes_behind = read_bytes;
        Ok(log)
    }

    /// Compaction removes a marker only after all data of its transaction. If its checkpoint is lost, the
    /// old one still names the transaction, and a consumer told of it would wait for that marker in vain.
    fn forget_aborted_without_marker(&mut self) -> Result<(), LogError> {
        let mut there = Vec::with_capacity(self.producers.aborted.len());
        for aborted in &self.producers.aborted {
            if self.marker_is_there(aborted).map_err(|error| LogError::at("read", self.files.dir(), error))? {
                there.push(*aborted);
            }
        }
        self.producers.aborted = there;
        Ok(())
    }

    fn marker_is_there(&self, aborted: &Aborted) -> io::Result<bool> {
        let segment = &self.segments[self.segment_index(aborted.marker_offset)];
        if segment.facts.size_bytes == 0 {
            return Ok(false);
        }
        let interval_bytes = self.config.index_interval_bytes;
        let position = segment.position_of_offset(&self.files, aborted.marker_offset, interval_bytes)?;
        let mut scan = segment.scan(&self.files, position, HEADER_CHUNK_BYTES)?;
        while let Some(header) = scan.header()? {
            if header.base_offset >= aborted.marker_offset {
                return Ok(header.base_offset == aborted.marker_offset && header.control());
            }
            scan.advance(&header);
        }
        Ok(false)
    }
}

/// The state in the checkpoint file; that of an empty log when it is missing, damaged or ahead of the files.
fn read_checkpoint(files: &Files, sizes: &BTreeMap<i64, u64>, now_ms: i64) -> State {
    let bytes = fs::read(files.dir().join(CHECKPOINT)).ok();
    let state = bytes.and_then(|bytes| State::decode(&bytes, now_ms));
    let state = state.filter(|state| covered_by_files(state, sizes)).unwrap_or_default();
    State { checkpointed_to: state.end, ..state }
}

/// Ends or undoes what a crash interrupted, and gives the segments that are there with their sizes.
fn settle_files(files: &Files) -> Result<BTreeMap<i64, u64>, LogError> {
    let mut paths = list(files.dir())?;
    let swaps: Vec<(i64, i64)> =
        paths.iter().filter(|path| has_extension(path, SWAP)).filter_map(|path| parse_swap(path)).collect();
    for (base, end) in &swaps {
        let logs = paths.iter().filter(|path| has_extension(path, LOG)).filter_map(|path| base_of(path));
        let replaced: Vec<i64> = logs.filter(|of| (*base..*end).contains(of)).collect();
        complete_swap(files, *base, *end, &replaced)?;
    }
    if !swaps.is_empty() {
        paths = list(files.dir())?;
    }
    let mut sizes = BTreeMap::new();
    for path in paths.iter().filter(|path| has_extension(path, LOG)) {
        if let Some(base) = base_of(path) {
            let metadata = fs::metadata(path).map_err(|error| LogError::at("look at", path, error))?;
            sizes.insert(base, metadata.len());
        }
    }
    for path in &paths {
        let meaningless = match path.extension().and_then(OsStr::to_str) {
            Some(CLEANED | TEMPORARY) => true,
            // An index without its segment would be wrong for the next segment of that name.
            Some(INDEX) => base_of(path).is_none_or(|base| !sizes.contains_key(&base)),
            _ => false,
        };
        if meaningless {
            files::remove_if_there(path)?;
        }
    }
    Ok(sizes)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, LogError> {
    let entries = fs::read_dir(dir).map_err(|error| LogError::at("list", dir, error))?;
    entries.map(|entry| Ok(entry.map_err(|error| LogError::at("list", dir, error))?.path())).collect()
}

/// Puts a compacted segment in the place of the segments it was made of. The last step of a compaction,
/// and again after a crash in the middle of it: every step may be repeated.
pub(super) fn complete_swap(files: &Files, base: i64, end: i64, replaced: &[i64]) -> Result<(), LogError> {
    for of in replaced {
        files::remove_if_there(&files.path(*of, INDEX))?;
        // The first is replaced by the rename, so that there is never no segment at all.
        if *of != base {
            files::remove_if_there(&files.path(*of, LOG))?;
        }
    }
    let swap = files.swap_path(base, end);
    fs::rename(&swap, files.path(base, LOG)).map_err(|error| LogError::at("rename", &swap, error))
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|of| of == extension)
}

fn base_of(path: &Path) -> Option<i64> {
    path.file_stem()?.to_str()?.parse().ok()
}

fn parse_swap(path: &Path) -> Option<(i64, i64)> {
    let (base, end) = path.file_stem()?.to_str()?.split_once('-')?;
    Some((base.parse().ok()?, end.parse().ok()?))
}

/// Whether the files hold everything up to the state's end; otherwise it knows of batches that are lost.
fn covered_by_files(state: &State, sizes: &BTreeMap<i64, u64>) -> bool {
    state.segments.last().is_none_or(|last| {
        let larger = sizes.get(&last.base).is_some_and(|size| *size >= last.size_bytes);
        // Retention or a compaction after the checkpoint may have taken the segment, but never the last one.
        larger || sizes.last_key_value().is_some_and(|(base, _)| *base >= state.end)
    })
}

struct Recovery<'a> {
    files: &'a Files,
    now_ms: i64,
    state: State,
    end: i64,
    cut: bool,
    read_bytes: u64,
}

impl Recovery<'_> {
    /// Goes through all segments in order, and gives the state of now.
    fn run(&mut self, sizes: &BTreeMap<i64, u64>) -> Result<State, LogError> {
        let checkpointed = std::mem::take(&mut self.state.segments);
        let bases: Vec<i64> = sizes.keys().copied().collect();
        let mut segments = Vec::with_capacity(bases.len());
        for (index, (base, size_bytes)) in sizes.iter().enumerate() {
            if self.cut {
                tracing::warn!(dir = %self.files.dir().display(), base, size_bytes, "removing a segment behind a damaged one");
                self.files.remove_segment(*base)?;
                continue;
            }
            let next_base = bases.get(index + 1).copied().unwrap_or(i64::MAX);
            let known = checkpointed.iter().find(|facts| facts.base == *base);
            let facts = match known {
                Some(facts) if facts.size_bytes == *size_bytes && next_base <= self.state.end => *facts,
                // The active segment of the checkpoint: what it had then is known.
                Some(facts) if facts.size_bytes <= *size_bytes && next_base > self.state.end => {
                    self.end = self.state.end;
                    self.scan(*facts, *size_bytes, next_base)?
                }
                _ => self.scan(SegmentFacts::new(*base, self.now_ms), *size_bytes, next_base)?,
            };
            self.end = self.end.max(*base);
            segments.push(facts);
        }
        if segments.is_empty() {
            self.end = self.end.max(self.state.end);
        }
        Ok(State { end: self.end, segments, ..std::mem::take(&mut self.state) })
    }

    /// Reads the batches behind what `facts` knows; cuts the file where they stop being whole.
    fn scan(&mut self, mut facts: SegmentFacts, size_bytes: u64, next_base: i64) -> Result<SegmentFacts, LogError> {
        let base = facts.base;
        let path = self.files.path(base, LOG);
        files::remove_if_there(&self.files.path(base, INDEX))?;
        let read_error = |error| LogError::at("read", &path, error);
        let file = Arc::new(fs::File::open(&path).map_err(read_error)?);
        let mut scan = BatchScan::new(file, facts.size_bytes, size_bytes, WHOLE_CHUNK_BYTES);
        self.read_bytes += size_bytes - facts.size_bytes;
        let mut next = self.end.max(base);
        while let Some(header) = whole_header(&mut scan).map_err(read_error)? {
            if header.base_offset < next || header.last_offset() >= next_base {
                break;
            }
            let Some(batch) = scan.batch(&header).map_err(read_error)? else { break };
            if BatchHeader::check(batch).is_err() {
                break;
            }
            if header.base_offset >= self.state.end {
                self.state.producers.note(&header, batch, self.now_ms);
            }
            facts.note(&header);
            scan.advance(&header);
            next = header.last_offset() + 1;
        }
        self.end = next;
        if scan.position() < size_bytes {
            self.cut = true;
            let lost_bytes = size_bytes - scan.position();
            tracing::warn!(path = %path.display(), lost_bytes, offset = next, "cutting off a torn tail");
            let cut = fs::File::options().write(true).open(&path).and_then(|file| file.set_len(scan.position()));
            cut.map_err(|error| LogError::at("cut", &path, error))?;
        }
        Ok(facts)
    }
}

/// A header that is none ends the segment; only a failing disk is an error.
fn whole_header(scan: &mut BatchScan) -> io::Result<Option<BatchHeader>> {
    match scan.header() {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        other => other,
    }
}
