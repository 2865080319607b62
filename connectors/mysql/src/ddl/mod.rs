//! Reads the DDL statements of a server and keeps the table model in step with it.
//!
//! The parser knows the clauses that change columns, keys and character sets, and skips the rest of a statement by its
//! balanced parentheses, so that syntax it has never seen does not stop a connector.

mod change;

pub use change::{Change, ChangeKind, DdlError, Dialect};

use connect_cdc::table::Tables;

/// Applies statements in the order of the log; it remembers what later statements depend on: character sets of the
/// server and of the databases, and the SQL mode.
#[derive(Clone, Debug)]
pub struct Parser {
    dialect: Dialect,
}

impl Parser {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect }
    }

    /// Applies one statement, as it ran with `database` as its current database (empty: none).
    ///
    /// The answer lists what a schema history records, in its order. It is empty for statements that are none of its
    /// business (grants, users, routines, views, data). After an error the tables are as they were.
    pub fn apply(&mut self, tables: &mut Tables, database: &str, statement: &str) -> Result<Vec<Change>, DdlError> {
        let _ = (tables, database);
        Err(DdlError::new(statement, 0, format!("{:?} statements are not read yet", self.dialect)))
    }
}
