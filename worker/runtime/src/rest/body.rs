//! Request bodies. What Jackson answers to bodies it can't read is part of the REST interface: status 500 and its words.

use indexmap::IndexMap;
use serde_json::{Value, value::RawValue};

use super::error::RestError;

/// A configuration as it was sent: values as text, null where the sender wrote null.
pub type RawConfig = IndexMap<String, Option<String>>;

const REDACTED: &str = "Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";
const MAP: &str = "java.util.LinkedHashMap<java.lang.String,java.lang.String>";

/// The JSON tree of a body; `None` when it is empty or null.
pub fn tree(bytes: &[u8]) -> Result<Option<Value>, RestError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Null) => Ok(None),
        Ok(tree) => Ok(Some(tree)),
        Err(error) => Err(syntax_error(bytes, &error)),
    }
}

fn syntax_error(bytes: &[u8], error: &serde_json::Error) -> RestError {
    let (line, column) = (error.line(), error.column());
    let at = format!("\n at [{REDACTED}; line: {line}, column: {column}]");
    if error.is_eof() {
        let start = if bytes.trim_ascii_start().starts_with(b"[") { "Array" } else { "Object" };
        return RestError::internal(format!(
            "Unexpected end-of-input: expected close marker for {start} (start marker at [{REDACTED}; line: 1, column: 1]){at}"
        ));
    }
    let text = String::from_utf8_lossy(bytes);
    let row = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let rest = row.get(column.saturating_sub(1)..).unwrap_or_default();
    let found = rest.chars().next().unwrap_or(' ');
    if error.to_string().starts_with("trailing") || error.to_string().starts_with("expected value") {
        let token: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
        return RestError::internal(format!(
            "Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false'){at}"
        ));
    }
    RestError::internal(format!(
        "Unexpected character ('{found}' (code {})): was expecting double-quote to start field name{at}",
        u32::from(found)
    ))
}

pub fn located(message: String, path: &str) -> RestError {
    let path = if path.is_empty() { String::new() } else { format!(" (through reference chain: {path})") };
    RestError::internal(format!("{message}\n at [{REDACTED}; line: 1, column: 1]{path}"))
}

pub fn mismatch(wanted: &str, found: &Value, path: &str) -> RestError {
    let (kind, token) = match found {
        Value::Array(_) => ("Array", "JsonToken.START_ARRAY"),
        Value::Object(_) => ("Object", "JsonToken.START_OBJECT"),
        Value::String(text) => {
            let class = wanted.split('<').next().unwrap_or(wanted);
            return located(
                format!(
                    "Cannot construct instance of `{class}` (although at least one Creator exists): no String-argument \
                     constructor/factory method to deserialize from String value ('{text}')"
                ),
                path,
            );
        }
        Value::Bool(_) => ("Boolean", "JsonToken.VALUE_TRUE"),
        _ => ("Integer", "JsonToken.VALUE_NUMBER_INT"),
    };
    located(format!("Cannot deserialize value of type `{wanted}` from {kind} value (token `{token}`)"), path)
}

/// A value as text: numbers and booleans as they stand, null stays null.
fn text(value: &Value, path: &str) -> Result<Option<String>, RestError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(yes) => Ok(Some(yes.to_string())),
        other => Err(mismatch("java.lang.String", other, path)),
    }
}

/// The members of an object as they were written, for numbers keep their text: `1.10` is not `1.1`.
type Written = IndexMap<String, Box<RawValue>>;

fn restore_numbers(config: &mut RawConfig, written: Option<&str>) {
    let Some(Ok(members)) = written.map(serde_json::from_str::<Written>) else { return };
    for (key, raw) in members {
        let text = raw.get();
        if text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && let Some(value) = config.get_mut(&key)
        {
            *value = Some(text.to_owned());
        }
    }
}

/// A flat configuration; `chain` says where in the body it stands, in Jackson's words.
pub fn config(tree: &Value, chain: &str) -> Result<RawConfig, RestError> {
    let Value::Object(members) = tree else { return Err(mismatch(MAP, tree, chain)) };
    let mut config = RawConfig::with_capacity(members.len());
    for (key, value) in members {
        let step = format!("java.util.LinkedHashMap[\"{key}\"]");
        let path = if chain.is_empty() { step } else { format!("{chain}->{step}") };
        config.insert(key.clone(), text(value, &path)?);
    }
    Ok(config)
}

/// The body of `PUT .../config` and of validation.
pub fn config_body(bytes: &[u8]) -> Result<RawConfig, RestError> {
    let tree = tree(bytes)?.ok_or_else(|| RestError::internal(NO_CONFIG))?;
    let mut config = config(&tree, "")?;
    restore_numbers(&mut config, std::str::from_utf8(bytes).ok());
    Ok(config)
}

const NO_CONFIG: &str = "Cannot invoke \"java.util.Map.get(Object)\" because \"connectorConfig\" is null";
const CREATE: &str = "org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest";

/// The body of `POST /connectors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    pub name: Option<String>,
    pub config: RawConfig,
    pub initial_state: Option<String>,
}

pub fn create_body(bytes: &[u8]) -> Result<CreateRequest, RestError> {
    let Some(tree) = tree(bytes)? else {
        return Err(RestError::internal(format!(
            "Cannot invoke \"{CREATE}.name()\" because \"createRequest\" is null"
        )));
    };
    let Value::Object(members) = &tree else { return Err(mismatch(CREATE, &tree, "")) };
    let (mut name, mut given, mut initial_state) = (None, None, None);
    for (key, value) in members {
        let path = format!("{CREATE}[\"{key}\"]");
        match key.as_str() {
            "name" => name = text(value, &path)?,
            "config" if value.is_null() => given = None,
            "config" => given = Some(config(value, &path)?),
            "initial_state" => initial_state = text(value, &path)?,
            other => {
                return Err(located(
                    format!(
                        "Unrecognized field \"{other}\" (class {CREATE}), not marked as ignorable (3 known properties: \
                         \"config\", \"name\", \"initial_state\")"
                    ),
                    &path,
                ));
            }
        }
    }
    let mut config = given.ok_or_else(|| RestError::internal(NO_CONFIG))?;
    let written: Option<Written> = serde_json::from_slice(bytes).ok();
    restore_numbers(&mut config, written.as_ref().and_then(|members| members.get("config")).map(|raw| raw.get()));
    Ok(CreateRequest { name, config, initial_state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_text_and_null_stays_null() {
        let config = config_body(br#"{"a":1,"b":true,"c":"x","d":null,"e":1.50}"#).expect("a flat object");
        let pairs: Vec<(&str, Option<&str>)> = config.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
        assert_eq!(pairs, [("a", Some("1")), ("b", Some("true")), ("c", Some("x")), ("d", None), ("e", Some("1.50"))]);
    }

    #[test]
    fn what_is_no_configuration_is_refused_in_the_words_of_the_jvm() {
        let check = |body: &[u8], start: &str| {
            let error = create_body(body).expect_err("no request");
            assert_eq!((error.status, error.message.starts_with(start)), (500, true), "{}", error.message);
        };
        check(b"", "Cannot invoke \"org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest.name()\"");
        check(b"{", "Unexpected end-of-input: expected close marker for Object (start marker at [Source: REDACTED");
        check(b"{name:1}", "Unexpected character ('n' (code 110)): was expecting double-quote to start field name");
        check(br#"{"name":"a","config":{},"extra":1}"#, "Unrecognized field \"extra\"");
        check(
            br#"{"name":"a","config":{"x":[]}}"#,
            "Cannot deserialize value of type `java.lang.String` from Array value",
        );
    }
}
