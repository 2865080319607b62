//! Rows: which columns of a table are read, what they look like, and the walk over a row image.

use std::sync::Arc;

use connect_api::{Bytes, Schema, Value};
use connect_cdc::table::{Column, Table};

use super::{
    ConvertingFailure, DecodeError, Options, TableMap,
    binlog::Layout,
    cell::Cell,
    charset::Charset,
    convert::{self, Converted},
    default,
    target::{self, Target},
    text,
    wire::Reader,
};

/// The captured columns of one table version, with their schemas. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct RowPlan(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    table: String,
    /// All columns of the table, in order; `None` for those that are not captured.
    columns: Vec<Option<ColumnPlan>>,
    captured: usize,
    converting_failure: ConvertingFailure,
}

/// One captured column.
#[derive(Clone, Debug)]
struct ColumnPlan {
    name: String,
    schema: Schema,
    target: Target,
    unsigned: bool,
    /// What stands in where the server has no value to give: null, or another value where null is not allowed.
    fallback: Value,
}

impl RowPlan {
    /// Plans the columns that `captured` accepts, in their order.
    ///
    /// `propagated` tells which columns carry their source type as schema parameters
    /// (`column.propagate.source.type`, `datatype.propagate.source.type`).
    pub fn new(
        table: &Table,
        options: &Options,
        captured: impl Fn(&Column) -> bool,
        propagated: impl Fn(&Column) -> bool,
    ) -> Self {
        let plan = |column: &Column| captured(column).then(|| ColumnPlan::new(column, options, propagated(column)));
        let columns: Vec<Option<ColumnPlan>> = table.columns.iter().map(plan).collect();
        Self(Arc::new(Plan {
            table: table.id.to_string(),
            captured: columns.iter().flatten().count(),
            columns,
            converting_failure: options.converting_failure,
        }))
    }

    /// Names and schemas of the captured columns; values come in the same order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.0.columns.iter().flatten().map(|column| (column.name.as_str(), &column.schema))
    }

    /// The expressions that a snapshot selects for [`RowPlan::from_text`], one for each captured column.
    pub fn select_list(&self) -> Vec<String> {
        self.0.columns.iter().flatten().map(ColumnPlan::select).collect()
    }

    /// The values of a snapshot row: the [`RowPlan::select_list`] by the text protocol, in a session with
    /// `utf8mb4` and the time zone `+00:00`.
    pub fn from_text(&self, row: &[Option<Bytes>]) -> Result<Vec<Value>, DecodeError> {
        if row.len() != self.0.captured {
            return Err(self.0.column_count(row.len()));
        }
        let value = |(column, text): (&ColumnPlan, &Option<Bytes>)| {
            let Some(text) = text else { return Ok(column.fallback.clone()) };
            match text::cell(&column.target, text) {
                Some(cell) => self.0.value(column, cell),
                None => Err(self.0.column_error(column, "the server's text is no value of the column's type")),
            }
        };
        self.0.columns.iter().flatten().zip(row).map(value).collect()
    }

    /// Joins the plan with the way the server encodes this table's rows. Fails when the table model is out of step.
    pub fn bind(&self, map: &TableMap) -> Result<RowDecoder, DecodeError> {
        if map.columns.len() != self.0.columns.len() {
            return Err(self.0.column_count(map.columns.len()));
        }
        let mut bound = Vec::with_capacity(self.0.columns.len());
        for (at, (plan, encoded)) in self.0.columns.iter().zip(&map.columns).enumerate() {
            let layout = Layout::of(*encoded).ok_or_else(|| DecodeError::Column {
                table: self.0.table.to_string(),
                column: plan.as_ref().map_or_else(|| format!("{}", at + 1), |plan| plan.name.clone()),
                problem: format!("the binlog has it as unknown type {}", encoded.code),
            })?;
            // The log knows a column's character set better than the model, which ALTER can leave behind.
            let charset = map.charsets.get(at).copied().flatten().and_then(Charset::by_collation);
            let target = plan.as_ref().and_then(|plan| match (&plan.target, charset) {
                (Target::Text(_), Some(charset)) => Some(Target::Text(charset)),
                _ => None,
            });
            bound.push(BoundColumn { layout, target });
        }
        Ok(RowDecoder { plan: self.0.clone(), columns: bound })
    }
}

impl Plan {
    /// Makes the value of a cell, and decides what becomes of one that can't be made.
    #[inline]
    fn value(&self, column: &ColumnPlan, cell: Cell) -> Result<Value, DecodeError> {
        self.converted(column, convert::value(cell, &column.target, &column.schema))
    }

    #[inline]
    fn converted(&self, column: &ColumnPlan, converted: Converted) -> Result<Value, DecodeError> {
        match converted {
            Converted::Value(value) => Ok(value),
            Converted::Nothing => Ok(column.fallback.clone()),
            Converted::Failed(problem) => self.failed(column, problem),
            Converted::Wrong(problem) => Err(self.column_error(column, problem)),
        }
    }

    #[cold]
    fn failed(&self, column: &ColumnPlan, problem: &'static str) -> Result<Value, DecodeError> {
        match self.converting_failure {
            ConvertingFailure::Fail => return Err(self.column_error(column, problem)),
            ConvertingFailure::Warn => {
                tracing::warn!(table = %self.table, column = column.name, "a value was left out: {problem}");
            }
            ConvertingFailure::Skip => {
                tracing::debug!(table = %self.table, column = column.name, "a value was left out: {problem}");
            }
        }
        Ok(column.fallback.clone())
    }

    #[cold]
    fn column_error(&self, column: &ColumnPlan, problem: &str) -> DecodeError {
        DecodeError::Column { table: self.table.to_string(), column: column.name.clone(), problem: problem.to_owned() }
    }

    #[cold]
    fn column_count(&self, row: usize) -> DecodeError {
        DecodeError::ColumnCount { table: self.table.to_string(), model: self.columns.len(), row }
    }
}

impl ColumnPlan {
    fn new(column: &Column, options: &Options, propagated: bool) -> Self {
        let target = Target::of(column, options);
        let mut builder = target.schema(column);
        if propagated {
            for (name, value) in source_parameters(column) {
                builder = builder.parameter(format!("__debezium.source.column.{name}"), value);
            }
        }
        if let Some(comment) = column.comment.as_deref().filter(|_| options.comments) {
            builder = builder.doc(comment);
        }
        if column.optional {
            builder = builder.optional();
        }
        let bare = builder.clone().build();
        let default = default::value(column, &target, &bare);
        let fallback = match &default {
            _ if column.optional => Value::Null,
            Some(default) => default.clone(),
            None => target::fallback(&target, &bare),
        };
        let schema = match default {
            Some(default) => builder.default_value(default).build(),
            None => bare,
        };
        Self { name: column.name.clone(), schema, target, unsigned: target::is_unsigned(column), fallback }
    }

    fn select(&self) -> String {
        let name = format!("`{}`", self.name.replace('`', "``"));
        match self.target {
            // As text the server cuts floats to six digits; as doubles it writes them out.
            Target::Float32 | Target::Float64 { .. } => format!("{name} + 0e0 AS {name}"),
            _ => name,
        }
    }
}

fn source_parameters(column: &Column) -> impl Iterator<Item = (&'static str, String)> {
    let number = |number: Option<i32>| number.map(|number| number.to_string());
    [
        ("type", Some(column.type_name.clone())),
        ("length", number(column.length)),
        ("scale", number(column.scale)),
        ("comment", column.comment.clone()),
        ("name", Some(column.name.clone())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// Decodes the row images of one table.
#[derive(Clone, Debug)]
pub struct RowDecoder {
    plan: Arc<Plan>,
    columns: Vec<BoundColumn>,
}

#[derive(Clone, Debug)]
struct BoundColumn {
    layout: Layout,
    /// Replaces the plan's, where the log says more.
    target: Option<Target>,
}

impl RowDecoder {
    /// Reads one row image that starts at `at` in the body of a row event, and moves `at` behind it.
    ///
    /// `present` is the event's bitmap of columns that the image holds. A captured column without a value in the
    /// image is an error: it can't be told from NULL otherwise.
    pub fn decode(&self, body: &Bytes, at: &mut usize, present: &[u8]) -> Result<Vec<Value>, DecodeError> {
        let mut reader = Reader::at(body, *at);
        if !all_set(present, self.columns.len()) {
            let in_image = (0..self.columns.len()).filter(|column| bit(present, *column)).count();
            return Err(self.plan.column_count(in_image));
        }
        let nulls = reader.take(self.columns.len().div_ceil(8))?;
        let mut values = Vec::with_capacity(self.plan.captured);
        for (column, (bound, plan)) in self.columns.iter().zip(&self.plan.columns).enumerate() {
            let null = bit(nulls, column);
            let Some(plan) = plan else {
                if !null {
                    bound.layout.skip(&mut reader)?;
                }
                continue;
            };
            if null {
                values.push(plan.fallback.clone());
                continue;
            }
            let target = bound.target.as_ref().unwrap_or(&plan.target);
            if !plan.unsigned && bound.layout.read_plain(target, &mut reader, body, &mut values)? {
                continue;
            }
            let cell = bound.layout.read(&mut reader, body, plan.unsigned)?;
            values.push(self.plan.converted(plan, convert::value(cell, target, &plan.schema))?);
        }
        *at = reader.position();
        Ok(values)
    }
}

/// Whether the first `count` bits are set.
#[inline]
fn all_set(bitmap: &[u8], count: usize) -> bool {
    let (full, rest) = (count / 8, count % 8);
    let mask = (1_u8 << rest) - 1;
    bitmap.len() >= count.div_ceil(8)
        && bitmap[..full].iter().all(|byte| *byte == 0xff)
        && (rest == 0 || bitmap[full] & mask == mask)
}

#[inline]
fn bit(bitmap: &[u8], at: usize) -> bool {
    bitmap.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}
