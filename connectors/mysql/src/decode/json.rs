//! MySQL's binary JSON as text, in the form in which the binlog client of the JVM writes it: without blanks, objects in
//! the server's order of keys.

use base64::{Engine, engine::general_purpose};
use connect_api::{decimal as number, java};
use connect_cdc::decimal::Unscaled;

use super::{DecodeError, binlog, table_map::code, wire::Reader};

/// The server nests no deeper.
const DEPTH_MAX: usize = 100;

const DAMAGED: DecodeError = DecodeError::Damaged("a JSON document is damaged");

mod kind {
    pub(super) const SMALL_OBJECT: u8 = 0;
    pub(super) const LARGE_OBJECT: u8 = 1;
    pub(super) const SMALL_ARRAY: u8 = 2;
    pub(super) const LARGE_ARRAY: u8 = 3;
    pub(super) const LITERAL: u8 = 4;
    pub(super) const INT16: u8 = 5;
    pub(super) const UINT16: u8 = 6;
    pub(super) const INT32: u8 = 7;
    pub(super) const UINT32: u8 = 8;
    pub(super) const INT64: u8 = 9;
    pub(super) const UINT64: u8 = 10;
    pub(super) const DOUBLE: u8 = 11;
    pub(super) const STRING: u8 = 12;
    pub(super) const OPAQUE: u8 = 15;
}

/// The text of a document.
pub(crate) fn text(document: &[u8]) -> Result<String, DecodeError> {
    let (kind, value) = document.split_first().ok_or(DAMAGED)?;
    let mut writer = Writer { text: String::with_capacity(document.len()), budget: document.len() };
    writer.value(*kind, value, 0)?;
    Ok(writer.text)
}

struct Writer {
    text: String,
    /// Bytes of the document not yet written out: damaged offsets may point to one value from many places, and each
    /// level of that would multiply the text.
    budget: usize,
}

impl Writer {
    fn spend(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.budget = self.budget.checked_sub(bytes).ok_or(DAMAGED)?;
        Ok(())
    }

    fn value(&mut self, kind: u8, bytes: &[u8], depth: usize) -> Result<(), DecodeError> {
        self.spend(1)?;
        let mut reader = Reader::new(bytes);
        match kind {
            kind::SMALL_OBJECT | kind::LARGE_OBJECT => self.container(bytes, true, kind == kind::LARGE_OBJECT, depth),
            kind::SMALL_ARRAY | kind::LARGE_ARRAY => self.container(bytes, false, kind == kind::LARGE_ARRAY, depth),
            kind::LITERAL => {
                self.text.push_str(match reader.u8()? {
                    0 => "null",
                    1 => "true",
                    2 => "false",
                    _ => return Err(DAMAGED),
                });
                Ok(())
            }
            kind::INT16 => self.push(i16::from_le_bytes(reader.array()?)),
            kind::UINT16 => self.push(reader.u16_le()?),
            kind::INT32 => self.push(i32::from_le_bytes(reader.array()?)),
            kind::UINT32 => self.push(reader.u32_le()?),
            kind::INT64 => self.push(i64::from_le_bytes(reader.array()?)),
            kind::UINT64 => self.push(reader.u64_le()?),
            kind::DOUBLE => {
                self.text.push_str(&double(f64::from_le_bytes(reader.array()?)));
                Ok(())
            }
            kind::STRING => {
                let length = variable_length(&mut reader)?;
                let bytes = reader.take(length)?;
                self.string(bytes)
            }
            kind::OPAQUE => self.opaque(&mut reader),
            _ => Err(DAMAGED),
        }
    }

    fn push(&mut self, number: impl std::fmt::Display) -> Result<(), DecodeError> {
        use std::fmt::Write;
        write!(self.text, "{number}").map_err(|_| DAMAGED)
    }

    /// Count, size, entries of the keys, entries of the values, then keys and values themselves.
    fn container(&mut self, bytes: &[u8], object: bool, large: bool, depth: usize) -> Result<(), DecodeError> {
        if depth >= DEPTH_MAX {
            return Err(DAMAGED);
        }
        let width = if large { 4 } else { 2 };
        let mut reader = Reader::new(bytes);
        let count = reader.uint_le(width)? as usize;
        let size = reader.uint_le(width)? as usize;
        let bytes = bytes.get(..size).ok_or(DAMAGED)?;
        let key_entry = width + 2;
        let keys_at = 2 * width;
        let values_at = if object { keys_at + count.checked_mul(key_entry).ok_or(DAMAGED)? } else { keys_at };
        self.text.push(if object { '{' } else { '[' });
        for at in 0..count {
            if at > 0 {
                self.text.push(',');
            }
            if object {
                let mut entry = Reader::at(bytes, keys_at + at * key_entry);
                let (offset, length) = (entry.uint_le(width)? as usize, usize::from(entry.u16_le()?));
                let key = Reader::at(bytes, offset).take(length)?;
                self.string(key)?;
                self.text.push(':');
            }
            let mut entry = Reader::at(bytes, values_at + at * (1 + width));
            let kind = entry.u8()?;
            // Small values stand in the entry itself, larger ones where it points to.
            let inlined = match kind {
                kind::LITERAL | kind::INT16 | kind::UINT16 => true,
                kind::INT32 | kind::UINT32 => large,
                _ => false,
            };
            let value = if inlined {
                entry.take(width)?
            } else {
                bytes.get(entry.uint_le(width)? as usize..).ok_or(DAMAGED)?
            };
            self.value(kind, value, depth + 1)?;
        }
        self.text.push(if object { '}' } else { ']' });
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.spend(bytes.len())?;
        self.text.push('"');
        for character in String::from_utf8_lossy(bytes).chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                control if control < ' ' => self.text.push_str(&format!("\\u{:04X}", u32::from(control))),
                other => self.text.push(other),
            }
        }
        self.text.push('"');
        Ok(())
    }

    /// A value of a column type that JSON does not have.
    fn opaque(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let field_type = reader.u8()?;
        let length = variable_length(reader)?;
        let bytes = reader.take(length)?;
        self.spend(bytes.len())?;
        match field_type {
            code::NEWDECIMAL | code::DECIMAL => {
                let mut reader = Reader::new(bytes);
                let (precision, scale) = (usize::from(reader.u8()?), usize::from(reader.u8()?));
                if precision > 65 || scale > precision {
                    return Err(DAMAGED);
                }
                let unscaled: Unscaled = binlog::decimal(&mut reader, precision, scale)?;
                self.text.push_str(&number::plain_text(&unscaled.to_bytes(), scale as i32));
            }
            code::DATE | code::DATETIME | code::TIMESTAMP | code::TIME => {
                let packed = i64::from_le_bytes(Reader::new(bytes).array()?);
                self.text.push('"');
                self.text.push_str(&temporal(field_type, packed));
                self.text.push('"');
            }
            _ => {
                self.text.push('"');
                self.text.push_str(&general_purpose::STANDARD.encode(bytes));
                self.text.push('"');
            }
        }
        Ok(())
    }
}

/// Seven bits a byte, lowest first; the high bit tells that more follow.
fn variable_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let mut length = 0_usize;
    for shift in (0..35).step_by(7) {
        let byte = reader.u8()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(DAMAGED)
}

/// As Java writes a double, but where that takes an exponent: then all its digits.
fn double(value: f64) -> String {
    let text = java::double_text(value);
    if !text.contains('E') {
        return text;
    }
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    // No double has more digits behind its point.
    const FRACTION_MAX: usize = 1074;
    format!("{value:.FRACTION_MAX$}").trim_end_matches('0').to_owned()
}

fn temporal(field_type: u8, packed: i64) -> String {
    let (sign, packed) = if packed < 0 { ("-", packed.unsigned_abs()) } else { ("", packed.unsigned_abs()) };
    let (whole, micros) = (packed >> 24, packed & 0xff_ffff);
    let (hour, minute, second) = (whole >> 12 & 0x1f, whole >> 6 & 0x3f, whole & 0x3f);
    let days = whole >> 17;
    let (year, month, day) = ((days >> 5) / 13, (days >> 5) % 13, days & 0x1f);
    let fraction = match micros {
        0 => String::new(),
        micros => format!(".{micros:06}").trim_end_matches('0').to_owned(),
    };
    match field_type {
        code::DATE => format!("{year:04}-{month:02}-{day:02}"),
        code::TIME => {
            let hours = whole >> 12 & 0x3ff;
            format!("{sign}{hours:02}:{minute:02}:{second:02}{fraction}")
        }
        _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_out() {
        assert_eq!(double(2.5), "2.5");
        assert_eq!(double(1.0), "1.0");
        assert_eq!(
            double(1e100),
            "10000000000000000159028911097599180468360808563945281389781327557747838772170381060813469985856815104"
        );
        assert_eq!(
            double(1e-10),
            "0.00000000010000000000000000364321973154977415791655470655996396089904010295867919921875"
        );
    }

    #[test]
    fn a_document_that_points_to_itself_is_damaged() {
        // An array of two whose elements are the array itself.
        let document = [kind::SMALL_ARRAY, 2, 0, 10, 0, kind::SMALL_ARRAY, 0, 0, kind::SMALL_ARRAY, 0, 0];
        assert_eq!(text(&document), Err(DAMAGED));
    }
}
