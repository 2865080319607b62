//! Which names a topic may have, in Kafka's words.

use kafka_protocol::error::ResponseError;

use crate::refusal::Refusal;

pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";
pub(crate) const TRANSACTIONS_TOPIC: &str = "__transaction_state";

const LENGTH_MAX: usize = 249;

/// The topics that hold the broker's own state.
pub(crate) fn internal(name: &str) -> bool {
    name == OFFSETS_TOPIC || name == TRANSACTIONS_TOPIC
}

pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.len() > LENGTH_MAX {
        format!("the length of '{name}' is longer than the max allowed length {LENGTH_MAX}")
    } else if !name.chars().all(legal) {
        format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
    } else {
        return Ok(());
    };
    Err(Refusal::new(ResponseError::InvalidTopicException, format!("Topic name is invalid: {reason}")))
}

/// Names that differ in dots and underscores alone would give the same names of metrics.
pub(crate) fn collide(one: &str, other: &str) -> bool {
    one != other && one.replace('.', "_") == other.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rules() {
        let long = "x".repeat(250);
        let refused = |reason: &str| {
            Err(Refusal::new(ResponseError::InvalidTopicException, format!("Topic name is invalid: {reason}")))
        };
        assert_eq!(check_name("a.B_c-9"), Ok(()));
        assert_eq!(check_name(&long[1..]), Ok(()));
        assert_eq!(check_name(""), refused("the empty string is not allowed"));
        assert_eq!(check_name(".."), refused("'..' is not allowed"));
        assert_eq!(
            check_name(&long),
            refused(&format!("the length of '{long}' is longer than the max allowed length 249"))
        );
        assert_eq!(
            check_name("a b"),
            refused("'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        );
        assert!(collide("a.b", "a_b"));
        assert!(!collide("a.b", "a.b"));
    }
}
