//! Writes the broker's own records: a batch of keys and values, as any client would send it.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    log::{Origin, PartitionLog},
    now_ms,
    refusal::Refusal,
    topics::{Partition, Topics},
};

/// One record of an internal topic; no value takes the key back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateRecord {
    pub(crate) key: Bytes,
    pub(crate) value: Option<Bytes>,
}

/// The producer in whose transaction records are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct InTransaction {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

/// Appends the records as one batch: all of them count, or none.
pub(crate) fn append(
    topics: &Topics,
    topic: &str,
    records: &[StateRecord],
    transaction: Option<InTransaction>,
) -> Result<Arc<Partition>, Refusal> {
    let partition = topics.internal(topic)?;
    let now = now_ms();
    let batch = encode(records, transaction, now);
    let write = |log: &mut PartitionLog| log.append(&batch, Origin::Coordinator, now);
    partition.with_log(write)?.map_err(Refusal::from)?;
    partition.changed();
    Ok(partition)
}

const MAGIC: u8 = 2;
const TRANSACTIONAL: i16 = 0x10;

fn encode(records: &[StateRecord], transaction: Option<InTransaction>, now: i64) -> Bytes {
    let count = i32::try_from(records.len()).unwrap_or(i32::MAX);
    let mut body = BytesMut::new();
    body.put_i16(if transaction.is_some() { TRANSACTIONAL } else { 0 });
    body.put_i32(count - 1);
    body.put_i64(now);
    body.put_i64(now);
    body.put_i64(transaction.map_or(-1, |producer| producer.producer_id));
    body.put_i16(transaction.map_or(-1, |producer| producer.epoch));
    body.put_i32(-1);
    body.put_i32(count);
    for (delta, record) in (0..).zip(records) {
        put_record(&mut body, delta, record);
    }
    let mut batch = BytesMut::with_capacity(body.len() + 21);
    batch.put_i64(0);
    batch.put_i32(i32::try_from(body.len() + 9).unwrap_or(i32::MAX));
    batch.put_i32(0);
    batch.put_u8(MAGIC);
    batch.put_u32(crc32c::crc32c(&body));
    batch.put_slice(&body);
    batch.freeze()
}

fn put_record(out: &mut BytesMut, offset_delta: i64, record: &StateRecord) {
    let mut body = BytesMut::new();
    // Attributes and the difference to the batch's time are none.
    body.put_slice(&[0, 0]);
    put_varint(&mut body, offset_delta);
    put_field(&mut body, Some(&record.key));
    put_field(&mut body, record.value.as_ref());
    put_varint(&mut body, 0);
    put_varint(out, length(body.len()));
    out.put_slice(&body);
}

fn put_field(out: &mut BytesMut, field: Option<&Bytes>) {
    put_varint(out, field.map_or(-1, |field| length(field.len())));
    out.put_slice(field.map_or(&[][..], |field| field));
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn put_varint(out: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.put_u8(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    out.put_u8(u8::try_from(rest).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use kafka_protocol::records::RecordBatchDecoder;

    use super::*;

    #[test]
    fn the_codec_reads_what_is_written() {
        let records = [
            StateRecord { key: Bytes::from_static(b"a"), value: Some(Bytes::from(vec![7; 300])) },
            StateRecord { key: Bytes::from_static(b"bc"), value: None },
        ];
        let transaction = InTransaction { producer_id: 5, epoch: 2 };
        let mut batch = encode(&records, Some(transaction), 1_000);
        let read = RecordBatchDecoder::decode(&mut batch).unwrap().records;
        let seen: Vec<_> = read
            .iter()
            .map(|record| {
                (record.offset, record.key.clone(), record.value.clone(), record.producer_id, record.transactional)
            })
            .collect();
        let expected =
            |delta: i64, record: &StateRecord| (delta, Some(record.key.clone()), record.value.clone(), 5, true);
        assert_eq!(seen, [expected(0, &records[0]), expected(1, &records[1])]);
    }
}
