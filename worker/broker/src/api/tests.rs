//! Every request at every version that is announced: the answer can be encoded and read again. And whatever bytes come
//! instead, nothing panics.

use std::{
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::*,
    protocol::{Decodable, Encodable, StrBytes},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Outcome, handle};
use crate::{
    config::BrokerConfig,
    connection::Peer,
    core::Core,
    wire::{Api, Request},
};

struct Fixture {
    core: Core,
    /// Its timers are made by requests that wait; they are never let run.
    runtime: tokio::runtime::Runtime,
    directory: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("broker-api-{}", Uuid::new_v4()));
        let mut config = BrokerConfig::new(&directory, SocketAddr::from(([127, 0, 0, 1], 0)));
        // Fuzzed requests make topics too; few of them are as good as many.
        config.limits.partitions = 20;
        let core = Core::open(config, 9092).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { core, runtime, directory }
    }

    /// Handles a frame until it waits for something; `None` when it is refused, or wants no answer, or waits.
    fn ask(&self, frame: Bytes) -> Option<BytesMut> {
        let request = Request::parse(frame).ok()?;
        let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 1)) };
        let _inside = self.runtime.enter();
        let handled = pin!(handle(&self.core, &peer, request));
        match handled.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(Outcome::Answer(frame))) => Some(frame.load().unwrap()),
            Poll::Ready(Ok(Outcome::Silence | Outcome::Close(_)) | Err(_)) | Poll::Pending => None,
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.into())
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A frame of one API and version, and whether the answer to it can be read.
struct Sample {
    api: ApiKey,
    version: i16,
    frame: Bytes,
    readable: fn(Bytes, i16) -> Result<(), String>,
}

fn readable<A: Decodable>(mut body: Bytes, version: i16) -> Result<(), String> {
    A::decode(&mut body, version).map_err(|error| error.to_string())?;
    if body.is_empty() { Ok(()) } else { Err(format!("{} bytes are left over", body.len())) }
}

fn frame<Q: Encodable>(api: ApiKey, version: i16, request: &Q) -> Bytes {
    let mut out = BytesMut::new();
    RequestHeader::default()
        .with_request_api_key(api as i16)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(text("test")))
        .encode(&mut out, api.request_header_version(version))
        .unwrap();
    request.encode(&mut out, version).unwrap_or_else(|error| panic!("{api:?} {version}: {error}"));
    out.freeze()
}

/// One sample for each version that is announced.
fn each<Q: Encodable, A: Decodable>(api: ApiKey, make: impl Fn(i16) -> Q) -> Vec<Sample> {
    let spoken = Api::of(api).unwrap();
    let sample = |version| Sample { api, version, frame: frame(api, version, &make(version)), readable: readable::<A> };
    (spoken.oldest..=spoken.newest).map(sample).collect()
}

fn since<T: Default>(version: i16, first: i16, value: T) -> T {
    if version >= first { value } else { T::default() }
}

fn until<T: Default>(version: i16, last: i16, value: T) -> T {
    if version <= last { value } else { T::default() }
}

mod samples;

#[test]
fn every_api_answers_at_every_version() {
    let fixture = Fixture::new();
    let samples = samples::all();
    let mut answered: Vec<(i16, i16)> = Vec::new();
    for sample in &samples {
        let (api, version) = (sample.api, sample.version);
        let request = Request::parse(sample.frame.clone());
        assert!(request.is_ok(), "{api:?} {version}: {request:?}");
        answered.push((api as i16, version));
        // A join waits for others; what it answers is seen in its refusals and by real clients.
        let Some(answer) = fixture.ask(sample.frame.clone()) else {
            assert!(api == ApiKey::JoinGroup, "{api:?} {version} gives no answer");
            continue;
        };
        let header = if api.response_header_version(version) >= 1 { 9 } else { 8 };
        assert_eq!(answer[4..8], 77_i32.to_be_bytes(), "{api:?} {version}");
        let body = answer.freeze().slice(header..);
        assert_eq!((sample.readable)(body, version), Ok(()), "{api:?} {version}");
    }
    answered.sort_unstable();
    let mut announced: Vec<(i16, i16)> =
        Api::all().iter().flat_map(|api| (api.oldest..=api.newest).map(|version| (api.key as i16, version))).collect();
    announced.sort_unstable();
    assert_eq!(answered, announced);
}

#[test]
fn a_newer_client_learns_the_versions_in_version_zero() {
    let fixture = Fixture::new();
    let mut request = BytesMut::new();
    request.put_i16(ApiKey::ApiVersions as i16);
    request.put_i16(99);
    request.put_i32(5);
    request.put_slice(b"whatever is in versions to come");
    let answer = fixture.ask(request.freeze()).unwrap().freeze();
    let answer = ApiVersionsResponse::decode(&mut answer.slice(8..), 0).unwrap();
    assert_eq!(answer.error_code, 35);
    assert_eq!(answer.api_keys.len(), Api::all().len());
}

/// An array that claims billions of elements must not make the codec reserve memory for them.
#[test]
fn a_length_that_lies_is_refused_before_the_codec_believes_it() {
    for sample in samples::all() {
        for at in 8..sample.frame.len().saturating_sub(3) {
            let mut lying = BytesMut::from(&sample.frame[..]);
            lying[at..at + 4].copy_from_slice(&i32::MAX.to_be_bytes());
            // Whether it is refused depends on what stood there; that this returns is the test.
            drop(Request::parse(lying.freeze()));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(key in 0_i16..80, version in -1_i16..20, rest in prop::collection::vec(any::<u8>(), 0..200)) {
        thread_local! {
            static FIXTURE: Fixture = Fixture::new();
        }
        let mut frame = BytesMut::new();
        frame.put_i16(key);
        frame.put_i16(version);
        frame.put_slice(&rest);
        FIXTURE.with(|fixture| drop(fixture.ask(frame.freeze())));
    }

    #[test]
    fn no_damaged_request_makes_it_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        thread_local! {
            static FIXTURE: (Fixture, Vec<Sample>) = (Fixture::new(), samples::all());
        }
        FIXTURE.with(|(fixture, samples)| {
            let mut frame = BytesMut::from(&which.get(samples).frame[..]);
            for (at, value) in &changes {
                // The key and version stay, so that the damage is in what they announce.
                let at = 4 + at.index(frame.len() - 4);
                frame[at] = *value;
            }
            if let Some(cut) = cut {
                frame.truncate(cut.index(frame.len()));
            }
            drop(fixture.ask(frame.freeze()));
        });
    }
}
