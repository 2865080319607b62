//! Where a task's time goes, stage by stage, at the price of a few looks at the clock for each batch.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// A part of a record's way through its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for the source, or for Kafka to have records for the sink.
    Read,
    /// A source's own work between two waits: making records of what it has read.
    Decode,
    Transform,
    Convert,
    /// Handing records to the Kafka client.
    Produce,
    /// Waiting for Kafka to confirm records before more may be sent, and taking its confirmations.
    Ack,
    Put,
    /// Asking the sink what is safe, dead letters included, and committing it.
    Commit,
}

impl Stage {
    pub const SOURCE: [Stage; 6] =
        [Stage::Read, Stage::Decode, Stage::Transform, Stage::Convert, Stage::Produce, Stage::Ack];
    pub const SINK: [Stage; 5] = [Stage::Read, Stage::Convert, Stage::Transform, Stage::Put, Stage::Commit];

    pub fn name(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Decode => "decode",
            Stage::Transform => "transform",
            Stage::Convert => "convert",
            Stage::Produce => "produce",
            Stage::Ack => "ack",
            Stage::Put => "put",
            Stage::Commit => "commit",
        }
    }
}

const STAGES: usize = 8;

/// Time spent in each stage since the task started.
#[derive(Debug, Default)]
pub struct StageTimes([AtomicU64; STAGES]);

impl StageTimes {
    pub fn add(&self, stage: Stage, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0[stage as usize].fetch_add(nanos, Ordering::Relaxed);
    }

    pub fn seconds(&self, stage: Stage) -> f64 {
        Duration::from_nanos(self.0[stage as usize].load(Ordering::Relaxed)).as_secs_f64()
    }
}

/// Splits a batch's time among the stages that its records pass one by one.
///
/// A look at the clock between any two stages of any record would cost as much as some stages do. So one record of each
/// batch is watched, another one each time, and the time of the whole batch is split as that record's was.
#[derive(Debug, Default)]
pub struct BatchClock {
    batches: u64,
    watched: usize,
    began: Option<Instant>,
    /// The end of the last stage of the watched record; only while that record is under way.
    last: Option<Instant>,
    shares: [Duration; STAGES],
    /// What was waited for within the batch; it has a stage of its own.
    waited: Duration,
}

impl BatchClock {
    pub fn begin(&mut self, records: usize) {
        self.batches = self.batches.wrapping_add(1);
        // Fibonacci hashing: spread evenly over the batch, whatever its size.
        let spread = self.batches.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let watched = usize::try_from(spread).unwrap_or(0) % records.max(1);
        *self = Self { batches: self.batches, watched, began: Some(Instant::now()), ..Self::default() };
    }

    /// A record of the batch is taken up.
    pub fn record(&mut self, at: usize) {
        self.last = (at == self.watched).then(Instant::now);
    }

    /// The record under way leaves a stage.
    pub fn leaves(&mut self, stage: Stage) {
        if let Some(last) = &mut self.last {
            let now = Instant::now();
            self.shares[stage as usize] += now.duration_since(*last);
            *last = now;
        }
    }

    /// Something was waited for that is no stage of the records.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
        if let Some(last) = &mut self.last {
            *last += time;
        }
    }

    /// Ends the batch and gives its time to the stages.
    pub fn end(&mut self, times: &StageTimes, stages: &[Stage]) {
        let Some(began) = self.began.take() else { return };
        self.last = None;
        split(began.elapsed().saturating_sub(self.waited), &self.shares, times, stages);
    }
}

fn split(whole: Duration, shares: &[Duration; STAGES], times: &StageTimes, stages: &[Stage]) {
    let all: Duration = stages.iter().map(|stage| shares[*stage as usize]).sum();
    if all.is_zero() {
        return;
    }
    for stage in stages {
        times.add(*stage, whole.mul_f64(shares[*stage as usize].as_secs_f64() / all.as_secs_f64()));
    }
}

/// A future that knows how long it has worked, besides waiting.
pub struct Worked<F> {
    inner: F,
    pub time: Duration,
}

impl<F> Worked<F> {
    pub fn new(inner: F) -> Self {
        Self { inner, time: Duration::ZERO }
    }
}

impl<F: Future + Unpin> Future for Worked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = Instant::now();
        let result = Pin::new(&mut self.inner).poll(context);
        self.time += began.elapsed();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_split_as_its_watched_record_was() {
        let times = StageTimes::default();
        let mut shares = [Duration::ZERO; STAGES];
        shares[Stage::Convert as usize] = Duration::from_micros(3);
        shares[Stage::Produce as usize] = Duration::from_micros(1);
        // Another stage's time takes no part.
        shares[Stage::Put as usize] = Duration::from_secs(9);
        split(Duration::from_secs(8), &shares, &times, &[Stage::Transform, Stage::Convert, Stage::Produce]);
        let seconds = Stage::SOURCE.map(|stage| times.seconds(stage));
        assert_eq!(seconds, [0.0, 0.0, 0.0, 6.0, 2.0, 0.0]);
    }

    #[test]
    fn another_record_of_each_batch_is_watched() {
        let mut clock = BatchClock::default();
        let mut watched = [0_usize; 4];
        for _ in 0..4000 {
            clock.begin(4);
            for (at, times) in watched.iter_mut().enumerate() {
                clock.record(at);
                *times += usize::from(clock.last.is_some());
            }
        }
        assert_eq!(watched.iter().sum::<usize>(), 4000);
        assert!(watched.iter().all(|times| (900..1100).contains(times)), "{watched:?}");
    }

    #[tokio::test]
    async fn waiting_is_no_work() {
        let within = Duration::from_millis(200);
        let mut worked = Worked::new(std::future::pending::<()>());
        assert!(tokio::time::timeout(within, &mut worked).await.is_err());
        assert!(worked.time < within, "{:?}", worked.time);
    }
}
