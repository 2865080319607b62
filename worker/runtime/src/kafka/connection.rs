//! One connection to one broker, for the few requests that librdkafka can't make for us.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    security::Security,
    tls::{Tls, TlsStream},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use connect_api::{Error, Props, Result};
use kafka_protocol::{
    messages::{MetadataRequest, RequestHeader, ResponseHeader},
    protocol::{Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer},
};
use openssl::x509::X509VerifyResult;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::metrics::worker::ConnectionFigures;

/// No answer to these requests is nearly this long; a longer one is a TLS or HTTP port answering.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const CONNECT: Duration = Duration::from_secs(10);

/// Whether any of the bootstrap servers takes this client; the error says why the last one does not. librdkafka would
/// say the same in its log only, and try again for ever.
pub async fn ensure_reachable(java: &Props) -> Result<()> {
    let mut connection = Connection::bootstrap(java, &Arc::default()).await?;
    // With TLS 1.3 a broker refuses a certificate only after the client has taken the handshake for done, and one that
    // wants a login closes at the first question.
    let question = MetadataRequest::default().with_topics(Some(Vec::new()));
    connection.request(4, &question, CONNECT).await.map(drop).map_err(|error| match java.get("security.protocol") {
        Some(_) => error,
        None => Error::retriable(format!("{} (does it want TLS or a login? see security.protocol)", error.message())),
    })
}

/// Both kinds of stream, with and without TLS.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn connect(address: &str) -> Result<TcpStream> {
    timeout(CONNECT, TcpStream::connect(address))
        .await
        .map_err(|_| Error::retriable(format!("could not connect to {address} within {}s", CONNECT.as_secs())))?
        .map_err(|error| Error::retriable(format!("could not connect to {address}: {error}")))
}

/// Speaks TLS on a connection that was just made.
async fn secure(stream: TcpStream, address: &str, tls: &Tls) -> Result<TlsStream> {
    let (connector, check_names) = tls.connector()?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let prepared = connector.configure().map(|configuration| configuration.verify_hostname(check_names));
    let stream = prepared
        .and_then(|configuration| configuration.into_ssl(host))
        .and_then(|session| TlsStream::new(session, stream))
        .map_err(|error| Error::config(format!("could not prepare TLS for {address}: {error}")));
    let mut stream = stream?;
    let failed = match timeout(CONNECT, stream.connect()).await {
        Ok(Ok(())) => return Ok(stream),
        Ok(Err(error)) => error,
        Err(_) => return Err(Error::retriable(format!("{address} did not answer in TLS, is this its TLS port?"))),
    };
    let verdict = stream.session().verify_result();
    if verdict != X509VerifyResult::OK {
        return Err(Error::config(format!("the certificate of {address} is not trusted: {}", verdict.error_string())));
    }
    // A port without TLS closes or answers nonsense; so does a broker that is about to stop.
    let failed = match failed.into_io_error() {
        Ok(error) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Error::retriable(format!("could not speak TLS with {address}: {failed}")))
}

/// What TLS calls an alert: the broker says what it does not like, most of all about this client's certificate.
fn refusal(address: &str, error: &io::Error) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<openssl::ssl::Error>()?;
    let alert =
        error.ssl_error()?.errors().iter().filter_map(|error| error.reason()).find(|why| why.contains("alert"))?;
    Some(Error::config(format!("{address} refused this client in TLS: {alert}")))
}

/// Requests and answers one at a time.
pub struct Connection {
    stream: Box<dyn Duplex>,
    client_id: StrBytes,
    correlation: i32,
    address: String,
    figures: Arc<ConnectionFigures>,
    /// When the broker will want a new login, a little early.
    stale: Option<Instant>,
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
        let security = Security::of(java)?;
        let stream = connect(address).await?;
        stream
            .set_nodelay(true)
            .map_err(|error| Error::retriable(format!("could not connect to {address}: {error}")))?;
        let stream: Box<dyn Duplex> = match &security.tls {
            Some(tls) => Box::new(secure(stream, address, tls).await?),
            None => Box::new(stream),
        };
        let client_id = java.get("client.id").cloned().unwrap_or_default();
        figures.open.add(1);
        figures.opened.add(1);
        let mut connection = Self {
            stream,
            client_id: StrBytes::from_string(client_id),
            correlation: 0,
            address: address.to_owned(),
            figures: figures.clone(),
            stale: None,
        };
        if let Some(login) = &security.login {
            let result = super::sasl::log_in(&mut connection, login).await;
            if result.is_ok() { &figures.log_ins } else { &figures.failed_log_ins }.add(1);
            result?;
        }
        Ok(connection)
    }

    /// The broker at the other end.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn lives_for(&mut self, lifetime: Duration) {
        self.stale = Some(Instant::now() + lifetime.mul_f64(0.85));
    }

    /// Whether the login is about to end, so that a new connection should take this one's place.
    pub(super) fn is_stale(&self) -> bool {
        self.stale.is_some_and(|stale| Instant::now() >= stale)
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
            self.stream.flush().await?;
            self.figures.requests.add(1);
            self.figures.request_size.record(body.len() as f64);
            self.figures.bytes_out.add(body.len());
            self.read_answer().await
        };
        let failed = |reason: String| Error::retriable(format!("lost the connection to {address}: {reason}"));
        let mut answer = match timeout(wait, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(refusal(&address, &error).unwrap_or_else(|| failed(error.to_string()))),
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
