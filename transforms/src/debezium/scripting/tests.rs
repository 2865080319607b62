//! Expressions as people write them, and what is refused.

use connect_api::{Header, SchemaAndValue, SchemaBuilder, Struct, Value};

use super::*;

fn record() -> Record {
    let row = SchemaBuilder::structure([
        ("id", SchemaBuilder::int32().build()),
        ("name", SchemaBuilder::string().optional().build()),
        ("price", SchemaBuilder::float64().build()),
        ("tags", SchemaBuilder::array(SchemaBuilder::string().build()).build()),
    ])
    .name("srv.db.t.Value")
    .optional()
    .build();
    let after = Struct::new(
        row.clone(),
        vec![Value::Int32(7), "Ann".into(), Value::Float64(2.5), Value::Array(vec!["a".into(), "b".into()])],
    );
    let envelope = SchemaBuilder::structure([
        ("before", row.clone()),
        ("after", row),
        ("op", SchemaBuilder::string().build()),
        ("empty", SchemaBuilder::string().optional().build()),
    ])
    .build();
    let values = vec![Value::Null, Value::Struct(after), "c".into(), Value::Null];
    Record {
        topic: "srv.db.t".into(),
        partition: None,
        key: SchemaAndValue::schemaless(Value::Map(vec![("id".into(), Value::Int64(7))])),
        value: Struct::new(envelope, values).into(),
        timestamp: None,
        headers: vec![Header { key: "h".into(), value: SchemaAndValue::schemaless("x".into()) }].into(),
    }
}

fn evaluate(code: &str, language: Language) -> String {
    let tree = match parser::parse(code, language) {
        Ok(tree) => tree,
        Err(refusal) => return format!("refused {refusal}"),
    };
    let record = record();
    let evaluation = Evaluation { record: &record, root: None, language };
    match evaluation.value(&tree) {
        Ok(operand) => operand.text().map_or_else(|| operand.kind().to_owned(), |text| text.into_owned()),
        Err(why) => format!("failed: {why}"),
    }
}

#[test]
fn groovy_expressions_mean_what_they_mean_in_groovy() {
    let check = |code: &str, expected: &str| assert_eq!(evaluate(code, Language::Groovy), expected, "{code}");
    check("value.op == 'c' && value.after.id in [1, 7]", "true");
    check("value.op !in ['c'] || !value.after", "false");
    check("value?.before?.id == null", "true");
    check("value.before.id", "failed: Cannot get property 'id' on null object");
    check("value.after.name ==~ /A.*/", "true");
    check("value.after.name ==~ 'n'", "false");
    check("value.after.name =~ 'n'", "true");
    check("value.after.price * 2 + 1 / 4", "5.25");
    check("1 / 3 > 0.33", "true");
    check("10 % 4 == 2 ? 'even' : 'odd'", "even");
    check("value.empty ?: 'none'", "none");
    check("\"t-${value.after.id + 1}-$topic\"", "t-8-srv.db.t");
    check("value.get('op').toUpperCase() + value['op']", "Cc");
    check("value.after.tags.contains('b') && value.after.tags[0] == 'a' && value.after.tags.size() == 2", "true");
    check("header.h.value + header['h'].value()", "xx");
    check("header.containsKey('zz') || header.zz?.value == 'x'", "false");
    check("valueSchema.field('op') != null && value.after.schema().name().endsWith('.Value')", "true");
    check("key.id == 7", "true");
    check("return topic.split('\\\\.')[1];", "db");
    check("topic.substring(4, 6).equals('db')", "true");
    check("topic.replaceAll('[.]', '_') + topic.replaceFirst('.*?([a-z]+)$', '$1')", "srv_db_tt");
    check("topic.matches('srv.*') && !topic.matches('srv')", "true");
    check("value.nope", "failed: nope is not a valid field name");
    check("-value.after.id < 0 // a comment", "true");
    check("null < 1", "true");
    check("'a' < 1", "failed: a text can't be compared with a number");
}

#[test]
fn javascript_expressions_mean_what_they_mean_in_javascript() {
    let check = |code: &str, expected: &str| assert_eq!(evaluate(code, Language::JavaScript), expected, "{code}");
    check("value.get('op') === 'c'", "true");
    check("value.op !== 'c' ? `x` : `t-${topic}`", "t-srv.db.t");
    check("value.get('after').getInt32('id') == '7'", "true");
    check("value.empty ?? 'none'", "none");
    check("/^srv\\.\\w+/.test(topic) && topic.length === 8", "true");
    check("['c', 'r'].includes(value.op)", "true");
    check("value.before?.id || 'nobody'", "nobody");
}

#[test]
fn what_is_beyond_an_expression_is_refused_with_its_place() {
    let check = |code: &str, expected: &str| {
        assert_eq!(evaluate(code, Language::Groovy), format!("refused at column {expected}"), "{code}");
    };
    check("value.op =", "10: = is not supported here");
    check("value.op == 'd' ? 'deletes'", "28: the expression ends too early");
    check("def x = 1", "1: def is not supported: write one expression");
    check("value.after.tags.any { it == 'a' }", "22: { is not supported here");
    check("value.after.tags.collect(1)", "18: the method collect is not supported");
    check("println('x')", "1: the function println is not supported");
    check("value.op == 'c", "13: a text is not closed");
    check(
        "value.op ==~ '('",
        "17: the pattern is wrong: Parsing error at position 1: Opening parenthesis without closing parenthesis",
    );
    check("1; 2", "2: ; is not supported here");
    check("a[1", "4: the expression ends too early");
    check("", "1: the expression ends too early");
    check(&"(".repeat(500), "31: the expression is nested too deeply");
    check(&"1+".repeat(500), "801: the expression is too long");
}
