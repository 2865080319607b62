//! Tries the settings on the real servers, for `/validate`.

use connect_api::ConfigError;
use reqwest::Method;
use serde_json::Value as Json;

use crate::{
    client::{Answer, Body, Client, path_part},
    config::{ElasticsearchConfig, ExternalUsage},
    error::CallError,
};

/// The oldest servers that take bulk requests as they are sent here, and that have data streams.
const OLDEST: (u64, u64) = (7, 0);
const OLDEST_WITH_STREAMS: (u64, u64) = (7, 9);

/// Everything that is wrong on the side of the servers.
pub(crate) async fn check(config: ElasticsearchConfig) -> Vec<ConfigError> {
    let client = match Client::new(&config.connection) {
        Ok(client) => client,
        Err(error) => return vec![ConfigError::new("connection.url", error.to_string())],
    };
    let root = match client.call(Method::GET, "/", Body::Empty).await {
        Ok(answer) => answer,
        Err(error) => return vec![unusable(&error)],
    };
    let mut wrong = root_errors(&config, root);
    if wrong.is_empty() {
        wrong.extend(missing_resources(&config, &client).await);
    }
    wrong
}

fn unusable(error: &CallError) -> ConfigError {
    ConfigError::new("connection.url", format!("Could not connect to the servers of 'connection.url': {error}."))
}

fn root_errors(config: &ElasticsearchConfig, answer: Answer) -> Vec<ConfigError> {
    match answer.status {
        401 => {
            let message = "The server refused the user: check 'connection.username' and 'connection.password'.";
            ["connection.username", "connection.password"].map(|key| ConfigError::new(key, message)).into()
        }
        // Restricted users and stripped-down servers don't show the version, but they are there.
        403 | 405 => Vec::new(),
        200..300 => match version(&answer.body) {
            Some(version) => old_server(config, version).into_iter().collect(),
            None => Vec::new(),
        },
        _ => answer.into_success().err().iter().map(unusable).collect(),
    }
}

fn old_server(config: &ElasticsearchConfig, version: (u64, u64)) -> Option<ConfigError> {
    let (major, minor) = version;
    let message = if version < OLDEST {
        format!("The server of 'connection.url' is {major}.{minor}, and 7.0 or newer is needed.")
    } else if config.to_data_streams() && version < OLDEST_WITH_STREAMS {
        format!("The server of 'connection.url' is {major}.{minor}, and data streams need 7.9 or newer.")
    } else {
        return None;
    };
    Some(ConfigError::new("connection.url", message))
}

/// The version that a server tells, in Elasticsearch's counting; nothing when it does not tell.
fn version(body: &[u8]) -> Option<(u64, u64)> {
    let root: Json = serde_json::from_slice(body).ok()?;
    let version = root.get("version")?;
    if version.get("distribution").and_then(Json::as_str) == Some("opensearch") {
        // OpenSearch began as 7.10.
        return Some((7, 10));
    }
    let mut numbers = version.get("number")?.as_str()?.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

async fn missing_resources(config: &ElasticsearchConfig, client: &Client) -> Vec<ConfigError> {
    let mut wrong = Vec::new();
    if config.external.usage == ExternalUsage::Disabled {
        return wrong;
    }
    for (_, name) in config.external.mapping.pairs() {
        let message = match client.call(Method::HEAD, &format!("/{}", path_part(name)), Body::Empty).await {
            Ok(answer) if answer.status == 404 => format!("The resource '{name}' does not exist."),
            Ok(answer) => match answer.into_success() {
                Ok(_) => continue,
                Err(error) => format!("Could not look for the resource '{name}': {error}."),
            },
            Err(error) => format!("Could not look for the resource '{name}': {error}."),
        };
        wrong.push(ConfigError::new("topic.to.external.resource.mapping", message));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_elasticsearch_counting() {
        let check = |body: &str, expected| assert_eq!(version(body.as_bytes()), expected);
        check(r#"{"version":{"number":"8.19.21"}}"#, Some((8, 19)));
        check(r#"{"version":{"number":"3.6.0","distribution":"opensearch"}}"#, Some((7, 10)));
        check(r#"{"version":{"number":"6.8.23"}}"#, Some((6, 8)));
        check(r#"{"tagline":"x"}"#, None);
        check("", None);
    }
}
