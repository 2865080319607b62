//! Numbers, counted where things happen: totals, levels, and what the last minute brought.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number as it is now.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    pub fn set(&self, n: usize) {
        self.0.store(i64::try_from(n).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What was recorded over the last minute, as the JVM's sensors keep it: two windows of 30 seconds.
#[derive(Debug, Default)]
pub struct Spread(Mutex<[Window; 2]>);

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    since: Option<Instant>,
    count: u64,
    sum: f64,
    max: f64,
}

const WINDOW: Duration = Duration::from_secs(30);

impl Spread {
    pub fn record(&self, value: f64) {
        self.record_at(Instant::now(), value);
    }

    pub fn millis(&self, time: Duration) {
        self.record(time.as_secs_f64() * 1000.0);
    }

    fn record_at(&self, now: Instant, value: f64) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows[0].since.is_none_or(|since| now.duration_since(since) > WINDOW) {
            windows[1] = windows[0];
            windows[0] = Window { since: Some(now), ..Window::default() };
        }
        let window = &mut windows[0];
        window.count += 1;
        window.sum += value;
        window.max = window.max.max(value);
    }

    /// The average; not a number when nothing was recorded lately, as the JVM says it.
    pub fn average(&self) -> f64 {
        let live = self.live_at(Instant::now());
        live.sum / live.count as f64
    }

    /// The maximum; not a number when nothing was recorded lately.
    pub fn max(&self) -> f64 {
        let live = self.live_at(Instant::now());
        if live.count > 0 { live.max } else { f64::NAN }
    }

    /// The sum of what was recorded lately.
    pub fn recent(&self) -> f64 {
        self.live_at(Instant::now()).sum
    }

    /// The sum for each second. A window that has just begun counts as a whole one, lest one event look like many.
    fn per_second_at(&self, now: Instant) -> f64 {
        let live = self.live_at(now);
        let passed = live.since.map_or(WINDOW, |since| now.duration_since(since).max(WINDOW));
        live.sum / passed.as_secs_f64()
    }

    fn live_at(&self, now: Instant) -> Window {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let live = windows.iter().filter(|w| w.since.is_some_and(|since| now.duration_since(since) <= 2 * WINDOW));
        // The older window is the second one, so its beginning is that of all.
        live.fold(Window::default(), |all, w| Window {
            since: w.since,
            count: all.count + w.count,
            sum: all.sum + w.sum,
            max: all.max.max(w.max),
        })
    }
}

/// A total and its rate. Recorded for each batch, never for each record.
#[derive(Debug, Default)]
pub struct Meter {
    total: Counter,
    lately: Spread,
}

impl Meter {
    pub fn add(&self, n: usize) {
        if n > 0 {
            self.total.add(n);
            self.lately.record(n as f64);
        }
    }

    pub fn total(&self) -> f64 {
        self.total.get() as f64
    }

    pub fn per_second(&self) -> f64 {
        self.lately.per_second_at(Instant::now())
    }

    /// How much of the total came lately.
    pub fn recent(&self) -> f64 {
        self.lately.recent()
    }
}

/// A level, with its average and maximum over the last minute.
#[derive(Debug, Default)]
pub struct Tide {
    level: Level,
    lately: Spread,
}

impl Tide {
    pub fn set(&self, n: usize) {
        self.level.set(n);
        self.lately.record(n as f64);
    }

    pub fn now(&self) -> f64 {
        self.level.get() as f64
    }

    pub fn average(&self) -> f64 {
        self.lately.average()
    }

    pub fn max(&self) -> f64 {
        self.lately.max()
    }
}

/// `part` of `part + rest`, as the JVM's percentages are: between 0 and 1, and 0 of nothing.
pub fn share(part: f64, rest: f64) -> f64 {
    if part + rest > 0.0 { part / (part + rest) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_windows_of_half_a_minute() {
        let spread = Spread::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let check = |seconds, expected: (u64, f64, f64), per_second: f64| {
            let live = spread.live_at(at(seconds));
            assert_eq!((live.count, live.sum, live.max), expected, "after {seconds} s");
            assert_eq!(spread.per_second_at(at(seconds)), per_second, "after {seconds} s");
        };
        check(0, (0, 0.0, 0.0), 0.0);
        spread.record_at(at(0), 60.0);
        check(1, (1, 60.0, 60.0), 2.0);
        spread.record_at(at(20), 30.0);
        check(20, (2, 90.0, 60.0), 3.0);
        spread.record_at(at(40), 10.0);
        check(50, (3, 100.0, 60.0), 2.0);
        // The first window is older than a minute.
        check(61, (1, 10.0, 10.0), 10.0 / 30.0);
        check(101, (0, 0.0, 0.0), 0.0);
    }

    #[test]
    fn nothing_has_no_average() {
        let spread = Spread::default();
        assert!(spread.average().is_nan() && spread.max().is_nan());
        assert_eq!((share(0.0, 0.0), share(3.0, 1.0)), (0.0, 0.75));
    }
}
