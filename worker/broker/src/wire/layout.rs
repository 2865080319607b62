//! A notation for the bodies of requests, small enough to write each one on a line.
//!
//! `4` is a field of four bytes, `s` a string, `b` bytes, `{4}` an array of such, `[4 s]` an array of structures.
//! `3+4` is a field since version 3, `-2:s` one up to version 2, `8-10:1` one of versions 8 to 10.

/// One field and the versions that have it.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub(super) since: i16,
    pub(super) until: i16,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Fixed(usize),
    Text,
    Bytes,
    /// Elements without tagged fields of their own.
    Values(Box<Kind>),
    Structs(Vec<Field>),
}

/// Reads the notation. It only ever reads the constants of [`super::apis`], which a test parses one and all.
pub(super) fn parse_fields(text: &str) -> Vec<Field> {
    let mut rest = text;
    let fields = fields(&mut rest);
    assert!(rest.is_empty(), "layout {text:?} has something after its end: {rest:?}");
    fields
}

fn fields(rest: &mut &str) -> Vec<Field> {
    let mut fields = Vec::new();
    loop {
        *rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with([']', '}']) {
            return fields;
        }
        let (since, until) = versions(rest);
        fields.push(Field { since, until, kind: kind(rest) });
    }
}

fn number(rest: &mut &str) -> Option<i16> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest[..end].parse().ok()?;
    *rest = &rest[end..];
    Some(number)
}

fn versions(rest: &mut &str) -> (i16, i16) {
    let mut ahead = *rest;
    let first = number(&mut ahead);
    if let (Some(since), Some(after)) = (first, ahead.strip_prefix('+')) {
        *rest = after;
        return (since, i16::MAX);
    }
    if let Some(after) = ahead.strip_prefix('-') {
        ahead = after;
        let until = number(&mut ahead).expect("a layout names the last version after its dash");
        *rest = ahead.strip_prefix(':').expect("a layout has a colon after a range of versions");
        return (first.unwrap_or(0), until);
    }
    (0, i16::MAX)
}

fn kind(rest: &mut &str) -> Kind {
    if let Some(size) = number(rest) {
        return Kind::Fixed(size.unsigned_abs().into());
    }
    let open = rest.chars().next().expect("a layout has a kind for each field");
    *rest = &rest[1..];
    let kind = match open {
        's' => return Kind::Text,
        'b' => return Kind::Bytes,
        '[' => Kind::Structs(fields(rest)),
        '{' => Kind::Values(Box::new(kind(rest))),
        other => panic!("layout has the unknown kind {other:?}"),
    };
    *rest = &rest[1..];
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_reads_versions_and_nesting() {
        let field = |since, until, kind| Field { since, until, kind };
        let everywhere = |kind| field(0, i16::MAX, kind);
        assert_eq!(
            parse_fields("4 7+s -2:b 8-10:1 [s {8}]"),
            [
                everywhere(Kind::Fixed(4)),
                field(7, i16::MAX, Kind::Text),
                field(0, 2, Kind::Bytes),
                field(8, 10, Kind::Fixed(1)),
                everywhere(Kind::Structs(vec![
                    everywhere(Kind::Text),
                    everywhere(Kind::Values(Box::new(Kind::Fixed(8)))),
                ])),
            ]
        );
    }
}
