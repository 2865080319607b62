//! Bad input gets a clear message and the right status, and nothing is lost.

use std::time::Duration;

use connect_e2e::{
    database::Database,
    pipeline::{Pipeline, Systems},
    services::{self, Service, fresh_dir},
    topics, wait,
    worker::{Worker, binary},
};
use serde_json::{Value, json};

fn with(mut config: Value, changes: &[(&str, &str)]) -> Value {
    for (name, value) in changes {
        config[*name] = json!(value);
    }
    config
}

#[tokio::test]
async fn configurations_that_cannot_work_are_refused_with_the_reason() {
    let pipeline = Pipeline::prepare("refused", Systems::mysql_to_elasticsearch()).await;
    let source = pipeline.source_config();
    let check = async |config: Value, status: u16, part: &str| {
        let answer = pipeline.worker.create("refused", config).await;
        let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, status, "{message}");
        assert!(message.contains(part), "{message:?} does not say {part:?}");
        assert!(!message.contains("s3cret"), "{message:?} tells the password");
    };
    check(with(source.clone(), &[("connector.class", "com.example.Nothing")]), 400, "com.example.Nothing").await;
    check(with(source.clone(), &[("database.port", "many")]), 400, "database.port").await;
    check(with(source.clone(), &[("database.password", "s3cret")]), 400, "Access denied").await;
    check(with(source.clone(), &[("database.port", &services::free_port().to_string())]), 400, "Unable to connect")
        .await;
    check(with(source.clone(), &[("transforms", "unwrap,nobody")]), 400, "transforms.nobody.type").await;
    check(with(source.clone(), &[("errors.tolerance", "some")]), 400, "errors.tolerance").await;
    check(with(pipeline.sink_config(), &[("connection.url", "http://127.0.0.1:1")]), 400, "127.0.0.1:1").await;
    let answer = pipeline.worker.get("/connectors").await;
    assert_eq!((answer.status, answer.body), (200, json!([])), "nothing was created");
}

#[tokio::test]
async fn a_request_that_is_no_json_answers_as_the_original_does() {
    let pipeline = Pipeline::prepare("no_json", Systems::mysql_to_elasticsearch()).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client without settings");
    let request = http.post(format!("{}/connectors", pipeline.worker.url)).header("content-type", "application/json");
    let answer = request.body("{\"name\": ").send().await.expect("the worker answers");
    assert_eq!(answer.status().as_u16(), 500);
    let body: Value = answer.json().await.expect("an error has a JSON body");
    assert_eq!(body["error_code"], 500);
}

#[tokio::test]
async fn poison_records_go_to_the_dead_letter_queue_and_the_others_arrive() {
    let pipeline = Pipeline::prepare("poison", Systems::mysql_to_elasticsearch()).await;
    let (bootstrap, topic) = (pipeline.systems.bootstrap(), pipeline.topic());
    let records = [(Some("1"), Some("{\"a\":1}")), (Some("2"), Some("{broken")), (Some("3"), Some("{\"a\":3}"))];
    topics::write(&bootstrap, &topic, &records).await;
    let dlq = format!("{}-dlq", pipeline.name);
    let config = with(
        pipeline.sink_config(),
        &[
            ("errors.tolerance", "all"),
            ("errors.deadletterqueue.topic.name", &dlq),
            ("errors.deadletterqueue.topic.replication.factor", "1"),
            ("errors.deadletterqueue.context.headers.enable", "true"),
        ],
    );
    assert_eq!(pipeline.worker.create(&pipeline.sink(), config).await.status, 201);
    let (search, index) = (pipeline.search.clone(), pipeline.index());
    let expected: std::collections::BTreeMap<String, Value> =
        [("1".to_owned(), json!({"a": 1})), ("3".to_owned(), json!({"a": 3}))].into();
    wait::until("the good records arrive", Duration::from_secs(60), expected, || search.documents(&index)).await;
    let letters = topics::read(&bootstrap, &dlq);
    let letters: Vec<_> = letters.iter().map(|letter| (letter.key.as_deref(), letter.value.as_deref())).collect();
    assert_eq!(letters, [(Some("2"), Some("{broken"))]);
}

#[tokio::test]
async fn a_poison_record_fails_the_task_when_nothing_is_tolerated() {
    let pipeline = Pipeline::prepare("poison_none", Systems::mysql_to_elasticsearch()).await;
    pipeline.worker.expects(&["Tolerance exceeded in error handler"]);
    topics::write(&pipeline.systems.bootstrap(), &pipeline.topic(), &[(Some("1"), Some("{broken"))]).await;
    assert_eq!(pipeline.worker.create(&pipeline.sink(), pipeline.sink_config()).await.status, 201);
    let trace = pipeline.worker.failure(&pipeline.sink()).await;
    assert!(trace.contains("Tolerance exceeded in error handler"), "{trace}");
    // Repaired by the user: the record is tolerated now, and the task goes on where it stood.
    let repaired = with(pipeline.sink_config(), &[("errors.tolerance", "all")]);
    assert_eq!(
        pipeline.worker.put(&format!("/connectors/{}/config", pipeline.sink()), Some(repaired)).await.status,
        200
    );
    topics::write(&pipeline.systems.bootstrap(), &pipeline.topic(), &[(Some("2"), Some("{\"a\":2}"))]).await;
    let (search, index) = (pipeline.search.clone(), pipeline.index());
    let expected: std::collections::BTreeMap<String, Value> = [("2".to_owned(), json!({"a": 2}))].into();
    wait::until("the next record arrives", Duration::from_secs(60), expected, || search.documents(&index)).await;
}

#[tokio::test]
async fn an_index_that_refuses_documents_fails_the_task_with_its_words() {
    let mut pipeline = Pipeline::prepare("refusing", Systems::mysql_to_elasticsearch()).await;
    pipeline.worker.expects(&["strict_dynamic_mapping_exception"]);
    let strict = json!({"mappings": {"dynamic": "strict", "properties": {"id": {"type": "long"}}}});
    assert_eq!(pipeline.search.put(&pipeline.index(), strict).await, 200);
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (1, 'refused')"]).await;
    pipeline.create_connectors().await;
    let trace = pipeline.worker.failure(&pipeline.sink()).await;
    assert!(trace.contains("strict_dynamic_mapping_exception"), "{trace}");
}

#[tokio::test]
async fn a_binlog_that_was_purged_meanwhile_is_named() {
    let dir = fresh_dir("purged_mysql");
    let mysql = Service::Mysql.own(&dir);
    let systems = Systems { database_port: mysql.port, ..Systems::mysql_to_elasticsearch() };
    let mut pipeline = Pipeline::prepare("purged", systems).await;
    pipeline.worker.expects(&["no longer available on the server"]);
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (1, 'one')"]).await;
    pipeline.create_connectors().await;
    pipeline.index_equals_table().await;
    assert_eq!(pipeline.worker.put(&format!("/connectors/{}/stop", pipeline.source()), None).await.status, 204);
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (2, 'unseen')", "FLUSH BINARY LOGS"]).await;
    let mut logs = Database::connect(mysql.port).await.rows("SHOW BINARY LOGS").await;
    let newest = logs.pop().and_then(|mut log| log[0].take()).expect("there is a binary log");
    pipeline.sql(&[&format!("PURGE BINARY LOGS TO '{newest}'")]).await;
    assert_eq!(pipeline.worker.put(&format!("/connectors/{}/resume", pipeline.source()), None).await.status, 202);
    let trace = pipeline.worker.failure(&pipeline.source()).await;
    assert!(trace.contains("no longer available on the server"), "{trace}");
    // What the message tells the user to do works: a new snapshot finds the unseen row.
    let repaired = with(pipeline.source_config(), &[("snapshot.mode", "when_needed")]);
    assert_eq!(
        pipeline.worker.put(&format!("/connectors/{}/config", pipeline.source()), Some(repaired)).await.status,
        200
    );
    pipeline.index_equals_table().await;
    drop(pipeline);
    drop(mysql);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

#[tokio::test]
async fn a_table_that_is_not_there_yet_is_captured_when_it_comes() {
    let mut pipeline = Pipeline::prepare("no_table", Systems::mysql_to_elasticsearch()).await;
    pipeline.sql(&["DROP TABLE item"]).await;
    pipeline.create_connectors().await;
    pipeline
        .sql(&["CREATE TABLE item (id BIGINT PRIMARY KEY, name VARCHAR(80))", "INSERT INTO item VALUES (1, 'late')"])
        .await;
    pipeline.index_equals_table().await;
}

#[tokio::test]
async fn a_worker_waits_for_kafka_and_says_so() {
    let dir = fresh_dir("no_kafka");
    let port = services::free_port();
    let mut worker = Worker::new(&dir.join("worker"), &format!("127.0.0.1:{port}"), "no-kafka", binary());
    worker.expects(&["Kafka can't be reached or is not ready, trying again", "kafka client: "]);
    worker.launch();
    wait::until("the log names the broker", Duration::from_secs(30), true, || async {
        worker.log().contains(&format!("127.0.0.1:{port}"))
    })
    .await;
    assert!(!worker.ended(), "the worker goes on trying:\n{}", worker.log());
    std::fs::create_dir_all(dir.join("kafka")).expect("the folder is ours");
    std::fs::write(dir.join("kafka/port"), port.to_string()).expect("the folder is ours");
    let kafka = Service::Kafka.own(&dir.join("kafka"));
    worker.ready().await;
    worker.stop().await;
    drop((worker, kafka));
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
