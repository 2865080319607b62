//! Avro schemas with `arg.properties`, read into plans whose Connect schemas are those of Confluent's Avro converter.

use std::collections::HashMap;

use connect_api::{Schema, SchemaBuilder, Value, schema::logical};
use serde_json::{Map, Value as Json};

use crate::{
    arguments::{self, Arguments},
    counter::{Counter, RealCounter, iteration},
    error::DatagenError,
    literal,
    pattern::Pattern,
    plan::{Body, Make, Plan, Text},
};

type Object = Map<String, Json>;
type Planned = Result<Plan, DatagenError>;

/// A record schema as users write it, comments included.
pub(crate) fn plan(text: &str) -> Planned {
    let json: Json = serde_json::from_str(&without_comments(text)).map_err(DatagenError::Json)?;
    let place = Place { at: String::new(), namespace: String::new() };
    let plan = Reader::default().read(&json, &place, Outer::default())?;
    match plan.schema().fields() {
        Some(_) => Ok(plan),
        None => Err(DatagenError::NoRecord(plan.schema().ty.java_name())),
    }
}

/// Some schemas in use have comments in them.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        let end = match (quoted, &rest[..rest.len().min(2)]) {
            (false, "//") => rest.find('\n').unwrap_or(rest.len()),
            (false, "/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => {
                let escaped = quoted && c == '\\';
                quoted ^= c == '"';
                let taken = if escaped { rest.chars().take(2).map(char::len_utf8).sum() } else { c.len_utf8() };
                out.push_str(&rest[..taken]);
                taken
            }
        };
        rest = &rest[end..];
    }
    out
}

/// Where a schema stands: the way to it, for messages, and the namespace of names in it.
#[derive(Clone)]
struct Place {
    at: String,
    namespace: String,
}

/// What stands around a type and belongs to its Connect schema: that of the field it is in.
#[derive(Clone, Copy, Default)]
struct Outer<'a> {
    optional: bool,
    doc: Option<&'a str>,
    default: Option<&'a Json>,
}

/// The types that have a name, as far as they were met.
#[derive(Default)]
struct Reader {
    named: HashMap<String, (Json, Place)>,
    /// Those that are being read: a type within itself has no end.
    open: Vec<String>,
}

impl Reader {
    fn read(&mut self, json: &Json, place: &Place, outer: Outer<'_>) -> Planned {
        match json {
            Json::String(name) => match primitive(name, &Object::new(), place, outer) {
                Some(plan) => plan,
                None => self.reference(name, place, outer),
            },
            Json::Array(branches) => self.union(branches, place, outer),
            Json::Object(schema) => match schema.get("type") {
                Some(Json::String(ty)) => self.object(ty, schema, place, outer),
                Some(inner) => self.read(inner, place, outer),
                None => Err(place.wrong("the schema has no type")),
            },
            other => Err(place.wrong(format!("{other} is no schema"))),
        }
    }

    fn object(&mut self, ty: &str, schema: &Object, place: &Place, outer: Outer<'_>) -> Planned {
        match ty {
            "record" | "error" | "enum" | "fixed" => self.definition(ty, schema, place, outer),
            "array" => {
                let items = schema.get("items").ok_or_else(|| place.wrong("the array has no items"))?;
                let element = self.read(items, &place.inside("items"), Outer::default())?;
                let arguments = place.arguments(schema)?;
                let length = arguments.length()?;
                let builder = SchemaBuilder::array(element.schema().clone());
                finish(builder, arguments, outer, |_| Ok(Make::List(Box::new(element), length)))
            }
            "map" => {
                let values = schema.get("values").ok_or_else(|| place.wrong("the map has no values"))?;
                let value = self.read(values, &place.inside("values"), Outer::default())?;
                let arguments = place.arguments(schema)?;
                let length = arguments.length()?;
                let key = text(Arguments::read(arguments.get("keys"), &place.at)?, Outer::default())?;
                let builder = SchemaBuilder::map(key.schema().clone(), value.schema().clone());
                finish(builder, arguments, outer, |_| Ok(Make::Map(Box::new(key), Box::new(value), length)))
            }
            name => match primitive(name, schema, place, outer) {
                Some(plan) => plan,
                None => self.reference(name, place, outer),
            },
        }
    }

    /// A type that was given a name before.
    fn reference(&mut self, name: &str, place: &Place, outer: Outer<'_>) -> Planned {
        let full = place.full_name(name);
        let full = if self.named.contains_key(&full) { full } else { name.to_owned() };
        if self.open.contains(&full) {
            return Err(place.wrong(format!("{full} contains itself, so its values would have no end")));
        }
        let Some((json, defined)) = self.named.get(&full).cloned() else {
            return Err(place.wrong(format!("there is no type {name}")));
        };
        self.read(&json, &Place { at: place.at.clone(), namespace: defined.namespace }, outer)
    }

    fn definition(&mut self, ty: &str, schema: &Object, place: &Place, outer: Outer<'_>) -> Planned {
        let name = schema.get("name").and_then(Json::as_str);
        let name = name.ok_or_else(|| place.wrong(format!("the {ty} has no name")))?;
        let namespace = schema.get("namespace").and_then(Json::as_str).unwrap_or(&place.namespace).to_owned();
        let at = if place.at.is_empty() { name } else { &place.at };
        let mut place = Place { at: at.to_owned(), namespace };
        let full = place.full_name(name);
        if let Some((namespace, _)) = full.rsplit_once('.') {
            place.namespace = namespace.to_owned();
        }
        self.named.insert(full.clone(), (Json::Object(schema.clone()), place.clone()));
        let own = Outer { doc: outer.doc.or_else(|| schema.get("doc").and_then(Json::as_str)), ..outer };
        match ty {
            "enum" => enumeration(&full, schema, &place, own),
            "fixed" => fixed(&full, schema, &place, own),
            _ => {
                self.open.push(full.clone());
                let plan = self.record(&full, schema, &place, own);
                self.open.pop();
                plan
            }
        }
    }

    fn record(&mut self, full: &str, schema: &Object, place: &Place, outer: Outer<'_>) -> Planned {
        let fields = schema.get("fields").and_then(Json::as_array);
        let fields = fields.ok_or_else(|| place.wrong("the record has no list of fields"))?;
        let mut plans: Vec<(&str, Plan)> = Vec::with_capacity(fields.len());
        for field in fields {
            let text = |member: &str| field.get(member).and_then(Json::as_str);
            let name = text("name").ok_or_else(|| place.wrong("a field has no name"))?;
            let inner = place.inside(name);
            let ty = field.get("type").ok_or_else(|| inner.wrong("the field has no type"))?;
            if field.get(arguments::NAME).is_some() {
                tracing::warn!(
                    field = inner.at,
                    "arg.properties beside a field's type say nothing, put them inside it"
                );
            }
            if plans.iter().any(|(known, _)| *known == name) {
                return Err(inner.wrong("there are two fields of this name"));
            }
            let outer = Outer { optional: false, doc: text("doc"), default: field.get("default") };
            plans.push((name, self.read(ty, &inner, outer)?));
        }
        let members = plans.iter().map(|(name, plan)| (*name, plan.schema().clone()));
        let builder = SchemaBuilder::structure(members).name(full);
        let plans = plans.into_iter().map(|(_, plan)| plan).collect();
        finish(builder, place.arguments(schema)?, outer, |_| Ok(Make::Record(plans)))
    }

    fn union(&mut self, branches: &[Json], place: &Place, outer: Outer<'_>) -> Planned {
        let is_null = |branch: &&Json| branch.as_str().or_else(|| branch.get("type")?.as_str()) == Some("null");
        let others: Vec<&Json> = branches.iter().filter(|branch| !is_null(branch)).collect();
        let null = others.len() < branches.len();
        // A default of null is none.
        let default = outer.default.filter(|default| !default.is_null());
        let outer = Outer { optional: null || outer.optional, default, ..outer };
        match others[..] {
            [] => Err(place.wrong("the union has no type with a value")),
            [only] => {
                let plan = self.read(only, place, outer)?;
                Ok(if null { Plan::new(plan.schema().clone(), Make::Optional(Box::new(plan))) } else { plan })
            }
            _ => {
                let branch = |branch: &&Json| {
                    let plan = self.read(branch, place, Outer { optional: true, ..Outer::default() })?;
                    Ok((branch_name(branch), plan))
                };
                let plans: Vec<(String, Plan)> = others.iter().map(branch).collect::<Result<_, DatagenError>>()?;
                let fields = plans.iter().map(|(name, plan)| (name.as_str(), plan.schema().clone()));
                let builder = SchemaBuilder::structure(fields).name("io.confluent.connect.avro.Union");
                let branches = plans.into_iter().map(|(_, plan)| plan).collect();
                let outer = Outer { default: None, ..outer };
                finish(builder, Arguments::none(&place.at), outer, |_| Ok(Make::Union { branches, null }))
            }
        }
    }
}

/// The field of a branch in the struct that stands for a union: its type's name without the namespace.
fn branch_name(branch: &Json) -> String {
    let name =
        |object: &Object| object.get("name").or_else(|| object.get("type")).and_then(Json::as_str).map(str::to_owned);
    let full = match branch {
        Json::String(name) => Some(name.clone()),
        Json::Object(object) => name(object),
        _ => None,
    };
    let full = full.unwrap_or_default();
    full.rsplit('.').next().unwrap_or_default().to_owned()
}

impl Place {
    fn wrong(&self, problem: impl Into<String>) -> DatagenError {
        DatagenError::schema(if self.at.is_empty() { "schema" } else { &self.at }, problem)
    }

    fn inside(&self, name: &str) -> Place {
        let at = if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) };
        Place { at, namespace: self.namespace.clone() }
    }

    fn arguments<'a>(&'a self, schema: &'a Object) -> Result<Arguments<'a>, DatagenError> {
        Arguments::of(schema, &self.at)
    }

    fn full_name(&self, name: &str) -> String {
        if name.contains('.') || self.namespace.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.namespace)
        }
    }
}

/// Adds to a schema what stands around it, and lets options go before any other way to make values.
fn finish(
    mut builder: SchemaBuilder,
    arguments: Arguments<'_>,
    outer: Outer<'_>,
    make: impl FnOnce(&Schema) -> Result<Make, DatagenError>,
) -> Planned {
    if outer.optional {
        builder = builder.optional();
    }
    if let Some(doc) = outer.doc {
        builder = builder.doc(doc);
    }
    if let Some(default) = outer.default {
        let value: Value = literal::value(default, &builder.clone().build(), arguments.at())?;
        builder = builder.default_value(value);
    }
    let schema = builder.build();
    let make = match literal::options(arguments, &schema)? {
        Some(options) => Make::Options(options),
        None => make(&schema)?,
    };
    Ok(Plan::new(schema, make))
}

/// A type without a name; nothing where the name is none of these.
fn primitive(name: &str, schema: &Object, place: &Place, outer: Outer<'_>) -> Option<Planned> {
    let arguments = match place.arguments(schema) {
        Ok(arguments) => arguments,
        Err(error) => return Some(Err(error)),
    };
    let logical_type = schema.get("logicalType").and_then(Json::as_str);
    let plan = match (name, logical_type) {
        ("null", _) => Ok(Plan::new(SchemaBuilder::string().optional().build(), Make::Null)),
        ("boolean", _) => boolean(arguments, outer),
        ("int", logical) => {
            let builder = match logical {
                Some("date") => SchemaBuilder::int32().name(logical::DATE).version(1),
                Some("time-millis") => SchemaBuilder::int32().name(logical::TIME).version(1),
                _ => SchemaBuilder::int32(),
            };
            integer(builder, arguments, outer, (i32::MIN.into(), i32::MAX.into()))
        }
        ("long", Some("timestamp-millis")) => {
            let builder = SchemaBuilder::int64().name(logical::TIMESTAMP).version(1);
            integer(builder, arguments, outer, (i64::MIN, i64::MAX))
        }
        ("long", _) => integer(SchemaBuilder::int64(), arguments, outer, (i64::MIN, i64::MAX)),
        ("float", _) => real(SchemaBuilder::float32(), arguments, outer, f32::MAX.into()),
        ("double", _) => real(SchemaBuilder::float64(), arguments, outer, f64::MAX),
        ("string", _) => text(arguments, outer),
        ("bytes", Some("decimal")) => decimal(schema, arguments, outer),
        ("bytes", _) => finish(SchemaBuilder::bytes(), arguments, outer, |_| arguments.length().map(Make::Bytes)),
        _ => return None,
    };
    Some(plan)
}

fn boolean(arguments: Arguments<'_>, outer: Outer<'_>) -> Planned {
    finish(SchemaBuilder::boolean(), arguments, outer, |_| match iteration(arguments)? {
        Some(members) => {
            let start = members.get("start").and_then(Json::as_bool);
            start.map(Make::Flip).ok_or_else(|| arguments.wrong("iteration.start must be true or false"))
        }
        None => arguments.odds().map(Make::Boolean),
    })
}

fn integer(builder: SchemaBuilder, arguments: Arguments<'_>, outer: Outer<'_>, (min, max): (i64, i64)) -> Planned {
    finish(builder, arguments, outer, |_| match iteration(arguments)? {
        Some(members) => Counter::read(arguments, members, min, max).map(Make::Count),
        None => {
            let (min, max) = arguments.range()?.unwrap_or_default().integers(arguments, min, max)?;
            Ok(Make::Integer(min, max))
        }
    })
}

fn real(builder: SchemaBuilder, arguments: Arguments<'_>, outer: Outer<'_>, widest: f64) -> Planned {
    finish(builder, arguments, outer, |_| match (iteration(arguments)?, arguments.range()?) {
        (Some(members), _) => RealCounter::read(arguments, members, widest).map(Make::CountReal),
        (None, Some(range)) => range.reals(arguments, widest).map(|(min, max)| Make::Real(min, max)),
        // Unlike whole numbers these are small by themselves, as in the original.
        (None, None) => Ok(Make::Real(0.0, 1.0)),
    })
}

fn text(arguments: Arguments<'_>, outer: Outer<'_>) -> Planned {
    finish(SchemaBuilder::string(), arguments, outer, |_| {
        let body = match (iteration(arguments)?, arguments.get("regex")) {
            (Some(members), _) => Body::Count(Counter::read(arguments, members, i64::MIN, i64::MAX)?),
            (None, Some(_)) => {
                let pattern = Pattern::parse(arguments.text("regex")?).map_err(|problem| arguments.wrong(problem))?;
                Body::Pattern(pattern, arguments.length()?)
            }
            (None, None) => Body::Characters(arguments.length()?),
        };
        let (prefix, suffix) = (arguments.text("prefix")?.to_owned(), arguments.text("suffix")?.to_owned());
        Ok(Make::Text(Text { prefix, suffix, body }))
    })
}

/// The most digits whose numbers can be drawn.
const PRECISION_MAX: u32 = 38;
/// The precision that the converter takes for unknown and does not write down.
const PRECISION_UNKNOWN: u32 = 64;

fn decimal(schema: &Object, arguments: Arguments<'_>, outer: Outer<'_>) -> Planned {
    let number = |name: &str| schema.get(name).and_then(Json::as_u64).and_then(|number| u32::try_from(number).ok());
    let precision = number("precision").ok_or_else(|| arguments.wrong("the decimal has no precision"))?;
    let scale = number("scale").unwrap_or(0);
    if precision == 0 || scale > precision {
        return Err(arguments.wrong("a decimal needs a precision, and a scale that is not above it"));
    }
    let mut builder = SchemaBuilder::bytes().name(logical::DECIMAL).version(1).parameter("scale", scale.to_string());
    if precision != PRECISION_UNKNOWN {
        builder = builder.parameter("connect.decimal.precision", precision.to_string());
    }
    finish(builder, arguments, outer, |_| {
        let one = 10_i128.pow(scale.min(PRECISION_MAX));
        let end = 10_i128.pow(precision.min(PRECISION_MAX));
        let range = arguments.range()?.unwrap_or_default();
        let (min, max) = range.reals(arguments, end as f64 / one as f64)?;
        let unscaled = |bound: f64| ((bound * one as f64).round() as i128).clamp(1 - end, end);
        Ok(Make::Decimal(unscaled(min), unscaled(max)))
    })
}

fn enumeration(full: &str, schema: &Object, place: &Place, outer: Outer<'_>) -> Planned {
    const ENUM: &str = "io.confluent.connect.avro.Enum";
    let symbols: Option<Vec<&str>> =
        schema.get("symbols").and_then(Json::as_array).and_then(|list| list.iter().map(Json::as_str).collect());
    let symbols = symbols.filter(|symbols| !symbols.is_empty());
    let symbols = symbols.ok_or_else(|| place.wrong("the enum has no list of symbols"))?;
    let named = SchemaBuilder::string().name(full).parameter(ENUM, full);
    let builder = symbols.iter().fold(named, |builder, symbol| builder.parameter(format!("{ENUM}.{symbol}"), *symbol));
    let values = symbols.iter().map(|symbol| Value::from(*symbol)).collect();
    finish(builder, place.arguments(schema)?, outer, |_| Ok(Make::Options(values)))
}

fn fixed(full: &str, schema: &Object, place: &Place, outer: Outer<'_>) -> Planned {
    let size = schema.get("size").and_then(Json::as_u64).and_then(|size| u32::try_from(size).ok());
    let size = size.ok_or_else(|| place.wrong("the fixed has no size"))?;
    let arguments = place.arguments(schema)?;
    if schema.get("logicalType").and_then(Json::as_str) == Some("decimal") {
        return decimal(schema, arguments, outer);
    }
    let builder = SchemaBuilder::bytes().name(full).parameter("connect.fixed.size", size.to_string());
    let length = arguments::Length { min: size as usize, max: size as usize + 1, given: true };
    finish(builder, arguments, outer, |_| Ok(Make::Bytes(length)))
}

#[cfg(test)]
mod tests {
    use connect_api::Type;

    use super::*;
    use crate::random::Random;

    fn field(json: &str) -> Plan {
        plan(&record(json)).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    fn record(ty: &str) -> String {
        format!(r#"{{"type": "record", "name": "n.r", "fields": [{{"name": "f", "type": {ty}}}]}}"#)
    }

    /// The first values of a field.
    fn values(json: &str, count: usize) -> Vec<Value> {
        let mut plan = field(json);
        let mut random = Random::new(3);
        (0..count).map(|_| plan.make(&mut random).as_struct().unwrap().values()[0].clone()).collect()
    }

    fn check(json: &str, fits: impl Fn(&Value) -> bool) {
        for value in values(json, 100) {
            assert!(fits(&value), "{json}: {value:?}");
        }
    }

    fn refused(json: &str, expected: &str) {
        assert_eq!(plan(json).unwrap_err().to_string(), expected);
    }

    #[test]
    fn every_type_has_values() {
        check(r#""int""#, |value| matches!(value, Value::Int32(_)));
        check(r#""long""#, |value| matches!(value, Value::Int64(_)));
        check(r#""float""#, |value| matches!(value, Value::Float32(n) if (0.0..1.0).contains(n)));
        check(r#""double""#, |value| matches!(value, Value::Float64(n) if (0.0..1.0).contains(n)));
        check(r#""boolean""#, |value| matches!(value, Value::Boolean(_)));
        check(r#""string""#, |value| value.as_str().is_some_and(|text| (8..16).contains(&text.len())));
        check(r#""bytes""#, |value| matches!(value, Value::Bytes(bytes) if (8..16).contains(&bytes.len())));
        check(r#"{"type": "enum", "name": "e", "symbols": ["A", "B"]}"#, |value| {
            value.as_str() == Some("A") || value.as_str() == Some("B")
        });
        check(r#"{"type": "fixed", "name": "x", "size": 4}"#, |value| matches!(value, Value::Bytes(b) if b.len() == 4));
        check(
            r#"{"type": "array", "items": "int", "arg.properties": {"length": {"min": 1, "max": 3}}}"#,
            |value| matches!(value, Value::Array(items) if (1..3).contains(&items.len())),
        );
        let keys = r#"{"type": "map", "values": "int", "arg.properties": {"length": 2, "keys": {"regex": "k[0-9]"}}}"#;
        check(keys, |value| match value {
            Value::Map(pairs) => {
                pairs.len() <= 2 && pairs.iter().all(|(key, _)| key.as_str().unwrap().starts_with('k'))
            }
            _ => false,
        });
        check(r#"["null", "int"]"#, |value| matches!(value, Value::Null | Value::Int32(_)));
    }

    #[test]
    fn arguments_decide_how_values_are_made() {
        let check = |ty: &str, arguments: &str, fits: fn(&Value) -> bool| {
            check(&format!(r#"{{"type": "{ty}", "arg.properties": {arguments}}}"#), fits);
        };
        check("int", r#"{"range": {"min": 1, "max": 3}}"#, |value| matches!(value, Value::Int32(1 | 2)));
        check("long", r#"{"options": [7, 9]}"#, |value| matches!(value, Value::Int64(7 | 9)));
        check("boolean", r#"{"odds": 1.0}"#, |value| *value == Value::Boolean(true));
        check("string", r#"{"options": ["a"], "regex": "b"}"#, |value| value.as_str() == Some("a"));
        check("string", r#"{"regex": "b", "prefix": "<", "suffix": ">"}"#, |value| value.as_str() == Some("<b>"));
        check("string", r#"{"length": 3}"#, |value| value.as_str().unwrap().len() == 3);
        let counted = values(r#"{"type": "string", "arg.properties": {"iteration": {"start": 0}, "prefix": "p_"}}"#, 2);
        assert_eq!(counted, ["p_0".into(), "p_1".into()]);
        let flipped = values(r#"{"type": "boolean", "arg.properties": {"iteration": {"start": true}}}"#, 3);
        assert_eq!(flipped, [true, false, true].map(Value::Boolean));
        let price = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2,
                        "arg.properties": {"range": {"min": 10, "max": 50}}}"#;
        super::tests::check(price, |value| match value {
            Value::Bytes(unscaled) => (1000..5000).contains(&connect_api::decimal::to_i64_wrapping(unscaled, 0)),
            _ => false,
        });
    }

    #[test]
    fn schemas_are_those_of_the_avro_converter() {
        let schema = |json: &str| field(json).schema().fields().unwrap()[0].schema.clone();
        assert_eq!(field("\"int\"").schema().name.as_deref(), Some("n.r"));
        assert_eq!(schema(r#"["null", "string"]"#), SchemaBuilder::string().optional().build());
        let date = r#"{"type": "int", "logicalType": "date"}"#;
        assert_eq!(schema(date), SchemaBuilder::int32().name(logical::DATE).version(1).build());
        let price = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}"#;
        let decimal = SchemaBuilder::bytes().name(logical::DECIMAL).version(1).parameter("scale", "2");
        assert_eq!(schema(price), decimal.parameter("connect.decimal.precision", "4").build());
        let row = schema(r#"{"type": "record", "name": "inner", "fields": [{"name": "a", "type": "int"}]}"#);
        assert_eq!(row.name.as_deref(), Some("n.inner"));
        let union = schema(r#"["int", "string"]"#);
        assert!(
            matches!(&union.ty, Type::Struct(fields) if fields.get("int").is_some() && fields.get("string").is_some())
        );
        let kept = r#"{"type": "record", "name": "r", "fields": [
            {"name": "f", "type": "int", "doc": "a number", "default": 4}]}"#;
        let kept = plan(kept).unwrap().schema().fields().unwrap()[0].schema.clone();
        assert_eq!((kept.doc.as_deref(), kept.default.clone()), (Some("a number"), Some(Value::Int32(4))));
    }

    #[test]
    fn a_record_may_be_optional_and_a_type_used_twice() {
        let pair = r#"{"type": "record", "name": "r", "fields": [
            {"name": "a", "type": {"type": "record", "name": "inner", "fields": [{"name": "x", "type": "int"}]}},
            {"name": "b", "type": ["null", "inner"]}]}"#;
        let mut plan = plan(pair).unwrap();
        let mut random = Random::new(1);
        let rows: Vec<Value> = (0..20).map(|_| plan.make(&mut random)).collect();
        let second = |row: &Value| row.as_struct().unwrap().values()[1].clone();
        assert!(rows.iter().any(|row| second(row).is_null()));
        let schema = &plan.schema().fields().unwrap()[1].schema;
        assert!(rows.iter().any(|row| second(row).as_struct().is_some_and(|inner| inner.schema() == schema)));
    }

    #[test]
    fn comments_are_left_out_and_texts_kept() {
        assert_eq!(without_comments("{ // a\n\"b\": /* c */ \"//d\\\"/*\" }"), "{ \n\"b\":  \"//d\\\"/*\" }");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        refused("[", "the schema is no JSON: EOF while parsing a list at line 1 column 1");
        refused("\"int\"", "the schema is of type INT32, but it must be a record");
        refused(r#"{"type": "record", "name": "r"}"#, "r: the record has no list of fields");
        let in_f = |ty: &str, expected: &str| refused(&record(ty), expected);
        in_f(r#""nothing""#, "n.r.f: there is no type nothing");
        in_f(r#"["null", "n.r"]"#, "n.r.f: n.r contains itself, so its values would have no end");
        in_f(
            r#"{"type": "int", "arg.properties": {"range": {"min": 5, "max": 5}}}"#,
            "n.r.f: range.min must be less than range.max",
        );
        in_f(r#"{"type": "int", "arg.properties": {"options": ["a"]}}"#, "n.r.f: \"a\" is no value of type INT32");
        in_f(
            r#"{"type": "string", "arg.properties": {"regex": "("}}"#,
            "n.r.f: the regex '(' can't be read: error: unclosed group",
        );
    }
}
