//! The state of one transactional id. Pure: it says what may happen, the coordinator makes it happen.

use std::collections::BTreeSet;

use kafka_protocol::error::ResponseError;

use crate::log::Marker;

pub(crate) type Millis = i64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Empty = 0,
    Ongoing = 1,
    /// The outcome is decided and written down; markers are on their way.
    PrepareCommit = 2,
    PrepareAbort = 3,
    CompleteCommit = 4,
    CompleteAbort = 5,
}

impl Phase {
    pub(crate) const ALL: [Phase; 6] = [
        Phase::Empty,
        Phase::Ongoing,
        Phase::PrepareCommit,
        Phase::PrepareAbort,
        Phase::CompleteCommit,
        Phase::CompleteAbort,
    ];

    /// The name that clients see.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Ongoing => "Ongoing",
            Phase::PrepareCommit => "PrepareCommit",
            Phase::PrepareAbort => "PrepareAbort",
            Phase::CompleteCommit => "CompleteCommit",
            Phase::CompleteAbort => "CompleteAbort",
        }
    }

    /// The outcome that is decided and not yet everywhere.
    pub(crate) fn prepared(self) -> Option<Marker> {
        match self {
            Phase::PrepareCommit => Some(Marker::Commit),
            Phase::PrepareAbort => Some(Marker::Abort),
            Phase::Empty | Phase::Ongoing | Phase::CompleteCommit | Phase::CompleteAbort => None,
        }
    }
}

/// Who writes: the id of a producer and how often it was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transaction {
    pub(crate) producer: Producer,
    /// The producer before the last takeover, which may repeat its request when the answer was lost (KIP-360).
    pub(crate) previous: Option<Producer>,
    pub(crate) timeout: Millis,
    pub(crate) phase: Phase,
    pub(crate) partitions: BTreeSet<(String, i32)>,
    pub(crate) started_at: Millis,
    pub(crate) changed_at: Millis,
}

/// What a producer that registers has to wait for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Takeover {
    /// The request was answered before, and the answer was lost.
    Repeated,
    /// The next epoch is the new producer's.
    Next,
    /// A transaction is open: it is aborted first.
    AbortFirst,
}

/// What an end of transaction asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ending {
    /// It ended this way before, and the answer was lost.
    Repeated,
    Begin,
}

impl Transaction {
    pub(crate) fn new(producer: Producer, timeout: Millis, now: Millis) -> Self {
        Self {
            producer,
            previous: None,
            timeout,
            phase: Phase::Empty,
            partitions: BTreeSet::new(),
            started_at: -1,
            changed_at: now,
        }
    }

    /// A producer registers: anew, or (`claim`) to go on with the epoch it has after an error.
    pub(crate) fn take_over(&self, claim: Option<Producer>) -> Result<Takeover, ResponseError> {
        if let Some(claim) = claim {
            if self.previous == Some(claim) {
                return Ok(Takeover::Repeated);
            }
            if claim != self.producer {
                return Err(ResponseError::ProducerFenced);
            }
        }
        match self.phase {
            Phase::PrepareCommit | Phase::PrepareAbort => Err(ResponseError::ConcurrentTransactions),
            Phase::Ongoing => Ok(Takeover::AbortFirst),
            Phase::Empty | Phase::CompleteCommit | Phase::CompleteAbort => Ok(Takeover::Next),
        }
    }

    /// Whether another takeover would use up the epochs of this producer id. The last epoch is kept for fencing.
    pub(crate) fn exhausted(&self) -> bool {
        self.producer.epoch >= i16::MAX - 2
    }

    /// Fences everybody who has the current epoch.
    pub(crate) fn bump(&mut self) {
        self.producer.epoch = self.producer.epoch.saturating_add(1);
    }

    /// The next producer under this id: no transaction, a fresh epoch.
    pub(crate) fn renew(&mut self, producer: Producer, previous: Option<Producer>, timeout: Millis, now: Millis) {
        *self = Self { previous, ..Self::new(producer, timeout, now) };
    }

    fn check(&self, producer: Producer) -> Result<(), ResponseError> {
        if producer.id != self.producer.id {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        if producer.epoch != self.producer.epoch {
            return Err(ResponseError::ProducerFenced);
        }
        Ok(())
    }

    /// Takes partitions into the open transaction, opening it with the first. Says whether anything is new.
    pub(crate) fn add(
        &mut self,
        producer: Producer,
        partitions: &[(String, i32)],
        now: Millis,
    ) -> Result<bool, ResponseError> {
        self.check(producer)?;
        match self.phase {
            Phase::PrepareCommit | Phase::PrepareAbort => return Err(ResponseError::ConcurrentTransactions),
            Phase::Ongoing => {}
            Phase::Empty | Phase::CompleteCommit | Phase::CompleteAbort => {
                self.phase = Phase::Ongoing;
                self.partitions.clear();
                self.started_at = now;
            }
        }
        let before = self.partitions.len();
        self.partitions.extend(partitions.iter().cloned());
        self.changed_at = now;
        Ok(self.partitions.len() > before || self.started_at == now)
    }

    /// Whether the producer may write transactional records to the partition now.
    pub(crate) fn check_write(&self, producer: Producer, partition: &(String, i32)) -> Result<(), ResponseError> {
        match self.check(producer) {
            Ok(()) => {}
            // Producing knows one error for an epoch that is over.
            Err(ResponseError::ProducerFenced) => return Err(ResponseError::InvalidProducerEpoch),
            Err(error) => return Err(error),
        }
        if self.phase == Phase::Ongoing && self.partitions.contains(partition) {
            Ok(())
        } else {
            Err(ResponseError::InvalidTxnState)
        }
    }

    pub(crate) fn end(&self, producer: Producer, marker: Marker) -> Result<Ending, ResponseError> {
        self.check(producer)?;
        match (self.phase, marker) {
            (Phase::Ongoing, _) => Ok(Ending::Begin),
            (Phase::CompleteCommit, Marker::Commit) | (Phase::CompleteAbort, Marker::Abort) => Ok(Ending::Repeated),
            (Phase::PrepareCommit | Phase::PrepareAbort, _) => Err(ResponseError::ConcurrentTransactions),
            (Phase::Empty | Phase::CompleteCommit | Phase::CompleteAbort, _) => Err(ResponseError::InvalidTxnState),
        }
    }

    pub(crate) fn prepare(&mut self, marker: Marker, now: Millis) {
        self.phase = match marker {
            Marker::Commit => Phase::PrepareCommit,
            Marker::Abort => Phase::PrepareAbort,
        };
        self.changed_at = now;
    }

    /// Every partition has its marker.
    pub(crate) fn complete(&mut self, marker: Marker, now: Millis) {
        self.phase = match marker {
            Marker::Commit => Phase::CompleteCommit,
            Marker::Abort => Phase::CompleteAbort,
        };
        self.partitions.clear();
        self.started_at = -1;
        self.changed_at = now;
    }

    /// When the open transaction has taken too long.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        (self.phase == Phase::Ongoing).then(|| self.started_at.saturating_add(self.timeout))
    }

    /// Nothing is open or on its way, and nobody has used the id for so long.
    pub(crate) fn expired(&self, retention: Millis, now: Millis) -> bool {
        matches!(self.phase, Phase::Empty | Phase::CompleteCommit | Phase::CompleteAbort)
            && self.changed_at.saturating_add(retention) < now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Producer = Producer { id: 7, epoch: 0 };

    fn open() -> Transaction {
        let mut transaction = Transaction::new(FIRST, 1_000, 0);
        assert_eq!(transaction.add(FIRST, &[("t".into(), 0)], 10), Ok(true));
        transaction
    }

    #[test]
    fn a_transaction_ends_once_and_the_end_can_be_repeated() {
        let mut transaction = open();
        assert_eq!(transaction.deadline(), Some(1_010));
        assert_eq!(transaction.end(FIRST, Marker::Commit), Ok(Ending::Begin));
        transaction.prepare(Marker::Commit, 20);
        assert_eq!(transaction.end(FIRST, Marker::Commit), Err(ResponseError::ConcurrentTransactions));
        assert_eq!(transaction.take_over(None), Err(ResponseError::ConcurrentTransactions));
        transaction.complete(Marker::Commit, 30);
        assert_eq!(transaction.end(FIRST, Marker::Commit), Ok(Ending::Repeated));
        assert_eq!(transaction.end(FIRST, Marker::Abort), Err(ResponseError::InvalidTxnState));
        assert_eq!(transaction.deadline(), None);
    }

    #[test]
    fn who_was_taken_over_is_fenced() {
        let mut transaction = open();
        assert_eq!(transaction.take_over(None), Ok(Takeover::AbortFirst));
        transaction.bump();
        let zombie = [("t".to_owned(), 1)];
        assert_eq!(transaction.add(FIRST, &zombie, 20), Err(ResponseError::ProducerFenced));
        assert_eq!(transaction.check_write(FIRST, &("t".into(), 0)), Err(ResponseError::InvalidProducerEpoch));
        assert_eq!(transaction.end(FIRST, Marker::Commit), Err(ResponseError::ProducerFenced));
        assert_eq!(transaction.take_over(Some(FIRST)), Err(ResponseError::ProducerFenced));
        let other = Producer { id: 8, epoch: 0 };
        assert_eq!(transaction.end(other, Marker::Commit), Err(ResponseError::InvalidProducerIdMapping));
    }

    #[test]
    fn a_lost_answer_to_a_bump_does_not_fence_its_producer() {
        let mut transaction = Transaction::new(FIRST, 1_000, 0);
        let second = Producer { id: 7, epoch: 1 };
        assert_eq!(transaction.take_over(Some(FIRST)), Ok(Takeover::Next));
        transaction.renew(second, Some(FIRST), 1_000, 5);
        assert_eq!(transaction.take_over(Some(FIRST)), Ok(Takeover::Repeated));
        assert_eq!(transaction.take_over(Some(second)), Ok(Takeover::Next));
    }

    #[test]
    fn records_belong_to_partitions_that_were_added() {
        let transaction = open();
        assert_eq!(transaction.check_write(FIRST, &("t".into(), 0)), Ok(()));
        assert_eq!(transaction.check_write(FIRST, &("t".into(), 1)), Err(ResponseError::InvalidTxnState));
    }
}
