//! What librdkafka tells, put in the JVM's terms. A figure that has no equal there is left out.

use std::collections::BTreeMap;

use rdkafka::statistics::{Broker, Statistics, Topic, Window};

use crate::kafka::client::Role;

/// One attribute of one bean, without the client's own tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    group: Group,
    pub tags: Vec<(&'static str, String)>,
    pub attribute: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Client,
    Node,
    /// Topics of a producer.
    Topic,
    Coordinator,
    Fetch,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure {
    /// As it is now.
    Level(f64),
    /// What only grows; `rate` names its growth in so many seconds.
    Total { value: f64, rate: &'static str, per_seconds: f64 },
    /// The average of one thing for each of another: both only grow.
    Ratio { above: f64, below: f64 },
    /// Of what happened since the figures before.
    Average { sum: f64, count: f64 },
    /// The same; not a number when nothing happened.
    Max(f64),
}

impl Figure {
    pub(super) fn first(&self) -> f64 {
        match self {
            Figure::Level(value) | Figure::Total { value, .. } | Figure::Max(value) => *value,
            Figure::Ratio { above, .. } => *above,
            Figure::Average { sum, .. } => *sum,
        }
    }

    /// What the first one is divided by.
    pub(super) fn second(&self) -> f64 {
        match self {
            Figure::Level(_) | Figure::Total { .. } | Figure::Max(_) => 1.0,
            Figure::Ratio { below, .. } => *below,
            Figure::Average { count, .. } => *count,
        }
    }
}

/// All figures of a client at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading(pub BTreeMap<Key, Figure>);

/// The bean of a client itself.
pub(super) fn client_bean(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Producer => ("kafka.producer", "producer-metrics"),
        Role::Consumer => ("kafka.consumer", "consumer-metrics"),
        Role::Admin => ("kafka.admin.client", "admin-client-metrics"),
    }
}

impl Key {
    pub(super) fn bean(&self, role: Role) -> (&'static str, &'static str) {
        let (domain, own) = client_bean(role);
        let group = match (self.group, role) {
            (Group::Client, _) => own,
            (Group::Node, Role::Producer) => "producer-node-metrics",
            (Group::Node, Role::Consumer) => "consumer-node-metrics",
            (Group::Node, Role::Admin) => "admin-client-node-metrics",
            (Group::Topic, _) => "producer-topic-metrics",
            (Group::Coordinator, _) => "consumer-coordinator-metrics",
            (Group::Fetch, _) => "consumer-fetch-manager-metrics",
        };
        (domain, group)
    }
}

impl Reading {
    pub(super) fn of(role: Role, told: &Statistics) -> Self {
        let mut reading = Self::default();
        reading.network(told);
        reading.nodes(told);
        match role {
            Role::Producer => reading.producer(told),
            Role::Consumer => reading.consumer(told),
            Role::Admin => {}
        }
        reading
    }

    fn put(&mut self, group: Group, tags: &[(&'static str, String)], attribute: &'static str, figure: Figure) {
        self.0.insert(Key { group, tags: tags.to_vec(), attribute }, figure);
    }

    fn own(&mut self, attribute: &'static str, value: f64) {
        self.put(Group::Client, &[], attribute, Figure::Level(value));
    }

    fn totals(&mut self, group: Group, tags: &[(&'static str, String)], rows: &[(&'static str, &'static str, f64)]) {
        for (attribute, rate, value) in rows {
            self.put(group, tags, attribute, Figure::Total { value: *value, rate, per_seconds: 1.0 });
        }
    }

    fn network(&mut self, told: &Statistics) {
        let sum = |of: fn(&Broker) -> i64| told.brokers.values().map(of).sum::<i64>() as f64;
        let rows = [
            ("connection-creation-total", "connection-creation-rate", sum(|b| b.connects.unwrap_or(0))),
            ("connection-close-total", "connection-close-rate", sum(|b| b.disconnects.unwrap_or(0))),
            ("incoming-byte-total", "incoming-byte-rate", told.rx_bytes as f64),
            ("outgoing-byte-total", "outgoing-byte-rate", told.tx_bytes as f64),
            ("request-total", "request-rate", told.tx as f64),
            ("response-total", "response-rate", told.rx as f64),
            ("network-io-total", "network-io-rate", (told.tx + told.rx) as f64),
        ];
        self.totals(Group::Client, &[], &rows);
        let up = told.brokers.values().filter(|broker| broker.state == "UP").count();
        self.own("connection-count", up as f64);
        let size = Figure::Ratio { above: told.tx_bytes as f64, below: told.tx as f64 };
        self.put(Group::Client, &[], "request-size-avg", size);
    }

    fn nodes(&mut self, told: &Statistics) {
        let mut nodes: BTreeMap<String, Vec<&Broker>> = BTreeMap::new();
        for broker in told.brokers.values() {
            nodes.entry(node_id(broker)).or_default().push(broker);
        }
        for (id, brokers) in nodes {
            let tags = [("node-id", id)];
            let sum = |of: fn(&Broker) -> u64| brokers.iter().map(|broker| of(broker)).sum::<u64>() as f64;
            let rows = [
                ("incoming-byte-total", "incoming-byte-rate", sum(|b| b.rxbytes)),
                ("outgoing-byte-total", "outgoing-byte-rate", sum(|b| b.txbytes)),
                ("request-total", "request-rate", sum(|b| b.tx)),
                ("response-total", "response-rate", sum(|b| b.rx)),
            ];
            self.totals(Group::Node, &tags, &rows);
            let size = Figure::Ratio { above: sum(|b| b.txbytes), below: sum(|b| b.tx) };
            self.put(Group::Node, &tags, "request-size-avg", size);
            let latency = Merged::of(brokers.iter().filter_map(|broker| broker.rtt.as_ref()));
            self.put(Group::Node, &tags, "request-latency-avg", latency.average(MICROS));
            self.put(Group::Node, &tags, "request-latency-max", latency.max(MICROS));
        }
    }

    fn producer(&mut self, told: &Statistics) {
        let rows = [("record-send-total", "record-send-rate", told.txmsgs as f64)];
        self.totals(Group::Client, &[], &rows);
        let size = Figure::Ratio { above: told.txmsg_bytes as f64, below: told.txmsgs as f64 };
        self.put(Group::Client, &[], "record-size-avg", size);
        self.own("buffer-total-bytes", told.msg_size_max as f64);
        self.own("buffer-available-bytes", told.msg_size_max.saturating_sub(told.msg_size) as f64);
        let in_flight: i64 = told.brokers.values().map(|broker| broker.waitresp_cnt).sum();
        self.own("requests-in-flight", in_flight as f64);
        let windows = |of: fn(&Broker) -> Option<&Window>| Merged::of(told.brokers.values().filter_map(of));
        for (average, max, merged, unit) in [
            ("request-latency-avg", "request-latency-max", windows(|b| b.rtt.as_ref()), MICROS),
            ("record-queue-time-avg", "record-queue-time-max", windows(|b| b.int_latency.as_ref()), MICROS),
            ("produce-throttle-time-avg", "produce-throttle-time-max", windows(|b| b.throttle.as_ref()), 1.0),
            ("batch-size-avg", "batch-size-max", Merged::of(told.topics.values().map(|t| &t.batchsize)), 1.0),
        ] {
            self.put(Group::Client, &[], average, merged.average(unit));
            self.put(Group::Client, &[], max, merged.max(unit));
        }
        // librdkafka's produce requests hold one batch each.
        let batches = Merged::of(told.topics.values().map(|topic| &topic.batchcnt));
        self.put(Group::Client, &[], "records-per-request-avg", batches.average(1.0));
        let age = told.topics.values().map(|topic| topic.metadata_age).min();
        self.own("metadata-age", age.map_or(f64::NAN, |ms| ms as f64 / 1000.0));
        for topic in told.topics.values() {
            let tags = [("topic", topic.topic.clone())];
            let records: u64 = topic.partitions.values().map(|partition| partition.txmsgs).sum();
            let bytes: u64 = topic.partitions.values().map(|partition| partition.txbytes).sum();
            let rows =
                [("record-send-total", "record-send-rate", records as f64), ("byte-total", "byte-rate", bytes as f64)];
            self.totals(Group::Topic, &tags, &rows);
        }
    }

    fn consumer(&mut self, told: &Statistics) {
        self.coordinator(told);
        let fetches = requests(told, "Fetch");
        let rows = [
            ("bytes-consumed-total", "bytes-consumed-rate", told.rxmsg_bytes as f64),
            ("records-consumed-total", "records-consumed-rate", told.rxmsgs as f64),
            ("fetch-total", "fetch-rate", fetches),
        ];
        self.totals(Group::Fetch, &[], &rows);
        for (attribute, above) in
            [("fetch-size-avg", told.rxmsg_bytes as f64), ("records-per-request-avg", told.rxmsgs as f64)]
        {
            self.put(Group::Fetch, &[], attribute, Figure::Ratio { above, below: fetches });
        }
        let throttle = Merged::of(told.brokers.values().filter_map(|broker| broker.throttle.as_ref()));
        self.put(Group::Fetch, &[], "fetch-throttle-time-avg", throttle.average(1.0));
        self.put(Group::Fetch, &[], "fetch-throttle-time-max", throttle.max(1.0));
        let mut largest = f64::NAN;
        for topic in told.topics.values() {
            largest = largest.max(self.consumed(topic));
        }
        self.put(Group::Fetch, &[], "records-lag-max", Figure::Level(largest));
    }

    /// The figures of a topic that is consumed; answers its largest lag.
    fn consumed(&mut self, topic: &Topic) -> f64 {
        let tags = [("topic", topic.topic.clone())];
        let records: u64 = topic.partitions.values().map(|partition| partition.rxmsgs).sum();
        let bytes: u64 = topic.partitions.values().map(|partition| partition.rxbytes).sum();
        let rows = [
            ("records-consumed-total", "records-consumed-rate", records as f64),
            ("bytes-consumed-total", "bytes-consumed-rate", bytes as f64),
        ];
        self.totals(Group::Fetch, &tags, &rows);
        let mut largest = f64::NAN;
        // Below zero the lag is not known, or the partition is another consumer's.
        for partition in topic.partitions.values().filter(|partition| partition.consumer_lag >= 0) {
            let lag = partition.consumer_lag as f64;
            largest = largest.max(lag);
            let tags = [("topic", topic.topic.clone()), ("partition", partition.partition.to_string())];
            self.put(Group::Fetch, &tags, "records-lag", Figure::Level(lag));
        }
        largest
    }

    fn coordinator(&mut self, told: &Statistics) {
        let rows = [
            ("heartbeat-total", "heartbeat-rate", requests(told, "Heartbeat")),
            ("join-total", "join-rate", requests(told, "JoinGroup")),
            ("sync-total", "sync-rate", requests(told, "SyncGroup")),
            ("commit-total", "commit-rate", requests(told, "OffsetCommit")),
        ];
        self.totals(Group::Coordinator, &[], &rows);
        let Some(group) = &told.cgrp else { return };
        let mut put = |attribute, figure| self.put(Group::Coordinator, &[], attribute, figure);
        put("assigned-partitions", Figure::Level(f64::from(group.assignment_size)));
        // Before the first rebalance there is no age; the JVM has -1 for it.
        let age = if group.rebalance_cnt > 0 { (group.rebalance_age / 1000) as f64 } else { -1.0 };
        put("last-rebalance-seconds-ago", Figure::Level(age));
        let value = group.rebalance_cnt as f64;
        put("rebalance-total", Figure::Total { value, rate: "rebalance-rate-per-hour", per_seconds: 3600.0 });
    }
}

/// librdkafka's windows of times are in microseconds.
const MICROS: f64 = 1000.0;

fn requests(told: &Statistics, kind: &str) -> f64 {
    told.brokers.values().filter_map(|broker| broker.req.get(kind)).sum::<i64>() as f64
}

/// A node as the JVM names it: bootstrap servers below zero, and the coordinator counted down from the largest number.
fn node_id(broker: &Broker) -> String {
    match (broker.source.as_str(), broker.nodeid) {
        ("logical", id) if id >= 0 => format!("node-{}", i32::MAX - id),
        (_, id) => format!("node-{id}"),
    }
}

/// Windows of several brokers or topics as one.
struct Merged {
    sum: i64,
    count: i64,
    max: i64,
}

impl Merged {
    fn of<'a>(windows: impl Iterator<Item = &'a Window>) -> Self {
        let none = Self { sum: 0, count: 0, max: 0 };
        windows.fold(none, |all, window| Self {
            sum: all.sum + window.sum,
            count: all.count + window.cnt,
            max: all.max.max(window.max),
        })
    }

    fn average(&self, unit: f64) -> Figure {
        Figure::Average { sum: self.sum as f64 / unit, count: self.count as f64 }
    }

    fn max(&self, unit: f64) -> Figure {
        Figure::Max(if self.count > 0 { self.max as f64 / unit } else { f64::NAN })
    }
}

/// What librdkafka tells at the least, with some members of the outermost object as given.
#[cfg(test)]
pub(super) fn example(members: &str) -> String {
    let given = |name: &str| members.contains(&format!("\"{name}\""));
    let rest = [
        "ts",
        "time",
        "age",
        "replyq",
        "msg_cnt",
        "msg_size",
        "msg_max",
        "msg_size_max",
        "tx",
        "tx_bytes",
        "rx",
        "rx_bytes",
        "txmsgs",
        "txmsg_bytes",
        "rxmsgs",
        "rxmsg_bytes",
        "simple_cnt",
        "metadata_cache_cnt",
    ];
    let rest: Vec<String> = rest.iter().filter(|name| !given(name)).map(|name| format!("\"{name}\":0")).collect();
    let objects: String =
        ["brokers", "topics"].iter().filter(|name| !given(name)).map(|name| format!("\"{name}\":{{}},")).collect();
    format!(r#"{{"name":"n","client_id":"c","type":"t",{members}{objects}{}}}"#, rest.join(","))
}
