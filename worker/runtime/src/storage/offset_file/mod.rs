//! The offsets of a worker that is alone: a log whose last word on every key stands in one file.

mod java_map;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Error, Result};

use super::{
    configs::Write,
    log::{Entry, Log},
};
use java_map::Map;

/// The log in its file. Every append writes the file anew beside the old one and puts it in its place, so that a kill
/// at any instant leaves the one or the other. (Invariant 7)
pub struct OffsetFile(Arc<Mutex<Contents>>);

struct Contents {
    path: PathBuf,
    map: Map,
    on_entry: Box<dyn FnMut(Entry) + Send>,
}

impl OffsetFile {
    /// Reads what the file holds, if there is one, and makes sure that it can be written.
    pub fn open(path: &Path, on_entry: impl FnMut(Entry) + Send + 'static) -> Result<Self> {
        let map = match fs::read(path) {
            Ok(bytes) => java_map::read(&bytes).map_err(|error| {
                let path = path.display();
                Error::config(format!(
                    "could not read the offsets in {path}: {error}; move the file away to start without offsets, or name \
                     another one in offset.storage.file.filename"
                ))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(Error::config(format!("could not read {}: {error}", path.display()))),
        };
        replace(path, &map).map_err(|error| {
            Error::config(format!("could not write offset.storage.file.filename={}: {error}", path.display()))
        })?;
        let mut contents = Contents { path: path.to_owned(), map, on_entry: Box::new(on_entry) };
        for (key, value) in &contents.map {
            (contents.on_entry)(entry(key.clone(), Some(value.clone())));
        }
        Ok(Self(Arc::new(Mutex::new(contents))))
    }
}

fn entry(key: Bytes, value: Option<Bytes>) -> Entry {
    Entry { partition: 0, offset: 0, key: Some(key), value }
}

impl Contents {
    fn append(&mut self, records: Vec<Write>) -> io::Result<()> {
        let records: Vec<(Bytes, Option<Bytes>)> =
            records.into_iter().map(|(key, value)| (key.into(), value.map(Bytes::from))).collect();
        let mut map = self.map.clone();
        for (key, value) in &records {
            match value {
                Some(value) => drop(map.insert(key.clone(), value.clone())),
                None => drop(map.remove(key)),
            }
        }
        replace(&self.path, &map)?;
        self.map = map;
        records.into_iter().for_each(|(key, value)| (self.on_entry)(entry(key, value)));
        Ok(())
    }
}

/// Puts a new file in the place of the old one, on the disk when this returns.
fn replace(path: &Path, map: &Map) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    file.write_all(&java_map::write(map))?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The new name is as much a part of the data as the bytes.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[async_trait]
impl Log for OffsetFile {
    async fn read_to_end(&self) -> Result<()> {
        Ok(())
    }

    async fn append(&self, records: Vec<Write>) -> Result<()> {
        let contents = self.0.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut contents = contents.lock().unwrap_or_else(PoisonError::into_inner);
            contents.append(records).map_err(|error| (contents.path.clone(), error))
        });
        let written = written.await.map_err(|error| Error::fatal(format!("writing offsets died: {error}")))?;
        written.map_err(|(path, error)| {
            Error::retriable(format!("could not write offsets to {}: {error}", path.display())).caused_by(error)
        })
    }

    async fn append_and_read(&self, records: Vec<Write>) -> Result<()> {
        self.append(records).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a newly opened file hands to its reader.
    fn contents(path: &Path) -> Result<Vec<(String, Option<String>)>> {
        let read = Arc::new(Mutex::new(Vec::new()));
        let reader = read.clone();
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        OffsetFile::open(path, move |entry| {
            let key = entry.key.as_ref().map(text).unwrap_or_default();
            reader.lock().unwrap().push((key, entry.value.as_ref().map(text)));
        })?;
        Ok(read.lock().unwrap().clone())
    }

    fn fresh(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("offset_file_{name}_{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        folder.join("offsets")
    }

    #[tokio::test]
    async fn offsets_outlive_the_worker() {
        let path = fresh("outlive");
        let log = OffsetFile::open(&path, |_| {}).unwrap();
        log.append(vec![("a".into(), Some(b"1".to_vec())), ("b".into(), Some(b"2".to_vec()))]).await.unwrap();
        log.append(vec![("a".into(), None), ("b".into(), Some(b"3".to_vec()))]).await.unwrap();
        assert_eq!(contents(&path).unwrap(), [("b".to_owned(), Some("3".to_owned()))]);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn offsets_that_can_not_be_written_are_not_counted_as_stored() {
        let path = fresh("unwritable");
        let read = Arc::new(Mutex::new(0));
        let reader = read.clone();
        let log = OffsetFile::open(&path, move |_| *reader.lock().unwrap() += 1).unwrap();
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        let error = log.append(vec![("a".into(), None)]).await.unwrap_err();
        assert_eq!((error.kind(), *read.lock().unwrap()), (connect_api::ErrorKind::Retriable, 0));
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_refused_and_kept() {
        let path = fresh("foreign");
        fs::write(&path, "offsets").unwrap();
        let message = contents(&path).unwrap_err().message().to_owned();
        assert!(message.contains("it does not begin as a Java object does; move the file away"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"offsets");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_place_that_can_not_be_written_is_told_at_the_start() {
        let path = fresh("nowhere").join("missing/offsets");
        let message = contents(&path).unwrap_err().message().to_owned();
        assert!(message.starts_with("could not write offset.storage.file.filename="), "{message}");
    }
}
