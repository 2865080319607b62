//! `/connectors/{c}/offsets` (KIP-875).

use connect_api::{OffsetChange, OffsetMap, Offsets, Props, SourcePlugin, Str, TopicPartition};
use serde_json::{Value, json};

use super::{
    body,
    connectors::ask,
    dispatch::{Answer, Call, Handled},
    error::RestError,
};
use crate::{
    herder::request::Request,
    kafka::{
        admin::Admin,
        client::{Role, java_props},
        offsets::GroupOffsets,
    },
    plugins::ConnectorPlugin,
    storage::{config_state::TaskId, json},
    task::run::consumer_props,
};

/// A connector whose offsets are asked for.
enum Owner {
    /// Its plugin, where this worker has it, and its properties with all variables put in.
    Source(Option<&'static SourcePlugin>, Props),
    /// The properties of its consumers.
    Sink(Props),
}

fn owner(call: &Call, name: &str) -> Result<Owner, RestError> {
    let config = call.app.herder.config();
    let props = config.connector(name).ok_or_else(|| RestError::not_found(format!("Connector {name} not found")))?;
    let class = props.get("connector.class").map(String::as_str).unwrap_or_default();
    let resolved = call.app.settings.providers.resolve(props)?;
    match call.app.plugins.find_connector(class) {
        Some(ConnectorPlugin::Sink(_)) => {
            Ok(Owner::Sink(consumer_props(&call.app.settings, &resolved, &TaskId::new(name, 0))))
        }
        Some(ConnectorPlugin::Source(plugin)) => Ok(Owner::Source(Some(plugin), resolved)),
        None => Ok(Owner::Source(None, resolved)),
    }
}

/// What the connector refuses is a 500, as in the JVM, where its exception ends the request.
fn ensure_accepted(
    plugin: Option<&'static SourcePlugin>,
    props: &Props,
    changes: &[OffsetChange<'_>],
) -> Result<(), RestError> {
    let Some(plugin) = plugin else { return Ok(()) };
    (plugin.check_offsets)(props, changes).map_err(|error| RestError::internal(error.message()))
}

async fn group(props: &Props) -> Result<GroupOffsets, RestError> {
    let group = props.get("group.id").map(String::as_str).unwrap_or_default();
    Ok(GroupOffsets::open(group, props).await?)
}

pub async fn list(call: &Call, name: &str) -> Handled {
    let services = call.app.services()?;
    let offsets: Vec<Value> = match owner(call, name)? {
        Owner::Source(..) => {
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
    let tree = body::tree(&call.body)?.ok_or_else(|| {
        RestError::internal(format!("Cannot invoke \"{OFFSETS}.offsets()\" because \"offsets\" is null"))
    })?;
    let rows = rows(&tree)?;
    if rows.is_empty() {
        return Err(empty());
    }
    ask(call, Request::OffsetsModifiable { name: name.to_owned() }).await?;
    match owner(call, name)? {
        Owner::Source(plugin, props) => {
            let missing = || RestError::internal("Partition objects cannot be null");
            let mut pairs: Vec<OffsetChange<'_>> = Vec::with_capacity(rows.len());
            for (partition, offset) in &rows {
                pairs.push((partition.as_ref().ok_or_else(missing)?, offset.as_ref()));
            }
            ensure_accepted(plugin, &props, &pairs)?;
            call.app.services()?.shared.offsets.write(name, &pairs).await?;
            Ok(message("The offsets for this connector have been altered successfully"))
        }
        Owner::Sink(props) => {
            let (set, forget) = sink_offsets(&rows)?;
            ensure_partitions(call, name, set.keys().chain(&forget))?;
            if set.values().any(|offset| *offset < 0) {
                return Err(RestError::internal(format!("Failed to modify offsets for sink connector {name}")));
            }
            let mut group = group(&props).await?;
            let failed = |error: connect_api::Error| {
                tracing::warn!(connector = name, %error, "could not change the offsets of the sink's consumer group");
                RestError::internal(format!("Failed to alter consumer group offsets for connector {name}"))
            };
            if !forget.is_empty() {
                group.delete(forget.iter()).await.map_err(failed)?;
            }
            if !set.is_empty() {
                group.commit(&set).await.map_err(failed)?;
            }
            Ok(message("The offsets for this connector have been altered successfully"))
        }
    }
}

pub async fn reset(call: &Call, name: &str) -> Handled {
    ask(call, Request::OffsetsModifiable { name: name.to_owned() }).await?;
    match owner(call, name)? {
        Owner::Source(plugin, props) => {
            let offsets = &call.app.services()?.shared.offsets;
            let stored = offsets.list(name).await?;
            let pairs: Vec<OffsetChange<'_>> = stored.iter().map(|(p, _)| (p, None)).collect();
            ensure_accepted(plugin, &props, &pairs)?;
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
    Ok(message("The offsets for this connector have been reset successfully"))
}

/// Offsets of partitions that don't exist can't be kept by the brokers.
fn ensure_partitions<'a>(
    call: &Call,
    name: &str,
    partitions: impl Iterator<Item = &'a TopicPartition>,
) -> Result<(), RestError> {
    let admin = Admin::new(&java_props(&call.app.settings, Role::Admin, "offsets-admin", &Props::new()))?;
    for at in partitions {
        let count = admin.partitions(&at.topic)?.unwrap_or(0);
        if !(0..count).contains(&at.partition) {
            return Err(RestError::internal(format!("Failed to alter consumer group offsets for connector {name}")));
        }
    }
    Ok(())
}

fn message(text: &str) -> Answer {
    Answer::json(200, json!({"message": text}))
}

type Row = (Option<OffsetMap>, Option<OffsetMap>);

const OFFSETS: &str = "org.apache.kafka.connect.runtime.rest.entities.ConnectorOffsets";
const OFFSET: &str = "org.apache.kafka.connect.runtime.rest.entities.ConnectorOffset";

/// The partitions of the body and what they are to be set to; null forgets one. A missing partition is the owner's to refuse.
fn rows(tree: &Value) -> Result<Vec<Row>, RestError> {
    let Value::Object(members) = tree else { return Err(body::mismatch(OFFSETS, tree, "")) };
    if let Some(unknown) = members.keys().find(|key| *key != "offsets") {
        return Err(body::located(
            format!(
                "Unrecognized field \"{unknown}\" (class {OFFSETS}), not marked as ignorable (one known property: \"offsets\")"
            ),
            &format!("{OFFSETS}[\"{unknown}\"]"),
        ));
    }
    let path = format!("{OFFSETS}[\"offsets\"]");
    let list = match members.get("offsets") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(body::mismatch(&format!("java.util.ArrayList<{OFFSET}>"), other, &path)),
    };
    let map = |row: &Value, member: &str| match row.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => json::map_of(value)
            .map(Some)
            .ok_or_else(|| body::mismatch("java.util.LinkedHashMap<java.lang.String,java.lang.Object>", value, &path)),
    };
    list.iter().map(|row| Ok((map(row, "partition")?, map(row, "offset")?))).collect()
}

fn sink_offsets(rows: &[Row]) -> Result<(Offsets, Vec<TopicPartition>), RestError> {
    let (mut set, mut forget) = (Offsets::new(), Vec::new());
    for (partition, offset) in rows {
        let missing = || RestError::bad_request("The partition for a sink connector offset cannot be null or missing");
        let at = topic_partition(partition.as_ref().ok_or_else(missing)?)?;
        let Some(offset) = offset else {
            forget.push(at);
            continue;
        };
        let number = offset.get("kafka_offset").ok_or_else(|| {
            RestError::bad_request(
                "The offset for a sink connector should either be null or contain the key 'kafka_offset'",
            )
        })?;
        set.insert(at, integer(number, "offset", "Offset")?);
    }
    Ok((set, forget))
}

fn topic_partition(partition: &OffsetMap) -> Result<TopicPartition, RestError> {
    let incomplete = || {
        RestError::bad_request(
            "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'",
        )
    };
    let topic = partition.get("kafka_topic").ok_or_else(incomplete)?;
    let number = partition.get("kafka_partition").ok_or_else(incomplete)?;
    let topic = match topic {
        connect_api::Value::Null => {
            return Err(RestError::bad_request("Kafka topic names must be valid strings and may not be null"));
        }
        value => Str::from(text(value)),
    };
    let number = integer(number, "partition", "Partition")?;
    Ok(TopicPartition { topic, partition: i32::try_from(number).unwrap_or(-1) })
}

fn text(value: &connect_api::Value) -> String {
    let mut out = String::new();
    json::write_value(value, &mut out);
    out.trim_matches('"').to_owned()
}

fn integer(value: &connect_api::Value, what: &str, title: &str) -> Result<i64, RestError> {
    let text = text(value);
    text.trim().parse().map_err(|_| {
        RestError::bad_request(format!(
            "Failed to parse the following Kafka {what} value in the provided offsets: '{text}'. {title} values for sink \
             connectors need to be integers."
        ))
    })
}
