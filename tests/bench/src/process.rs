//! What a process costs: CPU-seconds and memory, read from `/proc`; and the cost of a worker that has nothing to do.

use std::time::{Duration, Instant};

use connect_e2e::{
    services::{self, Service},
    worker::{Worker, binary},
};

use crate::{Figure, Target};

/// Linux counts a process's time in hundredths of a second on every architecture we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process so far.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold blanks, so fields are counted from its end.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// Resident memory in MB: now (`VmRSS`) or at its highest (`VmHWM`).
pub(crate) fn memory_mb(pid: u32, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    let kilobytes =
        found.and_then(|text| text.trim_matches([':', '\t', ' ']).trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

/// A worker that has just started, and one that has idled.
pub(crate) async fn idle() -> Vec<Figure> {
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let dir = services::fresh_dir("bench_idle");
    let group = format!("bench-idle-{}", std::process::id());
    // The first start makes the internal topics; the second is what a restart costs.
    let mut worker = Worker::start(&dir, &bootstrap, &group).await;
    worker.stop().await;
    let begun = Instant::now();
    worker.launch();
    worker.ready().await;
    let ready_ms = begun.elapsed().as_secs_f64() * 1000.0;
    let cpu = cpu_seconds(worker.pid());
    let span = Duration::from_secs(10);
    tokio::time::sleep(span).await;
    let idle_cpu = (cpu_seconds(worker.pid()) - cpu) / span.as_secs_f64() * 100.0;
    let size_mb = std::fs::metadata(binary()).map(|file| file.len()).unwrap_or_default() as f64 / 1e6;
    vec![
        Figure { name: "ready_ms".into(), value: ready_ms, target: Target::AtMost(200.0) },
        Figure { name: "rss_mb".into(), value: memory_mb(worker.pid(), "VmRSS"), target: Target::AtMost(25.0) },
        Figure { name: "cpu_percent".into(), value: idle_cpu, target: Target::None },
        Figure { name: "binary_mb".into(), value: size_mb, target: Target::AtMost(40.0) },
    ]
}
