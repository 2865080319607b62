//! The MySQL source working off a backlog of 1000-row transactions.

use std::time::{Duration, Instant};

use connect_e2e::{
    pipeline::{Pipeline, Systems},
    services::{Service, fresh_dir},
};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::json;

use crate::{
    Figure, Target,
    process::{cpu_seconds, memory_mb},
};

const ROWS_PER_TRANSACTION: u64 = 1000;
const DONE_WITHIN: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Producer {
    Kafka,
    /// Records are converted and then acknowledged at once: what decoding costs without a broker.
    Null,
}

/// Lets the source stream `rows` inserted rows and measures the worker meanwhile.
pub(crate) async fn stream(rows: u64, producer: Producer) -> Vec<Figure> {
    let dir = fresh_dir("bench_mysql");
    let mysql = Service::Mysql.own(&dir);
    let systems =
        Systems { mariadb: false, database_port: mysql.port, kafka_port: Service::Kafka.shared(), search_port: 0 };
    let name = if producer == Producer::Null { "bench_decode" } else { "bench_stream" };
    let mut pipeline = Pipeline::prepare(name, systems).await;
    if producer == Producer::Null {
        pipeline.worker.stop().await;
        pipeline.worker.property("millrace.producer", "null");
        pipeline.worker.launch();
        pipeline.worker.ready().await;
    }
    let table = "CREATE TABLE item (id BIGINT PRIMARY KEY, a INT, b BIGINT, c VARCHAR(20), d VARCHAR(60), e DECIMAL(12,2), f DATETIME(6), g TINYINT(1))";
    pipeline
        .sql(&["SET GLOBAL sync_binlog=0", "SET GLOBAL innodb_flush_log_at_trx_commit=2", "DROP TABLE item", table])
        .await;
    let mut config = pipeline.source_config();
    // Full envelopes, as the JVM was measured with.
    config["transforms"] = json!("");
    config["key.converter"] = json!("org.apache.kafka.connect.json.JsonConverter");
    config["key.converter.schemas.enable"] = json!("false");
    config["decimal.handling.mode"] = json!("precise");
    assert_eq!(pipeline.worker.create("source", config).await.status, 201);
    pipeline.worker.reaches("source", "RUNNING").await;
    pipeline.sql(&["INSERT INTO item (id) VALUES (0)"]).await;
    until_sent(&pipeline, producer, 1).await;
    assert_eq!(pipeline.worker.put("/connectors/source/stop", None).await.status, 204);
    insert(&mut pipeline, rows).await;

    let (begun, cpu) = (Instant::now(), cpu_seconds(pipeline.worker.pid()));
    assert_eq!(pipeline.worker.put("/connectors/source/resume", None).await.status, 202);
    // The metrics of a task start anew with it; a topic counts on.
    until_sent(&pipeline, producer, if producer == Producer::Null { rows } else { rows + 1 }).await;
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(pipeline.worker.pid()) - cpu);
    let highest = memory_mb(pipeline.worker.pid(), "VmHWM");
    let target = if producer == Producer::Null { 2.0 } else { 5.0 };
    drop(pipeline);
    drop(mysql);
    drop(std::fs::remove_dir_all(dir));
    vec![
        Figure {
            name: "cpu_seconds_per_million".into(),
            value: cpu / rows as f64 * 1e6,
            target: Target::AtMost(target),
        },
        Figure { name: "rows_per_second".into(), value: rows as f64 / seconds, target: Target::None },
        Figure { name: "rss_mb_highest".into(), value: highest, target: Target::AtMost(120.0) },
    ]
}

async fn insert(pipeline: &mut Pipeline, rows: u64) {
    for first in (1..=rows).step_by(usize::try_from(ROWS_PER_TRANSACTION).expect("a thousand")) {
        let row = |id: u64| {
            let text = format!("{:020x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            format!(
                "({id},{},{},'{text}','{text}{text}{text}',{}.{:02},'2026-01-01 00:00:00.{:06}',{})",
                id % 100_000,
                id * 7919,
                id % 10_000,
                id % 100,
                id % 1_000_000,
                id % 2
            )
        };
        let values: Vec<String> = (first..(first + ROWS_PER_TRANSACTION).min(rows + 1)).map(row).collect();
        pipeline.sql(&[&format!("INSERT INTO item VALUES {}", values.join(","))]).await;
    }
}

async fn until_sent(pipeline: &Pipeline, producer: Producer, records: u64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", pipeline.systems.bootstrap())
        .create()
        .expect("a consumer can be made");
    let end = Instant::now() + DONE_WITHIN;
    loop {
        let sent = match producer {
            Producer::Null => counted(pipeline).await,
            Producer::Kafka => {
                let watermarks = consumer.fetch_watermarks(&pipeline.topic(), 0, Duration::from_secs(10));
                watermarks.map_or(0, |(_, high)| u64::try_from(high).unwrap_or_default())
            }
        };
        if sent >= records {
            return;
        }
        assert!(Instant::now() < end, "{sent} of {records} records after {DONE_WITHIN:?}\n{}", pipeline.worker.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Records that the task has written, by the worker's own metrics.
async fn counted(pipeline: &Pipeline) -> u64 {
    let text = pipeline.worker.get("/metrics").await.body;
    let text = text.as_str().unwrap_or_default();
    let line =
        text.lines().find(|line| line.contains("source_record_write_total") && line.contains("connector=\"source\""));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default();
    // A count of records is a whole number far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number that fits")]
    let records = value as u64;
    records
}
