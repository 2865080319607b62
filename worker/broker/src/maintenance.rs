//! What happens without a request: sessions and transactions run out, segments are rolled, deleted and compacted.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle, time::sleep};

use crate::{config::millis, core::Core, now_ms, server::stop_asked, topics::Partition};

/// How often the expiry of offsets and transactional ids is looked at; both are counted in days.
const EXPIRY: Duration = Duration::from_secs(60);
/// Far enough away when nothing is due.
const NEVER: Duration = Duration::from_secs(3600);

/// The background tasks of a broker; each ends when it stops.
pub(crate) fn spawn(core: &Arc<Core>, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(until(stopped.clone(), group_deadlines(core.clone()))),
        tokio::spawn(until(stopped.clone(), transaction_deadlines(core.clone()))),
        tokio::spawn(until(stopped.clone(), expiry(core.clone()))),
        tokio::spawn(logs(core.clone(), stopped.clone())),
    ]
}

async fn until(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop_asked(&mut stopped) => {}
        () = work => {}
    }
}

fn wait(deadline: Option<i64>) -> Duration {
    let left = deadline.map_or(i64::MAX, |deadline| deadline.saturating_sub(now_ms()).max(1));
    Duration::from_millis(left.unsigned_abs()).min(NEVER)
}

async fn group_deadlines(core: Arc<Core>) {
    loop {
        let next = core.groups.tick();
        tokio::select! {
            () = core.groups.changed() => {}
            () = sleep(wait(next)) => {}
        }
    }
}

async fn transaction_deadlines(core: Arc<Core>) {
    loop {
        let next = core.transactions.tick();
        tokio::select! {
            () = core.transactions.changed() => {}
            () = sleep(wait(next)) => {}
        }
    }
}

async fn expiry(core: Arc<Core>) {
    loop {
        sleep(EXPIRY).await;
        core.groups.expire_offsets(millis(core.config.times.offsets_retention));
        core.transactions.expire(millis(core.config.times.transactional_id_retention));
    }
}

/// Looks after each log in turn, on a thread of its own because compaction reads and writes whole segments.
async fn logs(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stop_asked(&mut stopped) => return,
            () = sleep(core.config.times.maintenance) => {}
        }
        let (core, stopped) = (core.clone(), stopped.clone());
        let pass = tokio::task::spawn_blocking(move || {
            for topic in core.topics.all() {
                for partition in topic.partitions() {
                    if *stopped.borrow() {
                        return;
                    }
                    look_after(&partition, core.config.limits.compaction_bytes);
                }
            }
        });
        if let Err(error) = pass.await {
            tracing::error!(%error, "looking after the logs ended in a panic");
        }
    }
}

fn look_after(partition: &Partition, compaction_bytes: usize) {
    let (topic, index) = (partition.at.topic.as_str(), partition.at.partition);
    if let Ok(Err(error)) = partition.with_log(|log| log.maintain(now_ms())) {
        tracing::warn!(topic, partition = index, %error, "could not look after a log");
    }
    // The log is free for clients while the new segments are written; it is held for the exchange alone.
    let Ok(Some(compaction)) = partition.with_log(|log| log.compaction(now_ms(), compaction_bytes)) else { return };
    let compacted = compaction.run().and_then(|output| {
        // The log may have been deleted in the meantime, which leaves nothing to exchange.
        partition.with_log(|log| log.install(output, now_ms())).unwrap_or(Ok(None))
    });
    match compacted {
        Ok(Some(done)) => {
            let (before, after) = (done.bytes_before, done.bytes_after);
            tracing::debug!(topic, partition = index, before, after, "compacted a log");
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(topic, partition = index, %error, "could not compact a log"),
    }
}
