//! The model of the source's tables: what the DDL, the catalog or a schema history says about them.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// Names a table. MySQL has a catalog (its database) and no schema; the part that a system lacks is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId {
    pub catalog: String,
    pub schema: String,
    pub table: String,
}

impl TableId {
    /// A table of a system whose tables live directly in a database.
    pub fn in_database(database: impl Into<String>, table: impl Into<String>) -> Self {
        Self { catalog: database.into(), schema: String::new(), table: table.into() }
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        [self.catalog.as_str(), &self.schema, &self.table].into_iter().filter(|part| !part.is_empty())
    }

    /// `"db"."table"`: the form of schema histories and schema change messages.
    pub fn quoted(&self) -> String {
        let parts: Vec<String> = self.parts().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        parts.join(".")
    }

    /// Reads [`TableId::quoted`] back; two parts are a database and a table.
    pub fn parse_quoted(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = quoted_part(rest)?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => break,
                None => return None,
            }
        }
        let table = parts.pop()?;
        let schema = if parts.len() > 1 { parts.pop()? } else { String::new() };
        let catalog = parts.pop().unwrap_or_default();
        parts.is_empty().then_some(Self { catalog, schema, table })
    }
}

/// One part in double quotes (a quote inside is doubled) or bare up to the next dot, and what follows it.
fn quoted_part(text: &str) -> Option<(String, &str)> {
    let Some(body) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut part = String::new();
    let mut rest = body;
    loop {
        let end = rest.find('"')?;
        part.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                part.push('"');
                rest = more;
            }
            None => return Some((part, rest)),
        }
    }
}

/// `db.table`: the form that filters and logs use.
impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// A table as the schema history records it. The position of a column is its place in `columns`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub id: TableId,
    pub columns: Vec<Column>,
    /// In the order of the key; a unique index without nullable columns stands in where there is no primary key.
    pub primary_key: Vec<String>,
    pub default_charset: Option<String>,
    pub comment: Option<String>,
    /// Free attributes that other writers of a history put there; kept as they are.
    pub attributes: Vec<(String, Option<String>)>,
}

impl Table {
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.position(name).map(|at| &self.columns[at])
    }
}

/// A column with the facts that the schema history holds, in the history's terms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    pub name: String,
    /// The number of `java.sql.Types`: see [`jdbc`].
    pub jdbc_type: i32,
    pub native_type: Option<i32>,
    /// Upper case, with its attributes: `INT UNSIGNED ZEROFILL`.
    pub type_name: String,
    pub type_expression: String,
    pub charset: Option<String>,
    pub length: Option<i32>,
    pub scale: Option<i32>,
    pub optional: bool,
    pub auto_incremented: bool,
    pub generated: bool,
    pub comment: Option<String>,
    /// A default of NULL is `has_default` without an expression.
    pub has_default: bool,
    pub default_expression: Option<String>,
    /// The labels of ENUM and SET with the quotes of the statement kept around them.
    pub enum_values: Vec<String>,
}

/// The numbers of `java.sql.Types`, by which a schema history names types.
pub mod jdbc {
    pub const BIT: i32 = -7;
    pub const TINYINT: i32 = -6;
    pub const BIGINT: i32 = -5;
    pub const LONGVARBINARY: i32 = -4;
    pub const VARBINARY: i32 = -3;
    pub const BINARY: i32 = -2;
    pub const LONGVARCHAR: i32 = -1;
    pub const CHAR: i32 = 1;
    pub const NUMERIC: i32 = 2;
    pub const DECIMAL: i32 = 3;
    pub const INTEGER: i32 = 4;
    pub const SMALLINT: i32 = 5;
    pub const FLOAT: i32 = 6;
    pub const REAL: i32 = 7;
    pub const DOUBLE: i32 = 8;
    pub const VARCHAR: i32 = 12;
    pub const BOOLEAN: i32 = 16;
    pub const DATE: i32 = 91;
    pub const TIME: i32 = 92;
    pub const TIMESTAMP: i32 = 93;
    pub const OTHER: i32 = 1111;
    pub const BLOB: i32 = 2004;
    pub const CLOB: i32 = 2005;
    pub const TIMESTAMP_WITH_TIMEZONE: i32 = 2014;
    pub const NVARCHAR: i32 = -9;
    pub const NCHAR: i32 = -15;
}

/// All known tables by id. A changed table is a new `Arc`, so plans made from one are stale when it is another.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    ignore_case: bool,
    by_id: BTreeMap<TableId, Arc<Table>>,
}

impl Tables {
    /// `ignore_case` is true for a server whose `lower_case_table_names` is not 0.
    pub fn new(ignore_case: bool) -> Self {
        Self { ignore_case, by_id: BTreeMap::new() }
    }

    fn key(&self, id: &TableId) -> TableId {
        if !self.ignore_case {
            return id.clone();
        }
        TableId { catalog: id.catalog.to_lowercase(), schema: id.schema.to_lowercase(), table: id.table.to_lowercase() }
    }

    pub fn get(&self, id: &TableId) -> Option<&Arc<Table>> {
        if self.ignore_case { self.by_id.get(&self.key(id)) } else { self.by_id.get(id) }
    }

    /// Adds or replaces the table of this id.
    pub fn put(&mut self, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        self.by_id.insert(self.key(&table.id), table.clone());
        table
    }

    pub fn remove(&mut self, id: &TableId) -> Option<Arc<Table>> {
        self.by_id.remove(&self.key(id))
    }

    /// Forgets every table of a database.
    pub fn remove_database(&mut self, database: &str) {
        let database = if self.ignore_case { database.to_lowercase() } else { database.to_owned() };
        self.by_id.retain(|id, _| id.catalog != database);
    }

    pub fn clear(&mut self) {
        self.by_id.clear();
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// In the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.by_id.values()
    }
}

/// What happened to one table: an entry of a history record's `tableChanges`.
#[derive(Clone, Debug, PartialEq)]
pub enum TableChange {
    Create(Arc<Table>),
    /// `previous` is the id that a renamed table had.
    Alter {
        table: Arc<Table>,
        previous: Option<TableId>,
    },
    /// With the table as it was, where it was known and the change is fresh.
    Drop {
        id: TableId,
        table: Option<Arc<Table>>,
    },
}

impl TableChange {
    pub fn id(&self) -> &TableId {
        match self {
            Self::Create(table) | Self::Alter { table, .. } => &table.id,
            Self::Drop { id, .. } => id,
        }
    }

    /// `CREATE`, `ALTER` or `DROP`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Create(_) => "CREATE",
            Self::Alter { .. } => "ALTER",
            Self::Drop { .. } => "DROP",
        }
    }

    /// Repeats the change on a model: how a schema history is read back.
    pub fn apply(&self, tables: &mut Tables) {
        match self {
            Self::Create(table) | Self::Alter { table, previous: None } => {
                tables.put((**table).clone());
            }
            Self::Alter { table, previous: Some(previous) } => {
                tables.remove(previous);
                tables.put((**table).clone());
            }
            Self::Drop { id, .. } => {
                tables.remove(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_quoted_and_read_back() {
        let check = |id: TableId, quoted: &str| {
            assert_eq!(id.quoted(), quoted);
            assert_eq!(TableId::parse_quoted(quoted), Some(id));
        };
        check(TableId::in_database("db", "t"), r#""db"."t""#);
        check(TableId::in_database("a.b", "odd \"t\""), r#""a.b"."odd ""t""""#);
        check(TableId { catalog: "c".into(), schema: "s".into(), table: "t".into() }, r#""c"."s"."t""#);
        assert_eq!(TableId::parse_quoted("db.t"), Some(TableId::in_database("db", "t")));
        for broken in ["", "\"a", "\"a\"b", "a.", "a.b.c.d"] {
            assert_eq!(TableId::parse_quoted(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_server_that_ignores_case_finds_tables_by_any_case() {
        let table = Table { id: TableId::in_database("App", "T"), ..Table::default() };
        let mut tables = Tables::new(true);
        tables.put(table.clone());
        assert_eq!(tables.get(&TableId::in_database("app", "t")).map(|t| &**t), Some(&table));
        assert_eq!(tables.remove(&TableId::in_database("APP", "T")).as_deref(), Some(&table));
        let mut tables = Tables::new(false);
        tables.put(table);
        assert_eq!(tables.get(&TableId::in_database("app", "t")), None);
    }
}
