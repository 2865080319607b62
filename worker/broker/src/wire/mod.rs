//! The wire: which requests this broker speaks, and the checks that come before the codec sees a foreign byte.

pub(crate) mod apis;
mod fetch_answer;
mod frame;
mod layout;
mod shape;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable},
};

pub(crate) use apis::Api;
pub(crate) use fetch_answer::FetchedTopic;
pub(crate) use frame::{Frame, Part};

/// Why a request is refused before anybody acts on it; the connection is closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the request is too short for its header")]
    Short,
    #[error("api key {0} is not known")]
    UnknownApi(i16),
    #[error("version {version} of {api:?} is not supported")]
    UnsupportedVersion { api: ApiKey, version: i16 },
    #[error("the body of {api:?} version {version} is malformed: {reason}")]
    Malformed { api: ApiKey, version: i16, reason: String },
    #[error("the answer to {api:?} version {version} has no encoding: {reason}")]
    Unencodable { api: ApiKey, version: i16, reason: String },
}

/// A request whose header is read and whose body has been walked, so that decoding it is safe.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: Option<String>,
    pub(crate) body: Bytes,
}

impl Request {
    /// Reads the header of one frame (without its length) and checks the body against its layout.
    pub(crate) fn parse(mut frame: Bytes) -> Result<Self, WireError> {
        if frame.len() < 8 {
            return Err(WireError::Short);
        }
        let key = i16::from_be_bytes([frame[0], frame[1]]);
        let version = i16::from_be_bytes([frame[2], frame[3]]);
        let correlation_id = i32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]);
        let api = ApiKey::try_from(key).map_err(|()| WireError::UnknownApi(key))?;
        let spoken = Api::of(api).ok_or(WireError::UnknownApi(key))?;
        if !spoken.speaks(version) {
            // A client that is newer than this broker learns the versions from an answer in version 0.
            if api == ApiKey::ApiVersions {
                return Ok(Self { api, version, correlation_id, client_id: None, body: Bytes::new() });
            }
            return Err(WireError::UnsupportedVersion { api, version });
        }
        let malformed = |reason: String| WireError::Malformed { api, version, reason };
        shape::check_header(&frame, spoken.flexible(version)).map_err(|error| malformed(error.to_string()))?;
        let header = RequestHeader::decode(&mut frame, api.request_header_version(version))
            .map_err(|error| malformed(error.to_string()))?;
        shape::check_body(&frame, spoken, version).map_err(|error| malformed(error.to_string()))?;
        let client_id = header.client_id.map(|id| id.to_string());
        Ok(Self { api, version, correlation_id, client_id, body: frame })
    }

    /// The request of this API, decoded from the body that [`Request::parse`] has checked.
    pub(crate) fn decode<T: Decodable>(&mut self) -> Result<T, WireError> {
        let body = std::mem::take(&mut self.body);
        decode_checked(self.api, self.version, body)
    }

    /// Writes a whole response frame: length, header and body.
    pub(crate) fn answer<T: Encodable>(&self, response: &T) -> Result<BytesMut, WireError> {
        encode_frame(self.api, self.version, self.correlation_id, response)
    }
}

fn decode_checked<T: Decodable>(api: ApiKey, version: i16, mut body: Bytes) -> Result<T, WireError> {
    let malformed = |reason: String| WireError::Malformed { api, version, reason };
    T::decode(&mut body, version).map_err(|error| malformed(error.to_string()))
}

/// Room for the answers of most requests; a larger one grows the buffer.
const FRAME_CAPACITY: usize = 256;

pub(crate) fn encode_frame<T: Encodable>(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &T,
) -> Result<BytesMut, WireError> {
    let unencodable = |reason: String| WireError::Unencodable { api, version, reason };
    let size = response.compute_size(version).map_err(|error| unencodable(error.to_string()))?;
    let mut out = begin_frame(api, version, correlation_id, size)?;
    response.encode(&mut out, version).map_err(|error| unencodable(error.to_string()))?;
    end_frame(api, version, &mut out, 0)?;
    Ok(out)
}

/// A response frame with its header, and room for the length and a body of about `size` bytes.
fn begin_frame(api: ApiKey, version: i16, correlation_id: i32, size: usize) -> Result<BytesMut, WireError> {
    let mut out = BytesMut::with_capacity(size + FRAME_CAPACITY);
    out.put_i32(0);
    ResponseHeader::default()
        .with_correlation_id(correlation_id)
        .encode(&mut out, api.response_header_version(version))
        .map_err(|error| WireError::Unencodable { api, version, reason: error.to_string() })?;
    Ok(out)
}

/// Writes the length, that of what is sent between the bytes (`more`) included.
fn end_frame(api: ApiKey, version: i16, out: &mut BytesMut, more: usize) -> Result<(), WireError> {
    let reason = "it is longer than 2 GiB".to_owned();
    let length = i32::try_from(out.len() - 4 + more);
    let length = length.map_err(|_| WireError::Unencodable { api, version, reason })?;
    out[..4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::MetadataRequest;

    #[test]
    fn a_request_for_all_topics_is_read_as_librdkafka_writes_it() {
        // Metadata version 12: no list of topics, two flags, no tagged fields, and three zeros more.
        let mut frame = BytesMut::new();
        frame.put_slice(&[0, 3, 0, 12, 0, 0, 0, 7, 0, 1, b'c', 0]);
        frame.put_slice(&[0, 0, 0, 0, 0, 0, 0]);
        let mut request = Request::parse(frame.freeze()).expect("a request that Kafka takes");
        let decoded: MetadataRequest = request.decode().expect("a body that Kafka takes");
        assert_eq!(decoded, MetadataRequest::default().with_topics(None).with_allow_auto_topic_creation(false));
    }
}
