//! Transaction metadata: which events belong together (`provide.transaction.metadata`).

use std::sync::OnceLock;

use connect_api::{OffsetMap, Schema, SchemaAndValue, SchemaBuilder, Str, Struct, Value, java::hash_map_order};

use crate::envelope::{Now, transaction_block};

/// The running transaction: its id and how many events of which table it had.
#[derive(Clone, Debug, Default)]
pub struct TransactionContext {
    id: Option<Str>,
    total: i64,
    per_table: Vec<(Str, i64)>,
}

const ID: &str = "transaction_id";
const ORDER_PREFIX: &str = "transaction_data_collection_order_";

impl TransactionContext {
    /// Takes up the transaction that was running when this offset was written.
    pub fn load(offset: &OffsetMap) -> Self {
        let id = offset.get(ID).and_then(Value::as_str).map(Str::from);
        let count = |(key, value): &(Str, Value)| Some((key.strip_prefix(ORDER_PREFIX)?.into(), value.as_i64()?));
        let per_table: Vec<(Str, i64)> = offset.0.iter().filter_map(count).collect();
        Self { id, total: per_table.iter().map(|(_, count)| count).sum(), per_table }
    }

    pub fn begin(&mut self, id: Str) {
        *self = Self { id: Some(id), total: 0, per_table: Vec::new() };
    }

    pub fn end(&mut self) {
        *self = Self::default();
    }

    pub fn id(&self) -> Option<&Str> {
        self.id.as_ref()
    }

    /// Counts one event of a table and gives its place in the transaction.
    pub fn event(&mut self, table: &str) -> Value {
        let Some(id) = &self.id else {
            return Value::Null;
        };
        self.total += 1;
        let order = match self.per_table.iter_mut().find(|(name, _)| name == table) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.per_table.push((table.into(), 1));
                1
            }
        };
        let values = vec![Value::String(id.clone()), Value::Int64(self.total), Value::Int64(order)];
        Value::Struct(Struct::new(transaction_block(), values))
    }

    /// What an offset says about the transaction.
    pub fn store(&self, offset: &mut Vec<(Str, Value)>) {
        let Some(id) = &self.id else {
            return;
        };
        offset.push((Str::from_static(ID), Value::String(id.clone())));
        for (table, count) in &self.per_table {
            offset.push((format!("{ORDER_PREFIX}{table}").into(), Value::Int64(*count)));
        }
    }

    pub fn begin_message(id: &Str, now: Now) -> (SchemaAndValue, SchemaAndValue) {
        message("BEGIN", id, Value::Null, Value::Null, now)
    }

    /// The message that ends the running transaction.
    pub fn end_message(&self, now: Now) -> Option<(SchemaAndValue, SchemaAndValue)> {
        let collection = &schemas().collection;
        let table = |(name, count): &(Str, i64)| {
            let values = vec![Value::String(name.clone()), Value::Int64(*count)];
            Value::Struct(Struct::new(collection.clone(), values))
        };
        // The JVM lists them as its hash map does.
        let order = hash_map_order(self.per_table.iter().map(|(name, _)| name.as_str()));
        let tables = Value::Array(order.into_iter().map(|at| table(&self.per_table[at])).collect());
        Some(message("END", self.id.as_ref()?, Value::Int64(self.total), tables, now))
    }
}

fn message(status: &'static str, id: &Str, count: Value, tables: Value, now: Now) -> (SchemaAndValue, SchemaAndValue) {
    let schemas = schemas();
    let id = Value::String(id.clone());
    let value = vec![status.into(), id.clone(), count, tables, Value::Int64(now.millis())];
    (Struct::new(schemas.key.clone(), vec![id]).into(), Struct::new(schemas.value.clone(), value).into())
}

struct Schemas {
    key: Schema,
    value: Schema,
    collection: Schema,
}

fn schemas() -> &'static Schemas {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let string = || SchemaBuilder::string().build();
        let int64 = || SchemaBuilder::int64().build();
        let collection = SchemaBuilder::structure([("data_collection", string()), ("event_count", int64())])
            .name("event.collection")
            .version(1)
            .optional()
            .build();
        let value = SchemaBuilder::structure([
            ("status", string()),
            ("id", string()),
            ("event_count", SchemaBuilder::int64().optional().build()),
            ("data_collections", SchemaBuilder::array(collection.clone()).optional().build()),
            ("ts_ms", int64()),
        ])
        .name("io.debezium.connector.common.TransactionMetadataValue")
        .version(1)
        .build();
        let key = SchemaBuilder::structure([("id", string())])
            .name("io.debezium.connector.common.TransactionMetadataKey")
            .version(1)
            .build();
        Schemas { key, value, collection }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_takes_a_running_transaction_up_again() {
        let mut context = TransactionContext::default();
        assert_eq!(context.event("app.a"), Value::Null);
        context.begin("id".into());
        context.event("app.a");
        context.event("app.b");
        let mut offset = Vec::new();
        context.store(&mut offset);
        let mut again = TransactionContext::load(&OffsetMap(offset));
        let Value::Struct(block) = again.event("app.a") else { panic!("inside a transaction") };
        assert_eq!(block.values(), ["id".into(), Value::Int64(3), Value::Int64(2)]);
    }
}
