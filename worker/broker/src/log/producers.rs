//! What a partition knows of its producers: their last sequences, their open transactions, and the
//! transactions that were aborted.

use std::collections::{BTreeMap, HashMap};

use super::{
    AbortedTransaction, AppendError, EndTransaction, Marker, Origin, ProducerView,
    batch::{BatchHeader, NO_SEQUENCE},
};

/// Batches remembered per producer: clients have at most five in flight (`max.in.flight.requests.per.connection`).
const BATCHES_MAX: usize = 5;
/// Kafka's `producer.id.expiration.ms`: a producer that was silent for so long is forgotten.
const PRODUCER_EXPIRATION_MS: i64 = 86_400_000;
const NO_EPOCH: i16 = -1;
const NO_COORDINATOR_EPOCH: i32 = -1;

/// A batch that a producer may send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SentBatch {
    pub(super) base_sequence: i32,
    pub(super) last_sequence: i32,
    pub(super) base_offset: i64,
    pub(super) last_offset: i64,
    pub(super) max_timestamp: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) epoch: i16,
    pub(super) coordinator_epoch: i32,
    pub(super) last_timestamp: i64,
    /// When it was last heard of, by our clock; after a restart that is the restart. The records' own
    /// timestamps may be of years ago.
    pub(super) seen_ms: i64,
    /// First offset of the open transaction.
    pub(super) open_from: Option<i64>,
    /// Oldest first, all of the current epoch.
    pub(super) batches: Vec<SentBatch>,
}

impl Producer {
    fn last_sequence(&self) -> i32 {
        self.batches.last().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
}

/// A transaction that was aborted, with what is needed to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aborted {
    pub(super) producer_id: i64,
    pub(super) first_offset: i64,
    /// Where its marker stands.
    pub(super) marker_offset: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Producers {
    pub(super) by_id: HashMap<i64, Producer>,
    /// Open transactions: first offset to producer id.
    open: BTreeMap<i64, i64>,
    /// In the order of their markers.
    pub(super) aborted: Vec<Aborted>,
}

impl Producers {
    pub(super) fn restore(by_id: HashMap<i64, Producer>, aborted: Vec<Aborted>) -> Self {
        let open = by_id.iter().filter_map(|(id, producer)| Some((producer.open_from?, *id))).collect();
        Self { by_id, open, aborted }
    }

    /// Whether a batch may be appended. `Some` when it was appended before, with where that was.
    pub(super) fn check(&self, header: &BatchHeader, origin: Origin) -> Result<Option<SentBatch>, AppendError> {
        if !header.idempotent() {
            return Ok(None);
        }
        let producer_id = header.producer_id;
        let Some(producer) = self.by_id.get(&producer_id) else { return Ok(None) };
        if header.producer_epoch < producer.epoch {
            return Err(AppendError::InvalidProducerEpoch {
                producer_id,
                epoch: header.producer_epoch,
                current_epoch: producer.epoch,
            });
        }
        if origin == Origin::Client {
            let same_epoch = header.producer_epoch == producer.epoch;
            let (base_sequence, last_sequence) = (header.base_sequence, header.last_sequence());
            let sent = |batch: &&SentBatch| {
                same_epoch && batch.base_sequence == base_sequence && batch.last_sequence == last_sequence
            };
            if let Some(batch) = producer.batches.iter().find(sent) {
                return Ok(Some(*batch));
            }
            let expected = if same_epoch { next_sequence(producer.last_sequence()) } else { 0 };
            // Producer state that only markers left has no epoch of data, so any first sequence will do.
            if base_sequence != expected && producer.epoch != NO_EPOCH {
                return Err(AppendError::OutOfOrderSequence {
                    producer_id,
                    sequence: base_sequence,
                    last_sequence: producer.last_sequence(),
                });
            }
        }
        if producer.open_from.is_some() && !header.transactional() {
            return Err(AppendError::InvalidTxnState { producer_id });
        }
        Ok(None)
    }

    pub(super) fn check_end(&self, end: &EndTransaction) -> Result<(), AppendError> {
        let Some(producer) = self.by_id.get(&end.producer_id) else { return Ok(()) };
        if end.epoch < producer.epoch {
            return Err(AppendError::InvalidProducerEpoch {
                producer_id: end.producer_id,
                epoch: end.epoch,
                current_epoch: producer.epoch,
            });
        }
        if end.coordinator_epoch < producer.coordinator_epoch {
            return Err(AppendError::CoordinatorFenced {
                epoch: end.coordinator_epoch,
                current_epoch: producer.coordinator_epoch,
            });
        }
        Ok(())
    }

    /// Takes note of a batch in the log; `batch` is needed of control batches only.
    pub(super) fn note(&mut self, header: &BatchHeader, batch: &[u8], now_ms: i64) {
        if !header.idempotent() {
            return;
        }
        if header.control() {
            if let Some(end) = EndTransaction::decode(header, batch) {
                self.note_end(header, &end, now_ms);
            }
            return;
        }
        let producer = self.by_id.entry(header.producer_id).or_insert_with(unknown_producer);
        producer.enter_epoch(header.producer_epoch);
        producer.last_timestamp = header.max_timestamp;
        producer.seen_ms = now_ms;
        if producer.batches.len() == BATCHES_MAX {
            producer.batches.remove(0);
        }
        producer.batches.push(SentBatch {
            base_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
        });
        if header.transactional() && producer.open_from.is_none() {
            producer.open_from = Some(header.base_offset);
            self.open.insert(header.base_offset, header.producer_id);
        }
    }

    fn note_end(&mut self, header: &BatchHeader, end: &EndTransaction, now_ms: i64) {
        let producer = self.by_id.entry(end.producer_id).or_insert_with(unknown_producer);
        producer.enter_epoch(end.epoch);
        producer.coordinator_epoch = end.coordinator_epoch;
        producer.last_timestamp = header.max_timestamp;
        producer.seen_ms = now_ms;
        if let Some(first_offset) = producer.open_from.take() {
            self.open.remove(&first_offset);
            if end.marker == Marker::Abort {
                let (producer_id, marker_offset) = (end.producer_id, header.last_offset());
                self.aborted.push(Aborted { producer_id, first_offset, marker_offset });
            }
        }
    }

    /// First offset of the oldest open transaction.
    pub(super) fn first_open(&self) -> Option<i64> {
        self.open.first_key_value().map(|(offset, _)| *offset)
    }

    pub(super) fn aborted_in(&self, from: i64, to: i64) -> Vec<AbortedTransaction> {
        let behind = self.aborted.partition_point(|aborted| aborted.marker_offset < from);
        let of = |aborted: &Aborted| AbortedTransaction {
            producer_id: aborted.producer_id,
            first_offset: aborted.first_offset,
        };
        self.aborted[behind..].iter().filter(|aborted| aborted.first_offset < to).map(of).collect()
    }

    /// Forgets aborted transactions before the start of the log.
    pub(super) fn forget_before(&mut self, start: i64) {
        let behind = self.aborted.partition_point(|aborted| aborted.marker_offset < start);
        self.aborted.drain(..behind);
    }

    pub(super) fn forget_idle(&mut self, now_ms: i64) {
        let idle_since = now_ms.saturating_sub(PRODUCER_EXPIRATION_MS);
        self.by_id.retain(|_, producer| producer.open_from.is_some() || producer.seen_ms > idle_since);
    }

    pub(super) fn views(&self) -> Vec<ProducerView> {
        let view = |(id, producer): (&i64, &Producer)| ProducerView {
            producer_id: *id,
            epoch: producer.epoch,
            last_sequence: producer.last_sequence(),
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: producer.coordinator_epoch,
            txn_start_offset: producer.open_from.unwrap_or(-1),
        };
        let mut views: Vec<ProducerView> = self.by_id.iter().map(view).collect();
        views.sort_unstable_by_key(|view| view.producer_id);
        views
    }
}

fn unknown_producer() -> Producer {
    Producer {
        epoch: NO_EPOCH,
        coordinator_epoch: NO_COORDINATOR_EPOCH,
        last_timestamp: -1,
        seen_ms: i64::MIN,
        open_from: None,
        batches: Vec::new(),
    }
}

fn next_sequence(last: i32) -> i32 {
    last.checked_add(1).unwrap_or(0)
}
