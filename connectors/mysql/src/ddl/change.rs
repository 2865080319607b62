//! What a statement changed, and why one could not be read.

use std::fmt;

use connect_cdc::table::{TableChange, TableId};

/// Whose SQL is read; the two differ in types and clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    MySql,
    MariaDb,
}

/// One record of the schema history, and one schema change message where those are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub kind: ChangeKind,
    /// The database that the change belongs to; empty for server-wide settings.
    pub database: String,
    /// The text to record: the statement, or its part for this table where one statement names several.
    pub ddl: String,
    /// The tables of this database that the whole statement touches, in the order of their mention
    /// (`source.table` of a schema change message lists them).
    pub tables: Vec<TableId>,
    /// Empty for changes of databases and settings.
    pub table_changes: Vec<TableChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Create,
    Alter,
    Drop,
    Truncate,
    /// Databases and server variables, and statements that were read but changed no table.
    Database,
}

/// A statement that should change tables but can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DdlError {
    pub statement: String,
    /// The byte of the statement where reading stopped.
    pub position: usize,
    pub problem: String,
}

impl DdlError {
    pub(crate) fn new(statement: &str, position: usize, problem: impl Into<String>) -> Self {
        Self { statement: statement.to_owned(), position, problem: problem.into() }
    }
}

impl fmt::Display for DdlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't read the DDL statement at byte {}: {}: {}", self.position, self.problem, self.statement)
    }
}

impl std::error::Error for DdlError {}
