//! Creating, deleting and growing topics.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::{
    error::ResponseError,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
        DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
        create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
        delete_topics_response::DeletableTopicResult,
    },
};
use uuid::Uuid;

use super::{configs, text};
use crate::{
    core::{Core, NODE},
    refusal::Refusal,
    topics::{
        NewTopic, Settings,
        settings::{SETTINGS, log_config},
    },
};

pub(super) fn create(core: &Core, request: CreateTopicsRequest, version: i16) -> CreateTopicsResponse {
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for topic in &request.topics {
        if !seen.insert(topic.name.to_string()) {
            twice.insert(topic.name.to_string());
        }
    }
    // Of topics that are there more than once one refusal is enough.
    let mut seen = BTreeSet::new();
    let different = request.topics.iter().filter(|topic| seen.insert(topic.name.to_string()));
    let results = different.map(|topic| {
        let made = if twice.contains(topic.name.as_str()) {
            Err(Refusal::new(ResponseError::InvalidRequest, "Duplicate topic name."))
        } else {
            create_one(core, topic, request.validate_only)
        };
        let result = CreatableTopicResult::default().with_name(topic.name.clone());
        match made {
            Err(refusal) => result
                .with_error_code(refusal.code())
                .with_error_message(refusal.text())
                .with_num_partitions(-1)
                .with_replication_factor(-1),
            Ok((new, id)) => result
                .with_topic_id(if version >= 7 { id } else { Uuid::nil() })
                .with_num_partitions(new.partitions)
                .with_replication_factor(1)
                .with_configs(Some(described(&new.settings))),
        }
    });
    CreateTopicsResponse::default().with_topics(results.collect())
}

fn create_one(core: &Core, topic: &CreatableTopic, only_check: bool) -> Result<(NewTopic, Uuid), Refusal> {
    core.topics.check_free(&topic.name)?;
    let settings = settings_of(topic)?;
    log_config(&settings)?;
    let new = NewTopic { name: topic.name.to_string(), partitions: partitions_of(core, topic)?, settings };
    if only_check {
        core.topics.check(&new)?;
        return Ok((new, Uuid::nil()));
    }
    let created = core.topics.create(&new)?;
    tracing::info!(topic = new.name, partitions = new.partitions, "created a topic");
    Ok((new, created.id))
}

fn settings_of(topic: &CreatableTopic) -> Result<Settings, Refusal> {
    let mut settings = Settings::new();
    for config in &topic.configs {
        let name = config.name.to_string();
        let Some(value) = &config.value else {
            let message = format!("Null value not supported for topic configs: {name}");
            return Err(Refusal::new(ResponseError::InvalidConfig, message));
        };
        settings.insert(name, value.to_string());
    }
    Ok(settings)
}

fn partitions_of(core: &Core, topic: &CreatableTopic) -> Result<i32, Refusal> {
    if topic.assignments.is_empty() {
        let (count, factor) = (topic.num_partitions, topic.replication_factor);
        if factor == 0 || factor < -1 {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(Refusal::new(ResponseError::InvalidReplicationFactor, message));
        }
        if count == 0 || count < -1 {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(Refusal::new(ResponseError::InvalidPartitions, message));
        }
        check_replication(factor)?;
        return Ok(if count == -1 { core.config.default_partitions } else { count });
    }
    if topic.num_partitions != -1 || topic.replication_factor != -1 {
        let message = "A manual partition assignment was specified, but the number of partitions or the replication \
                       factor was not set to -1.";
        return Err(Refusal::new(ResponseError::InvalidRequest, message));
    }
    let mut indexes: Vec<i32> = topic.assignments.iter().map(|assignment| assignment.partition_index).collect();
    indexes.sort_unstable();
    let consecutive = (0..).zip(&indexes).all(|(expected, index): (i32, &i32)| expected == *index);
    let here = topic.assignments.iter().all(|assignment| assignment.broker_ids == [NODE]);
    if !consecutive || !here {
        let message = format!("Partitions must be numbered from 0 and be assigned to broker {}.", NODE.0);
        return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, message));
    }
    Ok(i32::try_from(indexes.len()).unwrap_or(i32::MAX))
}

fn check_replication(factor: i16) -> Result<(), Refusal> {
    if factor == -1 || factor == 1 {
        return Ok(());
    }
    let message = format!(
        "Unable to replicate the partition {factor} time(s): The target replication factor of {factor} cannot be \
         reached because only 1 broker(s) are registered."
    );
    Err(Refusal::new(ResponseError::InvalidReplicationFactor, message))
}

fn described(settings: &Settings) -> Vec<CreatableTopicConfigs> {
    let config = |setting: &'static crate::topics::settings::Setting| {
        let own = settings.get(setting.name);
        CreatableTopicConfigs::default()
            .with_name(text(setting.name))
            .with_value(Some(text(own.map_or(setting.default, String::as_str))))
            .with_config_source(if own.is_some() { configs::OF_TOPIC } else { configs::DEFAULT })
    };
    SETTINGS.iter().map(config).collect()
}

pub(super) fn delete(core: &Core, request: DeleteTopicsRequest, version: i16) -> DeleteTopicsResponse {
    let by_name = |name: kafka_protocol::messages::TopicName| {
        let deleted = delete_one(core, &name);
        let result = DeletableTopicResult::default().with_name(Some(name));
        describe_deletion(result, deleted)
    };
    let results = if version < 6 {
        let asked = request.topic_names.into_iter().map(|name| (Some(name), Uuid::nil())).collect();
        let (names, twice) = told_apart(asked);
        let names = names.into_iter().filter_map(|(name, _)| name);
        names.map(by_name).chain(twice).collect()
    } else {
        let one = |(name, id): AskedTopic| match name {
            Some(name) => by_name(name),
            None => {
                let result = DeletableTopicResult::default().with_name(None).with_topic_id(id);
                match core.topics.with_id(id) {
                    None => describe_deletion(result, Err(ResponseError::UnknownTopicId.into())),
                    Some(found) => {
                        let named = result.with_name(Some(super::topic_name(&found.name)));
                        describe_deletion(named, delete_one(core, &found.name))
                    }
                }
            }
        };
        let asked = request.topics.into_iter().map(|topic| (topic.name, topic.topic_id)).collect();
        let (states, twice) = told_apart(asked);
        states.into_iter().map(one).chain(twice).collect()
    };
    DeleteTopicsResponse::default().with_responses(results)
}

/// A topic by its name or by its id.
type AskedTopic = (Option<TopicName>, Uuid);

/// The topics that are asked for once, and the refusals of those that are asked for more often.
fn told_apart(asked: Vec<AskedTopic>) -> (Vec<AskedTopic>, Vec<DeletableTopicResult>) {
    let mut counts = BTreeMap::<AskedTopic, usize>::new();
    for topic in &asked {
        *counts.entry(topic.clone()).or_default() += 1;
    }
    let once = asked.into_iter().filter(|topic| counts[topic] == 1).collect();
    let refuse = |((name, id), _): (&AskedTopic, _)| {
        let result = DeletableTopicResult::default().with_name(name.clone()).with_topic_id(*id);
        describe_deletion(result, Err(Refusal::new(ResponseError::InvalidRequest, "Duplicate topic name or id.")))
    };
    (once, counts.iter().filter(|(_, count)| **count > 1).map(refuse).collect())
}

fn delete_one(core: &Core, name: &str) -> Result<(), Refusal> {
    core.topics.delete(name)?;
    tracing::info!(topic = name, "deleted a topic");
    core.groups.forget_topic(name);
    Ok(())
}

fn describe_deletion(result: DeletableTopicResult, deleted: Result<(), Refusal>) -> DeletableTopicResult {
    match deleted {
        Ok(()) => result,
        Err(refusal) => result.with_error_code(refusal.code()).with_error_message(refusal.text()),
    }
}

pub(super) fn create_partitions(core: &Core, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let one = |topic: &CreatePartitionsTopic| {
        let here = |assignment: &kafka_protocol::messages::create_partitions_request::CreatePartitionsAssignment| {
            assignment.broker_ids == [NODE]
        };
        let now = core.topics.named(&topic.name).map_or(0, |topic| topic.partition_count());
        let more = usize::try_from(topic.count).unwrap_or(0).saturating_sub(now);
        let assigned = |assignments: &Vec<_>| assignments.len() == more && assignments.iter().all(here);
        let grown = core.topics.grow(&topic.name, topic.count, true).and_then(|()| {
            if topic.assignments.as_ref().is_none_or(assigned) {
                core.topics.grow(&topic.name, topic.count, request.validate_only)
            } else {
                Err(ResponseError::InvalidReplicaAssignment.into())
            }
        });
        let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        match grown {
            Ok(()) => result,
            Err(refusal) => result.with_error_code(refusal.code()).with_error_message(refusal.text()),
        }
    };
    CreatePartitionsResponse::default().with_results(request.topics.iter().map(one).collect())
}
