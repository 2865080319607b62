//! Answers of the server: what became of each operation of a bulk request.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// What the server says about a bulk request.
#[derive(Debug)]
pub(crate) enum BulkAnswer {
    AllDone,
    /// One for each operation, in their order.
    Items(Vec<Item>),
}

/// What became of one operation.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) status: u16,
    pub(crate) error: Option<Cause>,
}

/// Why an operation failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) ty: String,
    pub(crate) reason: String,
    /// Kinds of the causes behind it, outermost first.
    pub(crate) behind: Vec<String>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ty.is_empty(), self.reason.is_empty()) {
            (false, false) => write!(f, "{}: {}", self.ty, self.reason),
            _ => write!(f, "{}{}", self.ty, self.reason),
        }
    }
}

impl BulkAnswer {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        if head_says_done(body) {
            return Ok(Self::AllDone);
        }
        #[derive(Deserialize)]
        struct Answer {
            errors: Option<bool>,
            items: Vec<Item>,
        }
        let answer: Answer = serde_json::from_slice(body)?;
        Ok(if answer.errors == Some(false) { Self::AllDone } else { Self::Items(answer.items) })
    }
}

/// Whether the first members of the answer, before the items, already say that nothing failed.
///
/// The items are two thirds of the bytes, and reading them to learn nothing costs more than all the rest.
fn head_says_done(body: &[u8]) -> bool {
    let Some(mut rest) = body.strip_prefix(b"{") else { return false };
    loop {
        if let Some(value) = rest.strip_prefix(b"\"errors\":") {
            return value.starts_with(b"false");
        }
        let Some(number) = rest.strip_prefix(b"\"took\":").or_else(|| rest.strip_prefix(b"\"ingest_took\":")) else {
            return false;
        };
        let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match number[digits..].strip_prefix(b",") {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

/// An item is an object with one member, named as its operation.
impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Inner {
            #[serde(default)]
            status: u16,
            #[serde(default)]
            error: Option<Cause>,
        }
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = Item;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the result of an operation")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let mut item = Item { status: 0, error: None };
                while map.next_key::<IgnoredAny>()?.is_some() {
                    let inner: Inner = map.next_value()?;
                    item = Item { status: inner.status, error: inner.error };
                }
                Ok(item)
            }
        }
        deserializer.deserialize_map(Named)
    }
}

/// An error is an object with a kind and a reason, or, in some answers, a text.
impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&serde_json::Value::deserialize(deserializer)?))
    }
}

impl Cause {
    fn of(error: &serde_json::Value) -> Self {
        let member = |value: &serde_json::Value, name: &str| {
            value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        if let Some(text) = error.as_str() {
            return Self { reason: text.to_owned(), ..Self::default() };
        }
        let mut cause = Self { ty: member(error, "type"), reason: member(error, "reason"), behind: Vec::new() };
        let mut behind = error.get("caused_by");
        while let Some(next) = behind.filter(|next| next.is_object()) {
            cause.behind.push(member(next, "type"));
            let reason = member(next, "reason");
            if !reason.is_empty() && !cause.reason.contains(&reason) {
                cause.reason = format!("{} ({reason})", cause.reason);
            }
            behind = next.get("caused_by");
        }
        cause
    }

    /// The reason that the body of a failed call gives; its first bytes when it is not the server's own form.
    pub(crate) fn of_call(body: &[u8]) -> Self {
        const SHOWN_BYTES_MAX: usize = 300;
        if let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body)
            && let Some(error) = answer.get("error")
        {
            return Self::of(error);
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES_MAX)]);
        Self { reason: text.trim().to_owned(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_answer_is_known_by_its_head() {
        assert!(head_says_done(br#"{"took":3,"errors":false,"items":[{"#));
        assert!(head_says_done(br#"{"errors":false,"took":3,"items":[{"#));
        assert!(head_says_done(br#"{"took":3,"ingest_took":5,"errors":false"#));
        assert!(!head_says_done(br#"{"took":3,"errors":true,"items":[]}"#));
        assert!(!head_says_done(br#"{"items":[{"x":"errors\":false"}]}"#));
        assert!(matches!(
            BulkAnswer::parse(br#"{ "took": 1, "errors" : false, "items":[] }"#),
            Ok(BulkAnswer::AllDone)
        ));
    }

    #[test]
    fn items_bring_status_and_cause() {
        let body = br#"{"took":3,"errors":true,"items":[
            {"index":{"_index":"i","_id":"a","status":200}},
            {"delete":{"status":404,"result":"not_found"}},
            {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"failed",
              "caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"x\""}}}}]}"#;
        let Ok(BulkAnswer::Items(items)) = BulkAnswer::parse(body) else { panic!("items") };
        assert_eq!(items.iter().map(|item| item.status).collect::<Vec<_>>(), [200, 404, 400]);
        let cause = items[2].error.as_ref().expect("an error");
        assert_eq!(cause.to_string(), "document_parsing_exception: failed (For input string: \"x\")");
        assert_eq!(cause.behind, ["illegal_argument_exception"]);
        assert!(items[0].error.is_none() && items[1].error.is_none());
    }

    proptest::proptest! {
        /// What a proxy or a broken server sends is no reason to panic.
        #[test]
        fn any_bytes_are_read_or_refused(mut body in proptest::collection::vec(proptest::num::u8::ANY, 0..80), cut in 0..200_usize) {
            drop(BulkAnswer::parse(&body));
            Cause::of_call(&body);
            let good = br#"{"took":3,"errors":true,"items":[{"index":{"status":400,"error":{"type":"x","reason":"y"}}}]}"#;
            body.splice(0..0, good[..cut.min(good.len())].iter().copied());
            drop(BulkAnswer::parse(&body));
            Cause::of_call(&body);
        }
    }

    #[test]
    fn a_failed_call_says_why_in_any_form() {
        let check = |body: &[u8], expected: &str| assert_eq!(Cause::of_call(body).to_string(), expected);
        check(br#"{"error":{"type":"x","reason":"y"},"status":400}"#, "x: y");
        check(br#"{"error":"Incorrect HTTP method","status":405}"#, "Incorrect HTTP method");
        check(b"<html>bad gateway</html>", "<html>bad gateway</html>");
        check(b"", "");
    }
}
