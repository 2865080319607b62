//! MongoDB's extended JSON, in both of its forms and with the older spellings.

use base64::{Engine, engine::general_purpose::STANDARD};
use connect_api::{Error, Result};
use serde_json::{Map, Value as Json, json};

/// A value of MongoDB.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bson {
    Null,
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Double(f64),
    String(String),
    Document(Vec<(String, Bson)>),
    Array(Vec<Bson>),
    Binary {
        bytes: Vec<u8>,
        subtype: String,
    },
    ObjectId(String),
    /// Milliseconds since 1970.
    Date(i64),
    Timestamp {
        seconds: u32,
        increment: u32,
    },
    Decimal(String),
    Regex {
        pattern: String,
        options: String,
    },
    Code(String),
    /// A type that no schema describes.
    Other(Json),
}

/// The value that a text stands for.
pub(crate) fn parse(text: &str) -> Result<Bson> {
    let json: Json = serde_json::from_str(text).map_err(|error| {
        // Java's reader says no more of a text that ends too early.
        let message = if error.is_eof() { "Trying to read past EOF.".to_owned() } else { error.to_string() };
        Error::data(message).class("org.bson.json.JsonParseException")
    })?;
    Ok(Bson::of(json))
}

impl Bson {
    fn of(json: Json) -> Self {
        match json {
            Json::Null => Bson::Null,
            Json::Bool(flag) => Bson::Boolean(flag),
            Json::String(text) => Bson::String(text),
            Json::Number(number) => match number.as_i64() {
                Some(number) => i32::try_from(number).map_or(Bson::Int64(number), Bson::Int32),
                None => Bson::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::Array(items) => Bson::Array(items.into_iter().map(Bson::of).collect()),
            Json::Object(members) => typed(&members).unwrap_or_else(|| {
                Bson::Document(members.into_iter().map(|(name, value)| (name, Bson::of(value))).collect())
            }),
        }
    }

    /// The canonical form, which keeps every type.
    pub(crate) fn canonical(&self) -> Json {
        match self {
            Bson::Null => Json::Null,
            Bson::Boolean(flag) => (*flag).into(),
            Bson::Int32(number) => json!({ "$numberInt": number.to_string() }),
            Bson::Int64(number) => json!({ "$numberLong": number.to_string() }),
            Bson::Double(number) => json!({ "$numberDouble": connect_api::java::double_text(*number) }),
            Bson::String(text) => text.as_str().into(),
            Bson::Document(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), value.canonical())).collect())
            }
            Bson::Array(items) => items.iter().map(Bson::canonical).collect(),
            Bson::Binary { bytes, subtype } => {
                json!({ "$binary": { "base64": STANDARD.encode(bytes), "subType": subtype } })
            }
            Bson::ObjectId(hex) => json!({ "$oid": hex }),
            Bson::Date(ms) => json!({ "$date": { "$numberLong": ms.to_string() } }),
            Bson::Timestamp { seconds, increment } => json!({ "$timestamp": { "t": seconds, "i": increment } }),
            Bson::Decimal(text) => json!({ "$numberDecimal": text }),
            Bson::Regex { pattern, options } => {
                json!({ "$regularExpression": { "pattern": pattern, "options": options } })
            }
            Bson::Code(code) => json!({ "$code": code }),
            Bson::Other(json) => json.clone(),
        }
    }

    /// The name of MongoDB's own Java class for it, as messages show it.
    pub(crate) fn java_class(&self) -> &'static str {
        match self {
            Bson::Null => "null",
            Bson::Boolean(_) => "java.lang.Boolean",
            Bson::Int32(_) => "java.lang.Integer",
            Bson::Int64(_) => "java.lang.Long",
            Bson::Double(_) => "java.lang.Double",
            Bson::Array(_) => "java.util.ArrayList",
            Bson::Binary { .. } => "[B",
            Bson::Date(_) | Bson::Timestamp { .. } => "java.util.Date",
            Bson::Document(_) | Bson::Regex { .. } => "org.apache.kafka.connect.data.Struct",
            Bson::String(_) | Bson::ObjectId(_) | Bson::Decimal(_) | Bson::Code(_) => "java.lang.String",
            Bson::Other(_) => "null",
        }
    }
}

/// The value that an object with a name of extended JSON stands for; none for a plain document.
fn typed(members: &Map<String, Json>) -> Option<Bson> {
    let (name, value) = members.iter().next()?;
    let text = || value.as_str();
    let inner = |member: &str| value.get(member).and_then(Json::as_str).map(str::to_owned);
    Some(match name.as_str() {
        "$oid" => Bson::ObjectId(text()?.to_owned()),
        "$numberInt" => Bson::Int32(text()?.parse().ok()?),
        "$numberLong" => Bson::Int64(text().map_or_else(|| value.as_i64(), |text| text.parse().ok())?),
        "$numberDouble" => Bson::Double(double(text()?)?),
        "$numberDecimal" => Bson::Decimal(text()?.to_owned()),
        "$date" => Bson::Date(date(value)?),
        "$binary" => match text() {
            Some(base64) => Bson::Binary {
                bytes: STANDARD.decode(base64).ok()?,
                subtype: members.get("$type").and_then(Json::as_str).unwrap_or("00").to_owned(),
            },
            None => Bson::Binary { bytes: STANDARD.decode(inner("base64")?).ok()?, subtype: inner("subType")? },
        },
        "$uuid" => Bson::Binary { bytes: uuid(text()?)?, subtype: "04".to_owned() },
        "$timestamp" => {
            let part = |member: &str| value.get(member).and_then(Json::as_u64).and_then(|n| n.try_into().ok());
            Bson::Timestamp { seconds: part("t")?, increment: part("i")? }
        }
        "$regularExpression" => Bson::Regex { pattern: inner("pattern")?, options: inner("options")? },
        "$regex" => Bson::Regex {
            pattern: text()?.to_owned(),
            options: members.get("$options").and_then(Json::as_str).unwrap_or_default().to_owned(),
        },
        "$code" if members.len() == 1 => Bson::Code(text()?.to_owned()),
        "$code" | "$symbol" | "$undefined" | "$minKey" | "$maxKey" | "$dbPointer" => {
            Bson::Other(Json::Object(members.clone()))
        }
        _ => return None,
    })
}

fn double(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

/// A number of milliseconds, or a text in the relaxed form.
fn date(value: &Json) -> Option<i64> {
    match value {
        Json::Number(number) => number.as_i64(),
        Json::Object(members) => members.get("$numberLong")?.as_str()?.parse().ok(),
        Json::String(text) => text.parse::<jiff::Timestamp>().ok().map(|moment| moment.as_millisecond()),
        _ => None,
    }
}

fn uuid(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len() == 32).then(|| digits.chunks(2).map(byte).collect())?
}
