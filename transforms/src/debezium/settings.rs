//! Settings as Debezium's transforms read them: checked by the transform itself, which wraps the reason in two sentences.

use connect_api::{Config, Error, Props, Result, plugin};

/// `Invalid value x for configuration y: The 'y' value is invalid: reason`
pub(crate) fn invalid(key: &str, text: Option<&str>, reason: &str) -> Error {
    let text = text.unwrap_or("null");
    Error::config(format!("Invalid value {text} for configuration {key}: The '{key}' value is invalid: {reason}"))
}

/// The text of a setting that must be given and may not be empty.
pub(crate) fn required<'a>(props: &'a Props, key: &str) -> Result<&'a str> {
    let text = props.get(key).map(String::as_str);
    match text.map(str::trim) {
        None | Some("") => Err(invalid(key, text, "A value is required")),
        Some(text) => Ok(text),
    }
}

/// The names of a list that must be given, none of them empty.
pub(crate) fn required_names(props: &Props, key: &str) -> Result<Vec<String>> {
    required(props, key)?;
    let text = props.get(key).map_or("", String::as_str);
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().any(String::is_empty) {
        true => Err(invalid(key, Some(text), "Empty string element(s) not permitted")),
        false => Ok(names),
    }
}

/// One of several words, in any case.
pub(crate) fn choice<T: Copy>(props: &Props, key: &str, text: &str, choices: &[(&str, T)]) -> Result<T> {
    let found = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let reason = || format!("Value must be one of {}", words.join(", "));
    let given = props.get(key).map(String::as_str);
    found.map(|(_, choice)| *choice).ok_or_else(|| invalid(key, given, &reason()))
}

/// The JVM says no more than this of older transforms and logs the rest; here the cause tells.
pub(crate) fn not_validated(error: Error) -> Error {
    Error::config("Unable to validate config.")
        .class("org.apache.kafka.connect.errors.ConnectException")
        .caused_by(error)
}

/// Parses settings whose faults the JVM reports as [`not_validated`].
pub(crate) fn parse<C: Config>(props: &Props) -> Result<C> {
    plugin::parse(props).map_err(not_validated)
}
