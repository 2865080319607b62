//! Typed settings: one declaration gives the struct, the parser that reports every error, `/validate` and the manual.
//!
//! A connector declares its settings with [`config!`](crate::config!) and never reads a property by hand.

use std::{fmt, time::Duration};

use indexmap::IndexMap;

use crate::config_key::{ConfigDef, ConfigKey, ConfigType};

/// Properties as a user wrote them, in the order of the request.
pub type Props = IndexMap<String, String>;

/// One setting that is wrong, with the message for the user as the JVM words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The name under which `/validate` shows it.
    pub key: String,
    pub message: String,
}

impl ConfigError {
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

/// Why a text is no value of a setting's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It does not have the setting's type at all: the message is the type's.
    NotOfType(ConfigType),
    /// It breaks a rule, said here without the name and the value, which the message adds.
    Because(String),
    /// It breaks a rule that has a sentence of its own; `{}` in it stands for the setting's name.
    Sentence(String),
}

impl From<String> for Problem {
    fn from(reason: String) -> Self {
        Problem::Because(reason)
    }
}

/// A type a setting can have. Parsing is the validation: a value that exists is valid.
pub trait Setting: Sized {
    const TYPE: ConfigType;
    /// Whether a setting of this type must be given when it has no default.
    const REQUIRED: bool = true;

    fn parse(text: &str) -> Result<Self, Problem>;

    /// The value when nothing is given and there is no default; `None` makes that an error.
    fn absent() -> Option<Self> {
        None
    }

    /// The values to choose from, for `/validate` (`recommended_values`) and the manual.
    fn choices() -> &'static [&'static str] {
        &[]
    }
}

/// Settings declared once, by [`config!`](crate::config!).
pub trait Config: Sized {
    fn define(def: &mut Vec<ConfigKey>);
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
    fn def() -> &'static ConfigDef;

    /// Reports every wrong setting, not the first.
    fn parse(props: &Props) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader { props, def: Self::def(), errors: Vec::new() };
        match Self::read(&mut reader) {
            Some(config) if reader.errors.is_empty() => Ok(config),
            _ => Err(reader.errors),
        }
    }
}

/// Reads settings one by one and collects what is wrong with them.
pub struct Reader<'a> {
    props: &'a Props,
    def: &'static ConfigDef,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    pub fn setting<T: Setting>(&mut self, name: &str) -> Option<T> {
        let key = self.def.key(name).expect("the macro reads only keys that it declared");
        let Some(text) = key.text(self.props) else {
            if T::absent().is_none() {
                self.errors.push(ConfigError::new(key.name, key.missing()));
            }
            return T::absent();
        };
        T::parse(text).map_err(|problem| self.errors.push(ConfigError::new(key.name, key.wrong(text, problem)))).ok()
    }

    /// The properties under a prefix, without it.
    pub fn prefixed(&self, prefix: &str) -> Props {
        self.props
            .iter()
            .filter_map(|(key, value)| key.strip_prefix(prefix).map(|rest| (rest.to_owned(), value.clone())))
            .collect()
    }
}

/// A secret. It never prints itself; [`Password::reveal`] is the only way to the text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one call that must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Setting for Password {
    const TYPE: ConfigType = ConfigType::Password;
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(Self(text.to_owned()))
    }
}

impl Setting for String {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(text.trim().to_owned())
    }
}

impl Setting for bool {
    const TYPE: ConfigType = ConfigType::Boolean;
    fn parse(text: &str) -> Result<Self, Problem> {
        match text.trim() {
            t if t.eq_ignore_ascii_case("true") => Ok(true),
            t if t.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(Problem::NotOfType(ConfigType::Boolean)),
        }
    }
}

macro_rules! number_settings {
    ($($ty:ty => $kind:ident),+ $(,)?) => {$(
        impl Setting for $ty {
            const TYPE: ConfigType = ConfigType::$kind;
            fn parse(text: &str) -> Result<Self, Problem> {
                text.trim().parse().map_err(|_| Problem::NotOfType(ConfigType::$kind))
            }
        }
    )+};
}
number_settings! { i16 => Short, u16 => Int, i32 => Int, u32 => Int, i64 => Long, u64 => Long, f64 => Double }

/// A number of milliseconds.
impl Setting for Duration {
    const TYPE: ConfigType = ConfigType::Long;
    fn parse(text: &str) -> Result<Self, Problem> {
        u64::parse(text).map(Duration::from_millis)
    }
}

/// A comma-separated list; blanks around the parts don't count, an empty text is an empty list.
impl<T: Setting> Setting for Vec<T> {
    const TYPE: ConfigType = ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::parse).collect()
    }
}

impl<T: Setting> Setting for Option<T> {
    const TYPE: ConfigType = T::TYPE;
    const REQUIRED: bool = false;
    fn parse(text: &str) -> Result<Self, Problem> {
        T::parse(text).map(Some)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn choices() -> &'static [&'static str] {
        T::choices()
    }
}

/// Declares an enum that is a setting: its values as users write them, matched without regard to case.
///
/// ```
/// connect_api::setting_enum! {
///     /// What to do with a null.
///     pub enum OnNull { #[default] Fail = "fail", Ignore = "ignore" }
/// }
/// ```
#[macro_export]
macro_rules! setting_enum {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$meta:meta])* $variant:ident = $text:literal $(| $alias:literal)*),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$meta])* $variant),+ }

        impl $name {
            /// The value as users write it.
            #[allow(dead_code, reason = "not every setting is printed")]
            $vis fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl $crate::config::Setting for $name {
            const TYPE: $crate::config_key::ConfigType = $crate::config_key::ConfigType::String;
            fn parse(text: &str) -> Result<Self, $crate::config::Problem> {
                let text = text.trim();
                $(if text.eq_ignore_ascii_case($text) $(|| text.eq_ignore_ascii_case($alias))* { return Ok(Self::$variant); })+
                Err($crate::config::Problem::Because(format!("Value must be one of {}", [$($text),+].join(", "))))
            }
            fn choices() -> &'static [&'static str] {
                &[$($text),+]
            }
        }
    };
}
