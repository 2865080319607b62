//! The figures of librdkafka's clients, under the names of the JVM's clients where they mean the same.
//!
//! librdkafka tells all its figures at once, every few seconds. What only grows is kept for a minute, so that rates and
//! averages are over the same time as the JVM's.

mod statistics;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    statistics::Statistics,
};

use self::statistics::{Figure, Key, Reading};
use super::{families::Samples, figures::Meter};
use crate::kafka::client::Role;

/// How often a client tells its figures. With hundreds of topics they are some hundred kilobytes each time.
pub const EVERY: Duration = Duration::from_secs(5);
const KEPT: Duration = Duration::from_secs(60);

/// The clients of a worker that are alive, by role and client id; of two with one name the younger is meant.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Mutex<ByName>>);

type ByName = BTreeMap<(&'static str, String), Arc<Figures>>;

#[derive(Debug)]
struct Figures {
    role: Role,
    client_id: String,
    since: Instant,
    told: Mutex<Told>,
    lost_records: Meter,
    failed_log_ins: Meter,
}

#[derive(Debug, Default)]
struct Told {
    reading: Reading,
    /// What is more than a level, as it was told, the oldest first.
    history: VecDeque<(Instant, BTreeMap<Key, Figure>)>,
}

/// A client's hand on its own figures. They are forgotten with it.
#[derive(Debug)]
pub struct ClientFigures {
    figures: Arc<Figures>,
    clients: Clients,
}

impl Clients {
    pub fn begin(&self, role: Role, client_id: &str) -> ClientFigures {
        let figures = Arc::new(Figures {
            role,
            client_id: client_id.to_owned(),
            since: Instant::now(),
            told: Mutex::default(),
            lost_records: Meter::default(),
            failed_log_ins: Meter::default(),
        });
        self.lock().insert((role.prefix(), client_id.to_owned()), figures.clone());
        ClientFigures { figures, clients: self.clone() }
    }

    pub fn write(&self, samples: &mut Samples) {
        let all: Vec<Arc<Figures>> = self.lock().values().cloned().collect();
        for figures in all {
            figures.write(Instant::now(), samples);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ByName> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientFigures {
    /// The client tells its figures.
    pub fn take(&self, statistics: &Statistics) {
        self.figures.take(Instant::now(), Reading::of(self.figures.role, statistics));
    }

    /// The client tells an error beside any call.
    pub fn error(&self, error: &KafkaError) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Authentication) {
            self.figures.failed_log_ins.add(1);
        }
    }

    /// A record will never be in Kafka.
    pub fn lost_record(&self) {
        self.figures.lost_records.add(1);
    }
}

impl Drop for ClientFigures {
    fn drop(&mut self) {
        let key = (self.figures.role.prefix(), self.figures.client_id.clone());
        let mut clients = self.clients.lock();
        if clients.get(&key).is_some_and(|known| Arc::ptr_eq(known, &self.figures)) {
            clients.remove(&key);
        }
    }
}

impl Told {
    /// What was told of a figure in the last minute.
    fn lately<'a>(&'a self, key: &'a Key, now: Instant) -> impl Iterator<Item = &'a Figure> + Clone {
        let young = self.history.iter().filter(move |(at, _)| now.duration_since(*at) <= KEPT);
        young.filter_map(move |(_, figures)| figures.get(key))
    }
}

impl Figures {
    fn take(&self, now: Instant, reading: Reading) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = reading.0.iter().filter(|(_, figure)| !matches!(figure, Figure::Level(_)));
        let kept = kept.map(|(key, figure)| (key.clone(), *figure)).collect();
        told.history.push_back((now, kept));
        // The youngest of those that are too old is what the last minute is measured from.
        while told.history.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= KEPT) {
            told.history.pop_front();
        }
        told.reading = reading;
    }

    fn write(&self, now: Instant, samples: &mut Samples) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.history.is_empty() {
            return;
        }
        let nothing = BTreeMap::new();
        // In its first minute everything a client did is recent.
        let (then, old) = match told.history.front() {
            Some((at, old)) if now.duration_since(self.since) > KEPT => (*at, old),
            _ => (self.since, &nothing),
        };
        let seconds = told.history.back().map_or(0.0, |(at, _)| at.duration_since(then).as_secs_f64());
        for (key, figure) in &told.reading.0 {
            let (domain, group) = key.bean(self.role);
            let mut tags = vec![("client-id", self.client_id.clone())];
            tags.extend(key.tags.iter().cloned());
            let mut bean = samples.bean(domain, group, tags);
            let before = old.get(key);
            match figure {
                Figure::Level(value) => bean.number(key.attribute, *value),
                Figure::Total { value, rate, per_seconds } => {
                    bean.number(key.attribute, *value);
                    let grown = value - before.map_or(0.0, Figure::first);
                    let rated = if seconds > 0.0 { grown / seconds * per_seconds } else { 0.0 };
                    bean.number(rate, rated);
                }
                Figure::Ratio { above, below } => {
                    let (above_then, below_then) = before.map_or((0.0, 0.0), |then| (then.first(), then.second()));
                    bean.number(key.attribute, (above - above_then) / (below - below_then));
                }
                Figure::Average { .. } => {
                    let lately = told.lately(key, now);
                    let sum: f64 = lately.clone().map(Figure::first).sum();
                    bean.number(key.attribute, sum / lately.map(Figure::second).sum::<f64>());
                }
                Figure::Max(_) => {
                    bean.number(key.attribute, told.lately(key, now).map(Figure::first).fold(f64::NAN, f64::max));
                }
            }
        }
        let (domain, group) = statistics::client_bean(self.role);
        let mut bean = samples.bean(domain, group, vec![("client-id", self.client_id.clone())]);
        bean.number("failed-authentication-total", self.failed_log_ins.total());
        bean.number("failed-authentication-rate", self.failed_log_ins.per_second());
        if self.role == Role::Producer {
            bean.number("record-error-total", self.lost_records.total());
            bean.number("record-error-rate", self.lost_records.per_second());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(json: &str) -> Reading {
        let statistics: Statistics = serde_json::from_str(json).expect("a part of what librdkafka tells");
        Reading::of(Role::Producer, &statistics)
    }

    /// The lines of a few names, in their order.
    fn lines(figures: &Figures, now: Instant, names: &[&str]) -> Vec<String> {
        let mut samples = Samples::default();
        figures.write(now, &mut samples);
        let text = samples.render();
        let wanted = |line: &&str| names.iter().any(|name| line.starts_with(&format!("{name}{{")));
        text.lines().filter(wanted).map(str::to_owned).collect()
    }

    #[test]
    fn rates_are_of_the_last_minute_and_totals_of_the_whole_life() {
        let clients = Clients::default();
        let hand = clients.begin(Role::Producer, "p");
        let figures = &hand.figures;
        let at = |seconds| figures.since + Duration::from_secs(seconds);
        let names = ["kafka_producer_request_total", "kafka_producer_request_rate", "kafka_producer_request_size_avg"];
        assert_eq!(lines(figures, at(1), &names), [""; 0], "nothing is told yet");
        let told = |tx: u64, bytes: u64| reading(&statistics::example(&format!(r#""tx":{tx},"tx_bytes":{bytes},"#)));
        figures.take(at(10), told(50, 500));
        assert_eq!(
            lines(figures, at(10), &names),
            [
                "kafka_producer_request_rate{clientid=\"p\"} 5",
                "kafka_producer_request_size_avg{clientid=\"p\"} 10",
                "kafka_producer_request_total{clientid=\"p\"} 50",
            ]
        );
        figures.take(at(100), told(140, 2300));
        assert_eq!(
            lines(figures, at(100), &names),
            [
                "kafka_producer_request_rate{clientid=\"p\"} 1",
                "kafka_producer_request_size_avg{clientid=\"p\"} 20",
                "kafka_producer_request_total{clientid=\"p\"} 140",
            ]
        );
    }

    #[test]
    fn a_client_s_figures_go_with_it_unless_a_younger_one_has_its_name() {
        let clients = Clients::default();
        let (older, younger) = (clients.begin(Role::Consumer, "c"), clients.begin(Role::Consumer, "c"));
        drop(older);
        assert_eq!(clients.lock().len(), 1);
        drop(younger);
        assert_eq!(clients.lock().len(), 0);
    }
}
