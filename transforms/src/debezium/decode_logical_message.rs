//! `DecodeLogicalDecodingMessageContent`: a message of PostgreSQL's log becomes the event that its JSON describes.

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Str, Struct, Transform, TransformPlugin, Value, config,
    plugin,
};

use super::event_router::{Nulls, expand};
use crate::row;

config! {
    /// Settings of `DecodeLogicalDecodingMessageContent`.
    pub(crate) struct DecodeMessageConfig {
        /// Whether nulls in the JSON become fields.
        #[config(key = "fields.null.include", group = "", importance = Medium, default = "false", display = "Defines whether to include fields with null values to the decoded structure", width = Medium)]
        nulls: bool,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent",
    config: DecodeMessageConfig::def,
    configure: |props| Ok(Box::new(DecodeMessage::new(props)?)),
};

struct DecodeMessage {
    nulls: Nulls,
}

impl DecodeMessage {
    fn new(props: &Props) -> Result<Self> {
        let config: DecodeMessageConfig = plugin::parse(props)?;
        Ok(Self { nulls: if config.nulls { Nulls::Keep } else { Nulls::LeaveOut } })
    }
}

impl Transform for DecodeMessage {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let name = record.value.schema.as_ref().and_then(|schema| schema.name.as_ref());
        if name.is_none_or(|name| name != "io.debezium.connector.postgresql.MessageValue") {
            return Ok(Fate::Kept);
        }
        let Value::Struct(event) = &record.value.value else { return Ok(Fate::Kept) };
        // Messages are few, so their parts are found by name.
        let content = event.get("message").and_then(Value::as_struct).and_then(|message| message.get("content"));
        let Some(Value::Bytes(content)) = content else { return Ok(Fate::Kept) };
        let text = std::str::from_utf8(content).ok().and_then(|text| expand(text, self.nulls));
        let Some(decoded) = text.filter(|decoded| matches!(decoded.value, Value::Struct(_))) else {
            return Err(Error::data("the content of a logical decoding message is no JSON object"));
        };
        let mut fields = Vec::new();
        let mut values = Vec::new();
        for (field, value) in event.schema().fields().into_iter().flatten().zip(event.values()) {
            if field.name == "message" {
                continue;
            }
            fields.push(field.clone());
            values.push(if field.name == "op" { Value::String(Str::from_static("c")) } else { value.clone() });
        }
        if let Some(schema) = decoded.schema {
            fields.push(Field { name: Str::from_static("after"), schema });
            values.push(decoded.value);
        }
        let schema = row::schema_like(event.schema(), fields)?;
        record.value = Struct::new(schema, values).into();
        Ok(Fate::Kept)
    }
}
