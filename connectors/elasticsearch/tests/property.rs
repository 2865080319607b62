//! Random operations against random faults: at the end the index equals the model.

use std::{collections::BTreeMap, time::Duration};

use connect_api::{SinkRecord, SinkTask};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::{
    server::{Fault, Server},
    setup::{TOPIC, drain, record, safe, start},
};

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Delete(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![4 => (0..5_usize, 0..4_u8).prop_map(|(key, field)| Change::Set(key, field)), 1 => (0..5_usize).prop_map(Change::Delete)]
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(Fault::Reject(503))),
        1 => Just(Some(Fault::FailAfterWrite)),
        1 => Just(Some(Fault::Drop)),
        1 => Just(Some(Fault::Slow(Duration::from_millis(3)))),
        2 => (0..3_usize).prop_map(|seed| Some(Fault::SomeBusy(seed))),
        1 => (1..3_usize).prop_map(|size| Some(Fault::LargerThan(size))),
    ]
}

fn json_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        // Exact ones: the JSON parser of this test is not exact for the others.
        any::<i32>().prop_map(|n| Json::from(f64::from(n) / 8.0)),
        ".*".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map(".*", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

#[derive(Clone, Debug)]
struct Case {
    changes: Vec<Change>,
    faults: Vec<Option<Fault>>,
    batch: usize,
    in_flight: usize,
    /// Records per `put`.
    poll: usize,
    /// Stops the task, as a kill does, after this many records; then another one goes on from the safe offset.
    kill_at: Option<usize>,
}

fn case(kills: bool) -> impl Strategy<Value = Case> {
    let kill = if kills { proptest::option::of(1..60_usize).boxed() } else { Just(None).boxed() };
    (
        proptest::collection::vec(change(), 1..60),
        proptest::collection::vec(fault(), 0..30),
        1..6_usize,
        1..5_usize,
        1..20_usize,
        kill,
    )
        .prop_map(|(changes, faults, batch, in_flight, poll, kill_at)| Case {
            changes,
            faults,
            batch,
            in_flight,
            poll,
            kill_at,
        })
}

impl Case {
    fn records(&self) -> Vec<SinkRecord> {
        let at = |(offset, change): (i64, &Change)| match change {
            Change::Set(key, field) => {
                record(offset, Some(&format!("k{key}")), &format!("{{\"f{field}\":{offset},\"last\":{offset}}}"))
            }
            Change::Delete(key) => record(offset, Some(&format!("k{key}")), "null"),
        };
        (0..).zip(&self.changes).map(at).collect()
    }

    /// What the index must hold: whole documents, or merged ones.
    fn model(&self, merged: bool) -> BTreeMap<String, Json> {
        let mut model: BTreeMap<String, Json> = BTreeMap::new();
        for (offset, change) in self.changes.iter().enumerate() {
            match change {
                Change::Set(key, field) => {
                    let document = model.entry(format!("k{key}")).or_insert_with(|| json!({}));
                    if !merged {
                        *document = json!({});
                    }
                    document[format!("f{field}")] = json!(offset);
                    document["last"] = json!(offset);
                }
                Change::Delete(key) => {
                    model.remove(&format!("k{key}"));
                }
            }
        }
        model
    }

    async fn run(&self, write_method: &str) -> (Server, i64) {
        let server = Server::start().await;
        server.state().faults.extend(self.faults.iter().cloned().map(|f| f.unwrap_or(Fault::Slow(Duration::ZERO))));
        let (batch, in_flight) = (self.batch.to_string(), self.in_flight.to_string());
        let settings = [
            ("batch.size", batch.as_str()),
            ("max.in.flight.requests", &in_flight),
            ("write.method", write_method),
            ("behavior.on.null.values", "delete"),
            ("max.retries", "100"),
            ("max.buffered.records", "40"),
        ];
        let records = self.records();
        let mut from = 0;
        if let Some(kill_at) = self.kill_at {
            let mut task = start(&server.url, &settings).await;
            let before = &records[..kill_at.min(records.len())];
            for batch in before.chunks(self.poll) {
                task.put(batch).await.expect("put");
                let end = batch.last().map_or(0, |last| last.offset + 1);
                from = safe(&mut task, end).await.expect("an offset");
            }
        }
        let mut task = start(&server.url, &settings).await;
        let rest = &records[usize::try_from(from).expect("an offset")..];
        for batch in rest.chunks(self.poll) {
            task.put(batch).await.expect("put");
        }
        drain(&mut task).await;
        task.put(&[]).await.expect("nothing failed");
        let safe = safe(&mut task, i64::try_from(records.len()).expect("few records")).await;
        (server, safe.expect("an offset"))
    }
}

fn check(case: &Case, write_method: &str) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (server, safe) = case.run(write_method).await;
        prop_assert_eq!(server.sources(TOPIC), case.model(write_method == "upsert"));
        prop_assert_eq!(usize::try_from(safe).expect("an offset"), case.changes.len());
        if case.kill_at.is_none() {
            prop_assert_eq!(&server.state().overlaps, &Vec::<String>::new());
        }
        prop_assert!(server.state().in_flight_max <= case.in_flight * 2);
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whole documents with versions: faults, lost responses and a kill in the middle change nothing.
    #[test]
    fn inserts_end_as_the_model(case in case(true)) {
        check(&case, "insert")?;
    }

    /// Any JSON that a converter can bring arrives as it is.
    #[test]
    fn any_document_arrives_as_it_is(members in proptest::collection::btree_map(".*", json_value(), 0..5)) {
        let source = json!(members);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let found = runtime.block_on(async {
            let server = Server::start().await;
            let mut task = start(&server.url, &[("linger.ms", "0")]).await;
            task.put(&[record(0, Some("a\u{1}\"\\é"), &source.to_string())]).await.expect("put");
            drain(&mut task).await;
            server.sources(TOPIC)
        });
        prop_assert_eq!(found, BTreeMap::from([("a\u{1}\"\\é".to_owned(), source)]));
    }

    /// Merged documents have no versions: their order is all that keeps them right.
    #[test]
    fn upserts_end_as_the_model(case in case(false)) {
        check(&case, "upsert")?;
    }
}
