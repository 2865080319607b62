//! The figures of a worker besides its tasks: what it has started, its group, and the connection to its group.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    families::{CONNECT, Labels, Samples},
    figures::{Counter, Level, Meter, Spread, share},
};

/// Starts of connectors, or of tasks.
#[derive(Debug, Default)]
pub struct Startups {
    pub attempts: Counter,
    pub successes: Meter,
    pub failures: Meter,
}

impl Startups {
    /// `kind` is `connector` or `task`.
    pub fn write(&self, kind: &str, samples: &mut Samples) {
        let mut bean = samples.bean(CONNECT, "connect-worker-metrics", Labels::new());
        let mut number = |attribute: &str, value| bean.number(&format!("{kind}-startup-{attribute}"), value);
        number("attempts-total", self.attempts.get() as f64);
        number("success-total", self.successes.total());
        number("failure-total", self.failures.total());
        number("success-percentage", share(self.successes.recent(), self.failures.recent()));
        number("failure-percentage", share(self.failures.recent(), self.successes.recent()));
    }
}

/// A kind of request to the coordinator: how often, how long, and when last.
#[derive(Debug, Default)]
pub struct Exchange {
    pub count: Meter,
    pub time: Spread,
    last: Mutex<Option<Instant>>,
}

impl Exchange {
    pub fn done(&self, time: Duration) {
        self.count.add(1);
        self.time.millis(time);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Seconds since the last one; -1 when there was none, as the JVM says it.
    fn ago(&self) -> f64 {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map_or(-1.0, |at| at.elapsed().as_secs() as f64)
    }
}

/// The worker's membership of its group, as the coordinator sees it.
#[derive(Debug, Default)]
pub struct GroupFigures {
    pub heartbeats: Exchange,
    pub joins: Exchange,
    pub syncs: Exchange,
    /// From the wish to join until the assignment is there.
    pub rebalances: Exchange,
    pub rebalance_ms: Counter,
    /// Joins that led to no assignment.
    pub failed_rebalances: Meter,
    /// From the wish to join until the work was the worker's own.
    pub settled: Spread,
}

impl GroupFigures {
    pub fn rebalanced(&self, time: Duration) {
        self.rebalances.done(time);
        self.rebalance_ms.add(usize::try_from(time.as_millis()).unwrap_or(usize::MAX));
    }

    pub fn write(&self, client_id: &str, (connectors, tasks): (usize, usize), samples: &mut Samples) {
        let client = vec![("client-id", client_id.to_owned())];
        let mut bean = samples.bean(CONNECT, "connect-coordinator-metrics", client);
        bean.number("assigned-connectors", connectors as f64);
        bean.number("assigned-tasks", tasks as f64);
        for (name, exchange) in [("heartbeat", &self.heartbeats), ("join", &self.joins), ("sync", &self.syncs)] {
            bean.number(&format!("{name}-rate"), exchange.count.per_second());
            bean.number(&format!("{name}-total"), exchange.count.total());
            if name == "heartbeat" {
                bean.number("heartbeat-response-time-max", exchange.time.max());
                bean.number("last-heartbeat-seconds-ago", exchange.ago());
            } else {
                bean.number(&format!("{name}-time-avg"), exchange.time.average());
                bean.number(&format!("{name}-time-max"), exchange.time.max());
            }
        }
        bean.number("rebalance-total", self.rebalances.count.total());
        bean.number("rebalance-rate-per-hour", self.rebalances.count.per_second() * 3600.0);
        bean.number("rebalance-latency-avg", self.rebalances.time.average());
        bean.number("rebalance-latency-max", self.rebalances.time.max());
        bean.number("rebalance-latency-total", self.rebalance_ms.get() as f64);
        bean.number("last-rebalance-seconds-ago", self.rebalances.ago());
        bean.number("failed-rebalance-total", self.failed_rebalances.total());
        bean.number("failed-rebalance-rate-per-hour", self.failed_rebalances.per_second() * 3600.0);
    }
}

/// Connections that the worker opens itself, to its group's coordinator.
#[derive(Debug, Default)]
pub struct ConnectionFigures {
    pub open: Level,
    pub opened: Meter,
    pub closed: Meter,
    pub requests: Meter,
    pub request_size: Spread,
    pub answers: Meter,
    pub bytes_out: Meter,
    pub bytes_in: Meter,
    pub log_ins: Meter,
    pub failed_log_ins: Meter,
}

impl ConnectionFigures {
    pub fn write(&self, client_id: &str, samples: &mut Samples) {
        let client = vec![("client-id", client_id.to_owned())];
        let mut bean = samples.bean(CONNECT, "connect-metrics", client);
        for (name, meter) in [
            ("connection-creation", &self.opened),
            ("connection-close", &self.closed),
            ("incoming-byte", &self.bytes_in),
            ("outgoing-byte", &self.bytes_out),
            ("request", &self.requests),
            ("response", &self.answers),
            ("successful-authentication", &self.log_ins),
            ("failed-authentication", &self.failed_log_ins),
        ] {
            bean.number(&format!("{name}-total"), meter.total());
            bean.number(&format!("{name}-rate"), meter.per_second());
        }
        bean.number("network-io-total", self.requests.total() + self.answers.total());
        bean.number("network-io-rate", self.requests.per_second() + self.answers.per_second());
        bean.number("connection-count", self.open.get() as f64);
        bean.number("request-size-avg", self.request_size.average());
        bean.number("request-size-max", self.request_size.max());
    }
}
