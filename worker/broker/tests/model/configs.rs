//! Settings of topics: looking at them and changing them, in the new way and the old.

use kafka_protocol::{
    messages::{
        AlterConfigsRequest, DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
        alter_configs_request,
        describe_configs_request::DescribeConfigsResource,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    },
    protocol::StrBytes,
};

use super::{
    Model, NOT_CLAIMED,
    pair::{Side, text},
    random::Random,
};

const TOPIC: i8 = 2;

/// Names and values, good and bad.
const VALUES: &[(&str, &[Option<&str>])] = &[
    (
        "cleanup.policy",
        &[Some("compact"), Some("delete"), Some("compact,delete"), Some("delete, compact"), Some("none"), None],
    ),
    (
        "retention.ms",
        &[
            Some("86400000"),
            Some("-1"),
            Some("-2"),
            Some(" 604800000 "),
            Some("week"),
            Some(""),
            Some("9223372036854775808"),
        ],
    ),
    ("retention.bytes", &[Some("1073741824"), Some("-1"), Some("-5"), Some("1e6")]),
    ("segment.bytes", &[Some("1048576"), Some("104857600"), Some("14"), Some("1"), Some("2147483648")]),
    ("segment.ms", &[Some("600000"), Some("0"), Some("1")]),
    ("max.message.bytes", &[Some("1000"), Some("2000"), Some("1048588"), Some("-1")]),
    ("message.timestamp.type", &[Some("CreateTime"), Some("LogAppendTime"), Some("createtime"), Some("")]),
    ("message.timestamp.before.max.ms", &[Some("3600000"), Some("-1"), Some("9223372036854775807")]),
    ("message.timestamp.after.max.ms", &[Some("3600000"), Some("-1")]),
    ("compression.type", &[Some("producer"), Some("rar"), Some("Producer")]),
    ("min.insync.replicas", &[Some("1"), Some("0")]),
    ("min.cleanable.dirty.ratio", &[Some("0.1"), Some("1.5"), Some("-0.1"), Some("half"), Some("1")]),
    ("unclean.leader.election.enable", &[Some("true"), Some("TRUE"), Some("no"), Some("false")]),
    ("preallocate", &[Some("false"), Some("yes")]),
    ("index.interval.bytes", &[Some("4096"), Some("-1")]),
    ("segment.index.bytes", &[Some("10485760"), Some("3"), Some("4")]),
    ("segment.jitter.ms", &[Some("0"), Some("-1")]),
    ("file.delete.delay.ms", &[Some("60000"), Some("-1")]),
    ("delete.retention.ms", &[Some("1000"), Some("-1")]),
    ("flush.messages", &[Some("1"), Some("0"), Some("-1")]),
    ("flush.ms", &[Some("1000"), Some("-1")]),
    ("min.compaction.lag.ms", &[Some("0"), Some("-1"), Some("5")]),
    ("max.compaction.lag.ms", &[Some("1"), Some("0")]),
    ("compression.gzip.level", &[Some("1"), Some("0"), Some("10"), Some("-1")]),
    ("compression.lz4.level", &[Some("9"), Some("18"), Some("0")]),
    ("compression.zstd.level", &[Some("3"), Some("23"), Some("-1")]),
    ("local.retention.ms", &[Some("-2"), Some("-3"), Some("5")]),
    ("leader.replication.throttled.replicas", &[Some("*"), Some("0:1"), Some("nonsense"), Some("")]),
    ("remote.storage.enable", &[Some("false"), Some("maybe")]),
    ("message.format.version", &[Some("3.0")]),
    ("message.downconversion.enable", &[Some("true")]),
    ("no.such", &[Some("1"), None]),
    ("", &[Some("1")]),
];

/// Those that change what becomes of records; drawn more often.
const OFTEN: &[usize] = &[0, 5, 6, 7];

pub(super) fn any(random: &mut Random) -> (&'static str, Option<&'static str>) {
    let index = if random.once_in(2) { random.pick(OFTEN) } else { random.below(VALUES.len()) };
    let (name, values) = VALUES[index];
    (name, random.pick(values))
}

/// Whether our broker says that it has the setting.
pub(super) fn compared(name: &str) -> bool {
    !NOT_CLAIMED.contains(&name)
}

/// Where a value comes from when it is not the topic's own.
const OF_TOPIC: i8 = 1;
const DEFAULT: i8 = 5;

/// What the shared Kafka was started with is not its default; and a fresh Kafka sets the replicas of all brokers itself.
const SET_AT_START: &[&str] = &["max.message.bytes", "min.insync.replicas"];

pub(super) fn tidy_value(name: &str, value: &mut Option<StrBytes>, source: &mut i8) {
    if SET_AT_START.contains(&name) && *source != OF_TOPIC {
        (*value, *source) = (None, DEFAULT);
    }
}

fn tidy(answer: &mut DescribeConfigsResponse) {
    for result in &mut answer.results {
        result.configs.retain(|config| compared(&config.name));
        result.configs.sort_by(|one, other| one.name.cmp(&other.name));
        for config in &mut result.configs {
            config.documentation = None;
            tidy_value(&config.name, &mut config.value, &mut config.config_source);
            if SET_AT_START.contains(&config.name.as_str()) {
                config.synonyms.retain(|synonym| synonym.source == OF_TOPIC);
            }
        }
    }
}

pub(super) fn describe(model: &mut Model) {
    let name = if model.pair.random.once_in(6) { model.any_name() } else { model.any_topic() };
    let random = &mut model.pair.random;
    let keys = random.once_in(4).then(|| (0..2).map(|_| text(any(random).0)).collect::<Vec<_>>());
    let synonyms = random.once_in(2);
    let kind = if random.once_in(10) { random.pick(&[0, 3, 99]) } else { TOPIC };
    let version = model.pair.version::<DescribeConfigsRequest>(1);
    let make = |_: &Side| {
        let resource = DescribeConfigsResource::default().with_resource_type(kind).with_resource_name(text(&name));
        let resource = resource.with_configuration_keys(keys.clone());
        DescribeConfigsRequest::default().with_resources(vec![resource]).with_include_synonyms(synonyms)
    };
    model.pair.look(version, make, tidy);
}

pub(super) fn alter(model: &mut Model) {
    let name = if model.pair.random.once_in(8) { model.any_name() } else { model.any_topic() };
    let random = &mut model.pair.random;
    let changes: Vec<AlterableConfig> = (0..random.pick(&[1, 1, 2]))
        .map(|_| {
            let (name, value) = any(random);
            let operation = random.pick(&[0, 0, 0, 1, 2, 3]);
            let change = AlterableConfig::default().with_name(text(name)).with_config_operation(operation);
            change.with_value(value.map(text))
        })
        .collect();
    let only_check = random.once_in(6);
    let version = model.pair.version::<IncrementalAlterConfigsRequest>(0);
    let make = |_: &Side| {
        let resource = AlterConfigsResource::default().with_resource_type(TOPIC).with_resource_name(text(&name));
        let resource = resource.with_configs(changes.clone());
        IncrementalAlterConfigsRequest::default().with_resources(vec![resource]).with_validate_only(only_check)
    };
    model.pair.ask(version, make, |_| ());
    model.pair.settle();
}

pub(super) fn replace(model: &mut Model) {
    let name = if model.pair.random.once_in(8) { model.any_name() } else { model.any_topic() };
    let random = &mut model.pair.random;
    let values: Vec<_> = (0..random.pick(&[0, 1, 2]))
        .map(|_| {
            let (name, value) = any(random);
            alter_configs_request::AlterableConfig::default().with_name(text(name)).with_value(value.map(text))
        })
        .collect();
    let only_check = random.once_in(6);
    let version = model.pair.version::<AlterConfigsRequest>(0);
    let make = |_: &Side| {
        let resource = alter_configs_request::AlterConfigsResource::default().with_resource_type(TOPIC);
        let resource = resource.with_resource_name(text(&name)).with_configs(values.clone());
        AlterConfigsRequest::default().with_resources(vec![resource]).with_validate_only(only_check)
    };
    model.pair.ask(version, make, |_| ());
    model.pair.settle();
}
