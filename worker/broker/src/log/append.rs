//! Appending batches: they are checked, get their offsets, and are written with one call.

use std::{
    fs::File,
    io::{self, IoSlice, Write},
};

use super::{
    AppendError, Appended, EndTransaction, Origin, PartitionLog, TimestampType,
    batch::{BatchDefect, BatchHeader, HEADER_BYTES, NO_TIMESTAMP},
    record::{self, RecordSlice},
};

/// A batch to append: its header with what the log puts in, and the bytes as they came.
struct Incoming<'a> {
    header: BatchHeader,
    bytes: &'a [u8],
}

impl PartitionLog {
    /// Appends one or more record batches as they came from the client.
    pub fn append(&mut self, records: &[u8], origin: Origin, now_ms: i64) -> Result<Appended, AppendError> {
        let mut batches = self.check_batches(records, origin, now_ms)?;
        for batch in &batches {
            if let Some(sent) = self.producers.check(&batch.header, origin)? {
                return Ok(Appended {
                    base_offset: sent.base_offset,
                    last_offset: sent.last_offset,
                    // As Kafka has it, whoever's clock the topic goes by.
                    log_append_time: sent.max_timestamp,
                    log_start_offset: self.start,
                    duplicate: true,
                });
            }
        }
        let base_offset = self.end;
        let mut next = base_offset;
        for batch in &mut batches {
            batch.header.base_offset = next;
            next = batch.header.last_offset() + 1;
        }
        self.write(&batches, now_ms)?;
        let log_append_time = match self.config.message_timestamp_type {
            TimestampType::CreateTime => NO_TIMESTAMP,
            TimestampType::LogAppendTime => now_ms,
        };
        Ok(Appended {
            base_offset,
            last_offset: next - 1,
            log_append_time,
            log_start_offset: self.start,
            duplicate: false,
        })
    }

    /// Ends the producer's transaction in this partition.
    pub fn append_control(&mut self, end: &EndTransaction, now_ms: i64) -> Result<Appended, AppendError> {
        self.producers.check_end(end)?;
        self.append(&end.encode(now_ms), Origin::Coordinator, now_ms)
    }

    fn check_batches<'a>(
        &self,
        records: &'a [u8],
        origin: Origin,
        now_ms: i64,
    ) -> Result<Vec<Incoming<'a>>, AppendError> {
        let mut batches = Vec::with_capacity(1);
        let mut rest = records;
        while !rest.is_empty() {
            let header = BatchHeader::check(rest).map_err(refuse_defect)?;
            let (bytes, behind) = rest.split_at(header.size_bytes);
            rest = behind;
            let mut batch = Incoming { header, bytes };
            self.check_batch(&batch, origin)?;
            self.take_timestamps(&mut batch, now_ms)?;
            batches.push(batch);
        }
        let limit_bytes = self.config.segment_bytes as usize;
        if records.len() > limit_bytes {
            return Err(AppendError::RecordListTooLarge { size_bytes: records.len(), limit_bytes });
        }
        match &batches[..] {
            [] => Err(AppendError::InvalidRecord("there is no record batch".to_owned())),
            // Sequences are checked batch by batch against what is in the log already.
            [_, _, ..] if batches.iter().any(|batch| batch.header.idempotent()) => {
                Err(AppendError::InvalidRecord("an idempotent producer sends one batch at a time".to_owned()))
            }
            _ => Ok(batches),
        }
    }

    fn check_batch(&self, batch: &Incoming<'_>, origin: Origin) -> Result<(), AppendError> {
        let header = &batch.header;
        let refuse = |reason: &str| Err(AppendError::InvalidRecord(reason.to_owned()));
        let limit_bytes = self.config.max_message_bytes;
        if header.size_bytes > limit_bytes {
            return Err(AppendError::MessageTooLarge { size_bytes: header.size_bytes, limit_bytes });
        }
        if header.record_count <= 0 || header.last_offset_delta != header.record_count - 1 {
            return refuse("the number of records does not match their offsets");
        }
        if header.codec().is_none() {
            return refuse("its compression is unknown");
        }
        if origin == Origin::Client {
            if header.control() {
                return refuse("clients may not write control records");
            }
            if header.idempotent() && header.base_sequence < 0 {
                return refuse("an idempotent batch needs a sequence number");
            }
            if header.transactional() && !header.idempotent() {
                return refuse("a transactional batch needs a producer id");
            }
        }
        let needs_keys = self.config.cleanup_policy.compacts() && !header.control();
        if needs_keys || self.config.message_timestamp_before_max_ms != i64::MAX {
            return self.check_records(batch, needs_keys);
        }
        Ok(())
    }

    /// Opens the batch, which is needed only where a rule is about single records.
    fn check_records(&self, batch: &Incoming<'_>, needs_keys: bool) -> Result<(), AppendError> {
        let corrupt = |error: io::Error| AppendError::InvalidRecord(error.to_string());
        let payload = record::open_payload(&batch.header, &batch.bytes[HEADER_BYTES..]).map_err(corrupt)?;
        let mut count = 0;
        for record in RecordSlice::iterate(&payload) {
            let record = record.map_err(corrupt)?;
            if record.offset_delta != count {
                return Err(AppendError::InvalidRecord("the records' offsets do not follow each other".to_owned()));
            }
            if needs_keys && record.key.is_none() {
                return Err(AppendError::InvalidRecord("a compacted topic needs a key in every record".to_owned()));
            }
            count += 1;
        }
        if count != batch.header.record_count {
            return Err(AppendError::InvalidRecord("the number of records is not the one it says".to_owned()));
        }
        Ok(())
    }

    fn take_timestamps(&self, batch: &mut Incoming<'_>, now_ms: i64) -> Result<(), AppendError> {
        let header = &mut batch.header;
        let before = *header;
        match self.config.message_timestamp_type {
            TimestampType::LogAppendTime => header.stamp_log_append_time(now_ms),
            TimestampType::CreateTime => {
                header.clear_log_append_time();
                let earliest = now_ms.saturating_sub(self.config.message_timestamp_before_max_ms);
                let latest = now_ms.saturating_add(self.config.message_timestamp_after_max_ms);
                for timestamp in [header.base_timestamp, header.max_timestamp] {
                    if timestamp != NO_TIMESTAMP && !(earliest..=latest).contains(&timestamp) {
                        return Err(AppendError::InvalidTimestamp { timestamp, earliest, latest });
                    }
                }
            }
        }
        if *header != before {
            header.crc = header.checksum(&batch.bytes[HEADER_BYTES..]);
        }
        Ok(())
    }

    fn write(&mut self, batches: &[Incoming<'_>], now_ms: i64) -> Result<(), AppendError> {
        if self.needs_roll(batches, now_ms) {
            self.roll(now_ms).map_err(AppendError::Storage)?;
        }
        let base = self.active().facts.base;
        let file = self.files.active(base).map_err(AppendError::Storage)?;
        self.write_to(&file, batches).map_err(AppendError::Storage)?;
        if self.active().facts.size_bytes == 0 {
            self.active_mut().facts.created_ms = now_ms;
        }
        let interval_bytes = self.config.index_interval_bytes;
        for batch in batches {
            self.active_mut().note(&batch.header, interval_bytes);
            self.producers.note(&batch.header, batch.bytes, now_ms);
            self.checkpoint.bytes_behind += batch.bytes.len() as u64;
            self.end = batch.header.last_offset() + 1;
        }
        Ok(())
    }

    /// Writes all or nothing: what a full disk took is cut off again.
    fn write_to(&mut self, file: &File, batches: &[Incoming<'_>]) -> io::Result<()> {
        let size_bytes = self.active().facts.size_bytes;
        if self.cut_pending {
            file.set_len(size_bytes)?;
            self.cut_pending = false;
        }
        let headers: Vec<[u8; HEADER_BYTES]> = batches.iter().map(|batch| batch.header.encode()).collect();
        let mut parts = Vec::with_capacity(2 * batches.len());
        for (batch, header) in batches.iter().zip(&headers) {
            parts.push(IoSlice::new(header));
            parts.push(IoSlice::new(&batch.bytes[HEADER_BYTES..]));
        }
        let written = write_parts(file, &mut parts);
        if written.is_err() {
            self.cut_pending = file.set_len(size_bytes).is_err();
        }
        written
    }

    fn needs_roll(&self, batches: &[Incoming<'_>], now_ms: i64) -> bool {
        let facts = &self.active().facts;
        if facts.size_bytes == 0 {
            return false;
        }
        let bytes: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
        let last = batches.last().map_or(self.end, |batch| batch.header.last_offset());
        let newest = batches.iter().map(|batch| batch.header.max_timestamp).max().unwrap_or(NO_TIMESTAMP);
        // As in Kafka, a segment's age is that of its records, so that old records read in again keep
        // their places; without timestamps it is our clock's.
        let age_ms = if facts.first_timestamp >= 0 && newest >= 0 {
            newest.saturating_sub(facts.first_timestamp)
        } else {
            now_ms.saturating_sub(facts.created_ms)
        };
        facts.size_bytes + bytes as u64 > u64::from(self.config.segment_bytes)
            || last - facts.base > i64::from(i32::MAX)
            || age_ms > self.config.segment_ms
    }
}

fn write_parts(mut file: &File, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    // An empty part at the front would make a write of nothing look like a full disk.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match file.write_vectored(parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut parts, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn refuse_defect(defect: BatchDefect) -> AppendError {
    match defect {
        // The formats before this one are whole, but not taken any more.
        BatchDefect::Magic(0 | 1) => AppendError::InvalidRecord(defect.to_string()),
        BatchDefect::Magic(_) | BatchDefect::Short(_) | BatchDefect::Length(_) | BatchDefect::Crc => {
            AppendError::CorruptMessage(defect.to_string())
        }
    }
}
