//! The few answers REST gives to what can't be done.

use connect_api::{Error, ErrorKind};

use crate::herder::request::Refusal;

/// An error as it goes over the wire: `{"error_code":409,"message":"..."}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestError {
    pub status: u16,
    pub message: String,
}

impl RestError {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"error_code": self.status, "message": self.message})
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }
}

impl From<Refusal> for RestError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(message) => Self::not_found(message),
            Refusal::Exists(message) | Refusal::Conflict(message) => Self::new(409, message),
            Refusal::Invalid(message) => Self::bad_request(message),
            Refusal::Failed(message) => Self::internal(message),
            Refusal::NotLeader(_) => Self::new(
                409,
                "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.",
            ),
        }
    }
}

impl From<Error> for RestError {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Config => 400,
            ErrorKind::Retriable | ErrorKind::Data | ErrorKind::Fatal => 500,
        };
        Self::new(status, error.message())
    }
}
