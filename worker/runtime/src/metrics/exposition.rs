//! The page of `/metrics`: which figures there are, in the JVM's terms.

use std::time::Instant;

use super::families::{CONNECT, Labels, Samples};
use crate::{
    herder::driver::Snapshot,
    rest::{App, plugins::COMMIT},
    storage::statuses::{State, Subject},
};

/// The whole page.
pub fn render(app: &App) -> String {
    let mut samples = Samples::default();
    process(&mut samples);
    worker(app, &mut samples);
    if let Ok(services) = app.services() {
        connectors(app, &mut samples);
        for (id, metrics) in app.metrics.all() {
            let state = services.shared.statuses.get(&Subject::Task(id.clone())).map(|status| status.state);
            metrics.write(&id, state, app.settings.config.stuck_after(), &mut samples);
        }
    }
    app.metrics.clients.write(&mut samples);
    samples.render()
}

fn process(samples: &mut Samples) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold blanks: fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    // Linux counts in hundredths of a second, and in pages of 4 KiB, on all machines this runs on.
    samples.add("process_cpu_seconds_total", Vec::new(), (field(11) + field(12)) / 100.0);
    let resident = field(21) * 4096.0;
    samples.add("process_resident_memory_bytes", Vec::new(), resident);
    samples.add("jvm_memory_used_bytes", vec![("area", "heap".into())], resident);
    samples.add("jvm_memory_bytes_used", vec![("area", "heap".into())], resident);
    samples.add("jvm_threads_current", Vec::new(), field(17));
}

fn worker(app: &App, samples: &mut Samples) {
    let snapshot = app.herder.snapshot.borrow().clone();
    let mut bean = samples.bean(CONNECT, "connect-worker-metrics", Labels::new());
    bean.number("connector-count", snapshot.connectors.len() as f64);
    bean.number("task-count", snapshot.tasks as f64);
    app.metrics.connector_starts.write("connector", samples);
    app.metrics.task_starts.write("task", samples);
    let client_id = app.settings.group_client_id();
    if app.settings.cluster().is_some() {
        membership(app, &snapshot, samples);
        app.metrics.group.write(&client_id, (snapshot.connectors.len(), snapshot.tasks), samples);
        app.metrics.connection.write(&client_id, samples);
    }
    about(app, &client_id, samples);
}

/// The bean `app-info`, which each family of dashboards takes apart in its own way.
fn about(app: &App, client_id: &str, samples: &mut Samples) {
    let (version, started_ms) = (crate::plugins::VERSION.to_owned(), app.metrics.started_ms);
    let jmx = ("clientid", client_id.to_owned());
    samples.add("kafka_connect_version_info", vec![jmx.clone(), ("version", version.clone())], 1.0);
    samples.add("kafka_connect_commit_id_info", vec![jmx.clone(), ("commit_id", COMMIT.to_owned())], 1.0);
    samples.add("kafka_connect_start_time_seconds", vec![jmx], started_ms as f64 / 1000.0);
    let client = ("client_id", client_id.to_owned());
    let stacks = vec![client.clone(), ("start_time_ms", started_ms.to_string()), ("version", version.clone())];
    samples.add("kafka_connect_app_info", stacks.clone(), 1.0);
    samples.add("kafka_connect_app", stacks, 1.0);
    samples.add("kafka_connect_app_info_version_info", vec![client.clone(), ("version", version)], 1.0);
    samples.add("kafka_connect_app_info_commit_id_info", vec![client.clone(), ("commit_id", COMMIT.to_owned())], 1.0);
    samples.add("kafka_connect_app_info_start_time_ms", vec![client], started_ms as f64);
}

/// This worker's place in its group.
fn membership(app: &App, snapshot: &Snapshot, samples: &mut Samples) {
    let mut bean = samples.bean(CONNECT, "connect-worker-rebalance-metrics", Labels::new());
    bean.number("rebalancing", if snapshot.ready { 0.0 } else { 1.0 });
    bean.number("epoch", f64::from(snapshot.generation));
    bean.number("completed-rebalances-total", snapshot.rebalances as f64);
    let since =
        snapshot.last_rebalance.map_or(f64::INFINITY, |at| Instant::now().duration_since(at).as_millis() as f64);
    bean.number("time-since-last-rebalance-ms", since);
    bean.number("rebalance-avg-time-ms", app.metrics.group.settled.average());
    bean.number("rebalance-max-time-ms", app.metrics.group.settled.max());
    if let Some(leader) = &snapshot.leader_url {
        bean.text("leader-name", leader);
    }
    let protocol =
        ["EAGER", "COMPATIBLE", "SESSIONED"][usize::try_from(snapshot.protocol_version.clamp(0, 2)).unwrap_or(0)];
    bean.text("connect-protocol", protocol);
}

/// Each connector's series come from the worker that owns it, one status at a time.
fn connectors(app: &App, samples: &mut Samples) {
    let Ok(services) = app.services() else { return };
    let config = app.herder.config();
    for name in app.herder.snapshot.borrow().connectors.iter() {
        let tags: Labels = vec![("connector", name.clone())];
        let statuses = &services.shared.statuses;
        let mut bean = samples.bean(CONNECT, "connector-metrics", tags.clone());
        if let Some(status) = statuses.get(&Subject::Connector(name.clone())) {
            bean.text("status", &status.state.name().to_ascii_lowercase());
        }
        if let Some(plugin) = config.connector(name).and_then(|p| app.plugins.find_connector(p.get("connector.class")?))
        {
            bean.text("connector-class", plugin.class());
            bean.text("connector-type", plugin.kind());
            bean.text("connector-version", plugin.version());
        }
        let tasks = statuses.tasks(name);
        let mut bean = samples.bean(CONNECT, "connect-worker-metrics", tags);
        bean.number("connector-total-task-count", tasks.len() as f64);
        for state in
            [State::Running, State::Paused, State::Failed, State::Unassigned, State::Destroyed, State::Restarting]
        {
            let count = tasks.iter().filter(|(_, status)| status.state == state).count();
            bean.number(&format!("connector-{}-task-count", state.name().to_ascii_lowercase()), count as f64);
        }
    }
}
