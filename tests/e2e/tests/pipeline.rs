//! A row changed in a database becomes a document in an index: every kind of change, on both pairs of systems.

use connect_e2e::{
    pipeline::{Pipeline, Systems},
    topics,
};

#[tokio::test]
async fn every_change_of_mysql_arrives_in_elasticsearch() {
    every_change_arrives("mysql_es", Systems::mysql_to_elasticsearch()).await;
}

#[tokio::test]
async fn every_change_of_mariadb_arrives_in_opensearch() {
    every_change_arrives("mariadb_os", Systems::mariadb_to_opensearch()).await;
}

async fn every_change_arrives(test: &str, systems: Systems) {
    let mut pipeline = Pipeline::prepare(test, systems).await;
    pipeline
        .sql(&[
            "INSERT INTO item VALUES (1, 'first', 1.50, NULL), (2, 'zweite', -0.01, 'öäü 🚀'), (3, 'third', NULL, '')",
        ])
        .await;
    pipeline.create_connectors().await;
    pipeline.index_equals_table().await;

    pipeline.sql(&["INSERT INTO item VALUES (4, 'streamed', 99999999.99, 'x')"]).await;
    pipeline.sql(&["UPDATE item SET name = 'changed', note = 'now' WHERE id = 1"]).await;
    pipeline.sql(&["DELETE FROM item WHERE id = 2"]).await;
    pipeline.sql(&["UPDATE item SET id = 30 WHERE id = 3"]).await;
    pipeline.index_equals_table().await;

    pipeline.sql(&["ALTER TABLE item ADD COLUMN colour VARCHAR(10) DEFAULT 'grey' AFTER name"]).await;
    pipeline.sql(&["INSERT INTO item (id, name, colour) VALUES (5, 'after the alter', 'red')"]).await;
    pipeline.sql(&["ALTER TABLE item DROP COLUMN note, MODIFY name VARCHAR(200)"]).await;
    pipeline.sql(&["INSERT INTO item VALUES (6, 'after the second', 'blue', 7.00)"]).await;
    // Documents that were written before a column came or went are written again as the table has them now.
    pipeline.sql(&["UPDATE item SET amount = id"]).await;
    pipeline.index_equals_table().await;

    pipeline.sql(&["START TRANSACTION", "INSERT INTO item (id, name) VALUES (7, 'rolled back')", "ROLLBACK"]).await;
    pipeline
        .sql(&[
            "START TRANSACTION",
            "INSERT INTO item (id, name) VALUES (8, 'one')",
            "DELETE FROM item WHERE id = 1",
            "COMMIT",
        ])
        .await;
    pipeline.index_equals_table().await;

    let records = topics::read(&pipeline.systems.bootstrap(), &pipeline.topic());
    // Without schemas the original's JSON converter writes the text `null` for an unwrapped delete.
    let written = |value: Option<&str>| value.is_some_and(|text| text != "null");
    let history: Vec<(Option<&str>, bool)> =
        records.iter().map(|r| (r.key.as_deref(), written(r.value.as_deref()))).collect();
    let expected = [
        ("1", true),
        ("2", true),
        ("3", true),
        ("4", true),
        ("1", true),
        ("2", false),
        ("3", false),
        ("30", true),
        ("5", true),
        ("6", true),
        ("1", true),
        ("4", true),
        ("5", true),
        ("6", true),
        ("30", true),
        ("8", true),
        ("1", false),
    ];
    assert_eq!(history, expected.map(|(key, value)| (Some(key), value)), "each change is in the topic once, in order");
    pipeline.worker.stop().await;
}
