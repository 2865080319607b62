//! Tokens for admin clients. Other clients ask for one when they need it, but the `rdkafka` crate does not let an admin
//! client ask, so it is handed its tokens before each call, through librdkafka's own interface.
#![allow(unsafe_code, reason = "the crate has no safe call for this")]

use std::ffi::{CStr, CString, c_char};

use connect_api::{Error, Result};
use rdkafka::{
    bindings::rd_kafka_oauthbearer_set_token,
    client::{Client, OAuthToken},
    error::RDKafkaErrorCode,
};

use super::client::LogContext;

/// librdkafka cuts its reasons to the room it is given.
const REASON_BYTES: usize = 512;

/// Hands a client its token.
pub(super) fn hand_over(client: &Client<LogContext>, token: OAuthToken) -> Result<()> {
    let text = |text: String| CString::new(text).map_err(|_| Error::config("a token has a zero byte in it"));
    let (value, principal) = (text(token.token)?, text(token.principal_name)?);
    let mut reason: [c_char; REASON_BYTES] = [0; REASON_BYTES];
    // SAFETY: the client lives for the length of the call, both texts end with a zero and are copied by librdkafka, and
    // `reason` is as long as it is said to be.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            value.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            reason.as_mut_ptr(),
            reason.len(),
        )
    };
    if RDKafkaErrorCode::from(code) == RDKafkaErrorCode::NoError {
        return Ok(());
    }
    // SAFETY: librdkafka ends what it writes with a zero, and the array was all zeros before.
    let reason = unsafe { CStr::from_ptr(reason.as_ptr()) };
    Err(Error::config(format!("the Kafka client refuses its token: {}", reason.to_string_lossy())))
}
