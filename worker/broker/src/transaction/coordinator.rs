//! Carries transactions through: what is decided is written down first, then done, then noted as done.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use kafka_protocol::error::ResponseError;
use tokio::sync::Notify;

use super::{
    records,
    state::{Ending, Millis, Producer, Takeover, Transaction},
};
use crate::{
    group::Groups,
    log::{EndTransaction, Marker},
    now_ms,
    refusal::Refusal,
    state_log::{self, StateRecord},
    sync::lock,
    topics::{
        Topics,
        names::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC},
    },
};

/// One node coordinates for ever, so its epoch never changes.
const COORDINATOR_EPOCH: i32 = 0;

type Shared = Arc<Mutex<Transaction>>;

#[derive(Debug)]
pub(crate) struct Transactions {
    /// Each transactional id has a lock of its own, held while its records and markers are written: what is fenced or
    /// ended can't be written to in between.
    pub(super) by_id: Mutex<BTreeMap<String, Shared>>,
    pub(super) topics: Arc<Topics>,
    pub(super) groups: Arc<Groups>,
    pub(super) timeout_max: Millis,
    /// Rung when a deadline may have come nearer.
    pub(super) changed: Notify,
}

/// Who writes into which partition under which transactional id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) producer: Producer,
}

impl Transactions {
    fn shared(&self, transactional_id: &str) -> Result<Shared, Refusal> {
        let found = lock(&self.by_id).get(transactional_id).cloned();
        found.ok_or_else(|| ResponseError::InvalidProducerIdMapping.into())
    }

    /// Registers a producer: fences the one before and ends what it left open.
    pub(crate) fn register(
        &self,
        transactional_id: &str,
        timeout: Millis,
        claim: Option<Producer>,
    ) -> Result<Producer, Refusal> {
        if timeout <= 0 || timeout > self.timeout_max {
            return Err(ResponseError::InvalidTransactionTimeout.into());
        }
        let found = lock(&self.by_id).get(transactional_id).cloned();
        let Some(shared) = found else { return self.first(transactional_id, timeout) };
        let mut transaction = lock(&shared);
        let before = transaction.producer;
        let mut bumped = false;
        match transaction.take_over(claim)? {
            Takeover::Repeated => return Ok(transaction.producer),
            Takeover::Next => {}
            Takeover::AbortFirst => {
                // The marker carries an epoch of its own, so that the zombie is fenced in the partitions as well.
                transaction.bump();
                self.finish(transactional_id, &mut transaction, Marker::Abort)?;
                bumped = true;
            }
        }
        let next = if transaction.exhausted() {
            Producer { id: self.topics.next_producer_id()?, epoch: 0 }
        } else if bumped && claim.is_some() {
            // Who goes on with its own epoch has the next one already: nobody else had it.
            transaction.producer
        } else {
            Producer { id: transaction.producer.id, epoch: transaction.producer.epoch + 1 }
        };
        let mut renewed = transaction.clone();
        renewed.renew(next, claim.map(|_| before), timeout, now_ms());
        self.save(transactional_id, &renewed)?;
        *transaction = renewed;
        Ok(next)
    }

    fn first(&self, transactional_id: &str, timeout: Millis) -> Result<Producer, Refusal> {
        let producer = Producer { id: self.topics.next_producer_id()?, epoch: 0 };
        let transaction = Transaction::new(producer, timeout, now_ms());
        let mut by_id = lock(&self.by_id);
        if by_id.contains_key(transactional_id) {
            // Somebody registered the same id in this moment; the client comes again and takes over in order.
            return Err(ResponseError::ConcurrentTransactions.into());
        }
        self.save(transactional_id, &transaction)?;
        by_id.insert(transactional_id.to_owned(), Arc::new(Mutex::new(transaction)));
        Ok(producer)
    }

    pub(crate) fn add(&self, by: Writing<'_>, partitions: &[(String, i32)]) -> Result<(), Refusal> {
        let shared = self.shared(by.transactional_id)?;
        let mut transaction = lock(&shared);
        let mut grown = transaction.clone();
        if grown.add(by.producer, partitions, now_ms())? {
            self.save(by.transactional_id, &grown)?;
        }
        *transaction = grown;
        drop(transaction);
        self.changed.notify_one();
        Ok(())
    }

    /// The offsets of a group become part of the transaction: its marker goes to the offsets log too.
    pub(crate) fn add_offsets(&self, by: Writing<'_>) -> Result<(), Refusal> {
        self.topics.internal(OFFSETS_TOPIC)?;
        self.add(by, &[(OFFSETS_TOPIC.to_owned(), 0)])
    }

    /// Writes under the transaction's lock if the producer may write there now.
    pub(crate) fn write<T>(
        &self,
        by: Writing<'_>,
        partition: &(String, i32),
        write: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let shared = self.shared(by.transactional_id)?;
        let transaction = lock(&shared);
        transaction.check_write(by.producer, partition)?;
        write()
    }

    pub(crate) fn end(&self, by: Writing<'_>, marker: Marker) -> Result<(), Refusal> {
        let shared = self.shared(by.transactional_id)?;
        let mut transaction = lock(&shared);
        match transaction.end(by.producer, marker)? {
            Ending::Repeated => Ok(()),
            Ending::Begin => self.finish(by.transactional_id, &mut transaction, marker),
        }
    }

    /// Decides the outcome, writes it down, and brings it everywhere. When the first write fails nothing has happened;
    /// when a later one fails the outcome stands and is brought on at the next tick or start.
    fn finish(
        &self,
        transactional_id: &str,
        transaction: &mut MutexGuard<'_, Transaction>,
        marker: Marker,
    ) -> Result<(), Refusal> {
        let mut prepared = transaction.clone();
        prepared.prepare(marker, now_ms());
        self.save(transactional_id, &prepared)?;
        **transaction = prepared;
        self.bring(transactional_id, transaction, marker)
    }

    /// Writes the markers of a decided transaction. A marker that is there already does no harm.
    pub(super) fn bring(
        &self,
        transactional_id: &str,
        transaction: &mut Transaction,
        marker: Marker,
    ) -> Result<(), Refusal> {
        let producer = transaction.producer;
        for (topic, index) in &transaction.partitions {
            // The topic may have been deleted since: there is nothing left to end.
            let Ok(partition) = self.topics.partition(topic, *index) else { continue };
            let end = EndTransaction {
                producer_id: producer.id,
                epoch: producer.epoch,
                marker,
                coordinator_epoch: COORDINATOR_EPOCH,
            };
            match partition.with_log(|log| log.append_control(&end, now_ms())) {
                Ok(written) => drop(written?),
                Err(gone) if gone.error == ResponseError::UnknownTopicOrPartition => continue,
                Err(refusal) => return Err(refusal),
            }
            if topic == OFFSETS_TOPIC {
                self.groups.end_transaction(producer.id, marker == Marker::Commit);
            }
            partition.changed();
        }
        let mut completed = transaction.clone();
        completed.complete(marker, now_ms());
        self.save(transactional_id, &completed)?;
        *transaction = completed;
        Ok(())
    }

    fn save(&self, transactional_id: &str, transaction: &Transaction) -> Result<(), Refusal> {
        let record = StateRecord { key: records::key(transactional_id), value: Some(records::value(transaction)) };
        state_log::append(&self.topics, TRANSACTIONS_TOPIC, &[record], None).map(drop)
    }

    /// Aborts what took too long, brings on what is decided, and gives the time of the next deadline.
    pub(crate) fn tick(&self) -> Option<Millis> {
        let all: Vec<(String, Shared)> =
            lock(&self.by_id).iter().map(|(id, shared)| (id.clone(), shared.clone())).collect();
        let now = now_ms();
        let mut next: Option<Millis> = None;
        for (id, shared) in all {
            let mut transaction = lock(&shared);
            let done = if let Some(marker) = transaction.phase.prepared() {
                self.bring(&id, &mut transaction, marker)
            } else if transaction.deadline().is_some_and(|deadline| deadline <= now) {
                tracing::info!(transactional_id = id, "aborted a transaction that took longer than its timeout");
                // Whoever comes back to it shall not go on as if nothing had happened.
                transaction.bump();
                self.finish(&id, &mut transaction, Marker::Abort)
            } else {
                Ok(())
            };
            if let Err(error) = done {
                tracing::warn!(transactional_id = id, %error, "could not end a transaction; it is tried again");
                next = next.into_iter().chain([now + RETRY_MS]).min();
            }
            next = next.into_iter().chain(transaction.deadline()).min();
        }
        next
    }

    /// Forgets transactional ids that nobody has used for so long.
    pub(crate) fn expire(&self, retention: Millis) {
        let now = now_ms();
        let mut by_id = lock(&self.by_id);
        let dead: Vec<String> = by_id
            .iter()
            .filter(|(_, shared)| shared.try_lock().is_ok_and(|transaction| transaction.expired(retention, now)))
            .map(|(id, _)| id.clone())
            .collect();
        for id in dead {
            let record = StateRecord { key: records::key(&id), value: None };
            match state_log::append(&self.topics, TRANSACTIONS_TOPIC, &[record], None) {
                Ok(_) => drop(by_id.remove(&id)),
                Err(error) => tracing::warn!(transactional_id = id, %error, "could not forget a transactional id"),
            }
        }
    }

    /// Waits until a deadline may have come nearer.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A copy of what is known about one transactional id.
    pub(crate) fn of(&self, transactional_id: &str) -> Option<Transaction> {
        let found = lock(&self.by_id).get(transactional_id).cloned()?;
        let transaction = lock(&found).clone();
        Some(transaction)
    }

    /// Copies of all, in the order of their ids.
    pub(crate) fn all(&self) -> Vec<(String, Transaction)> {
        let all: Vec<(String, Shared)> =
            lock(&self.by_id).iter().map(|(id, shared)| (id.clone(), shared.clone())).collect();
        all.into_iter().map(|(id, shared)| (id, lock(&shared).clone())).collect()
    }
}

/// How soon an outcome that could not be written everywhere is tried again.
const RETRY_MS: Millis = 1_000;
