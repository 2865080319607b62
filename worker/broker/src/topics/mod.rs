//! The topics of this broker: which there are, their settings, and the partitions that are open.

pub(crate) mod names;
pub(crate) mod partition;
mod registry;
pub(crate) mod settings;
mod store;

use std::sync::{Arc, RwLock};

use uuid::Uuid;

pub(crate) use partition::{Partition, unknown};
pub(crate) use registry::{NewTopic, OpenError, Topics};
pub(crate) use settings::Settings;
pub(crate) use store::StoreError;

use crate::sync::{read, write};

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    partitions: RwLock<Vec<Arc<Partition>>>,
    settings: RwLock<Settings>,
}

impl Topic {
    fn new(name: &str, id: Uuid, partitions: Vec<Arc<Partition>>, settings: Settings) -> Self {
        Self { name: name.to_owned(), id, partitions: RwLock::new(partitions), settings: RwLock::new(settings) }
    }

    pub(crate) fn internal(&self) -> bool {
        names::internal(&self.name)
    }

    pub(crate) fn partition_count(&self) -> usize {
        read(&self.partitions).len()
    }

    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        read(&self.partitions).get(usize::try_from(index).ok()?).cloned()
    }

    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        read(&self.partitions).clone()
    }

    pub(crate) fn settings(&self) -> Settings {
        read(&self.settings).clone()
    }

    fn replace_settings(&self, settings: Settings) {
        *write(&self.settings) = settings;
    }

    fn grow(&self, more: Vec<Arc<Partition>>) {
        write(&self.partitions).extend(more);
    }

    fn retire(&self) {
        for partition in self.partitions() {
            partition.retire();
        }
    }
}
