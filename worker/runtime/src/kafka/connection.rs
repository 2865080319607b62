//! One connection to one broker, for the few requests that librdkafka can't make for us.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use connect_api::{Error, Props, Result};
use kafka_protocol::{
    messages::{RequestHeader, ResponseHeader},
    protocol::{Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::metrics::worker::ConnectionFigures;

/// No answer to these requests is nearly this long; a longer one is a TLS or HTTP port answering.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const CONNECT: Duration = Duration::from_secs(10);

/// Whether any of the bootstrap servers takes connections; the error says why the last one does not.
pub async fn ensure_reachable(servers: &str) -> Result<()> {
    let mut last = Error::config("bootstrap.servers is empty");
    for address in servers.split(',').map(str::trim).filter(|address| !address.is_empty()) {
        let address = address.rsplit("://").next().unwrap_or(address);
        match connect(address).await {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect(address: &str) -> Result<TcpStream> {
    timeout(CONNECT, TcpStream::connect(address))
        .await
        .map_err(|_| Error::retriable(format!("could not connect to {address} within {}s", CONNECT.as_secs())))?
        .map_err(|error| Error::retriable(format!("could not connect to {address}: {error}")))
}

/// Requests and answers one at a time.
pub struct Connection {
    stream: TcpStream,
    client_id: StrBytes,
    correlation: i32,
    address: String,
    figures: Arc<ConnectionFigures>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.figures.open.add(-1);
        self.figures.closed.add(1);
    }
}

impl Connection {
    /// Connects and logs in with the security settings of a client, given by their Java names.
    pub async fn open(address: &str, java: &Props, figures: &Arc<ConnectionFigures>) -> Result<Self> {
        let protocol = java.get("security.protocol").map_or("PLAINTEXT", String::as_str);
        if !matches!(protocol.to_ascii_uppercase().as_str(), "PLAINTEXT" | "SASL_PLAINTEXT") {
            return Err(Error::config(format!(
                "security.protocol {protocol} is not supported for the worker's group yet"
            )));
        }
        let stream = connect(address).await?;
        stream
            .set_nodelay(true)
            .map_err(|error| Error::retriable(format!("could not connect to {address}: {error}")))?;
        let client_id = java.get("client.id").cloned().unwrap_or_default();
        figures.open.add(1);
        figures.opened.add(1);
        let mut connection = Self {
            stream,
            client_id: StrBytes::from_string(client_id),
            correlation: 0,
            address: address.to_owned(),
            figures: figures.clone(),
        };
        if protocol.to_ascii_uppercase().starts_with("SASL") {
            let result = super::sasl::log_in(&mut connection, java).await;
            if result.is_ok() { &figures.log_ins } else { &figures.failed_log_ins }.add(1);
            result?;
        }
        Ok(connection)
    }

    /// Connects to the first of the bootstrap servers that answers.
    pub async fn bootstrap(java: &Props, figures: &Arc<ConnectionFigures>) -> Result<Self> {
        let servers = java.get("bootstrap.servers").map(String::as_str).unwrap_or_default();
        let mut last = Error::config("bootstrap.servers is empty");
        for address in servers.split(',').map(str::trim).filter(|address| !address.is_empty()) {
            let address = address.rsplit("://").next().unwrap_or(address);
            match Self::open(address, java, figures).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends one request and waits for its answer.
    pub async fn request<R: Request>(&mut self, version: i16, request: &R, wait: Duration) -> Result<R::Response> {
        let body = self.encode(version, request)?;
        let address = self.address.clone();
        let exchange = async {
            self.stream.write_all(&body).await?;
            self.figures.requests.add(1);
            self.figures.request_size.record(body.len() as f64);
            self.figures.bytes_out.add(body.len());
            self.read_answer().await
        };
        let failed = |reason: String| Error::retriable(format!("lost the connection to {address}: {reason}"));
        let mut answer = match timeout(wait, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed(format!("no answer within {} ms", wait.as_millis()))),
        };
        let broken = |error: &dyn std::fmt::Display| failed(format!("an answer can't be read: {error}"));
        let header =
            ResponseHeader::decode(&mut answer, R::Response::header_version(version)).map_err(|e| broken(&e))?;
        if header.correlation_id != self.correlation {
            return Err(broken(&"it belongs to another request"));
        }
        R::Response::decode(&mut answer, version).map_err(|e| broken(&e))
    }

    fn encode<R: Request>(&mut self, version: i16, request: &R) -> Result<Bytes> {
        self.correlation = self.correlation.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(self.client_id.clone()));
        let mut out = BytesMut::new();
        out.put_i32(0);
        let wrong = |error: &dyn std::fmt::Display| Error::fatal(format!("could not encode a request: {error}"));
        encode_request_header_into_buffer(&mut out, &header).map_err(|e| wrong(&e))?;
        request.encode(&mut out, version).map_err(|e| wrong(&e))?;
        let length = i32::try_from(out.len() - 4).map_err(|e| wrong(&e))?;
        out[..4].copy_from_slice(&length.to_be_bytes());
        Ok(out.freeze())
    }

    async fn read_answer(&mut self) -> io::Result<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).await?;
        let length = usize::try_from((&length[..]).get_i32()).unwrap_or(usize::MAX);
        if length > ANSWER_BYTES_MAX {
            return Err(io::Error::other("the answer is too long, this is no Kafka port"));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        self.figures.answers.add(1);
        self.figures.bytes_in.add(4 + length);
        Ok(answer.into())
    }
}
