//! Settings with limits: a value that exists is within them.

use std::collections::HashSet;

use connect_api::{Setting, config::Problem, config_key::ConfigType};
use reqwest::Url;

/// An `INT` between two limits, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int<const MIN: i64, const MAX: i64>(i32);

/// A `LONG` between two limits, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Long<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    pub fn get(self) -> i32 {
        self.0
    }

    /// The value as a count; a negative one, which some settings use for "none", counts as nothing.
    pub fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }
}

impl<const MIN: i64, const MAX: i64> Long<MIN, MAX> {
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Setting for Int<MIN, MAX> {
    const TYPE: ConfigType = ConfigType::Int;
    fn parse(text: &str) -> Result<Self, Problem> {
        let value = i32::parse(text)?;
        within(value.into(), MIN, MAX).map(|()| Self(value))
    }
}

impl<const MIN: i64, const MAX: i64> Setting for Long<MIN, MAX> {
    const TYPE: ConfigType = ConfigType::Long;
    fn parse(text: &str) -> Result<Self, Problem> {
        let value = i64::parse(text)?;
        within(value, MIN, MAX).map(|()| Self(value))
    }
}

fn within(value: i64, min: i64, max: i64) -> Result<(), Problem> {
    if value < min {
        return Err(Problem::Because(format!("Value must be at least {min}")));
    }
    if value > max {
        return Err(Problem::Because(format!("Value must be no more than {max}")));
    }
    Ok(())
}

/// The servers of a cluster, at least one. A missing scheme means `http`; a `/` at the end does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes(Vec<Url>);

impl Nodes {
    pub fn urls(&self) -> &[Url] {
        &self.0
    }
}

impl Setting for Nodes {
    const TYPE: ConfigType = ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        let urls: Vec<Url> =
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(node).collect::<Result<_, _>>()?;
        if urls.is_empty() {
            return Err(Problem::Because("The list of server addresses must not be empty".into()));
        }
        Ok(Self(urls))
    }
}

fn node(text: &str) -> Result<Url, Problem> {
    let text = text.trim_end_matches('/');
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&full).map_err(|error| Problem::Because(format!("'{}' is no URL: {error}", masked(text))))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Problem::Because(format!(
            "'{}' must start with http:// or https:// and name a host",
            masked(text)
        )));
    }
    Ok(url)
}

/// A URL without the user and password that may stand before its host.
fn masked(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

/// A part of a data stream's name: at most 100 characters, lower case, none of those that index names forbid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPart(String);

impl StreamPart {
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Setting for StreamPart {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let plain = text.replace("${topic}", "");
        if text.chars().count() > 100 {
            return Err(Problem::Because("Value must not be longer than 100 characters".into()));
        }
        if plain.to_lowercase() != plain {
            return Err(Problem::Because("Value must be in lower case".into()));
        }
        if let Some(bad) = plain.chars().find(|c| "\\/*?\"<>| ,#-:".contains(*c)) {
            return Err(Problem::Because(format!("Value must not contain '{bad}'")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Pairs `topic:name`, each topic and each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicMap(Vec<(String, String)>);

impl TopicMap {
    pub fn get(&self, topic: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == topic).map(|(_, name)| name.as_str())
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

impl Setting for TopicMap {
    const TYPE: ConfigType = ConfigType::List;
    fn parse(text: &str) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = Vec::<String>::parse(text)?
            .into_iter()
            .map(|part| match part.split_once(':').map(|(topic, name)| (topic.trim(), name.trim())) {
                Some((topic, name)) if !topic.is_empty() && !name.is_empty() => Ok((topic.to_owned(), name.to_owned())),
                _ => Err(Problem::Because(format!("'{part}' is not of the form topic:name"))),
            })
            .collect::<Result<_, _>>()?;
        let mut topics = HashSet::new();
        if let Some((topic, _)) = pairs.iter().find(|(topic, _)| !topics.insert(topic.clone())) {
            return Err(Problem::Because(format!("topic '{topic}' is mapped twice")));
        }
        Ok(Self(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_get_a_scheme_and_lose_the_slash() {
        let check = |text: &str, expected: &[&str]| {
            let nodes = Nodes::parse(text).expect("good servers");
            assert_eq!(nodes.urls().iter().map(|url| url.as_str()).collect::<Vec<_>>(), expected);
        };
        check("127.0.0.1:9200/", &["http://127.0.0.1:9200/"]);
        check("https://a:1, b:2", &["https://a:1/", "http://b:2/"]);
        let refuse = |text: &str, expected: &str| {
            assert_eq!(Nodes::parse(text), Err(Problem::Because(expected.to_owned())));
        };
        refuse(" , ", "The list of server addresses must not be empty");
        refuse("ftp://u:secret@h", "'h' must start with http:// or https:// and name a host");
    }

    #[test]
    fn parts_of_stream_names_are_limited() {
        assert!(StreamPart::parse("${topic}").is_ok());
        let refuse = |text: &str, expected: &str| {
            assert_eq!(StreamPart::parse(text), Err(Problem::Because(expected.to_owned())));
        };
        refuse("App", "Value must be in lower case");
        refuse("a-b", "Value must not contain '-'");
        refuse(&"a".repeat(101), "Value must not be longer than 100 characters");
    }

    #[test]
    fn a_topic_is_mapped_once() {
        assert_eq!(TopicMap::parse("a:x, b:y:z").map(|map| map.get("b").map(str::to_owned)), Ok(Some("y:z".into())));
        assert_eq!(TopicMap::parse("a"), Err(Problem::Because("'a' is not of the form topic:name".into())));
        assert_eq!(TopicMap::parse("a:x,a:y"), Err(Problem::Because("topic 'a' is mapped twice".into())));
    }

    #[test]
    fn numbers_keep_to_their_limits() {
        assert_eq!(Int::<1, 5>::parse("0"), Err(Problem::Because("Value must be at least 1".into())));
        assert_eq!(Long::<1, 5>::parse("6"), Err(Problem::Because("Value must be no more than 5".into())));
        assert_eq!(Int::<1, 5>::parse("x"), Err(Problem::NotOfType(ConfigType::Int)));
    }
}
