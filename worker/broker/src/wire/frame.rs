//! An answer on its way to the client: encoded bytes, and between them batches that stay in their files until they are
//! sent.

use bytes::BytesMut;

use crate::log::Batches;

/// A whole response with its length in front.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    bytes: BytesMut,
    /// Batches with the place in `bytes` that they come before, in order.
    batches: Vec<(usize, Batches)>,
}

/// What to send next.
pub(crate) enum Part<'a> {
    Bytes(&'a [u8]),
    Batches(&'a Batches),
}

impl From<BytesMut> for Frame {
    fn from(bytes: BytesMut) -> Self {
        Self { bytes, batches: Vec::new() }
    }
}

impl Frame {
    pub(super) fn new(bytes: BytesMut, batches: Vec<(usize, Batches)>) -> Self {
        Self { bytes, batches }
    }

    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.batches.iter().map(|(_, batches)| batches.len()).sum::<usize>()
    }

    /// Everything in the order of the wire.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let before = |index: usize| index.checked_sub(1).map_or(0, |last| self.batches[last].0);
        let pairs = self.batches.iter().enumerate().flat_map(move |(index, (at, batches))| {
            [Part::Bytes(&self.bytes[before(index)..*at]), Part::Batches(batches)]
        });
        pairs.chain([Part::Bytes(&self.bytes[before(self.batches.len())..])])
    }

    /// Everything as bytes, for tests.
    #[cfg(test)]
    pub(crate) fn load(&self) -> std::io::Result<BytesMut> {
        let mut all = BytesMut::with_capacity(self.len());
        for part in self.parts() {
            match part {
                Part::Bytes(bytes) => all.extend_from_slice(bytes),
                Part::Batches(batches) => all.extend_from_slice(&batches.load()?),
            }
        }
        Ok(all)
    }
}
