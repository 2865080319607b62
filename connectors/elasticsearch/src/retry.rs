//! Waits between attempts: longer each time, and never the same for two tasks.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// The longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// How often and after which waits a failed call is made again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    pub(crate) max_retries: u32,
    pub(crate) first_wait: Duration,
}

impl Retry {
    /// The wait after this many failed attempts, at least one; nothing when there have been enough.
    pub(crate) fn wait(self, failed: u32) -> Option<Duration> {
        (failed <= self.max_retries).then(|| self.longest_wait(failed).mul_f64(random_fraction()))
    }

    fn longest_wait(self, failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(failed).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(WAIT_MAX)
    }
}

/// From 0 to 1.
fn random_fraction() -> f64 {
    f64::from(u32::try_from(random() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// The standard library seeds its hash maps at random; spreading load needs nothing better.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let retry = Retry { max_retries: 40, first_wait: Duration::from_millis(100) };
        assert_eq!(retry.longest_wait(1), Duration::from_millis(200));
        assert_eq!(retry.longest_wait(2), Duration::from_millis(400));
        assert_eq!(retry.longest_wait(40), WAIT_MAX);
        assert!(retry.wait(1).is_some_and(|wait| wait <= Duration::from_millis(200)));
        assert_eq!(retry.wait(41), None);
        assert_eq!(Retry { max_retries: 0, ..retry }.wait(1), None);
    }
}
