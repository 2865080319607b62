//! Settings that are honoured but not shown: those of older versions, and those that a plugin reads without declaring.

use connect_api::{ConfigKey, Error, Importance, Props, Result, Setting};

/// A setting by its name; `None` where it is not given.
pub(crate) fn setting<T: Setting>(props: &Props, name: &'static str) -> Result<Option<T>> {
    let Some(text) = props.get(name) else { return Ok(None) };
    let key = ConfigKey::of::<T>(name, &[], "", Importance::Low);
    if let Some(message) = key.error(props) {
        return Err(Error::config(message));
    }
    Ok(T::parse(text).ok())
}

pub(crate) fn flag(props: &Props, name: &'static str, default: bool) -> Result<bool> {
    Ok(setting(props, name)?.unwrap_or(default))
}

/// Whether settings of older versions are ignored, as the newest versions do.
pub(crate) fn strict(props: &Props) -> Result<bool> {
    flag(props, "millrace.compat.strict", false)
}
