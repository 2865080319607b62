//! What the recorded scenarios do not show.

use connect_cdc::table::{TableChange, TableId, Tables};

use super::{Change, ChangeKind, Dialect, Parser};

struct Session {
    parser: Parser,
    tables: Tables,
}

impl Session {
    fn new(dialect: Dialect, statements: &[&str]) -> Self {
        let mut session = Self { parser: Parser::new(dialect, true), tables: Tables::new(false) };
        statements.iter().for_each(|statement| drop(session.run(statement)));
        session
    }

    fn run(&mut self, statement: &str) -> Vec<Change> {
        self.parser.apply(&mut self.tables, "app", statement).unwrap()
    }

    /// `name TYPE` of each column, and the key.
    fn columns(&self, table: &str) -> (Vec<String>, Vec<String>) {
        let table = self.tables.get(&TableId::in_database("app", table)).unwrap();
        let columns = table.columns.iter().map(|column| format!("{} {}", column.name, column.type_name)).collect();
        (columns, table.primary_key.clone())
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn two_columns_swap_their_names_and_the_key_follows() {
    let mut session = Session::new(Dialect::MySql, &["CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(10))"]);
    session.run("ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a");
    assert_eq!(session.columns("t"), (strings(&["b INT", "a VARCHAR"]), strings(&["b"])));
}

#[test]
fn a_replaced_table_has_its_new_columns() {
    let mut session = Session::new(Dialect::MariaDb, &["CREATE TABLE t (a INT PRIMARY KEY)"]);
    let changes = session.run("CREATE OR REPLACE TABLE t (b BIGINT)");
    assert!(matches!(changes[0].table_changes[..], [TableChange::Create(_)]));
    assert_eq!(session.columns("t"), (strings(&["b BIGINT"]), Vec::new()));
}

#[test]
fn names_in_double_quotes_are_read_under_ansi_quotes() {
    let mut session = Session::new(Dialect::MySql, &[]);
    session.parser.set_sql_mode(4);
    session.run(r#"CREATE TABLE "t" ("a b" INT, "c""d" VARCHAR(5) DEFAULT 'x', PRIMARY KEY ("a b"))"#);
    assert_eq!(session.columns("t"), (strings(&["a b INT", "c\"d VARCHAR"]), strings(&["a b"])));
}

#[test]
fn a_table_renamed_by_alter_leaves_its_old_name() {
    let mut session = Session::new(Dialect::MySql, &["CREATE TABLE t (a INT)"]);
    let changes = session.run("ALTER TABLE t RENAME TO u, ADD b INT");
    let [TableChange::Alter { table, previous }] = &changes[0].table_changes[..] else { panic!("an altered table") };
    assert_eq!((table.id.to_string(), previous), ("app.u".to_owned(), &Some(TableId::in_database("app", "t"))));
    assert_eq!(session.tables.get(&TableId::in_database("app", "t")), None);
}

#[test]
fn a_statement_that_can_not_be_read_names_its_place_and_changes_nothing() {
    let mut session = Session::new(Dialect::MySql, &["CREATE TABLE t (a INT)"]);
    let statement = "ALTER TABLE t ADD b INT, MODIFY nope BIGINT, ADD c INT";
    let error = session.parser.apply(&mut session.tables, "app", statement).unwrap_err();
    assert_eq!(&statement[error.position..], ", ADD c INT");
    assert_eq!(session.columns("t"), (strings(&["a INT"]), Vec::new()));
    let error = session.parser.apply(&mut session.tables, "app", "CREATE TABLE x (a FANCY)").unwrap_err();
    assert_eq!((error.position, error.problem.as_str()), (18, "unknown data type FANCY"));
}

#[test]
fn what_is_none_of_a_historys_business_is_left_out() {
    let mut session = Session::new(Dialect::MySql, &["CREATE TABLE t (a INT)"]);
    for statement in [
        "GRANT SELECT ON *.* TO 'u'@'%'",
        "CREATE DEFINER=`root`@`localhost` PROCEDURE p() BEGIN CREATE TABLE inner_ (a INT); END",
        "CREATE DEFINER=CURRENT_USER() TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "CREATE ALGORITHM=MERGE VIEW v AS SELECT 1",
        "DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `tmp`",
        "CREATE USER IF NOT EXISTS u",
        "ANALYZE TABLE t",
        "  ",
    ] {
        assert_eq!(session.run(statement), Vec::new(), "{statement}");
    }
    let truncated = session.run("TRUNCATE TABLE t");
    assert_eq!((truncated[0].kind, truncated[0].table_changes.len()), (ChangeKind::Truncate, 0));
    let other = session.run("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; DROP TABLE t; END");
    assert_eq!((other.len(), other[0].kind, other[0].tables.len()), (1, ChangeKind::Database, 0));
    assert_eq!(session.columns("t").0, strings(&["a INT"]));
}

#[test]
fn every_change_lists_the_tables_of_its_database() {
    let mut session = Session::new(Dialect::MySql, &["CREATE TABLE a (x INT)", "CREATE TABLE b (x INT)"]);
    let changes = session.run("DROP TABLE a, other.c, b");
    let tables: Vec<Vec<String>> =
        changes.iter().map(|change| change.tables.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(tables, [strings(&["app.a", "app.b"]), strings(&["other.c"]), strings(&["app.a", "app.b"])]);
}
