//! Settings that can't be right, alone, together or on the real server.

use connect_api::{Config, Props, SinkConnector};
use connect_elasticsearch::{ElasticsearchSink, SINKS, config::ElasticsearchConfig};
use serde_json::json;

use crate::{server::Server, setup::props};

const URL: &str = "http://127.0.0.1:1";

/// The settings that are named and all messages.
fn broken(settings: &[(&str, &str)]) -> (Vec<String>, String) {
    let props: Props = props(URL, settings);
    let errors = match ElasticsearchConfig::parse(&props) {
        Ok(config) => ElasticsearchSink::rules(&config),
        Err(errors) => errors,
    };
    let messages: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    (errors.into_iter().map(|error| error.key).collect(), messages.join(" "))
}

fn check(settings: &[(&str, &str)], keys: &[&str]) {
    let (found, message) = broken(settings);
    assert_eq!(found, keys, "{settings:?}: {message}");
    for key in keys {
        assert!(message.contains(key), "'{key}' is not named: {message}");
    }
}

#[test]
fn settings_that_belong_together() {
    check(&[], &[]);
    check(&[("connection.username", "u")], &["connection.username", "connection.password"]);
    check(&[("proxy.host", "h"), ("proxy.username", "u")], &["proxy.username", "proxy.password"]);
    check(&[("proxy.username", "u"), ("proxy.password", "p")], &["proxy.host", "proxy.username", "proxy.password"]);
    check(&[("kerberos.user.principal", "k")], &["kerberos.user.principal", "kerberos.keytab.path"]);
    check(&[("data.stream.type", "logs")], &["data.stream.type", "data.stream.dataset"]);
    check(&[("external.resource.usage", "index")], &["external.resource.usage", "topic.to.external.resource.mapping"]);
    check(&[("elastic.https.ssl.truststore.location", "/x")], &["elastic.security.protocol"]);
    check(&[("elastic.security.protocol", "SSL")], &["elastic.security.protocol"]);
}

#[test]
fn settings_that_exclude_each_other() {
    let stream = [("data.stream.type", "logs"), ("data.stream.dataset", "d")];
    let with = |other: &[(&'static str, &'static str)]| [&stream[..], other].concat();
    check(&with(&[("write.method", "upsert")]), &["write.method"]);
    check(&with(&[("behavior.on.null.values", "delete")]), &["behavior.on.null.values"]);
    check(&[("data.stream.timestamp.field", "t")], &["data.stream.timestamp.field"]);
    let mapped = [("external.resource.usage", "index"), ("topic.to.external.resource.mapping", "orders:o")];
    check(&mapped, &[]);
    check(&with(&mapped), &["external.resource.usage", "data.stream.type", "data.stream.dataset"]);
    check(&[("key.ignore", "true"), ("topic.key.ignore", "t")], &["key.ignore", "topic.key.ignore"]);
    check(&[("topic.schema.ignore", "t")], &["schema.ignore", "topic.schema.ignore"]);
}

#[test]
fn resources_are_mapped_one_to_one() {
    const MAPPING: &str = "topic.to.external.resource.mapping";
    let mapping = |topics: &str, mapping: &str, keys: &[&str]| {
        check(&[("external.resource.usage", "index"), ("topics", topics), (MAPPING, mapping)], keys);
    };
    mapping("a,b", "a:x,b:y", &[]);
    mapping("a,b", "a:x", &[MAPPING]);
    mapping("a", "a:x,b:y", &[MAPPING]);
    mapping("a,b", "a:x,b:x", &[MAPPING]);
    mapping("a", "a:x,a:y", &[MAPPING]);
    let settings = [
        ("external.resource.usage", "index"),
        ("topics", "a,b"),
        (MAPPING, "a:x,b:y"),
        ("max.external.resource.mappings", "1"),
    ];
    check(&settings, &[MAPPING]);
}

#[test]
fn limits_between_numbers() {
    check(&[("linger.ms", "20000"), ("flush.timeout.ms", "10000")], &["linger.ms", "flush.timeout.ms"]);
    check(
        &[("batch.size", "1000"), ("max.buffered.records", "4999")],
        &["max.buffered.records", "batch.size", "max.in.flight.requests"],
    );
    check(&[("batch.size", "0")], &["batch.size"]);
    check(&[("behavior.on.null.values", "explode")], &["behavior.on.null.values"]);
    check(&[("data.stream.type", "logs"), ("data.stream.dataset", "App1")], &["data.stream.dataset"]);
}

#[test]
fn stores_that_are_no_pem_say_how_to_convert_them() {
    let dir = std::env::temp_dir().join(format!("millrace-es-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let message = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        std::fs::write(&path, bytes).expect("a file");
        let path = path.to_string_lossy().into_owned();
        let settings = [("elastic.security.protocol", "SSL"), ("elastic.https.ssl.truststore.location", path.as_str())];
        broken(&settings).1.replace(&path, "STORE")
    };
    assert_eq!(
        message("a.jks", &[0xfe, 0xed, 0xfe, 0xed, 0]),
        "'elastic.https.ssl.truststore.location': STORE is a JKS file and only PEM is read. Convert it with: \
         keytool -importkeystore -srckeystore STORE -destkeystore truststore.p12 -deststoretype PKCS12 && \
         openssl pkcs12 -in truststore.p12 -nokeys -out truststore.pem"
    );
    assert_eq!(
        message("a.p12", &[0x30, 0x82, 1]),
        "'elastic.https.ssl.truststore.location': STORE is a PKCS12 file and only PEM is read. Convert it with: \
         openssl pkcs12 -in STORE -nokeys -out truststore.pem"
    );
    std::fs::remove_dir_all(&dir).expect("the folder goes");
}

#[tokio::test]
async fn the_server_is_asked() {
    let errors = async |url: &str, settings: &[(&str, &str)]| {
        let config = ElasticsearchConfig::parse(&props(url, settings)).expect("settings are right");
        let errors = ElasticsearchSink::check(config).await;
        errors.into_iter().map(|error| (error.key, error.message)).collect::<Vec<_>>()
    };
    let server = Server::start().await;
    let url = server.url.as_str();
    assert_eq!(errors(url, &[]).await, []);
    let script = |status: u16, body| server.state().scripted.insert("GET /".to_owned(), (status, body));
    script(405, json!({"error": "Incorrect HTTP method", "status": 405}));
    assert_eq!(errors(url, &[]).await, []);
    script(403, json!({}));
    assert_eq!(errors(url, &[]).await, []);
    script(200, json!({"version": {"number": "6.8.23"}}));
    assert_eq!(
        errors(url, &[]).await,
        [("connection.url".into(), "The server of 'connection.url' is 6.8, and 7.0 or newer is needed.".into())]
    );
    script(401, json!({}));
    let keys: Vec<String> = errors(url, &[]).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["connection.username", "connection.password"]);
    script(200, json!({}));
    let mapped = [("external.resource.usage", "index"), ("topic.to.external.resource.mapping", "orders:gone")];
    assert_eq!(
        errors(url, &mapped).await,
        [("topic.to.external.resource.mapping".into(), "The resource 'gone' does not exist.".into())]
    );
    let away = errors(URL, &[]).await;
    assert_eq!(away.len(), 1);
    assert!(
        away[0].1.starts_with("Could not connect to the servers of 'connection.url': could not reach 127.0.0.1:1: ")
    );
}

#[test]
fn the_table_names_all_classes() {
    let classes: Vec<&str> = SINKS.iter().map(|sink| sink.class).collect();
    assert_eq!(
        classes,
        [
            "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector",
            "io.aiven.kafka.connect.opensearch.OpenSearchSinkConnector",
            "io.aiven.kafka.connect.opensearch.OpensearchSinkConnector",
        ]
    );
}
