//! Names of topics and schemas.

connect_api::setting_enum! {
    /// How schema and field names are made fit for consumers (`schema.name.adjustment.mode`,
    /// `field.name.adjustment.mode`).
    pub enum NameAdjustment {
        #[default]
        None = "none",
        /// Characters that Avro forbids become an underscore.
        Avro = "avro",
        /// Characters that Avro forbids become `_uXXXX`, so that different names stay different.
        AvroUnicode = "avro_unicode",
    }
}

impl NameAdjustment {
    /// The name of a schema; dots part its name space.
    pub fn schema_name(self, name: &str) -> String {
        self.adjust(name, true)
    }

    /// The name of a field.
    pub fn field_name(self, name: &str) -> String {
        self.adjust(name, false)
    }

    fn adjust(self, name: &str, dots: bool) -> String {
        match self {
            NameAdjustment::None => name.to_owned(),
            NameAdjustment::Avro => avro(name, dots),
            NameAdjustment::AvroUnicode => avro_unicode(name, dots),
        }
    }
}

fn avro(name: &str, dots: bool) -> String {
    let mut adjusted = String::with_capacity(name.len() + 1);
    for (at, char) in name.chars().enumerate() {
        if at == 0 && char.is_ascii_digit() {
            adjusted.push('_');
        }
        let allowed = char.is_ascii_alphanumeric() || char == '_' || (dots && char == '.' && at > 0);
        adjusted.push(if allowed { char } else { '_' });
    }
    adjusted
}

fn avro_unicode(name: &str, dots: bool) -> String {
    let mut adjusted = String::with_capacity(name.len() * 2);
    for (at, char) in name.chars().enumerate() {
        let allowed = char.is_ascii_alphabetic() || (at > 0 && (char.is_ascii_digit() || (dots && char == '.')));
        if allowed {
            adjusted.push(char);
            continue;
        }
        let mut units = [0_u16; 2];
        for unit in char.encode_utf16(&mut units) {
            adjusted.push_str(&format!("_u{unit:04x}"));
        }
    }
    adjusted
}

/// Where the records of a connector go (`TopicNamingStrategy`).
#[derive(Clone, Debug)]
pub struct TopicNames {
    pub prefix: String,
    /// `topic.delimiter`
    pub delimiter: String,
    /// `topic.heartbeat.prefix`
    pub heartbeat_prefix: String,
    /// `topic.heartbeat.name`: replaces prefix and connector name.
    pub heartbeat_name: Option<String>,
    /// `topic.transaction`
    pub transaction: String,
}

/// The longest name that Kafka takes.
const TOPIC_LENGTH_MAX: usize = 249;

impl TopicNames {
    pub fn data(&self, parts: &[&str]) -> String {
        topic_name(&self.joined(parts))
    }

    fn joined(&self, parts: &[&str]) -> String {
        let mut name = self.prefix.clone();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            name.push_str(&self.delimiter);
            name.push_str(part);
        }
        name
    }

    pub fn schema_changes(&self) -> String {
        topic_name(&self.prefix)
    }

    pub fn transactions(&self) -> String {
        topic_name(&self.joined(&[&self.transaction]))
    }

    pub fn heartbeats(&self) -> String {
        match &self.heartbeat_name {
            Some(name) => topic_name(name),
            None => topic_name(&format!("{}{}{}", self.heartbeat_prefix, self.delimiter, self.prefix)),
        }
    }
}

/// Replaces what Kafka does not take in a topic name.
pub fn topic_name(name: &str) -> String {
    let char = |char: char| if char.is_ascii_alphanumeric() || "._-".contains(char) { char } else { '_' };
    match name {
        "." => "_".into(),
        ".." => "__".into(),
        name => name.chars().take(TOPIC_LENGTH_MAX).map(char).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_carry_only_what_kafka_takes() {
        let names = TopicNames {
            prefix: "srv".into(),
            delimiter: ".".into(),
            heartbeat_prefix: "__debezium-heartbeat".into(),
            heartbeat_name: None,
            transaction: "transaction".into(),
        };
        assert_eq!(names.data(&["app", "täble x"]), "srv.app.t_ble_x");
        assert_eq!(names.data(&["", "t"]), "srv.t");
        assert_eq!(names.schema_changes(), "srv");
        assert_eq!(names.transactions(), "srv.transaction");
        assert_eq!(names.heartbeats(), "__debezium-heartbeat.srv");
    }

    #[test]
    fn schema_names_are_adjusted_for_avro() {
        assert_eq!(NameAdjustment::None.schema_name("a-b.1c"), "a-b.1c");
        assert_eq!(NameAdjustment::Avro.schema_name("1a-b.c"), "_1a_b.c");
        assert_eq!(NameAdjustment::Avro.field_name("a.b"), "a_b");
        assert_eq!(NameAdjustment::AvroUnicode.schema_name("a_b-c.d"), "a_u005fb_u002dc.d");
    }
}
