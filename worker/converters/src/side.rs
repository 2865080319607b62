//! The setting that every converter has: which side of a record it serves.

use connect_api::{Props, config, plugin::Side};

config! {
    /// What the worker tells each converter.
    pub struct ConverterSide {
        /// Which part of a record the converter serves: key, value or header. The worker sets it.
        #[config(key = "converter.type", group = "", importance = Low)]
        pub side: String,
    }
}

/// Settings with the side as the worker knows it, whatever the user wrote.
pub(crate) fn with_side(props: &Props, side: Side) -> Props {
    with(
        props,
        match side {
            Side::Key => "key",
            Side::Value => "value",
        },
    )
}

/// As [`with_side`], for header converters.
pub(crate) fn with_header(props: &Props) -> Props {
    with(props, "header")
}

fn with(props: &Props, side: &str) -> Props {
    let mut props = props.clone();
    props.insert("converter.type".to_owned(), side.to_owned());
    props
}
