//! Connections with limits that HTTP itself does not have: how many there are, and how long one may
//! stay without progress.
//!
//! In: a bound listener. Out: streams for axum. A client that opens a connection and says nothing,
//! drips its request byte by byte, or stops reading its answer, is dropped; a slow but steady
//! download is not. Memory: two timers per connection. Knows nothing of HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Limits of the connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections open at once; the next ones wait in the system's queue.
    pub connections: usize,
    /// From the first byte of a request to the first byte of its answer, and the longest idle time
    /// of a connection that is kept open. Longer than the handlers' own time limit.
    pub quiet: Duration,
    /// Without the client taking a single byte of an answer.
    pub stalled: Duration,
}

impl Default for ConnectionLimits {
    /// A proxy in front keeps a few hundred connections, and with the files being sent they must
    /// stay below the 1024 descriptors that a service may open by default. 30 s for a request
    /// covers the slowest page (10 s) and a bad mobile line; a minute without reading is a client
    /// that is gone.
    fn default() -> Self {
        Self { connections: 512, quiet: Duration::from_secs(30), stalled: Duration::from_secs(60) }
    }
}

/// A listener whose connections are limited.
#[derive(Debug)]
pub struct Guarded {
    listener: TcpListener,
    limits: ConnectionLimits,
    permits: Arc<Semaphore>,
}

impl Guarded {
    /// Wraps a bound listener.
    pub fn new(listener: TcpListener, limits: ConnectionLimits) -> Self {
        let permits = Arc::new(Semaphore::new(limits.connections));
        Self { listener, limits, permits }
    }
}

impl Listener for Guarded {
    type Io = GuardedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // The semaphore is never closed; without a permit the connection is merely not counted.
        let permit = self.permits.clone().acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // Answers are written whole; waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        (GuardedStream::new(stream, self.limits, permit), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The far end of a connection, as handlers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A connection that ends itself when it makes no progress.
#[derive(Debug)]
pub struct GuardedStream {
    stream: TcpStream,
    limits: ConnectionLimits,
    /// Runs from the last byte written until the next one: covers an idle connection and a request
    /// that never completes alike.
    quiet: Pin<Box<Sleep>>,
    /// Runs while a write waits for the client; `None` when none does.
    stalled: Option<Pin<Box<Sleep>>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl GuardedStream {
    fn new(stream: TcpStream, limits: ConnectionLimits, permit: Option<OwnedSemaphorePermit>) -> Self {
        let quiet = Box::pin(tokio::time::sleep(limits.quiet));
        Self { stream, limits, quiet, stalled: None, _permit: permit }
    }

    /// Turns a write's outcome into progress, or into an error once the client has stalled.
    fn written<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            self.quiet.as_mut().reset(Instant::now() + self.limits.quiet);
            return poll;
        }
        let limit = self.limits.stalled;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing more")))
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.stalled.is_none() && this.quiet.as_mut().poll(cx).is_ready() {
            let late = "no whole request in time";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, late)));
        }
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.written(cx, poll)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.written(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn pair(limits: ConnectionLimits) -> (GuardedStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut guarded = Guarded::new(listener, limits);
        let (accepted, client) = tokio::join!(guarded.accept(), TcpStream::connect(address));
        (accepted.0, client.unwrap())
    }

    #[tokio::test]
    async fn a_request_that_drips_for_ever_is_dropped() {
        let quiet = Duration::from_millis(120);
        let (mut server, mut client) = pair(ConnectionLimits { quiet, ..ConnectionLimits::default() }).await;
        let drip = tokio::spawn(async move {
            while client.write_all(b"G").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let mut got = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), server.read_to_end(&mut got));
        assert_eq!(ended.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(server);
        drip.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_stops_reading_is_dropped() {
        let stalled = Duration::from_millis(100);
        let (mut server, client) = pair(ConnectionLimits { stalled, ..ConnectionLimits::default() }).await;
        let endless = async { while server.write_all(&[0; 65536]).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(10), endless).await.unwrap();
        drop(client);
    }
}
