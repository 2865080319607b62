//! The settings of source and sink, under the names of Kafka's own file connectors.

use connect_api::{ConfigType, Setting, config, config::Problem};

config! {
    /// Settings of the file source.
    pub struct FileStreamSourceConfig {
        /// The file to read. Standard input when it is left out.
        #[config(key = "file", group = "", importance = High)]
        pub file: Option<String>,
        /// The topic to write lines to.
        #[config(key = "topic", group = "", importance = High)]
        pub topic: Topic,
        /// How many lines a batch may have.
        #[config(key = "batch.size", group = "", importance = Low, default = "2000")]
        pub batch: i32,
    }
}

config! {
    /// Settings of the file sink.
    pub struct FileStreamSinkConfig {
        /// The file to append to; it is created when it does not exist. Standard output when it is left out.
        #[config(key = "file", group = "", importance = High)]
        pub file: Option<String>,
    }
}

/// The name of a topic, which is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Setting for Topic {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        match text.trim() {
            "" => Err(Problem::Because("String must be non-empty".into())),
            name => Ok(Self(name.to_owned())),
        }
    }
}

/// The path that was given; an empty one is none, as in the JVM.
pub(crate) fn path(file: Option<String>) -> Option<String> {
    file.filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_api::{Config, Props};

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_topic_is_all_that_a_source_needs() {
        let config = FileStreamSourceConfig::parse(&props(&[("topic", "t")])).unwrap();
        assert_eq!((config.file, config.topic.name(), config.batch), (None, "t", 2000));
    }

    #[test]
    fn messages_are_those_of_the_jvm() {
        let check = |pairs: &[(&str, &str)], expected: &[&str]| {
            let errors = FileStreamSourceConfig::parse(&props(pairs)).unwrap_err();
            assert_eq!(errors.into_iter().map(|error| error.message).collect::<Vec<_>>(), expected);
        };
        check(&[], &["Missing required configuration \"topic\" which has no default value."]);
        check(&[("topic", "")], &["Invalid value  for configuration topic: String must be non-empty"]);
        check(
            &[("topic", "t"), ("batch.size", "x")],
            &["Invalid value x for configuration batch.size: Not a number of type INT"],
        );
    }
}
