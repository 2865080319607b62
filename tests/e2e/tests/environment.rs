//! A worker without a properties file: the environment says what one would, as in the images that users come from.

use connect_e2e::{broker::Broker, services::fresh_dir, worker::Worker};
use serde_json::json;

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

#[tokio::test]
async fn variables_of_both_images_start_a_worker() {
    let dir = fresh_dir("environment");
    let broker = Broker::start(&dir.join("broker")).await;
    let confluent = [
        ("CONNECT_BOOTSTRAP_SERVERS", broker.bootstrap.as_str()),
        ("CONNECT_GROUP_ID", "confluent"),
        ("CONNECT_CONFIG_STORAGE_TOPIC", "confluent-configs"),
        ("CONNECT_OFFSET_STORAGE_TOPIC", "confluent-offsets"),
        ("CONNECT_STATUS_STORAGE_TOPIC", "confluent-status"),
        ("CONNECT_CONFIG_STORAGE_REPLICATION_FACTOR", "1"),
        ("CONNECT_OFFSET_STORAGE_REPLICATION_FACTOR", "1"),
        ("CONNECT_STATUS_STORAGE_REPLICATION_FACTOR", "1"),
        ("CONNECT_KEY_CONVERTER", JSON),
        ("CONNECT_VALUE_CONVERTER", JSON),
        ("CONNECT_REST_ADVERTISED_HOST_NAME", "127.0.0.1"),
        ("CONNECT_LOG4J_LOGGERS", "org.apache.kafka.connect=DEBUG,org.reflections=ERROR"),
        ("CONNECT_SASL_PASSWORD_OF_NOBODY", "secret-of-sasl"),
        ("CONNECT_ZOOKEEPER_PASSWORD", "secret-of-zookeeper"),
        ("KAFKA_HEAP_OPTS", "-Xmx1g"),
    ];
    let mut worker = Worker::of_environment(&dir.join("confluent"), "CONNECT_REST_PORT", &confluent);
    worker.launch();
    worker.ready().await;
    assert_eq!(worker.get("/connectors").await.body, json!([]));
    worker.stop().await;
    let log = worker.log();
    assert!(log.contains("unknown settings are ignored: zookeeper.password"), "{log}");
    assert!(log.contains("DEBUG connect_runtime") && !log.contains("secret-of-"), "{log}");

    let debezium = [
        ("BOOTSTRAP_SERVERS", broker.bootstrap.as_str()),
        ("CONFIG_STORAGE_TOPIC", "debezium-configs"),
        ("OFFSET_STORAGE_TOPIC", "debezium-offsets"),
        ("STATUS_STORAGE_TOPIC", "debezium-status"),
        ("LOG_LEVEL", "WARN"),
    ];
    let mut worker = Worker::of_environment(&dir.join("debezium"), "REST_PORT", &debezium);
    worker.launch();
    worker.ready().await;
    assert_eq!(worker.get("/connectors").await.body, json!([]));
    worker.stop().await;
    let log = worker.log();
    assert!(!log.contains(" INFO "), "{log}");

    let mut worker = Worker::of_environment(&dir.join("empty"), "REST_PORT", &[("GROUP_ID", "g")]);
    worker.launch();
    assert!(!worker.end().await);
    let log = worker.log();
    assert!(log.contains("\"bootstrap.servers\"") && log.contains("CONNECT_BOOTSTRAP_SERVERS"), "{log}");
    drop((worker, broker));
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
