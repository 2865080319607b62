//! The changes that the demo makes, and how long each takes to arrive in the index.

use std::time::{Duration, Instant};

use connect_e2e::{database::Database, index::Search, services};
use serde_json::{Value, json};

use crate::parts::{Parts, WorkerProcess};

const INDEX: &str = "asgard.demo.customers";
/// A change that takes longer than this has not arrived; the worker's status says why.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);

pub(crate) struct Changes {
    database: Database,
    search: Search,
    turn: u64,
}

impl Changes {
    /// Creates the demo's table if it isn't there.
    pub(crate) async fn prepare(parts: &Parts) -> Result<Self, String> {
        let file = services::repository().join("config/demo/customers.sql");
        let script =
            std::fs::read_to_string(&file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
        let mut database = Database::connect(parts.database_port).await;
        for statement in script.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
            database.run(&[statement]).await;
        }
        let port = parts.search.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(9200);
        let search = Search::on(port);
        // As in the seed's set-up: `*_TS` fields are dates, and one node needs no replicas.
        let template = json!({
            "index_patterns": ["asgard.*"],
            "template": {
                "settings": {"number_of_shards": 1, "number_of_replicas": 0},
                "mappings": {"dynamic_templates": [{"dates": {"match": "*_TS", "mapping": {"type": "date"}}}]}
            }
        });
        let status = search.put("_index_template/kafkaconnect", template).await;
        if !(200..300).contains(&status) {
            return Err(format!("the search engine refused the index template with {status}"));
        }
        Ok(Self { database, search, turn: 0 })
    }

    pub(crate) fn index_url(&self) -> String {
        format!("{}/{INDEX}", self.search.url)
    }

    /// Waits until the index has as many documents as the table has rows, and tells how many.
    pub(crate) async fn wait_for_all_rows(&mut self, worker: &WorkerProcess) -> Result<usize, String> {
        let end = Instant::now() + ARRIVES_WITHIN;
        loop {
            let rows = self.database.rows("SELECT id FROM demo.CUSTOMERS").await.len();
            let documents = self.search.documents(INDEX).await.len();
            if rows == documents {
                return Ok(rows);
            }
            if let Some(failure) = worker.failure().await {
                return Err(failure);
            }
            if Instant::now() > end {
                return Err(format!(
                    "the table has {rows} rows, the index {documents} documents after {ARRIVES_WITHIN:?}"
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes one change and prints it when it has arrived.
    pub(crate) async fn one(&mut self) -> Result<(), String> {
        self.turn += 1;
        let next = self.database.rows("SELECT COALESCE(MAX(id), 0) + 1 FROM demo.CUSTOMERS").await;
        let next = next.first().and_then(|row| row[0].clone()).unwrap_or_default();
        let first: u64 = self.turn % 5 + 1;
        let (statement, id) = match self.turn % 4 {
            1 => (
                format!(
                    "INSERT INTO demo.CUSTOMERS (id, first_name, club_status) VALUES ({next}, 'Guest {next}', 'bronze')"
                ),
                next,
            ),
            3 if self.turn > 4 => {
                let last = self.database.rows("SELECT MAX(id) FROM demo.CUSTOMERS").await;
                let last = last.first().and_then(|row| row[0].clone()).unwrap_or_default();
                (format!("DELETE FROM demo.CUSTOMERS WHERE id = {last}"), last)
            }
            _ => {
                let status = ["bronze", "silver", "gold", "platinum"][usize::try_from(self.turn / 2 % 4).unwrap_or(0)];
                let comments = format!("change {} of this run", self.turn);
                (
                    format!(
                        "UPDATE demo.CUSTOMERS SET club_status = '{status}', comments = '{comments}' WHERE id = {first}"
                    ),
                    first.to_string(),
                )
            }
        };
        self.database.run(&[&statement]).await;
        let committed = Instant::now();
        println!("{statement}");
        let expected = self.row(&id).await;
        let document = self.arrival(&id, &expected, committed).await?;
        let latency = committed.elapsed().as_secs_f64() * 1000.0;
        let shown = document.map_or("deleted".into(), |document| document.to_string());
        println!("  {latency:>6.1} ms  {INDEX}/_doc/{id}  {shown}");
        Ok(())
    }

    async fn row(&mut self, id: &str) -> Option<(Option<String>, Option<String>)> {
        let rows =
            self.database.rows(&format!("SELECT club_status, comments FROM demo.CUSTOMERS WHERE id = {id}")).await;
        rows.into_iter().next().map(|mut row| (row[0].take(), row[1].take()))
    }

    async fn arrival(
        &self,
        id: &str,
        expected: &Option<(Option<String>, Option<String>)>,
        since: Instant,
    ) -> Result<Option<Value>, String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        while since.elapsed() < ARRIVES_WITHIN {
            let document = self.search.document(INDEX, id).await;
            let seen = document.as_ref().map(|d| (text(&d["club_status"]), text(&d["comments"])));
            if seen == *expected {
                return Ok(document);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("the change of customer {id} did not arrive within {ARRIVES_WITHIN:?}; see the worker's log"))
    }
}
