//! What transactions leave in `__transaction_state`, in Kafka's own format.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::state::{Phase, Producer, Transaction};
use crate::fields::{FieldError, Reader, Writer};

/// Versions of Kafka's schemas `TransactionLogKey` and `TransactionLogValue`.
const KEY: i16 = 0;
const VALUE: i16 = 0;

pub(super) fn key(transactional_id: &str) -> Bytes {
    Writer::default().short(KEY).text(transactional_id).done()
}

/// The transactional id; `None` for a key of a version that this broker doesn't know.
pub(super) fn read_key(key: Bytes) -> Result<Option<String>, FieldError> {
    let mut reader = Reader(key);
    Ok(if reader.short()? == KEY { Some(reader.text()?) } else { None })
}

pub(super) fn value(transaction: &Transaction) -> Bytes {
    let mut topics = BTreeMap::<&str, Vec<i32>>::new();
    for (topic, partition) in &transaction.partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    let mut out = Writer::default();
    out.short(VALUE)
        .long(transaction.producer.id)
        .short(transaction.producer.epoch)
        .int(i32::try_from(transaction.timeout).unwrap_or(i32::MAX))
        .byte(transaction.phase as i8);
    if transaction.phase == Phase::Empty {
        out.int(-1);
    } else {
        out.count(topics.len());
        for (topic, partitions) in topics {
            out.text(topic).count(partitions.len());
            for partition in partitions {
                out.int(partition);
            }
        }
    }
    out.long(transaction.changed_at).long(transaction.started_at).done()
}

pub(super) fn read(value: Bytes) -> Result<Transaction, FieldError> {
    let mut reader = Reader(value);
    if reader.short()? != VALUE {
        return Err(FieldError);
    }
    let producer = Producer { id: reader.long()?, epoch: reader.short()? };
    let timeout = reader.int()?.into();
    let status = reader.byte()?;
    let phase = Phase::ALL.into_iter().find(|phase| *phase as i8 == status).ok_or(FieldError)?;
    let topic = |reader: &mut Reader| Ok((reader.text()?, reader.array(Reader::int)?.unwrap_or_default()));
    let topics = reader.array(topic)?.unwrap_or_default();
    let changed_at = reader.long()?;
    let started_at = reader.long()?;
    let partitions = topics.into_iter().flat_map(|(topic, partitions): (String, Vec<i32>)| {
        partitions.into_iter().map(move |partition| (topic.clone(), partition))
    });
    Ok(Transaction {
        producer,
        previous: None,
        timeout,
        phase,
        partitions: partitions.collect(),
        started_at,
        changed_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_comes_back_as_it_was() {
        let mut transaction = Transaction::new(Producer { id: 7, epoch: 3 }, 60_000, 5);
        assert_eq!(read(value(&transaction)), Ok(transaction.clone()));
        let partitions = [("a".to_owned(), 0), ("a".to_owned(), 2), ("b".to_owned(), 1)];
        transaction.add(transaction.producer, &partitions, 10).unwrap();
        assert_eq!(read(value(&transaction)), Ok(transaction));
        assert_eq!(read_key(key("id")), Ok(Some("id".into())));
    }
}
