//! Waiting for what other processes do.

use std::{
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};

/// How often a condition of another process is looked at; it can't tell us by itself.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until `look` answers what is expected.
///
/// # Panics
/// When it does not within `limit`; the last answer is in the message.
pub async fn until<T: PartialEq + Debug, F: Future<Output = T>>(
    what: &str,
    limit: Duration,
    expected: T,
    look: impl Fn() -> F,
) {
    let end = Instant::now() + limit;
    loop {
        let seen = look().await;
        if seen == expected {
            return;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}\n    seen: {seen:?}\nexpected: {expected:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until `look` answers something.
///
/// # Panics
/// When it does not within `limit`.
pub async fn some<T, F: Future<Output = Option<T>>>(what: &str, limit: Duration, look: impl Fn() -> F) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
