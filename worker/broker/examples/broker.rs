//! Runs the broker alone: `broker --data DIR --listen HOST:PORT`. Prints the address when clients can connect.

use std::{error::Error, io::Write, net::SocketAddr};

use connect_broker::{Broker, BrokerConfig};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let (mut data, mut listen) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        match name.as_str() {
            "--data" => data = Some(value),
            "--listen" => listen = Some(value.parse::<SocketAddr>()?),
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let data = data.ok_or("--data DIR is missing")?;
    let listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    let broker = Broker::start(BrokerConfig::new(data, listen)).await?;
    writeln!(std::io::stdout(), "listening {}", broker.address())?;
    std::io::stdout().flush()?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    broker.shutdown().await?;
    Ok(())
}
