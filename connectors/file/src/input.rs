//! Where bytes come from: a file, or a stream that can make its reader wait.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::{Mutex, mpsc},
    task::spawn_blocking,
};

/// Bytes of one read: some thousand lines, so that what is done per read costs nothing per line.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that a stream may be ahead of its reader.
const CHUNKS_AHEAD: usize = 4;

/// Something to read from. A read gives nothing when there is nothing more for now.
pub(crate) enum Input {
    File(Arc<File>),
    Stream(Stream),
}

impl Input {
    /// A file from a position on. A named pipe is read as it comes: it can't be asked for what has passed.
    pub(crate) async fn open(path: &str, position: u64) -> io::Result<Self> {
        let path = PathBuf::from(path);
        blocking(move || {
            if path.metadata()?.file_type().is_fifo() {
                return Ok(Input::Stream(Stream::pipe(path)));
            }
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(position))?;
            Ok(Input::File(Arc::new(file)))
        })
        .await
    }

    /// Standard input, one stream for the whole process.
    pub(crate) fn stdin() -> Self {
        static STDIN: OnceLock<Stream> = OnceLock::new();
        let stream = STDIN.get_or_init(|| Stream::of(|send| pump(&mut io::stdin().lock(), send)));
        Input::Stream(stream.clone())
    }

    /// Appends what is there to the buffer, which comes back with the number of bytes that were read.
    pub(crate) async fn read(&self, mut buffer: BytesMut) -> io::Result<(BytesMut, usize)> {
        match self {
            Input::File(file) => {
                let file = file.clone();
                blocking(move || {
                    let before = buffer.len();
                    buffer.resize(before + CHUNK_BYTES, 0);
                    let read = (&*file).read(&mut buffer[before..])?;
                    buffer.truncate(before + read);
                    Ok((buffer, read))
                })
                .await
            }
            Input::Stream(stream) => {
                let chunk = stream.next().await?;
                buffer.extend_from_slice(&chunk);
                Ok((buffer, chunk.len()))
            }
        }
    }

    /// How long the file is now; a stream has no length.
    pub(crate) async fn len(&self) -> Option<u64> {
        match self {
            Input::File(file) => {
                let file = file.clone();
                blocking(move || file.metadata()).await.ok().map(|metadata| metadata.len())
            }
            Input::Stream(_) => None,
        }
    }
}

/// A read that may wait for ever has a thread of its own, which no shutdown waits for.
#[derive(Clone)]
pub(crate) struct Stream(Arc<Mutex<mpsc::Receiver<io::Result<Bytes>>>>);

impl Stream {
    fn of(read: impl FnOnce(&mpsc::Sender<io::Result<Bytes>>) + Send + 'static) -> Self {
        let (send, receive) = mpsc::channel(CHUNKS_AHEAD);
        std::thread::spawn(move || read(&send));
        Self(Arc::new(Mutex::new(receive)))
    }

    /// A named pipe ends when its writers leave; opening it again waits for the next one.
    fn pipe(path: PathBuf) -> Self {
        Self::of(move |send| while open_and_pump(&path, send) {})
    }

    async fn next(&self) -> io::Result<Bytes> {
        // After its end a stream has nothing more, which is no failure.
        self.0.lock().await.recv().await.unwrap_or_else(|| Ok(Bytes::new()))
    }
}

fn open_and_pump(path: &Path, send: &mpsc::Sender<io::Result<Bytes>>) -> bool {
    match File::open(path) {
        Ok(mut pipe) => {
            pump(&mut pipe, send);
            !send.is_closed()
        }
        Err(error) => {
            // Nobody need listen any more.
            drop(send.blocking_send(Err(error)));
            false
        }
    }
}

/// Reads to the end, or until nobody listens any more.
fn pump(from: &mut impl Read, send: &mpsc::Sender<io::Result<Bytes>>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let chunk = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => Ok(Bytes::copy_from_slice(&buffer[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = chunk.is_err();
        if send.blocking_send(chunk).is_err() || failed {
            return;
        }
    }
}

/// Runs what may wait for a disk where no other task has to wait with it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
