//! The REST API, by what the JVM worker answered (`tests/golden/rest`), in both modes and with each variant's settings.
//!
//! What is run and what is answered otherwise on purpose stands in `tests/golden/conformance.toml`.

use connect_e2e::conformance::Conformance;

#[tokio::test]
async fn a_worker_of_a_cluster_answers_as_the_jvm() {
    Conformance::read().assert_passes("REST API, worker of a cluster").await;
}

#[tokio::test]
async fn a_worker_that_is_alone_answers_as_the_jvm() {
    Conformance::read().assert_passes("REST API, worker alone").await;
}
