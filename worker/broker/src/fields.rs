//! Reads and writes the plain fields of Kafka's internal records: integers, strings and bytes with lengths before them.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The record is not what its version says; it was written by something newer or is damaged.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the record ends in the middle of a field or has a field that is none")]
pub(crate) struct FieldError;

/// Takes fields from the front of a record.
pub(crate) struct Reader(pub(crate) Bytes);

impl Reader {
    pub(crate) fn byte(&mut self) -> Result<i8, FieldError> {
        self.0.try_get_i8().map_err(|_| FieldError)
    }

    pub(crate) fn short(&mut self) -> Result<i16, FieldError> {
        self.0.try_get_i16().map_err(|_| FieldError)
    }

    pub(crate) fn int(&mut self) -> Result<i32, FieldError> {
        self.0.try_get_i32().map_err(|_| FieldError)
    }

    pub(crate) fn long(&mut self) -> Result<i64, FieldError> {
        self.0.try_get_i64().map_err(|_| FieldError)
    }

    fn exactly(&mut self, length: usize) -> Result<Bytes, FieldError> {
        if self.0.len() < length {
            return Err(FieldError);
        }
        Ok(self.0.split_to(length))
    }

    pub(crate) fn nullable_text(&mut self) -> Result<Option<String>, FieldError> {
        let length = self.short()?;
        if length == -1 {
            return Ok(None);
        }
        let bytes = self.exactly(usize::try_from(length).map_err(|_| FieldError)?)?;
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| FieldError)
    }

    pub(crate) fn text(&mut self) -> Result<String, FieldError> {
        self.nullable_text()?.ok_or(FieldError)
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, FieldError> {
        let length = usize::try_from(self.int()?).map_err(|_| FieldError)?;
        self.exactly(length)
    }

    /// The elements of an array; `None` for a null array.
    pub(crate) fn array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Option<Vec<T>>, FieldError> {
        let count = self.int()?;
        if count == -1 {
            return Ok(None);
        }
        let count = usize::try_from(count).map_err(|_| FieldError)?;
        // The count is not believed until as many elements are read.
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }
}

/// Puts fields at the end of a record.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) BytesMut);

impl Writer {
    pub(crate) fn byte(&mut self, value: i8) -> &mut Self {
        self.0.put_i8(value);
        self
    }

    pub(crate) fn short(&mut self, value: i16) -> &mut Self {
        self.0.put_i16(value);
        self
    }

    pub(crate) fn int(&mut self, value: i32) -> &mut Self {
        self.0.put_i32(value);
        self
    }

    pub(crate) fn long(&mut self, value: i64) -> &mut Self {
        self.0.put_i64(value);
        self
    }

    /// A string of the protocol is never longer than its length field can say.
    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        let length = i16::try_from(value.len()).unwrap_or(i16::MAX);
        self.0.put_i16(length);
        self.0.put_slice(&value.as_bytes()[..usize::from(length.unsigned_abs())]);
        self
    }

    pub(crate) fn nullable_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.short(-1),
        }
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.count(value.len());
        self.0.put_slice(value);
        self
    }

    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        self.int(i32::try_from(count).unwrap_or(i32::MAX))
    }

    pub(crate) fn done(&mut self) -> Bytes {
        self.0.split().freeze()
    }
}
