//! Statements of all kinds, with what Debezium's parsers made of each: see `tests/golden/mysql-ddl`.

use std::sync::Arc;

use connect_cdc::{
    table::{Column, Table, TableChange, TableId, Tables},
    table_json,
};
use serde_json::{Value as Json, json};

use super::{Dialect, Parser};

fn table_of(id: &TableId, json: &Json) -> Option<Table> {
    let document = json!({"type": "CREATE", "id": id.quoted(), "table": json, "comment": json["comment"]});
    match table_json::decode(&document) {
        Ok(TableChange::Create(table)) => Some(Arc::unwrap_or_clone(table)),
        _ => None,
    }
}

/// A table in lines, as tests compare it and people read it.
fn summary(table: Option<&Table>) -> Vec<String> {
    let Some(table) = table else { return vec!["no table".into()] };
    let table_line = format!("{:?} {:?} {:?}", table.default_charset, table.primary_key, table.comment);
    let column_line = |c: &Column| {
        let mark = |on: bool, mark: &'static str| if on { mark } else { "" };
        format!(
            "{} {} {} {:?} {:?}{}{}{} {:?} {:?} {:?} {:?}",
            c.name,
            c.type_name,
            c.jdbc_type,
            c.length,
            c.scale,
            mark(!c.optional, " NOT NULL"),
            mark(c.auto_incremented, " AUTO"),
            mark(c.has_default, " DEFAULT"),
            c.default_expression,
            c.charset,
            c.comment,
            c.enum_values
        )
    };
    std::iter::once(table_line).chain(table.columns.iter().map(column_line)).collect()
}

/// What differs between the parser and the recorded statement; the tables take the recorded state afterwards.
fn check(parser: &mut Parser, tables: &mut Tables, record: &Json) -> Vec<String> {
    let (database, statement) = (record["database"].as_str().unwrap(), record["ddl"].as_str().unwrap());
    let changes = parser.apply(tables, database, statement).unwrap();
    let mut texts: Vec<&str> = changes.iter().map(|change| change.ddl.as_str()).collect();
    texts.dedup();
    let events = record["events"].as_array().unwrap();
    let mut expected: Vec<&str> = events.iter().map(|event| event["statement"].as_str().unwrap_or(statement)).collect();
    expected.dedup();
    let mut differences = Vec::new();
    // Temporary tables and views are none of ours.
    if statement.contains("TEMPORARY") || statement.contains("VIEW") {
        return differences;
    }
    if !events.is_empty() && texts != expected {
        differences.push(format!("{expected:?}\n  {texts:?}"));
    }
    for (id, json) in record["tables"].as_object().unwrap() {
        let (database, table) = id.split_once('.').unwrap();
        let id = TableId::in_database(database, table);
        let expected = table_of(&id, json);
        let lines = summary(expected.as_ref());
        let found = summary(tables.get(&id).map(|table| &**table));
        for at in 0..lines.len().max(found.len()) {
            let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
            // A record of no table only says that nobody asked: views, and tables that were never there.
            if line(&lines) != line(&found) && lines != ["no table"] {
                differences.push(format!("{}\n  {}", line(&lines), line(&found)));
            }
        }
        tables.remove(&id);
        expected.into_iter().for_each(|table| drop(tables.put(table)));
    }
    differences
}

fn differences(dialect: Dialect, file: &str) -> String {
    let mut parser = Parser::new(dialect, true);
    let mut tables = Tables::new(false);
    let mut differences = Vec::new();
    for line in file.lines() {
        let record: Json = serde_json::from_str(line).unwrap();
        if record["ddl"].as_str().unwrap().starts_with("SET character_set_server") {
            tables.clear();
        }
        differences.extend(check(&mut parser, &mut tables, &record));
    }
    differences.join("\n")
}

#[test]
fn mysql_statements_change_tables_as_recorded() {
    let file = include_str!("../../../../tests/golden/mysql-ddl/mysql.jsonl");
    expect_test::expect![[r#"
        t VARCHAR 12 Some(5) None DEFAULT None Some("utf8mb4") None []
          t VARCHAR 12 Some(5) None DEFAULT None Some("latin1") None []
        u VARCHAR 12 Some(6) None DEFAULT None Some("utf8mb4") None []
          u VARCHAR 12 Some(6) None DEFAULT None Some("ucs2") None []
        v CHAR 1 Some(3) None DEFAULT None Some("utf8mb4") None []
          v CHAR 1 Some(3) None DEFAULT None Some("binary") None []
        h VARCHAR 12 Some(5) None DEFAULT Some("N'x'") Some("utf8mb4") None []
          h VARCHAR 12 Some(5) None DEFAULT Some("x") Some("utf8mb4") None []
        l BIT -7 Some(8) None DEFAULT Some("10") None None []
          l BIT -7 Some(8) None DEFAULT Some("101") None None []
        v VARCHAR 12 Some(5) None DEFAULT Some("a''b") Some("utf8mb4") None []
          v VARCHAR 12 Some(5) None DEFAULT Some("ab") Some("utf8mb4") None []
        x DATE 91 None None DEFAULT Some("DATE'2020-01-01'") None None []
          x DATE 91 None None DEFAULT Some("2020-01-01") None None []
        Some("utf8mb4") [] None
          Some("latin1") [] None
        a VARCHAR 12 Some(3) None DEFAULT None Some("utf8mb4") None []
          a VARCHAR 12 Some(3) None DEFAULT None Some("latin1") None []
        m1 VARCHAR 12 Some(3) None NOT NULL DEFAULT Some("x") Some("utf8mb4") None []
          m1 VARCHAR 12 Some(3) None NOT NULL DEFAULT Some("x") Some("utf8mb4") Some("c") []
        Some("utf8mb4") ["id"] None
          Some("utf8mb4") ["m5"] None
        m5 INT 4 None None DEFAULT None None None []
          m5 INT 4 None None NOT NULL None None None []
        e CHAR 1 Some(10) None DEFAULT None Some("utf8mb4") None []
          e CHAR 1 Some(0) None DEFAULT None Some("utf8mb4") None []"#]]
    .assert_eq(&differences(Dialect::MySql, file));
}

#[test]
fn mariadb_statements_change_tables_as_recorded() {
    let file = include_str!("../../../../tests/golden/mysql-ddl/mariadb.jsonl");
    expect_test::expect![[r#"
        a ENUM 1 Some(1) None NOT NULL DEFAULT Some("a") Some("utf8mb4") None ["'a'", "'b'"]
          a ENUM 1 Some(1) None NOT NULL DEFAULT Some("a") Some("latin1") None ["'a'", "'b'"]
        aaa INT 4 None None DEFAULT None None None []
          aaa ENUM 1 Some(1) None NOT NULL DEFAULT Some("x") Some("utf8mb4") None ["'x'", "'y'"]
        ["CREATE DATABASE /*!32312 IF NOT EXISTS*/ `zz`"]
          ["CREATE DATABASE /*!32312 IF NOT EXISTS*/ `zz` /*!40100 DEFAULT CHARACTER SET latin1"]
        Some("utf8mb4") [] None
          Some("latin1") [] None
        a CHAR 1 Some(1) None DEFAULT None Some("utf8mb4") None []
          a CHAR 1 Some(1) None DEFAULT None Some("latin1") None []
        Some("utf8mb4") [] None
          Some("latin1") [] None
        b INT 4 None None DEFAULT Some("x") None Some("it's \\\"q\\\" ''") []
          b INT 4 None None DEFAULT None None Some("it's \\\"q\\\" ''") []
        Some("utf8mb4") ["h"] None
          Some("latin1") ["h"] None
        d VARCHAR 12 Some(30) None NOT NULL DEFAULT None Some("utf8mb4") None []
          d VARCHAR 12 Some(30) None NOT NULL DEFAULT None Some("latin1") None []
        f DATETIME 93 None None NOT NULL DEFAULT Some("LOCALTIMESTAMP()") None None []
          f DATETIME 93 None None NOT NULL DEFAULT Some("1970-01-01 00:00:00") None None []
        d TIMESTAMP 2014 Some(6) None DEFAULT Some("1970-01-01 00:00:00") None None []
          d TIMESTAMP 2014 Some(6) None AUTO DEFAULT Some("1970-01-01 00:00:00") None None []
        key_ INT 4 None None DEFAULT None None None []
          key_ INT 4 None None NOT NULL None None None []
        ["CREATE DATABASE `d1`"]
          ["CREATE DATABASE `d1` /*!40100 DEFAULT CHARACTER SET utf8mb3"]
        Some("utf8mb4") [] None
          Some("utf8mb3") [] None
        a VARCHAR 12 Some(3) None DEFAULT None Some("utf8mb4") None []
          a VARCHAR 12 Some(3) None DEFAULT None Some("utf8mb3") None []"#]]
    .assert_eq(&differences(Dialect::MariaDb, file));
}
