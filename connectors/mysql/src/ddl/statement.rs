//! One statement after the other: what it is, and what it does to the model.

use connect_cdc::table::{TableChange, TableId, Tables};

use super::{
    Change, ChangeKind, DdlError, Dialect, alter,
    charset::{self, Charsets, Clause},
    create::{self, Created, Surroundings},
    cursor::Cursor,
    filter, recorded,
    token::{Kind, Lexis, Token},
};

/// One call of the parser: a text that may hold several statements, and the state that they change.
pub(super) struct Run<'a> {
    pub(super) dialect: Dialect,
    pub(super) comments: bool,
    pub(super) lexis: Lexis,
    pub(super) charsets: Charsets,
    pub(super) tables: Tables,
    pub(super) database: String,
    pub(super) text: &'a str,
    pub(super) changes: Vec<Change>,
}

/// Completes what the statements gave: one that changed nothing is recorded as a whole, and every change lists the
/// tables that its text touches.
pub(super) fn finish(mut changes: Vec<Change>, database: &str, statement: &str) -> Vec<Change> {
    if changes.is_empty() {
        changes.push(Change {
            kind: ChangeKind::Database,
            database: database.to_owned(),
            ddl: statement.to_owned(),
            tables: Vec::new(),
            table_changes: Vec::new(),
        });
    }
    let touched: Vec<TableId> = changes.iter().flat_map(|change| change.tables.clone()).collect();
    for change in &mut changes {
        let mut tables: Vec<TableId> = Vec::new();
        for id in touched.iter().filter(|id| id.catalog == change.database) {
            if !tables.contains(id) {
                tables.push(id.clone());
            }
        }
        change.tables = tables;
    }
    changes
}

impl Run<'_> {
    pub(super) fn all(&mut self, tokens: &[Token]) -> Result<(), DdlError> {
        let semicolon = |token: &Token| token.kind == Kind::Symbol && &self.text[token.start..token.end] == ";";
        // The statements inside BEGIN ... END are a routine's or an event's: they do not run now.
        let begins = |token: &Token| self.text[token.start..token.end].eq_ignore_ascii_case("BEGIN");
        let count = if tokens.iter().any(begins) { 1 } else { usize::MAX };
        let statements: Vec<&[Token]> = tokens.split(semicolon).take(count).collect();
        for statement in statements {
            self.one(filter::after_set_statement(self.text, statement))?;
        }
        Ok(())
    }

    fn one(&mut self, tokens: &[Token]) -> Result<(), DdlError> {
        let mut cursor = Cursor::new(self.text, self.dialect, tokens);
        let c = &mut cursor;
        if c.accept("CREATE") {
            let replace = c.accept_all(&["OR", "REPLACE"]);
            if c.accept("TABLE") {
                return self.create_table(c, tokens, replace);
            } else if c.accept_any(&["DATABASE", "SCHEMA"]) {
                return self.create_database(c, tokens);
            } else if c.accept_all(&["UNIQUE", "INDEX"]) {
                return self.create_unique_index(c, tokens);
            }
        } else if c.accept("ALTER") {
            c.accept_any(&["ONLINE", "OFFLINE"]);
            c.accept("IGNORE");
            if c.accept("TABLE") {
                return self.alter_table(c, tokens);
            } else if c.accept_any(&["DATABASE", "SCHEMA"]) {
                return self.alter_database(c, tokens);
            }
        } else if c.accept("DROP") {
            if c.accept_any(&["TABLE", "TABLES"]) {
                return self.drop_tables(c, tokens);
            } else if c.accept_any(&["DATABASE", "SCHEMA"]) {
                return self.drop_database(c, tokens);
            }
        } else if c.accept("RENAME") {
            if c.accept_any(&["TABLE", "TABLES"]) {
                return self.rename_tables(c, tokens);
            }
        } else if c.accept("TRUNCATE") {
            return self.truncate(c, tokens);
        } else if c.accept("USE") {
            let name = c.name()?;
            self.database.clone_from(&name);
            self.push_database(&name, tokens);
        } else if c.accept("SET") {
            self.set(c, tokens)?;
        }
        Ok(())
    }

    /// A table's name in a statement, in the current database unless it names another.
    fn table_id(&self, cursor: &mut Cursor<'_>) -> Result<TableId, DdlError> {
        let (database, table) = cursor.qualified_name()?;
        Ok(TableId::in_database(database.unwrap_or_else(|| self.database.clone()), table))
    }

    /// Records a change of a database or of the server's settings.
    fn push_database(&mut self, database: &str, tokens: &[Token]) {
        self.changes.push(Change {
            kind: ChangeKind::Database,
            database: database.to_owned(),
            ddl: recorded::text(self.text, tokens, self.dialect, self.lexis),
            tables: Vec::new(),
            table_changes: Vec::new(),
        });
    }

    /// Records a change of one table.
    fn push_table(&mut self, kind: ChangeKind, id: TableId, tokens: &[Token], change: Option<TableChange>) {
        self.changes.push(Change {
            kind,
            database: id.catalog.clone(),
            ddl: recorded::text(self.text, tokens, self.dialect, self.lexis),
            tables: vec![id],
            table_changes: change.into_iter().collect(),
        });
    }

    fn create_table(&mut self, c: &mut Cursor<'_>, tokens: &[Token], replace: bool) -> Result<(), DdlError> {
        c.accept_all(&["IF", "NOT", "EXISTS"]);
        let id = self.table_id(c)?;
        // The server would have refused to create it again, so the model is newer than this part of the log.
        if self.tables.get(&id).is_some() && !replace {
            return Ok(());
        }
        let around = Surroundings {
            tables: &self.tables,
            database: &self.database,
            charset: self.charsets.of_database(&id.catalog),
            comments: self.comments,
        };
        if let Created::Table(table) = create::body(c, id.clone(), &around)? {
            let table = self.tables.put(*table);
            self.push_table(ChangeKind::Create, id, tokens, Some(TableChange::Create(table)));
        }
        Ok(())
    }

    fn alter_table(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        c.accept_all(&["IF", "EXISTS"]);
        let id = self.table_id(c)?;
        if c.accept("WAIT") || c.accept("NOWAIT") {
            c.step();
        }
        let Some(table) = self.tables.get(&id) else { return Ok(()) };
        let mut editor = alter::Editor::new((**table).clone(), &self.database, self.comments);
        editor.clauses(c)?;
        let new_id = editor.table.id.clone();
        let previous = (new_id != id).then(|| id.clone());
        if previous.is_some() {
            self.tables.remove(&id);
        }
        let table = self.tables.put(editor.table);
        self.push_table(ChangeKind::Alter, new_id, tokens, Some(TableChange::Alter { table, previous }));
        Ok(())
    }

    fn create_unique_index(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        while !c.is_done() && !c.is_word("ON") {
            c.step();
        }
        if !c.accept("ON") {
            return Err(c.error("expected ON"));
        }
        let id = self.table_id(c)?;
        let parts = c.key_parts()?;
        let Some(table) = self.tables.get(&id).filter(|table| table.primary_key.is_empty()) else { return Ok(()) };
        let mut table = (**table).clone();
        create::adopt_unique_key(&mut table, &parts);
        let table = self.tables.put(table);
        let change = TableChange::Alter { table, previous: None };
        // Debezium's MySQL connector records it without its first word.
        let tokens = if self.dialect == Dialect::MySql { &tokens[1..] } else { tokens };
        self.push_table(ChangeKind::Alter, id, tokens, Some(change));
        Ok(())
    }

    /// Each table is a record of its own, with the words before the first name repeated.
    fn drop_tables(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        c.accept_all(&["IF", "EXISTS"]);
        let prefix = &self.text[tokens.first().map_or(0, |t| t.start)..c.position()];
        loop {
            let id = self.table_id(c)?;
            let table = self.tables.remove(&id);
            self.changes.push(Change {
                kind: ChangeKind::Drop,
                database: id.catalog.clone(),
                ddl: format!("{prefix}{}", recorded::quoted_name(&id.catalog, &id.table)),
                tables: vec![id.clone()],
                table_changes: vec![TableChange::Drop { id, table }],
            });
            if !c.accept_symbol(',') {
                return Ok(());
            }
        }
    }

    /// Each pair is a record of its own, as in [`Run::drop_tables`].
    fn rename_tables(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        c.accept_all(&["IF", "EXISTS"]);
        let prefix = &self.text[tokens.first().map_or(0, |t| t.start)..c.position()];
        loop {
            let start = c.position();
            let old = self.table_id(c)?;
            if c.accept("WAIT") || c.accept("NOWAIT") {
                c.skip_clause();
            }
            if !c.accept("TO") {
                return Err(c.error("expected TO"));
            }
            let new = self.table_id(c)?;
            let end = c.previous_end();
            let table_changes = match self.tables.remove(&old) {
                Some(table) => {
                    let mut table = (*table).clone();
                    table.id = new.clone();
                    vec![TableChange::Alter { table: self.tables.put(table), previous: Some(old) }]
                }
                None => Vec::new(),
            };
            self.changes.push(Change {
                kind: ChangeKind::Alter,
                database: new.catalog.clone(),
                ddl: format!("{prefix}{}", &self.text[start..end]),
                tables: vec![new],
                table_changes,
            });
            if !c.accept_symbol(',') {
                return Ok(());
            }
        }
    }

    fn truncate(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        c.accept("TABLE");
        let id = self.table_id(c)?;
        self.push_table(ChangeKind::Truncate, id, tokens, None);
        Ok(())
    }

    fn create_database(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        c.accept_all(&["IF", "NOT", "EXISTS"]);
        let name = c.name()?;
        let charset = database_charset(c)?;
        self.charsets.set_database(&name, charset);
        self.push_database(&name, tokens);
        Ok(())
    }

    fn alter_database(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        // The name may be left out, and what follows it may also be a name.
        let named = c.peek().is_some_and(|t| t.kind == Kind::Name)
            || !["CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "READ", "ENCRYPTION", "COMMENT"]
                .iter()
                .any(|w| c.is_word(w));
        let name = if named { c.name()? } else { self.database.clone() };
        if let Some(charset) = database_charset(c)? {
            self.charsets.set_database(&name, Some(charset));
        }
        self.push_database(&name, tokens);
        Ok(())
    }

    fn drop_database(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        c.accept_all(&["IF", "EXISTS"]);
        let name = c.name()?;
        self.tables.remove_database(&name);
        self.charsets.forget_database(&name);
        self.push_database(&name, tokens);
        Ok(())
    }

    /// `SET [GLOBAL] a = x, @@session.b = y`; user variables and passwords are no settings of the server.
    fn set(&mut self, c: &mut Cursor<'_>, tokens: &[Token]) -> Result<(), DdlError> {
        let mut settings = false;
        loop {
            let user_variable = c.is_symbol('@') && c.peek_at(1).is_none_or(|t| c.slice(t) != "@");
            while c.accept_symbol('@')
                || c.accept_any(&["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"])
                || c.accept_symbol('.')
            {}
            let name = c.name()?.to_ascii_lowercase();
            c.accept_symbol(':');
            if !c.accept_symbol('=') {
                return Ok(());
            }
            if !user_variable {
                settings = true;
                let value = c.peek().map(|token| c.slice(token).trim_matches(['\'', '"', '`']).to_ascii_lowercase());
                match (name.as_str(), value) {
                    ("character_set_server", Some(value)) => self.charsets.set_server(value),
                    ("character_set_database", Some(value)) => {
                        self.charsets.set_database(&self.database.clone(), Some(value));
                    }
                    _ => {}
                }
            }
            c.skip_clause();
            if !c.accept_symbol(',') {
                break;
            }
        }
        if settings {
            self.push_database(&self.database.clone(), tokens);
        }
        Ok(())
    }
}

fn database_charset(c: &mut Cursor<'_>) -> Result<Option<String>, DdlError> {
    let mut charset = None;
    let mut collation = None;
    while !c.is_done() {
        match charset::clause(c)? {
            Some(clause @ Clause::Charset(_)) => charset = clause.charset(),
            Some(clause @ Clause::Collation(_)) => collation = clause.charset(),
            Some(Clause::Default) => {}
            None => c.step(),
        }
    }
    Ok(charset.or(collation))
}
