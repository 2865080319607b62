//! Which databases, tables and columns are captured.

use std::sync::Arc;

use connect_api::config::{Problem, Setting};
use connect_api::config_key::ConfigType;
use fancy_regex::Regex;

use crate::table::TableId;

/// A comma-separated list of Java regular expressions, each matched against a whole name without regard to case.
#[derive(Clone, Debug, Default)]
pub struct RegexList(Arc<Vec<Regex>>);

impl RegexList {
    pub fn matches(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The place of the first expression that matches.
    pub fn position(&self, name: &str) -> Option<usize> {
        // An expression that runs into the backtracking limit does not match: the name is odd, not the log.
        self.0.iter().position(|regex| regex.is_match(name).unwrap_or(false))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Setting for RegexList {
    const TYPE: ConfigType = ConfigType::List;
    const REQUIRED: bool = false;
    fn parse(text: &str) -> Result<Self, Problem> {
        let regexes = split_list(text).iter().map(|part| whole(part)).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(regexes)))
    }
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// Parts between commas, without the blanks around them; `\,` is a comma inside a part.
fn split_list(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let last = parts.len() - 1;
        match char {
            '\\' if chars.peek() == Some(&',') => parts[last].extend(chars.next()),
            ',' => parts.push(String::new()),
            char => parts[last].push(char),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Compiles an expression that must match a whole name.
fn whole(expression: &str) -> Result<Regex, Problem> {
    Regex::new(&format!("(?i)^(?:{expression})$")).map_err(|error| {
        Problem::Because(format!("A comma-separated list of valid regular expressions is expected, but {error}"))
    })
}

/// Whether a name is in an include list, or not in an exclude list where there is no include list.
#[derive(Clone, Debug, Default)]
pub struct NameFilter {
    pub include: RegexList,
    pub exclude: RegexList,
}

impl NameFilter {
    pub fn accepts(&self, name: &str) -> bool {
        match self.include.is_empty() {
            false => self.include.matches(name),
            true => !self.exclude.matches(name),
        }
    }
}

/// The tables to capture.
#[derive(Clone, Debug, Default)]
pub struct TableFilter {
    pub databases: NameFilter,
    pub tables: NameFilter,
    /// Databases of the server itself, never captured.
    pub builtin: &'static [&'static str],
}

impl TableFilter {
    pub fn database(&self, name: &str) -> bool {
        !self.is_builtin(name) && self.databases.accepts(name)
    }

    pub fn table(&self, id: &TableId) -> bool {
        self.database(&id.catalog) && self.tables.accepts(&id.to_string())
    }

    pub fn is_builtin(&self, database: &str) -> bool {
        self.builtin.iter().any(|builtin| builtin.eq_ignore_ascii_case(database))
    }
}

/// `message.key.columns`: tables by expression, with the columns that make up their keys.
#[derive(Clone, Debug, Default)]
pub struct KeyColumns(Arc<Vec<(Regex, Vec<String>)>>);

impl KeyColumns {
    /// The key that the user chose for a table.
    pub fn of(&self, id: &TableId) -> Option<&[String]> {
        let name = id.to_string();
        let (_, columns) = self.0.iter().find(|(table, _)| table.is_match(&name).unwrap_or(false))?;
        Some(columns)
    }
}

/// The form of one part of `message.key.columns`, as messages name it.
const KEY_COLUMNS_FORM: &str = r"^\s*([^:]+):([^:,]+(,[^:,]+)*)\s*$";

impl Setting for KeyColumns {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Err(Problem::Because("Must not be empty".into()));
        }
        let part = |part: &str| {
            let form = || Problem::Because(format!("{part} has an invalid format (expecting '{KEY_COLUMNS_FORM}')"));
            let (table, columns) = part.trim().split_once(':').ok_or_else(form)?;
            let columns: Vec<String> = columns.split(',').map(|column| column.trim().to_owned()).collect();
            let broken =
                table.trim().is_empty() || columns.iter().any(|column| column.is_empty() || column.contains(':'));
            if broken {
                return Err(form());
            }
            Ok((whole(table.trim()).map_err(|_| form())?, columns))
        };
        let parts: Vec<_> =
            text.split(';').filter(|part| !part.trim().is_empty()).map(part).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(parts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> RegexList {
        RegexList::parse(text).expect("the expressions are right")
    }

    #[test]
    fn lists_match_whole_names_in_any_case() {
        let filter = TableFilter {
            databases: NameFilter { include: list("app.*"), exclude: RegexList::default() },
            tables: NameFilter { include: list(r"APP[.]order.*, app_two\.(?!x)orders"), exclude: RegexList::default() },
            builtin: &["mysql"],
        };
        let check = |database: &str, table: &str, expected: bool| {
            assert_eq!(filter.table(&TableId::in_database(database, table)), expected, "{database}.{table}");
        };
        check("app", "orders", true);
        check("app", "ORDER_items", true);
        check("app", "skipme", false);
        check("app_two", "orders", true);
        check("zzz", "orders", false);
        assert!(!TableFilter { builtin: &["mysql"], ..TableFilter::default() }.database("MySQL"));
    }

    #[test]
    fn an_escaped_comma_stays_in_its_expression() {
        assert!(list(r"a\.b{1\,2}, c").matches("a.bb"));
        assert!(list("").is_empty());
        assert!(RegexList::parse("a(").is_err());
    }

    #[test]
    fn key_columns_name_tables_by_expression() {
        let keys = KeyColumns::parse("app.t1:b,a;(.*).t2:c").expect("the form is right");
        let of = |table: &str| keys.of(&TableId::in_database("app", table)).map(<[String]>::to_vec);
        assert_eq!(of("t1"), Some(vec!["b".into(), "a".into()]));
        assert_eq!(of("t2"), Some(vec!["c".into()]));
        assert_eq!(of("t3"), None);
        assert!(KeyColumns::parse("t1").is_err());
        assert!(KeyColumns::parse("t1:a,,b").is_err());
    }
}
