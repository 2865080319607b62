//! Transforms of Apache Kafka under the names that Confluent's collection gives them.

use connect_api::{Config, TransformPlugin, plugin::Side};

use crate::{
    flatten::{Flatten, FlattenConfig},
    replace_field::{ReplaceField, ReplaceFieldConfig},
};

pub(crate) const FLATTEN_KEY: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.Flatten$Key",
    config: FlattenConfig::def,
    configure: |props| Ok(Box::new(Flatten::new(props, Side::Key)?)),
};

pub(crate) const FLATTEN_VALUE: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.Flatten$Value",
    config: FlattenConfig::def,
    configure: |props| Ok(Box::new(Flatten::new(props, Side::Value)?)),
};

pub(crate) const REPLACE_FIELD_KEY: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.ReplaceField$Key",
    config: ReplaceFieldConfig::def,
    configure: |props| Ok(Box::new(ReplaceField::new(props, Side::Key)?)),
};

pub(crate) const REPLACE_FIELD_VALUE: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.ReplaceField$Value",
    config: ReplaceFieldConfig::def,
    configure: |props| Ok(Box::new(ReplaceField::new(props, Side::Value)?)),
};
