//! Cases of the group protocol: bytes that are read, and written again as they were.

use connect_runtime::{
    herder::protocol::{Assignment, COMPATIBLE, EAGER, Metadata, SESSIONED, Work},
    storage::config_state::TaskId,
};
use connect_testkit::golden::{Outcome, shown};
use serde_json::Value as Json;

/// A case's name, which several share, and where it stands among them.
pub(crate) fn id(case: &Json, at: usize) -> String {
    let text = |member: &str| case[member].as_str();
    let name = text("name").or_else(|| text("connect.protocol")).unwrap_or_default();
    format!("{} {name} ({at})", text("kind").or_else(|| text("read")).unwrap_or("join"))
}

pub(crate) fn is(case: &Json) -> bool {
    case.get("hex").is_some() || case.get("base64").is_some() || case.get("protocols").is_some()
}

pub(crate) fn run(case: &Json) -> Outcome {
    let judged = match (case["kind"].as_str(), case["read"].as_str()) {
        (Some("assignment"), _) => assignment_case(case),
        (Some(_), _) => metadata_case(case),
        (None, Some(_)) if case["hex"].is_null() => return Outcome::NotRepresentable("no bytes at all".to_owned()),
        (None, Some("metadata")) => odd_metadata(case),
        (None, Some(_)) => odd_assignment(case),
        (None, None) => join(case),
    };
    judged.unwrap_or_else(|| Outcome::Failed(format!("a case that can't be read: {case}")))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

fn version(case: &Json) -> i16 {
    match case["protocol"].as_str() {
        Some("sessioned") => 2,
        Some("compatible") => 1,
        _ => 0,
    }
}

fn work(value: &Json, connectors: &str, tasks: &str) -> Option<Work> {
    let texts = |name: &str| value[name].as_array().into_iter().flatten().filter_map(Json::as_str);
    let task = |text: &str| {
        let (connector, task) = text.rsplit_once('-')?;
        Some(TaskId::new(connector, task.parse().ok()?))
    };
    Some(Work {
        connectors: texts(connectors).map(str::to_owned).collect(),
        tasks: texts(tasks).map(task).collect::<Option<_>>()?,
    })
}

fn assignment(value: &Json, version: i16) -> Option<Assignment> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let number = |name: &str| value[name].as_i64().unwrap_or_default();
    Some(Assignment {
        version: value["version"].as_i64().map_or(Some(version), |given| given.try_into().ok())?,
        error: number("error").try_into().ok()?,
        leader: text("leader"),
        leader_url: text("leader_url"),
        offset: number("config_offset"),
        assigned: work(value, "connectors", "tasks")?,
        revoked: work(value, "revoked_connectors", "revoked_tasks")?,
        delay_ms: number("delay_ms").try_into().ok()?,
    })
}

/// Where several connectors stand in one list, the JVM's hash order decides; readers don't care.
fn one_name(work: &Work) -> bool {
    let tasks = work.tasks.iter().map(|id| &id.connector);
    work.connectors.iter().chain(tasks).collect::<std::collections::BTreeSet<_>>().len() <= 1
}

fn written(bytes: &[u8], written: &[u8], in_order: bool) -> Outcome {
    match if in_order { written == bytes } else { written.len() == bytes.len() } {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("expected the bytes {bytes:02x?}, wrote {written:02x?}")),
    }
}

fn read<T: PartialEq + std::fmt::Debug>(expected: &T, found: Option<T>) -> Outcome {
    match found.as_ref() == Some(expected) {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("expected {expected:?}, read {found:?}")),
    }
}

fn assignment_case(case: &Json) -> Option<Outcome> {
    let bytes = unhex(case["hex"].as_str()?)?;
    let expected = assignment(&case["value"], version(case))?;
    let outcome = read(&expected, Assignment::decode(&bytes).ok());
    let in_order = one_name(&expected.assigned) && one_name(&expected.revoked);
    Some(if outcome == Outcome::Passed { written(&bytes, &expected.encode(), in_order) } else { outcome })
}

fn metadata_case(case: &Json) -> Option<Outcome> {
    let (bytes, value) = (unhex(case["hex"].as_str()?)?, &case["value"]);
    let running = match &value["assignment"] {
        Json::Null => None,
        running => Some(assignment(running, version(case))?),
    };
    let in_order = running.as_ref().is_none_or(|running| one_name(&running.assigned) && one_name(&running.revoked));
    let expected =
        Metadata { url: value["url"].as_str()?.to_owned(), offset: value["config_offset"].as_i64()?, running };
    let mut found = Metadata::decode(&bytes).ok();
    // Nothing that runs is read as an assignment of nothing.
    if let (None, Some(found)) = (&expected.running, &mut found) {
        found.running = None;
    }
    let outcome = read(&expected, found);
    Some(if outcome == Outcome::Passed { written(&bytes, &expected.encode(version(case)), in_order) } else { outcome })
}

fn odd_metadata(case: &Json) -> Option<Outcome> {
    let (found, result) = (Metadata::decode(&unhex(case["hex"].as_str()?)?), &case["result"]);
    if result.get("exception").is_some() {
        return Some(refused(found.is_err(), result));
    }
    let expected = Metadata {
        url: result["url"].as_str()?.to_owned(),
        offset: result["config_offset"].as_i64()?,
        running: Some(assignment(&result["assignment"], 1)?),
    };
    Some(read(&expected, found.ok()))
}

fn odd_assignment(case: &Json) -> Option<Outcome> {
    let (found, result) = (Assignment::decode(&unhex(case["hex"].as_str()?)?), &case["result"]);
    if result.get("exception").is_some() {
        return Some(refused(found.is_err(), result));
    }
    Some(read(&assignment(result, 1)?, found.ok()))
}

fn refused(refused: bool, result: &Json) -> Outcome {
    if refused { Outcome::Passed } else { Outcome::Failed(format!("was read, expected {}", shown(result))) }
}

/// The list that a worker joins with: each protocol by its name, best first, with what the member tells in it.
fn join(case: &Json) -> Option<Outcome> {
    let offers: &[(&str, i16)] = match case["connect.protocol"].as_str()? {
        "sessioned" => &[(SESSIONED, 2), (COMPATIBLE, 1), (EAGER, 0)],
        "compatible" => &[(COMPATIBLE, 1), (EAGER, 0)],
        "eager" => &[(EAGER, 0)],
        _ => return None,
    };
    let expected: Vec<(String, Vec<u8>)> = case["protocols"]
        .as_array()?
        .iter()
        .map(|offer| Some((offer["name"].as_str()?.to_owned(), base64(offer["metadata_base64"].as_str()?)?)))
        .collect::<Option<_>>()?;
    let metadata = Metadata::decode(&expected.last()?.1).ok()?;
    let metadata = Metadata { running: None, ..metadata };
    let found: Vec<(String, Vec<u8>)> =
        offers.iter().map(|(name, version)| ((*name).to_owned(), metadata.encode(*version))).collect();
    Some(read(&expected, Some(found)))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
