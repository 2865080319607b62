//! Random operations against our broker and a real Kafka: both give the same answers.
//!
//! From a seed follows a sequence of requests, good and bad, sent to both. Whole answers are compared, after ids were
//! replaced by the order in which they were first seen ([`pair`]). `MILLRACE_MODEL_SEED` repeats a run,
//! `MILLRACE_MODEL_STEPS` makes it longer, `MILLRACE_MODEL_TRACE` shows every answer.

mod batch;
mod clients;
mod commits;
mod configs;
mod groups;
mod pair;
mod random;
mod records;
mod topics;
mod transactions;

use std::collections::{BTreeMap, HashMap};

use connect_testkit::services::Service;
use kafka_protocol::messages::{DeleteTopicsRequest, MetadataRequest, metadata_request::MetadataRequestTopic};

use self::{
    pair::{Pair, topic_name},
    random::Random,
};
use super::harness::{Folder, Process, QUIET};

/// Settings of topics that Kafka has and our broker does not claim to have.
const NOT_CLAIMED: &[&str] = &[];

/// Where the two differ on purpose: what is left out of the comparison, and why.
#[expect(dead_code, reason = "a table to be read")]
const DIFFERENCES: &[(&str, &str)] = &[
    ("error_message", "words are for people; the codes are compared"),
    ("record_errors", "our broker stops at the first wrong record and says so in the message"),
    ("cluster_id, port, log_dir, total_bytes, usable_bytes", "where a broker lives"),
    ("times that a broker sets, coordinator_epoch", "when something happened, how often Kafka was restarted"),
    ("max.message.bytes and min.insync.replicas when not set", "the shared Kafka is started with others"),
    ("offsets of other groups in a transaction", "our offsets topic has one partition, so one group's adding is all's"),
    ("partitions of __consumer_offsets in a transaction", "the same"),
    (
        "an unknown codec, an unknown operation on a setting",
        "Kafka answers with UNKNOWN_SERVER_ERROR, ours says what is wrong",
    ),
    ("a policy named twice", "Kafka 4.3 keeps it once"),
    ("an empty cleanup.policy", "Kafka 4.3 takes it and cleans up nothing; ours refuses a topic that only grows"),
    (
        "wrong in two ways: a bad timestamp and no key, bad acks and a bad batch",
        "which of two errors is told is chance",
    ),
    ("retention and expiry", "when each broker cleans up is its own affair: nothing gets old enough here"),
    ("the leader after a leader has left, of several", "chance in Kafka: groups have two members here"),
    ("names and ids mixed in one metadata request", "no client does, and Kafka passes over the names"),
    ("two names in one request that collide", "Kafka sees that only in what was there before"),
    ("metadata of an offset that is too large", "Kafka makes the group all the same, ours does not; not sent here"),
    ("settings of the broker", "read-only in ours, and the shared Kafka is started with others"),
];

struct Model {
    pair: Pair,
    /// When the run began, the time that timestamps are relative to.
    start: i64,
    /// All names a topic may get.
    names: Vec<String>,
    /// Topics that are there, with their partitions.
    topics: BTreeMap<String, i32>,
    groups: Vec<groups::Group>,
    transactional: Vec<transactions::Known>,
    /// Producers without a transactional id.
    idempotent: Vec<usize>,
    /// The next sequence of a producer in a partition.
    sequences: HashMap<(usize, String, i32), i32>,
}

impl Model {
    fn any_name(&mut self) -> String {
        self.pair.random.pick(&self.names)
    }

    /// A topic that is there, if there is one.
    fn any_topic(&mut self) -> String {
        let there: Vec<String> = self.topics.keys().cloned().collect();
        if there.is_empty() { self.any_name() } else { self.pair.random.pick(&there) }
    }

    fn any_group(&mut self) -> String {
        let group = self.pair.random.below(self.groups.len());
        self.groups[group].name.clone()
    }

    /// Looks up what has become of a topic.
    fn note_topic(&mut self, name: &str) {
        let wanted = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(false);
        for side in [&mut self.pair.ours, &mut self.pair.kafka] {
            let topic = side.wire.ask(&request, 12).topics.remove(0);
            let (before, count) = (side.topic_ids.remove(name), i32::try_from(topic.partitions.len()).unwrap());
            if before != Some(topic.topic_id) {
                // A new topic knows nothing of the producers of the old.
                self.sequences.retain(|(_, topic, _), _| topic != name);
            }
            self.topics.remove(name);
            if topic.error_code == 0 {
                side.topic_ids.insert(name.to_owned(), topic.topic_id);
                self.topics.insert(name.to_owned(), count);
            }
        }
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

type Operation = fn(&mut Model);

/// The operations and how often each is drawn.
const OPERATIONS: &[(&str, usize, Operation)] = &[
    ("create topics", 6, topics::create),
    ("delete topics", 2, topics::delete),
    ("create partitions", 2, topics::grow),
    ("metadata", 3, topics::metadata),
    ("cluster", 2, topics::cluster),
    ("log dirs", 2, topics::log_dirs),
    ("describe configs", 6, configs::describe),
    ("alter configs", 6, configs::alter),
    ("replace configs", 3, configs::replace),
    ("produce", 14, records::produce),
    ("produce with sequences", 10, records::produce_idempotent),
    ("fetch", 16, records::fetch),
    ("list offsets", 12, records::list_offsets),
    ("delete records", 3, records::delete_records),
    ("end of epoch", 3, records::epoch_end),
    ("describe producers", 5, records::producers),
    ("live in a group", 22, groups::live),
    ("err in a group", 12, groups::err),
    ("describe groups", 8, groups::describe),
    ("list groups", 4, groups::list),
    ("delete group", 4, groups::delete),
    ("commit offsets", 10, commits::commit),
    ("fetch offsets", 10, commits::fetch),
    ("delete offsets", 4, commits::delete),
    ("go on with a transaction", 40, transactions::go_on),
    ("describe transactions", 4, transactions::describe),
    ("list transactions", 3, transactions::list),
];

/// Whether librdkafka has its turn, which takes seconds.
#[derive(Clone, Copy, PartialEq)]
enum Clients {
    Drive,
    Rest,
}

fn run(seed: u64, steps: usize, clients: Clients) {
    println!("seed {seed}, {steps} steps");
    let folder = Folder::new();
    let broker = Process::start_with(&folder, 0, &format!("{QUIET}=1 exec \"$0\" \"$@\""));
    let kafka = format!("127.0.0.1:{}", Service::Kafka.shared());
    // The same seed again on the same shared broker is another run.
    let run = format!("model-{seed:x}-{:x}", now_ms());
    let pair = Pair::new(broker.address.clone(), kafka, Random::new(seed), run.clone());
    let mut pair = pair;
    pair.meet_coordinators();
    let names = (0..5).map(|n| format!("{run}-t_{n}")).collect();
    let groups = (0..3).map(|n| groups::Group::new(format!("{run}-g{n}"))).collect();
    let transactional = (0..3).map(|n| transactions::Known::new(format!("{run}-x{n}"))).collect();
    let mut model = Model {
        pair,
        start: now_ms(),
        names,
        topics: BTreeMap::new(),
        groups,
        transactional,
        idempotent: vec![],
        sequences: HashMap::new(),
    };
    let total = OPERATIONS.iter().map(|(_, weight, _)| weight).sum();
    for step in 0..steps {
        model.pair.step = step;
        let mut drawn = model.pair.random.below(total);
        // Without topics most answers are dull.
        let (name, _, operation) = if model.topics.is_empty() {
            &OPERATIONS[0]
        } else {
            let hit = |&&(_, weight, _): &&(&str, usize, Operation)| {
                let hit = drawn < weight;
                drawn = drawn.wrapping_sub(weight);
                hit
            };
            OPERATIONS.iter().find(hit).unwrap()
        };
        let begun = std::time::Instant::now();
        operation(&mut model);
        if std::env::var_os("MILLRACE_MODEL_TRACE").is_some() {
            println!("step {step} took {:?}: {name}", begun.elapsed());
        }
        if model.pair.differences > 40 {
            break;
        }
    }
    if clients == Clients::Drive {
        clients::drive(&mut model);
    }
    leave_nothing(&mut model);
    assert_eq!(model.pair.differences, 0, "seed {seed}, run {run}: the differences are above");
}

/// The shared Kafka lives on; what would only slow it down goes.
fn leave_nothing(model: &mut Model) {
    let mut names = model.names.clone();
    names.push(format!("{}-barrier", model.pair.run));
    let names = names.iter().map(|name| topic_name(name)).collect();
    let request = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(10_000);
    model.pair.kafka.wire.ask(&request, 5);
}

fn steps() -> usize {
    std::env::var("MILLRACE_MODEL_STEPS").map_or(150, |steps| steps.parse().unwrap())
}

/// `MILLRACE_MODEL_SEED` looks further: with the seed that it names, or with a new one when it says `random`. The
/// ordinary run keeps to known seeds, as a new difference should be found by who looks for it, not by who changes something else.
#[test]
fn answers_as_kafka_does_from_a_seed_that_is_asked_for() {
    let Ok(seed) = std::env::var("MILLRACE_MODEL_SEED") else { return };
    let seed = seed.parse().unwrap_or_else(|_| u64::try_from(now_ms()).unwrap() & 0xffff_ffff);
    run(seed, steps(), Clients::Rest);
}

#[test]
fn librdkafka_sees_the_same() {
    run(u64::try_from(now_ms()).unwrap() & 0xffff_ffff, 0, Clients::Drive);
}

#[test]
fn answers_as_kafka_does_from_known_seeds() {
    for seed in [1, 2, 3] {
        run(seed, steps(), Clients::Rest);
    }
}
