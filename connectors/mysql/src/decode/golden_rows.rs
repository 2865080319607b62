//! Rows that real servers wrote, as binlog events and as query results, give the values of the golden records.

use std::{collections::BTreeMap, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use connect_api::{Bytes, Schema, Type, Value, java};
use connect_cdc::table::{TableId, Tables};
use serde_json::{Value as Json, json};

use super::{Options, RowDecoder, RowPlan, TableMap, golden};
use crate::ddl::{Parser, golden::Scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/mysql-rows");
    crate::ddl::golden::scenarios_in(&folder)
}

/// A value as the JsonConverter writes it, with defaults in place of null.
fn json_value(schema: &Schema, value: &Value, defaults: bool) -> Json {
    match value {
        Value::Null if defaults && schema.default.is_some() => {
            json_value(schema, schema.default.as_ref().unwrap(), false)
        }
        Value::Null => Json::Null,
        Value::Boolean(truth) => (*truth).into(),
        Value::Float32(number) => java::float_text(*number).parse::<f64>().unwrap().into(),
        Value::Float64(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::Bytes(bytes) => STANDARD.encode(bytes).into(),
        Value::Array(values) => {
            let Type::Array(Some(items)) = &schema.ty else { panic!("an array has an array's schema") };
            values.iter().map(|value| json_value(items, value, defaults)).collect()
        }
        Value::Struct(row) => {
            let fields = row.schema().fields().unwrap();
            let member = |(field, value): (_, &Value)| {
                let field: &connect_api::Field = field;
                (field.name.to_string(), json_value(&field.schema, value, defaults))
            };
            Json::Object(fields.iter().zip(row.values()).map(member).collect())
        }
        number => number.as_i64().unwrap().into(),
    }
}

/// Replays one scenario; collects what the records of each table say: operation, row before, row after.
struct Replay {
    parser: Parser,
    tables: Tables,
    options: Options,
    defaults: bool,
    decoders: BTreeMap<u64, (String, RowPlan, RowDecoder)>,
    records: BTreeMap<String, Vec<Json>>,
}

impl Replay {
    fn new(scenario: &Scenario) -> Self {
        Self {
            parser: scenario.parser(),
            tables: Tables::new(false),
            options: golden::options(scenario),
            defaults: scenario.name != "114-null-with-default",
            decoders: BTreeMap::new(),
            records: BTreeMap::new(),
        }
    }

    fn plan(&self, database: &str, table: &str) -> Option<RowPlan> {
        let table = self.tables.get(&TableId::in_database(database, table))?;
        Some(RowPlan::new(table, &self.options, |_| true, |_| false))
    }

    fn row(&self, plan: &RowPlan, values: &[Value]) -> Json {
        let member = |((name, schema), value): ((&str, &Schema), &Value)| {
            (name.to_owned(), json_value(schema, value, self.defaults))
        };
        Json::Object(plan.fields().zip(values).map(member).collect())
    }

    fn step(&mut self, step: &Json) {
        let bytes = |json: &Json| Bytes::from(STANDARD.decode(json.as_str().unwrap()).unwrap());
        if let Some(statement) = step["statement"].as_str() {
            self.parser.apply(&mut self.tables, step["database"].as_str().unwrap(), statement).unwrap();
        } else if let Some(table) = step["table"].as_str() {
            let (database, name) = table.split_once('.').unwrap();
            let plan = self.plan(database, name).unwrap();
            for row in step["text"].as_array().unwrap() {
                let columns: Vec<Option<Bytes>> =
                    row.as_array().unwrap().iter().map(|text| (!text.is_null()).then(|| bytes(text))).collect();
                let row = self.row(&plan, &plan.from_text(&columns).unwrap());
                self.records.entry(table.to_owned()).or_default().push(json!(["r", null, row]));
            }
        } else if !step["map"].is_null() {
            let map = TableMap::parse(&bytes(&step["map"])).unwrap();
            let Some(plan) = self.plan(&map.database, &map.table) else { return };
            let decoder = plan.bind(&map).unwrap();
            self.decoders.insert(map.table_id, (format!("{}.{}", map.database, map.table), plan, decoder));
        } else {
            self.rows(step["rows"].as_u64().unwrap(), &bytes(&step["body"]));
        }
    }

    /// WRITE_ROWS (30, 23), UPDATE_ROWS (31, 24) or DELETE_ROWS (32, 25).
    fn rows(&mut self, event: u64, body: &Bytes) {
        let mut reader = super::wire::Reader::new(body);
        let id = reader.uint_le(6).unwrap();
        reader.skip(2).unwrap();
        if event >= 30 {
            let extra = usize::from(reader.u16_le().unwrap());
            reader.skip(extra - 2).unwrap();
        }
        let columns = reader.length_encoded().unwrap() as usize;
        let update = matches!(event, 31 | 24);
        let first = reader.take(columns.div_ceil(8)).unwrap();
        let second = if update { reader.take(columns.div_ceil(8)).unwrap() } else { first };
        let mut at = reader.position();
        let Some((table, plan, decoder)) = self.decoders.get(&id) else { return };
        let mut records = Vec::new();
        while at < body.len() {
            let row = self.row(plan, &decoder.decode(body, &mut at, first).unwrap());
            records.push(match event {
                30 | 23 => json!(["c", null, row]),
                32 | 25 => json!(["d", row, null]),
                _ => json!(["u", row, self.row(plan, &decoder.decode(body, &mut at, second).unwrap())]),
            });
        }
        self.records.entry(table.clone()).or_default().extend(records);
    }
}

/// Turns updates of the key into the delete and create that records make of them.
fn expand(records: &[Json], expected: &[Json]) -> Vec<Json> {
    let mut expanded = Vec::new();
    for record in records {
        let split = record[0] == "u" && expected.get(expanded.len()).is_some_and(|expected| expected[0] == "d");
        if split {
            expanded.push(json!(["d", record[1], null]));
            expanded.push(json!(["c", null, record[2]]));
        } else {
            expanded.push(record.clone());
        }
    }
    expanded
}

/// `scenario operation column expected found` of every value that differs.
fn differences(scenario: &Scenario) -> Vec<String> {
    let mut replay = Replay::new(scenario);
    scenario.steps.iter().for_each(|step| replay.step(step));
    let mut differences = Vec::new();
    for (table, expected) in scenario.head["expected"].as_object().unwrap() {
        let expected = expected.as_array().unwrap();
        let found = expand(replay.records.get(table).map(Vec::as_slice).unwrap_or_default(), expected);
        if found.len() != expected.len() {
            differences.push(format!("{} {table}: {} records, not {}", scenario.name, found.len(), expected.len()));
        }
        for (expected, found) in expected.iter().zip(&found) {
            for image in 1..3 {
                let columns = expected[image].as_object().into_iter().flatten();
                for (column, expected_value) in columns {
                    // Both sides go through the same reading of numbers.
                    let found_value: Json = serde_json::from_str(&found[image][column].to_string()).unwrap();
                    let placeholder = expected_value.as_str().is_some_and(|text| text.starts_with("<now"));
                    if found_value != *expected_value && !placeholder {
                        let operation = expected[0].as_str().unwrap();
                        differences
                            .push(format!("{} {operation} {column} {expected_value} {found_value}", scenario.name));
                    }
                }
            }
        }
    }
    differences
}

#[test]
fn rows_have_the_values_of_the_records() {
    let found: Vec<String> = scenarios().iter().flat_map(differences).collect();
    expect_test::expect![[r#"
        004-decimal-precise r db103 -0.001 -0.0010000000000000009
        004-decimal-precise r fu 3.14159 3.1415927
        004-decimal-precise r f20 16777200.0 16777216.0
        005-decimal-string r db103 -0.001 -0.0010000000000000009
        005-decimal-string r fu 3.14159 3.1415927
        005-decimal-string r f20 16777200.0 16777216.0
        006-decimal-double r db103 -0.001 -0.0010000000000000009
        006-decimal-double r fu 3.14159 3.1415927
        006-decimal-double r f20 16777200.0 16777216.0
        014-enum-set c en "d\\,e" "d,e"
        015-json c j "{\"dt\":\"2024-02-29 12:34:56.123456\",\"dec\":123456789.987654321,\"dt0\":\"2024-02-29 12:34:56\",\"date\":\"2024-02-29\",\"time\":\"13:0-35:0-57.00000-789\"}" "{\"dt\":\"2024-02-29 12:34:56.123456\",\"dec\":123456789.987654321,\"dt0\":\"2024-02-29 12:34:56\",\"date\":\"2024-02-29\",\"time\":\"-12:34:56.789\"}"
        022-zero-dates c y 1900 2000
        022-zero-dates c yn 1900 2000
        022-zero-dates c yn 1900 2000
        133-mariadb-temporal-zero c ts "1970-01-01T00:00:00.000Z" null"#]].assert_eq(&found.join("\n"));
}

/// The two scenarios of our own copy each table row by row into another: what the snapshot reads from the one must be
/// what the stream reads from the other.
#[test]
fn snapshot_and_stream_of_one_row_give_one_value() {
    let mut differences = Vec::new();
    for scenario in scenarios().iter().filter(|scenario| scenario.name.starts_with("own-")) {
        let mut replay = Replay::new(scenario);
        scenario.steps.iter().for_each(|step| replay.step(step));
        for table in ["a", "s", "b", "t", "m"] {
            let rows = |name: &str| replay.records.get(name).cloned().unwrap_or_default();
            let (snapshot, stream) = (rows(&format!("app.{table}")), rows(&format!("app.{table}2")));
            assert_eq!(snapshot.len(), stream.len(), "{} {table}", scenario.name);
            for (read, streamed) in snapshot.iter().zip(&stream) {
                for (column, value) in read[2].as_object().unwrap() {
                    if *value != streamed[2][column] {
                        let name = &scenario.name;
                        differences.push(format!("{name} {table} {column} {value} {}", streamed[2][column]));
                    }
                }
            }
        }
    }
    expect_test::expect![[""]].assert_eq(&differences.join("\n"));
}
