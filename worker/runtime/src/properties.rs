//! The syntax of Java `.properties` files, which worker configurations are written in.

use std::path::Path;

use connect_api::{Error, Props, Result};

/// Reads a file of properties.
pub fn load(path: &Path) -> Result<Props> {
    let text = std::fs::read_to_string(path);
    text.map(|text| parse(&text)).map_err(|error| Error::config(format!("could not read {}: {error}", path.display())))
}

/// Reads properties as `java.util.Properties.load` does: comments, continued lines, escapes; later keys win.
pub fn parse(text: &str) -> Props {
    let mut props = Props::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut logical = line.trim_start().to_owned();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while ends_with_open_escape(&logical) {
            logical.pop();
            match lines.next() {
                Some(next) => logical.push_str(next.trim_start()),
                None => break,
            }
        }
        let (key, value) = split(&logical);
        props.insert(unescape(key), unescape(value));
    }
    props
}

fn ends_with_open_escape(line: &str) -> bool {
    line.len().wrapping_sub(line.trim_end_matches('\\').len()) % 2 == 1
}

/// The key ends at the first unescaped `=`, `:` or blank.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' | ':' => return (&line[..at], line[at + 1..].trim_start()),
            c if c.is_whitespace() => {
                let rest = line[at..].trim_start();
                let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
                return (&line[..at], rest.trim_start());
            }
            _ => {}
        }
    }
    (line, "")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            flush_units(&mut units, &mut out);
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                match u16::from_str_radix(&digits, 16) {
                    // Pairs of surrogates form one character, so units wait for their neighbours.
                    Ok(unit) if digits.len() == 4 => units.push(unit),
                    _ => out.push_str(&digits),
                }
                continue;
            }
            other => {
                flush_units(&mut units, &mut out);
                match other {
                    Some('t') => out.push('\t'),
                    Some('n') => out.push('\n'),
                    Some('r') => out.push('\r'),
                    Some('f') => out.push('\x0c'),
                    Some(c) => out.push(c),
                    None => {}
                }
            }
        }
    }
    flush_units(&mut units, &mut out);
    out
}

fn flush_units(units: &mut Vec<u16>, out: &mut String) {
    if !units.is_empty() {
        out.push_str(&String::from_utf16_lossy(units));
        units.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_reads() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> = parse(text).into_iter().collect();
            let expected: Vec<(String, String)> =
                expected.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            assert_eq!(pairs, expected);
        };
        check("a=1\n# no\n! no\n b : 2 \nc 3\n", &[("a", "1"), ("b", "2 "), ("c", "3")]);
        check("long=one,\\\n   two\n", &[("long", "one,two")]);
        check("path=C\\:\\\\x\\ty\n", &[("path", "C:\\x\ty")]);
        check("k\\=ey=v\nempty=\nbare\n", &[("k=ey", "v"), ("empty", ""), ("bare", "")]);
        check("e=\\u00e9\\ud83d\\ude00\n", &[("e", "é😀")]);
        check("a=1\na=2\n", &[("a", "2")]);
        check("x=ends\\\\\ny=2\n", &[("x", "ends\\"), ("y", "2")]);
    }
}
