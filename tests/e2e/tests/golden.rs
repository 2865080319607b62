//! What the originals answered, replayed against the worker by the same runners that captured it (`tests/golden`).

use connect_e2e::conformance::{Conformance, Table, table_rows};

#[tokio::test]
async fn the_mysql_source_writes_what_debezium_writes() {
    Conformance::read().assert_passes("MySQL and MariaDB source").await;
}

#[tokio::test]
async fn the_elasticsearch_sink_does_what_is_documented() {
    Conformance::read().assert_passes("Elasticsearch sink").await;
}

#[tokio::test]
async fn plugins_have_the_settings_that_the_jvm_lists() {
    Conformance::read().assert_passes("settings of plugins").await;
}

#[test]
fn the_readme_shows_every_row_that_is_judged() {
    assert_eq!(Table::of_readme().names(), table_rows(&Conformance::read()));
}
