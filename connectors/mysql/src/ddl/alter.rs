//! ALTER TABLE: the clauses that change columns, keys, the comment or the name.

use connect_cdc::table::{Column, Table, TableId};

use super::{
    DdlError, Dialect, charset,
    column::{self, Definition},
    create::{self, Key},
    cursor::Cursor,
    default,
};

/// A table while a statement changes it.
pub(super) struct Editor {
    pub(super) table: Table,
    /// The name that each column had before the statement, in the order of the columns: the server reads the names in
    /// RENAME, CHANGE, MODIFY and DROP as those of before, so that two columns can swap theirs.
    before: Vec<Option<String>>,
    /// Renamed columns, old name first; the key follows at the end, because two columns may swap their names.
    renamed: Vec<(String, String)>,
    comments: bool,
    /// The database that bare names belong to.
    database: String,
}

/// Where a column goes.
enum Place {
    Same,
    First,
    After(String),
}

impl Editor {
    pub(super) fn new(table: Table, database: &str, comments: bool) -> Self {
        let before = table.columns.iter().map(|column| Some(column.name.clone())).collect();
        Self { table, before, renamed: Vec::new(), comments, database: database.to_owned() }
    }

    /// Reads the clauses behind the table's name to the end of the statement.
    pub(super) fn clauses(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        while !cursor.is_done() {
            let at = cursor.position();
            self.clause(cursor)?;
            // Options of one clause may follow each other without a comma; an unknown clause is skipped.
            if cursor.position() == at {
                cursor.step();
            }
            cursor.accept_symbol(',');
        }
        for key in &mut self.table.primary_key {
            if let Some((_, new)) = self.renamed.iter().find(|(old, _)| old == key) {
                key.clone_from(new);
            }
        }
        Ok(())
    }

    fn clause(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        if cursor.accept("ADD") {
            self.add(cursor)?;
        } else if cursor.accept("DROP") {
            self.drop(cursor)?;
        } else if cursor.accept("MODIFY") {
            self.modify(cursor)?;
        } else if cursor.accept("CHANGE") {
            self.change(cursor)?;
        } else if cursor.accept("ALTER") {
            self.alter_column(cursor)?;
        } else if cursor.accept("RENAME") {
            self.rename(cursor)?;
        } else if cursor.accept_all(&["CONVERT", "TO"]) {
            self.convert(cursor)?;
        } else if cursor.accept("COMMENT") {
            cursor.accept_symbol('=');
            let comment = column::comment(cursor)?;
            self.table.comment = self.comments.then_some(comment);
            return Ok(());
        } else if charset::clause(cursor)?.is_some() {
            // The default of columns to come: schema histories keep the table's first one.
            return Ok(());
        } else if cursor.is_word("PARTITION") {
            while cursor.next().is_some() {}
        } else {
            return Ok(());
        }
        cursor.skip_clause();
        Ok(())
    }

    fn add(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        if let Some(key) = create::table_key(cursor)? {
            return self.add_key(key, cursor);
        }
        if cursor.is_word("PARTITION") || cursor.accept_all(&["SYSTEM", "VERSIONING"]) {
            return Ok(());
        }
        cursor.accept("COLUMN");
        if cursor.accept_symbol('(') {
            return self.add_list(cursor);
        }
        let may_exist = cursor.accept_all(&["IF", "NOT", "EXISTS"]);
        let name = cursor.name()?;
        let definition = column::definition(cursor, name)?;
        let place = place(cursor)?;
        if may_exist && self.table.position(&definition.column.name).is_some() {
            return Ok(());
        }
        self.put_new(definition, place);
        Ok(())
    }

    fn add_key(&mut self, key: Key, cursor: &Cursor<'_>) -> Result<(), DdlError> {
        match key {
            Key::Primary(parts) => {
                let names: Vec<String> = parts.into_iter().flatten().collect();
                create::set_primary_key(&mut self.table, &names).map_err(|problem| cursor.error(problem))?;
                // The new key is written with the new names.
                self.renamed.clear();
            }
            Key::Unique(parts) => create::adopt_unique_key(&mut self.table, &parts),
            Key::Other => {}
        }
        Ok(())
    }

    /// `ADD (a INT, b INT, KEY (a))`
    fn add_list(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        loop {
            match create::table_key(cursor)? {
                Some(key) => self.add_key(key, cursor)?,
                None => {
                    let name = cursor.name()?;
                    let mut definition = column::definition(cursor, name)?;
                    if cursor.dialect == Dialect::MySql {
                        // Debezium's histories have neither mark for columns that are added in a list.
                        definition.column.auto_incremented = false;
                        definition.column.generated = false;
                    }
                    self.put_new(definition, Place::Same);
                }
            }
            cursor.skip_clause();
            if cursor.accept_symbol(')') {
                return Ok(());
            }
            cursor.expect_symbol(',')?;
        }
    }

    /// Adds a column; one that is there already is replaced where it stands.
    fn put_new(&mut self, mut definition: Definition, place: Place) {
        definition.settle_charset(self.table.default_charset.as_deref());
        let mut column = definition.column;
        column.comment = column.comment.filter(|_| self.comments);
        let name = column.name.clone();
        match (self.table.position(&name), &place) {
            (Some(at), Place::Same) => self.table.columns[at] = column,
            (Some(at), _) => {
                self.remove_at(at);
                self.insert(column, None, &place);
            }
            (None, _) => self.insert(column, None, &place),
        }
        if definition.primary_key {
            self.table.primary_key = vec![name];
        } else if definition.unique {
            create::adopt_unique_key(&mut self.table, &[Some(name)]);
        }
    }

    fn insert(&mut self, column: Column, before: Option<String>, place: &Place) {
        let at = match place {
            Place::Same => self.table.columns.len(),
            Place::First => 0,
            Place::After(name) => self.table.position(name).map_or(0, |at| at + 1),
        };
        self.table.columns.insert(at, column);
        self.before.insert(at, before);
    }

    fn remove_at(&mut self, at: usize) -> (Column, Option<String>) {
        (self.table.columns.remove(at), self.before.remove(at))
    }

    /// A column by the name that it had before the statement, or else by the one it has now.
    fn find(&self, name: &str) -> Option<usize> {
        let had = |before: &Option<String>| before.as_ref().is_some_and(|b| b.eq_ignore_ascii_case(name));
        self.before.iter().position(had).or_else(|| self.table.position(name))
    }

    fn find_or_fail(&self, name: &str, cursor: &Cursor<'_>) -> Result<usize, DdlError> {
        self.find(name)
            .ok_or_else(|| cursor.error(format!("table {} has no column {name} that could be changed", self.table.id)))
    }

    fn drop(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        if cursor.accept_all(&["PRIMARY", "KEY"]) {
            self.table.primary_key.clear();
            return Ok(());
        }
        let others = ["INDEX", "KEY", "FOREIGN", "CONSTRAINT", "CHECK", "PARTITION", "SYSTEM", "PERIOD"];
        if others.iter().any(|word| cursor.is_word(word)) {
            return Ok(());
        }
        cursor.accept("COLUMN");
        cursor.accept_all(&["IF", "EXISTS"]);
        let name = cursor.name()?;
        if let Some(at) = self.find(&name) {
            let (column, _) = self.remove_at(at);
            self.table.primary_key.retain(|key| *key != column.name);
        }
        Ok(())
    }

    fn modify(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        cursor.accept("COLUMN");
        let may_miss = cursor.accept_all(&["IF", "EXISTS"]);
        let name = cursor.name()?;
        let definition = column::definition(cursor, name.clone())?;
        let place = place(cursor)?;
        if may_miss && self.find(&name).is_none() {
            return Ok(());
        }
        let at = self.find_or_fail(&name, cursor)?;
        let key_name = self.table.columns[at].name.clone();
        self.redefine(at, definition, place);
        // The key keeps its spelling where only the case of the name differs.
        self.rename_in_key(&name, &key_name);
        Ok(())
    }

    fn change(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        cursor.accept("COLUMN");
        let may_miss = cursor.accept_all(&["IF", "EXISTS"]);
        let old = cursor.name()?;
        let new = cursor.name()?;
        let mut definition = column::definition(cursor, new.clone())?;
        let place = place(cursor)?;
        if may_miss && self.find(&old).is_none() {
            return Ok(());
        }
        let at = self.find_or_fail(&old, cursor)?;
        let previous = &self.table.columns[at];
        // CHANGE starts from the column as it was, MODIFY from nothing: only the names of types are given anew.
        definition.column.auto_incremented |= previous.auto_incremented;
        definition.column.generated |= previous.generated;
        definition.column.comment = definition.column.comment.or_else(|| previous.comment.clone());
        if definition.column.enum_values.is_empty() {
            definition.column.enum_values.clone_from(&previous.enum_values);
        }
        let key_name = previous.name.clone();
        self.redefine(at, definition, place);
        self.rename_in_key(&key_name, &new);
        Ok(())
    }

    fn redefine(&mut self, at: usize, mut definition: Definition, place: Place) {
        definition.settle_charset(self.table.default_charset.as_deref());
        let mut column = definition.column;
        column.comment = column.comment.filter(|_| self.comments);
        let name = column.name.clone();
        match place {
            Place::Same => self.table.columns[at] = column,
            Place::First | Place::After(_) => {
                let (_, before) = self.remove_at(at);
                self.insert(column, before, &place);
            }
        }
        if definition.primary_key {
            self.table.primary_key = vec![name];
        } else if definition.unique {
            create::adopt_unique_key(&mut self.table, &[Some(name)]);
        }
    }

    fn rename_in_key(&mut self, old: &str, new: &str) {
        for key in &mut self.table.primary_key {
            if key == old {
                new.clone_into(key);
            }
        }
    }

    /// `ALTER [COLUMN] c SET DEFAULT x | DROP DEFAULT | SET INVISIBLE`
    fn alter_column(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        if ["INDEX", "KEY", "CHECK", "CONSTRAINT"].iter().any(|word| cursor.is_word(word)) {
            return Ok(());
        }
        cursor.accept("COLUMN");
        cursor.accept_all(&["IF", "EXISTS"]);
        let name = cursor.name()?;
        if cursor.accept_all(&["SET", "DEFAULT"]) {
            let value = default::value(cursor)?;
            if let Some(at) = self.find(&name) {
                column::set_default(&mut self.table.columns[at], value);
            }
        } else if cursor.accept_all(&["DROP", "DEFAULT"])
            && let Some(at) = self.find(&name)
        {
            let column = &mut self.table.columns[at];
            column.has_default = column.optional;
            column.default_expression = None;
        }
        Ok(())
    }

    /// `RENAME [TO] t`, `RENAME COLUMN a TO b`, `RENAME INDEX a TO b`
    fn rename(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        if (cursor.is_word("INDEX") || cursor.is_word("KEY")) && cursor.is_word_at(2, "TO") {
            return Ok(());
        }
        if cursor.is_word("COLUMN") && !cursor.is_word_at(1, "TO") && cursor.peek_at(1).is_some() {
            cursor.next();
            let old = cursor.name()?;
            if !cursor.accept("TO") {
                return Err(cursor.error("expected TO"));
            }
            let new = cursor.name()?;
            let at = self.find_or_fail(&old, cursor)?;
            let previous = std::mem::replace(&mut self.table.columns[at].name, new.clone());
            self.renamed.push((previous, new));
            return Ok(());
        }
        cursor.accept_any(&["TO", "AS"]);
        cursor.accept_symbol('=');
        let (database, table) = cursor.qualified_name()?;
        self.table.id = TableId::in_database(database.unwrap_or_else(|| self.database.clone()), table);
        Ok(())
    }

    /// `CONVERT TO CHARACTER SET x`: every text column and the default.
    fn convert(&mut self, cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
        let Some(clause) = charset::clause(cursor)? else { return Ok(()) };
        let Some(charset) = clause.charset() else { return Ok(()) };
        for column in &mut self.table.columns {
            if column.charset.is_some() {
                column.charset = Some(charset.clone());
            }
        }
        self.table.default_charset = Some(charset);
        Ok(())
    }
}

fn place(cursor: &mut Cursor<'_>) -> Result<Place, DdlError> {
    if cursor.accept("FIRST") {
        Ok(Place::First)
    } else if cursor.accept("AFTER") {
        cursor.name().map(Place::After)
    } else {
        Ok(Place::Same)
    }
}
