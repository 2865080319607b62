//! Requests between workers: what only the leader may do is passed on to it, and signed where no user asked for it.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use connect_api::Props;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    body,
    connectors::ask,
    dispatch::{Answer, Call, Content, Handled},
    error::RestError,
    route::percent_encode,
};
use crate::{
    herder::{
        driver::HerderHandle,
        request::{Refusal, Request},
    },
    storage::config_state::SessionKey,
};

const WAIT: Duration = Duration::from_secs(90);
const SIGNATURE: &str = "x-connect-authorization";
const ALGORITHM: &str = "x-connect-request-signature-algorithm";
/// Carries the leader's address from where it was learnt to where the request is passed on.
const TO_LEADER: u16 = 0;

/// Notes that a request is the leader's to answer.
pub fn remember(call: &Call, refusal: Refusal) -> RestError {
    let hops_left = call.parameter("forward") != Some("false");
    match refusal {
        Refusal::NotLeader(Some(url)) if hops_left => RestError::new(TO_LEADER, url),
        Refusal::NotLeader(Some(_)) => {
            RestError::new(409, "Cannot complete request because of a conflicting operation (e.g. worker rebalance)")
        }
        other => other.into(),
    }
}

/// Passes a request on when its handler found that only the leader may answer.
pub async fn or_forward(call: &Call, handled: Handled) -> Handled {
    match handled {
        Err(RestError { status: TO_LEADER, message: url }) => {
            // The first hop may be passed on once more, should leadership move meanwhile.
            let first = call.parameter("forward").is_none();
            let query: Vec<String> =
                call.query.iter().filter(|(key, _)| key != "forward").map(|(k, v)| format!("{k}={v}")).collect();
            let query = [query, vec![format!("forward={first}")]].concat().join("&");
            let headers = call.headers.get("authorization").and_then(|value| value.to_str().ok());
            let headers: Vec<(&str, &str)> = headers.map(|value| ("authorization", value)).into_iter().collect();
            let (status, body) = exchange(&url, (&call.method, &call.path), &query, (&headers, &call.body))
                .await
                .map_err(|error| RestError::internal(format!("IO Error trying to forward REST request: {error}")))?;
            let location = (status == 201).then(|| format!("{}{}", call.base_url(), call.path));
            let content = if body.is_empty() { Content::Nothing } else { Content::Raw(body) };
            Ok(Answer { status, body: content, location, allow: None })
        }
        other => other,
    }
}

/// One HTTP/1.1 exchange with another worker. Workers speak plain HTTP to each other here.
async fn exchange(
    base: &str,
    (method, path): (&str, &str),
    query: &str,
    (headers, body): (&[(&str, &str)], &[u8]),
) -> std::io::Result<(u16, Bytes)> {
    let address = base.trim_start_matches("http://").trim_end_matches('/');
    let mut head = format!(
        "{method} {path}?{query} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(WAIT, talk).await.map_err(|_| std::io::Error::other("no answer in time"))??;
    let broken = || std::io::Error::other("the answer is no HTTP");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or_else(broken)?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
    Ok((status, Bytes::copy_from_slice(&answer[end + 4..])))
}

fn sign(key: &SessionKey, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.key).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

/// Sends task configurations to the leader, once; the herder has them sent again until they come back by the topic.
pub fn send_task_configs(herder: &HerderHandle, leader_url: &str, connector: String, tasks: Vec<Props>) {
    let (key, leader_url) = (herder.config().session_key.clone(), leader_url.to_owned());
    tokio::spawn(async move {
        let body = json!(tasks).to_string();
        let path = format!("/connectors/{}/tasks", percent_encode(&connector));
        let signature = key.as_ref().map(|key| BASE64.encode(sign(key, body.as_bytes())));
        let headers: Vec<(&str, &str)> = match &signature {
            Some(signature) => vec![(SIGNATURE, signature), (ALGORITHM, "HmacSHA256")],
            None => Vec::new(),
        };
        match exchange(&leader_url, ("POST", &path), "forward=false", (&headers, body.as_bytes())).await {
            Ok((200, _)) => {}
            Ok((status, _)) => {
                tracing::warn!(connector, status, "the leader did not take task configurations, they are sent again");
            }
            Err(error) => {
                tracing::warn!(connector, %error, "could not reach the leader, task configurations are sent again")
            }
        }
    });
}

fn ensure_cluster(call: &Call, what: &str) -> Result<(), RestError> {
    let alone = || RestError::internal(format!("Kafka Connect in standalone mode does not support {what}."));
    call.app.settings.cluster().map(drop).ok_or_else(alone)
}

/// Checks that a request comes from a worker of this cluster.
fn ensure_signed(call: &Call) -> Result<(), RestError> {
    if call.app.herder.snapshot.borrow().protocol_version < 2 {
        return Ok(());
    }
    let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
    let missing = || RestError::bad_request("Internal request missing required signature");
    let signature = header(SIGNATURE).ok_or_else(missing)?;
    let algorithm = header(ALGORITHM).ok_or_else(missing)?;
    if algorithm != "HmacSHA256" {
        return Err(RestError::bad_request(format!(
            "This worker does not support the '{algorithm}' key signing algorithm used by other workers. This worker is \
             currently configured to use: [HmacSHA256]. Check that all workers' configuration files permit the same set of \
             signature algorithms, and correct any misconfigured worker and restart it."
        )));
    }
    let key = call.app.herder.config().session_key.clone();
    let key = key.ok_or_else(|| {
        RestError::new(
            503,
            "This worker is still starting up and has not been able to read a session key from the config topic yet",
        )
    })?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.key).expect("HMAC takes keys of any length");
    mac.update(&call.body);
    let given = BASE64.decode(signature).unwrap_or_default();
    mac.verify_slice(&given).map_err(|_| RestError::new(403, "Internal request contained invalid signature."))
}

/// `POST /connectors/{c}/tasks` from a worker that runs the connector but does not lead.
pub async fn receive_task_configs(call: &Call, name: &str) -> Handled {
    if call.body.is_empty() {
        return Err(RestError::internal(
            "No content to map due to end-of-input\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` \
             disabled); line: 1]",
        ));
    }
    ensure_cluster(call, "externally setting task configurations")?;
    ensure_signed(call)?;
    let tree = body::tree(&call.body)?.unwrap_or_else(|| json!([]));
    let list = tree.as_array().cloned().unwrap_or_default();
    let mut tasks = Vec::with_capacity(list.len());
    for task in &list {
        tasks.push(body::config(task, "")?.into_iter().filter_map(|(key, value)| Some((key, value?))).collect());
    }
    ask(call, Request::TaskConfigs { name: name.to_owned(), tasks }).await?;
    Ok(Answer::empty(200))
}

/// `PUT /connectors/{c}/fence`: without exactly-once sources there is nothing to fence.
pub fn receive_fence(call: &Call) -> Handled {
    ensure_cluster(call, "exactly-once source connectors")?;
    ensure_signed(call)?;
    Ok(Answer::empty(200))
}
