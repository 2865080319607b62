//! Names and lists of names as settings: none of them empty.

use connect_api::{ConfigType, Result, Setting, config::Problem};

/// A list of names, possibly empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(pub(crate) Vec<String>);

/// A list of names, at least one.
#[derive(Clone, Debug)]
pub(crate) struct SomeNames(pub(crate) Vec<String>);

impl Setting for Names {
    const TYPE: ConfigType = ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            return Err(Problem::Sentence("Configuration '{}' values must not be empty.".to_owned()));
        }
        Ok(Self(names))
    }
}

impl Setting for SomeNames {
    const TYPE: ConfigType = ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        match Names::parse(text)?.0 {
            names if names.is_empty() => Err(Problem::Sentence(
                "Configuration '{}' must not be empty. Valid values include: any non-empty value".to_owned(),
            )),
            names => Ok(Self(names)),
        }
    }
}

/// As [`SomeNames`], in the words of `HeaderFrom`.
#[derive(Clone, Debug)]
pub(crate) struct ListedNames(pub(crate) Vec<String>);

impl Setting for ListedNames {
    const TYPE: ConfigType = ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        match Names::parse(text)?.0 {
            names if names.is_empty() => Err("Empty list".to_owned().into()),
            names => Ok(Self(names)),
        }
    }
}

/// A text that is not empty.
#[derive(Clone, Debug)]
pub(crate) struct NonEmpty(pub(crate) String);

impl Setting for NonEmpty {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        match text.trim() {
            "" => Err("String must be non-empty".to_owned().into()),
            text => Ok(Self(text.to_owned())),
        }
    }
}
