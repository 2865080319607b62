//! HTTP to the servers: in turn, around those that don't answer.

use std::{
    error::Error as _,
    io::{Read, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use connect_api::Password;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reqwest::{
    Method, Url,
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue},
};

use crate::{answer::Cause, config::ConnectionConfig, config::SecurityProtocol, error::CallError, retry, tls};

/// How long a server that did not answer is left out, the first time; it doubles up to the limit.
const REST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);

/// The largest answer that is read: some 100 bytes for each of the most operations that a bulk can hold.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// A client of one cluster.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    nodes: Vec<Node>,
    turn: AtomicUsize,
    compress: bool,
}

/// One server of the cluster.
#[derive(Debug)]
struct Node {
    base: Url,
    /// `host:port`, which is safe to show: a URL may hold a password.
    name: String,
    rest: Mutex<Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    failures: u32,
    until: Option<Instant>,
}

/// A successful or a refused call: whatever the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) node: String,
}

/// What goes with a call.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Empty,
    Json(Bytes),
    /// Lines of a bulk request.
    Lines(Bytes),
}

impl Client {
    pub(crate) fn new(config: &ConnectionConfig) -> Result<Self, CallError> {
        let ms = |ms: usize| Duration::from_millis(ms as u64);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(config)?)
            .tcp_nodelay(true)
            .pool_idle_timeout((config.idle_ms.get() >= 0).then(|| ms(config.idle_ms.count())))
            // Only the proxy that is configured: the environment of a worker is not the user's.
            .no_proxy();
        if config.connect_timeout_ms.get() > 0 {
            builder = builder.connect_timeout(ms(config.connect_timeout_ms.count()));
        }
        if config.read_timeout_ms.get() > 0 {
            builder = builder.read_timeout(ms(config.read_timeout_ms.count()));
        }
        if let Some(proxy) = proxy(config)? {
            builder = builder.proxy(proxy);
        }
        if config.security == SecurityProtocol::Ssl {
            builder = tls::apply(&config.https, builder).map_err(CallError::Settings)?;
        }
        let http = builder
            .build()
            .map_err(|error| CallError::Settings(format!("could not set up HTTP: {}", chain(&error))))?;
        let nodes = config.nodes.urls().iter().cloned().map(Node::new).collect();
        // Tasks that start together should not all begin with the first server.
        let turn = AtomicUsize::new(usize::try_from(retry::random() >> 33).unwrap_or(0));
        Ok(Self { http, nodes, turn, compress: config.compression })
    }

    /// Makes a call, on the next server that answers: each one is tried at most once.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Body) -> Result<Answer, CallError> {
        let body = if self.compress { compressed(body) } else { Encoded { body, gzip: false } };
        let mut failed = None;
        for node in self.nodes_in_turn() {
            match self.call_node(node, method.clone(), path, &body).await {
                Ok(answer) => {
                    node.answered();
                    return Ok(answer);
                }
                Err(error) => {
                    node.failed();
                    failed = Some(error);
                }
            }
        }
        Err(failed.unwrap_or_else(|| CallError::Settings("no server is configured".into())))
    }

    /// As [`Client::call`], where anything but success is an error.
    pub(crate) async fn success(&self, method: Method, path: &str, body: Body) -> Result<Answer, CallError> {
        self.call(method, path, body).await?.into_success()
    }

    async fn call_node(&self, node: &Node, method: Method, path: &str, body: &Encoded) -> Result<Answer, CallError> {
        let mut request = self.http.request(method, node.url(path)?);
        if body.gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        request = match &body.body {
            Body::Empty => request,
            Body::Json(bytes) => request.header(CONTENT_TYPE, "application/json").body(bytes.clone()),
            Body::Lines(bytes) => request.header(CONTENT_TYPE, "application/x-ndjson").body(bytes.clone()),
        };
        let unreachable =
            |error: reqwest::Error| CallError::Unreachable { node: node.name.clone(), reason: chain(&error) };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let gzip = response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let mut body = Vec::with_capacity(response.content_length().map_or(0, |n| n.min(1 << 20) as usize));
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(node.unreadable(format!("it is larger than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        if gzip {
            body = inflated(&body).map_err(|error| node.unreadable(error.to_string()))?;
        }
        Ok(Answer { status, body: body.into(), node: node.name.clone() })
    }

    /// All servers, beginning with the next in turn; those at rest come last, to be tried when nothing else answers.
    fn nodes_in_turn(&self) -> Vec<&Node> {
        let start = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut nodes: Vec<&Node> =
            (0..self.nodes.len()).map(|at| &self.nodes[(start.wrapping_add(at)) % self.nodes.len()]).collect();
        let now = Instant::now();
        nodes.sort_by_key(|node| node.rests(now));
        nodes
    }
}

impl Answer {
    pub(crate) fn into_success(self) -> Result<Self, CallError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(CallError::Refused { cause: Cause::of_call(&self.body), status: self.status, node: self.node })
    }
}

impl Node {
    fn new(base: Url) -> Self {
        let host = base.host_str().unwrap_or_default();
        let name = base.port_or_known_default().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        Self { base, name, rest: Mutex::default() }
    }

    fn url(&self, path: &str) -> Result<Url, CallError> {
        let base = self.base.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}"))
            .map_err(|error| CallError::Settings(format!("'{path}' is no path: {error}")))
    }

    fn unreadable(&self, reason: String) -> CallError {
        CallError::Unreadable { node: self.name.clone(), reason }
    }

    fn rests(&self, now: Instant) -> bool {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).until.is_some_and(|until| until > now)
    }

    fn answered(&self) {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Rest::default();
    }

    fn failed(&self) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = REST.saturating_mul(1_u32.checked_shl(rest.failures).unwrap_or(u32::MAX)).min(REST_MAX);
        rest.failures = rest.failures.saturating_add(1);
        rest.until = Some(Instant::now() + pause);
    }
}

fn headers(config: &ConnectionConfig) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::new();
    let authorization = match (&config.api_key, &config.username, &config.password) {
        (Some(key), ..) => Some(format!("ApiKey {}", key.reveal())),
        (None, Some(user), Some(password)) => {
            use base64::Engine;
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.reveal()));
            Some(format!("Basic {pair}"))
        }
        _ => None,
    };
    if let Some(text) = authorization {
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| CallError::Settings("'connection.api.key' must not hold control characters".into()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    if config.compression {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(headers)
}

fn proxy(config: &ConnectionConfig) -> Result<Option<reqwest::Proxy>, CallError> {
    if config.proxy_host.is_empty() {
        return Ok(None);
    }
    let address = format!("http://{}:{}", config.proxy_host, config.proxy_port.get());
    let proxy = reqwest::Proxy::all(&address)
        .map_err(|_| CallError::Settings(format!("'proxy.host' and 'proxy.port' make no address: {address}")))?;
    Ok(Some(match (config.proxy_username.as_str(), config.proxy_password.as_ref().map(Password::reveal)) {
        ("", _) | (_, None) => proxy,
        (user, Some(password)) => proxy.basic_auth(user, password),
    }))
}

/// A body as it is sent.
struct Encoded {
    body: Body,
    gzip: bool,
}

/// Packs a body with gzip, once for all servers that it may go to. The fastest level: JSON shrinks to a tenth with it,
/// and more effort would cost more CPU than the network saves.
fn compressed(body: Body) -> Encoded {
    let pack = |bytes: &Bytes| {
        let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).map(Bytes::from)
    };
    let packed = match &body {
        Body::Empty => None,
        Body::Json(bytes) => pack(bytes).ok().map(Body::Json),
        Body::Lines(bytes) => pack(bytes).ok().map(Body::Lines),
    };
    match packed {
        Some(body) => Encoded { body, gzip: true },
        None => Encoded { body, gzip: false },
    }
}

fn inflated(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    GzDecoder::new(packed).take(ANSWER_BYTES_MAX as u64).read_to_end(&mut body)?;
    Ok(body)
}

/// An error with its causes, without the URL: it may hold a password.
fn chain(error: &reqwest::Error) -> String {
    let mut text = match () {
        () if error.is_timeout() => "timed out".to_owned(),
        () if error.is_connect() => "connection failed".to_owned(),
        () if error.is_builder() => "unusable settings".to_owned(),
        () => "connection lost".to_owned(),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// A name as a part of a path.
pub(crate) fn path_part(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}
