//! The log of one partition: its segments, its offsets and its producers.

use std::{
    fs, io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::{
    AbortedTransaction, LogConfig, LogError, ProducerView, SavedLog,
    files::{self, CHECKPOINT, Files},
    producers::Producers,
    segment::{Segment, SegmentFacts},
    state::State,
};

/// Readers whose place is remembered, so that each goes on where it stopped without a look at the index.
const READERS_MAX: usize = 4;

#[derive(Debug)]
pub struct PartitionLog {
    pub(super) files: Files,
    pub(super) config: LogConfig,
    /// Never empty; the last is the active one, whose file is created by the first append.
    pub(super) segments: Vec<Segment>,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) compacted_to: i64,
    pub(super) producers: Producers,
    pub(super) checkpoint: Checkpoint,
    /// A write failed and the file could not be cut back to its size: that comes before the next write.
    pub(super) cut_pending: bool,
    readers: Mutex<Readers>,
}

/// What the checkpoint file holds, as far as it matters when to write the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) at_ms: i64,
    pub(super) bytes_behind: u64,
}

#[derive(Debug, Default)]
struct Readers {
    places: [Option<Place>; READERS_MAX],
    next: usize,
}

/// Where the batch with `offset` begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: i64,
    pub(super) base: i64,
    pub(super) position: u64,
}

impl PartitionLog {
    /// Opens the log in `dir`. With `saved` (of a clean shutdown) no file is opened; without, everything
    /// after the last checkpoint is read and a torn tail is cut off.
    pub fn open(dir: &Path, config: LogConfig, saved: Option<&SavedLog>, now_ms: i64) -> Result<Self, LogError> {
        let files = Files::new(dir);
        let saved = saved.and_then(|saved| State::decode(&saved.0, now_ms));
        match saved.filter(|state| whole_on_disk(&files, state)) {
            Some(state) => Ok(Self::from_state(files, config, state, now_ms)),
            None => Self::recover(files, config, now_ms),
        }
    }

    /// The log as `state` has it, which must be the whole truth.
    pub(super) fn from_state(files: Files, config: LogConfig, state: State, now_ms: i64) -> Self {
        let mut segments: Vec<Segment> = state.segments.into_iter().map(Segment::new).collect();
        if segments.is_empty() {
            segments.push(Segment::new(SegmentFacts::new(state.end, now_ms)));
        }
        let checkpoint = Checkpoint { start: state.start, end: state.checkpointed_to, at_ms: now_ms, bytes_behind: 0 };
        Self {
            files,
            config,
            segments,
            start: state.start,
            end: state.end,
            compacted_to: state.compacted_to,
            producers: state.producers,
            checkpoint,
            cut_pending: false,
            readers: Mutex::default(),
        }
    }

    fn state(&self) -> State {
        State {
            start: self.start,
            end: self.end,
            compacted_to: self.compacted_to,
            checkpointed_to: self.checkpoint.end,
            segments: self.segments.iter().map(|segment| segment.facts).collect(),
            producers: self.producers.clone(),
        }
    }

    pub fn start_offset(&self) -> i64 {
        self.start
    }

    /// One beyond the last record; with one node also the high watermark.
    pub fn end_offset(&self) -> i64 {
        self.end
    }

    pub fn last_stable_offset(&self) -> i64 {
        self.producers.first_open().map_or(self.end, |offset| offset.max(self.start))
    }

    /// Aborted transactions that have records in `from..to`.
    pub fn aborted_in(&self, from: i64, to: i64) -> Vec<AbortedTransaction> {
        self.producers.aborted_in(from, to)
    }

    pub fn producers(&self) -> Vec<ProducerView> {
        self.producers.views()
    }

    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.facts.size_bytes).sum()
    }

    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    pub fn reconfigure(&mut self, config: LogConfig) {
        self.config = config;
    }

    pub(super) fn active(&self) -> &Segment {
        self.segments.last().expect("a log has an active segment")
    }

    pub(super) fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has an active segment")
    }

    /// Starts a new active segment at the end of the log. Its file is there at once: after a crash it says
    /// where the log ends, even if retention took everything before.
    pub(super) fn roll(&mut self, now_ms: i64) -> io::Result<()> {
        self.files.active(self.end)?;
        self.segments.push(Segment::new(SegmentFacts::new(self.end, now_ms)));
        Ok(())
    }

    pub(super) fn place_of(&self, offset: i64) -> Option<Place> {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.places.iter().flatten().find(|place| place.offset == offset).copied()
    }

    pub(super) fn remember(&self, place: Place) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = readers.next;
        readers.places[slot] = Some(place);
        readers.next = (slot + 1) % READERS_MAX;
    }

    /// For when positions in segments have changed.
    pub(super) fn forget_readers(&mut self) {
        *self.readers.get_mut().unwrap_or_else(PoisonError::into_inner) = Readers::default();
    }

    /// Puts everything on the disk itself, and writes a checkpoint so that recovery reads nothing again.
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.write_checkpoint(self.checkpoint.at_ms)
    }

    pub(super) fn write_checkpoint(&mut self, now_ms: i64) -> Result<(), LogError> {
        if (self.checkpoint.start, self.checkpoint.end) == (self.start, self.end) {
            return Ok(());
        }
        self.force_checkpoint(now_ms)
    }

    pub(super) fn force_checkpoint(&mut self, now_ms: i64) -> Result<(), LogError> {
        self.sync_segments()?;
        for segment in &self.segments {
            segment.save_index(&self.files)?;
        }
        files::replace_file(&self.files.dir().join(CHECKPOINT), &self.state().encode())?;
        self.checkpoint = Checkpoint { start: self.start, end: self.end, at_ms: now_ms, bytes_behind: 0 };
        Ok(())
    }

    /// A checkpoint promises everything before it, so that comes first.
    fn sync_segments(&self) -> Result<(), LogError> {
        let behind = self.segments.partition_point(|segment| segment.facts.base <= self.checkpoint.end);
        for segment in &self.segments[behind.saturating_sub(1)..] {
            if segment.facts.size_bytes > 0 {
                let base = segment.facts.base;
                let synced = self.files.reading(base).and_then(|file| file.sync_data());
                synced.map_err(|error| LogError::at("sync", &self.files.path(base, files::LOG), error))?;
            }
        }
        Ok(())
    }

    /// Gives what the next open needs. The log must not be changed afterwards. Nothing is synced, or 2,000
    /// logs would take half a minute: if the power fails before the disk has it all, the next open sees
    /// that the files are too short, and recovers.
    pub fn close_clean(&mut self) -> Result<SavedLog, LogError> {
        for segment in &self.segments {
            segment.save_index(&self.files)?;
        }
        self.files.close();
        Ok(SavedLog(self.state().encode()))
    }
}

/// Whether all segments are as long as they were when the log was closed.
fn whole_on_disk(files: &Files, state: &State) -> bool {
    state.segments.iter().all(|facts| match fs::metadata(files.path(facts.base, files::LOG)) {
        Ok(metadata) => metadata.len() == facts.size_bytes,
        // The first segment has no file before its first batch.
        Err(error) => error.kind() == io::ErrorKind::NotFound && facts.size_bytes == 0,
    })
}
