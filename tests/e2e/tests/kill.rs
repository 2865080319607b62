//! `kill -9` at random moments and at the moments that matter: nothing is lost, and the index equals the table.

use std::time::Duration;

use connect_e2e::{
    pipeline::{Pipeline, Systems},
    topics, wait,
};

/// Rounds of one run; `KILL_ROUNDS` asks for another number.
const ROUNDS: u64 = 50;
/// The moments at which the worker can be told to die (`MILLRACE_KILL_AT`), besides random ones.
const POINTS: [&str; 4] = ["after_poll", "after_send", "before_offset_write", "after_offset_write"];
/// Enough rows for the snapshot to be under way when the worker dies.
const SNAPSHOT_ROWS: u64 = 20_000;

#[tokio::test]
async fn nothing_is_lost_when_the_worker_is_killed_at_any_moment() {
    let rounds = std::env::var("KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let mut pipeline = Pipeline::prepare("kill", Systems::mysql_to_elasticsearch()).await;
    pipeline.sql(&["INSERT INTO item (id, name) VALUES (0, 'at first')"]).await;
    pipeline.create_connectors().await;
    pipeline.index_equals_table().await;
    // A dead worker is noticed soon, and its work is taken over at once instead of after five minutes.
    pipeline.worker.property("session.timeout.ms", "1500");
    pipeline.worker.property("heartbeat.interval.ms", "400");
    pipeline.worker.property("scheduled.rebalance.max.delay.ms", "0");
    // The same for the group of the sink: else each dead member keeps the partition from its successors for 45 s.
    pipeline.worker.property("consumer.session.timeout.ms", "1500");
    pipeline.worker.property("consumer.heartbeat.interval.ms", "400");
    let mut random = Random(0x5eed);
    for round in 1..=rounds {
        // Every other round dies at a named moment, the others anywhere within the time a change takes to travel.
        let point = (round % 2 == 0).then(|| POINTS[usize::try_from(round / 2).expect("few rounds") % POINTS.len()]);
        pipeline.worker.kill();
        pipeline.worker.environment("MILLRACE_KILL_AT", point.unwrap_or(""));
        let streams = streams_begun(&pipeline);
        pipeline.worker.launch();
        if point.is_none() {
            wait::until("the source streams", Duration::from_secs(60), true, || async {
                streams_begun(&pipeline) > streams
            })
            .await;
        }
        change_rows(&mut pipeline, round, &mut random).await;
        match point {
            Some(point) => {
                let dead = async {
                    while !pipeline.worker.ended() {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                };
                let dies = tokio::time::timeout(Duration::from_secs(60), dead).await;
                assert!(dies.is_ok(), "round {round}: the worker never came to {point}");
            }
            None => tokio::time::sleep(Duration::from_millis(random.below(800))).await,
        }
    }
    pipeline.worker.kill();
    pipeline.worker.environment("MILLRACE_KILL_AT", "");
    pipeline.worker.launch();
    pipeline.index_equals_table().await;
    every_state_was_sent(&pipeline);
}

#[tokio::test]
async fn a_worker_killed_in_its_snapshot_or_at_the_hand_off_starts_over_and_loses_nothing() {
    let mut pipeline = Pipeline::prepare("kill_snapshot", Systems::mysql_to_elasticsearch()).await;
    let rows: Vec<String> = (0..SNAPSHOT_ROWS).map(|id| format!("({id}, 'row {id}')")).collect();
    for chunk in rows.chunks(1000) {
        pipeline.sql(&[&format!("INSERT INTO item (id, name) VALUES {}", chunk.join(","))]).await;
    }
    // Else the next worker may keep the dead one's task back for five minutes, in case that one returns.
    pipeline.worker.property("scheduled.rebalance.max.delay.ms", "0");
    // The index holds too many documents to list; what counts here is the topic.
    let answer = pipeline.worker.create(&pipeline.source(), pipeline.source_config()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let (bootstrap, topic) = (pipeline.systems.bootstrap(), pipeline.topic());
    for records_before_death in [1, 5_000, usize::try_from(SNAPSHOT_ROWS).expect("few rows")] {
        wait::until("the snapshot is under way", Duration::from_secs(60), true, || async {
            topics::read(&bootstrap, &topic).len() >= records_before_death
        })
        .await;
        pipeline.worker.kill();
        pipeline
            .sql(&[&format!(
                "INSERT INTO item (id, name) VALUES ({}, 'changed')",
                SNAPSHOT_ROWS + records_before_death as u64
            )])
            .await;
        pipeline.worker.launch();
    }
    let expected: std::collections::BTreeSet<String> = pipeline.table().await.into_keys().collect();
    wait::until("every row is in the topic", Duration::from_secs(60), expected, || async {
        topics::read(&bootstrap, &topic).into_iter().filter_map(|record| record.key).collect()
    })
    .await;
}

/// How often the source has begun to read the log, by the worker's own. Its status would still be that of its dead predecessor.
fn streams_begun(pipeline: &Pipeline) -> usize {
    pipeline.worker.log().matches("the log is read position").count()
}

/// A few statements that leave each row in a state of its own, so that a lost change shows.
async fn change_rows(pipeline: &mut Pipeline, round: u64, random: &mut Random) {
    pipeline.sql(&[&format!("INSERT INTO item (id, name) VALUES ({round}, 'round {round}')")]).await;
    for step in 0..4 {
        let id = random.below(round + 1);
        pipeline
            .sql(&[&format!("UPDATE item SET amount = {round}, note = 'round {round} step {step}' WHERE id = {id}")])
            .await;
    }
    if random.below(4) == 0 {
        pipeline.sql(&[&format!("DELETE FROM item WHERE id = {}", random.below(round + 1))]).await;
    }
}

/// The records of each key arrive in their order: a repeated stretch is allowed, a gap or a step back without one is not.
fn every_state_was_sent(pipeline: &Pipeline) {
    let records = topics::read(&pipeline.systems.bootstrap(), &pipeline.topic());
    let mut first_seen: Vec<(String, Option<String>)> = Vec::new();
    for record in records {
        let state = (record.key.unwrap_or_default(), record.value);
        if !first_seen.contains(&state) {
            first_seen.push(state);
        }
    }
    let rounds: Vec<u64> = first_seen.iter().filter_map(|(_, value)| round_of(value.as_deref()?)).collect();
    assert!(rounds.is_sorted(), "changes came first in the order they were made: {rounds:?}");
}

fn round_of(value: &str) -> Option<u64> {
    let document: serde_json::Value = serde_json::from_str(value).ok()?;
    let text = document["note"].as_str()?.split_whitespace().nth(1)?.to_owned();
    text.parse().ok()
}

/// A small generator with a fixed seed, so that a failing run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
