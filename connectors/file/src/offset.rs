//! Where a source is in its file, as the worker stores it: `{"filename": f}` is at `{"position": bytes}`.

use std::sync::Arc;

use connect_api::{OffsetChange, OffsetMap, Str, Value};

use crate::error::FileError;

const FILENAME: Str = Str::from_static("filename");
const POSITION: Str = Str::from_static("position");

/// Standard input has no name.
pub(crate) fn partition(path: Option<&str>) -> Arc<OffsetMap> {
    Arc::new(OffsetMap(vec![(FILENAME, path.map_or(Value::Null, Value::from))]))
}

/// The offset behind a line; standard input has no positions to come back to.
pub(crate) fn offset(position: Option<u64>) -> Arc<OffsetMap> {
    let position = position.map_or(Value::Null, |at| Value::Int64(i64::try_from(at).unwrap_or(i64::MAX)));
    Arc::new(OffsetMap(vec![(POSITION, position)]))
}

/// The position in a stored offset; none stored is the beginning.
pub(crate) fn position(stored: Option<&OffsetMap>) -> Result<u64, FileError> {
    match stored.and_then(|offset| offset.get(&POSITION)) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value.as_i64().and_then(|at| u64::try_from(at).ok()).ok_or(FileError::StoredPosition),
    }
}

/// Refuses what no source could start from; the sentences are those of the JVM.
pub(crate) fn check(path: Option<&str>, changes: &[OffsetChange<'_>]) -> Result<(), FileError> {
    if path.is_none() {
        return Err(FileError::Offsets(
            "Offsets cannot be modified if the 'file' configuration is unspecified. This is because stdin is used for \
             input and offsets are not tracked.",
        ));
    }
    let wanted = changes.iter().filter_map(|(partition, offset)| offset.map(|offset| (partition, offset)));
    for (partition, offset) in wanted {
        let problem = match offset.get(&POSITION) {
            None => "Offset objects should either be null or contain the key 'position'",
            Some(Value::Int64(at)) if *at < 0 => {
                "The value for the 'position' key in the offset should be a non-negative value"
            }
            Some(Value::Int64(_)) if partition.get(&FILENAME).is_none() => {
                "Partition objects should contain the key 'filename'"
            }
            Some(Value::Int64(_)) => continue,
            Some(_) => "The value for the 'position' key in the offset is expected to be a Long value",
        };
        return Err(FileError::Offsets(problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, Value)]) -> OffsetMap {
        OffsetMap(pairs.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
    }

    #[test]
    fn a_stored_position_is_read_back() {
        let check = |at: u64| assert_eq!(position(Some(&offset(Some(at)))).unwrap(), at);
        check(0);
        check(5_000_000_000);
        assert_eq!(position(None).unwrap(), 0);
        assert!(position(Some(&map(&[("position", "7".into())]))).is_err());
        assert!(position(Some(&map(&[("position", Value::Int64(-1))]))).is_err());
    }

    #[test]
    fn offsets_that_no_source_could_start_from_are_refused() {
        let check_pair = |partition: OffsetMap, offset: Option<OffsetMap>, expected: &str| {
            let message = check(Some("f"), &[(&partition, offset.as_ref())]).err().map(|error| error.to_string());
            assert_eq!(message.unwrap_or_default(), expected);
        };
        let file = || map(&[("filename", "f".into())]);
        let at = |value: Value| Some(map(&[("position", value)]));
        check_pair(file(), at(Value::Int64(4)), "");
        check_pair(map(&[("filename", Value::Int64(5))]), at(Value::Int64(1)), "");
        check_pair(map(&[]), None, "");
        check_pair(map(&[]), at(Value::Int64(1)), "Partition objects should contain the key 'filename'");
        check_pair(file(), Some(map(&[])), "Offset objects should either be null or contain the key 'position'");
        let no_long = "The value for the 'position' key in the offset is expected to be a Long value";
        check_pair(file(), at("12".into()), no_long);
        check_pair(file(), at(Value::Float64(1.5)), no_long);
        check_pair(
            file(),
            at(Value::Int64(-1)),
            "The value for the 'position' key in the offset should be a non-negative value",
        );
        assert!(check(None, &[]).is_err());
    }
}
