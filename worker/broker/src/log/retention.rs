//! What goes with time: old segments, idle producers, files and indexes nobody uses.

use super::{LogError, PartitionLog, ReadError};

/// Bytes behind the checkpoint after which the next is due: recovery reads no more than about that.
const CHECKPOINT_BYTES: u64 = 32 << 20;
/// Age of a checkpoint after which the next is due if anything was appended.
const CHECKPOINT_MS: i64 = 300_000;

impl PartitionLog {
    /// Rolls the active segment by age, deletes segments beyond retention, forgets idle producers,
    /// writes a checkpoint when much was appended since the last, and lets go of files and indexes that
    /// were not used since the last call. Meant to be called every few seconds to minutes.
    pub fn maintain(&mut self, now_ms: i64) -> Result<(), LogError> {
        if self.active().facts.size_bytes > 0
            && now_ms.saturating_sub(self.active().facts.created_ms) > self.roll_after_ms()
        {
            self.roll(now_ms).map_err(|error| LogError::at("create", self.files.dir(), error))?;
        }
        self.delete_old_segments(now_ms)?;
        self.producers.forget_idle(now_ms);
        let aged = now_ms.saturating_sub(self.checkpoint.at_ms) >= CHECKPOINT_MS;
        if self.checkpoint.bytes_behind >= CHECKPOINT_BYTES || aged {
            self.write_checkpoint(now_ms)?;
        }
        if !self.files.take_used() {
            for segment in &self.segments {
                segment.unload_index(&self.files)?;
            }
            self.files.close();
            // Closing counts as a use.
            self.files.take_used();
        }
        Ok(())
    }

    /// A record has to leave the active segment before compaction can take it.
    fn roll_after_ms(&self) -> i64 {
        let config = &self.config;
        if config.cleanup_policy.compacts() {
            return config.segment_ms.min(config.max_compaction_lag_ms);
        }
        config.segment_ms
    }

    fn delete_old_segments(&mut self, now_ms: i64) -> Result<(), LogError> {
        let mut surplus = match self.config.retention_bytes.filter(|_| self.config.cleanup_policy.deletes()) {
            Some(limit) => self.size_bytes().saturating_sub(limit),
            None => 0,
        };
        while let Some(size_bytes) = self.first_to_delete(now_ms, surplus) {
            if self.segments.len() == 1 {
                // Even a log of old records only keeps an active segment, which says where it ends.
                self.roll(now_ms).map_err(|error| LogError::at("create", self.files.dir(), error))?;
            }
            self.remove_first_segment()?;
            surplus = surplus.saturating_sub(size_bytes);
        }
        Ok(())
    }

    /// The size of the first segment if it has to go.
    fn first_to_delete(&self, now_ms: i64, surplus: u64) -> Option<u64> {
        let facts = &self.segments[0].facts;
        let next = self.segments.get(1).map(|segment| segment.facts.base);
        if next.is_some_and(|next| next <= self.start) {
            return Some(facts.size_bytes);
        }
        if facts.size_bytes == 0 || !self.config.cleanup_policy.deletes() {
            return None;
        }
        // Records without timestamps are as old as their segment.
        let newest = if facts.max_timestamp >= 0 { facts.max_timestamp } else { facts.created_ms };
        let expired = self.config.retention_ms.is_some_and(|ms| now_ms.saturating_sub(newest) > ms);
        // Kafka does not go below the limit, and never takes the active segment for its size.
        let too_many = next.is_some() && surplus >= facts.size_bytes;
        (expired || too_many).then_some(facts.size_bytes)
    }

    fn remove_first_segment(&mut self) -> Result<(), LogError> {
        self.files.remove_segment(self.segments[0].facts.base)?;
        self.files.close();
        self.segments.remove(0);
        self.start = self.start.max(self.segments[0].facts.base);
        self.compacted_to = self.compacted_to.max(self.start);
        self.producers.forget_before(self.start);
        Ok(())
    }

    /// Moves the start of the log to `offset`; says where it is now. It never moves back, and survives a
    /// crash. The bytes go with the next [`PartitionLog::maintain`], segment by segment.
    pub fn delete_records_before(&mut self, offset: i64) -> Result<i64, ReadError> {
        if offset < 0 || offset > self.end {
            return Err(ReadError::OffsetOutOfRange { offset, start: self.start, end: self.end });
        }
        if offset > self.start {
            let before = self.start;
            self.start = offset;
            if let Err(error) = self.flush() {
                self.start = before;
                return Err(ReadError::Storage(std::io::Error::other(error)));
            }
            self.producers.forget_before(offset);
        }
        Ok(self.start)
    }
}
