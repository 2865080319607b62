//! The records inside a batch, as slices of it.

use std::io;

use super::{batch::BatchHeader, codec::Codec};

/// One record of an opened batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordSlice<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    /// The number of headers and the headers, as they stand.
    pub(super) headers: &'a [u8],
    /// The whole record with its length.
    pub(super) raw: &'a [u8],
}

/// Key and value of a record header.
pub(super) type HeaderSlice<'a> = (&'a [u8], Option<&'a [u8]>);

impl<'a> RecordSlice<'a> {
    /// The records of an opened payload, until its end or the first defect.
    pub(super) fn iterate(payload: &'a [u8]) -> impl Iterator<Item = io::Result<RecordSlice<'a>>> {
        let mut rest = payload;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let record = Self::take(&mut rest);
            if record.is_none() {
                rest = &[];
            }
            Some(record.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "malformed record")))
        })
    }

    fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let start = *rest;
        let length = usize::try_from(take_varint(rest)?).ok()?;
        let mut body = rest.get(..length)?;
        *rest = &rest[length..];
        let raw = &start[..start.len() - rest.len()];
        take_bytes(&mut body, 1)?;
        let timestamp_delta = take_varint(&mut body)?;
        let offset_delta = i32::try_from(take_varint(&mut body)?).ok()?;
        let key = take_nullable(&mut body)?;
        let value = take_nullable(&mut body)?;
        Some(Self { timestamp_delta, offset_delta, key, value, headers: body, raw })
    }

    pub(super) fn decode_headers(&self) -> Option<Vec<HeaderSlice<'a>>> {
        let mut rest = self.headers;
        let count = usize::try_from(take_varint(&mut rest)?).ok()?;
        let mut headers = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            headers.push((take_nullable(&mut rest)??, take_nullable(&mut rest)?));
        }
        Some(headers)
    }

    /// Writes the record with another timestamp delta.
    pub(super) fn encode_with_timestamp_delta(&self, timestamp_delta: i64, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(self.raw.len() + 10);
        body.push(0);
        put_varint(&mut body, timestamp_delta);
        put_varint(&mut body, i64::from(self.offset_delta));
        for part in [self.key, self.value] {
            match part {
                None => put_varint(&mut body, -1),
                Some(bytes) => {
                    put_varint(&mut body, bytes.len() as i64);
                    body.extend_from_slice(bytes);
                }
            }
        }
        body.extend_from_slice(self.headers);
        put_varint(out, body.len() as i64);
        out.extend_from_slice(&body);
    }
}

/// Opens the payload of a batch, given its header and the bytes after the header.
pub(super) fn open_payload<'a>(header: &BatchHeader, payload: &'a [u8]) -> io::Result<std::borrow::Cow<'a, [u8]>> {
    // A batch without records has no payload, not even an empty compressed stream.
    if header.record_count == 0 {
        return Ok((&[][..]).into());
    }
    let codec =
        header.codec().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown compression of a batch"))?;
    match codec {
        Codec::None => Ok(payload.into()),
        _ => codec.decompress(payload),
    }
}

fn take_bytes<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

/// The outer `None` is a defect, the inner is a null.
fn take_nullable<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match take_varint(rest)? {
        -1 => Some(None),
        length => take_bytes(rest, usize::try_from(length).ok()?).map(Some),
    }
}

fn take_varint(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for (index, byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *rest = &rest[index + 1..];
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut value = ((value << 1) ^ (value >> 63)) as u64;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_come_back(value: i64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_varint(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_bytes_decode_without_a_panic(bytes: Vec<u8>) {
            for record in RecordSlice::iterate(&bytes).map_while(Result::ok) {
                let _headers = record.decode_headers();
            }
        }

        #[test]
        fn a_record_comes_back_with_its_new_timestamp(
            key: Option<Vec<u8>>, value: Option<Vec<u8>>, offset_delta: i32, before: i64, after: i64,
        ) {
            let (key, value) = (key.as_deref(), value.as_deref());
            let record = RecordSlice { timestamp_delta: before, offset_delta, key, value, headers: &[0], raw: &[] };
            let mut bytes = Vec::new();
            record.encode_with_timestamp_delta(after, &mut bytes);
            let expected = RecordSlice { timestamp_delta: after, raw: &bytes, ..record };
            let decoded: Vec<_> = RecordSlice::iterate(&bytes).map(Result::unwrap).collect();
            prop_assert_eq!(decoded, [expected]);
        }
    }
}
