//! Reads the DDL statements of a server and keeps the table model in step with it.
//!
//! The parser knows the clauses that change columns, keys and character sets, and skips the rest of a statement by its
//! balanced parentheses, so that syntax it has never seen does not stop a connector.

mod alter;
mod change;
mod charset;
mod column;
mod create;
mod cursor;
mod data_type;
mod default;
mod filter;
#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
mod oracle;
mod recorded;
mod statement;
#[cfg(test)]
mod tests;
mod token;

pub use change::{Change, ChangeKind, DdlError, Dialect};

use connect_cdc::table::Tables;

use charset::Charsets;
use statement::Run;
use token::Lexis;

/// Applies statements in the order of the log; it remembers what later statements depend on: character sets of the
/// server and of the databases, and the SQL mode.
#[derive(Clone, Debug)]
pub struct Parser {
    dialect: Dialect,
    /// `include.schema.comments`: whether the model keeps comments.
    comments: bool,
    lexis: Lexis,
    charsets: Charsets,
}

impl Parser {
    pub fn new(dialect: Dialect, comments: bool) -> Self {
        Self { dialect, comments, lexis: Lexis::default(), charsets: Charsets::default() }
    }

    /// Sets the SQL mode of the session that runs the next statements, as the bits of a QUERY event's status.
    pub fn set_sql_mode(&mut self, bits: u64) {
        const ANSI_QUOTES: u64 = 1 << 2;
        const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
        self.lexis =
            Lexis { ansi_quotes: bits & ANSI_QUOTES != 0, no_backslash_escapes: bits & NO_BACKSLASH_ESCAPES != 0 };
    }

    /// Applies one statement, as it ran with `database` as its current database (empty: none).
    ///
    /// The answer lists what a schema history records, in its order. It is empty for statements that are none of its
    /// business (grants, users, routines, views, data). After an error the tables are as they were.
    pub fn apply(&mut self, tables: &mut Tables, database: &str, statement: &str) -> Result<Vec<Change>, DdlError> {
        let tokens = token::tokenize(statement, self.dialect, self.lexis)?;
        if filter::is_irrelevant(statement, &tokens) {
            return Ok(Vec::new());
        }
        let mut run = Run {
            dialect: self.dialect,
            comments: self.comments,
            lexis: self.lexis,
            charsets: self.charsets.clone(),
            tables: tables.clone(),
            database: database.to_owned(),
            text: statement,
            changes: Vec::new(),
        };
        run.all(&tokens)?;
        self.charsets = run.charsets;
        *tables = run.tables;
        Ok(statement::finish(run.changes, database, statement))
    }
}
