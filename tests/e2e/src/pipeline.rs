//! The main job as a test subject: a table, a source, a topic, a sink and an index, with names of their own.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{database::Database, index::Search, services, wait, worker::Worker};

/// How long the index may lag behind the table at the end of a test.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(90);

/// Pipelines of this process so far.
static PIPELINES: AtomicU32 = AtomicU32::new(0);

/// Which systems a pipeline runs between.
pub struct Systems {
    pub mariadb: bool,
    pub database_port: u16,
    pub kafka_port: u16,
    pub search_port: u16,
}

impl Systems {
    /// MySQL to Elasticsearch over Kafka, on the instances that all tests share.
    pub fn mysql_to_elasticsearch() -> Self {
        use services::Service::{Elasticsearch, Kafka, Mysql};
        Self {
            mariadb: false,
            database_port: Mysql.shared(),
            kafka_port: Kafka.shared(),
            search_port: Elasticsearch.shared(),
        }
    }

    /// MariaDB to OpenSearch over Kafka, on the instances that all tests share.
    pub fn mariadb_to_opensearch() -> Self {
        use services::Service::{Kafka, Mariadb, Opensearch};
        Self {
            mariadb: true,
            database_port: Mariadb.shared(),
            kafka_port: Kafka.shared(),
            search_port: Opensearch.shared(),
        }
    }

    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.kafka_port)
    }
}

/// A running pipeline.
pub struct Pipeline {
    pub name: String,
    pub worker: Worker,
    pub database: Database,
    pub search: Search,
    pub systems: Systems,
    /// Two readers of one server under one id push each other out.
    server_id: u32,
    dir: PathBuf,
}

impl Pipeline {
    /// Makes an empty table `<name>.item` and a worker; no connector yet.
    pub async fn prepare(test: &str, systems: Systems) -> Self {
        let name = format!("{test}_{}", std::process::id());
        let dir = services::fresh_dir(test);
        let mut database = Database::connect(systems.database_port).await;
        database.run(&[&format!("DROP DATABASE IF EXISTS {name}"), &format!("CREATE DATABASE {name}")]).await;
        let table =
            "CREATE TABLE item (id BIGINT PRIMARY KEY, name VARCHAR(80) NOT NULL, amount DECIMAL(10,2), note TEXT)";
        database.run(&[&format!("USE {name}"), table]).await;
        let worker = Worker::start(&dir, &systems.bootstrap(), &name).await;
        // The sink may come before the source has made the topic.
        worker.expects(&["Subscribed topic not available: "]);
        let search = Search::on(systems.search_port);
        let server_id = std::process::id() % 100_000 * 100 + 1_000 + PIPELINES.fetch_add(1, Ordering::Relaxed);
        Self { name, worker, database, search, systems, server_id, dir }
    }

    /// Creates both connectors and waits until they run.
    pub async fn create_connectors(&self) {
        for (name, config) in [(self.source(), self.source_config()), (self.sink(), self.sink_config())] {
            let answer = self.worker.create(&name, config).await;
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        for name in self.connectors() {
            self.worker.reaches(&name, "RUNNING").await;
        }
    }

    /// The name of the source connector.
    pub fn source(&self) -> String {
        format!("{}-source", self.name)
    }

    /// The name of the sink connector. It names the sink's consumer group too, and all pipelines share one Kafka:
    /// under one name the dead members of one test would keep the partitions from another's sink.
    pub fn sink(&self) -> String {
        format!("{}-sink", self.name)
    }

    pub fn connectors(&self) -> [String; 2] {
        [self.source(), self.sink()]
    }

    pub fn topic(&self) -> String {
        format!("{0}.{0}.item", self.name)
    }

    pub fn index(&self) -> String {
        self.topic().to_lowercase()
    }

    pub fn source_config(&self) -> Value {
        let class = if self.systems.mariadb { "mariadb.MariaDbConnector" } else { "mysql.MySqlConnector" };
        json!({
            "connector.class": format!("io.debezium.connector.{class}"),
            "database.hostname": "127.0.0.1",
            "database.port": self.systems.database_port.to_string(),
            "database.user": "debezium",
            "database.password": "dbz",
            "database.server.id": self.server_id.to_string(),
            "topic.prefix": self.name,
            "table.include.list": format!("{}.item", self.name),
            "schema.history.internal.kafka.bootstrap.servers": self.systems.bootstrap(),
            "schema.history.internal.kafka.topic": format!("{}-history", self.name),
            "include.schema.changes": "false",
            "decimal.handling.mode": "string",
            "transforms": "unwrap,extractkey",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone",
            "transforms.extractkey.type": "org.apache.kafka.connect.transforms.ExtractField$Key",
            "transforms.extractkey.field": "id",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false"
        })
    }

    pub fn sink_config(&self) -> Value {
        json!({
            "connector.class": "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector",
            "connection.url": self.search.url,
            "topics": self.topic(),
            "schema.ignore": "true",
            "behavior.on.null.values": "delete",
            "read.timeout.ms": "20000",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false"
        })
    }

    /// Runs statements in the pipeline's own database.
    pub async fn sql(&mut self, statements: &[&str]) {
        self.database.run(statements).await;
    }

    /// What the index must hold: every row of the table as a document under its key.
    pub async fn table(&mut self) -> BTreeMap<String, Value> {
        let columns: Vec<String> = self
            .database
            .rows(&format!(
                "SELECT column_name FROM information_schema.columns \
                 WHERE table_schema='{}' AND table_name='item' ORDER BY ordinal_position",
                self.name
            ))
            .await
            .into_iter()
            .filter_map(|mut row| row[0].take())
            .collect();
        let rows = self.database.rows(&format!("SELECT * FROM {}.item", self.name)).await;
        let mut table = BTreeMap::new();
        for row in rows {
            let document: serde_json::Map<String, Value> = columns
                .iter()
                .cloned()
                .zip(row.into_iter().map(|text| text.map_or(Value::Null, Value::from)))
                .collect();
            let id = document["id"].as_str().unwrap_or_default().to_owned();
            table.insert(id, Value::Object(document));
        }
        table
    }

    /// Waits until the index holds exactly the rows of the table.
    pub async fn index_equals_table(&mut self) {
        let table = self.table().await;
        let (search, index) = (self.search.clone(), self.index());
        wait::until("the index equals the table", CATCHES_UP_WITHIN, table, || async {
            let documents = search.documents(&index).await;
            documents.into_iter().map(|(id, document)| (id, as_text(document))).collect()
        })
        .await;
    }
}

/// Numbers become text, as the rows of the database are read as text.
fn as_text(document: Value) -> Value {
    match document {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, as_text(value))).collect())
        }
        Value::Number(number) => Value::String(number.to_string()),
        other => other,
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.worker.kill();
        if !std::thread::panicking() {
            self.worker.has_told_nothing_unexpected();
            drop(std::fs::remove_dir_all(&self.dir));
        }
    }
}
