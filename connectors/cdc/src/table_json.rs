//! Table changes as the JSON of a schema history: written as Debezium 3 does, read from any of its versions since 1.0.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::table::{Column, Table, TableChange, TableId};

/// One entry of a history record's `tableChanges`.
pub fn encode(change: &TableChange) -> Json {
    let mut document = Map::new();
    document.insert("type".into(), change.kind().into());
    document.insert("id".into(), change.id().quoted().into());
    if let TableChange::Alter { previous: Some(previous), .. } = change {
        document.insert("previousId".into(), previous.quoted().into());
    }
    if let TableChange::Create(table) | TableChange::Alter { table, .. } = change {
        document.insert("table".into(), encode_table(table));
        document.insert("comment".into(), text(table.comment.as_deref()));
    }
    Json::Object(document)
}

fn text(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

fn encode_table(table: &Table) -> Json {
    let columns: Vec<Json> = table.columns.iter().enumerate().map(|(at, column)| encode_column(at, column)).collect();
    let attribute = |(name, value): &(String, Option<String>)| json!({"name": name, "value": value});
    json!({
        "defaultCharsetName": text(table.default_charset.as_deref()),
        "primaryKeyColumnNames": table.primary_key,
        "columns": columns,
        "attributes": table.attributes.iter().map(attribute).collect::<Vec<_>>(),
    })
}

fn encode_column(at: usize, column: &Column) -> Json {
    let mut document = Map::new();
    let mut put = |key: &str, value: Json| document.insert(key.to_owned(), value);
    put("name", column.name.as_str().into());
    put("jdbcType", column.jdbc_type.into());
    if let Some(native_type) = column.native_type {
        put("nativeType", native_type.into());
    }
    put("typeName", column.type_name.as_str().into());
    put("typeExpression", column.type_expression.as_str().into());
    put("charsetName", text(column.charset.as_deref()));
    if let Some(length) = column.length {
        put("length", length.into());
    }
    if let Some(scale) = column.scale {
        put("scale", scale.into());
    }
    put("position", (at + 1).into());
    put("optional", column.optional.into());
    put("autoIncremented", column.auto_incremented.into());
    put("generated", column.generated.into());
    put("comment", text(column.comment.as_deref()));
    put("hasDefaultValue", column.has_default.into());
    if let Some(expression) = &column.default_expression {
        put("defaultValueExpression", expression.as_str().into());
    }
    put("enumValues", column.enum_values.iter().map(String::as_str).collect());
    Json::Object(document)
}

/// Reads [`encode`] back. What an older version did not write is taken as absent.
pub fn decode(change: &Json) -> Result<TableChange, String> {
    let kind = change.get("type").and_then(Json::as_str).ok_or("a table change has no type")?;
    let id = decode_id(change.get("id")).ok_or("a table change has no readable id")?;
    let table = || {
        let mut table = decode_table(
            &id,
            change.get("table").filter(|table| table.is_object()).ok_or("a table change has no table")?,
        )?;
        table.comment = change.get("comment").and_then(Json::as_str).map(str::to_owned).or(table.comment);
        Ok::<_, String>(Arc::new(table))
    };
    match kind {
        "CREATE" => Ok(TableChange::Create(table()?)),
        "ALTER" => Ok(TableChange::Alter { table: table()?, previous: decode_id(change.get("previousId")) }),
        "DROP" => Ok(TableChange::Drop { id, table: None }),
        other => Err(format!("a table change is of unknown type {other}")),
    }
}

fn decode_id(id: Option<&Json>) -> Option<TableId> {
    TableId::parse_quoted(id?.as_str()?)
}

fn decode_table(id: &TableId, table: &Json) -> Result<Table, String> {
    let list = |key: &str| table.get(key).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut columns = list("columns").iter().map(decode_column).collect::<Result<Vec<_>, _>>()?;
    columns.sort_by_key(|(position, _)| *position);
    let attribute = |attribute: &Json| Some((string(attribute, "name")?, string(attribute, "value")));
    Ok(Table {
        id: id.clone(),
        columns: columns.into_iter().map(|(_, column)| column).collect(),
        primary_key: list("primaryKeyColumnNames").iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        default_charset: string(table, "defaultCharsetName"),
        comment: string(table, "comment"),
        attributes: list("attributes").iter().filter_map(attribute).collect(),
    })
}

fn decode_column(column: &Json) -> Result<(i64, Column), String> {
    let flag = |key: &str| column.get(key).and_then(Json::as_bool).unwrap_or_default();
    let number = |key: &str| column.get(key).and_then(Json::as_i64).and_then(|number| i32::try_from(number).ok());
    let type_name = string(column, "typeName").ok_or("a column has no type name")?;
    let labels = column.get("enumValues").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let default_expression = string(column, "defaultValueExpression");
    let decoded = Column {
        name: string(column, "name").ok_or("a column has no name")?,
        jdbc_type: number("jdbcType").ok_or("a column has no JDBC type")?,
        native_type: number("nativeType"),
        type_expression: string(column, "typeExpression").unwrap_or_else(|| type_name.clone()),
        type_name,
        charset: string(column, "charsetName"),
        length: number("length"),
        scale: number("scale"),
        optional: flag("optional"),
        auto_incremented: flag("autoIncremented"),
        generated: flag("generated"),
        comment: string(column, "comment"),
        has_default: flag("hasDefaultValue") || default_expression.is_some(),
        default_expression,
        enum_values: labels.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
    };
    Ok((column.get("position").and_then(Json::as_i64).unwrap_or(i64::MAX), decoded))
}

fn string(document: &Json, key: &str) -> Option<String> {
    document.get(key)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        let json: Json = serde_json::from_str(text).unwrap();
        let change = decode(&json).unwrap();
        assert_eq!(encode(&change).to_string(), json.to_string());
    }

    #[test]
    fn changes_are_written_as_they_were_read() {
        check(r#"{"type":"DROP","id":"\"app\".\"t\""}"#);
        check(
            r#"{"type":"ALTER","id":"\"app\".\"t\"","previousId":"\"app\".\"s\"","table":{"defaultCharsetName":"utf8mb4","primaryKeyColumnNames":["id"],"columns":[{"name":"id","jdbcType":4,"nativeType":3,"typeName":"INT UNSIGNED","typeExpression":"INT UNSIGNED","charsetName":null,"length":11,"scale":2,"position":1,"optional":false,"autoIncremented":true,"generated":true,"comment":"c","hasDefaultValue":true,"defaultValueExpression":"5","enumValues":["'a'"]}],"attributes":[{"name":"k","value":"v"}]},"comment":"tc"}"#,
        );
    }

    #[test]
    fn what_old_versions_left_out_is_absent() {
        let json = json!({"type": "CREATE", "id": "\"app\".\"t\"", "table": {"primaryKeyColumnNames": ["id"], "columns": [
            {"name": "v", "jdbcType": 12, "typeName": "VARCHAR", "position": 2, "optional": true},
            {"name": "id", "jdbcType": 4, "typeName": "INT", "position": 1, "defaultValueExpression": "0"}]}});
        let TableChange::Create(table) = decode(&json).unwrap() else { panic!("a created table") };
        let id = Column {
            name: "id".into(),
            jdbc_type: 4,
            type_name: "INT".into(),
            type_expression: "INT".into(),
            has_default: true,
            default_expression: Some("0".into()),
            ..Column::default()
        };
        assert_eq!((table.columns.len(), &table.columns[0]), (2, &id));
        assert!(decode(&json!({"type": "CREATE"})).is_err());
    }
}
