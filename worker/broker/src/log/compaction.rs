//! Compaction: of every key only the newest record stays.
//!
//! A pass has three steps. [`PartitionLog::compaction`] decides which segments it takes, under the log's
//! lock; [`Compaction::run`] writes their successors beside them and needs no lock, as only the active
//! segment changes; [`PartitionLog::install`] puts them in place, under the lock again. A crash in the
//! first two leaves files without meaning; in the third, recovery goes on where it stopped.

mod keys;
mod sieve;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
};

use self::{
    keys::NewestOffsets,
    sieve::{Sieve, Verdict},
};
use super::{
    Compacted, LogConfig, LogError, PartitionLog,
    files::{self, CLEANED, Files, LOG},
    producers::Aborted,
    recovery::complete_swap,
    scan::{BatchScan, WHOLE_CHUNK_BYTES},
    segment::{Segment, SegmentFacts},
};

/// A pass that is decided on.
#[derive(Debug)]
pub struct Compaction {
    files: Files,
    config: LogConfig,
    now_ms: i64,
    memory_bytes_max: usize,
    start: i64,
    /// Where records begin that no pass has seen.
    dirty_from: i64,
    /// The segments to take, from the first of the log on, and where they end.
    segments: Vec<SegmentFacts>,
    end: i64,
    aborted: Vec<Aborted>,
    /// Of every known producer the last offset of its data, if it is known.
    last_data: HashMap<i64, Option<i64>>,
}

/// What a pass wrote, not yet in place.
#[derive(Debug)]
pub struct CompactionOutput {
    groups: Vec<CompactedGroup>,
    compacted_to: i64,
    dropped_markers: Vec<i64>,
}

/// Segments that became one.
#[derive(Debug)]
struct CompactedGroup {
    replaced: Vec<SegmentFacts>,
    end: i64,
    facts: SegmentFacts,
}

impl PartitionLog {
    /// One pass of compaction, if the topic is compacted and dirty enough. Holds the log for as long as it
    /// takes: where that matters use [`PartitionLog::compaction`], [`Compaction::run`] and
    /// [`PartitionLog::install`]. Keys beyond the memory given wait for the next pass.
    pub fn compact(&mut self, now_ms: i64, memory_bytes_max: usize) -> Result<Option<Compacted>, LogError> {
        match self.compaction(now_ms, memory_bytes_max) {
            Some(compaction) => self.install(compaction.run()?, now_ms),
            None => Ok(None),
        }
    }

    /// Decides whether a pass is due, and of what.
    pub fn compaction(&self, now_ms: i64, memory_bytes_max: usize) -> Option<Compaction> {
        if !self.config.cleanup_policy.compacts() {
            return None;
        }
        let count = self.compactable_segments(now_ms);
        let end = self.segments.get(count)?.facts.base;
        let segments: Vec<SegmentFacts> = self.segments[..count].iter().map(|segment| segment.facts).collect();
        let dirty_from = self.compacted_to.max(self.start);
        let clean = segments.partition_point(|facts| facts.base < dirty_from);
        // The segment in which the last pass ended counts as dirty if that pass did not end with it.
        let clean = if segments.get(clean).map_or(end, |facts| facts.base) > dirty_from {
            clean.saturating_sub(1)
        } else {
            clean
        };
        let bytes = |segments: &[SegmentFacts]| segments.iter().map(|facts| facts.size_bytes).sum::<u64>();
        let (dirty_bytes, all_bytes) = (bytes(&segments[clean..]), bytes(&segments));
        if dirty_bytes == 0 {
            return None;
        }
        let ratio = dirty_bytes as f64 / all_bytes as f64;
        let waited_ms = now_ms.saturating_sub(age_from(&segments[clean]));
        if ratio <= self.config.min_cleanable_dirty_ratio && waited_ms <= self.config.max_compaction_lag_ms {
            return None;
        }
        let last_data = self
            .producers
            .by_id
            .iter()
            .map(|(id, producer)| (*id, producer.batches.last().map(|batch| batch.last_offset)));
        Some(Compaction {
            files: Files::new(self.files.dir()),
            config: self.config.clone(),
            now_ms,
            memory_bytes_max,
            start: self.start,
            dirty_from,
            segments,
            end,
            aborted: self.producers.aborted.clone(),
            last_data: last_data.collect(),
        })
    }

    /// How many segments, from the first on, hold only what may be compacted: no open transaction, nothing
    /// younger than `min.compaction.lag.ms`, and not the active one.
    fn compactable_segments(&self, now_ms: i64) -> usize {
        let stable = self.last_stable_offset();
        let lag_ms = self.config.min_compaction_lag_ms;
        self.segments
            .windows(2)
            .take_while(|pair| {
                let newest = pair[0].facts.max_timestamp;
                pair[1].facts.base <= stable && (lag_ms == 0 || newest <= now_ms.saturating_sub(lag_ms))
            })
            .count()
    }

    /// Puts a pass's output in place. `None` if retention took a segment in the meantime: the output is
    /// thrown away then, and the next pass does it again.
    pub fn install(&mut self, output: CompactionOutput, now_ms: i64) -> Result<Option<Compacted>, LogError> {
        let untouched = |group: &CompactedGroup| {
            let index = self.segments.partition_point(|segment| segment.facts.base < group.facts.base);
            let here = self.segments[index..].iter().map(|segment| &segment.facts);
            here.take(group.replaced.len()).eq(group.replaced.iter())
        };
        if !output.groups.iter().all(untouched) {
            for group in &output.groups {
                files::remove_if_there(&self.files.path(group.facts.base, CLEANED))?;
            }
            return Ok(None);
        }
        // Recovery trusts the checkpoint about its active segment, so that one must not be among those
        // that are replaced now.
        self.force_checkpoint(now_ms)?;
        self.forget_readers();
        self.files.close();
        let mut done = Compacted { bytes_before: 0, bytes_after: 0 };
        for group in output.groups {
            done.bytes_before += group.replaced.iter().map(|facts| facts.size_bytes).sum::<u64>();
            done.bytes_after += group.facts.size_bytes;
            self.install_group(group)?;
        }
        self.compacted_to = self.compacted_to.max(output.compacted_to);
        self.producers.aborted.retain(|aborted| !output.dropped_markers.contains(&aborted.marker_offset));
        self.force_checkpoint(now_ms)?;
        Ok(Some(done))
    }

    fn install_group(&mut self, group: CompactedGroup) -> Result<(), LogError> {
        let base = group.facts.base;
        let swap = self.files.swap_path(base, group.end);
        let renamed = fs::rename(self.files.path(base, CLEANED), &swap);
        renamed.map_err(|error| LogError::at("rename", &swap, error))?;
        // What it replaces may go only when it is there for good.
        files::sync_dir(self.files.dir())?;
        let bases: Vec<i64> = group.replaced.iter().map(|facts| facts.base).collect();
        complete_swap(&self.files, base, group.end, &bases)?;
        let index = self.segments.partition_point(|segment| segment.facts.base < base);
        self.segments.splice(index..index + bases.len(), [Segment::new(group.facts)]);
        Ok(())
    }
}

/// Since when a segment waits for compaction.
fn age_from(facts: &SegmentFacts) -> i64 {
    if facts.first_timestamp >= 0 { facts.first_timestamp } else { facts.created_ms }
}

impl Compaction {
    /// Reads the segments and writes their successors. On an error nothing is left of them.
    pub fn run(self) -> Result<CompactionOutput, LogError> {
        let written = self.write_groups();
        if written.is_err() {
            for facts in &self.segments {
                files::remove_if_there(&self.files.path(facts.base, CLEANED))?;
            }
        }
        written
    }

    fn write_groups(&self) -> Result<CompactionOutput, LogError> {
        let newest = self.newest_offsets()?;
        let compacted_to = newest.end();
        let mut sieve = Sieve::new(self, newest);
        let mut groups = Vec::new();
        for (replaced, end) in self.groups(compacted_to) {
            let facts = self.write_group(&replaced, &mut sieve)?;
            groups.push(CompactedGroup { replaced, end, facts });
        }
        Ok(CompactionOutput { groups, compacted_to, dropped_markers: sieve.into_dropped_markers() })
    }

    /// Neighbours that fit into one segment become one, or compaction would leave ever more small files.
    fn groups(&self, compacted_to: i64) -> Vec<(Vec<SegmentFacts>, i64)> {
        let mut groups: Vec<(Vec<SegmentFacts>, i64)> = Vec::new();
        let mut bytes = 0;
        for (index, facts) in self.segments.iter().enumerate().take_while(|(_, facts)| facts.base < compacted_to) {
            let end = self.segments.get(index + 1).map_or(self.end, |next| next.base);
            bytes += facts.size_bytes;
            match groups.last_mut() {
                Some((group, group_end))
                    if bytes <= u64::from(self.config.segment_bytes) && end - group[0].base <= i64::from(i32::MAX) =>
                {
                    group.push(*facts);
                    *group_end = end;
                }
                _ => {
                    bytes = facts.size_bytes;
                    groups.push((vec![*facts], end));
                }
            }
        }
        groups
    }

    /// The newest offset of every key in the dirty part, as far as the memory goes.
    fn newest_offsets(&self) -> Result<NewestOffsets, LogError> {
        let mut newest = NewestOffsets::new(self.memory_bytes_max, self.end);
        let aborted = sieve::AbortedData::new(&self.aborted);
        for (index, facts) in self.segments.iter().enumerate() {
            let end = self.segments.get(index + 1).map_or(self.end, |next| next.base);
            if end <= self.dirty_from || facts.size_bytes == 0 {
                continue;
            }
            let mut scan = self.scan(facts)?;
            while let Some(header) = scan.header().map_err(|error| self.read_error(facts, error))? {
                if header.last_offset() >= self.dirty_from && !header.control() && !aborted.holds(&header) {
                    let Some(batch) = scan.batch(&header).map_err(|error| self.read_error(facts, error))? else {
                        break;
                    };
                    if !newest.note(&header, batch) {
                        return Ok(newest);
                    }
                }
                scan.advance(&header);
            }
        }
        Ok(newest)
    }

    fn write_group(&self, replaced: &[SegmentFacts], sieve: &mut Sieve<'_>) -> Result<SegmentFacts, LogError> {
        let path = self.files.path(replaced[0].base, CLEANED);
        let write_error = |error: io::Error| LogError::at("write", &path, error);
        let created_ms = replaced.iter().map(|facts| facts.created_ms).max().unwrap_or_default();
        let mut written = SegmentFacts::new(replaced[0].base, created_ms);
        let mut out = BufWriter::with_capacity(WHOLE_CHUNK_BYTES, File::create(&path).map_err(write_error)?);
        for facts in replaced.iter().filter(|facts| facts.size_bytes > 0) {
            let mut scan = self.scan(facts)?;
            while let Some(header) = scan.header().map_err(|error| self.read_error(facts, error))? {
                let batch = scan.batch(&header).map_err(|error| self.read_error(facts, error))?;
                let batch = batch.ok_or_else(|| self.read_error(facts, io::ErrorKind::UnexpectedEof.into()))?;
                match sieve.pass(&header, batch).map_err(write_error)? {
                    Verdict::Keep => {
                        out.write_all(batch).map_err(write_error)?;
                        written.note(&header);
                    }
                    Verdict::Replace(header, batch) => {
                        out.write_all(&batch).map_err(write_error)?;
                        written.note(&header);
                    }
                    Verdict::Drop => {}
                }
                scan.advance(&header);
            }
        }
        let file = out.into_inner().map_err(|error| write_error(error.into_error()))?;
        file.sync_data().map_err(write_error)?;
        Ok(written)
    }

    fn scan(&self, facts: &SegmentFacts) -> Result<BatchScan, LogError> {
        let file = self.files.reading(facts.base).map_err(|error| self.read_error(facts, error))?;
        Ok(BatchScan::new(file, 0, facts.size_bytes, WHOLE_CHUNK_BYTES))
    }

    fn read_error(&self, facts: &SegmentFacts, error: io::Error) -> LogError {
        LogError::at("read", &self.files.path(facts.base, LOG), error)
    }
}
