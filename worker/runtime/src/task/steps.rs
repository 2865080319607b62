//! What a task is at, and since when: tells one that is stuck from one that is idle.
//!
//! A step is open while something is waited for that ought to happen by itself: a put's return, Kafka's confirmations, a
//! commit. Waiting for records is none: a source without news and a sink without records have no step open.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use connect_api::time::date_of_days;

use crate::storage::statuses::State;

/// Something that a task does over and over, and that should not take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Opening what the task reads or writes, before it runs.
    Start,
    /// Only while it fails: a poll may wait for records as long as it likes.
    Poll,
    /// Only while it fails.
    Convert,
    Topic,
    Ack,
    Partitions,
    Put,
    Commit,
}

const STEPS: [Step; 8] =
    [Step::Start, Step::Poll, Step::Convert, Step::Topic, Step::Ack, Step::Partitions, Step::Put, Step::Commit];

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Step::Start => "start",
            Step::Poll => "poll",
            Step::Convert => "convert",
            Step::Topic => "topic",
            Step::Ack => "ack",
            Step::Partitions => "partitions",
            Step::Put => "put",
            Step::Commit => "commit",
        }
    }

    fn tried(self) -> &'static str {
        match self {
            Step::Start => "the connector does not start it",
            Step::Poll => "the source can't be read",
            Step::Convert => "a record can't be converted",
            Step::Topic => "a topic can't be looked at or created",
            Step::Ack => "Kafka confirms no more records",
            Step::Partitions => "the sink does not open or close its partitions",
            Step::Put => "the sink does not take a batch of records",
            Step::Commit => "offsets can't be committed",
        }
    }

    /// Whether a task in this state ought to get on with this step. One that is paused or has failed need not, and one
    /// that is being started has no state yet.
    pub fn matters_in(self, state: Option<State>) -> bool {
        match state {
            Some(State::Running) => true,
            Some(State::Unassigned | State::Restarting) | None => self == Step::Start,
            Some(State::Paused | State::Failed | State::Stopped | State::Destroyed) => false,
        }
    }

    /// What its operator may do.
    pub fn advice(self) -> &'static str {
        match self {
            Step::Start => {
                "see whether the connector's system can be reached and lets it in; the task goes on by itself"
            }
            Step::Poll => {
                "see whether the source's system can be reached and lets the connector in; the task goes on by itself"
            }
            Step::Convert => {
                "see whether what the converter needs, such as a schema registry, can be reached; errors.retry.timeout limits the tries"
            }
            Step::Topic => "see whether the brokers can be reached and let the connector see and create its topics",
            Step::Ack => {
                "see whether the brokers can be reached and all leaders and min.insync.replicas of the topics are there; the task goes on by itself"
            }
            Step::Partitions | Step::Put => {
                "see whether the sink's system can be reached and takes writes; restarting the task puts the same records again"
            }
            Step::Commit => {
                "see whether the brokers or, of a sink, its system confirm what was sent; until then a restart repeats records"
            }
        }
    }
}

/// A task that has not got on for too long, as its status shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// A date and a time of UTC.
    pub since: String,
    pub stage: String,
    pub detail: String,
}

/// A step that has been open for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    pub step: Step,
    pub since: Instant,
    pub detail: String,
}

/// The open steps of one task. Looked at from outside, so nothing of it may wait.
#[derive(Debug, Default)]
pub struct Steps(Mutex<[Option<Open>; STEPS.len()]>);

#[derive(Clone, Debug)]
struct Open {
    since: Instant,
    /// The last failure.
    trouble: Option<String>,
}

impl Steps {
    /// A step begins, unless it is under way already.
    pub fn begin(&self, step: Step) {
        self.lock()[step as usize].get_or_insert_with(Open::now);
    }

    /// A try of a step has failed, and there will be another one.
    pub fn trouble(&self, step: Step, error: &dyn Display) {
        self.lock()[step as usize].get_or_insert_with(Open::now).trouble = Some(error.to_string());
    }

    /// A step has got on; it stays open while more is waited for.
    pub fn progress(&self, step: Step, more: bool) {
        self.lock()[step as usize] = more.then(Open::now);
    }

    pub fn done(&self, step: Step) {
        self.lock()[step as usize] = None;
    }

    /// The step that has been open longest, when that is too long.
    pub fn late(&self, now: Instant, after: Duration) -> Option<Late> {
        let steps = self.lock();
        let open = STEPS.iter().filter_map(|step| Some((*step, steps[*step as usize].as_ref()?)));
        let (step, open) = open.min_by_key(|(_, open)| open.since)?;
        let trouble = open.trouble.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        let late = Late { step, since: open.since, detail: format!("{}{trouble}", step.tried()) };
        (now.duration_since(open.since) >= after).then_some(late)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, [Option<Open>; STEPS.len()]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn now() -> Self {
        Self { since: Instant::now(), trouble: None }
    }
}

/// A time since 1970 as a date and a time of UTC, to the second: the clocks it is made of are two.
pub fn utc(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of_days(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(300);

    fn seen(steps: &Steps, seconds: u64) -> Option<(&'static str, String)> {
        let late = steps.late(Instant::now() + Duration::from_secs(seconds), LIMIT);
        late.map(|late| (late.step.name(), late.detail))
    }

    #[test]
    fn a_task_without_an_open_step_is_idle_for_ever() {
        let steps = Steps::default();
        assert_eq!(seen(&steps, 1_000_000), None);
        steps.begin(Step::Put);
        steps.done(Step::Put);
        steps.progress(Step::Ack, false);
        assert_eq!(seen(&steps, 1_000_000), None);
    }

    #[test]
    fn an_open_step_counts_from_its_beginning_and_tells_its_last_failure() {
        let steps = Steps::default();
        steps.begin(Step::Put);
        let put = |detail: &str| Some(("put", format!("the sink does not take a batch of records{detail}")));
        assert_eq!((seen(&steps, 299), seen(&steps, 301)), (None, put("")));
        steps.trouble(Step::Put, &"index is read-only");
        steps.begin(Step::Put);
        assert_eq!((seen(&steps, 299), seen(&steps, 301)), (None, put(": index is read-only")));
        // Of two the older one is why.
        steps.begin(Step::Commit);
        assert_eq!(seen(&steps, 301), put(": index is read-only"));
        steps.done(Step::Put);
        assert_eq!(seen(&steps, 301), Some(("commit", "offsets can't be committed".into())));
    }

    #[test]
    fn progress_counts_anew() {
        let steps = Steps::default();
        steps.begin(Step::Ack);
        let first = steps.lock()[Step::Ack as usize].clone().expect("the step is open").since;
        steps.progress(Step::Ack, true);
        let second = steps.lock()[Step::Ack as usize].clone().expect("the step is still open").since;
        assert!(second > first);
    }

    #[test]
    fn times_are_utc() {
        assert_eq!((utc(0), utc(1_795_221_436_274)), ("1970-01-01T00:00:00Z".into(), "2026-11-21T00:37:16Z".into()));
    }
}
