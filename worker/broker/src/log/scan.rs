//! A walk over the batches of a segment file, in chunks, by header or whole.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use super::batch::{BatchHeader, HEADER_BYTES};

/// One read's worth when only headers are wanted: small batches share a chunk, large ones are jumped over.
pub(super) const HEADER_CHUNK_BYTES: usize = 16 << 10;
/// One read's worth when every byte is wanted.
pub(super) const WHOLE_CHUNK_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct BatchScan {
    file: Arc<File>,
    position: u64,
    end: u64,
    chunk_bytes: usize,
    chunk: Vec<u8>,
    chunk_at: u64,
}

impl BatchScan {
    pub(super) fn new(file: Arc<File>, position: u64, end: u64, chunk_bytes: usize) -> Self {
        Self { file, position, end, chunk_bytes, chunk: Vec::new(), chunk_at: 0 }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The header of the batch at hand, without moving on. `None` at the end of the segment, and where
    /// the rest is too short for a batch.
    pub(super) fn header(&mut self) -> io::Result<Option<BatchHeader>> {
        if self.position + HEADER_BYTES as u64 > self.end {
            return Ok(None);
        }
        let bytes = self.fill(HEADER_BYTES)?;
        BatchHeader::parse(bytes).map(Some).map_err(|defect| io::Error::new(io::ErrorKind::InvalidData, defect))
    }

    /// All bytes of the batch at hand; `None` when the segment ends within it.
    pub(super) fn batch(&mut self, header: &BatchHeader) -> io::Result<Option<&[u8]>> {
        if self.position + header.size_bytes as u64 > self.end {
            return Ok(None);
        }
        self.fill(header.size_bytes).map(Some)
    }

    pub(super) fn advance(&mut self, header: &BatchHeader) {
        self.position += header.size_bytes as u64;
    }

    fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let inside =
            self.position >= self.chunk_at && self.position + wanted as u64 <= self.chunk_at + self.chunk.len() as u64;
        if !inside {
            let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
            self.chunk.resize(wanted.max(self.chunk_bytes).min(left), 0);
            self.file.read_exact_at(&mut self.chunk, self.position)?;
            self.chunk_at = self.position;
        }
        let from = (self.position - self.chunk_at) as usize;
        Ok(&self.chunk[from..from + wanted])
    }
}
