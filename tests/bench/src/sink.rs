//! The Elasticsearch sink against the same bulk bodies replayed raw, in the same run.

use std::time::{Duration, Instant};

use connect_e2e::{
    pipeline::{Pipeline, Systems},
    topics,
};
use serde_json::json;

use crate::{
    Figure, Target,
    process::{cpu_seconds, memory_mb},
};

/// As the connector's `batch.size` and `max.in.flight.requests`.
const DOCUMENTS_PER_BULK: u64 = 2000;
const BULKS_IN_FLIGHT: u64 = 5;
const DONE_WITHIN: Duration = Duration::from_secs(600);

/// Indexes `documents` documents through the sink, then the same ones raw into another index.
pub(crate) async fn against_raw_bulk(documents: u64) -> Vec<Figure> {
    let pipeline = Pipeline::prepare("bench_sink", Systems::mysql_to_elasticsearch()).await;
    let bodies: Vec<(String, String)> = (0..documents).map(document).collect();
    let records: Vec<(Option<&str>, Option<&str>)> =
        bodies.iter().map(|(id, body)| (Some(id.as_str()), Some(body.as_str()))).collect();
    topics::write_all(&pipeline.systems.bootstrap(), &pipeline.topic(), &records);
    let settings = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}});
    let raw_index = format!("{}.raw", pipeline.index());
    for index in [pipeline.index(), raw_index.clone()] {
        assert_eq!(pipeline.search.put(&index, settings.clone()).await, 200);
    }

    let raw = replay(&pipeline.search.url, &raw_index, &bodies).await;

    let (begun, cpu) = (Instant::now(), cpu_seconds(pipeline.worker.pid()));
    let mut config = pipeline.sink_config();
    config["batch.size"] = json!(DOCUMENTS_PER_BULK.to_string());
    assert_eq!(pipeline.worker.create("sink", config).await.status, 201);
    until_indexed(&pipeline, documents).await;
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(pipeline.worker.pid()) - cpu);

    let (rate, raw_rate) = (documents as f64 / seconds, documents as f64 / raw);
    vec![
        Figure { name: "cpu_seconds_per_million".into(), value: cpu / documents as f64 * 1e6, target: Target::None },
        Figure { name: "documents_per_second".into(), value: rate, target: Target::None },
        Figure { name: "raw_documents_per_second".into(), value: raw_rate, target: Target::None },
        Figure { name: "share_of_raw_rate".into(), value: rate / raw_rate, target: Target::AtLeast(0.7) },
        Figure {
            name: "rss_mb_highest".into(),
            value: memory_mb(pipeline.worker.pid(), "VmHWM"),
            target: Target::AtMost(120.0),
        },
    ]
}

fn document(id: u64) -> (String, String) {
    let text = format!("{:020x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let body = json!({"id": id, "a": id % 100_000, "b": id * 7919, "c": text, "d": format!("{text}{text}{text}"), "f": 1_700_000_000_000_u64 + id, "g": id.is_multiple_of(2)});
    (id.to_string(), body.to_string())
}

/// Sends the bulk bodies that the sink would send, as many at a time, and tells how many seconds it took.
async fn replay(url: &str, index: &str, documents: &[(String, String)]) -> f64 {
    let size = usize::try_from(DOCUMENTS_PER_BULK).expect("a bulk is small");
    let bulks: Vec<String> = documents
        .chunks(size)
        .enumerate()
        .map(|(at, chunk)| {
            let item = |(place, (id, body)): (usize, &(String, String))| {
                format!("{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{id}\",\"version\":{},\"version_type\":\"external\"}}}}\n{body}\n", at * size + place)
            };
            chunk.iter().enumerate().map(item).collect()
        })
        .collect();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client without settings");
    let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(usize::try_from(BULKS_IN_FLIGHT).expect("few")));
    let begun = Instant::now();
    let mut sending = tokio::task::JoinSet::new();
    for body in bulks {
        let permit = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        let request = http.post(format!("{url}/_bulk")).header("content-type", "application/x-ndjson").body(body);
        sending.spawn(async move {
            let answer = request.send().await.expect("the search engine answers");
            assert_eq!(answer.status().as_u16(), 200);
            answer.bytes().await.expect("the answer can be read");
            drop(permit);
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent.expect("sending does not panic");
    }
    begun.elapsed().as_secs_f64()
}

async fn until_indexed(pipeline: &Pipeline, documents: u64) {
    let end = Instant::now() + DONE_WITHIN;
    while pipeline.search.count(&pipeline.index()).await < documents {
        assert!(Instant::now() < end, "not indexed after {DONE_WITHIN:?}\n{}", pipeline.worker.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
