//! Columns whose values are hidden or cut: `column.mask.with.N.chars`, `column.mask.hash...` and `column.truncate.to.N.chars`.
//!
//! Masks change the row of a record; its key keeps the value that the database has.

use connect_api::{Schema, Type, Value};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// What a setting asks for, by its name. Which columns it means is the setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskRule {
    /// So many asterisks.
    Stars(usize),
    /// At most so many characters.
    Truncate(usize),
    Hash {
        algorithm: Algorithm,
        salt: String,
        version: HashVersion,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Which bytes of a value are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashVersion {
    /// The value as Java serializes it.
    V1,
    /// Its UTF-8.
    V2,
}

impl MaskRule {
    /// Reads the name of a setting; `None` when it is no mask, an error when it is one that can't be read.
    pub fn parse(setting: &str) -> Option<Result<Self, String>> {
        let count = |text: &str| {
            let digits = text.strip_suffix(".chars")?;
            digits.parse().ok()
        };
        if let Some(rest) = setting.strip_prefix("column.mask.with.") {
            return Some(count(rest).map(Self::Stars).ok_or_else(|| unreadable(setting)));
        }
        if let Some(rest) = setting.strip_prefix("column.truncate.to.") {
            return Some(count(rest).map(Self::Truncate).ok_or_else(|| unreadable(setting)));
        }
        let rest = setting.strip_prefix("column.mask.hash.")?;
        let (version, rest) = match rest.strip_prefix("v2.") {
            Some(rest) => (HashVersion::V2, rest),
            None => (HashVersion::V1, rest),
        };
        let Some((name, salt)) = rest.split_once(".with.salt.") else { return Some(Err(unreadable(setting))) };
        Some(match Algorithm::by_name(name) {
            Some(algorithm) => Ok(Self::Hash { algorithm, salt: salt.to_owned(), version }),
            None => Err(format!("{name} is no known hash; use MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512")),
        })
    }

    /// The rule for one column of a schema and, where the database has one, a length.
    ///
    /// An error when the column is no text: a value that should be hidden must not pass as it is.
    pub fn for_column(&self, schema: &Schema, length: Option<i32>) -> Result<Mask, String> {
        if schema.ty != Type::String {
            return Err(format!("only text can be masked or truncated, not {}", schema.ty.java_name()));
        }
        let length = length.and_then(|length| usize::try_from(length).ok()).filter(|length| *length > 0);
        Ok(Mask { rule: self.clone(), length })
    }
}

fn unreadable(setting: &str) -> String {
    // The salt stands in the name, and secrets stay out of messages (Invariant 8).
    let shown = setting.split(".with.salt.").next().unwrap_or_default();
    format!("the setting {shown} has no readable number of characters or hash")
}

impl Algorithm {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MD5" => Self::Md5,
            "SHA" | "SHA1" | "SHA-1" => Self::Sha1,
            "SHA-224" => Self::Sha224,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            _ => return None,
        })
    }

    /// The digest of salt and value, in lower-case hexadecimal.
    fn hex(self, salt: &[u8], value: &[u8]) -> String {
        fn digest<D: Digest>(salt: &[u8], value: &[u8]) -> String {
            let digest = D::new().chain_update(salt).chain_update(value).finalize();
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        match self {
            Self::Md5 => digest::<Md5>(salt, value),
            Self::Sha1 => digest::<Sha1>(salt, value),
            Self::Sha224 => digest::<Sha224>(salt, value),
            Self::Sha256 => digest::<Sha256>(salt, value),
            Self::Sha384 => digest::<Sha384>(salt, value),
            Self::Sha512 => digest::<Sha512>(salt, value),
        }
    }
}

/// A rule applied to one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    rule: MaskRule,
    length: Option<usize>,
}

impl Mask {
    /// The schema of the column in a record's row: it tells that values are not the database's.
    pub fn schema(&self, schema: &Schema) -> Schema {
        let builder = schema.to_builder();
        match self.rule {
            MaskRule::Truncate(length) => builder.parameter("truncateLength", length.to_string()),
            MaskRule::Stars(_) | MaskRule::Hash { .. } => builder.parameter("masked", "true"),
        }
        .build()
    }

    pub fn value(&self, value: Value) -> Value {
        match (&self.rule, value) {
            // Even the absence of a value stays hidden.
            (MaskRule::Stars(count), _) => "*".repeat(*count).into(),
            (MaskRule::Truncate(count), Value::String(text)) => match cut_at(&text, *count) {
                Some(at) => text[..at].into(),
                None => Value::String(text),
            },
            (MaskRule::Hash { algorithm, salt, version }, Value::String(text)) => {
                let mut hash = match version {
                    HashVersion::V1 => algorithm.hex(salt.as_bytes(), &java_serialized(&text)),
                    HashVersion::V2 => algorithm.hex(salt.as_bytes(), text.as_bytes()),
                };
                if let Some(length) = self.length {
                    hash.truncate(length);
                }
                hash.into()
            }
            (_, value) => value,
        }
    }
}

/// Where text ends after so many UTF-16 units, Java's characters; `None` when it is not longer.
fn cut_at(text: &str, units: usize) -> Option<usize> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        // A character of two units that only half fits is left out whole.
        match left.checked_sub(character.len_utf16()) {
            Some(rest) => left = rest,
            None => return Some(at),
        }
    }
    None
}

/// What `ObjectOutputStream.writeObject` makes of a string.
fn java_serialized(text: &str) -> Vec<u8> {
    let body = modified_utf8(text);
    let mut bytes = vec![0xac, 0xed, 0, 5];
    match u16::try_from(body.len()) {
        Ok(length) => {
            bytes.push(0x74);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x7c);
            bytes.extend((body.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(body);
    bytes
}

/// Java's own UTF-8: zero takes two bytes, and both halves of a surrogate pair three each.
fn modified_utf8(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match unit {
            1..=0x7f => bytes.push(unit as u8),
            0 | 0x80..=0x7ff => bytes.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
            _ => bytes.extend([0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use connect_api::SchemaBuilder;

    use super::*;

    fn mask(setting: &str, length: Option<i32>) -> Mask {
        let schema = SchemaBuilder::string().optional().build();
        MaskRule::parse(setting).unwrap().unwrap().for_column(&schema, length).unwrap()
    }

    /// The values of the golden scenarios 045 and 046.
    #[test]
    fn values_are_masked_as_the_jvm_masks_them() {
        let check = |setting: &str, length, value: &str, expected: &str| {
            assert_eq!(mask(setting, length).value(value.into()), expected.into(), "{setting} {value}");
        };
        check("column.mask.with.5.chars", Some(20), "4111111111111111", "*****");
        check("column.mask.with.0.chars", Some(20), "4111111111111111", "");
        check("column.truncate.to.4.chars", Some(40), "žluť漢😀x", "žluť");
        check("column.truncate.to.6.chars", Some(40), "žluť漢😀x", "žluť漢");
        check("column.truncate.to.6.chars", None, "short", "short");
        let sha256 = "column.mask.hash.SHA-256.with.salt.CzQMA0cB5K";
        check(sha256, None, "short", "707833d68a558462d510f2d15bae65b00436087142b73af900bb8c7057a4fddc");
        check(sha256, None, "", "7b061bc77caec9afdc6b986ab6c4de894d58006b32ac0f7ea728404a5cf3a9e5");
        let v2 = "column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K";
        check(v2, Some(10), "dd", "990f1d908b");
        let md5 = "column.mask.hash.MD5.with.salt.s1";
        check(md5, Some(40), "žluť漢😀x", "8226440e296122046c0f2ba4e69df428");
        check(md5, Some(8), "secret", "7618ada8");
    }

    #[test]
    fn null_stays_null_but_behind_asterisks() {
        assert_eq!(mask("column.mask.with.5.chars", None).value(Value::Null), "*****".into());
        assert_eq!(mask("column.truncate.to.5.chars", None).value(Value::Null), Value::Null);
        assert_eq!(mask("column.mask.hash.MD5.with.salt.s", None).value(Value::Null), Value::Null);
    }

    #[test]
    fn names_of_settings() {
        assert_eq!(MaskRule::parse("column.include.list"), None);
        let error = MaskRule::parse("column.mask.hash.ROT13.with.salt.secret").unwrap().unwrap_err();
        assert!(!error.contains("secret"));
        assert!(MaskRule::parse("column.mask.with.x.chars").unwrap().is_err());
        let number = SchemaBuilder::int32().build();
        assert!(MaskRule::Stars(5).for_column(&number, None).is_err());
        let schema = mask("column.truncate.to.4.chars", None).schema(&SchemaBuilder::string().build());
        assert_eq!(schema.parameter("truncateLength").map(|text| text.to_string()), Some("4".to_owned()));
    }
}
