//! The bulks of a task between the record that fills them and the answer that empties them.
//!
//! One side, the task, fills the open bulk and waits for room; the other, the sender, takes bulks when they are due.
//! Everything they share is behind one lock, held for moments and never across a wait.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use connect_api::{Error, Offsets, TopicPartition};
use tokio::sync::Notify;

use crate::{
    bulk::{Bulk, DocumentHash},
    tracker::{Ticket, Tracker},
};

/// When bulks are due and how much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) operations: usize,
    /// Nothing sets no limit.
    pub(crate) bytes: Option<usize>,
    pub(crate) linger: Duration,
    pub(crate) in_flight: usize,
    pub(crate) buffered: usize,
}

impl Limits {
    pub(crate) fn full(&self, bulk: &Bulk) -> bool {
        bulk.len() >= self.operations || self.bytes.is_some_and(|limit| bulk.estimate >= limit)
    }

    /// Bytes that may wait: so many that all requests can be under way while as many are gathered.
    fn bytes_buffered(&self) -> usize {
        self.bytes.map_or(usize::MAX, |bytes| bytes.saturating_mul(2 * self.in_flight.max(2)))
    }

    /// Records that may be followed: with more than these the oldest bulk is stuck while others pass it by.
    fn followed(&self) -> usize {
        self.buffered.saturating_mul(10)
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// Told when there may be a bulk to send.
    pub(crate) work: Notify,
    /// Told when a bulk was finished or the task has failed.
    progress: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The bulk that takes the next records; the task holds it while it fills it.
    open: Option<Bulk>,
    ready: VecDeque<Bulk>,
    in_flight: usize,
    /// Documents that bulks in flight write to.
    documents: HashSet<u64, BuildHasherDefault<Hashed>>,
    /// Operations, and bytes, of all bulks that are not finished.
    operations: usize,
    bytes: usize,
    tracker: Tracker,
    spare: Vec<Vec<u8>>,
    failure: Failure,
}

#[derive(Debug, Default)]
enum Failure {
    #[default]
    None,
    Unreported(Error),
    Reported(String),
}

/// What the sender does next.
#[derive(Debug)]
pub(crate) enum Next {
    Send(Bulk),
    /// Nothing is due before this moment.
    At(Instant),
    /// Nothing to do until something happens.
    Wait,
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), work: Notify::new(), progress: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere does not leave the state half-changed: every change below is complete before the next call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `fill` with the open bulk and the tracker.
    pub(crate) fn fill<T>(&self, fill: impl FnOnce(&mut Filling<'_>) -> T) -> T {
        let mut state = self.state();
        let state = &mut *state;
        let open = state.open.take();
        let before = open.as_ref().map_or((0, 0), |bulk| (bulk.len(), bulk.bytes()));
        let mut filling = Filling {
            limits: &self.limits,
            open,
            full: Vec::new(),
            tracker: &mut state.tracker,
            spare: &mut state.spare,
        };
        let result = fill(&mut filling);
        let Filling { open, full, .. } = filling;
        let (operations, bytes) = full
            .iter()
            .chain(&open)
            .fold((0, 0), |(operations, bytes), bulk| (operations + bulk.len(), bytes + bulk.bytes()));
        state.operations += operations - before.0;
        state.bytes += bytes - before.1;
        state.ready.extend(full);
        state.open = open.filter(|bulk| !bulk.is_empty());
        self.work.notify_one();
        result
    }

    /// How many more records may come; nothing when it is time to wait.
    pub(crate) fn room(&self) -> Option<usize> {
        let state = self.state();
        if state.bytes >= self.limits.bytes_buffered() || state.tracker.followed() >= self.limits.followed() {
            return None;
        }
        self.limits.buffered.checked_sub(state.operations).filter(|room| *room > 0)
    }

    /// Sends what is open without waiting for more.
    pub(crate) fn flush(&self) {
        let mut state = self.state();
        if let Some(bulk) = state.open.take() {
            state.ready.push_back(bulk);
        }
        self.work.notify_one();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().operations == 0
    }

    /// The failure that ended the task's work: itself when asked first, then only its message.
    pub(crate) fn failure(&self) -> Option<Error> {
        let mut state = self.state();
        match std::mem::take(&mut state.failure) {
            Failure::None => None,
            Failure::Unreported(error) => {
                state.failure = Failure::Reported(error.message().to_owned());
                Some(error)
            }
            Failure::Reported(message) => {
                let error = Error::fatal(message.clone());
                state.failure = Failure::Reported(message);
                Some(error)
            }
        }
    }

    pub(crate) fn failed(&self) -> bool {
        !matches!(self.state().failure, Failure::None)
    }

    pub(crate) async fn progress(&self) {
        self.progress.notified().await;
    }

    pub(crate) fn safe(&self, current: Offsets) -> Offsets {
        self.state().tracker.safe(current)
    }

    /// Where a record that is not finished came from.
    pub(crate) fn place(&self, ticket: Ticket) -> Option<(TopicPartition, i64)> {
        self.state().tracker.place(ticket)
    }

    pub(crate) fn open(&self, partitions: &[TopicPartition]) {
        self.state().tracker.open(partitions);
    }

    pub(crate) fn close(&self, partitions: &[TopicPartition]) {
        self.state().tracker.close(partitions);
    }

    /// The next bulk to send, if one is due and there is a place for it in flight.
    pub(crate) fn next(&self) -> Next {
        let mut state = self.state();
        if state.in_flight >= self.limits.in_flight || !matches!(state.failure, Failure::None) {
            return Next::Wait;
        }
        if let Some(first) = state.ready.front() {
            // The first one only: a later one that went before it could hold the same document.
            if state.meets_in_flight(first) {
                return Next::Wait;
            }
            let bulk = state.ready.pop_front();
            return bulk.map_or(Next::Wait, |bulk| state.send(bulk));
        }
        let Some(open) = &state.open else { return Next::Wait };
        let due = open.opened + self.limits.linger;
        if due > Instant::now() {
            return Next::At(due);
        }
        if state.meets_in_flight(open) {
            return Next::Wait;
        }
        let bulk = state.open.take();
        bulk.map_or(Next::Wait, |bulk| state.send(bulk))
    }

    /// A bulk came back: these of its records are done with, whatever the failure of the others.
    pub(crate) fn finish(&self, bulk: Bulk, done: &[Ticket], failure: Option<Error>) {
        let mut state = self.state();
        state.in_flight -= 1;
        state.operations -= bulk.len();
        state.bytes -= bulk.bytes();
        for operation in &bulk.operations {
            if let Some(document) = operation.order.document() {
                state.documents.remove(&document.bits());
            }
        }
        for ticket in done {
            state.tracker.finish(*ticket);
        }
        // As many as can be in use at a time; larger ones than usual are not kept.
        if state.spare.len() <= self.limits.in_flight && bulk.body.capacity() <= SPARE_BYTES_MAX {
            state.spare.push(bulk.body);
        }
        if let (Failure::None, Some(error)) = (&state.failure, failure) {
            state.failure = Failure::Unreported(error);
        }
        drop(state);
        self.progress.notify_one();
        self.work.notify_one();
    }
}

/// A buffer larger than this was one large record, and would only hold memory.
const SPARE_BYTES_MAX: usize = 16 << 20;

impl State {
    fn meets_in_flight(&self, bulk: &Bulk) -> bool {
        !self.documents.is_empty()
            && bulk.operations.iter().filter_map(|operation| operation.order.document()).any(|d| self.holds(d))
    }

    fn holds(&self, document: DocumentHash) -> bool {
        self.documents.contains(&document.bits())
    }

    fn send(&mut self, bulk: Bulk) -> Next {
        self.in_flight += 1;
        let documents = bulk.operations.iter().filter_map(|operation| operation.order.document());
        self.documents.extend(documents.map(DocumentHash::bits));
        Next::Send(bulk)
    }
}

/// The task's turn at the open bulk.
pub(crate) struct Filling<'a> {
    limits: &'a Limits,
    open: Option<Bulk>,
    full: Vec<Bulk>,
    pub(crate) tracker: &'a mut Tracker,
    spare: &'a mut Vec<Vec<u8>>,
}

impl Filling<'_> {
    /// The bulk that takes the next operation.
    pub(crate) fn bulk(&mut self) -> &mut Bulk {
        let spare = &mut *self.spare;
        self.open.get_or_insert_with(|| Bulk::new(spare.pop().unwrap_or_default()))
    }

    /// Closes the bulk when it is full.
    pub(crate) fn close_when_full(&mut self) {
        if let Some(bulk) = self.open.take_if(|bulk| self.limits.full(bulk)) {
            self.full.push(bulk);
        }
    }
}

/// The documents' names are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
