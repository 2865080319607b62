//! Walks the bytes of a request before the codec does.
//!
//! The codec reserves memory for as many elements as an array claims to have, so four bytes of a foreign request could
//! ask for gigabytes and abort the process. The walk takes no memory: it proves that every length fits into the bytes
//! that are there and that elements are few enough for what they cost once decoded.

use kafka_protocol::messages::ApiKey;

use super::{
    apis::Api,
    layout::{Field, Kind},
};

#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum ShapeError {
    #[error("it ends in the middle of a field")]
    Ends,
    #[error("a length is negative")]
    Negative,
    #[error("it has more than {ELEMENTS_MAX} elements")]
    TooMany,
    #[error("a structure has more than {TAGS_MAX} tagged fields")]
    TooManyTags,
    #[error("it has a field that only followers send")]
    FollowersOnly,
}

/// Elements of one request. A decoded element costs up to 200 bytes, so a request costs at most some 50 MB more than
/// its bytes; a fetch of 100,000 partitions still fits.
const ELEMENTS_MAX: usize = 250_000;
/// No client sends tagged fields that these versions don't know; a few are allowed for those to come.
const TAGS_MAX: u32 = 16;

struct Walk<'a> {
    rest: &'a [u8],
    flexible: bool,
    version: i16,
    elements: usize,
    /// The codec reads some tagged fields of a fetch by their own lengths, and only followers send them.
    fetch: bool,
}

/// Checks the request header, whose client id is the only field of variable length.
pub(super) fn check_header(frame: &[u8], flexible: bool) -> Result<(), ShapeError> {
    let mut walk = Walk { rest: frame, flexible: false, version: 0, elements: 0, fetch: false };
    walk.skip(8)?;
    // The client id keeps its old form in flexible headers, so that any broker can read it.
    walk.text()?;
    walk.flexible = flexible;
    walk.tags()
}

pub(super) fn check_body(body: &[u8], api: &Api, version: i16) -> Result<(), ShapeError> {
    let fetch = api.key == ApiKey::Fetch;
    let mut walk = Walk { rest: body, flexible: api.flexible(version), version, elements: 0, fetch };
    // What is left over is ignored, as Kafka does: librdkafka leaves three zeros behind a request for all topics.
    walk.structure(&api.fields)
}

impl Walk<'_> {
    fn skip(&mut self, count: usize) -> Result<(), ShapeError> {
        self.rest = self.rest.get(count..).ok_or(ShapeError::Ends)?;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ShapeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ShapeError::Ends)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads as the codec does: five bytes at most, of which the last may carry bits that are lost.
    fn varint(&mut self) -> Result<u32, ShapeError> {
        let mut value = 0;
        for shift in 0..5 {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << (shift * 7);
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    /// A length as it stands for an absent (`None`) or a present value.
    fn length(&mut self, long: bool) -> Result<Option<usize>, ShapeError> {
        let length = match (self.flexible, long) {
            (true, _) => i64::from(self.varint()?) - 1,
            (false, true) => i64::from(i32::from_be_bytes(self.take()?)),
            (false, false) => i64::from(i16::from_be_bytes(self.take()?)),
        };
        match length {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| ShapeError::Negative),
        }
    }

    fn text(&mut self) -> Result<(), ShapeError> {
        let length = self.length(false)?;
        self.skip(length.unwrap_or(0))
    }

    fn tags(&mut self) -> Result<(), ShapeError> {
        if !self.flexible {
            return Ok(());
        }
        let count = self.varint()?;
        if count > TAGS_MAX {
            return Err(ShapeError::TooManyTags);
        }
        for _ in 0..count {
            let tag = self.varint()?;
            if self.fetch && tag <= 1 {
                return Err(ShapeError::FollowersOnly);
            }
            let size = self.varint()?;
            self.skip(usize::try_from(size).map_err(|_| ShapeError::Ends)?)?;
        }
        Ok(())
    }

    fn structure(&mut self, fields: &[Field]) -> Result<(), ShapeError> {
        for field in fields {
            if (field.since..=field.until).contains(&self.version) {
                self.value(&field.kind)?;
            }
        }
        self.tags()
    }

    fn value(&mut self, kind: &Kind) -> Result<(), ShapeError> {
        match kind {
            Kind::Fixed(size) => self.skip(*size),
            Kind::Text => self.text(),
            Kind::Bytes => {
                let length = self.length(true)?;
                self.skip(length.unwrap_or(0))
            }
            Kind::Values(of) => (0..self.count()?).try_for_each(|_| self.value(of)),
            Kind::Structs(fields) => (0..self.count()?).try_for_each(|_| self.structure(fields)),
        }
    }

    fn count(&mut self) -> Result<usize, ShapeError> {
        let count = self.length(true)?.unwrap_or(0);
        self.elements = self.elements.saturating_add(count);
        if self.elements > ELEMENTS_MAX {
            return Err(ShapeError::TooMany);
        }
        Ok(count)
    }
}
