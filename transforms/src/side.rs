//! The two forms of most transforms: one changes keys, one changes values.

use connect_api::{Record, SchemaAndValue, plugin::Side};

/// The half of a record that a transform of this side changes.
pub(crate) fn half(record: &mut Record, side: Side) -> &mut SchemaAndValue {
    match side {
        Side::Key => &mut record.key,
        Side::Value => &mut record.value,
    }
}

/// Declares `KEY` and `VALUE`, the rows of a transform in the worker's table.
macro_rules! key_and_value {
    ($transform:ident, $config:ty) => {
        pub(crate) const KEY: connect_api::TransformPlugin = connect_api::TransformPlugin {
            class: concat!("org.apache.kafka.connect.transforms.", stringify!($transform), "$Key"),
            config: <$config as connect_api::Config>::def,
            configure: |props| Ok(Box::new($transform::new(props, connect_api::plugin::Side::Key)?)),
        };
        pub(crate) const VALUE: connect_api::TransformPlugin = connect_api::TransformPlugin {
            class: concat!("org.apache.kafka.connect.transforms.", stringify!($transform), "$Value"),
            config: <$config as connect_api::Config>::def,
            configure: |props| Ok(Box::new($transform::new(props, connect_api::plugin::Side::Value)?)),
        };
    };
}
pub(crate) use key_and_value;
