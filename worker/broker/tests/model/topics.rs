//! Topics: making, growing, deleting, looking at them.

use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DescribeClusterRequest, DescribeLogDirsRequest, FindCoordinatorRequest, MetadataRequest,
    create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic},
    create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
    delete_topics_request::DeleteTopicState,
    describe_log_dirs_request::DescribableLogDirTopic,
    metadata_request::MetadataRequestTopic,
};
use uuid::Uuid;

use super::{
    Model, configs,
    pair::{Side, text, topic_name},
};

/// Names that no topic may have, or that collide with one that may be there.
fn bad_names(run: &str) -> [String; 8] {
    [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{run} t"),
        format!("{run}/t"),
        "x".repeat(250),
        // Beside `<run>-t_0` there is no room for this one.
        format!("{run}-t.0"),
        "__consumer_offsets".to_owned(),
    ]
}

/// The brokers of each partition; there is only broker 1.
const ASSIGNMENTS: &[&[&[i32]]] = &[&[&[1], &[1]], &[&[1, 1]], &[&[2]], &[&[]], &[&[1]]];

fn new_topic(model: &mut Model) -> CreatableTopic {
    let name = if model.pair.random.once_in(6) {
        let run = model.pair.run.clone();
        model.pair.random.pick(&bad_names(&run))
    } else {
        model.any_name()
    };
    let random = &mut model.pair.random;
    let (mut partitions, mut replicas) = (random.pick(&[1, 2, 3, -1]), random.pick(&[1, 1, 1, -1]));
    if random.once_in(8) {
        partitions = random.pick(&[0, -2, i32::MIN]);
    }
    if random.once_in(8) {
        replicas = random.pick(&[0, 2, 3, -2, i16::MAX]);
    }
    let mut topic = CreatableTopic::default().with_name(topic_name(&name));
    if random.once_in(8) {
        let assigned: &[&[i32]] = random.pick(ASSIGNMENTS);
        let first = random.pick(&[0, 0, 1]);
        let assignments = (first..).zip(assigned).map(|(partition, brokers)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(partition)
                .with_broker_ids(brokers.iter().map(|id| BrokerId(*id)).collect())
        });
        topic = topic.with_assignments(assignments.collect());
        if !random.once_in(4) {
            (partitions, replicas) = (-1, -1);
        }
    }
    let configs = (0..random.pick(&[0, 0, 1, 1, 2])).map(|_| {
        let (name, value) = configs::any(random);
        CreatableTopicConfig::default().with_name(text(name)).with_value(value.map(text))
    });
    let configs = configs.collect();
    topic.with_num_partitions(partitions).with_replication_factor(replicas).with_configs(configs)
}

fn tidy_created(answer: &mut CreateTopicsResponse) {
    answer.topics.sort_by(|one, other| one.name.cmp(&other.name));
    for topic in &mut answer.topics {
        for config in topic.configs.iter_mut().flatten() {
            configs::tidy_value(&config.name, &mut config.value, &mut config.config_source);
        }
        topic.configs.iter_mut().for_each(|configs| {
            configs.retain(|config| configs::compared(&config.name));
            configs.sort_by(|one, other| one.name.cmp(&other.name));
        });
    }
}

pub(super) fn create(model: &mut Model) {
    let count = model.pair.random.pick(&[1, 1, 2]);
    let mut topics: Vec<CreatableTopic> = (0..count).map(|_| new_topic(model)).collect();
    // Topics of one request collide with each other only when the first has been made, which is known too late.
    if let [first, second] = &topics[..]
        && first.name != second.name
        && first.name.replace('.', "_") == second.name.replace('.', "_")
    {
        topics.pop();
    }
    let only_check = model.pair.random.once_in(8);
    // -1 for the defaults came with version 4.
    let version = model.pair.version::<CreateTopicsRequest>(4);
    let make = |_: &Side| {
        CreateTopicsRequest::default()
            .with_topics(topics.clone())
            .with_timeout_ms(10_000)
            .with_validate_only(only_check)
    };
    let (made, _) = model.pair.ask(version, make, tidy_created);
    if only_check {
        return;
    }
    model.pair.settle();
    for topic in made.topics.iter().filter(|topic| topic.error_code == 0) {
        model.note_topic(&topic.name);
    }
}

pub(super) fn delete(model: &mut Model) {
    let name = if model.pair.random.once_in(5) { model.any_name() } else { model.any_topic() };
    let twice = model.pair.random.once_in(6);
    let version = model.pair.version::<DeleteTopicsRequest>(1);
    let by_id = version >= 6 && model.pair.random.once_in(2);
    let unknown = model.pair.random.once_in(4).then(Uuid::new_v4);
    let make = |side: &Side| {
        let mut names = vec![topic_name(&name)];
        if twice {
            names.push(topic_name(&name));
        }
        let request = DeleteTopicsRequest::default().with_timeout_ms(10_000);
        if version < 6 {
            return request.with_topic_names(names);
        }
        let state = |name: String| match side.topic_ids.get(&name) {
            Some(id) if by_id => DeleteTopicState::default().with_name(None).with_topic_id(unknown.unwrap_or(*id)),
            _ => DeleteTopicState::default().with_name(Some(topic_name(&name))),
        };
        request.with_topics(names.into_iter().map(|name| state(name.to_string())).collect())
    };
    model.pair.ask(version, make, |answer| {
        answer.responses.sort_by_key(|topic| (topic.name.clone(), topic.error_code));
    });
    model.pair.settle();
    model.note_topic(&name);
}

pub(super) fn grow(model: &mut Model) {
    let name = if model.pair.random.once_in(8) { model.any_name() } else { model.any_topic() };
    let now = model.topics.get(&name).copied().unwrap_or(1);
    let random = &mut model.pair.random;
    let count = random.pick(&[now + 1, now + 2, now, now - 1, 0, -1]);
    let assigned = random.once_in(4).then(|| random.pick(&[&[1] as &[i32], &[2], &[1, 1], &[]]));
    let assignments = assigned.map(|brokers| {
        let brokers: Vec<BrokerId> = brokers.iter().map(|id| BrokerId(*id)).collect();
        (0..random.pick(&[1, 2]))
            .map(|_| CreatePartitionsAssignment::default().with_broker_ids(brokers.clone()))
            .collect()
    });
    let only_check = random.once_in(6);
    let version = model.pair.version::<CreatePartitionsRequest>(0);
    let make = |_: &Side| {
        let topic = CreatePartitionsTopic::default().with_name(topic_name(&name)).with_count(count);
        let topic = topic.with_assignments(assignments.clone());
        let request = CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        request.with_validate_only(only_check)
    };
    model.pair.ask(version, make, |_| ());
    model.pair.settle();
    model.note_topic(&name);
}

pub(super) fn metadata(model: &mut Model) {
    let mut names = vec![model.any_name(), model.any_topic()];
    let version = model.pair.version::<MetadataRequest>(4);
    let by_id = version >= 12 && model.pair.random.once_in(2);
    if by_id {
        // No client mixes names and ids.
        names.retain(|name| model.topics.contains_key(name));
    }
    let make = |side: &Side| {
        let topic = |name: &String| match side.topic_ids.get(name) {
            Some(id) if by_id => MetadataRequestTopic::default().with_name(None).with_topic_id(*id),
            _ => MetadataRequestTopic::default().with_name(Some(topic_name(name))),
        };
        let wanted = Some(names.iter().map(topic).collect());
        MetadataRequest::default().with_topics(wanted).with_allow_auto_topic_creation(false)
    };
    model.pair.look(version, make, |answer| {
        answer.topics.sort_by_key(|topic| topic.name.clone());
        for topic in &mut answer.topics {
            topic.partitions.sort_by_key(|partition| partition.partition_index);
        }
    });
}

pub(super) fn cluster(model: &mut Model) {
    let version = model.pair.version::<DescribeClusterRequest>(0);
    let endpoint = if version >= 1 { model.pair.random.pick(&[1, 1, 1, 3]) } else { 1 };
    model.pair.look(version, |_| DescribeClusterRequest::default().with_endpoint_type(endpoint), |_| ());

    let key = format!("{}-coordinated", model.pair.run);
    let version = model.pair.version::<FindCoordinatorRequest>(1);
    let kind = model.pair.random.pick(&[0, 1, 7]);
    let make = |_: &Side| {
        let request = FindCoordinatorRequest::default().with_key_type(kind);
        if version >= 4 { request.with_coordinator_keys(vec![text(&key)]) } else { request.with_key(text(&key)) }
    };
    model.pair.look(version, make, |_| ());
}

pub(super) fn log_dirs(model: &mut Model) {
    let name = model.any_name();
    let make = |_: &Side| {
        let topic = DescribableLogDirTopic::default().with_topic(topic_name(&name)).with_partitions(vec![0, 1, 9]);
        DescribeLogDirsRequest::default().with_topics(Some(vec![topic]))
    };
    let version = model.pair.version::<DescribeLogDirsRequest>(1);
    model.pair.look(version, make, |answer| {
        for directory in &mut answer.results {
            // Which directory Kafka looks at first is its own affair.
            for topic in &mut directory.topics {
                topic.partitions.sort_by_key(|partition| partition.partition_index);
            }
        }
    });
}
