//! A log that lasts as long as its process, for what a worker that is alone need not remember.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::Result;

use super::{
    configs::Write,
    log::{Entry, Log},
};

/// Hands records to its reader as they come, and keeps none.
pub struct MemoryLog<Reader> {
    /// The offset of the next record, and who reads it.
    end: Mutex<(i64, Reader)>,
}

impl<Reader: FnMut(Entry) + Send> MemoryLog<Reader> {
    pub fn new(on_entry: Reader) -> Self {
        Self { end: Mutex::new((0, on_entry)) }
    }
}

#[async_trait]
impl<Reader: FnMut(Entry) + Send> Log for MemoryLog<Reader> {
    async fn read_to_end(&self) -> Result<()> {
        Ok(())
    }

    async fn append(&self, records: Vec<Write>) -> Result<()> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, on_entry) = &mut *end;
        for (key, value) in records {
            on_entry(Entry { partition: 0, offset: *next, key: Some(Bytes::from(key)), value: value.map(Bytes::from) });
            *next += 1;
        }
        Ok(())
    }

    async fn append_and_read(&self, records: Vec<Write>) -> Result<()> {
        self.append(records).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_is_appended_is_read_in_order() {
        let read = Arc::new(Mutex::new(Vec::new()));
        let reader = read.clone();
        let log = MemoryLog::new(move |entry| reader.lock().unwrap().push(entry));
        log.append(vec![("a".into(), Some(b"1".to_vec()))]).await.unwrap();
        log.append_and_read(vec![("a".into(), None)]).await.unwrap();
        let entry = |offset, value: Option<&'static str>| Entry {
            partition: 0,
            offset,
            key: Some(Bytes::from("a")),
            value: value.map(Bytes::from),
        };
        assert_eq!(*read.lock().unwrap(), [entry(0, Some("1")), entry(1, None)]);
    }
}
