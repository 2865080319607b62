//! The file that says which topics there are. It is replaced as a whole, so a crash leaves the old or the new.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Settings;

const FILE: &str = "broker.json";
/// Raised when an older broker could not read the file any more.
const VERSION: u32 = 1;

/// The file could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("could not {action} {}", path.display())]
    Storage { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is damaged; restore it, or remove the data directory to start empty", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("{} has version {version}, which a newer broker wrote; use that one", path.display())]
    Newer { path: PathBuf, version: u32 },
    #[error("{} is missing although there are logs beside it; restore it, or remove the data directory", path.display())]
    Missing { path: PathBuf },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Listing {
    version: u32,
    pub(super) cluster_id: String,
    /// Producer ids below are given out or set aside.
    pub(super) next_producer_id: i64,
    pub(super) topics: Vec<Listed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    /// A UUID in its usual text.
    pub(super) id: String,
    pub(super) partitions: usize,
    pub(super) settings: Settings,
}

impl Listing {
    fn fresh() -> Self {
        Self { version: VERSION, cluster_id: cluster_id(), next_producer_id: 0, topics: Vec::new() }
    }

    /// Reads the file; a directory without it is a new broker unless it has logs.
    pub(super) fn load(directory: &Path, has_logs: bool) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_logs => {
                return Err(StoreError::Missing { path });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let listing = Self::fresh();
                listing.save(directory)?;
                return Ok(listing);
            }
            Err(source) => return Err(StoreError::Storage { action: "read", path, source }),
        };
        let listing: Self =
            serde_json::from_slice(&text).map_err(|source| StoreError::Damaged { path: path.clone(), source })?;
        if listing.version > VERSION {
            return Err(StoreError::Newer { path, version: listing.version });
        }
        Ok(listing)
    }

    pub(super) fn save(&self, directory: &Path) -> Result<(), StoreError> {
        let path = directory.join(FILE);
        let fresh = directory.join(format!("{FILE}.new"));
        let text =
            serde_json::to_vec_pretty(self).map_err(|source| StoreError::Damaged { path: path.clone(), source })?;
        let replace = || -> io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(&text)?;
            // The name must never point at a file whose content is not on the disk.
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(directory)?.sync_all()
        };
        replace().map_err(|source| StoreError::Storage { action: "replace", path: path.clone(), source })
    }
}

/// 22 characters as Kafka's cluster ids have: the hex digits of a random UUID, shortened.
fn cluster_id() -> String {
    let mut id = Uuid::new_v4().simple().to_string();
    id.truncate(22);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_comes_back_as_it_was_and_a_lost_one_is_not_taken_for_new() {
        let directory = std::env::temp_dir().join(format!("broker-store-{}", Uuid::new_v4()));
        fs::create_dir_all(&directory).unwrap();
        let mut listing = Listing::load(&directory, false).unwrap();
        listing.topics.push(Listed {
            name: "t".into(),
            id: Uuid::new_v4().to_string(),
            partitions: 3,
            settings: Settings::from([("cleanup.policy".into(), "compact".into())]),
        });
        listing.next_producer_id = 1000;
        listing.save(&directory).unwrap();
        assert_eq!(Listing::load(&directory, true).unwrap(), listing);

        fs::write(directory.join(FILE), "{").unwrap();
        assert!(matches!(Listing::load(&directory, true), Err(StoreError::Damaged { .. })));
        fs::remove_file(directory.join(FILE)).unwrap();
        assert!(matches!(Listing::load(&directory, true), Err(StoreError::Missing { .. })));
        fs::remove_dir_all(&directory).unwrap();
    }
}
