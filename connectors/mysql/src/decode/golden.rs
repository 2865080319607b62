//! The columns of every golden scenario have the schemas that the JVM's records showed.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use connect_api::{Schema, Type, Value};
use connect_cdc::table::{Column, Table, TableChange, Tables};
use serde_json::{Map, Value as Json};

use super::{BigintUnsigned, Binary, DecimalMode, Options, RowPlan, TimePrecision};
use crate::ddl::golden::{Scenario, scenarios};

pub(super) fn options(scenario: &Scenario) -> Options {
    Options {
        decimal: match scenario.option("decimal.handling.mode") {
            Some("string") => DecimalMode::String,
            Some("double") => DecimalMode::Double,
            _ => DecimalMode::Precise,
        },
        time: match scenario.option("time.precision.mode") {
            Some("connect") => TimePrecision::Connect,
            Some("isostring") => TimePrecision::IsoString,
            Some("microseconds") => TimePrecision::Microseconds,
            Some("nanoseconds") => TimePrecision::Nanoseconds,
            _ => TimePrecision::Adaptive,
        },
        binary: match scenario.option("binary.handling.mode") {
            Some("base64") => Binary::Base64,
            Some("base64-url-safe") => Binary::Base64UrlSafe,
            Some("hex") => Binary::Hex,
            _ => Binary::Bytes,
        },
        bigint_unsigned: match scenario.option("bigint.unsigned.handling.mode") {
            Some("precise") => BigintUnsigned::Precise,
            _ => BigintUnsigned::Long,
        },
        comments: scenario.option("include.schema.comments") == Some("true"),
        ..Options::default()
    }
}

/// The schema as the JsonConverter writes it.
fn json(schema: &Schema) -> Map<String, Json> {
    let mut document = Map::new();
    let mut put = |key: &str, value: Json| drop(document.insert(key.to_owned(), value));
    let name = match &schema.ty {
        Type::Float32 => "float".to_owned(),
        Type::Float64 => "double".to_owned(),
        other => other.java_name().to_lowercase(),
    };
    put("type", name.into());
    if let Type::Struct(fields) = &schema.ty {
        put("fields", fields.iter().map(|field| self::field(&field.name, &field.schema)).collect());
    }
    if let Type::Array(Some(items)) = &schema.ty {
        put("items", Json::Object(json(items)));
    }
    put("optional", schema.optional.into());
    schema.name.iter().for_each(|name| put("name", name.as_str().into()));
    schema.version.iter().for_each(|version| put("version", (*version).into()));
    schema.doc.iter().for_each(|doc| put("doc", doc.as_str().into()));
    if let Some(parameters) = &schema.parameters {
        let parameters = parameters.iter().map(|(key, value)| (key.to_string(), value.as_str().into()));
        put("parameters", Json::Object(parameters.collect()));
    }
    let default = schema.default.as_ref().map(|default| match default {
        Value::Boolean(truth) => (*truth).into(),
        Value::Float32(number) => number.to_string().parse::<f64>().unwrap().into(),
        Value::Float64(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::Bytes(bytes) => STANDARD.encode(bytes).into(),
        number => number.as_i64().unwrap().into(),
    });
    default.into_iter().for_each(|default| put("default", default));
    document
}

fn field(name: &str, schema: &Schema) -> Json {
    let mut document = json(schema);
    document.insert("field".into(), name.into());
    Json::Object(document)
}

fn propagated(scenario: &Scenario, table: &Table, column: &Column) -> bool {
    let full_name = format!("{}.{}", table.id, column.name);
    let matches = |list: &str, name: &str| {
        list.split(',').any(|pattern| {
            // The patterns of the scenario: a prefix or a suffix, and anything.
            match (pattern.strip_suffix(".*"), pattern.strip_prefix(".+")) {
                (Some(prefix), _) => name.starts_with(&prefix.replace('\\', "")),
                (_, Some(suffix)) => name.ends_with(&suffix.replace('\\', "")),
                _ => panic!("an unknown pattern {pattern}"),
            }
        })
    };
    let by_column = scenario.option("column.propagate.source.type").is_some_and(|list| matches(list, &full_name));
    let type_name = format!("{}.{}", table.id.catalog, column.type_name);
    by_column || scenario.option("datatype.propagate.source.type").is_some_and(|list| matches(list, &type_name))
}

/// The field schemas that each table had, one after the other.
fn versions(scenario: &Scenario) -> BTreeMap<String, Vec<Json>> {
    let options = options(scenario);
    let mut parser = scenario.parser();
    let mut tables = Tables::new(false);
    let mut versions: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for step in &scenario.steps {
        let (database, statement) = (step["database"].as_str().unwrap(), step["statement"].as_str().unwrap());
        for change in parser.apply(&mut tables, database, statement).unwrap() {
            for change in &change.table_changes {
                let (TableChange::Create(table) | TableChange::Alter { table, .. }) = change else { continue };
                let plan = RowPlan::new(table, &options, |_| true, |column| propagated(scenario, table, column));
                let fields: Json = plan.fields().map(|(name, schema)| field(name, schema)).collect();
                versions.entry(table.id.to_string()).or_default().push(fields);
            }
        }
    }
    versions
}

/// Compares with every version; for tables that differ, shows the field of the nearest one.
fn check(scenario: &Scenario, problems: &mut String) {
    let versions = versions(scenario);
    for (table, expected) in scenario.head["schemas"].as_object().unwrap() {
        let found = versions.get(table).map(Vec::as_slice).unwrap_or_default();
        let mut from = 0;
        for fields in expected.as_array().unwrap() {
            match found[from..].iter().position(|version| version == fields) {
                Some(at) => from += at,
                None => {
                    let nearest = found.get(from).or(found.last()).cloned().unwrap_or_default();
                    let differ = |(a, b): (&Json, &Json)| (a != b).then(|| format!("{a}\n    {b}"));
                    let pairs = fields.as_array().unwrap().iter().zip(nearest.as_array().into_iter().flatten());
                    let differences: Vec<String> = pairs.filter_map(differ).collect();
                    *problems += &format!("{} {table}:\n    {}\n", scenario.name, differences.join("\n    "));
                }
            }
        }
    }
}

/// Scenarios whose tables differ on purpose; `tests/golden/DIFFERENCES.md` says why.
const DIFFERENT: &[&str] = &["132-mariadb-ddl", "167-ddl-rename-swap"];

#[test]
fn columns_have_the_schemas_of_the_records() {
    let mut problems = String::new();
    for scenario in scenarios().iter().filter(|scenario| !DIFFERENT.contains(&scenario.name.as_str())) {
        check(scenario, &mut problems);
    }
    assert!(problems.is_empty(), "{problems}");
}
