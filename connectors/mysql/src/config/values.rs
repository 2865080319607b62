//! Types of settings that have rules of their own.

use std::time::Duration;

use connect_api::config::{Problem, Setting};
use connect_api::config_key::ConfigType;
use connect_cdc::envelope::Operation;

connect_api::setting_enum! {
    /// `database.ssl.mode` of MySQL
    pub enum MySqlSslMode {
        Disabled = "disabled",
        /// Encrypted where the server can.
        #[default]
        Preferred = "preferred",
        Required = "required",
        VerifyCa = "verify_ca",
        VerifyIdentity = "verify_identity",
    }
}

connect_api::setting_enum! {
    /// `database.ssl.mode` of MariaDB
    pub enum MariaDbSslMode {
        #[default]
        Disable = "disable" | "disabled",
        Trust = "trust" | "required",
        VerifyCa = "verify-ca" | "verify_ca",
        VerifyFull = "verify-full" | "verify_identity",
    }
}

connect_api::setting_enum! {
    /// `snapshot.locking.mode`
    pub enum LockingMode {
        Extended = "extended",
        #[default]
        Minimal = "minimal",
        MinimalAtLeastOnce = "minimal_at_least_once",
        MinimalPercona = "minimal_percona",
        MinimalPerconaNoTableLocks = "minimal_percona_no_table_locks",
        None = "none",
        Custom = "custom",
    }
}

connect_api::setting_enum! {
    /// `inconsistent.schema.handling.mode`
    pub enum InconsistentSchema { #[default] Fail = "fail", Warn = "warn", Skip = "skip" }
}

connect_api::setting_enum! {
    /// `guardrail.collections.limit.action`
    pub enum GuardrailAction { Fail = "fail", #[default] Warn = "warn" }
}

connect_api::setting_enum! {
    /// `snapshot.tables.order.by.row.count`
    pub enum RowCountOrder { Ascending = "ascending", Descending = "descending", #[default] Disabled = "disabled" }
}

/// A number above zero.
#[derive(Clone, Copy, Debug)]
pub struct Positive(pub usize);

impl Setting for Positive {
    const TYPE: ConfigType = ConfigType::Int;
    fn parse(text: &str) -> Result<Self, Problem> {
        match i32::parse(text).map(usize::try_from)? {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(Problem::Because("A positive, non-zero integer value is expected".into())),
        }
    }
}

/// A number of milliseconds, given as a small number.
#[derive(Clone, Copy, Debug)]
pub struct Millis(pub Duration);

impl Setting for Millis {
    const TYPE: ConfigType = ConfigType::Int;
    fn parse(text: &str) -> Result<Self, Problem> {
        match i32::parse(text).map(u64::try_from)? {
            Ok(number) => Ok(Self(Duration::from_millis(number))),
            Err(_) => Err(Problem::Because("An non-negative integer is expected".into())),
        }
    }
}

/// `database.server.id`
#[derive(Clone, Copy, Debug)]
pub enum ServerId {
    Given(u32),
    /// One of those that Debezium 1 chose from when it was left out: 5400 to 6399, anew for each start.
    Chosen,
}

impl ServerId {
    pub fn number(self) -> u32 {
        match self {
            ServerId::Given(number) => number,
            ServerId::Chosen => 5400 + u32::from(uuid::Uuid::new_v4().as_fields().1) % 1000,
        }
    }
}

impl Setting for ServerId {
    const TYPE: ConfigType = ConfigType::Long;
    fn parse(text: &str) -> Result<Self, Problem> {
        if text == "5400..6400" {
            return Ok(Self::Chosen);
        }
        match i64::parse(text).map(u32::try_from)? {
            Ok(number) if number > 0 => Ok(Self::Given(number)),
            _ => Err(Problem::Because("A positive, non-zero long value is expected".into())),
        }
    }
}

/// `topic.prefix`
#[derive(Clone, Debug)]
pub struct TopicPrefix(pub String);

/// `database.hostname`
#[derive(Clone, Debug)]
pub struct Hostname(pub String);

const ALLOWED: &str = "(only the underscore, hyphen, dot and alphanumeric characters are allowed)";

fn plain_name(text: &str, extra: &[char]) -> Result<String, Problem> {
    let text = text.trim();
    let plain = |char: char| char.is_ascii_alphanumeric() || extra.contains(&char);
    match text {
        "" => Err(Problem::Because("A value is required".into())),
        text if text.chars().all(plain) => Ok(text.to_owned()),
        text => Err(Problem::Because(format!("{text} has invalid format {ALLOWED}"))),
    }
}

impl Setting for TopicPrefix {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        plain_name(text, &['_', '-', '.']).map(Self)
    }
}

impl Setting for Hostname {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        // A colon stands in addresses of version 6.
        plain_name(text, &['_', '-', '.', ':']).map(Self)
    }
}

/// A Java class: shown as one, though there is none here.
#[derive(Clone, Debug)]
pub struct ClassName(pub String);

impl Setting for ClassName {
    const TYPE: ConfigType = ConfigType::Class;
    fn parse(text: &str) -> Result<Self, Problem> {
        String::parse(text).map(Self)
    }
}

/// What is a list to this connector and a text to whoever asks for its settings.
#[derive(Clone, Debug, Default)]
pub struct TextOf<T>(pub T);

impl<T: Setting> Setting for TextOf<T> {
    const TYPE: ConfigType = ConfigType::String;
    const REQUIRED: bool = T::REQUIRED;
    fn parse(text: &str) -> Result<Self, Problem> {
        T::parse(text).map(Self)
    }
    fn absent() -> Option<Self> {
        T::absent().map(Self)
    }
}

/// `skipped.operations`
#[derive(Clone, Debug, Default)]
pub struct Operations(Vec<Operation>);

impl Operations {
    pub fn contains(&self, operation: Operation) -> bool {
        self.0.contains(&operation)
    }
}

impl Setting for Operations {
    const TYPE: ConfigType = ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let operation = |part: &&&str| {
            let all = [Operation::Create, Operation::Update, Operation::Delete, Operation::Read, Operation::Truncate];
            let found = all.into_iter().find(|operation| operation.code() == **part);
            found.ok_or_else(|| Problem::Because("Invalid operation".into()))
        };
        let named = parts.iter().filter(|part| **part != "none").map(|part| operation(&part));
        let operations: Vec<Operation> = named.collect::<Result<_, _>>()?;
        match parts.contains(&"none") && !operations.is_empty() {
            true => Err(Problem::Because("'none' cannot be specified with other skipped operation types".into())),
            false => Ok(Self(operations)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_letters() {
        let check = |text: &str, truncate: bool| {
            assert_eq!(Operations::parse(text).map(|o| o.contains(Operation::Truncate)), Ok(truncate), "{text}");
        };
        check("t", true);
        check("c, t", true);
        check("none", false);
        assert!(Operations::parse("none,c").is_err());
        assert!(Operations::parse("x").is_err());
    }
}
