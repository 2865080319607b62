//! A schema as the JSON of an envelope, member for member in the JVM's order.

use connect_api::{Result, Schema, Type};

use super::{
    text,
    write::{Node, WriteOptions},
};

/// Appends the JSON of a schema; of no schema, `null`.
pub(super) fn write(schema: Option<&Schema>, options: WriteOptions, out: &mut Vec<u8>) -> Result<()> {
    match schema {
        Some(schema) => write_named(schema, None, options, out),
        None => {
            out.extend_from_slice(b"null");
            Ok(())
        }
    }
}

/// A field's schema carries its name as the last member.
fn write_named(schema: &Schema, field: Option<&str>, options: WriteOptions, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(b"{\"type\":");
    text::string(out, type_name(&schema.ty));
    write_parts(&schema.ty, options, out)?;
    out.extend_from_slice(if schema.optional { b",\"optional\":true" } else { b",\"optional\":false" });
    if let Some(name) = &schema.name {
        out.extend_from_slice(b",\"name\":");
        text::string(out, name);
    }
    if let Some(version) = schema.version {
        out.extend_from_slice(b",\"version\":");
        text::integer(out, version.into());
    }
    if let Some(doc) = &schema.doc {
        out.extend_from_slice(b",\"doc\":");
        text::string(out, doc);
    }
    if let Some(parameters) = &schema.parameters {
        out.extend_from_slice(b",\"parameters\":{");
        for (at, (key, value)) in parameters.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            text::string(out, key);
            out.push(b':');
            text::string(out, value);
        }
        out.push(b'}');
    }
    if let Some(default) = &schema.default {
        out.extend_from_slice(b",\"default\":");
        Node::new(Some(schema), options).write(default, out)?;
    }
    if let Some(field) = field {
        out.extend_from_slice(b",\"field\":");
        text::string(out, field);
    }
    out.push(b'}');
    Ok(())
}

fn write_parts(ty: &Type, options: WriteOptions, out: &mut Vec<u8>) -> Result<()> {
    match ty {
        Type::Array(items) => {
            out.extend_from_slice(b",\"items\":");
            write(items.as_ref(), options, out)
        }
        Type::Map(keys, values) => {
            out.extend_from_slice(b",\"keys\":");
            write(keys.as_ref(), options, out)?;
            out.extend_from_slice(b",\"values\":");
            write(values.as_ref(), options, out)
        }
        Type::Struct(fields) => {
            out.extend_from_slice(b",\"fields\":[");
            for (at, field) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_named(&field.schema, Some(&field.name), options, out)?;
            }
            out.push(b']');
            Ok(())
        }
        _ => Ok(()),
    }
}

fn type_name(ty: &Type) -> &'static str {
    match ty {
        Type::Int8 => "int8",
        Type::Int16 => "int16",
        Type::Int32 => "int32",
        Type::Int64 => "int64",
        Type::Float32 => "float",
        Type::Float64 => "double",
        Type::Boolean => "boolean",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Array(_) => "array",
        Type::Map(..) => "map",
        Type::Struct(_) => "struct",
    }
}
