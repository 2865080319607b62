//! An HTTP server that understands bulk requests, keeps documents with external versions, and has faults scripted.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    io::Read,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    sync::Notify,
    task::JoinSet,
};

/// What happens to one bulk request; each is used once, first in first out.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers with this status and does nothing.
    Reject(u16),
    /// Does all of it and closes the connection: the answer is lost.
    FailAfterWrite,
    /// Closes the connection and does nothing.
    Drop,
    /// Waits, does all of it, answers.
    Slow(Duration),
    /// Waits until it is released.
    Hold(Arc<Notify>),
    /// Refuses the operations on these ids with a status and a kind of error, does the others.
    Items(Vec<&'static str>, u16, &'static str),
    /// Refuses every operation whose position, added to the seed, is a multiple of three with 429.
    SomeBusy(usize),
    /// Refuses bodies with more operations than these.
    LargerThan(usize),
}

/// A document: its version and its source.
pub(crate) type Document = (i64, Json);

#[derive(Default)]
pub(crate) struct State {
    pub indices: BTreeMap<String, Index>,
    pub faults: VecDeque<Fault>,
    /// A fault for every bulk request, when the script is empty.
    pub always: Option<Fault>,
    /// Ids of each bulk request, in the order of their arrival.
    pub bulks: Vec<Vec<String>>,
    /// Every request but bulks: `GET /i/_mapping`.
    pub calls: Vec<String>,
    /// First lines of requests with their headers, as they came.
    pub heads: Vec<String>,
    pub in_flight: usize,
    pub in_flight_max: usize,
    /// Documents that were in two bulks at one time.
    pub overlaps: Vec<String>,
    under_way: HashSet<(String, String)>,
    ids: usize,
    /// Answers to `GET /`, `HEAD`, and the like, in place of the usual ones.
    pub scripted: HashMap<String, (u16, Json)>,
}

#[derive(Default)]
pub(crate) struct Index {
    pub documents: BTreeMap<String, Document>,
    pub mapping: Json,
    deleted: HashMap<String, i64>,
    stream: bool,
}

pub(crate) struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let mut task = JoinSet::new();
        let shared = state.clone();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        Self { url, state, _task: task }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the state")
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// The sources of an index's documents.
    pub(crate) fn sources(&self, index: &str) -> BTreeMap<String, Json> {
        let state = self.state();
        let documents = state.indices.get(index).map(|index| &index.documents);
        documents.into_iter().flatten().map(|(id, (_, source))| (id.clone(), source.clone())).collect()
    }
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(request) = receive(&mut read, &state).await {
        if request.path.ends_with("/_bulk") {
            if !bulk(&request, &mut write, &state).await {
                return;
            }
            continue;
        }
        let (status, answer) = {
            let mut state = state.lock().expect("the state");
            state.calls.push(format!("{} {}", request.method, request.path));
            state.route(&request)
        };
        if respond(&mut write, status, &answer, request.method == "HEAD").await.is_err() {
            return;
        }
    }
}

async fn receive(read: &mut (impl AsyncBufReadExt + Unpin), state: &Mutex<State>) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if read.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let header = |name: &str| {
        head.lines()
            .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
            .map(|h| h.1)
    };
    let length = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    read.read_exact(&mut body).await.ok()?;
    if header("content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).ok()?;
        body = plain;
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let path = target.split('?').next()?.to_owned();
    state.lock().expect("the state").heads.push(head);
    Some(Request { method, path, body })
}

async fn respond(write: &mut OwnedWriteHalf, status: u16, body: &Json, head: bool) -> std::io::Result<()> {
    let text = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        text.len(),
        if head { "" } else { &text }
    );
    write.write_all(answer.as_bytes()).await
}

fn error(status: u16, ty: &str) -> (u16, Json) {
    (status, json!({"error": {"type": ty, "reason": "scripted"}, "status": status}))
}

/// Answers a bulk request; false when the connection is to be closed.
async fn bulk(request: &Request, write: &mut OwnedWriteHalf, shared: &Mutex<State>) -> bool {
    let operations = parse(&request.body);
    let documents: Vec<(String, String)> = operations
        .iter()
        .filter_map(|(_, meta, _)| Some((meta["_index"].as_str()?.to_owned(), meta["_id"].as_str()?.to_owned())))
        .collect();
    let fault = {
        let mut state = shared.lock().expect("the state");
        state.bulks.push(documents.iter().map(|(_, id)| id.clone()).collect());
        state.in_flight += 1;
        state.in_flight_max = state.in_flight_max.max(state.in_flight);
        let mut own = HashSet::new();
        for document in &documents {
            if own.insert(document) && !state.under_way.insert(document.clone()) {
                state.overlaps.push(document.1.clone());
            }
        }
        let always = state.always.clone();
        state.faults.pop_front().or(always)
    };
    match &fault {
        Some(Fault::Slow(pause)) => tokio::time::sleep(*pause).await,
        Some(Fault::Hold(release)) => release.notified().await,
        _ => {}
    }
    let answer = {
        let mut state = shared.lock().expect("the state");
        let answer = match &fault {
            Some(Fault::Reject(status)) => Some(error(*status, "scripted_exception")),
            Some(Fault::Drop) => None,
            Some(Fault::LargerThan(limit)) if operations.len() > *limit => Some((413, json!({}))),
            fault => Some((200, state.write(&operations, fault.as_ref()))),
        };
        state.in_flight -= 1;
        for document in &documents {
            state.under_way.remove(document);
        }
        answer.filter(|_| !matches!(fault, Some(Fault::FailAfterWrite)))
    };
    match answer {
        Some((status, body)) => respond(write, status, &body, false).await.is_ok(),
        None => false,
    }
}

type Operation = (String, Json, Json);

fn parse(body: &[u8]) -> Vec<Operation> {
    let text = std::str::from_utf8(body).expect("bulk bodies are text");
    assert!(text.ends_with('\n'), "a bulk body ends with a line feed");
    let mut lines = text.lines();
    let mut operations = Vec::new();
    while let Some(line) = lines.next() {
        let action: Json = serde_json::from_str(line).expect("an action line");
        let (kind, meta) = action.as_object().and_then(|action| action.iter().next()).expect("one action");
        let source = match kind.as_str() {
            "delete" => Json::Null,
            _ => serde_json::from_str(lines.next().expect("a source line")).expect("a source"),
        };
        operations.push((kind.clone(), meta.clone(), source));
    }
    operations
}

impl State {
    fn route(&mut self, request: &Request) -> (u16, Json) {
        let call = format!("{} {}", request.method, request.path);
        if let Some((status, answer)) = self.scripted.get(&call) {
            return (*status, answer.clone());
        }
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", [""]) => (200, json!({"version": {"number": "8.19.21"}})),
            ("PUT", ["_data_stream", name]) => {
                self.indices.entry((*name).to_owned()).or_default().stream = true;
                (200, json!({"acknowledged": true}))
            }
            ("HEAD", [name]) => (if self.indices.contains_key(*name) { 200 } else { 404 }, Json::Null),
            ("PUT", [name]) if self.indices.contains_key(*name) => error(400, "resource_already_exists_exception"),
            ("PUT", [name]) => {
                self.indices.insert((*name).to_owned(), Index::default());
                (200, json!({"acknowledged": true}))
            }
            ("GET", [name, "_mapping"]) => {
                (200, json!({*name: {"mappings": self.indices.get(*name).map(|index| &index.mapping)}}))
            }
            ("PUT", [name, "_mapping"]) => {
                let mapping = serde_json::from_slice(&request.body).expect("a mapping");
                self.indices.get_mut(*name).expect("the index is there").mapping = mapping;
                (200, json!({"acknowledged": true}))
            }
            _ => error(400, "unsupported"),
        }
    }

    fn write(&mut self, operations: &[Operation], fault: Option<&Fault>) -> Json {
        let mut items = Vec::new();
        for (at, (kind, meta, source)) in operations.iter().enumerate() {
            let id = meta["_id"].as_str();
            let refused = match fault {
                Some(Fault::Items(ids, status, ty)) if id.is_some_and(|id| ids.contains(&id)) => Some((*status, *ty)),
                Some(Fault::SomeBusy(seed)) if (at + seed) % 3 == 0 => Some((429, "es_rejected_execution_exception")),
                _ => None,
            };
            let result = match refused {
                Some((status, ty)) => json!({"status": status, "error": {"type": ty, "reason": "scripted"}}),
                None => self.write_one(kind, meta, source),
            };
            items.push(json!({kind: result}));
        }
        let errors =
            items.iter().any(|item| item.as_object().is_some_and(|i| i.values().any(|r| r.get("error").is_some())));
        json!({"took": 1, "errors": errors, "items": items})
    }

    fn write_one(&mut self, kind: &str, meta: &Json, source: &Json) -> Json {
        let conflict =
            || json!({"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "newer"}});
        self.ids += 1;
        let id = meta["_id"].as_str().map_or_else(|| format!("auto{}", self.ids), str::to_owned);
        let index = self.indices.entry(meta["_index"].as_str().expect("an index").to_owned()).or_default();
        let known = index.documents.get(&id).map(|(version, _)| *version);
        let newest = known.or_else(|| index.deleted.get(&id).copied());
        let version = meta["version"].as_i64();
        if let (Some(version), Some(newest)) = (version, newest)
            && version <= newest
        {
            return conflict();
        }
        let next = version.unwrap_or(newest.unwrap_or(0) + 1);
        match kind {
            "delete" => {
                index.deleted.insert(id.clone(), next);
                let status = if index.documents.remove(&id).is_some() { 200 } else { 404 };
                return json!({"status": status});
            }
            "update" => {
                let document = index.documents.entry(id).or_insert((0, json!({})));
                document.0 = next;
                for (name, value) in source["doc"].as_object().expect("a partial document") {
                    document.1[name] = value.clone();
                }
                return json!({"status": 200});
            }
            "create" if known.is_some() => return conflict(),
            _ if index.stream && kind != "create" => {
                return json!({"status": 400, "error": {"type": "illegal_argument_exception", "reason": "create only"}});
            }
            _ => {}
        }
        if !source.is_object() {
            return json!({"status": 400, "error": {"type": "document_parsing_exception", "reason": "no object"}});
        }
        index.documents.insert(id, (next, source.clone()));
        json!({"status": 201})
    }
}
