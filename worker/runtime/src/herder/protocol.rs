//! The bytes that workers exchange through the group coordinator (`ConnectProtocol` and its incremental successors).

use std::collections::BTreeSet;

use crate::storage::config_state::TaskId;

/// What a worker runs or is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub connectors: BTreeSet<String>,
    pub tasks: BTreeSet<TaskId>,
}

impl Work {
    pub fn is_empty(&self) -> bool {
        self.connectors.is_empty() && self.tasks.is_empty()
    }

    pub fn extend(&mut self, other: &Work) {
        self.connectors.extend(other.connectors.iter().cloned());
        self.tasks.extend(other.tasks.iter().cloned());
    }

    pub fn remove(&mut self, other: &Work) {
        self.connectors.retain(|name| !other.connectors.contains(name));
        self.tasks.retain(|id| !other.tasks.contains(id));
    }

    pub fn without(&self, other: &Work) -> Work {
        let mut rest = self.clone();
        rest.remove(other);
        rest
    }

    pub fn intersection(&self, other: &Work) -> Work {
        self.without(&self.without(other))
    }
}

/// Protocol versions by their names in the JoinGroup request.
pub const SESSIONED: &str = "sessioned";
pub const COMPATIBLE: &str = "compatible";
pub const EAGER: &str = "default";

/// What a member tells when it joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub url: String,
    /// How far the member has read the config topic.
    pub offset: i64,
    /// What it runs; absent in the eager protocol.
    pub running: Option<Assignment>,
}

/// What the leader tells a member; also how a member describes what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub version: i16,
    /// 0, or 1 for CONFIG_MISMATCH: the leader could not read as far as others had.
    pub error: i16,
    pub leader: Option<String>,
    pub leader_url: Option<String>,
    pub offset: i64,
    pub assigned: Work,
    pub revoked: Work,
    pub delay_ms: i32,
}

pub const CONFIG_MISMATCH: i16 = 1;

impl Default for Assignment {
    fn default() -> Self {
        Self {
            version: 1,
            error: 0,
            leader: None,
            leader_url: None,
            offset: -1,
            assigned: Work::default(),
            revoked: Work::default(),
            delay_ms: 0,
        }
    }
}

/// Bytes that end too early or hold what can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not read {what} of the connect group protocol")]
pub struct Malformed {
    what: &'static str,
}

impl Metadata {
    /// The metadata for one protocol version: 0 eager, 1 compatible, 2 sessioned.
    pub fn encode(&self, version: i16) -> Vec<u8> {
        let mut out = Vec::new();
        put_i16(&mut out, version);
        put_text(&mut out, Some(&self.url));
        put_i64(&mut out, self.offset);
        if version > 0 {
            // Nothing was ever assigned: the JVM writes no allocation at all.
            match self.running.as_ref().filter(|running| **running != Assignment::default()) {
                Some(running) => {
                    let bytes = running.encode();
                    put_count(&mut out, bytes.len());
                    out.extend_from_slice(&bytes);
                }
                None => put_i32(&mut out, -1),
            }
        }
        out
    }

    /// Newer versions and missing trailing fields are accepted, as in the JVM.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(bytes);
        if input.i16("version")? < 0 {
            return Err(Malformed { what: "version" });
        }
        let url = input.text("url")?.unwrap_or_default();
        let offset = input.i64("config offset")?;
        let running = match input.nullable_bytes("allocation") {
            Ok(Some(bytes)) => Assignment::decode(bytes)?,
            Ok(None) | Err(_) => Assignment::default(),
        };
        Ok(Self { url, offset, running: Some(running) })
    }
}

impl Assignment {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_i16(&mut out, self.version);
        put_i16(&mut out, self.error);
        put_text(&mut out, self.leader.as_deref());
        put_text(&mut out, self.leader_url.as_deref());
        put_i64(&mut out, self.offset);
        put_work(&mut out, &self.assigned);
        if self.version > 0 {
            put_work(&mut out, &self.revoked);
            put_i32(&mut out, self.delay_ms);
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(bytes);
        let version = input.i16("version")?;
        if version < 0 {
            return Err(Malformed { what: "version" });
        }
        Ok(Self {
            version,
            error: input.i16("error")?,
            leader: input.text("leader")?,
            leader_url: input.text("leader url")?,
            offset: input.i64("config offset")?,
            assigned: input.work("assigned")?,
            revoked: if input.0.is_empty() { Work::default() } else { input.work("revoked")? },
            delay_ms: if input.0.is_empty() { 0 } else { input.i32("delay")? },
        })
    }
}

fn put_i16(out: &mut Vec<u8>, value: i16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_i32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    put_i32(out, i32::try_from(count).unwrap_or(i32::MAX));
}

fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => {
            put_i16(out, i16::try_from(text.len()).unwrap_or(i16::MAX));
            out.extend_from_slice(text.as_bytes());
        }
        None => put_i16(out, -1),
    }
}

/// Work by connector; task -1 stands for the connector itself and comes first.
fn put_work(out: &mut Vec<u8>, work: &Work) {
    let names: BTreeSet<&String> = work.connectors.iter().chain(work.tasks.iter().map(|id| &id.connector)).collect();
    put_count(out, names.len());
    for name in names {
        put_text(out, Some(name));
        let own = work.connectors.contains(name).then_some(-1);
        let tasks = work.tasks.iter().filter(|id| id.connector == *name).map(|id| id.task as i32);
        let numbers: Vec<i32> = own.into_iter().chain(tasks).collect();
        put_count(out, numbers.len());
        numbers.into_iter().for_each(|number| put_i32(out, number));
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Malformed { what })?;
        self.0 = rest;
        Ok(head)
    }

    fn i16(&mut self, what: &'static str) -> Result<i16, Malformed> {
        let bytes = self.take(2, what)?.try_into().map_err(|_| Malformed { what })?;
        Ok(i16::from_be_bytes(bytes))
    }

    fn i32(&mut self, what: &'static str) -> Result<i32, Malformed> {
        let bytes = self.take(4, what)?.try_into().map_err(|_| Malformed { what })?;
        Ok(i32::from_be_bytes(bytes))
    }

    fn i64(&mut self, what: &'static str) -> Result<i64, Malformed> {
        let bytes = self.take(8, what)?.try_into().map_err(|_| Malformed { what })?;
        Ok(i64::from_be_bytes(bytes))
    }

    fn text(&mut self, what: &'static str) -> Result<Option<String>, Malformed> {
        let Ok(length) = usize::try_from(self.i16(what)?) else { return Ok(None) };
        let bytes = self.take(length, what)?;
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| Malformed { what })
    }

    fn nullable_bytes(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, Malformed> {
        match usize::try_from(self.i32(what)?) {
            Ok(length) => self.take(length, what).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn work(&mut self, what: &'static str) -> Result<Work, Malformed> {
        let mut work = Work::default();
        for _ in 0..self.i32(what)? {
            let connector = self.text(what)?.ok_or(Malformed { what })?;
            for _ in 0..self.i32(what)? {
                match u32::try_from(self.i32(what)?) {
                    Ok(task) => drop(work.tasks.insert(TaskId::new(&connector, task))),
                    Err(_) => drop(work.connectors.insert(connector.clone())),
                }
            }
        }
        Ok(work)
    }
}
