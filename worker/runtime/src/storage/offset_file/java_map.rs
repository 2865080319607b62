//! A `java.util.HashMap<byte[], byte[]>` as Java serializes it, which is how the JVM's standalone worker stores offsets.
//!
//! The stream names its classes once and refers to them by number afterwards; only these two classes ever stand in it.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Keys and values in a fixed order, so that equal maps are equal bytes.
pub(super) type Map = BTreeMap<Bytes, Bytes>;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MapError {
    #[error("it does not begin as a Java object does")]
    NoJava,
    #[error("it ends in the middle of an entry")]
    Ends,
    #[error("it holds another object than a HashMap of byte arrays, near byte {0}")]
    OtherObject(usize),
}

/// Stream header, object, class descriptor of `java.util.HashMap` with its two fields, load factor 0.75.
const HEAD: &[u8] = b"\xac\xed\x00\x05\x73\x72\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\x03\x00\x02\
      F\x00\x0aloadFactorI\x00\x09thresholdxp\x3f\x40\x00\x00";
/// What every Java stream begins with.
const MAGIC: &[u8] = b"\xac\xed\x00\x05";
/// The size of the stream up to the fields' values.
const CLASS_BYTES: usize = HEAD.len() - 4;
/// An array and the class descriptor of `byte[]`.
const ARRAY: &[u8] = b"\x75\x72\x00\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\x00\x00xp";
/// An array of the class that was described before: the third handle, after the map's class and the map.
const ARRAY_AGAIN: &[u8] = b"\x75\x71\x00\x7e\x00\x02";
const BLOCK_OF_8: &[u8] = b"\x77\x08";
const NULL: u8 = b'p';
const END: u8 = b'x';

pub(super) fn write(map: &Map) -> Vec<u8> {
    let bytes: usize = map.iter().map(|(key, value)| key.len() + value.len()).sum();
    let mut out = Vec::with_capacity(128 + bytes + map.len() * 2 * (ARRAY_AGAIN.len() + 4));
    // Java keeps a map at most three quarters full, and at least sixteen wide.
    let mut buckets: u32 = 16;
    while map.len() > buckets as usize / 4 * 3 {
        buckets *= 2;
    }
    out.extend_from_slice(HEAD);
    out.extend_from_slice(&(buckets / 4 * 3).to_be_bytes());
    out.extend_from_slice(BLOCK_OF_8);
    out.extend_from_slice(&buckets.to_be_bytes());
    out.extend_from_slice(&length(map.len()));
    let mut described = false;
    for part in map.iter().flat_map(|(key, value)| [key, value]) {
        out.extend_from_slice(if std::mem::replace(&mut described, true) { ARRAY_AGAIN } else { ARRAY });
        out.extend_from_slice(&length(part.len()));
        out.extend_from_slice(part);
    }
    out.push(END);
    out
}

/// Neither the map nor one offset comes near the limit of Java's arrays.
fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes()
}

/// Reads a map. An empty file is an empty map, as for the JVM.
pub(super) fn read(bytes: &[u8]) -> Result<Map, MapError> {
    let mut map = Map::new();
    if bytes.is_empty() {
        return Ok(map);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(MapError::NoJava);
    }
    let mut input = Input { bytes, at: 0 };
    input.expect(&HEAD[..CLASS_BYTES])?;
    // How wide and how full the map was says nothing about what is in it.
    input.take(8)?;
    input.expect(BLOCK_OF_8)?;
    input.take(4)?;
    let entries = input.number()?;
    let mut described = false;
    for _ in 0..entries {
        let key = input.array(&mut described)?;
        let value = input.array(&mut described)?;
        // The JVM keeps an entry without a value for what was removed.
        if let (Some(key), Some(value)) = (key, value) {
            map.insert(key, value);
        }
    }
    input.expect(&[END])?;
    Ok(map)
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], MapError> {
        let end = self.at.checked_add(count).ok_or(MapError::Ends)?;
        let taken = self.bytes.get(self.at..end).ok_or(MapError::Ends)?;
        self.at = end;
        Ok(taken)
    }

    fn expect(&mut self, wanted: &[u8]) -> Result<(), MapError> {
        let there = &self.bytes[self.at..];
        if there.iter().zip(wanted).any(|(a, b)| a != b) {
            return Err(MapError::OtherObject(self.at));
        }
        self.take(wanted.len()).map(drop)
    }

    fn number(&mut self) -> Result<usize, MapError> {
        let taken = self.take(4)?;
        let number = taken.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        Ok(number)
    }

    /// A `byte[]`, or null.
    fn array(&mut self, described: &mut bool) -> Result<Option<Bytes>, MapError> {
        if self.bytes.get(self.at) == Some(&NULL) {
            self.at += 1;
            return Ok(None);
        }
        self.expect(if std::mem::replace(described, true) { ARRAY_AGAIN } else { ARRAY })?;
        let count = self.number()?;
        Ok(Some(Bytes::copy_from_slice(self.take(count)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> Map {
        pairs.iter().map(|(key, value)| (Bytes::from(*key), Bytes::from(*value))).collect()
    }

    /// Written by JDK 17: `map.put("a", "1"); map.put("b", null)` as bytes.
    const BY_JAVA: &[u8] = include_bytes!("java_map.bin");

    #[test]
    fn what_java_wrote_is_read() {
        assert_eq!(read(BY_JAVA), Ok(map(&[(r#"["src",{"filename":"/tmp/in.txt"}]"#, r#"{"position":8}"#)])));
    }

    #[test]
    fn one_entry_has_the_bytes_of_java() {
        let one = map(&[("k", "v")]);
        let mut expected = HEAD.to_vec();
        expected.extend_from_slice(b"\x00\x00\x00\x0c\x77\x08\x00\x00\x00\x10\x00\x00\x00\x01");
        expected.extend_from_slice(ARRAY);
        expected.extend_from_slice(b"\x00\x00\x00\x01k\x75\x71\x00\x7e\x00\x02\x00\x00\x00\x01vx");
        assert_eq!(write(&one), expected);
    }

    #[test]
    fn maps_of_all_sizes_come_back() {
        for size in [0, 1, 12, 13, 1000] {
            let map: Map = (0..size).map(|at| (Bytes::from(format!("k{at}")), Bytes::from(vec![0; at]))).collect();
            assert_eq!(read(&write(&map)), Ok(map), "{size}");
        }
        assert_eq!(read(b""), Ok(Map::new()));
    }

    #[test]
    fn whatever_is_cut_off_or_changed_is_refused_or_read_but_never_a_panic() {
        let bytes = write(&map(&[("key", "value"), ("other", "")]));
        for end in 1..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            drop(read(&changed));
        }
        let list = b"\xac\xed\x00\x05\x73\x72\x00\x13java.util.ArrayList\x78\x81\xd2\x1d\x99\xc7\x61\x9d\x03\x00\x01I\x00\x04sizexp\x00\x00\x00\x00\x77\x04\x00\x00\x00\x00x";
        assert_eq!(read(list), Err(MapError::OtherObject(0)));
        assert_eq!(read(b"{}"), Err(MapError::NoJava));
    }
}
