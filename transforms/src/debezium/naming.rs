//! Names of schemas and fields made fit for Avro, as `schema.name.adjustment.mode` asks.

use connect_api::setting_enum;

setting_enum! {
    /// How names are adjusted.
    pub(crate) enum NameAdjustment {
        #[default]
        None = "none",
        /// What Avro does not allow becomes an underscore.
        Avro = "avro",
        /// What Avro does not allow becomes `_u` and its code; an underscore becomes two.
        AvroUnicode = "avro_unicode",
    }
}

impl NameAdjustment {
    pub(crate) fn adjust(self, name: &str) -> String {
        if self == NameAdjustment::None {
            return name.to_owned();
        }
        let mut out = String::with_capacity(name.len());
        for (at, c) in name.chars().enumerate() {
            match c {
                '_' if self == NameAdjustment::AvroUnicode => out.push_str("_u005f"),
                c if c.is_ascii_alphabetic() || c == '_' => out.push(c),
                c if c.is_ascii_digit() && at == 0 && self == NameAdjustment::Avro => {
                    out.push('_');
                    out.push(c);
                }
                c if (c.is_ascii_digit() || c == '.') && at > 0 => out.push(c),
                c if self == NameAdjustment::AvroUnicode => out.push_str(&format!("_u{:04x}", u32::from(c))),
                _ => out.push('_'),
            }
        }
        out
    }
}
