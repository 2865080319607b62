//! The tables as they are at the position that is being read, and the plans for their rows.

use std::{collections::HashMap, sync::Arc};

use connect_api::{Result, Schema, Str};
use connect_cdc::filter::{KeyColumns, NameFilter, RegexList, TableFilter};
use connect_cdc::mask::{Mask, MaskRule};
use connect_cdc::naming::{NameAdjustment, TopicNames};
use connect_cdc::row::{PlanNames, ReadColumn, TablePlan};
use connect_cdc::table::{Column, Table, TableId, Tables};

use crate::config::Settings;
use crate::ddl::{Change, DdlError, Dialect, Parser};
use crate::decode::{Options, RowPlan};

/// Tables, the parser that keeps them in step with the log, and their plans.
pub struct Catalog {
    parser: Parser,
    pub tables: Tables,
    pub filter: TableFilter,
    planner: Planner,
    plans: HashMap<TableId, Arc<PlannedTable>>,
}

/// A captured table with everything its rows need.
pub struct PlannedTable {
    pub table: Arc<Table>,
    pub database: Str,
    pub name: Str,
    /// `db.table`, as transactions count it.
    pub full_name: Str,
    pub rows: Arc<RowPlan>,
    pub plan: TablePlan,
}

/// What plans are made from.
struct Planner {
    options: Options,
    columns: NameFilter,
    keys: KeyColumns,
    topics: TopicNames,
    schema_names: NameAdjustment,
    field_names: NameAdjustment,
    propagated_columns: RegexList,
    propagated_types: RegexList,
    masks: Vec<(RegexList, MaskRule)>,
    source: Schema,
}

impl Catalog {
    /// `ignore_case` tells whether the server's `lower_case_table_names` is not 0.
    pub fn new(settings: &Settings, source: &Schema, ignore_case: bool) -> Result<Self> {
        let shared = &settings.shared;
        let dialect = if settings.server.mariadb { Dialect::MariaDb } else { Dialect::MySql };
        Ok(Self {
            parser: Parser::new(dialect, shared.events.schema_comments),
            tables: Tables::new(ignore_case),
            filter: settings.table_filter(),
            planner: Planner {
                options: settings.decode_options(),
                columns: settings.column_filter(),
                keys: shared.events.key_columns.clone().unwrap_or_default(),
                topics: settings.topic_names(),
                schema_names: shared.values.schema_names,
                field_names: settings.field_names(),
                propagated_columns: shared.events.propagate_columns.clone(),
                propagated_types: shared.events.propagate_types.clone(),
                masks: settings.mask_rules()?,
                source: source.clone(),
            },
            plans: HashMap::new(),
        })
    }

    /// Applies a statement that ran with this current database.
    pub fn apply(&mut self, database: &str, statement: &str) -> Result<Vec<Change>, DdlError> {
        self.parser.apply(&mut self.tables, database, statement)
    }

    pub fn set_sql_mode(&mut self, bits: u64) {
        self.parser.set_sql_mode(bits);
    }

    /// The plan of a table as it is now; nothing for a table whose structure is unknown.
    pub fn plan(&mut self, id: &TableId) -> Option<Arc<PlannedTable>> {
        let table = self.tables.get(id)?;
        if let Some(planned) = self.plans.get(id)
            && Arc::ptr_eq(&planned.table, table)
        {
            return Some(planned.clone());
        }
        let planned = Arc::new(self.planner.plan(table));
        self.plans.insert(id.clone(), planned.clone());
        Some(planned)
    }

    /// Whether a record's topic is the table's data topic, by the rules of names.
    pub fn topics(&self) -> &TopicNames {
        &self.planner.topics
    }
}

impl Planner {
    fn plan(&self, table: &Arc<Table>) -> PlannedTable {
        let id = &table.id;
        let key = self.keys.of(id).unwrap_or(&table.primary_key);
        let in_key = |column: &Column| key.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
        let captured = |column: &Column| self.columns.accepts(&format!("{id}.{}", column.name));
        let propagated = |column: &Column| {
            self.propagated_columns.matches(&format!("{id}.{}", column.name))
                || self.propagated_types.matches(&format!("{id}.{}", column.type_name))
                || self.propagated_types.matches(&column.type_name)
        };
        // The key is read even from columns that are not captured: a key is never made up.
        let rows = RowPlan::new(table, &self.options, |column| captured(column) || in_key(column), propagated);
        let read = |(name, schema)| ReadColumn {
            name,
            schema,
            captured: table.column(name).is_some_and(captured),
            mask: table.column(name).and_then(|column| self.mask(table, column, schema)),
        };
        let columns: Vec<ReadColumn<'_>> = rows.fields().map(read).collect();
        let parts = [id.catalog.as_str(), id.table.as_str()];
        let names = PlanNames { topic: self.topics.data(&parts), schemas: self.schema_names, fields: self.field_names };
        PlannedTable {
            plan: TablePlan::new(&names, &columns, key, &self.source),
            table: table.clone(),
            database: id.catalog.as_str().into(),
            name: id.table.as_str().into(),
            full_name: id.to_string().into(),
            rows: Arc::new(rows),
        }
    }

    /// What hides or cuts a column's values. Only text can be masked; an expression may well match other columns.
    fn mask(&self, table: &Table, column: &Column, schema: &Schema) -> Option<Mask> {
        let name = format!("{}.{}", table.id, column.name);
        let (_, rule) = self.masks.iter().find(|(columns, _)| columns.matches(&name))?;
        match rule.for_column(schema, column.length) {
            Ok(mask) => Some(mask),
            Err(problem) => {
                tracing::warn!(column = name, "a column is not masked: {problem}");
                None
            }
        }
    }
}
