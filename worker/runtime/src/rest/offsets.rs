//! `/connectors/{c}/offsets` (KIP-875).

use connect_api::{OffsetMap, Offsets, Props, Str, TopicPartition};
use serde_json::{Value, json};

use super::{
    body,
    connectors::ask,
    dispatch::{Answer, Call, Handled},
    error::RestError,
};
use crate::{
    herder::request::Request,
    kafka::offsets::GroupOffsets,
    plugins::ConnectorPlugin,
    providers::Providers,
    storage::{config_state::TaskId, json},
    task::run::consumer_props,
};

/// A connector whose offsets are asked for.
enum Owner {
    Source,
    /// The properties of its consumers.
    Sink(Props),
}

fn owner(call: &Call, name: &str) -> Result<Owner, RestError> {
    let config = call.app.herder.config();
    let props = config.connector(name).ok_or_else(|| RestError::not_found(format!("Connector {name} not found")))?;
    let class = props.get("connector.class").map(String::as_str).unwrap_or_default();
    match call.app.plugins.find_connector(class) {
        Some(ConnectorPlugin::Sink(_)) => {
            let resolved = Providers::of(&call.app.settings.props).resolve(props);
            Ok(Owner::Sink(consumer_props(&call.app.settings, &resolved, &TaskId::new(name, 0))))
        }
        _ => Ok(Owner::Source),
    }
}

async fn group(props: &Props) -> Result<GroupOffsets, RestError> {
    let group = props.get("group.id").map(String::as_str).unwrap_or_default();
    Ok(GroupOffsets::open(group, props).await?)
}

pub async fn list(call: &Call, name: &str) -> Handled {
    let services = call.app.services()?;
    let offsets: Vec<Value> = match owner(call, name)? {
        Owner::Source => {
            let stored = services.shared.offsets.list(name).await?;
            let row =
                |(partition, offset)| json!({"partition": json::tree_of(partition), "offset": json::tree_of(offset)});
            stored.iter().map(|(partition, offset)| row((partition, offset))).collect()
        }
        Owner::Sink(props) => {
            let committed = group(&props).await?.list().await?;
            let row = |(at, offset): (&TopicPartition, &i64)| {
                let partition = json!({"kafka_topic": at.topic.as_str(), "kafka_partition": at.partition});
                json!({"partition": partition, "offset": {"kafka_offset": offset}})
            };
            committed.iter().map(row).collect()
        }
    };
    Ok(Answer::json(200, json!({"offsets": offsets})))
}

pub async fn alter(call: &Call, name: &str) -> Handled {
    let empty = || RestError::bad_request("Partitions / offsets need to be provided for an alter offsets request");
    let tree = body::tree(&call.body)?.ok_or_else(empty)?;
    let rows = rows(&tree)?;
    if rows.is_empty() {
        return Err(empty());
    }
    ask(call, Request::OffsetsModifiable { name: name.to_owned() }).await?;
    match owner(call, name)? {
        Owner::Source => {
            let pairs: Vec<(&OffsetMap, Option<&OffsetMap>)> = rows.iter().map(|(p, o)| (p, o.as_ref())).collect();
            call.app.services()?.shared.offsets.write(name, &pairs).await?;
            Ok(message(
                "The Connect framework-managed offsets for this connector have been altered successfully. However, if this \
                 connector manages offsets externally, they will need to be manually altered in the system that the \
                 connector uses.",
            ))
        }
        Owner::Sink(props) => {
            let (set, forget) = sink_offsets(&rows)?;
            let mut group = group(&props).await?;
            if !forget.is_empty() {
                group.delete(forget.iter()).await?;
            }
            if !set.is_empty() {
                group.commit(&set).await?;
            }
            Ok(message(
                "The Connect framework-managed offsets for this connector have been altered successfully. However, if this \
                 connector manages offsets externally, they will need to be manually altered in the system that the \
                 connector uses.",
            ))
        }
    }
}

pub async fn reset(call: &Call, name: &str) -> Handled {
    ask(call, Request::OffsetsModifiable { name: name.to_owned() }).await?;
    match owner(call, name)? {
        Owner::Source => {
            let offsets = &call.app.services()?.shared.offsets;
            let stored = offsets.list(name).await?;
            let pairs: Vec<(&OffsetMap, Option<&OffsetMap>)> = stored.iter().map(|(p, _)| (p, None)).collect();
            offsets.write(name, &pairs).await?;
        }
        Owner::Sink(props) => {
            let mut group = group(&props).await?;
            let committed = group.list().await?;
            if !committed.is_empty() {
                group.delete(committed.keys()).await?;
            }
        }
    }
    Ok(message(
        "The Connect framework-managed offsets for this connector have been reset successfully. However, if this connector \
         manages offsets externally, they will need to be manually reset in the system that the connector uses.",
    ))
}

fn message(text: &str) -> Answer {
    Answer::json(200, json!({"message": text}))
}

type Row = (OffsetMap, Option<OffsetMap>);

/// The partitions of the body and what they are to be set to; null forgets one.
fn rows(tree: &Value) -> Result<Vec<Row>, RestError> {
    let wrong = |what: &str| RestError::internal(format!("Cannot deserialize value of type `{what}` from the request"));
    let members =
        tree.as_object().ok_or_else(|| wrong("org.apache.kafka.connect.runtime.rest.entities.ConnectorOffsets"))?;
    if let Some(unknown) = members.keys().find(|key| *key != "offsets") {
        return Err(RestError::internal(format!(
            "Unrecognized field \"{unknown}\" (class org.apache.kafka.connect.runtime.rest.entities.ConnectorOffsets), not marked as ignorable"
        )));
    }
    let Some(list) = members.get("offsets").filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(|| wrong("java.util.ArrayList"))?;
    let row = |row: &Value| {
        let partition = row.get("partition").filter(|p| !p.is_null());
        let partition = partition
            .ok_or_else(|| RestError::bad_request("The partition for a connector offset cannot be null or missing"))?;
        let partition = json::map_of(partition).ok_or_else(|| wrong("java.util.LinkedHashMap"))?;
        let offset = match row.get("offset").filter(|o| !o.is_null()) {
            Some(offset) => Some(json::map_of(offset).ok_or_else(|| wrong("java.util.LinkedHashMap"))?),
            None => None,
        };
        Ok((partition, offset))
    };
    list.iter().map(row).collect()
}

fn sink_offsets(rows: &[Row]) -> Result<(Offsets, Vec<TopicPartition>), RestError> {
    let (mut set, mut forget) = (Offsets::new(), Vec::new());
    for (partition, offset) in rows {
        let at = topic_partition(partition)?;
        match offset {
            Some(offset) => {
                let number = offset.get("kafka_offset").and_then(number);
                let number = number.filter(|n| *n >= 0).ok_or_else(|| {
                    RestError::bad_request(
                        "The offset for a sink connector should either be null or contain the key 'kafka_offset'",
                    )
                })?;
                set.insert(at, number);
            }
            None => forget.push(at),
        }
    }
    Ok((set, forget))
}

fn topic_partition(partition: &OffsetMap) -> Result<TopicPartition, RestError> {
    let topic = partition.get("kafka_topic").and_then(|value| value.as_str().map(Str::from));
    let number = partition.get("kafka_partition").and_then(number).and_then(|n| i32::try_from(n).ok());
    match (topic, number) {
        (Some(topic), Some(partition)) => Ok(TopicPartition { topic, partition }),
        _ => Err(RestError::bad_request(
            "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'",
        )),
    }
}

fn number(value: &connect_api::Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}
