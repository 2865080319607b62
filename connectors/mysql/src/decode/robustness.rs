//! No bytes make the decoders panic, and cut-off rows are errors.

use connect_api::Bytes;
use connect_cdc::table::{TableId, Tables};
use proptest::prelude::*;

use super::{MapColumn, Options, RowPlan, TableMap, json};
use crate::ddl::{Dialect, Parser};

/// A column of every type.
const EVERY_TYPE: &str = "CREATE TABLE t (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT UNSIGNED, e BIGINT UNSIGNED, \
    f FLOAT, g DOUBLE, h DECIMAL(65,30), i DECIMAL(10,2), j BIT(1), k BIT(37), l CHAR(10), m VARCHAR(300), n TEXT, o BLOB, \
    p BINARY(16), q ENUM('x','y'), r SET('x','y','z'), s DATE, t TIME(6), u DATETIME(3), v TIMESTAMP(4) NOT NULL, w YEAR, \
    x JSON, y POINT, z GEOMETRY, aa VECTOR(3), bb UUID, cc INET6, dd BOOL NOT NULL, ee VARCHAR(5) CHARACTER SET gbk)";

fn plan() -> RowPlan {
    let mut tables = Tables::new(false);
    Parser::new(Dialect::MariaDb, false).apply(&mut tables, "db", EVERY_TYPE).unwrap();
    let table = tables.get(&TableId::in_database("db", "t")).unwrap();
    RowPlan::new(table, &Options::default(), |_| true, |_| false)
}

fn map(columns: Vec<MapColumn>) -> TableMap {
    let charsets = vec![None; columns.len()];
    TableMap { table_id: 1, database: "db".into(), table: "t".into(), columns, charsets }
}

proptest! {
    #[test]
    fn any_table_map_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(TableMap::parse(&Bytes::from(bytes)));
    }

    #[test]
    fn any_row_is_read_or_refused(
        wire in prop::collection::vec((any::<u8>(), any::<u16>()), 31),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        start in 0_usize..420,
    ) {
        let columns = wire.into_iter().map(|(code, meta)| MapColumn { code, meta }).collect();
        if let Ok(decoder) = plan().bind(&map(columns)) {
            let mut at = start;
            drop(decoder.decode(&Bytes::from(bytes), &mut at, &[0xff; 4]));
        }
    }

    /// The types that servers have, so that most rows get past the first column.
    #[test]
    fn any_row_of_known_types_is_read_or_refused(
        picks in prop::collection::vec((0_usize..30, any::<u8>()), 31),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        const CODES: [u8; 30] = [
            1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 242, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254,
            255, 7, 140,
        ];
        let column = |(at, meta): (usize, u8)| {
            let meta = if CODES[at] == 246 { u16::from(meta % 66) << 8 | u16::from(meta % 31) } else { u16::from(meta % 5) };
            MapColumn { code: CODES[at], meta }
        };
        if let Ok(decoder) = plan().bind(&map(picks.into_iter().map(column).collect())) {
            drop(decoder.decode(&Bytes::from(bytes), &mut 0, &[0xff; 4]));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(
        texts in prop::collection::vec(prop::option::of("[-0-9:. a-z]{0,24}"), 31),
    ) {
        let row: Vec<Option<Bytes>> = texts.into_iter().map(|text| text.map(Bytes::from)).collect();
        drop(plan().from_text(&row));
    }

    #[test]
    fn any_json_is_read_or_refused(kind in 0_u8..16, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut document = vec![kind];
        document.extend(bytes);
        drop(json::text(&document));
    }

    #[test]
    fn any_statement_is_read_or_refused(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "CREATE", "TABLE", "ALTER", "t", "(", ")", ",", "a", "INT", "VARCHAR", "10", "'x'", "ADD", "COLUMN", "DROP",
                "PRIMARY", "KEY", "UNIQUE", "DEFAULT", "CHANGE", "MODIFY", "RENAME", "TO", "AFTER", "FIRST", "LIKE", ";",
                "COMMENT", "=", "SET", "CHARACTER", "/*!", "*/", "`b`", "\"", "ENUM", "INDEX", "ON", "DATABASE", "NOT", "NULL",
            ]),
            0..24,
        ),
    ) {
        let mut tables = Tables::new(false);
        let mut parser = Parser::new(Dialect::MySql, true);
        parser.apply(&mut tables, "db", "CREATE TABLE t (a INT PRIMARY KEY, c ENUM('x'))").unwrap();
        drop(parser.apply(&mut tables, "db", &words.join(" ")));
        drop(parser.apply(&mut tables, "db", &format!("ALTER TABLE t {}", words.join(" "))));
    }

    #[test]
    fn any_characters_are_a_statement_or_none(text in "\\PC{0,80}") {
        drop(Parser::new(Dialect::MySql, true).apply(&mut Tables::new(false), "db", &text));
        drop(Parser::new(Dialect::MariaDb, true).apply(&mut Tables::new(false), "db", &format!("CREATE TABLE {text}")));
    }
}
