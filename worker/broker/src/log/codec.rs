//! Compression of record batches. Batches stay as they came; only compaction and lookups inside a batch
//! open one.

use std::{
    borrow::Cow,
    io::{self, Read, Write},
};

/// A batch that opens to more than this is refused, or a few kilobytes could take all memory.
const PLAIN_BYTES_MAX: u64 = 256 << 20;
/// snappy-java's frame around blocks: magic, version, compatible version.
const XERIAL_HEADER: &[u8; 16] = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
/// Blocks of snappy-java.
const XERIAL_BLOCK_BYTES: usize = 32 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    /// From the compression bits of a batch's attributes.
    pub(super) fn of(bits: i16) -> Option<Self> {
        [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd].get(usize::try_from(bits).ok()?).copied()
    }

    pub(super) fn decompress(self, bytes: &[u8]) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Codec::None => Ok(Cow::Borrowed(bytes)),
            Codec::Gzip => read_limited(flate2::read::MultiGzDecoder::new(bytes)),
            Codec::Snappy => decompress_snappy(bytes).map(Cow::Owned),
            Codec::Lz4 => read_limited(lz4_flex::frame::FrameDecoder::new(bytes)),
            Codec::Zstd => read_limited(zstd::stream::read::Decoder::new(bytes)?),
        }
    }

    pub(super) fn compress(self, bytes: &[u8]) -> io::Result<Cow<'_, [u8]>> {
        Ok(match self {
            Codec::None => Cow::Borrowed(bytes),
            Codec::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(bytes)?;
                Cow::Owned(encoder.finish()?)
            }
            Codec::Snappy => Cow::Owned(compress_snappy(bytes)?),
            Codec::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes)?;
                Cow::Owned(encoder.finish().map_err(io::Error::other)?)
            }
            Codec::Zstd => Cow::Owned(zstd::stream::encode_all(bytes, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }
}

fn read_limited<'a>(decoder: impl Read) -> io::Result<Cow<'a, [u8]>> {
    let mut plain = Vec::new();
    decoder.take(PLAIN_BYTES_MAX + 1).read_to_end(&mut plain)?;
    ensure_within_limit(plain.len())?;
    Ok(Cow::Owned(plain))
}

fn ensure_within_limit(len: usize) -> io::Result<()> {
    if len as u64 > PLAIN_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "record batch opens to more than 256 MB"));
    }
    Ok(())
}

fn decompress_snappy(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut decoder = snap::raw::Decoder::new();
    // librdkafka writes one bare block; the JVM frames blocks as snappy-java does.
    let Some(mut blocks) = bytes.strip_prefix(XERIAL_HEADER) else {
        ensure_within_limit(snap::raw::decompress_len(bytes)?)?;
        return Ok(decoder.decompress_vec(bytes)?);
    };
    let mut plain = Vec::new();
    while let Some((length, rest)) = blocks.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let block = rest.get(..length).ok_or(io::ErrorKind::UnexpectedEof)?;
        ensure_within_limit(plain.len() + snap::raw::decompress_len(block)?)?;
        plain.extend_from_slice(&decoder.decompress_vec(block)?);
        blocks = &rest[length..];
    }
    Ok(plain)
}

fn compress_snappy(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = snap::raw::Encoder::new();
    let mut framed = XERIAL_HEADER.to_vec();
    for block in bytes.chunks(XERIAL_BLOCK_BYTES) {
        let block = encoder.compress_vec(block)?;
        framed.extend_from_slice(&(block.len() as u32).to_be_bytes());
        framed.extend_from_slice(&block);
    }
    Ok(framed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_gives_back_what_it_was_given() {
        let plain: Vec<u8> = (0..100_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let packed = codec.compress(&plain).unwrap();
            assert_eq!(codec.decompress(&packed).unwrap(), plain, "{codec:?}");
        }
    }

    #[test]
    fn a_bare_snappy_block_is_read_too() {
        let packed = snap::raw::Encoder::new().compress_vec(b"records of librdkafka").unwrap();
        assert_eq!(Codec::Snappy.decompress(&packed).unwrap(), &b"records of librdkafka"[..]);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_no_panic() {
        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let mut packed = codec.compress(&[7; 5_000]).unwrap().into_owned();
            packed.truncate(packed.len() / 2);
            assert!(codec.decompress(&packed).is_err(), "{codec:?}");
        }
    }
}
