//! Reading numbers and slices off a byte buffer, with an error where it ends too early.

use super::DecodeError;

/// A position in borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// How many bytes were read so far.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn remaining(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(length).ok_or(DecodeError::Truncated)?;
        let slice = self.bytes.get(self.at..end).ok_or(DecodeError::Truncated)?;
        self.at = end;
        Ok(slice)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, _) = self.remaining().split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.at += N;
        Ok(*array)
    }

    pub(crate) fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        self.take(length).map(drop)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn u16_le(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u32_le(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64_le(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// An unsigned number of up to eight bytes, lowest first.
    #[inline]
    pub(crate) fn uint_le(&mut self, length: usize) -> Result<u64, DecodeError> {
        Ok(match length {
            1 => self.u8()?.into(),
            2 => self.u16_le()?.into(),
            4 => self.u32_le()?.into(),
            8 => self.u64_le()?,
            _ => self.take(length)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        })
    }

    /// An unsigned number of up to eight bytes, highest first.
    #[inline]
    pub(crate) fn uint_be(&mut self, length: usize) -> Result<u64, DecodeError> {
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The protocol's length-encoded integer.
    pub(crate) fn length_encoded(&mut self) -> Result<u64, DecodeError> {
        match self.u8()? {
            252 => self.uint_le(2),
            253 => self.uint_le(3),
            254 => self.uint_le(8),
            short => Ok(short.into()),
        }
    }
}
