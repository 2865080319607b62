//! The `config!` macro.

/// Declares a connector's settings once: the struct, its parser, its `/validate` rows and its manual.
///
/// Attributes stand in this order: `key`, `group`, `importance`, then optionally `default`, `old_default`, `aliases`, `display`,
/// `width`. The doc comment of a field is its entry in the manual. `#[style = Debezium]` above the struct chooses the
/// wording of messages. `flatten` takes in another `config!` struct, `prefix` all keys that start with it.
///
/// ```
/// connect_api::config! {
///     /// Settings of an example.
///     pub struct ExampleConfig {
///         /// TCP port of the server.
///         #[config(key = "database.port", group = "Connection", importance = High, default = "3306")]
///         pub port: u16,
///     }
/// }
/// use connect_api::Config;
/// assert_eq!(ExampleConfig::parse(&Default::default()).unwrap().port, 3306);
/// ```
#[macro_export]
macro_rules! config {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident { $($body:tt)+ }) => {
        $crate::config!(@struct Kafka, [$($about),*], $vis, $name, $($body)+);
    };
    ($(#[doc = $about:literal])* #[style = $style:ident] $vis:vis struct $name:ident { $($body:tt)+ }) => {
        $crate::config!(@struct $style, [$($about),*], $vis, $name, $($body)+);
    };
    (@struct $style:ident, [$($about:literal),*], $vis:vis, $name:ident, $(
        $(#[doc = $doc:literal])*
        #[config($($attr:tt)+)]
        $field_vis:vis $field:ident: $ty:ty,
    )+) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name { $($(#[doc = $doc])* $field_vis $field: $ty,)+ }

        impl $crate::config::Config for $name {
            fn define(def: &mut Vec<$crate::config_key::ConfigKey>) {
                $($crate::config!(@define def, $style, [$($doc),*], $ty, $($attr)+);)+
            }
            fn read(reader: &mut $crate::config::Reader<'_>) -> Option<Self> {
                $(let $field: Option<$ty> = $crate::config!(@read reader, $ty, $($attr)+);)+
                Some(Self { $($field: $field?,)+ })
            }
            fn def() -> &'static $crate::config_key::ConfigDef {
                static DEF: std::sync::OnceLock<$crate::config_key::ConfigDef> = std::sync::OnceLock::new();
                DEF.get_or_init(|| {
                    let mut keys = Vec::new();
                    <Self as $crate::config::Config>::define(&mut keys);
                    $crate::config_key::ConfigDef::new(keys)
                })
            }
        }
    };
    (@define $def:ident, $style:ident, [$($doc:literal),*], $ty:ty, flatten) => {
        <$ty as $crate::config::Config>::define($def)
    };
    (@define $def:ident, $style:ident, [$($doc:literal),*], $ty:ty, prefix = $prefix:literal) => { () };
    (@define $def:ident, $style:ident, [$($doc:literal),*], $ty:ty,
        key = $key:literal, group = $group:literal, importance = $importance:ident
        $(, default = $default:literal)? $(, old_default = ($beside:literal, $old_default:literal))?
        $(, aliases = [$($alias:literal),+])? $(, display = $display:literal)? $(, width = $width:ident)?) => {
        $def.push(
            $crate::config_key::ConfigKey::of::<$ty>($key, &[$($doc),*], $group, $crate::config_key::Importance::$importance)
                .style($crate::config_key::MessageStyle::$style)
                $(.default($default))?
                $(.old_default($beside, $old_default))?
                $(.aliases(&[$($alias),+]))?
                $(.display($display))?
                $(.width($crate::config_key::Width::$width))?
        )
    };
    (@read $reader:ident, $ty:ty, flatten) => { <$ty as $crate::config::Config>::read($reader) };
    (@read $reader:ident, $ty:ty, prefix = $prefix:literal) => { Some($reader.prefixed($prefix)) };
    (@read $reader:ident, $ty:ty, key = $key:literal, $($rest:tt)*) => { $reader.setting::<$ty>($key) };
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "declared as a connector would")]
mod tests {
    use crate::{Config, ConfigError, Password, Props};

    config! {
        /// Which tables.
        pub struct Filter {
            /// Tables to capture.
            #[config(key = "table.include.list", group = "Events", importance = Medium, default = "", aliases = ["table.whitelist"])]
            pub include: Vec<String>,
        }
    }
    config! {
        /// An example.
        #[style = Debezium]
        pub struct Example {
            /// TCP port.
            #[config(key = "database.port", group = "Connection", importance = High, default = "3306", display = "Port")]
            pub port: u16,
            #[config(flatten)]
            pub tables: Filter,
            /// Password.
            #[config(key = "database.password", group = "Connection", importance = High)]
            pub password: Option<Password>,
            /// Prefix of all topics.
            #[config(key = "topic.prefix", group = "Topics", importance = High)]
            pub prefix: String,
            #[config(prefix = "driver.")]
            pub driver: Props,
        }
    }

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn one_declaration_reads_defaults_old_names_and_prefixes() {
        let given = props(&[
            ("topic.prefix", "srv"),
            ("table.whitelist", "a.b, a.c"),
            ("driver.x", "1"),
            ("database.password", "s3cret"),
        ]);
        let example = Example::parse(&given).expect("all settings are right");
        assert_eq!((example.port, example.prefix.as_str()), (3306, "srv"));
        assert_eq!(example.tables.include, ["a.b", "a.c"]);
        assert_eq!(example.driver, props(&[("x", "1")]));
        assert_eq!(format!("{:?}", example.password), "Some([hidden])");
    }

    #[test]
    fn every_wrong_setting_is_reported_at_once() {
        let errors = Example::parse(&props(&[("database.port", "x")])).expect_err("two settings are wrong");
        assert_eq!(
            errors,
            [
                ConfigError::new("database.port", "The 'database.port' value is invalid: An integer is expected"),
                ConfigError::new("topic.prefix", "The 'topic.prefix' value is invalid: A value is required"),
            ]
        );
    }
}
