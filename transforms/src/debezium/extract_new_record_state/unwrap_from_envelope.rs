//! `UnwrapFromEnvelope`, as `ExtractNewRecordState` was called before version 1, with the settings that it had then.

use connect_api::{Config, Props, Result, TransformPlugin, config, plugin};

use super::{
    ExtractNewRecordState, FieldReference,
    config::{Deletes, Settings, Tombstones},
};

config! {
    /// Settings of `UnwrapFromEnvelope`.
    pub(crate) struct UnwrapFromEnvelopeConfig {
        /// Whether tombstones are dropped.
        #[config(key = "drop.tombstones", group = "", importance = Low, default = "true", display = "Drop tombstones", width = Long)]
        drop_tombstones: bool,
        /// Whether deletes are dropped; they become tombstones otherwise.
        #[config(key = "drop.deletes", group = "", importance = Low, default = "true", display = "Drop outgoing tombstones", width = Long)]
        drop_deletes: bool,
        /// Whether the kind of change becomes the header __op.
        #[config(key = "operation.header", group = "", importance = Low, default = "false", display = "Adds a message header representing the applied operation", width = Long)]
        operation_header: bool,
        /// Fields of the source block to add to the row, with two underscores before their names.
        #[config(key = "add.source.fields", group = "", importance = Low, default = "", display = "Adds the specified fields from the 'source' field from the payload if they exist.", width = Long)]
        source_fields: Vec<String>,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.UnwrapFromEnvelope",
    config: UnwrapFromEnvelopeConfig::def,
    configure: |props| Ok(Box::new(ExtractNewRecordState::of(settings(props)?))),
};

fn settings(props: &Props) -> Result<Settings> {
    let config: UnwrapFromEnvelopeConfig = plugin::parse(props)?;
    let header = if config.operation_header { vec![FieldReference::parse("op", "__")?] } else { Vec::new() };
    let source = |field: &String| FieldReference::parse(&format!("source.{field}:{field}"), "__");
    Ok(Settings {
        tombstones: if config.drop_tombstones { Tombstones::Drop } else { Tombstones::Keep },
        deletes: if config.drop_deletes { Deletes::Drop } else { Deletes::TombstoneWithSchema },
        route_by: None,
        fields: config.source_fields.iter().map(source).collect::<Result<_>>()?,
        headers: header,
        drop_header: None,
        drop_from_key: false,
        keep_compatible: true,
        replace_nulls: true,
    })
}
