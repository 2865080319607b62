//! Character sets of columns: which one, and how its bytes become text.

use connect_api::{Bytes, Str};
use encoding_rs::Encoding;

/// How the bytes of a text column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Utf8,
    Table(&'static Encoding),
    Utf32,
}

impl Charset {
    /// By the server's name of the character set. What is unknown is read as UTF-8.
    pub(crate) fn by_name(name: &str) -> Self {
        use encoding_rs as e;
        let encoding = match name.to_ascii_lowercase().as_str() {
            // MySQL's latin1 is Windows' code page.
            "latin1" => e::WINDOWS_1252,
            "latin2" => e::ISO_8859_2,
            "latin5" => e::WINDOWS_1254,
            "latin7" => e::ISO_8859_13,
            "greek" => e::ISO_8859_7,
            "hebrew" => e::ISO_8859_8,
            "cp1250" => e::WINDOWS_1250,
            "cp1251" => e::WINDOWS_1251,
            "cp1256" => e::WINDOWS_1256,
            "cp1257" => e::WINDOWS_1257,
            "cp866" => e::IBM866,
            "koi8r" => e::KOI8_R,
            "koi8u" => e::KOI8_U,
            "macroman" => e::MACINTOSH,
            "tis620" => e::WINDOWS_874,
            "big5" => e::BIG5,
            "gb2312" | "gbk" => e::GBK,
            "gb18030" => e::GB18030,
            "sjis" | "cp932" => e::SHIFT_JIS,
            "ujis" | "eucjpms" => e::EUC_JP,
            "euckr" => e::EUC_KR,
            "ucs2" | "utf16" => e::UTF_16BE,
            "utf16le" => e::UTF_16LE,
            "utf32" => return Self::Utf32,
            _ => return Self::Utf8,
        };
        Self::Table(encoding)
    }

    /// By the number of a collation, as TABLE_MAP events name it; `None` when it is unknown.
    pub(crate) fn by_collation(id: u64) -> Option<Self> {
        let name = match id {
            // MariaDB: the variants without padding, and those of UCA 14.
            1024..=2047 => return Self::by_collation(id - 1024),
            2048..=2559 => "utf8mb4",
            2560..=2815 => "ucs2",
            2816..=3071 => "utf16",
            3072..=3327 => "utf32",
            33 | 76 | 83 | 192..=223 | 576..=578 | 45 | 46 | 224..=247 | 255..=323 | 11 | 63 | 65 => "utf8mb4",
            5 | 8 | 15 | 31 | 47..=49 | 94 => "latin1",
            2 | 9 | 21 | 27 | 77 => "latin2",
            30 | 78 => "latin5",
            20 | 41 | 42 | 79 => "latin7",
            25 | 70 => "greek",
            16 | 71 => "hebrew",
            26 | 34 | 44 | 66 | 99 => "cp1250",
            14 | 23 | 50..=52 => "cp1251",
            57 | 67 => "cp1256",
            29 | 58 | 59 => "cp1257",
            36 | 68 => "cp866",
            7 | 74 => "koi8r",
            22 | 75 => "koi8u",
            39 | 53 => "macroman",
            18 | 89 => "tis620",
            1 | 84 => "big5",
            24 | 86 => "gb2312",
            28 | 87 => "gbk",
            248..=250 => "gb18030",
            13 | 88 => "sjis",
            95 | 96 => "cp932",
            12 | 91 => "ujis",
            97 | 98 => "eucjpms",
            19 | 85 => "euckr",
            35 | 90 | 128..=151 | 159 | 358..=360 => "ucs2",
            54 | 55 | 101..=124 => "utf16",
            56 | 62 => "utf16le",
            60 | 61 | 160..=183 => "utf32",
            _ => return None,
        };
        Some(Self::by_name(name))
    }

    /// The text of these bytes; what the character set does not have becomes U+FFFD.
    #[inline]
    pub(crate) fn decode(self, bytes: Bytes) -> Str {
        match self {
            Self::Utf8 => utf8(bytes),
            Self::Table(encoding) => {
                let (text, _) = encoding.decode_without_bom_handling(&bytes);
                text.into_owned().into()
            }
            Self::Utf32 => {
                let character = |unit: &[u8; 4]| char::from_u32(u32::from_be_bytes(*unit)).unwrap_or('\u{fffd}');
                bytes.as_chunks::<4>().0.iter().map(character).collect::<String>().into()
            }
        }
    }
}

#[inline]
fn utf8(bytes: Bytes) -> Str {
    // Short text is checked twice sooner than a second handle on its buffer is counted up and down.
    const SHORT: usize = 256;
    let kept = if bytes.len() > SHORT || std::str::from_utf8(&bytes).is_err() { bytes.clone() } else { Bytes::new() };
    Str::from_utf8(bytes).unwrap_or_else(|_| String::from_utf8_lossy(&kept).into_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_by_its_character_set() {
        let check = |name: &str, bytes: &'static [u8], expected: &str| {
            assert_eq!(Charset::by_name(name).decode(Bytes::from_static(bytes)), *expected, "{name}");
        };
        check("utf8mb4", "é漢😀".as_bytes(), "é漢😀");
        check("utf8mb4", b"a\xff", "a\u{fffd}");
        check("latin1", b"\xe9\x80", "é€");
        check("gbk", b"\xba\xba", "汉");
        check("ucs2", b"\x6f\x22", "漢");
        check("utf16le", b"\x22\x6f", "漢");
        check("utf32", b"\x00\x01\xf6\x00", "😀");
        assert_eq!(Charset::by_collation(8), Some(Charset::by_name("latin1")));
        assert_eq!(Charset::by_collation(1032), Some(Charset::by_name("latin1")));
        assert_eq!(Charset::by_collation(9999), None);
    }
}
