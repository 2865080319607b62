//! Reads the transaction log at the start and ends what was decided before the last process ended.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::{
    coordinator::Transactions,
    records,
    state::{Millis, Transaction},
};
use crate::{
    fields::FieldError,
    group::Groups,
    log::LogRecord,
    refusal::Refusal,
    sync::lock,
    topics::{Topics, names::TRANSACTIONS_TOPIC},
};

impl Transactions {
    pub(crate) fn open(topics: Arc<Topics>, groups: Arc<Groups>, timeout_max: Millis) -> Result<Self, Refusal> {
        let mut found = BTreeMap::new();
        if let Ok(partition) = topics.partition(TRANSACTIONS_TOPIC, 0) {
            let mut damaged = 0_u64;
            let take = |record: LogRecord| {
                if replay(&mut found, record).is_err() {
                    damaged += 1;
                }
                ControlFlow::Continue(())
            };
            partition.with_log(|log| log.for_each_record(log.start_offset(), take))??;
            if damaged > 0 {
                tracing::warn!(records = damaged, "records of the transaction log are not understood");
            }
        }
        let shared = found.into_iter().map(|(id, transaction)| (id, Arc::new(Mutex::new(transaction))));
        let transactions =
            Self { by_id: Mutex::new(shared.collect()), topics, groups, timeout_max, changed: Notify::new() };
        transactions.resume();
        Ok(transactions)
    }

    /// Markers of decided transactions are written again: the crash may have come before any of them, or between.
    fn resume(&self) {
        for (id, shared) in lock(&self.by_id).iter() {
            let mut transaction = lock(shared);
            let Some(marker) = transaction.phase.prepared() else { continue };
            if let Err(error) = self.bring(id, &mut transaction, marker) {
                tracing::warn!(transactional_id = id, %error, "could not end a transaction; it is tried again");
            }
        }
    }
}

fn replay(found: &mut BTreeMap<String, Transaction>, record: LogRecord) -> Result<(), FieldError> {
    let Some(key) = record.key else { return Ok(()) };
    let Some(id) = records::read_key(key)? else { return Ok(()) };
    match record.value {
        None => drop(found.remove(&id)),
        Some(value) => drop(found.insert(id, records::read(value)?)),
    }
    Ok(())
}
