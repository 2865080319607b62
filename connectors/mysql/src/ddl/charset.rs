//! Character sets: which one a clause names, and which one holds where none is named.

use std::collections::HashMap;

use super::{DdlError, cursor::Cursor};

/// The character sets that statements without one of their own fall back to.
#[derive(Clone, Debug, Default)]
pub(super) struct Charsets {
    server: Option<String>,
    databases: HashMap<String, String>,
}

impl Charsets {
    pub(super) fn of_database(&self, database: &str) -> Option<String> {
        self.databases.get(database).or(self.server.as_ref()).cloned()
    }

    pub(super) fn set_database(&mut self, database: &str, charset: Option<String>) {
        match charset.or_else(|| self.server.clone()) {
            Some(charset) => drop(self.databases.insert(database.to_owned(), charset)),
            None => drop(self.databases.remove(database)),
        }
    }

    pub(super) fn forget_database(&mut self, database: &str) {
        self.databases.remove(database);
    }

    pub(super) fn set_server(&mut self, charset: String) {
        self.server = Some(charset);
    }
}

/// A character set or collation clause of a database, table or column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// `CHARACTER SET DEFAULT`: as if nothing had been named.
    Default,
    Charset(String),
    Collation(String),
}

impl Clause {
    /// The character set that the clause asks for.
    pub(super) fn charset(&self) -> Option<String> {
        match self {
            Clause::Default => None,
            Clause::Charset(name) => Some(name.clone()),
            Clause::Collation(name) => charset_of_collation(name),
        }
    }
}

/// Reads `[DEFAULT] CHARACTER SET [=] x`, `CHARSET x`, `COLLATE x`; nothing is consumed when none stands here.
pub(super) fn clause(cursor: &mut Cursor<'_>) -> Result<Option<Clause>, DdlError> {
    let mut ahead = *cursor;
    ahead.accept("DEFAULT");
    let collation = ahead.accept("COLLATE");
    if !collation
        && !ahead.accept("CHARSET")
        && !ahead.accept_all(&["CHARACTER", "SET"])
        && !ahead.accept_all(&["CHAR", "SET"])
    {
        return Ok(None);
    }
    ahead.accept_symbol('=');
    let clause = match ahead.name()?.to_ascii_lowercase() {
        name if name == "default" => Clause::Default,
        name if collation => Clause::Collation(name),
        name => Clause::Charset(name),
    };
    *cursor = ahead;
    Ok(Some(clause))
}

/// Every collation starts with its character set, but MariaDB's that serve several (`uca1400_ai_ci`).
pub(super) fn charset_of_collation(collation: &str) -> Option<String> {
    let charset = collation.split('_').next().unwrap_or(collation);
    (charset != "uca1400").then(|| charset.to_owned())
}
