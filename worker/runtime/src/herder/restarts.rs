//! Failed tasks that start again by themselves (`millrace.auto.restart.*`): after which pause, and how often. No clock.

use std::{collections::BTreeMap, time::Duration};

use connect_api::{Config, Props, config};

use crate::storage::config_state::TaskId;

config! {
    /// Whether a connector's failed tasks start again by themselves. These settings are read where no config provider
    /// is, so they take no variables.
    pub struct AutoRestart {
        /// How often in a row a failed task is started again by itself; 0 to leave it failed, as the JVM's worker does.
        #[config(key = "millrace.auto.restart.max.attempts", group = "Restart", importance = Medium, default = "0", display = "Automatic restarts", width = Short)]
        pub max_attempts: u16,
        /// The pause before the first restart; it doubles with each that follows.
        #[config(key = "millrace.auto.restart.backoff.ms", group = "Restart", importance = Low, default = "10000", display = "Pause before a restart", width = Medium)]
        pub backoff: Duration,
        /// The longest pause before a restart.
        #[config(key = "millrace.auto.restart.backoff.max.ms", group = "Restart", importance = Low, default = "600000", display = "Longest pause before a restart", width = Medium)]
        pub backoff_max: Duration,
        /// How long a task must have been running for its restarts to be counted anew.
        #[config(key = "millrace.auto.restart.healthy.ms", group = "Restart", importance = Low, default = "600000", display = "Healthy after", width = Medium)]
        pub healthy: Duration,
    }
}

impl AutoRestart {
    /// The settings of a connector that wants restarts.
    pub fn of(connector: &Props) -> Option<Self> {
        // Validation has told whoever wrote a wrong one; a task that stays failed is what the JVM does.
        Self::parse(connector).ok().filter(|settings| settings.max_attempts > 0)
    }

    fn pause_ms(&self, attempt: u16) -> u64 {
        let doubled = 1_u32.checked_shl(u32::from(attempt.saturating_sub(1))).unwrap_or(u32::MAX);
        millis(self.backoff.saturating_mul(doubled).min(self.backoff_max))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What becomes of a task that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    Restart { attempt: u16, of: u16, pause_ms: u64 },
    GivenUp { attempts: u16 },
}

/// The restarts of the tasks of this worker whose connectors want them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restarts(BTreeMap<TaskId, Tries>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Tries {
    /// In a row: without having been healthy in between.
    made: u16,
    running_since_ms: Option<u64>,
    due_ms: Option<u64>,
}

impl Restarts {
    /// A task that should be running has failed.
    pub fn failed(&mut self, id: &TaskId, settings: &AutoRestart, now_ms: u64) -> Plan {
        let tries = self.0.entry(id.clone()).or_default();
        let healthy = |since_ms: u64| now_ms.saturating_sub(since_ms) >= millis(settings.healthy);
        if tries.running_since_ms.take().is_some_and(healthy) {
            tries.made = 0;
        }
        if tries.made >= settings.max_attempts {
            let attempts = tries.made;
            self.0.remove(id);
            return Plan::GivenUp { attempts };
        }
        tries.made += 1;
        let pause_ms = settings.pause_ms(tries.made);
        tries.due_ms = Some(now_ms.saturating_add(pause_ms));
        Plan::Restart { attempt: tries.made, of: settings.max_attempts, pause_ms }
    }

    /// A task runs. Only of those that were restarted is it asked for how long.
    pub fn running(&mut self, id: &TaskId, now_ms: u64) {
        if let Some(tries) = self.0.get_mut(id) {
            tries.running_since_ms.get_or_insert(now_ms);
        }
    }

    /// The tasks whose pause is over.
    pub fn take_due(&mut self, now_ms: u64) -> Vec<TaskId> {
        let due = |tries: &mut Tries| tries.due_ms.take_if(|at| now_ms >= *at).is_some();
        self.0.iter_mut().filter_map(|(id, tries)| due(tries).then(|| id.clone())).collect()
    }

    /// Someone else decides on the task now; its past counts no more.
    pub fn cancel(&mut self, id: &TaskId) {
        self.0.remove(id);
    }

    pub fn cancel_all(&mut self, connector: &str) {
        self.0.retain(|id, _| id.connector != connector);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    fn settings(text: &str) -> Option<AutoRestart> {
        AutoRestart::of(&properties::parse(text))
    }

    #[test]
    fn nothing_restarts_unless_it_is_asked_for() {
        assert!(settings("a=b\n").is_none());
        assert!(settings("millrace.auto.restart.max.attempts=0\n").is_none());
        assert!(settings("millrace.auto.restart.max.attempts=many\n").is_none());
        assert!(settings("millrace.auto.restart.max.attempts=1\n").is_some());
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let settings = settings("millrace.auto.restart.max.attempts=99\nmillrace.auto.restart.backoff.max.ms=45000\n")
            .expect("restarts are wanted");
        assert_eq!(
            [1, 2, 3, 4, 60].map(|attempt| settings.pause_ms(attempt)),
            [10_000, 20_000, 40_000, 45_000, 45_000]
        );
    }

    #[test]
    fn failures_in_a_row_are_counted_and_health_begins_anew() {
        let settings = settings("millrace.auto.restart.max.attempts=2\nmillrace.auto.restart.healthy.ms=1000\n")
            .expect("restarts are wanted");
        let (id, mut restarts) = (TaskId::new("c", 0), Restarts::default());
        let first = Plan::Restart { attempt: 1, of: 2, pause_ms: 10_000 };
        let second = Plan::Restart { attempt: 2, of: 2, pause_ms: 20_000 };
        assert_eq!(restarts.failed(&id, &settings, 0), first);
        assert_eq!((restarts.take_due(9_999), restarts.take_due(10_000)), (vec![], vec![id.clone()]));
        assert_eq!(restarts.take_due(10_001), []);
        restarts.running(&id, 11_000);
        // A second start of a pause, or a late word, does not begin its health anew.
        restarts.running(&id, 11_500);
        assert_eq!(restarts.failed(&id, &settings, 11_999), second);
        restarts.running(&id, 40_000);
        assert_eq!(restarts.failed(&id, &settings, 41_000), first, "it was healthy");
        assert_eq!(restarts.failed(&id, &settings, 42_000), second, "it did not even start");
        assert_eq!(restarts.failed(&id, &settings, 43_000), Plan::GivenUp { attempts: 2 });
        assert_eq!(restarts, Restarts::default());
    }
}
