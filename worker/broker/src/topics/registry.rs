//! All topics of the broker, and how they change: the file first, then what clients see.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, RwLock},
};

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use super::{
    Partition, Settings, StoreError, Topic,
    names::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC, check_name, collide, internal},
    settings::log_config,
    store::{Listed, Listing},
    unknown,
};
use crate::{
    log::{DataDir, LogConfig, LogError, TopicPartition},
    now_ms,
    refusal::Refusal,
    sync::{lock, read, write},
};

/// Producer ids set aside at a time, so that the file is not written for each.
const PRODUCER_ID_BLOCK: i64 = 1000;

#[derive(Debug)]
pub(crate) struct Topics {
    /// Changes of topics go one after the other; `None` when the broker is closed.
    disk: Mutex<Option<Disk>>,
    by_name: RwLock<BTreeMap<String, Arc<Topic>>>,
    producer_ids: Mutex<ProducerIds>,
    cluster_id: String,
    partitions_max: usize,
}

#[derive(Debug)]
struct Disk {
    directory: DataDir,
    listing: Listing,
}

#[derive(Debug)]
struct ProducerIds {
    next: i64,
    set_aside: i64,
}

/// A topic that shall come to be.
#[derive(Clone, Debug)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) settings: Settings,
}

impl Topics {
    pub(crate) fn open(directory: DataDir, partitions_max: usize) -> Result<Self, OpenError> {
        let found = directory.partitions()?;
        let listing = Listing::load(directory.path(), !found.is_empty())?;
        let mut by_name = BTreeMap::new();
        for listed in &listing.topics {
            let config = log_config(&listed.settings).unwrap_or_else(|refusal| {
                tracing::warn!(topic = listed.name, error = %refusal, "settings of a topic are not understood");
                LogConfig::default()
            });
            let partitions = open_partitions(&directory, &listed.name, 0..count(listed.partitions), &config)?;
            let id = Uuid::parse_str(&listed.id).unwrap_or_else(|_| Uuid::new_v4());
            let topic = Topic::new(&listed.name, id, partitions, listed.settings.clone());
            by_name.insert(listed.name.clone(), Arc::new(topic));
        }
        for at in found {
            let known =
                by_name.get(&at.topic).is_some_and(|topic: &Arc<Topic>| topic.partition(at.partition).is_some());
            if !known {
                // Left over from a creation or a deletion that a crash cut short: no client was told that it is there.
                tracing::warn!(topic = at.topic, partition = at.partition, "removed the log of an unknown partition");
                directory.delete_log(&at)?;
            }
        }
        Ok(Self {
            producer_ids: Mutex::new(ProducerIds {
                next: listing.next_producer_id,
                set_aside: listing.next_producer_id,
            }),
            cluster_id: listing.cluster_id.clone(),
            disk: Mutex::new(Some(Disk { directory, listing })),
            by_name: RwLock::new(by_name),
            partitions_max,
        })
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        read(&self.by_name).values().cloned().collect()
    }

    pub(crate) fn named(&self, name: &str) -> Option<Arc<Topic>> {
        read(&self.by_name).get(name).cloned()
    }

    pub(crate) fn with_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        read(&self.by_name).values().find(|topic| topic.id == id).cloned()
    }

    pub(crate) fn partition(&self, topic: &str, index: i32) -> Result<Arc<Partition>, Refusal> {
        self.named(topic).and_then(|topic| topic.partition(index)).ok_or_else(|| unknown(topic, index))
    }

    pub(crate) fn partition_count(&self) -> usize {
        read(&self.by_name).values().map(|topic| topic.partition_count()).sum()
    }

    /// Everything that speaks against a new topic, without making it.
    pub(crate) fn check(&self, new: &NewTopic) -> Result<LogConfig, Refusal> {
        self.check_free(&new.name)?;
        self.check_room(new.partitions)?;
        log_config(&new.settings)
    }

    /// Whether a topic may be made under the name, which is looked at before anything else about it.
    pub(crate) fn check_free(&self, name: &str) -> Result<(), Refusal> {
        check_name(name)?;
        if self.named(name).is_some() || internal(name) {
            let message = format!("Topic '{name}' already exists.");
            return Err(Refusal::new(ResponseError::TopicAlreadyExists, message));
        }
        if let Some(other) = read(&self.by_name).keys().find(|other| collide(other, name)) {
            let message = format!("Topic '{name}' collides with existing topic: {other}");
            return Err(Refusal::new(ResponseError::InvalidTopicException, message));
        }
        Ok(())
    }

    fn check_room(&self, more: i32) -> Result<(), Refusal> {
        if more <= 0 {
            let message = "Number of partitions must be larger than 0.";
            return Err(Refusal::new(ResponseError::InvalidPartitions, message));
        }
        let wanted = self.partition_count().saturating_add(usize::try_from(more).unwrap_or(usize::MAX));
        if wanted > self.partitions_max {
            let message = format!("The broker holds at most {} partitions.", self.partitions_max);
            return Err(Refusal::new(ResponseError::PolicyViolation, message));
        }
        Ok(())
    }

    pub(crate) fn create(&self, new: &NewTopic) -> Result<Arc<Topic>, Refusal> {
        let mut disk = self.disk();
        let config = self.check(new)?;
        self.add(disk.as_mut().ok_or_else(closed)?, new, &config)
    }

    /// The topic of the broker's own state, made at the first use.
    pub(crate) fn internal(&self, name: &str) -> Result<Arc<Partition>, Refusal> {
        if let Ok(partition) = self.partition(name, 0) {
            return Ok(partition);
        }
        let mut disk = self.disk();
        if let Ok(partition) = self.partition(name, 0) {
            return Ok(partition);
        }
        let own = [
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            // Small enough that compaction keeps the start quick: the whole log is read then.
            ("segment.bytes", "16777216"),
        ];
        let settings: Settings = own.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        debug_assert!([OFFSETS_TOPIC, TRANSACTIONS_TOPIC].contains(&name));
        let config = log_config(&settings)?;
        let new = NewTopic { name: name.to_owned(), partitions: 1, settings };
        let topic = self.add(disk.as_mut().ok_or_else(closed)?, &new, &config)?;
        topic.partition(0).ok_or_else(|| unknown(name, 0))
    }

    fn add(&self, disk: &mut Disk, new: &NewTopic, config: &LogConfig) -> Result<Arc<Topic>, Refusal> {
        let partitions = open_partitions(&disk.directory, &new.name, 0..new.partitions, config)?;
        let id = Uuid::new_v4();
        let listed = Listed {
            name: new.name.clone(),
            id: id.to_string(),
            partitions: partitions.len(),
            settings: new.settings.clone(),
        };
        if let Err(refusal) = disk.change(|listing| listing.topics.push(listed)) {
            remove_logs(&disk.directory, &partitions);
            return Err(refusal);
        }
        let topic = Arc::new(Topic::new(&new.name, id, partitions, new.settings.clone()));
        write(&self.by_name).insert(new.name.clone(), topic.clone());
        Ok(topic)
    }

    pub(crate) fn delete(&self, name: &str) -> Result<(), Refusal> {
        if internal(name) {
            let message = "The internal topics of the broker cannot be deleted.";
            return Err(Refusal::new(ResponseError::InvalidTopicException, message));
        }
        let mut disk = self.disk();
        let disk = disk.as_mut().ok_or_else(closed)?;
        let topic = self.named(name).ok_or_else(no_topic)?;
        disk.change(|listing| listing.topics.retain(|listed| listed.name != name))?;
        write(&self.by_name).remove(name);
        topic.retire();
        remove_logs(&disk.directory, &topic.partitions());
        Ok(())
    }

    /// Raises the number of partitions to `total`.
    pub(crate) fn grow(&self, name: &str, total: i32, only_check: bool) -> Result<(), Refusal> {
        let mut disk = self.disk();
        let disk = disk.as_mut().ok_or_else(closed)?;
        let topic = self.named(name).ok_or_else(no_topic)?;
        if topic.internal() {
            return Err(Refusal::new(ResponseError::InvalidTopicException, "The internal topics cannot grow."));
        }
        let now = count(topic.partition_count());
        if total <= now {
            let message =
                format!("The topic {name} currently has {now} partition(s); {total} would not be an increase.");
            return Err(Refusal::new(ResponseError::InvalidPartitions, message));
        }
        self.check_room(total - now)?;
        if only_check {
            return Ok(());
        }
        let config = log_config(&topic.settings())?;
        let more = open_partitions(&disk.directory, name, now..total, &config)?;
        let raise = |listing: &mut Listing| {
            let listed = listing.topics.iter_mut().filter(|listed| listed.name == name);
            listed.for_each(|listed| listed.partitions += more.len());
        };
        if let Err(refusal) = disk.change(raise) {
            remove_logs(&disk.directory, &more);
            return Err(refusal);
        }
        topic.grow(more);
        Ok(())
    }

    /// Changes a topic's settings by what `change` makes of them.
    pub(crate) fn configure(
        &self,
        name: &str,
        only_check: bool,
        change: impl FnOnce(&mut Settings) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut disk = self.disk();
        let disk = disk.as_mut().ok_or_else(closed)?;
        // What is wrong in itself is told before whether there is such a topic.
        let topic = self.named(name);
        let mut settings = topic.as_ref().map(|topic| topic.settings()).unwrap_or_default();
        change(&mut settings)?;
        let config = log_config(&settings)?;
        let topic = topic.ok_or_else(no_topic)?;
        if only_check {
            return Ok(());
        }
        disk.change(|listing| {
            let listed = listing.topics.iter_mut().filter(|listed| listed.name == name);
            listed.for_each(|listed| listed.settings = settings.clone());
        })?;
        topic.replace_settings(settings);
        topic.partitions().iter().try_for_each(|partition| partition.reconfigure(config.clone()))
    }

    /// A producer id that was never given out before, not even by a process that was killed.
    pub(crate) fn next_producer_id(&self) -> Result<i64, Refusal> {
        let mut ids = lock(&self.producer_ids);
        if ids.next >= ids.set_aside {
            let end = ids.next + PRODUCER_ID_BLOCK;
            let mut disk = self.disk();
            disk.as_mut().ok_or_else(closed)?.change(|listing| listing.next_producer_id = end)?;
            ids.set_aside = end;
        }
        ids.next += 1;
        Ok(ids.next - 1)
    }

    /// Closes every log and the directory, so that the next start reads nothing but the marker.
    pub(crate) fn close(&self) -> Result<(), LogError> {
        let Some(disk) = lock(&self.disk).take() else { return Ok(()) };
        let mut saved = Vec::new();
        for topic in self.all() {
            for partition in topic.partitions() {
                saved.extend(partition.close().map(|log| (partition.at.clone(), log)));
            }
        }
        disk.directory.close(saved)
    }

    fn disk(&self) -> MutexGuard<'_, Option<Disk>> {
        lock(&self.disk)
    }
}

impl Disk {
    /// Changes the listing on disk and then in memory; when the disk refuses, neither.
    fn change(&mut self, change: impl FnOnce(&mut Listing)) -> Result<(), Refusal> {
        let mut listing = self.listing.clone();
        change(&mut listing);
        listing.save(self.directory.path()).map_err(|error| {
            let message = crate::refusal::with_source(&error);
            tracing::error!(error = message, "could not save the list of topics");
            Refusal::new(ResponseError::KafkaStorageError, message)
        })?;
        self.listing = listing;
        Ok(())
    }
}

/// The topics could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LogError),
}

fn count(partitions: usize) -> i32 {
    i32::try_from(partitions).unwrap_or(i32::MAX)
}

fn open_partitions(
    directory: &DataDir,
    topic: &str,
    indexes: std::ops::Range<i32>,
    config: &LogConfig,
) -> Result<Vec<Arc<Partition>>, LogError> {
    let now = now_ms();
    let open = |partition| {
        let at = TopicPartition { topic: topic.to_owned(), partition };
        let log = directory.open_log(&at, config.clone(), now)?;
        Ok(Arc::new(Partition::new(at, log)))
    };
    indexes.map(open).collect()
}

/// Removes logs that nobody can reach any more. What stays behind is removed at the next start.
fn remove_logs(directory: &DataDir, partitions: &[Arc<Partition>]) {
    for partition in partitions {
        partition.retire();
        if let Err(error) = directory.delete_log(&partition.at) {
            let at = &partition.at;
            tracing::warn!(topic = at.topic, partition = at.partition, %error, "could not remove a log");
        }
    }
}

fn closed() -> Refusal {
    Refusal::new(ResponseError::NotLeaderOrFollower, "the broker is shutting down")
}

fn no_topic() -> Refusal {
    Refusal::new(ResponseError::UnknownTopicOrPartition, "This server does not host this topic-partition.")
}
