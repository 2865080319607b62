//! A TLS stream that what others left behind on its thread can't break.
//!
//! OpenSSL keeps errors in a queue of the thread, and asks that queue whether an operation that has nothing to give yet has
//! failed. librdkafka uses the same OpenSSL: a client that it makes on this thread leaves "no start line" behind, by which
//! it knew that its certificates were all read. So the queue is emptied before each operation.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use openssl::{
    error::ErrorStack,
    ssl::{self, Ssl, SslRef},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

pub(in crate::kafka) struct TlsStream(tokio_openssl::SslStream<TcpStream>);

fn forget_others_errors() {
    drop(ErrorStack::get());
}

impl TlsStream {
    pub(in crate::kafka) fn new(session: Ssl, stream: TcpStream) -> Result<Self, ErrorStack> {
        tokio_openssl::SslStream::new(session, stream).map(Self)
    }

    /// Shakes hands.
    pub(in crate::kafka) async fn connect(&mut self) -> Result<(), ssl::Error> {
        std::future::poll_fn(|context| {
            forget_others_errors();
            Pin::new(&mut self.0).poll_connect(context)
        })
        .await
    }

    pub(in crate::kafka) fn session(&self) -> &SslRef {
        self.0.ssl()
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forget_others_errors();
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        forget_others_errors();
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        forget_others_errors();
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        forget_others_errors();
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use openssl::{
        pkey::PKey,
        ssl::{SslAcceptor, SslConnector, SslMethod, SslVerifyMode},
        x509::X509,
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::kafka::tls::samples;

    #[tokio::test]
    async fn errors_of_others_on_the_thread_are_not_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (said, heard) = tokio::sync::oneshot::channel::<()>();
        let server = async move {
            let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
            let identity = samples::bytes("keystore.pem");
            acceptor
                .set_private_key(&PKey::private_key_from_pem_passphrase(&identity, b"key-secret").unwrap())
                .unwrap();
            acceptor.set_certificate(&X509::from_pem(&identity).unwrap()).unwrap();
            let session = Ssl::new(acceptor.build().context()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tokio_openssl::SslStream::new(session, stream).unwrap();
            Pin::new(&mut stream).accept().await.unwrap();
            heard.await.unwrap();
            stream.write_all(b"late").await.unwrap();
        };
        let client = async move {
            let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
            connector.set_verify(SslVerifyMode::NONE);
            let session = connector.build().configure().unwrap().verify_hostname(false).into_ssl("x").unwrap();
            let mut stream = TlsStream::new(session, TcpStream::connect(address).await.unwrap()).unwrap();
            stream.connect().await.unwrap();
            // What librdkafka leaves behind on the thread.
            let leave = || X509::from_pem(b"no certificate").expect_err("no PEM").put();
            let mut said = Some(said);
            let mut bytes = [0; 4];
            let mut read = std::pin::pin!(stream.read_exact(&mut bytes));
            std::future::poll_fn(|context| {
                leave();
                let polled = read.as_mut().poll(context);
                // It has waited once with the error behind it.
                if let Some(said) = said.take() {
                    said.send(()).unwrap();
                }
                polled
            })
            .await
            .unwrap();
            assert_eq!(&bytes, b"late");
        };
        tokio::join!(server, client);
    }
}
