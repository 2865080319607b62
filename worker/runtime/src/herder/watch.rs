//! Looks whether tasks that run have got stuck; tells the log once, and shows it in their statuses.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    config::WorkerConfig,
    storage::{
        config_state::TaskId,
        statuses::{State, Status, Subject},
    },
    task::{
        run::Shared,
        steps::{Late, Stuck, utc},
    },
};

/// A look at all tasks is a lock and a few comparisons for each.
const EVERY: Duration = Duration::from_secs(1);

/// What is known to be stuck, so that it is told once.
pub struct Watch {
    after: Option<Duration>,
    in_status: bool,
    known: BTreeMap<TaskId, (Late, Stuck)>,
    looked: Option<Instant>,
}

/// What there is to tell the log.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Stuck,
    GoesOn,
    None,
}

impl Watch {
    pub fn new(config: &WorkerConfig) -> Self {
        Self { after: config.stuck_after(), in_status: !config.strict, known: BTreeMap::new(), looked: None }
    }

    pub fn look(&mut self, now: Instant, shared: &Shared, worker_id: &str) {
        let Some(after) = self.after else { return };
        if self.looked.is_some_and(|looked| now.duration_since(looked) < EVERY) {
            return;
        }
        self.looked = Some(now);
        let tasks = shared.metrics.all();
        self.known.retain(|id, _| tasks.iter().any(|(task, _)| task == id));
        for (id, metrics) in tasks {
            let subject = Subject::Task(id.clone());
            let status = shared.statuses.get(&subject).filter(|s| s.worker_id == worker_id);
            let state = status.as_ref().map(|status| status.state);
            let late = metrics.steps.late(now, after).filter(|late| late.step.matters_in(state));
            let advice = late.as_ref().map(|late| late.step.advice());
            let (stuck, news) = self.judge(&id, late, now, crate::now_ms());
            match (news, &stuck, advice) {
                (News::Stuck, Some(stuck), Some(advice)) => tracing::warn!(
                    connector = id.connector,
                    task = id.task,
                    stage = stuck.stage,
                    since = stuck.since,
                    "task is {} but stuck, {}; {advice}",
                    if state == Some(State::Running) { "RUNNING" } else { "starting" },
                    stuck.detail
                ),
                (News::GoesOn, ..) if state == Some(State::Running) => {
                    tracing::info!(connector = id.connector, task = id.task, "task goes on, it is no longer stuck");
                }
                _ => {}
            }
            let shown = stuck.filter(|_| self.in_status);
            if let Some(status) = status.filter(|status| status.state == State::Running)
                && status.stuck != shown
            {
                shared.statuses.put(&subject, &Status { stuck: shown, ..status });
            }
        }
    }

    /// What a running task's status shows, and whether that is news.
    fn judge(&mut self, id: &TaskId, late: Option<Late>, now: Instant, now_ms: i64) -> (Option<Stuck>, News) {
        let Some(late) = late else {
            let news = if self.known.remove(id).is_some() { News::GoesOn } else { News::None };
            return (None, news);
        };
        let before = self.known.get(id).filter(|(known, _)| (known.step, known.since) == (late.step, late.since));
        let (since, news) = match before {
            Some((_, stuck)) => (stuck.since.clone(), News::None),
            None => {
                let ago = i64::try_from(now.duration_since(late.since).as_millis()).unwrap_or(i64::MAX);
                (utc(now_ms.saturating_sub(ago)), News::Stuck)
            }
        };
        let stuck = Stuck { since, stage: late.step.name().to_owned(), detail: late.detail.clone() };
        self.known.insert(id.clone(), (late, stuck.clone()));
        (Some(stuck), news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::steps::Step;

    #[test]
    fn what_is_stuck_is_told_once_and_when_it_goes_on() {
        let mut watch = Watch { after: None, in_status: true, known: BTreeMap::new(), looked: None };
        let (id, since) = (TaskId::new("c", 0), Instant::now());
        let late = |detail: &str, since| Some(Late { step: Step::Put, since, detail: detail.into() });
        let stuck =
            |detail: &str, since: &str| Some(Stuck { since: since.into(), stage: "put".into(), detail: detail.into() });
        let now = since + Duration::from_secs(300);
        let mut judge = |late, now_ms| watch.judge(&id, late, now, now_ms);
        assert_eq!(judge(late("a", since), 400_000), (stuck("a", "1970-01-01T00:01:40Z"), News::Stuck));
        // The beginning stays what it was, whatever the clocks do; a new reason is shown.
        assert_eq!(judge(late("b", since), 500_500), (stuck("b", "1970-01-01T00:01:40Z"), News::None));
        assert_eq!(judge(None, 501_000), (None, News::GoesOn));
        assert_eq!(judge(None, 502_000), (None, News::None));
        assert_eq!(judge(late("c", now), 900_000), (stuck("c", "1970-01-01T00:15:00Z"), News::Stuck));
    }
}
