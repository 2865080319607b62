//! The hash that `partition.hash.function=murmur` names: an early form of MurmurHash3 for 64-bit machines, of which the
//! upper half is used, with the seed 9001.

use connect_api::{Schema, Value, java};

const SEED: u64 = 9001;

/// Texts and bytes are hashed themselves, all else by its `hashCode()`.
pub(crate) fn hash(value: &Value, schema: &Schema) -> i32 {
    match value {
        Value::String(text) => hash_bytes(text.as_bytes()),
        Value::Bytes(bytes) if schema.name.as_deref() != Some(connect_api::schema::logical::DECIMAL) => {
            hash_bytes(bytes)
        }
        value => hash_bytes(&java::hash_code(value, Some(schema)).unwrap_or(0).to_le_bytes()),
    }
}

struct State {
    h1: u64,
    h2: u64,
    c1: u64,
    c2: u64,
}

impl State {
    fn mix(&mut self, k1: u64, k2: u64) {
        let k1 = k1.wrapping_mul(self.c1).rotate_left(23).wrapping_mul(self.c2);
        self.h1 = (self.h1 ^ k1).wrapping_add(self.h2);
        self.h2 = self.h2.rotate_left(41);
        let k2 = k2.wrapping_mul(self.c2).rotate_left(23).wrapping_mul(self.c1);
        self.h2 = (self.h2 ^ k2).wrapping_add(self.h1);
        self.h1 = self.h1.wrapping_mul(3).wrapping_add(0x52dc_e729);
        self.h2 = self.h2.wrapping_mul(3).wrapping_add(0x3849_5ab5);
        self.c1 = self.c1.wrapping_mul(5).wrapping_add(0x7b7d_159c);
        self.c2 = self.c2.wrapping_mul(5).wrapping_add(0x6bce_6396);
    }

    fn finish(mut self, length: usize) -> i32 {
        self.h2 ^= length as u64;
        self.h1 = self.h1.wrapping_add(self.h2);
        self.h2 = self.h2.wrapping_add(self.h1);
        (self.h1, self.h2) = (avalanche(self.h1), avalanche(self.h2));
        (self.h1.wrapping_add(self.h2) >> 32) as u32 as i32
    }
}

fn avalanche(mut k: u64) -> u64 {
    k ^= k >> 33;
    k = k.wrapping_mul(0xff51_afd7_ed55_8ccd);
    k ^= k >> 33;
    k = k.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

fn hash_bytes(bytes: &[u8]) -> i32 {
    let mut state = State {
        h1: 0x9368_e53c_2f6a_f274 ^ SEED,
        h2: 0x586d_cd20_8f7c_d3fd ^ SEED,
        c1: 0x87c3_7b91_1142_53d5,
        c2: 0x4cf5_ad43_2745_937f,
    };
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        state.mix(word(&block[..8]), word(&block[8..]));
    }
    let tail = blocks.remainder();
    if !tail.is_empty() {
        let (low, high) = tail.split_at(tail.len().min(8));
        state.mix(signed_word(low), signed_word(high));
    }
    state.finish(bytes.len())
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

/// Java widens the bytes of the tail with their sign.
fn signed_word(bytes: &[u8]) -> u64 {
    let shifted = |(at, byte): (usize, &u8)| (i64::from(byte.cast_signed()) << (8 * at)).cast_unsigned();
    bytes.iter().enumerate().map(shifted).fold(0, |word, byte| word ^ byte)
}
