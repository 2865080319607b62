//! Random numbers that come again from the same seed, on every machine and in every version.

/// SplitMix64: one addition and a mix, so that any seed, such as one read from a stored offset, is a good one.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: i64) -> Self {
        Self(seed.cast_unsigned())
    }

    /// The seed of a source whose user gave none.
    pub(crate) fn unpredictable_seed() -> i64 {
        use std::hash::{BuildHasher, Hasher, RandomState};
        RandomState::new().build_hasher().finish().cast_signed()
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A seed for another generator.
    pub(crate) fn seed(&mut self) -> i64 {
        self.next().cast_signed()
    }

    /// A number below `limit`, 0 when that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // The high half of the product spreads evenly enough: limits are far below 2^64.
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    /// A number from `min` up to, but not including, `max`; `min` when there is none.
    pub(crate) fn integer(&mut self, min: i128, max: i128) -> i128 {
        let Some(span) = max.checked_sub(min).filter(|span| *span > 0) else { return min };
        let wide = (u128::from(self.next()) << 64) | u128::from(self.next());
        min + (wide % span.unsigned_abs()).cast_signed()
    }

    /// A number from 0 up to, but not including, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `min` up to, but not including, `max`.
    pub(crate) fn real(&mut self, min: f64, max: f64) -> f64 {
        let unit = self.unit();
        // In this form the widest range of all does not overflow.
        min * (1.0 - unit) + max * unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut random = Random::new(42);
        assert_eq!([random.next(), random.next()], [0xbdd7_3226_2feb_6e95, 0x28ef_e333_b266_f103]);
    }

    #[test]
    fn numbers_keep_to_their_range_and_reach_both_ends() {
        let mut random = Random::new(1);
        let mut seen = [false; 4];
        for _ in 0..1000 {
            seen[usize::try_from(random.integer(-1, 3) + 1).unwrap()] = true;
            assert!(random.below(3) < 3);
            assert!((0.1..10.0).contains(&random.real(0.1, 10.0)));
            assert!(random.real(f64::MIN, f64::MAX).is_finite());
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!((random.integer(5, 5), random.below(0)), (5, 0));
    }
}
