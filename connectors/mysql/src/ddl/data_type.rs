//! Column types: their names as schema histories spell them, their JDBC numbers, lengths and labels.

use connect_cdc::table::{Column, jdbc};

use super::{
    DdlError,
    charset::{self, Clause},
    cursor::Cursor,
    token::Kind,
};

/// A type and what it says about the column beside its name.
#[derive(Debug)]
pub(super) struct DataType {
    pub(super) column: Column,
    /// Values are text, so a character set belongs to the column.
    pub(super) text: bool,
    /// `SERIAL`: an unsigned number that counts and is unique.
    pub(super) serial: bool,
}

/// The types that are more than one word, longest first.
const PHRASES: &[(&[&str], i32)] = &[
    (&["NATIONAL", "CHARACTER", "VARYING"], jdbc::NVARCHAR),
    (&["NATIONAL", "CHAR", "VARYING"], jdbc::NVARCHAR),
    (&["NCHAR", "VARYING"], jdbc::NVARCHAR),
    (&["NCHAR", "VARCHAR"], jdbc::NVARCHAR),
    (&["NATIONAL", "VARCHARACTER"], jdbc::NVARCHAR),
    (&["NATIONAL", "VARCHAR"], jdbc::NVARCHAR),
    (&["NATIONAL", "CHARACTER"], jdbc::NCHAR),
    (&["NATIONAL", "CHAR"], jdbc::NCHAR),
    (&["CHARACTER", "VARYING"], jdbc::VARCHAR),
    (&["CHAR", "VARYING"], jdbc::VARCHAR),
    (&["DOUBLE", "PRECISION"], jdbc::DOUBLE),
    (&["LONG", "VARBINARY"], jdbc::BLOB),
    (&["LONG", "VARCHAR"], jdbc::VARCHAR),
];

fn jdbc_type(name: &str) -> Option<i32> {
    Some(match name {
        "BIT" => jdbc::BIT,
        "BOOL" | "BOOLEAN" => jdbc::BOOLEAN,
        "TINYINT" | "INT1" | "SMALLINT" | "INT2" => jdbc::SMALLINT,
        "MEDIUMINT" | "INT3" | "MIDDLEINT" | "INT" | "INTEGER" | "INT4" | "YEAR" => jdbc::INTEGER,
        "BIGINT" | "INT8" | "SERIAL" => jdbc::BIGINT,
        "REAL" => jdbc::REAL,
        "FLOAT" | "FLOAT4" => jdbc::FLOAT,
        "DOUBLE" | "FLOAT8" => jdbc::DOUBLE,
        "DECIMAL" | "DEC" | "FIXED" | "NUMBER" => jdbc::DECIMAL,
        "NUMERIC" => jdbc::NUMERIC,
        "CHAR" | "CHARACTER" | "ENUM" | "SET" => jdbc::CHAR,
        "VARCHAR" | "VARCHARACTER" | "VARCHAR2" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "LONG" | "CLOB" => {
            jdbc::VARCHAR
        }
        "NCHAR" => jdbc::NCHAR,
        "NVARCHAR" => jdbc::NVARCHAR,
        "BINARY" => jdbc::BINARY,
        "VARBINARY" | "RAW" => jdbc::VARBINARY,
        "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => jdbc::BLOB,
        "DATE" => jdbc::DATE,
        "TIME" => jdbc::TIME,
        "DATETIME" => jdbc::TIMESTAMP,
        "TIMESTAMP" => jdbc::TIMESTAMP_WITH_TIMEZONE,
        "JSON" | "VECTOR" | "UUID" | "INET4" | "INET6" | "XMLTYPE" => jdbc::OTHER,
        "GEOMETRY" | "POINT" | "LINESTRING" | "POLYGON" | "MULTIPOINT" | "MULTILINESTRING" | "MULTIPOLYGON"
        | "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" => jdbc::OTHER,
        _ => return None,
    })
}

/// Reads a type with its length, sign and character set.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<DataType, DdlError> {
    let (name, jdbc_type) = name(cursor)?;
    let mut column = Column { jdbc_type, optional: true, ..Column::default() };
    let serial = name == "SERIAL";
    if matches!(name.as_str(), "ENUM" | "SET") {
        column.enum_values = labels(cursor)?;
        let labels = i32::try_from(column.enum_values.len()).unwrap_or(i32::MAX / 2);
        // A set prints its labels with commas between them, an enumeration prints one.
        column.length = Some(if name == "SET" { (2 * labels - 1).max(0) } else { 1 });
    } else if let Some((length, scale)) = cursor.numbers() {
        (column.length, column.scale) = (Some(length), scale);
    }
    fixed_point_defaults(&mut column, jdbc_type);
    let text = matches!(jdbc_type, jdbc::CHAR | jdbc::VARCHAR | jdbc::NCHAR | jdbc::NVARCHAR);
    if matches!(jdbc_type, jdbc::NCHAR | jdbc::NVARCHAR) {
        column.charset = Some("utf8".into());
    }
    column.type_name = if serial { "BIGINT UNSIGNED".into() } else { modifiers(cursor, name, text, &mut column)? };
    column.type_expression = column.type_name.clone();
    Ok(DataType { column, text, serial })
}

fn name(cursor: &mut Cursor<'_>) -> Result<(String, i32), DdlError> {
    for (words, jdbc_type) in PHRASES {
        if cursor.accept_all(words) {
            return Ok((words.join(" "), *jdbc_type));
        }
    }
    let Some(word) = cursor.word() else { return Err(cursor.error("expected a data type")) };
    match jdbc_type(&word) {
        Some(jdbc_type) => {
            cursor.next();
            Ok((word, jdbc_type))
        }
        None => Err(cursor.error(format!("unknown data type {word}"))),
    }
}

fn fixed_point_defaults(column: &mut Column, jdbc_type: i32) {
    match jdbc_type {
        jdbc::DECIMAL | jdbc::NUMERIC => {
            column.length.get_or_insert(10);
            column.scale.get_or_insert(0);
        }
        jdbc::BIT => {
            column.length.get_or_insert(1);
        }
        _ => {}
    }
}

/// `UNSIGNED ZEROFILL` and the like become part of the name; character sets become the column's.
fn modifiers(cursor: &mut Cursor<'_>, name: String, text: bool, column: &mut Column) -> Result<String, DdlError> {
    let mut full = name;
    loop {
        let modifier = match cursor.word().as_deref() {
            Some("ZEROFILL") if !full.contains("UNSIGNED") => "UNSIGNED ZEROFILL".to_owned(),
            Some(word @ ("UNSIGNED" | "SIGNED" | "ZEROFILL")) => word.to_owned(),
            Some("BINARY") if text => "BINARY".to_owned(),
            Some("ASCII") if text => {
                column.charset = Some("latin1".into());
                String::new()
            }
            Some("UNICODE") if text => {
                column.charset = Some("ucs2".into());
                String::new()
            }
            Some("BYTE") if text => {
                column.charset = Some("binary".into());
                String::new()
            }
            _ => match charset::clause(cursor)? {
                Some(clause) => {
                    adopt_charset(column, &clause);
                    continue;
                }
                None => return Ok(full),
            },
        };
        cursor.next();
        if !modifier.is_empty() {
            full = format!("{full} {modifier}");
        }
    }
}

/// A named character set wins over the one that a collation implies.
pub(super) fn adopt_charset(column: &mut Column, clause: &Clause) {
    match clause {
        Clause::Charset(_) => column.charset = clause.charset(),
        Clause::Collation(_) if column.charset.is_none() => column.charset = clause.charset(),
        Clause::Collation(_) | Clause::Default => {}
    }
}

/// The labels of ENUM and SET in single quotes, with the escapes inside them as they are written.
fn labels(cursor: &mut Cursor<'_>) -> Result<Vec<String>, DdlError> {
    cursor.expect_symbol('(')?;
    let mut labels = Vec::new();
    loop {
        // `_utf8mb4'x'`
        if cursor.peek().is_some_and(|t| t.kind == Kind::Word) {
            cursor.next();
        }
        labels.push(format!("'{}'", cursor.text_literal()?));
        if cursor.accept_symbol(')') {
            return Ok(labels);
        }
        cursor.expect_symbol(',')?;
    }
}
