//! Limits: connections and sizes are bounded, and what is over them ends one connection and not the broker.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use connect_broker::{Broker, BrokerConfig, BrokerMetrics, RunningBroker};

use super::harness::{Folder, PATIENCE};

fn config(folder: &Folder) -> BrokerConfig {
    BrokerConfig::new(folder.path(), "127.0.0.1:0".parse().unwrap())
}

fn start(runtime: &tokio::runtime::Runtime, config: BrokerConfig) -> RunningBroker {
    runtime.block_on(Broker::start(config)).unwrap()
}

fn connect(broker: &RunningBroker) -> TcpStream {
    let stream = TcpStream::connect(broker.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks for the versions and reads the length of the answer.
fn is_answered(stream: &mut TcpStream) -> bool {
    let request = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255];
    let mut length = [0; 4];
    stream.write_all(&request).is_ok() && stream.read_exact(&mut length).is_ok()
}

fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
}

#[test]
fn a_request_that_is_too_large_or_garbage_ends_its_connection_alone() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let broker = start(&runtime, config(&folder));
    let mut good = connect(&broker);
    assert!(is_answered(&mut good));
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[255; 40], &[0, 0, 0, 8, 99, 99, 0, 0, 0, 0, 0, 1]] {
        let mut bad = connect(&broker);
        bad.write_all(bytes).unwrap();
        assert!(is_closed(&mut bad), "{bytes:?}");
    }
    // The rest of the first answer is read before the next question.
    let mut again = connect(&broker);
    assert!(is_answered(&mut again));
    runtime.block_on(broker.shutdown()).unwrap();
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = config(&folder);
    config.limits.connections = 2;
    let broker = start(&runtime, config);
    let mut allowed = [connect(&broker), connect(&broker)];
    for stream in &mut allowed {
        assert!(is_answered(stream));
    }
    let mut third = connect(&broker);
    assert!(is_closed(&mut third));
    let metrics = broker.metrics();
    let expected = BrokerMetrics {
        bytes_in: 28,
        bytes_out: metrics.bytes_out,
        requests: 2,
        connections: 2,
        connections_refused: 1,
        partitions: 0,
    };
    assert_eq!(metrics, expected);
    runtime.block_on(broker.shutdown()).unwrap();
}
