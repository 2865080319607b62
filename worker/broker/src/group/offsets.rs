//! The offsets of one group: committed ones, and those of transactions that are still open.

use std::collections::BTreeMap;

use super::state::Millis;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    /// -1 when the client did not say.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
    pub(crate) timestamp: Millis,
}

/// Topic, then partition.
pub(crate) type ByPartition = BTreeMap<String, BTreeMap<i32, Committed>>;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GroupOffsets {
    committed: ByPartition,
    /// By producer id: offsets that count once its transaction commits.
    pending: BTreeMap<i64, ByPartition>,
}

impl GroupOffsets {
    pub(crate) fn committed(&self) -> &ByPartition {
        &self.committed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }

    pub(crate) fn of(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.committed.get(topic)?.get(&partition)
    }

    /// Whether an open transaction may yet change this offset.
    pub(crate) fn unstable(&self, topic: &str, partition: i32) -> bool {
        self.pending.values().any(|offsets| offsets.get(topic).is_some_and(|inner| inner.contains_key(&partition)))
    }

    pub(crate) fn commit(&mut self, topic: &str, partition: i32, committed: Committed) {
        self.committed.entry(topic.to_owned()).or_default().insert(partition, committed);
    }

    pub(crate) fn add_pending(&mut self, producer_id: i64, topic: &str, partition: i32, committed: Committed) {
        let offsets = self.pending.entry(producer_id).or_default();
        offsets.entry(topic.to_owned()).or_default().insert(partition, committed);
    }

    /// The producer's transaction ended: its offsets count now, or never.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, commits: bool) {
        let Some(offsets) = self.pending.remove(&producer_id) else { return };
        if commits {
            for (topic, partitions) in offsets {
                self.committed.entry(topic).or_default().extend(partitions);
            }
        }
    }

    /// Whether the offset was there.
    pub(crate) fn remove(&mut self, topic: &str, partition: i32) -> bool {
        let Some(partitions) = self.committed.get_mut(topic) else { return false };
        let removed = partitions.remove(&partition).is_some();
        if partitions.is_empty() {
            self.committed.remove(topic);
        }
        removed
    }

    /// Committed offsets for which `gone` holds, in order.
    pub(crate) fn matching(&self, gone: impl Fn(&str, &Committed) -> bool) -> Vec<(String, i32)> {
        let mut found = Vec::new();
        for (topic, partitions) in &self.committed {
            let matches = partitions.iter().filter(|(_, committed)| gone(topic, committed));
            found.extend(matches.map(|(partition, _)| (topic.clone(), *partition)));
        }
        found
    }
}
