//! Schema change messages: DDL statements as records of the topic that bears the connector's prefix.

use connect_api::{Schema, SchemaAndValue, SchemaBuilder, Struct, Value};

use crate::envelope::Now;
use crate::table::{Column, Table, TableChange};

/// Makes schema change messages of one connector.
#[derive(Clone, Debug)]
pub struct SchemaChanges {
    key: Schema,
    value: Schema,
    change: Schema,
    table: Schema,
    column: Schema,
}

/// A statement that changed the structure of a database.
pub struct SchemaChange<'a> {
    pub source: Value,
    pub database: &'a str,
    pub ddl: &'a str,
    pub changes: &'a [TableChange],
}

impl SchemaChanges {
    /// `connector` is the part of the schema names that tells connectors apart: `mysql`, `mariadb`.
    pub fn new(connector: &str, source: &Schema) -> Self {
        let string = || SchemaBuilder::string().build();
        let optional = || SchemaBuilder::string().optional().build();
        let column = column_schema();
        let table = table_schema(&column);
        let change = SchemaBuilder::structure([("type", string()), ("id", string()), ("table", table.clone())])
            .name("io.debezium.connector.schema.Change")
            .version(1)
            .build();
        let value = SchemaBuilder::structure([
            ("source", source.clone()),
            ("ts_ms", SchemaBuilder::int64().build()),
            ("databaseName", optional()),
            ("schemaName", optional()),
            ("ddl", optional()),
            ("tableChanges", SchemaBuilder::array(change.clone()).build()),
        ])
        .name(format!("io.debezium.connector.{connector}.SchemaChangeValue"))
        .version(1)
        .build();
        let key = SchemaBuilder::structure([("databaseName", string())])
            .name(format!("io.debezium.connector.{connector}.SchemaChangeKey"))
            .version(1)
            .build();
        Self { key, value, change, table, column }
    }

    pub fn message(&self, change: SchemaChange<'_>, now: Now) -> (SchemaAndValue, SchemaAndValue) {
        let key = Struct::new(self.key.clone(), vec![change.database.into()]);
        let changes = change.changes.iter().map(|change| self.change(change)).collect();
        let value = vec![
            change.source,
            Value::Int64(now.millis()),
            change.database.into(),
            Value::Null,
            change.ddl.into(),
            Value::Array(changes),
        ];
        (key.into(), Struct::new(self.value.clone(), value).into())
    }

    fn change(&self, change: &TableChange) -> Value {
        let table = match change {
            TableChange::Create(table) | TableChange::Alter { table, .. } => self.table(table),
            TableChange::Drop { .. } => Value::Null,
        };
        let values = vec![change.kind().into(), change.id().quoted().into(), table];
        Value::Struct(Struct::new(self.change.clone(), values))
    }

    fn table(&self, table: &Table) -> Value {
        let columns = table.columns.iter().enumerate().map(|(at, column)| self.column(at, column)).collect();
        let key = table.primary_key.iter().map(|name| Value::from(name.as_str())).collect();
        let values = vec![
            text(table.default_charset.as_deref()),
            Value::Array(key),
            Value::Array(columns),
            text(table.comment.as_deref()),
        ];
        Value::Struct(Struct::new(self.table.clone(), values))
    }

    fn column(&self, at: usize, column: &Column) -> Value {
        let labels = column.enum_values.iter().map(|label| Value::from(label.as_str())).collect();
        let number = |number: Option<i32>| number.map_or(Value::Null, Value::Int32);
        let values = vec![
            column.name.as_str().into(),
            Value::Int32(column.jdbc_type),
            number(column.native_type),
            column.type_name.as_str().into(),
            column.type_expression.as_str().into(),
            text(column.charset.as_deref()),
            number(column.length),
            number(column.scale),
            number(i32::try_from(at + 1).ok()),
            Value::Boolean(column.optional),
            Value::Boolean(column.auto_incremented),
            Value::Boolean(column.generated),
            text(column.comment.as_deref()),
            text(column.default_expression.as_deref()),
            if column.enum_values.is_empty() { Value::Null } else { Value::Array(labels) },
        ];
        Value::Struct(Struct::new(self.column.clone(), values))
    }
}

fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

fn table_schema(column: &Schema) -> Schema {
    let optional = || SchemaBuilder::string().optional().build();
    SchemaBuilder::structure([
        ("defaultCharsetName", optional()),
        ("primaryKeyColumnNames", SchemaBuilder::array(SchemaBuilder::string().build()).optional().build()),
        ("columns", SchemaBuilder::array(column.clone()).build()),
        ("comment", optional()),
    ])
    .name("io.debezium.connector.schema.Table")
    .version(1)
    .optional()
    .build()
}

fn column_schema() -> Schema {
    let string = || SchemaBuilder::string().build();
    let optional = || SchemaBuilder::string().optional().build();
    let int32 = || SchemaBuilder::int32().build();
    let optional_int32 = || SchemaBuilder::int32().optional().build();
    let optional_boolean = || SchemaBuilder::boolean().optional().build();
    SchemaBuilder::structure([
        ("name", string()),
        ("jdbcType", int32()),
        ("nativeType", optional_int32()),
        ("typeName", string()),
        ("typeExpression", optional()),
        ("charsetName", optional()),
        ("length", optional_int32()),
        ("scale", optional_int32()),
        ("position", int32()),
        ("optional", optional_boolean()),
        ("autoIncremented", optional_boolean()),
        ("generated", optional_boolean()),
        ("comment", optional()),
        ("defaultValueExpression", optional()),
        ("enumValues", SchemaBuilder::array(string()).optional().build()),
    ])
    .name("io.debezium.connector.schema.Column")
    .version(1)
    .build()
}
