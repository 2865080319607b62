//! Writes to Elasticsearch and OpenSearch by bulk requests.
