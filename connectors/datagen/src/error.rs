//! What can be wrong with a schema, and that a source has made all it was to make.

use connect_api::Error;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DatagenError {
    #[error("the schema is no JSON: {0}")]
    Json(serde_json::Error),
    /// Something in the schema, with the way to it, such as `orders.address.zipcode`.
    #[error("{at}: {problem}")]
    Schema { at: String, problem: String },
    #[error("the schema is of type {0}, but it must be a record")]
    NoRecord(&'static str),
    #[error("could not read schema file '{path}' on this worker: {source}")]
    File { path: String, source: std::io::Error },
    #[error("the schema has no field '{0}' to make keys of")]
    NoKeyField(String),
    #[error("exactly one of quickstart, schema.string and schema.filename must be set")]
    NotOneSchema,
    /// In the words of the original, for which scripts look.
    #[error("Stopping connector: generated the configured {0} number of messages")]
    Finished(u64),
    #[error("the stored offset has no number '{0}'; delete the connector's offsets to begin anew")]
    StoredOffset(&'static str),
}

impl DatagenError {
    pub(crate) fn schema(at: &str, problem: impl Into<String>) -> Self {
        Self::Schema { at: at.to_owned(), problem: problem.into() }
    }
}

impl From<DatagenError> for Error {
    fn from(error: DatagenError) -> Self {
        let message = error.to_string();
        match error {
            DatagenError::Json(_)
            | DatagenError::Schema { .. }
            | DatagenError::NoRecord(_)
            | DatagenError::File { .. }
            | DatagenError::NoKeyField(_)
            | DatagenError::NotOneSchema => Error::config(message),
            DatagenError::Finished(_) | DatagenError::StoredOffset(_) => Error::fatal(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_api::ErrorKind;

    #[test]
    fn every_failure_has_its_kind() {
        let check = |error: DatagenError, kind: ErrorKind| assert_eq!(Error::from(error).kind(), kind);
        let json = serde_json::from_str::<serde_json::Value>("{").unwrap_err();
        check(DatagenError::Json(json), ErrorKind::Config);
        check(DatagenError::schema("a", "b"), ErrorKind::Config);
        check(DatagenError::NoRecord("STRING"), ErrorKind::Config);
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        check(DatagenError::File { path: "f".into(), source }, ErrorKind::Config);
        check(DatagenError::NoKeyField("f".into()), ErrorKind::Config);
        check(DatagenError::NotOneSchema, ErrorKind::Config);
        check(DatagenError::Finished(3), ErrorKind::Fatal);
        check(DatagenError::StoredOffset("random.seed"), ErrorKind::Fatal);
    }
}
