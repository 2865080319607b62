//! Where records go: the index, data stream or existing resource of each topic, made ready before its first record.

use std::{collections::HashMap, sync::Arc};

use connect_api::{Error, Result, SinkRecord, Str};
use reqwest::Method;
use serde_json::Value as Json;
use tracing::info;

use crate::{
    client::{Body, Client, path_part},
    config::{ElasticsearchConfig, ExternalUsage, NullValues},
    error::CallError,
    json, mapping,
    retry::Retry,
};

/// Where the records of one topic go.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) name: String,
    /// The name as JSON.
    pub(crate) name_json: Vec<u8>,
    pub(crate) keys_ignored: bool,
    pub(crate) schemas_ignored: bool,
    exists: bool,
    mapped: bool,
}

/// Topics that are remembered. Routing transforms can make a topic per day; forgetting one costs two requests.
const RESOURCES_MAX: usize = 4096;

/// The resources of all topics that had records.
#[derive(Debug)]
pub(crate) struct Resources {
    config: Arc<ElasticsearchConfig>,
    client: Arc<Client>,
    retry: Retry,
    list: Vec<Resource>,
    topics: HashMap<Str, usize>,
    last: Option<(Str, usize)>,
}

impl Resources {
    pub(crate) fn new(config: Arc<ElasticsearchConfig>, client: Arc<Client>, retry: Retry) -> Self {
        Self { config, client, retry, list: Vec::new(), topics: HashMap::new(), last: None }
    }

    /// Makes sure that all that these records are written to is there, with a mapping where schemas ask for one.
    pub(crate) async fn prepare(&mut self, records: &[SinkRecord]) -> Result<()> {
        for record in records {
            let empty = record.record.value.value.is_null();
            if empty && self.config.conversion.null_values != NullValues::Delete {
                continue;
            }
            let at = self.find(&record.record.topic)?;
            if !self.list[at].exists {
                self.create(at).await?;
            }
            // A tombstone says nothing about fields, so the first one with a value decides.
            if !self.list[at].mapped && !empty {
                self.map(at, record).await?;
            }
        }
        Ok(())
    }

    /// The resource of a topic that was prepared.
    pub(crate) fn get(&mut self, topic: &Str) -> Result<&Resource> {
        let at = self.find(topic)?;
        Ok(&self.list[at])
    }

    fn find(&mut self, topic: &Str) -> Result<usize> {
        if let Some((last, at)) = &self.last
            && last == topic
        {
            return Ok(*at);
        }
        let at = match self.topics.get(topic) {
            Some(at) => *at,
            None => self.add(topic)?,
        };
        self.last = Some((topic.clone(), at));
        Ok(at)
    }

    fn add(&mut self, topic: &Str) -> Result<usize> {
        if self.list.len() == RESOURCES_MAX {
            self.list.clear();
            self.topics.clear();
        }
        let name = name(&self.config, topic)?;
        let mut name_json = Vec::new();
        json::text(&name, &mut name_json);
        let schemas_ignored = self.config.schemas_ignored(topic);
        self.list.push(Resource {
            exists: self.config.external.usage != ExternalUsage::Disabled,
            mapped: schemas_ignored,
            keys_ignored: self.config.keys_ignored(topic),
            schemas_ignored,
            name_json,
            name,
        });
        self.topics.insert(topic.detached(), self.list.len() - 1);
        Ok(self.list.len() - 1)
    }

    async fn create(&mut self, at: usize) -> Result<()> {
        let name = self.list[at].name.clone();
        let (kind, prefix) =
            if self.config.to_data_streams() { ("data stream", "/_data_stream/") } else { ("index", "/") };
        let part = path_part(&name);
        let exists = format!("/{part}");
        let found = self
            .call(&Method::HEAD, &exists, Body::Empty)
            .await
            .map_err(|error| failed("look for", kind, &name, &error))?;
        if !found {
            let path = format!("{prefix}{part}");
            self.call(&Method::PUT, &path, Body::Empty).await.map_err(|error| failed("create", kind, &name, &error))?;
            info!(name, "created the {kind}");
        }
        self.list[at].exists = true;
        Ok(())
    }

    async fn map(&mut self, at: usize, record: &SinkRecord) -> Result<()> {
        let name = self.list[at].name.clone();
        let path = format!("/{}/_mapping", path_part(&name));
        let failed = |action: &str, error: &CallError| failed(action, "mapping of", &name, error);
        let answer = self.answer(&Method::GET, &path, Body::Empty).await.map_err(|error| failed("read", &error))?;
        let known: Json = serde_json::from_slice(&answer)
            .map_err(|error| Error::fatal(format!("the mapping of '{name}' can't be read: {error}")))?;
        if mapping::is_empty(&known) {
            let body = mapping::mapping(record.record.value.schema.as_ref())?.to_string();
            let body = Body::Json(body.into_bytes().into());
            self.answer(&Method::PUT, &path, body).await.map_err(|error| failed("write", &error))?;
        }
        self.list[at].mapped = true;
        Ok(())
    }

    /// Makes a call that may find nothing (404, false) or find that another task was faster (which is success).
    async fn call(&self, method: &Method, path: &str, body: Body) -> Result<bool, CallError> {
        match self.answer(method, path, body).await {
            Ok(_) => Ok(true),
            Err(CallError::Refused { status: 404, .. }) if method == Method::HEAD => Ok(false),
            Err(CallError::Refused { cause, .. }) if cause.ty == "resource_already_exists_exception" => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn answer(&self, method: &Method, path: &str, body: Body) -> Result<bytes::Bytes, CallError> {
        let mut attempts = 0;
        loop {
            let error = match self.client.success(method.clone(), path, body.clone()).await {
                Ok(answer) => return Ok(answer.body),
                Err(error) => error,
            };
            attempts += 1;
            match self.retry.wait(attempts) {
                Some(wait) if error.may_pass() => tokio::time::sleep(wait).await,
                _ => return Err(error),
            }
        }
    }
}

fn failed(action: &str, kind: &str, name: &str, error: &CallError) -> Error {
    Error::fatal(format!("could not {action} the {kind} '{name}': {error}{}", error.hint()))
}

/// The name of the resource that a topic's records are written to.
fn name(config: &ElasticsearchConfig, topic: &str) -> Result<String> {
    if config.external.usage != ExternalUsage::Disabled {
        return config.external.mapping.get(topic).map(str::to_owned).ok_or_else(|| {
            Error::config(format!("the topic '{topic}' has no entry in 'topic.to.external.resource.mapping'"))
        });
    }
    if let Some(ty) = config.stream.ty.name() {
        return Ok(stream_name(ty, config.stream.dataset.text(), config.stream.namespace.text(), topic));
    }
    // Before release 11 a mapped name was used as it was written, upper case and all.
    Ok(config.old.topic_index.get(topic).map_or_else(|| index_name(topic), str::to_owned))
}

/// The longest name of an index.
const INDEX_NAME_MAX: usize = 255;
/// The longest last part of a data stream's name.
const NAMESPACE_MAX: usize = 100;

fn index_name(topic: &str) -> String {
    let lower: String = topic.to_lowercase().chars().take(INDEX_NAME_MAX).collect();
    let name = lower.strip_prefix(['-', '_']).unwrap_or(&lower);
    match name {
        "." => "dot".to_owned(),
        ".." => "dotdot".to_owned(),
        name => name.to_owned(),
    }
}

fn stream_name(ty: &str, dataset: &str, namespace: &str, topic: &str) -> String {
    let namespace: String = namespace.replace("${topic}", &topic.to_lowercase()).chars().take(NAMESPACE_MAX).collect();
    format!("{ty}-{dataset}-{namespace}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_become_index_names() {
        let check = |topic: &str, expected: &str| assert_eq!(index_name(topic), expected);
        check("Orders", "orders");
        check("_Orders", "orders");
        check("-a", "a");
        check("__a", "_a");
        check(".", "dot");
        check("..", "dotdot");
        check(&"x".repeat(300), &"x".repeat(255));
    }

    #[test]
    fn topics_become_data_stream_names() {
        assert_eq!(stream_name("logs", "app", "${topic}", "Orders"), "logs-app-orders");
        assert_eq!(stream_name("metrics", "app", "ns${topic}", "t"), "metrics-app-nst");
        assert_eq!(stream_name("logs", "app", "${topic}", &"t".repeat(200)), format!("logs-app-{}", "t".repeat(100)));
    }
}
