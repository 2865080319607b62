//! Schemas out of the JSON of an envelope.

use connect_api::{Error, Field, Fields, Schema, SchemaDef, Str, Type};

use super::{
    parse::{Parsed, Parser, Token},
    read_schema::Node,
};

/// Reads the schema that comes next; `None` where it is null.
pub(super) fn schema(parser: &mut Parser<'_>, replace_nulls: bool) -> Parsed<Option<Schema>> {
    let token = parser.peek()?;
    if token == Token::Null {
        parser.word(token)?;
        return Ok(None);
    }
    member(parser, replace_nulls).map(|member| Some(member.schema))
}

struct Member {
    schema: Schema,
    /// The name under which a struct holds it.
    field: Option<Str>,
}

/// What a schema object said, before its type makes sense of it. Members of a wrong JSON type count as not given.
#[derive(Default)]
struct Given {
    ty: Option<Str>,
    optional: bool,
    name: Option<Str>,
    version: Option<i32>,
    doc: Option<Str>,
    parameters: Option<Vec<(Str, Str)>>,
    field: Option<Str>,
    /// Where these values start: their meaning depends on members that may follow.
    default_at: Option<usize>,
    items_at: Option<usize>,
    keys_at: Option<usize>,
    values_at: Option<usize>,
    fields_at: Option<usize>,
}

/// A schema within a schema counts as this many levels, since each takes several frames of the stack.
const LEVELS: u32 = 10;

fn member(parser: &mut Parser<'_>, replace_nulls: bool) -> Parsed<Member> {
    if parser.peek()? != Token::Object {
        return Err(Box::new(Error::data("Schema must contain 'type' field")));
    }
    let given = given(parser)?;
    let end = parser.position();
    parser.descend(LEVELS)?;
    let Some(type_name) = &given.ty else {
        return Err(Box::new(Error::data("Schema must contain 'type' field")));
    };
    let ty = resolve(type_name, &given, parser, replace_nulls)?;
    let mut def = SchemaDef {
        ty,
        optional: given.optional,
        name: given.name,
        version: given.version,
        default: None,
        doc: given.doc,
        parameters: given.parameters,
    };
    if let Some(at) = given.default_at {
        parser.seek(at);
        if let Type::Struct(_) = def.ty {
            // A default has the schema without the default, so the JVM finds that the two differ.
            let cause = Error::data("Struct schemas do not match.");
            return Err(Box::new(Error::data("Invalid default value").class(SCHEMA_BUILDER).caused_by(cause)));
        }
        let node = Node::new(&Schema::new(def.clone()), replace_nulls);
        def.default = Some(node.read(parser)?).filter(|default| !default.is_null());
    }
    parser.ascend(LEVELS);
    parser.seek(end);
    Ok(Member { schema: Schema::new(def), field: given.field })
}

const SCHEMA_BUILDER: &str = "org.apache.kafka.connect.errors.SchemaBuilderException";

/// One pass over the object; what needs the type is skipped and remembered.
fn given(parser: &mut Parser<'_>) -> Parsed<Given> {
    let mut given = Given::default();
    let mut more = !parser.open(b'}')?;
    while more {
        let name = parser.name()?;
        let token = parser.peek()?;
        match (&*name, token) {
            (b"type", Token::String) => given.ty = Some(detached(parser)?),
            (b"name", Token::String) => given.name = Some(detached(parser)?),
            (b"doc", Token::String) => given.doc = Some(detached(parser)?),
            (b"field", Token::String) => given.field = Some(detached(parser)?),
            (b"optional", Token::True | Token::False) => {
                parser.word(token)?;
                given.optional = token == Token::True;
            }
            (b"version", Token::Number) => {
                let number = parser.number()?;
                given.version = number.integral.then(|| number.text().parse().ok()).flatten();
            }
            (b"parameters", Token::Object) => given.parameters = Some(parameters(parser)?),
            (b"default", token) => {
                given.default_at = (token != Token::Null).then(|| parser.position());
                parser.skip()?;
            }
            (b"items", _) => given.items_at = Some(skipped(parser)?),
            (b"keys", _) => given.keys_at = Some(skipped(parser)?),
            (b"values", _) => given.values_at = Some(skipped(parser)?),
            (b"fields", Token::Array) => given.fields_at = Some(skipped(parser)?),
            _ => parser.skip()?,
        }
        more = parser.more(b'}')?;
    }
    Ok(given)
}

fn skipped(parser: &mut Parser<'_>) -> Parsed<usize> {
    let at = parser.position();
    parser.skip()?;
    Ok(at)
}

/// Schemas live as long as the task, so they must not hold on to a message.
fn detached(parser: &mut Parser<'_>) -> Parsed<Str> {
    parser.string().map(|text| text.detached())
}

fn parameters(parser: &mut Parser<'_>) -> Parsed<Vec<(Str, Str)>> {
    let mut parameters: Vec<(Str, Str)> = Vec::new();
    let mut more = !parser.open(b'}')?;
    while more {
        let name = parser.name().and_then(|name| parser.owned(name))?.detached();
        if parser.peek()? != Token::String {
            return Err(Box::new(Error::data("Schema parameters must have string values.")));
        }
        let value = detached(parser)?;
        match parameters.iter_mut().find(|(key, _)| *key == name) {
            Some(known) => known.1 = value,
            None => parameters.push((name, value)),
        }
        more = parser.more(b'}')?;
    }
    Ok(parameters)
}

fn resolve(name: &str, given: &Given, parser: &mut Parser<'_>, replace_nulls: bool) -> Parsed<Type> {
    let mut part = |at: Option<usize>, missing: &str| -> Parsed<Option<Schema>> {
        let Some(at) = at else { return Err(Box::new(Error::data(missing))) };
        parser.seek(at);
        match parser.peek()? {
            Token::Null => Err(Box::new(Error::data(missing))),
            _ => schema(parser, replace_nulls),
        }
    };
    Ok(match name {
        "boolean" => Type::Boolean,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float" => Type::Float32,
        "double" => Type::Float64,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        "array" => Type::Array(part(given.items_at, "Array schema did not specify the element type")?),
        "map" => Type::Map(
            part(given.keys_at, "Map schema did not specify the key type")?,
            part(given.values_at, "Map schema did not specify the value type")?,
        ),
        "struct" => Type::Struct(fields(given.fields_at, parser, replace_nulls)?),
        unknown => return Err(Box::new(Error::data(format!("Unknown schema type: {unknown}")))),
    })
}

fn fields(at: Option<usize>, parser: &mut Parser<'_>, replace_nulls: bool) -> Parsed<Fields> {
    let Some(at) = at else {
        return Err(Box::new(Error::data("Struct schema's \"fields\" argument is not an array.")));
    };
    parser.seek(at);
    let mut list: Vec<Field> = Vec::new();
    let mut names = std::collections::HashSet::new();
    let mut more = !parser.open(b']')?;
    while more {
        let Member { schema, field: Some(name) } = member(parser, replace_nulls)? else {
            return Err(Box::new(Error::data("Struct schema's field name not specified properly")));
        };
        if !names.insert(name.clone()) {
            let message = format!("Cannot create field because of field name duplication {name}");
            return Err(Box::new(Error::data(message).class(SCHEMA_BUILDER)));
        }
        list.push(Field { name, schema });
        more = parser.more(b']')?;
    }
    Ok(Fields::new(list))
}

/// The schema given in the settings for messages that carry none.
pub(super) fn from_setting(text: &str, replace_nulls: bool) -> Parsed<Option<Schema>> {
    let input = bytes::Bytes::copy_from_slice(text.as_bytes());
    let mut parser = Parser::new(&input);
    match parser.peek() {
        Ok(Token::End) => Ok(None),
        Ok(_) => {
            parser.skip().map_err(|error| unreadable(*error))?;
            schema(&mut Parser::new(&input), replace_nulls)
        }
        Err(error) => Err(unreadable(*error)),
    }
}

fn unreadable(error: Error) -> Box<Error> {
    Box::new(Error::data("Failed to parse schema in converter config due to serialization error: ").caused_by(error))
}
