//! Heartbeats: records that carry the offset of a log whose events are all filtered out.

use std::{sync::OnceLock, time::Duration};

use connect_api::{Schema, SchemaAndValue, SchemaBuilder, Str, Struct, Value};

use crate::envelope::Now;

/// Tells when a heartbeat is due.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    pub topic: Str,
    interval: Duration,
    last_millis: i64,
}

impl Heartbeat {
    /// An interval of zero is no heartbeats at all.
    pub fn new(topic: Str, interval: Duration) -> Self {
        Self { topic, interval, last_millis: Now::read().millis() }
    }

    pub fn enabled(&self) -> bool {
        !self.interval.is_zero()
    }

    pub fn is_due(&self, now: Now) -> bool {
        let passed = now.millis().saturating_sub(self.last_millis);
        self.enabled() && u128::try_from(passed).is_ok_and(|passed| passed >= self.interval.as_millis())
    }

    /// The heartbeat's key and value; the next one is due an interval later.
    pub fn beat(&mut self, server: &Str, now: Now) -> (SchemaAndValue, SchemaAndValue) {
        self.last_millis = now.millis();
        let (key, value) = schemas();
        (
            Struct::new(key.clone(), vec![Value::String(server.clone())]).into(),
            Struct::new(value.clone(), vec![Value::Int64(now.millis())]).into(),
        )
    }
}

fn schemas() -> &'static (Schema, Schema) {
    static SCHEMAS: OnceLock<(Schema, Schema)> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let key = SchemaBuilder::structure([("serverName", SchemaBuilder::string().build())])
            .name("io.debezium.connector.common.ServerNameKey")
            .version(1)
            .build();
        let value = SchemaBuilder::structure([("ts_ms", SchemaBuilder::int64().build())])
            .name("io.debezium.connector.common.Heartbeat")
            .version(1)
            .build();
        (key, value)
    })
}
