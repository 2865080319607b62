//! CREATE TABLE: columns, keys and options of a new table.

use connect_cdc::table::{Table, TableId, Tables};

use super::{
    DdlError,
    charset::{self, Clause},
    column::{self, Definition},
    cursor::Cursor,
};

/// What a CREATE TABLE statement asks for, after the table's name.
pub(super) enum Created {
    Table(Box<Table>),
    /// `LIKE` a table that is not known.
    UnknownModel,
}

/// What a new table falls back to, and what it may copy.
pub(super) struct Surroundings<'a> {
    pub(super) tables: &'a Tables,
    /// The database that bare names belong to.
    pub(super) database: &'a str,
    pub(super) charset: Option<String>,
    pub(super) comments: bool,
}

/// Reads from behind the table's name to the end of the statement.
pub(super) fn body(cursor: &mut Cursor<'_>, id: TableId, around: &Surroundings<'_>) -> Result<Created, DdlError> {
    if let Some(model) = like(cursor, around)? {
        return Ok(match around.tables.get(&model) {
            Some(model) => Created::Table(Box::new(Table { id, ..(**model).clone() })),
            None => Created::UnknownModel,
        });
    }
    let mut elements = Elements::default();
    if cursor.is_symbol('(') && !cursor.is_word_at(1, "SELECT") {
        elements.read(cursor)?;
    }
    let mut table = Table { id, ..Table::default() };
    let charset = options(cursor, &mut table)?;
    table.default_charset = charset.or_else(|| around.charset.clone());
    elements.build(&mut table, cursor)?;
    if !around.comments {
        table.comment = None;
    }
    for column in &mut table.columns {
        column.comment = column.comment.take().filter(|_| around.comments);
    }
    Ok(Created::Table(Box::new(table)))
}

/// `LIKE t` or `(LIKE t)`
fn like(cursor: &mut Cursor<'_>, around: &Surroundings<'_>) -> Result<Option<TableId>, DdlError> {
    let mut ahead = *cursor;
    ahead.accept_symbol('(');
    if !ahead.accept("LIKE") {
        return Ok(None);
    }
    let (database, table) = ahead.qualified_name()?;
    *cursor = ahead;
    Ok(Some(TableId::in_database(database.unwrap_or_else(|| around.database.to_owned()), table)))
}

/// The parenthesised list: columns, and the keys that may stand in for a primary key.
#[derive(Default)]
struct Elements {
    columns: Vec<Definition>,
    primary_key: Option<Vec<String>>,
    /// In their order; `None` parts are expressions.
    unique_keys: Vec<Vec<Option<String>>>,
}

impl Elements {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        cursor.expect_symbol('(')?;
        loop {
            self.element(cursor)?;
            if cursor.accept_symbol(')') {
                return Ok(());
            }
            cursor.expect_symbol(',')?;
        }
    }

    fn element(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        if let Some(key) = table_key(cursor)? {
            match key {
                Key::Primary(parts) => self.primary_key = Some(parts.into_iter().flatten().collect()),
                Key::Unique(parts) => self.unique_keys.push(parts),
                Key::Other => {}
            }
            cursor.skip_clause();
            return Ok(());
        }
        let name = cursor.name()?;
        let definition = column::definition(cursor, name)?;
        if definition.primary_key {
            self.primary_key = Some(vec![definition.column.name.clone()]);
        } else if definition.unique {
            self.unique_keys.push(vec![Some(definition.column.name.clone())]);
        }
        self.columns.push(definition);
        cursor.skip_clause();
        Ok(())
    }

    fn build(mut self, table: &mut Table, cursor: &Cursor<'_>) -> Result<(), DdlError> {
        for definition in &mut self.columns {
            definition.settle_charset(table.default_charset.as_deref());
        }
        table.columns = self.columns.into_iter().map(|definition| definition.column).collect();
        match self.primary_key {
            Some(names) => set_primary_key(table, &names).map_err(|problem| cursor.error(problem)),
            None => {
                for parts in &self.unique_keys {
                    adopt_unique_key(table, parts);
                }
                Ok(())
            }
        }
    }
}

/// A key or constraint in a list of table elements or behind ADD.
pub(super) enum Key {
    Primary(Vec<Option<String>>),
    Unique(Vec<Option<String>>),
    /// Indexes, foreign keys and checks, which change nothing that a record shows.
    Other,
}

/// Reads a key up to its parts; `None` when a column stands here instead.
pub(super) fn table_key(cursor: &mut Cursor<'_>) -> Result<Option<Key>, DdlError> {
    let mut ahead = *cursor;
    if ahead.accept("CONSTRAINT") && !["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"].iter().any(|word| ahead.is_word(word)) {
        ahead.name()?;
    }
    let key = if ahead.accept_all(&["PRIMARY", "KEY"]) {
        skip_index_name(&mut ahead);
        Key::Primary(ahead.key_parts()?)
    } else if ahead.accept("UNIQUE") {
        ahead.accept_any(&["INDEX", "KEY"]);
        skip_index_name(&mut ahead);
        Key::Unique(ahead.key_parts()?)
    } else if is_other_key(&ahead) {
        Key::Other
    } else {
        return Ok(None);
    };
    *cursor = ahead;
    Ok(Some(key))
}

/// Words that open an index or a constraint. They may name columns too where they are not reserved, and a column has a
/// data type behind it.
fn is_other_key(cursor: &Cursor<'_>) -> bool {
    let word = |ahead, word| cursor.is_word_at(ahead, word);
    if ["INDEX", "KEY", "FOREIGN", "CHECK", "FULLTEXT", "SPATIAL", "LIKE"].iter().any(|reserved| word(0, reserved)) {
        return true;
    }
    (word(0, "VECTOR") && (word(1, "INDEX") || word(1, "KEY"))) || (word(0, "PERIOD") && word(1, "FOR"))
}

/// `[name] [USING BTREE]` before the parts of a key.
fn skip_index_name(cursor: &mut Cursor<'_>) {
    while !cursor.is_done() && !cursor.is_symbol('(') && !cursor.is_symbol(',') && !cursor.is_symbol(')') {
        cursor.step();
    }
}

pub(super) fn set_primary_key(table: &mut Table, names: &[String]) -> Result<(), String> {
    let mut key = Vec::with_capacity(names.len());
    for name in names {
        let Some(at) = table.position(name) else {
            return Err(format!("the primary key names column {name}, which the table does not have"));
        };
        column::require(&mut table.columns[at]);
        key.push(table.columns[at].name.clone());
    }
    table.primary_key = key;
    Ok(())
}

/// Lets a unique key stand in for the primary key, when there is none and all its parts are columns that are never NULL.
pub(super) fn adopt_unique_key(table: &mut Table, parts: &[Option<String>]) {
    if !table.primary_key.is_empty() {
        return;
    }
    let column = |part: &Option<String>| part.as_ref().and_then(|name| table.column(name)).filter(|c| !c.optional);
    let names: Option<Vec<String>> = parts.iter().map(|part| column(part).map(|c| c.name.clone())).collect();
    table.primary_key = names.unwrap_or_default();
}

/// Reads table options up to the end, or to the SELECT or the partitions that follow them.
fn options(cursor: &mut Cursor<'_>, table: &mut Table) -> Result<Option<String>, DdlError> {
    let mut charset = None;
    let mut collation = None;
    while !cursor.is_done() {
        if ["PARTITION", "SELECT", "AS", "WITH", "IGNORE", "REPLACE"].iter().any(|word| cursor.is_word(word)) {
            break;
        }
        match charset::clause(cursor)? {
            Some(clause @ Clause::Charset(_)) => charset = clause.charset(),
            Some(clause @ Clause::Collation(_)) => collation = clause.charset(),
            Some(Clause::Default) => {}
            None if cursor.accept("COMMENT") => {
                cursor.accept_symbol('=');
                table.comment = Some(column::comment(cursor)?);
            }
            None => cursor.step(),
        }
    }
    Ok(charset.or(collation))
}
