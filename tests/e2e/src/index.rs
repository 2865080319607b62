//! An Elasticsearch or OpenSearch server as its users see it: documents in an index.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A search engine on loopback.
#[derive(Clone)]
pub struct Search {
    pub url: String,
    http: reqwest::Client,
}

impl Search {
    pub fn on(port: u16) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client without TLS settings");
        Self { url: format!("http://127.0.0.1:{port}"), http }
    }

    /// All documents of an index by id, after a refresh; empty while there is no such index.
    pub async fn documents(&self, index: &str) -> BTreeMap<String, Value> {
        // A refresh of an index that is not there yet answers 404; the search below answers for both.
        drop(self.http.post(format!("{}/{index}/_refresh", self.url)).send().await);
        let query = json!({"size": 10000, "query": {"match_all": {}}});
        let answer = self.http.post(format!("{}/{index}/_search", self.url)).json(&query).send().await;
        let Ok(answer) = answer else { return BTreeMap::new() };
        let body: Value = answer.json().await.unwrap_or_default();
        let hits = body["hits"]["hits"].as_array().cloned().unwrap_or_default();
        hits.into_iter()
            .map(|hit| (hit["_id"].as_str().unwrap_or_default().to_owned(), hit["_source"].clone()))
            .collect()
    }

    /// How many documents have been written, refreshed or not.
    pub async fn count(&self, index: &str) -> u64 {
        let answer = self.http.get(format!("{}/{index}/_stats/indexing", self.url)).send().await;
        let Ok(answer) = answer else { return 0 };
        let body: Value = answer.json().await.unwrap_or_default();
        body["_all"]["primaries"]["indexing"]["index_total"].as_u64().unwrap_or_default()
    }

    /// One document, as soon as it can be read (real time, without a refresh).
    pub async fn document(&self, index: &str, id: &str) -> Option<Value> {
        let answer = self.http.get(format!("{}/{index}/_doc/{id}", self.url)).send().await.ok()?;
        let body: Value = answer.json().await.ok()?;
        body["found"].as_bool()?.then(|| body["_source"].clone())
    }

    pub async fn put(&self, path: &str, body: Value) -> u16 {
        let answer = self.http.put(format!("{}/{path}", self.url)).json(&body).send().await;
        answer.expect("the search engine answers").status().as_u16()
    }
}
