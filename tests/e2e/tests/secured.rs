//! A Kafka that asks for TLS and a login: each way in that the JVM's worker has, from the same properties.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use connect_e2e::{
    services::{Instance, Service, fresh_dir},
    wait,
    worker::{Worker, binary},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";
const WITHIN: Duration = Duration::from_secs(60);
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

/// A broker of the test's own, with its ports and stores.
struct Secured {
    dir: PathBuf,
    sasl: String,
    ssl: String,
    broker: Instance,
}

impl Secured {
    fn start(test: &str) -> Self {
        let dir = fresh_dir(test);
        let broker = Service::SecureKafka.own(&dir.join("kafka"));
        let address = |file: &str| {
            let port = std::fs::read_to_string(dir.join("kafka").join(file)).expect("the script wrote it");
            format!("localhost:{}", port.trim())
        };
        Self { sasl: address("sasl-port"), ssl: address("ssl-port"), dir, broker }
    }

    fn end(self) {
        drop(self.broker);
        std::fs::remove_dir_all(self.dir).expect("the test's folder can be removed");
    }

    fn tls(&self, file: &str) -> String {
        self.dir.join("kafka/tls").join(file).display().to_string()
    }

    fn trust(&self) -> [(&'static str, String); 2] {
        [("ssl.truststore.location", self.tls("truststore.jks")), ("ssl.truststore.password", "store-secret".into())]
    }

    /// A worker that is not started yet.
    fn worker(&self, name: &str, bootstrap: &str, properties: &[(&str, String)]) -> Worker {
        let worker = Worker::new(&self.dir.join(name), bootstrap, name, binary());
        // The sink may come before the source has made the topic.
        worker.expects(&["Subscribed topic not available: "]);
        worker.property("consumer.session.timeout.ms", "6000");
        worker.property("consumer.heartbeat.interval.ms", "1000");
        properties.iter().for_each(|(key, value)| worker.property(key, value));
        worker
    }

    /// A worker with these properties comes up, and lines go through it from a file to another.
    async fn carries_lines(&self, name: &str, bootstrap: &str, properties: &[(&str, String)]) {
        let mut worker = self.worker(name, bootstrap, properties).ready_after_start().await;
        let (input, output) = (worker.dir.join("in.txt"), worker.dir.join("out.txt"));
        std::fs::write(&input, format!("by {name}\n")).expect("the test's folder can be written");
        let source =
            json!({"connector.class": "FileStreamSource", "file": input, "topic": name, "value.converter": TEXT});
        let sink =
            json!({"connector.class": "FileStreamSink", "file": output, "topics": name, "value.converter": TEXT});
        for (connector, config) in [("source", source), ("sink", sink)] {
            let answer = worker.create(connector, config).await;
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        reads(&output, &format!("by {name}\n")).await;
        let offsets = worker.get("/connectors/sink/offsets").await;
        assert_eq!(offsets.status, 200, "{}", offsets.body);
        worker.stop().await;
        let log = worker.log();
        for secret in ["store-secret", "alice-secret"] {
            assert!(!log.contains(secret), "{name} logs {secret}:\n{log}");
        }
    }

    /// A worker whose login ends every two seconds keeps its place in the group.
    async fn stays(&self, name: &str, bootstrap: &str, properties: &[(&str, String)]) {
        let worker = self.worker(name, bootstrap, properties);
        worker.property("heartbeat.interval.ms", "1500");
        worker.property("millrace.log", "info,connect_runtime::kafka::group=debug");
        let mut worker = worker.ready_after_start().await;
        wait::until("the login was made anew", WITHIN, true, || async {
            worker.log().matches("logging in again").count() >= 2
        })
        .await;
        worker.stop().await;
        let log = worker.log();
        assert!(!log.contains("does not answer"), "{name} loses its group:\n{log}");
    }

    /// What the worker says as it ends, without time and address.
    async fn refusal(&self, name: &str, bootstrap: &str, properties: &[(&str, String)]) -> String {
        let mut worker = self.worker(name, bootstrap, properties);
        worker.launch();
        assert!(!worker.end().await);
        let log = worker.log();
        assert!(!log.contains("guessed"), "{name} logs its password:\n{log}");
        let last = log.lines().rev().find_map(|line| line.strip_prefix("millrace: ")).unwrap_or_default();
        last.replace(bootstrap, "BROKER")
    }
}

async fn reads(path: &Path, text: &str) {
    wait::until("the lines arrive", WITHIN, text.to_owned(), || async {
        std::fs::read_to_string(path).unwrap_or_default()
    })
    .await;
}

fn login(mechanism: &str, line: String) -> [(&'static str, String); 3] {
    [("security.protocol", "SASL_SSL".to_owned()), ("sasl.mechanism", mechanism.to_owned()), ("sasl.jaas.config", line)]
}

#[tokio::test]
async fn workers_log_in_in_every_way_that_kafka_offers() {
    let kafka = Secured::start("secured");
    let scram = format!("{SCRAM} required username=\"alice\" password=\"alice-secret\";");
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required username='alice' \
                 password='alice-secret' ;";
    let trust = kafka.trust();

    let properties = [&login("SCRAM-SHA-512", scram.clone())[..], &trust].concat();
    kafka.carries_lines("scram512", &kafka.sasl, &properties).await;
    kafka.stays("again", &kafka.sasl, &properties).await;

    // Under an address that the certificate is not for, which only works without the check of names.
    let address = kafka.sasl.replace("localhost", "127.0.0.1");
    let names = [("ssl.endpoint.identification.algorithm", String::new())];
    let properties = [&login("SCRAM-SHA-256", scram)[..], &trust, &names].concat();
    kafka.carries_lines("scram256", &address, &properties).await;

    let authority = std::fs::read_to_string(kafka.tls("authority.pem")).expect("the script wrote it");
    let inline = [
        ("ssl.truststore.type", "PEM".to_owned()),
        ("ssl.truststore.certificates", authority.replace('\r', "").replace('\n', "\\n")),
    ];
    kafka.carries_lines("plain", &kafka.sasl, &[&login("PLAIN", plain.to_owned())[..], &inline].concat()).await;

    let endpoint = token_endpoint().await;
    let line = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId='connect' \
                clientSecret='alice-secret';";
    let url = [("sasl.oauthbearer.token.endpoint.url", endpoint)];
    let properties = [&login("OAUTHBEARER", line.to_owned())[..], &trust, &url].concat();
    kafka.carries_lines("bearer", &kafka.sasl, &properties).await;
    kafka.end();
}

#[tokio::test]
async fn workers_show_their_certificate() {
    let kafka = Secured::start("certificates");
    let ssl = [("security.protocol", "SSL".to_owned())];
    let trust = kafka.trust();
    let store = |kind: &str, file: &str, password: &'static str| {
        [
            ("ssl.keystore.type", kind.to_owned()),
            ("ssl.keystore.location", kafka.tls(file)),
            (password, "store-secret".to_owned()),
        ]
    };
    let pkcs12 = store("PKCS12", "client.p12", "ssl.keystore.password");
    kafka.carries_lines("pkcs12", &kafka.ssl, &[&ssl[..], &trust, &pkcs12].concat()).await;
    let pem = store("PEM", "client.pem", "ssl.key.password");
    kafka.carries_lines("pem", &kafka.ssl, &[&ssl[..], &trust, &pem].concat()).await;
    kafka.end();
}

#[tokio::test]
async fn a_worker_that_may_not_come_in_says_why() {
    let kafka = Secured::start("refused");
    let trust = kafka.trust();
    let guessed = format!("{SCRAM} required username=\"alice\" password=\"guessed\";");
    let wrong = [&login("SCRAM-SHA-512", guessed.clone())[..], &trust].concat();
    assert_eq!(
        kafka.refusal("wrong_password", &kafka.sasl, &wrong).await,
        "BROKER refused the login: Authentication failed during authentication due to invalid credentials with SASL \
         mechanism SCRAM-SHA-512"
    );
    let stranger = kafka.refusal("stranger", &kafka.sasl, &login("SCRAM-SHA-512", guessed.clone())).await;
    assert!(stranger.starts_with("the certificate of BROKER is not trusted: "), "{stranger}");
    let address = kafka.sasl.replace("localhost", "127.0.0.1");
    let elsewhere = [&login("SCRAM-SHA-512", guessed.clone())[..], &trust].concat();
    assert_eq!(
        kafka.refusal("elsewhere", &address, &elsewhere).await,
        "the certificate of BROKER is not trusted: IP address mismatch"
    );
    let ssl = [("security.protocol", "SSL".to_owned())];
    assert_eq!(
        kafka.refusal("no_certificate", &kafka.ssl, &[&ssl[..], &trust].concat()).await,
        "BROKER refused this client in TLS: ssl/tls alert bad certificate"
    );
    let mechanism = [&login("PLAIN", guessed)[..], &trust].concat();
    assert_eq!(
        kafka.refusal("mechanism", &kafka.sasl, &mechanism).await,
        "sasl.jaas.config names the login module ScramLoginModule; sasl.mechanism needs PlainLoginModule"
    );
    kafka.end();
}

/// Gives everybody a token without a signature, which a broker in its default state takes.
async fn token_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let url = format!("http://{}/token", listener.local_addr().expect("it is bound"));
    // {"alg":"none"} and {"sub":"connect","iat":1700000000,"exp":4000000000}
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjb25uZWN0IiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQwMDAwMDAwMDB9.";
    let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or_default();
            // connect:alice-secret
            let knows = String::from_utf8_lossy(&request[..read]).contains("Basic Y29ubmVjdDphbGljZS1zZWNyZXQ=");
            let (status, body) = if knows { ("200 OK", body.as_str()) } else { ("401 Unauthorized", "{}") };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap_or_default();
        }
    });
    url
}
