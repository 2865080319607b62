//! Values from config providers reach connectors and nobody else; client overrides keep to the worker's policy.

use std::time::Duration;

use connect_e2e::{services::fresh_dir, wait, worker::Worker};
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test]
async fn values_of_providers_reach_connectors_and_nobody_else() {
    let dir = fresh_dir("providers");
    let (worker, _) = Worker::with_broker(&dir);
    worker.property("config.providers", "file,env");
    worker.property("config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider");
    worker.property("config.providers.env.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider");
    let mut worker = worker;
    worker.environment("TOPIC_OF_TEST", "hidden-topic");
    let mut worker = worker.ready_after_start().await;
    worker.expects(&["Could not read properties from file"]);
    let (secrets, input) = (dir.join("secrets.properties"), dir.join("in.txt"));
    std::fs::write(&input, "one\n").expect("the test's folder can be written");
    std::fs::write(&secrets, "rack=hidden-rack\n").expect("the test's folder can be written");
    let config = json!({
        "name": "source",
        "connector.class": "FileStreamSource",
        "file": input,
        "topic": "${env:TOPIC_OF_TEST}",
        "producer.override.client.rack": format!("${{file:{}:rack}}", secrets.display()),
    });
    let validated = worker.put("/connector-plugins/FileStreamSource/config/validate", Some(config.clone())).await;
    assert_eq!(validated.body["error_count"], 0, "{}", validated.body);
    assert_eq!(worker.create("source", config).await.status, 201);
    worker.reaches("source", "RUNNING").await;
    let topics = json!({"source": {"topics": ["hidden-topic"]}});
    wait::until("the record is written", WITHIN, topics, || async {
        worker.get("/connectors/source/topics").await.body
    })
    .await;
    let mut shown = vec![validated.body.to_string()];
    for path in ["/connectors/source/config", "/connectors/source/tasks", "/connectors?expand=info"] {
        shown.push(worker.get(path).await.body.to_string());
    }
    for text in &shown {
        assert!(text.contains("${env:TOPIC_OF_TEST}") && !text.contains("hidden-"), "{text}");
    }

    std::fs::remove_file(&secrets).expect("the file is there");
    assert_eq!(worker.post("/connectors/source/tasks/0/restart", None).await.status, 204);
    let trace = worker.failure("source").await;
    let expected = format!("Could not read properties from file {}", secrets.display());
    assert!(trace.contains(&expected), "{trace}");
    worker.stop().await;
    assert!(!worker.log().contains("hidden-rack"), "{}", worker.log());
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

#[tokio::test]
async fn overrides_keep_to_the_policy() {
    let dir = fresh_dir("policies");
    let check = async |name: &str, policy: &[(&str, &str)], refused: &[&str]| {
        let (worker, _) = Worker::with_broker(&dir.join(name));
        policy.iter().for_each(|(key, value)| worker.property(key, value));
        let mut worker = worker.ready_after_start().await;
        let config = json!({
            "name": "source", "connector.class": "FileStreamSource", "topic": "t",
            "producer.override.linger.ms": "1", "producer.override.sasl.mechanism": "PLAIN",
        });
        let answer = worker.put("/connector-plugins/FileStreamSource/config/validate", Some(config)).await.body;
        let rows = answer["configs"].as_array().expect("a list of settings");
        let errors = rows.iter().flat_map(|row| row["value"]["errors"].as_array().into_iter().flatten());
        let errors: Vec<&str> = errors.filter_map(|error| error.as_str()).collect();
        assert_eq!(errors, refused, "{name}");
        worker.stop().await;
    };
    let policy = "connector.client.config.override.policy";
    let linger = "The 'Principal' policy does not allow 'linger.ms' to be overridden in the connector configuration.";
    let mechanism =
        "The 'Allowlist' policy does not allow 'sasl.mechanism' to be overridden in the connector configuration.";
    check("all", &[], &[]).await;
    check("principal", &[(policy, "Principal")], &[linger]).await;
    let class = "org.apache.kafka.connect.connector.policy.AllowlistConnectorClientConfigOverridePolicy";
    let listed = [(policy, class), ("connector.client.config.override.allowlist", "acks,linger.ms")];
    check("allowlist", &listed, &[mechanism]).await;

    let (mut worker, _) = Worker::with_broker(&dir.join("unknown"));
    worker.property(policy, "com.example.Mine");
    worker.launch();
    assert!(!worker.end().await);
    assert!(worker.log().contains("There are the policies All, None, Principal and Allowlist"), "{}", worker.log());
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
