//! Column definitions: a type and the attributes that follow it.

use connect_cdc::table::Column;

use super::{
    DdlError, Dialect, charset,
    cursor::Cursor,
    data_type::{self, DataType},
    default::{self, Default_},
    token::Kind,
};

/// A column as a statement defines it.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) column: Column,
    pub(super) text: bool,
    pub(super) primary_key: bool,
    pub(super) unique: bool,
}

impl Definition {
    /// Gives a text column without a character set the table's.
    pub(super) fn settle_charset(&mut self, table: Option<&str>) {
        if self.text && self.column.charset.is_none() {
            self.column.charset = table.map(str::to_owned);
        }
    }
}

/// Reads what follows a column's name, up to the comma, closing parenthesis, FIRST or AFTER behind it.
pub(super) fn definition(cursor: &mut Cursor<'_>, name: String) -> Result<Definition, DdlError> {
    let DataType { mut column, text, serial } = data_type::read(cursor)?;
    column.name = name;
    let mut definition = Definition { column, text, primary_key: false, unique: serial };
    if serial {
        definition.column.optional = false;
        definition.column.auto_incremented = true;
        definition.column.generated = true;
    }
    while !cursor.is_done() && !cursor.is_symbol(',') && !cursor.is_symbol(')') {
        if cursor.is_word("FIRST") || cursor.is_word("AFTER") {
            break;
        }
        attribute(cursor, &mut definition)?;
    }
    let column = &mut definition.column;
    if definition.primary_key {
        require(column);
    }
    if column.optional {
        column.has_default = true;
    }
    Ok(definition)
}

/// Makes a column NOT NULL, as a primary key does.
pub(super) fn require(column: &mut Column) {
    if column.optional {
        column.has_default &= column.default_expression.is_some();
    }
    column.optional = false;
}

fn attribute(cursor: &mut Cursor<'_>, definition: &mut Definition) -> Result<(), DdlError> {
    let column = &mut definition.column;
    if let Some(clause) = charset::clause(cursor)? {
        data_type::adopt_charset(column, &clause);
    } else if cursor.accept_all(&["NOT", "NULL"]) {
        column.optional = false;
    } else if cursor.accept("NULL") {
        column.optional = true;
    } else if cursor.accept("DEFAULT") {
        set_default(column, default::value(cursor)?);
    } else if cursor.accept("AUTO_INCREMENT") || on_update(cursor) {
        // A column that the server writes by itself counts as generated, whichever way it does so.
        (column.auto_incremented, column.generated) = (true, true);
    } else if cursor.accept("COMMENT") {
        cursor.accept_symbol('=');
        column.comment = Some(comment(cursor)?);
    } else if cursor.accept_all(&["PRIMARY", "KEY"]) || cursor.accept("PRIMARY") || cursor.accept("KEY") {
        definition.primary_key = true;
    } else if cursor.accept("UNIQUE") {
        cursor.accept("KEY");
        definition.unique = true;
    } else if cursor.accept("REFERENCES") {
        references(cursor)?;
    } else {
        // CHECK, GENERATED ALWAYS AS (...), VIRTUAL, INVISIBLE, COLUMN_FORMAT, SRID and whatever comes next.
        cursor.step();
    }
    Ok(())
}

pub(super) fn set_default(column: &mut Column, value: Default_) {
    column.has_default = true;
    column.default_expression = match value {
        Default_::Constant(text) => Some(text),
        Default_::Null | Default_::Expression => None,
    };
}

/// `ON UPDATE CURRENT_TIMESTAMP(3)`
fn on_update(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    if !ahead.accept_all(&["ON", "UPDATE"])
        || !ahead.accept_any(&["CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"])
    {
        return false;
    }
    ahead.skip_parentheses();
    *cursor = ahead;
    true
}

/// `REFERENCES t (id) MATCH FULL ON DELETE SET NULL ON UPDATE SET DEFAULT`: its words must not be taken for the column's.
fn references(cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
    cursor.qualified_name()?;
    cursor.skip_parentheses();
    loop {
        if cursor.accept("MATCH") {
            cursor.step();
        } else if cursor.accept_all(&["ON", "DELETE"]) || cursor.accept_all(&["ON", "UPDATE"]) {
            if cursor.accept("SET") || cursor.accept("NO") {
                cursor.step();
            } else {
                cursor.accept_any(&["RESTRICT", "CASCADE"]);
            }
        } else {
            return Ok(());
        }
    }
}

/// Comments are kept as they are written; MySQL's lose the backslash before a backslash or a double quote.
pub(super) fn comment(cursor: &mut Cursor<'_>) -> Result<String, DdlError> {
    if cursor.peek().is_some_and(|t| t.kind == Kind::Word) {
        cursor.next();
    }
    let text = cursor.text_literal()?;
    Ok(match cursor.dialect {
        Dialect::MySql => text.replace("\\\\", "\\").replace("\\\"", "\""),
        Dialect::MariaDb => text,
    })
}
