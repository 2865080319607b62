//! One connection: requests are read, handled and answered one after the other, as Kafka does.

use std::{io, net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
    time::timeout,
};

use crate::{
    api::{self, Outcome},
    core::Core,
    log::Batches,
    metrics,
    server::stop_asked,
    wire::{Frame, Part, Request, WireError},
};

/// Why a connection ends before its client closes it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("a request of {size} bytes is larger than the limit of {limit} bytes, or this is no kafka client")]
    TooLarge { size: i32, limit: usize },
    #[error("nothing was asked for {} seconds", .0.as_secs())]
    Idle(Duration),
    #[error("a request or an answer was not through after {} seconds", .0.as_secs())]
    Slow(Duration),
    #[error("a request that wants no answer failed: {0}")]
    Unanswered(String),
}

impl ConnectionError {
    /// Whether this is no more than a client going away.
    pub(crate) fn client_left(&self) -> bool {
        let gone = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
        match self {
            ConnectionError::Io(error) => gone.contains(&error.kind()),
            ConnectionError::Idle(_) => true,
            ConnectionError::Wire(_)
            | ConnectionError::TooLarge { .. }
            | ConnectionError::Slow(_)
            | ConnectionError::Unanswered(_) => false,
        }
    }
}

/// Who is at the other end, for what groups tell about their members.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// The host as Kafka shows it.
    pub(crate) fn host(&self) -> String {
        format!("/{}", self.address.ip())
    }
}

/// Serves until the client leaves or the broker stops.
pub(crate) async fn run(
    mut stream: TcpStream,
    core: &Core,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    let peer = Peer { address: stream.peer_addr()? };
    loop {
        let size = tokio::select! {
            () = stop_asked(&mut stopped) => return Ok(()),
            size = read_size(&mut stream, core) => size?,
        };
        let Some(size) = size else { return Ok(()) };
        let (frame, memory) = read_frame(&mut stream, core, size).await?;
        metrics::add(&core.counters.bytes_in, frame.len() + 4);
        metrics::add(&core.counters.requests, 1);
        let request = Request::parse(frame)?;
        let answer = tokio::select! {
            // A request that waits for something (a fetch, a join) is let go; others don't get here.
            () = stop_asked(&mut stopped) => return Ok(()),
            answer = api::handle(core, &peer, request) => answer?,
        };
        match answer {
            Outcome::Answer(frame) => {
                let transfer = core.config.times.transfer;
                timeout(transfer, send(&mut stream, &frame)).await.map_err(|_| ConnectionError::Slow(transfer))??;
                metrics::add(&core.counters.bytes_out, frame.len());
            }
            Outcome::Silence => {}
            // The client learns from the closed connection alone that its records were refused.
            Outcome::Close(reason) => return Err(ConnectionError::Unanswered(reason)),
        }
        drop(memory);
    }
}

async fn send(stream: &mut TcpStream, frame: &Frame) -> io::Result<()> {
    for part in frame.parts() {
        match part {
            Part::Bytes(bytes) => stream.write_all(bytes).await?,
            Part::Batches(batches) => send_batches(stream, batches).await?,
        }
    }
    Ok(())
}

/// The system moves the bytes from the file to the socket; where it can't (a file system without that), they are read.
async fn send_batches(stream: &mut TcpStream, batches: &Batches) -> io::Result<()> {
    let Some((file, position)) = batches.place() else { return Ok(()) };
    let mut sent = 0;
    while let Some(left) = NonZeroUsize::new(batches.len() - sent) {
        let from = usize::try_from(position).map_err(io::Error::other)? + sent;
        let moved = stream.async_io(Interest::WRITABLE, || SockRef::from(&*stream).sendfile(file, from, Some(left)));
        match moved.await {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => sent += count,
            Err(error) if sent == 0 && error.kind() == io::ErrorKind::InvalidInput => {
                return stream.write_all(&batches.load()?).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The size of the next request; `None` when the client has closed the connection between two.
async fn read_size(stream: &mut TcpStream, core: &Core) -> Result<Option<usize>, ConnectionError> {
    let idle = core.config.times.connection_idle;
    let mut first = [0; 1];
    let count = timeout(idle, stream.read(&mut first)).await.map_err(|_| ConnectionError::Idle(idle))??;
    if count == 0 {
        return Ok(None);
    }
    let mut rest = [0; 3];
    let transfer = core.config.times.transfer;
    timeout(transfer, stream.read_exact(&mut rest)).await.map_err(|_| ConnectionError::Slow(transfer))??;
    let size = i32::from_be_bytes([first[0], rest[0], rest[1], rest[2]]);
    let limit = core.config.limits.request_bytes;
    match usize::try_from(size) {
        Ok(size) if size <= limit => Ok(Some(size)),
        _ => Err(ConnectionError::TooLarge { size, limit }),
    }
}

/// The request itself, with its share of the memory for requests.
async fn read_frame(
    stream: &mut TcpStream,
    core: &Core,
    size: usize,
) -> Result<(Bytes, OwnedSemaphorePermit), ConnectionError> {
    let wanted = u32::try_from(size).unwrap_or(u32::MAX);
    let memory = core.request_memory.clone().acquire_many_owned(wanted).await;
    let memory = memory.expect("the semaphore of the request memory is never closed");
    let mut frame = BytesMut::with_capacity(size);
    let mut limited = AsyncReadExt::take(stream, u64::try_from(size).unwrap_or(u64::MAX));
    let transfer = core.config.times.transfer;
    timeout(transfer, read_all(&mut limited, &mut frame, size))
        .await
        .map_err(|_| ConnectionError::Slow(transfer))??;
    Ok((frame.freeze(), memory))
}

async fn read_all(from: &mut (impl AsyncRead + Unpin), frame: &mut BytesMut, size: usize) -> io::Result<()> {
    while frame.len() < size {
        if from.read_buf(frame).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
