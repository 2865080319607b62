//! Settings of topics and of the broker: describing all, changing those of topics.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        alter_configs_response::AlterConfigsResourceResponse as AlterResult,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym},
        incremental_alter_configs_request::AlterableConfig,
        incremental_alter_configs_response::AlterConfigsResourceResponse as IncrementalResult,
    },
};

use super::text;
use crate::{
    config::millis,
    core::{Core, NODE},
    refusal::Refusal,
    topics::{
        Settings,
        settings::{SETTINGS, Setting, SettingKind},
    },
};

/// Where a value comes from, as the protocol numbers it.
pub(super) const OF_TOPIC: i8 = 1;
const OF_BROKER: i8 = 4;
pub(super) const DEFAULT: i8 = 5;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

pub(super) fn describe(core: &Core, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let synonyms = request.include_synonyms;
    let one = |resource: &DescribeConfigsResource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match describe_one(core, resource, synonyms) {
            Ok(configs) => result.with_configs(configs).with_error_message(Some(text(""))),
            Err(refusal) => result.with_error_code(refusal.code()).with_error_message(refusal.text()),
        }
    };
    DescribeConfigsResponse::default().with_results(request.resources.iter().map(one).collect())
}

fn describe_one(
    core: &Core,
    resource: &DescribeConfigsResource,
    synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let all = match resource.resource_type {
        TOPIC => {
            let settings = topic_settings(core, &resource.resource_name)?;
            SETTINGS.iter().map(|setting| of_topic(setting, &settings, synonyms)).collect()
        }
        BROKER => of_broker(core, &resource.resource_name, synonyms)?,
        other => return Err(unsupported(other)),
    };
    let wanted = |config: &DescribeConfigsResourceResult| {
        resource.configuration_keys.as_ref().is_none_or(|keys| keys.contains(&config.name))
    };
    let all: Vec<DescribeConfigsResourceResult> = all;
    Ok(all.into_iter().filter(wanted).collect())
}

fn topic_settings(core: &Core, name: &str) -> Result<Settings, Refusal> {
    crate::topics::names::check_name(name)?;
    core.topics.named(name).map(|topic| topic.settings()).ok_or_else(|| {
        Refusal::new(ResponseError::UnknownTopicOrPartition, format!("The topic '{name}' does not exist."))
    })
}

fn unsupported(resource_type: i8) -> Refusal {
    let message = format!("Unsupported resource type: {resource_type}");
    Refusal::new(ResponseError::InvalidRequest, message)
}

fn of_topic(setting: &Setting, settings: &Settings, with_synonyms: bool) -> DescribeConfigsResourceResult {
    let own = settings.get(setting.name);
    let mut synonyms = Vec::new();
    if with_synonyms {
        synonyms.extend(own.map(|value| synonym(setting.name, value, OF_TOPIC)));
        if !setting.broker_name.is_empty() {
            synonyms.push(synonym(setting.broker_name, setting.default, DEFAULT));
        }
    }
    DescribeConfigsResourceResult::default()
        .with_name(text(setting.name))
        .with_value(Some(text(own.map_or(setting.default, String::as_str))))
        .with_config_source(if own.is_some() { OF_TOPIC } else { DEFAULT })
        .with_synonyms(synonyms)
        .with_config_type(setting.kind as i8)
}

fn synonym(name: &str, value: &str, source: i8) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default().with_name(text(name)).with_value(Some(text(value))).with_source(source)
}

fn check_node(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name == NODE.0.to_string() {
        return Ok(());
    }
    let message = format!("Unexpected broker id, expected {} or empty string, but received {name}", NODE.0);
    Err(Refusal::new(ResponseError::InvalidRequest, message))
}

fn of_broker(core: &Core, name: &str, with_synonyms: bool) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    check_node(name)?;
    if name.is_empty() {
        // Settings that were changed for all brokers at run time: there are none.
        return Ok(Vec::new());
    }
    let config = |(name, kind, value): (&str, SettingKind, String)| {
        let synonyms = if with_synonyms { vec![synonym(name, &value, OF_BROKER)] } else { Vec::new() };
        DescribeConfigsResourceResult::default()
            .with_name(text(name))
            .with_value(Some(text(&value)))
            .with_read_only(true)
            .with_config_source(OF_BROKER)
            .with_synonyms(synonyms)
            .with_config_type(kind as i8)
    };
    let defaults = SETTINGS
        .iter()
        .filter(|setting| !setting.broker_name.is_empty())
        .map(|setting| (setting.broker_name, setting.kind, setting.default.to_owned()));
    Ok(broker_settings(core).into_iter().chain(defaults).map(config).collect())
}

fn broker_settings(core: &Core) -> Vec<(&'static str, SettingKind, String)> {
    use SettingKind::{Boolean, Int, List, Long, String as Text};
    let (limits, times) = (&core.config.limits, &core.config.times);
    let listener = format!("PLAINTEXT://{}:{}", core.host, core.port);
    vec![
        ("advertised.listeners", List, listener),
        ("auto.create.topics.enable", Boolean, core.config.auto_create_topics.to_string()),
        ("broker.id", Int, NODE.0.to_string()),
        ("connections.max.idle.ms", Long, millis(times.connection_idle).to_string()),
        ("default.replication.factor", Int, "1".to_owned()),
        ("delete.topic.enable", Boolean, "true".to_owned()),
        ("fetch.max.bytes", Int, limits.fetch_bytes.to_string()),
        ("group.initial.rebalance.delay.ms", Int, millis(times.initial_rebalance_delay).to_string()),
        ("group.max.session.timeout.ms", Int, millis(times.session_max).to_string()),
        ("group.min.session.timeout.ms", Int, millis(times.session_min).to_string()),
        ("listeners", List, format!("PLAINTEXT://{}", core.config.listen)),
        ("log.dirs", Text, core.config.data.to_string_lossy().into_owned()),
        ("max.connections", Int, limits.connections.to_string()),
        ("node.id", Int, NODE.0.to_string()),
        ("num.partitions", Int, core.config.default_partitions.to_string()),
        ("offset.metadata.max.bytes", Int, limits.offset_metadata_bytes.to_string()),
        ("offsets.retention.minutes", Int, (millis(times.offsets_retention) / 60_000).to_string()),
        ("offsets.topic.num.partitions", Int, "1".to_owned()),
        ("offsets.topic.replication.factor", Int, "1".to_owned()),
        ("socket.request.max.bytes", Int, limits.request_bytes.to_string()),
        ("transaction.max.timeout.ms", Int, millis(times.transaction_max).to_string()),
        ("transaction.state.log.num.partitions", Int, "1".to_owned()),
        ("transaction.state.log.replication.factor", Int, "1".to_owned()),
        ("transactional.id.expiration.ms", Int, millis(times.transactional_id_retention).to_string()),
    ]
}

/// The old way: what is not named goes back to its default.
pub(super) fn alter(core: &Core, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let only_check = request.validate_only;
    let results = request.resources.into_iter().map(|resource| {
        let configs = resource.configs.iter().map(|config| (config.name.to_string(), &config.value));
        let named: Vec<_> = configs.collect();
        let replace = |settings: &mut Settings| {
            check_different(named.iter().map(|(name, _)| name.as_str()))?;
            settings.clear();
            for (name, value) in named {
                Setting::named(&name)?;
                let value = value.as_ref().ok_or_else(|| null_value(&name))?;
                settings.insert(name, value.to_string());
            }
            Ok(())
        };
        let changed = change(core, resource.resource_type, &resource.resource_name, only_check, replace);
        let result = AlterResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match changed {
            Ok(()) => result.with_error_message(None),
            Err(refusal) => result.with_error_code(refusal.code()).with_error_message(refusal.text()),
        }
    });
    AlterConfigsResponse::default().with_responses(results.collect())
}

pub(super) fn alter_incrementally(
    core: &Core,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let only_check = request.validate_only;
    let results = request.resources.into_iter().map(|resource| {
        let apply = |settings: &mut Settings| {
            check_different(resource.configs.iter().map(|config| config.name.as_str()))?;
            resource.configs.iter().try_for_each(|config| apply_one(settings, config))
        };
        let changed = change(core, resource.resource_type, &resource.resource_name, only_check, apply);
        let result = IncrementalResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match changed {
            Ok(()) => result.with_error_message(None),
            Err(refusal) => result.with_error_code(refusal.code()).with_error_message(refusal.text()),
        }
    });
    IncrementalAlterConfigsResponse::default().with_responses(results.collect())
}

fn change(
    core: &Core,
    resource_type: i8,
    name: &str,
    only_check: bool,
    change: impl FnOnce(&mut Settings) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    match resource_type {
        TOPIC => core.topics.configure(name, only_check, change),
        BROKER => {
            check_node(name)?;
            let message = "The broker's settings are those it was started with; change them there.";
            Err(Refusal::new(ResponseError::InvalidRequest, message))
        }
        other => Err(unsupported(other)),
    }
}

fn check_different<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Refusal::new(ResponseError::InvalidRequest, "Error due to duplicate config keys"));
        }
    }
    Ok(())
}

fn null_value(name: &str) -> Refusal {
    Refusal::new(ResponseError::InvalidConfig, format!("Null value not supported for : {name}"))
}

/// What an incremental change does, as the protocol numbers it.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn apply_one(settings: &mut Settings, config: &AlterableConfig) -> Result<(), Refusal> {
    let name = config.name.to_string();
    if config.config_operation == DELETE {
        // Taking back what never was is no error.

        settings.remove(&name);
        return Ok(());
    }
    let setting = Setting::named(&name)?;
    let value = config.value.as_ref().ok_or_else(|| null_value(&name))?.as_str();
    match config.config_operation {
        SET => drop(settings.insert(name, value.to_owned())),
        APPEND | SUBTRACT if setting.kind != SettingKind::List => {
            let message = format!("Config value append is not allowed for config key: {name}");
            return Err(Refusal::new(ResponseError::InvalidConfig, message));
        }
        operation @ (APPEND | SUBTRACT) => {
            let now = settings.get(&name).map_or(setting.default, String::as_str);
            let split = |list: &str| -> Vec<String> {
                list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
            };
            let mut items = split(now);
            let named = split(value);
            items.retain(|item| operation == APPEND || !named.contains(item));
            if operation == APPEND {
                let more: Vec<String> = named.into_iter().filter(|item| !items.contains(item)).collect();
                items.extend(more);
            }
            settings.insert(name, items.join(","));
        }
        other => {
            let message = format!("Unknown operation type {other} for config key: {name}");
            return Err(Refusal::new(ResponseError::InvalidRequest, message));
        }
    }
    Ok(())
}
