//! Plugins: typed for their authors, erased once into the rows of the worker's table.

use futures_util::future::BoxFuture;

use crate::{
    Config, ConfigDef, ConfigError, Converter, Error, HeaderConverter, OffsetChange, Predicate, Props, Result,
    SinkConnector, SinkContext, SinkTask, SourceConnector, SourceContext, SourceTask, Transform,
};

type Split = fn(&Props, usize) -> Result<Vec<Props>>;
type Starting<T> = BoxFuture<'static, Result<Box<T>>>;
type CheckOffsets = fn(&Props, &[OffsetChange<'_>]) -> Result<()>;
type Check = fn(Props) -> BoxFuture<'static, Vec<ConfigError>>;

/// A source connector in the worker's table.
pub struct SourcePlugin {
    pub class: &'static str,
    pub version: &'static str,
    pub config: fn() -> &'static ConfigDef,
    /// Rules across settings; empty while single settings are wrong.
    pub rules: fn(&Props) -> Vec<ConfigError>,
    /// Tries the configuration on the real system.
    pub check: Check,
    pub task_configs: Split,
    /// Refuses offsets that no task could start from.
    pub check_offsets: CheckOffsets,
    pub start: fn(Props, SourceContext) -> Starting<dyn SourceTask>,
}

impl SourcePlugin {
    pub const fn of<C: SourceConnector>() -> Self {
        Self {
            class: C::CLASS,
            version: C::VERSION,
            config: C::Config::def,
            rules: |props| C::Config::parse(props).map(|config| C::rules(&config)).unwrap_or_default(),
            check: |props| {
                Box::pin(async move {
                    match C::Config::parse(&props) {
                        Ok(config) => C::check(config).await,
                        Err(_) => Vec::new(),
                    }
                })
            },
            task_configs: |props, max| C::task_configs(&parse::<C::Config>(props)?, props, max),
            check_offsets: |props, changes| C::check_offsets(&parse::<C::Config>(props)?, changes),
            start: |props, context| {
                Box::pin(async move {
                    let task = C::start(parse::<C::Config>(&props)?, context).await?;
                    Ok(Box::new(task) as Box<dyn SourceTask>)
                })
            },
        }
    }
}

/// A sink connector in the worker's table.
pub struct SinkPlugin {
    pub class: &'static str,
    pub version: &'static str,
    pub config: fn() -> &'static ConfigDef,
    /// Rules across settings; empty while single settings are wrong.
    pub rules: fn(&Props) -> Vec<ConfigError>,
    /// Tries the configuration on the real system.
    pub check: Check,
    pub task_configs: Split,
    pub start: fn(Props, SinkContext) -> Starting<dyn SinkTask>,
}

impl SinkPlugin {
    pub const fn of<C: SinkConnector>() -> Self {
        Self {
            class: C::CLASS,
            version: C::VERSION,
            config: C::Config::def,
            rules: |props| C::Config::parse(props).map(|config| C::rules(&config)).unwrap_or_default(),
            check: |props| {
                Box::pin(async move {
                    match C::Config::parse(&props) {
                        Ok(config) => C::check(config).await,
                        Err(_) => Vec::new(),
                    }
                })
            },
            task_configs: |props, max| C::task_configs(&parse::<C::Config>(props)?, props, max),
            start: |props, context| {
                Box::pin(async move {
                    let task = C::start(parse::<C::Config>(&props)?, context).await?;
                    Ok(Box::new(task) as Box<dyn SinkTask>)
                })
            },
        }
    }
}

/// A transform in the worker's table; `$Key` and `$Value` forms are rows of their own.
pub struct TransformPlugin {
    pub class: &'static str,
    pub config: fn() -> &'static ConfigDef,
    pub configure: fn(&Props) -> Result<Box<dyn Transform>>,
}

/// A predicate in the worker's table.
pub struct PredicatePlugin {
    pub class: &'static str,
    pub config: fn() -> &'static ConfigDef,
    pub configure: fn(&Props) -> Result<Box<dyn Predicate>>,
}

/// A converter in the worker's table.
pub struct ConverterPlugin {
    pub class: &'static str,
    pub config: fn() -> &'static ConfigDef,
    /// Settings without their `key.converter.` or `value.converter.` prefix, and which of the two it is.
    pub configure: fn(&Props, Side) -> Result<Box<dyn Converter>>,
}

/// A header converter in the worker's table.
pub struct HeaderConverterPlugin {
    pub class: &'static str,
    pub config: fn() -> &'static ConfigDef,
    pub configure: fn(&Props) -> Result<Box<dyn HeaderConverter>>,
}

/// Which half of a record a converter serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Key,
    Value,
}

/// Parses settings into one error that names every wrong one, for code that has nobody to show a list to.
pub fn parse<C: Config>(props: &Props) -> Result<C> {
    C::parse(props).map_err(|errors| {
        let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        Error::config(messages.join("; "))
    })
}
