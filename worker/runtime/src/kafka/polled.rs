//! A producer whose thread sleeps until the client has something to tell.
//!
//! rdkafka's own threaded producers look for news a tenth of a second at a time, and as the client counts in whole
//! milliseconds they spend the last fraction of each spinning: almost 1 % of a core for every producer, records or not.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use connect_api::{Error, Result};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, Producer, ProducerContext, PurgeConfig},
};

/// News wake the thread at once; this is how long it takes at most to notice that its producer is dropped.
const LOOK: Duration = Duration::from_secs(2);

/// Dropping it throws away what was not sent yet, so that no successor's records are followed by older ones, and does not
/// wait for the client to end.
pub struct PolledProducer<C: ProducerContext + 'static> {
    client: Arc<BaseProducer<C>>,
    dropped: Arc<AtomicBool>,
}

impl<C: ProducerContext + 'static> PolledProducer<C> {
    pub fn new(config: &ClientConfig, context: C) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| Error::config(format!("could not make a producer: {error}"));
        let client: BaseProducer<C> = config.create_with_context(context).map_err(|error| failed(&error))?;
        let (client, dropped) = (Arc::new(client), Arc::new(AtomicBool::new(false)));
        let (polled, until) = (client.clone(), dropped.clone());
        let poll = move || {
            while !until.load(Ordering::Acquire) {
                polled.poll(LOOK);
            }
        };
        thread::Builder::new().name("kafka-acks".into()).spawn(poll).map_err(|error| failed(&error))?;
        Ok(Self { client, dropped })
    }
}

impl<C: ProducerContext + 'static> Deref for PolledProducer<C> {
    type Target = BaseProducer<C>;
    fn deref(&self) -> &BaseProducer<C> {
        &self.client
    }
}

impl<C: ProducerContext + 'static> Drop for PolledProducer<C> {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Release);
        self.client.purge(PurgeConfig::default().queue().inflight());
    }
}
