//! What is known about one setting, for parsing, `/validate` and the manual alike.

use crate::config::{ConfigError, Problem, Props, Setting};

/// The types of `ConfigDef.Type`, as REST answers name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl ConfigType {
    pub fn name(self) -> &'static str {
        match self {
            ConfigType::Boolean => "BOOLEAN",
            ConfigType::String => "STRING",
            ConfigType::Int => "INT",
            ConfigType::Short => "SHORT",
            ConfigType::Long => "LONG",
            ConfigType::Double => "DOUBLE",
            ConfigType::List => "LIST",
            ConfigType::Class => "CLASS",
            ConfigType::Password => "PASSWORD",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    High,
    Medium,
    Low,
}

impl Importance {
    pub fn name(self) -> &'static str {
        match self {
            Importance::High => "HIGH",
            Importance::Medium => "MEDIUM",
            Importance::Low => "LOW",
        }
    }
}

/// How wide an input field for the setting should be (`ConfigDef.Width`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    None,
    Short,
    Medium,
    Long,
}

impl Width {
    pub fn name(self) -> &'static str {
        match self {
            Width::None => "NONE",
            Width::Short => "SHORT",
            Width::Medium => "MEDIUM",
            Width::Long => "LONG",
        }
    }
}

/// Whose words an error message uses: users' tools compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageStyle {
    /// `Invalid value x for configuration tasks.max: Not a number of type INT`
    Kafka,
    /// `The 'database.port' value is invalid: An integer is expected`
    Debezium,
}

/// One setting: all that is known about it.
#[derive(Clone, Debug)]
pub struct ConfigKey {
    pub name: &'static str,
    /// Names this setting had before, still accepted.
    pub aliases: &'static [&'static str],
    pub doc: String,
    pub ty: ConfigType,
    /// As text, parsed by the same parser as what users write.
    pub default: Option<&'static str>,
    /// A name of an older version, and the default that this setting had then: in force where that name is used.
    pub old_default: Option<(&'static str, &'static str)>,
    pub required: bool,
    pub importance: Importance,
    pub group: &'static str,
    pub display: &'static str,
    pub width: Width,
    pub style: MessageStyle,
    pub choices: &'static [&'static str],
    check: fn(&str) -> Result<(), Problem>,
}

impl ConfigKey {
    /// A setting of type `T` that is given a default, aliases and the like by the methods below.
    pub fn of<T: Setting>(name: &'static str, doc: &[&str], group: &'static str, importance: Importance) -> Self {
        Self {
            name,
            aliases: &[],
            doc: doc.concat().trim().into(),
            ty: T::TYPE,
            default: None,
            old_default: None,
            required: T::REQUIRED,
            importance,
            group,
            display: name,
            width: Width::None,
            style: MessageStyle::Kafka,
            choices: T::choices(),
            check: |text| T::parse(text).map(drop),
        }
    }

    pub fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self.required = false;
        self
    }

    pub fn old_default(mut self, beside: &'static str, default: &'static str) -> Self {
        self.old_default = Some((beside, default));
        self
    }

    pub fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub fn display(mut self, display: &'static str) -> Self {
        self.display = display;
        self
    }

    pub fn width(mut self, width: Width) -> Self {
        self.width = width;
        self
    }

    pub fn style(mut self, style: MessageStyle) -> Self {
        self.style = style;
        self
    }

    /// The text in force: given under the name or an old one, or the default.
    pub fn text<'a>(&self, props: &'a Props) -> Option<&'a str> {
        std::iter::once(&self.name)
            .chain(self.aliases)
            .find_map(|name| props.get(*name))
            .map(String::as_str)
            .or_else(|| self.old_default.filter(|(beside, _)| props.contains_key(*beside)).map(|(_, default)| default))
            .or(self.default)
    }

    /// What is wrong with this setting in these properties.
    pub fn error(&self, props: &Props) -> Option<String> {
        match self.text(props) {
            Some(text) => (self.check)(text).err().map(|problem| self.wrong(text, problem)),
            None => self.required.then(|| self.missing()),
        }
    }

    pub fn missing(&self) -> String {
        match self.style {
            MessageStyle::Kafka => {
                format!("Missing required configuration \"{}\" which has no default value.", self.name)
            }
            MessageStyle::Debezium => format!("The '{}' value is invalid: A value is required", self.name),
        }
    }

    pub(crate) fn wrong(&self, text: &str, problem: Problem) -> String {
        let reason = match problem {
            Problem::Because(reason) => reason,
            Problem::Sentence(sentence) => return sentence.replace("{}", self.name),
            Problem::NotOfType(ty) => type_reason(self.style, ty).to_owned(),
        };
        match self.style {
            MessageStyle::Debezium => format!("The '{}' value is invalid: {reason}", self.name),
            // A secret that is no secret's type can't happen, yet no text of one is ever repeated.
            MessageStyle::Kafka if self.ty == ConfigType::Password => {
                format!("Invalid value [hidden] for configuration {}: {reason}", self.name)
            }
            // The JVM has read the list by then, and prints it as Java does.
            MessageStyle::Kafka if self.ty == ConfigType::List => {
                let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
                format!("Invalid value [{}] for configuration {}: {reason}", parts.join(", "), self.name)
            }
            MessageStyle::Kafka => format!("Invalid value {text} for configuration {}: {reason}", self.name),
        }
    }
}

fn type_reason(style: MessageStyle, ty: ConfigType) -> &'static str {
    match (style, ty) {
        (MessageStyle::Kafka, ConfigType::Boolean) => "Expected value to be either true or false",
        (MessageStyle::Kafka, ConfigType::Short) => "Not a number of type SHORT",
        (MessageStyle::Kafka, ConfigType::Int) => "Not a number of type INT",
        (MessageStyle::Kafka, ConfigType::Long) => "Not a number of type LONG",
        (MessageStyle::Kafka, ConfigType::Double) => "Not a number of type DOUBLE",
        (MessageStyle::Debezium, ConfigType::Boolean) => "Either 'true' or 'false' is expected",
        (MessageStyle::Debezium, ConfigType::Int | ConfigType::Short) => "An integer is expected",
        (MessageStyle::Debezium, ConfigType::Long) => "A long value is expected",
        (MessageStyle::Debezium, ConfigType::Double) => "A double value is expected",
        (_, ConfigType::String | ConfigType::List | ConfigType::Class | ConfigType::Password) => "unexpected value",
    }
}

/// The settings of a plugin, in the order they are shown.
#[derive(Clone, Debug, Default)]
pub struct ConfigDef(Vec<ConfigKey>);

/// One line of a `/validate` answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigValue {
    pub name: &'static str,
    /// The text in force; never shown by the worker where the key is a password.
    pub value: Option<String>,
    pub errors: Vec<String>,
}

impl ConfigDef {
    pub fn new(keys: Vec<ConfigKey>) -> Self {
        Self(keys)
    }

    pub fn keys(&self) -> &[ConfigKey] {
        &self.0
    }

    pub fn key(&self, name: &str) -> Option<&ConfigKey> {
        self.0.iter().find(|key| key.name == name)
    }

    /// Every setting with its value in force and what is wrong with it.
    pub fn values(&self, props: &Props) -> Vec<ConfigValue> {
        let value = |key: &ConfigKey| ConfigValue {
            name: key.name,
            value: key.text(props).map(str::to_owned),
            errors: key.error(props).into_iter().collect(),
        };
        self.0.iter().map(value).collect()
    }

    /// Everything that is wrong, as [`Config::parse`](crate::config::Config::parse) reports it.
    pub fn errors(&self, props: &Props) -> Vec<ConfigError> {
        self.0.iter().filter_map(|key| key.error(props).map(|message| ConfigError::new(key.name, message))).collect()
    }
}
