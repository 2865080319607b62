//! Each part goes away and comes back while rows change; at the end the index equals the table.

use connect_e2e::{
    pipeline::{Pipeline, Systems},
    services::{Service, fresh_dir},
};

#[tokio::test]
async fn the_worker_resumes_after_a_clean_stop() {
    let mut pipeline = Pipeline::prepare("clean_stop", Systems::mysql_to_elasticsearch()).await;
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (1, 'before')"]).await;
    pipeline.create_connectors().await;
    pipeline.index_equals_table().await;
    pipeline.worker.stop().await;
    pipeline
        .sql(&[
            "INSERT INTO item (id, name) VALUES (2, 'while it was away')",
            "UPDATE item SET amount = 5 WHERE id = 1",
        ])
        .await;
    pipeline.worker.launch();
    pipeline.worker.ready().await;
    pipeline.index_equals_table().await;
    let records = connect_e2e::topics::read(&pipeline.systems.bootstrap(), &pipeline.topic());
    let keys: Vec<Option<&str>> = records.iter().map(|record| record.key.as_deref()).collect();
    assert_eq!(keys, [Some("1"), Some("2"), Some("1")], "a clean stop repeats nothing");
}

#[tokio::test]
async fn paused_stopped_and_restarted_connectors_lose_nothing() {
    let mut pipeline = Pipeline::prepare("states", Systems::mysql_to_elasticsearch()).await;
    pipeline.create_connectors().await;
    let worker = &pipeline.worker;
    for name in pipeline.connectors() {
        assert_eq!(worker.put(&format!("/connectors/{name}/pause"), None).await.status, 202);
        worker.reaches(&name, "PAUSED").await;
    }
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (1, 'while paused')"]).await;
    for name in pipeline.connectors() {
        assert_eq!(pipeline.worker.put(&format!("/connectors/{name}/resume"), None).await.status, 202);
        pipeline.worker.reaches(&name, "RUNNING").await;
    }
    pipeline.index_equals_table().await;
    assert_eq!(pipeline.worker.put(&format!("/connectors/{}/stop", pipeline.source()), None).await.status, 204);
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (2, 'while stopped')"]).await;
    assert_eq!(pipeline.worker.put(&format!("/connectors/{}/resume", pipeline.source()), None).await.status, 202);
    pipeline.index_equals_table().await;
    let restart =
        pipeline.worker.post(&format!("/connectors/{}/restart?includeTasks=true", pipeline.sink()), None).await;
    assert_eq!(restart.status, 202, "{}", restart.body);
    pipeline.sql(&["DELETE FROM item WHERE id = 1"]).await;
    pipeline.index_equals_table().await;
}

#[tokio::test]
async fn database_kafka_and_index_may_each_go_away_and_come_back() {
    let dir = fresh_dir("parts");
    let mut database = Service::Mysql.own(&dir.join("mysql"));
    let mut kafka = Service::Kafka.own(&dir.join("kafka"));
    let mut search = Service::Elasticsearch.own(&dir.join("search"));
    let systems =
        Systems { mariadb: false, database_port: database.port, kafka_port: kafka.port, search_port: search.port };
    let mut pipeline = Pipeline::prepare("restart", systems).await;
    pipeline.worker.expects(&[
        "the log is read on a new connection",
        "kafka client: ",
        "the group coordinator does not answer, trying again",
        "the group coordinator was out of reach for too long",
        "could not store offsets, trying again with the next",
        "task did not stop in time and is cut off",
        "could not write a bulk, it is sent again",
        "Failed to execute bulk request",
    ]);
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (1, 'at first')"]).await;
    pipeline.create_connectors().await;
    pipeline.index_equals_table().await;

    database.stop();
    database.start();
    pipeline.database = connect_e2e::database::Database::connect(database.port).await;
    let name = pipeline.name.clone();
    pipeline
        .sql(&[&format!("USE {name}"), "INSERT INTO item (id, name) VALUES (2, 'after the database came back')"])
        .await;
    pipeline.index_equals_table().await;

    kafka.stop();
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (3, 'while Kafka was away')"]).await;
    kafka.start();
    pipeline.index_equals_table().await;

    search.stop();
    pipeline
        .sql(&["INSERT INTO item (id, name) VALUES (4, 'while the index was away')", "DELETE FROM item WHERE id = 1"])
        .await;
    // As with the original, the sink gives up after max.retries; the user brings the index back and restarts it.
    let trace = pipeline.worker.failure(&pipeline.sink()).await;
    assert!(trace.contains("Failed to execute bulk request"), "{trace}");
    search.start();
    let restart = pipeline
        .worker
        .post(&format!("/connectors/{}/restart?includeTasks=true&onlyFailed=true", pipeline.sink()), None)
        .await;
    assert_eq!(restart.status, 202, "{}", restart.body);
    pipeline.index_equals_table().await;
    for name in pipeline.connectors() {
        pipeline.worker.reaches(&name, "RUNNING").await;
    }
    drop(pipeline);
    drop((database, kafka, search));
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
