//! Repeating what failed for one record, within `errors.retry.timeout`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    dlq::Reporter,
    errors::{Backoff, Failure, Limit, Tolerance, Verdict, policy},
};

/// Tries of one record within `errors.retry.timeout`.
pub struct Retries {
    began: Option<Instant>,
    limit: Limit,
    tolerance: Tolerance,
    backoff: Backoff,
    reporter: Arc<Reporter>,
}

impl Retries {
    pub fn new(reporter: &Arc<Reporter>) -> Self {
        let config = &reporter.config;
        Self {
            began: None,
            limit: config.retry_timeout,
            tolerance: config.tolerance,
            backoff: Backoff::new(config.retry_delay_max),
            reporter: reporter.clone(),
        }
    }

    /// The pause before the next try; `None` when there shall be none.
    pub fn next(&mut self, failure: &Failure) -> Option<Duration> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let pause = self.backoff.pause();
        let left = match self.limit {
            Limit::Forever => true,
            Limit::Within(limit) => began.elapsed() + pause <= limit,
        };
        let verdict = policy(failure.error.kind(), failure.stage, self.tolerance, left);
        if verdict != Verdict::Retry {
            return None;
        }
        self.reporter.metrics.retries.add(1);
        Some(pause)
    }
}
