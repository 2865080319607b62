//! Two brokers that are asked the same: ours and a real Kafka. Answers are compared as a whole, in the text of all
//! their fields, after ids were replaced by the order in which they were first seen.

use std::{
    collections::HashMap,
    fmt::Debug,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, FindCoordinatorRequest, ProducerId, RequestHeader, ResponseHeader, TopicName,
        api_versions_response::ApiVersion,
    },
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
};

use super::random::Random;

/// Longer than a busy machine takes for anything; what takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long two brokers may tell different things about what both have taken in.
const SETTLES: Duration = Duration::from_secs(2);

pub(super) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

pub(super) fn topic_name(value: &str) -> TopicName {
    TopicName(text(value))
}

/// One connection.
pub(super) struct Wire {
    stream: TcpStream,
    client_id: String,
}

impl Wire {
    pub(super) fn open(address: &str, client_id: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, client_id: client_id.to_owned() }
    }

    pub(super) fn send<Q: Request>(&mut self, request: &Q, version: i16) {
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_client_id(Some(text(&self.client_id)))
            .encode(&mut frame, Q::header_version(version))
            .unwrap();
        request.encode(&mut frame, version).unwrap();
        let length = i32::try_from(frame.len() - 4).unwrap();
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&frame).unwrap();
    }

    pub(super) fn receive<Q: Request>(&mut self, version: i16) -> Q::Response {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut frame).unwrap();
        let mut frame = Bytes::from(frame);
        ResponseHeader::decode(&mut frame, Q::Response::header_version(version)).unwrap();
        let answer = Q::Response::decode(&mut frame, version).unwrap();
        assert!(!frame.has_remaining(), "an answer of API {} version {version} goes on after its end", Q::KEY);
        answer
    }

    pub(super) fn ask<Q: Request>(&mut self, request: &Q, version: i16) -> Q::Response {
        self.send(request, version);
        self.receive::<Q>(version)
    }
}

/// What one of the two brokers has given out, under the numbers that the model uses.
pub(super) struct Side {
    pub(super) address: String,
    pub(super) wire: Wire,
    pub(super) members: Vec<String>,
    pub(super) producers: Vec<(i64, i16)>,
    pub(super) topic_ids: HashMap<String, uuid::Uuid>,
    /// Ids in the order in which they were first seen.
    seen: Vec<String>,
}

impl Side {
    pub(super) fn new(address: String) -> Self {
        let wire = Wire::open(&address, "model");
        Self { address, wire, members: vec![], producers: vec![], topic_ids: HashMap::new(), seen: vec![] }
    }

    pub(super) fn member(&self, number: usize) -> StrBytes {
        text(&self.members[number])
    }

    pub(super) fn producer(&self, number: usize) -> (ProducerId, i16) {
        let (id, epoch) = self.producers[number];
        (ProducerId(id), epoch)
    }
}

/// Fields that must differ: where a broker is, when it did something, and its words for an error.
const MASKED: &[&str] = &[
    "cluster_id:",
    "port:",
    "error_message:",
    "log_dir:",
    "total_bytes:",
    "usable_bytes:",
    "last_timestamp:",
    "transaction_start_time_ms:",
    // The real broker may have been restarted.
    "coordinator_epoch:",
];

/// The answer as text, with `seen` going on from what was seen before.
fn canonical(answer: &impl Debug, seen: &mut Vec<String>) -> String {
    let plain = format!("{answer:#?}");
    let mut text = String::with_capacity(plain.len());
    let mut lines = plain.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if MASKED.iter().any(|field| trimmed.starts_with(field)) {
            if trimmed.ends_with("Some(") {
                lines.by_ref().take(2).for_each(drop);
            }
            continue;
        }
        if let Some(time) = trimmed.strip_prefix("log_append_time_ms: ") {
            let time = if time == "-1," { "none" } else { "now" };
            text.push_str(&format!("log_append_time_ms: {time}\n"));
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    replace_ids(&text, seen)
}

fn replace_ids(text: &str, seen: &mut Vec<String>) -> String {
    const PRODUCER: &str = "producer_id: ";
    let mut number = |id: &str| {
        let at = seen.iter().position(|known| known == id).unwrap_or_else(|| {
            seen.push(id.to_owned());
            seen.len() - 1
        });
        format!("#{at}")
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(PRODUCER) {
            let end = after.find(|part: char| part != '-' && !part.is_ascii_digit()).unwrap_or(after.len());
            let id = &after[..end];
            out.push_str(PRODUCER);
            out.push_str(&if id.starts_with('-') { id.to_owned() } else { number(&format!("producer {id}")) });
            rest = &after[end..];
        } else if let Some(id) = rest.get(..36).filter(|id| is_uuid(id)) {
            out.push_str(&number(id));
            rest = &rest[36..];
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

fn is_uuid(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.bytes().enumerate().all(shape) && text.bytes().any(|byte| byte != b'0' && byte != b'-')
}

/// Answers that say "not yet": a coordinator that loads, markers of a transaction that are on their way, a leader that
/// does not know of itself.
fn not_yet(text: &str) -> bool {
    [6, 14, 15, 16, 51].iter().any(|code| text.contains(&format!("error_code: {code},")))
}

/// Both brokers, the operations they went through, and where they did not agree.
pub(super) struct Pair {
    pub(super) ours: Side,
    pub(super) kafka: Side,
    pub(super) random: Random,
    /// Before every name, so that runs don't meet on the shared broker.
    pub(super) run: String,
    versions: HashMap<i16, (i16, i16)>,
    pub(super) step: usize,
    pub(super) differences: usize,
    barrier: i32,
}

impl Pair {
    pub(super) fn new(ours: String, kafka: String, random: Random, run: String) -> Self {
        let (mut ours, mut kafka) = (Side::new(ours), Side::new(kafka));
        let spoken = |side: &mut Side| side.wire.ask(&ApiVersionsRequest::default(), 0).api_keys;
        let (here, there) = (spoken(&mut ours), spoken(&mut kafka));
        let both = |api: &ApiVersion| {
            let other = there.iter().find(|other| other.api_key == api.api_key)?;
            let range = (api.min_version.max(other.min_version), api.max_version.min(other.max_version));
            Some((api.api_key, range))
        };
        let versions = here.iter().filter_map(both).collect();
        Self { ours, kafka, random, run, versions, step: 0, differences: 0, barrier: 0 }
    }

    /// Lets Kafka make its internal topics, which it does when it is first asked for a coordinator.
    pub(super) fn meet_coordinators(&mut self) {
        let until = Instant::now() + PATIENCE;
        for kind in [0, 1] {
            let request = FindCoordinatorRequest::default().with_key(text(&self.run)).with_key_type(kind);
            while self.kafka.wire.ask(&request, 3).error_code != 0 {
                assert!(Instant::now() < until, "Kafka has no coordinator");
            }
        }
    }

    /// A version that both speak, not older than `least`.
    pub(super) fn version<Q: Request>(&mut self, least: i16) -> i16 {
        let (oldest, newest) = self.versions[&Q::KEY];
        let least = oldest.max(least);
        least + i16::try_from(self.random.below(usize::try_from(newest - least).unwrap() + 1)).unwrap()
    }

    /// Asks both and compares. What Kafka is not ready for it is asked again.
    pub(super) fn ask<Q: Request<Response: Debug> + Debug>(
        &mut self,
        version: i16,
        make: impl Fn(&Side) -> Q,
        tidy: impl Fn(&mut Q::Response),
    ) -> (Q::Response, Q::Response) {
        let asked = make(&self.ours);
        let mut here = self.ours.wire.ask(&asked, version);
        let request = make(&self.kafka);
        let until = Instant::now() + PATIENCE;
        let mut there = loop {
            let there = self.kafka.wire.ask(&request, version);
            if !not_yet(&format!("{there:#?}")) || not_yet(&format!("{here:#?}")) || Instant::now() > until {
                break there;
            }
        };
        tidy(&mut here);
        tidy(&mut there);
        self.compare(&format!("version {version} of {asked:?}"), &here, &there);
        (here, there)
    }

    /// Asks both what is, until they agree: what was changed before may be on its way inside of Kafka.
    pub(super) fn look<Q: Request<Response: Debug> + Debug>(
        &mut self,
        version: i16,
        make: impl Fn(&Side) -> Q,
        tidy: impl Fn(&mut Q::Response),
    ) -> Q::Response {
        let until = Instant::now() + SETTLES;
        loop {
            let mut here = self.ours.wire.ask(&make(&self.ours), version);
            let mut there = self.kafka.wire.ask(&make(&self.kafka), version);
            tidy(&mut here);
            tidy(&mut there);
            let same = canonical(&here, &mut self.ours.seen.clone()) == canonical(&there, &mut self.kafka.seen.clone());
            if same || Instant::now() > until {
                self.compare(&format!("version {version} of {:?}", make(&self.ours)), &here, &there);
                return here;
            }
        }
    }

    pub(super) fn compare(&mut self, what: &str, here: &impl Debug, there: &impl Debug) {
        let words = [words(here), words(there)];
        let here = canonical(here, &mut self.ours.seen);
        let there = canonical(there, &mut self.kafka.seen);
        if std::env::var_os("MILLRACE_MODEL_TRACE").is_some() {
            println!("{}: {what}\n{here}\n", self.step);
        }
        if here != there {
            let shown = difference(&here, &there);
            // At once, as what comes next may end the run.
            println!("step {}: {what}\n{shown}  messages: {words:?}\n", self.step);
            self.differences += 1;
            // Ids that only one of them has named would shift all that follow.
            let most = self.ours.seen.len().max(self.kafka.seen.len());
            for seen in [&mut self.ours.seen, &mut self.kafka.seen] {
                (seen.len()..most).for_each(|number| seen.push(format!("none {number}")));
            }
        }
    }

    /// Waits until Kafka's broker has taken in all that its controller has decided: it takes decisions in their order,
    /// so a later one that has arrived shows that the earlier ones have.
    pub(super) fn settle(&mut self) {
        use kafka_protocol::messages::{
            CreatePartitionsRequest, CreateTopicsRequest, ListOffsetsRequest,
            create_partitions_request::CreatePartitionsTopic,
            create_topics_request::CreatableTopic,
            list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        };
        let name = topic_name(&format!("{}-barrier", self.run));
        self.barrier += 1;
        let count = self.barrier;
        if count == 1 {
            let topic = CreatableTopic::default().with_name(name.clone()).with_num_partitions(1);
            let topic = topic.with_replication_factor(1);
            let made = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
            assert_eq!(self.kafka.wire.ask(&made, 5).topics[0].error_code, 0);
        } else {
            let grown = CreatePartitionsTopic::default().with_name(name.clone()).with_count(count);
            let grown = grown.with_assignments(None);
            let grown = CreatePartitionsRequest::default().with_topics(vec![grown]).with_timeout_ms(10_000);
            assert_eq!(self.kafka.wire.ask(&grown, 2).results[0].error_code, 0);
        }
        let partition = ListOffsetsPartition::default().with_partition_index(count - 1).with_timestamp(-1);
        let topic = ListOffsetsTopic::default().with_name(name).with_partitions(vec![partition]);
        let there = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
        let until = Instant::now() + PATIENCE;
        while self.kafka.wire.ask(&there, 3).topics[0].partitions[0].error_code != 0 {
            assert!(Instant::now() < until, "Kafka did not take in its own decisions");
        }
    }
}

/// What an answer says of its errors: not compared, but of help.
fn words(answer: &impl Debug) -> Vec<String> {
    let text = format!("{answer:#?}");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.windows(2).filter(|pair| pair[0].ends_with("error_message: Some(")).map(|pair| pair[1].to_owned()).collect()
}

/// The lines that differ, with those around them.
fn difference(here: &str, there: &str) -> String {
    let (here, there): (Vec<&str>, Vec<&str>) = (here.lines().collect(), there.lines().collect());
    let front = here.iter().zip(&there).take_while(|(one, other)| one == other).count();
    let back = here.iter().rev().zip(there.iter().rev()).take_while(|(one, other)| one == other).count();
    let back = back.min(here.len().min(there.len()) - front);
    let from = front.saturating_sub(4);
    let part = |lines: &[&str]| {
        let to = (lines.len() - back + 1).min(lines.len());
        lines[from.min(to)..to].iter().take(16).map(|line| format!("    {line}\n")).collect::<String>()
    };
    format!("  ours:\n{}  Kafka:\n{}", part(&here), part(&there))
}
