//! One body from the wire to where it is kept.
//!
//! In: an answer whose body is unread, and a writer. Out: the writer with the hash and length of
//! what it got, or the fault that ended the transfer. The network is read by an async task; decoding,
//! hashing and writing happen on a blocking thread behind a short channel, so that a slow disk slows
//! the network and memory stays flat. A transfer that is dropped leaves nothing behind.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::client::Answer;
use super::coding::{Coding, Decoder};
use super::fault::{FetchFault, Phase};
use super::landing::{Bounds, Landed, Landing};
use super::network::last;

/// Pieces waiting between network and disk; a piece is at most a few hundred KiB.
const QUEUE: usize = 4;

enum Piece {
    Data(Bytes),
    /// The body is complete. A channel closed without it means the transfer failed or was dropped.
    End,
}

/// What a transfer is held to and whom it tells.
pub(super) struct Terms<'a> {
    pub(super) bounds: Bounds,
    pub(super) read_timeout: Duration,
    pub(super) total: Duration,
    /// Stop after this many bytes as sent; `None` for the whole body. What ended so comes out as
    /// [`FetchFault::Cancelled`], and the writer must have shown what it got by then.
    pub(super) enough: Option<u64>,
    /// Called with the bytes received so far, as sent.
    pub(super) on_bytes: &'a (dyn Fn(u64) + Sync),
}

/// Reads the body of `answer` into `keep`, then calls `finish` on the same blocking thread.
pub(super) async fn receive<K, T>(
    answer: &mut Answer,
    terms: Terms<'_>,
    keep: K,
    finish: impl FnOnce(Landed<K>) -> Result<T, FetchFault> + Send + 'static,
) -> Result<T, FetchFault>
where
    K: Write + Send + 'static,
    T: Send + 'static,
{
    let coding = Coding::of(answer.response.headers())?;
    let length = answer.response.content_length();
    if coding == Coding::Identity && length.is_some_and(|n| n > terms.bounds.max_bytes) && terms.enough.is_none() {
        return Err(FetchFault::TooLarge { limit: terms.bounds.max_bytes });
    }
    let bounds = terms.bounds;
    let (send, take) = mpsc::channel(QUEUE);
    let landing = tokio::task::spawn_blocking(move || land(coding, bounds, keep, take).and_then(finish));
    let pumped = pump(answer, &terms, length, send).await;
    let landed = match landing.await {
        Ok(landed) => landed,
        Err(_) => Err(FetchFault::Cancelled),
    };
    match (pumped, landed) {
        // The network's fault is the cause, `Cancelled` on the other side only its echo.
        (Err(fault), Err(FetchFault::Cancelled) | Ok(_)) => Err(fault),
        (_, landed) => landed,
    }
}

async fn pump(
    answer: &mut Answer,
    terms: &Terms<'_>,
    announced: Option<u64>,
    send: mpsc::Sender<Piece>,
) -> Result<(), FetchFault> {
    let mut received = 0u64;
    loop {
        let stall = Instant::now() + terms.read_timeout;
        let piece = match timeout_at(stall.min(answer.deadline), answer.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                received += bytes.len() as u64;
                (terms.on_bytes)(received);
                Piece::Data(bytes)
            }
            Ok(Ok(None)) => Piece::End,
            Ok(Err(e)) => {
                return Err(FetchFault::Cut { received, announced, why: last(&e) });
            }
            Err(_) if answer.deadline <= stall => {
                return Err(FetchFault::Timeout { phase: Phase::Total, limit: terms.total });
            }
            Err(_) => {
                return Err(FetchFault::Timeout { phase: Phase::Stall, limit: terms.read_timeout });
            }
        };
        let end = matches!(piece, Piece::End);
        // The other side closes the channel when the body breaks a rule: it knows which.
        if send.send(piece).await.is_err() || end {
            return Ok(());
        }
        if terms.enough.is_some_and(|enough| received >= enough) {
            return Ok(());
        }
    }
}

fn land<K: Write>(
    coding: Coding,
    bounds: Bounds,
    keep: K,
    mut take: mpsc::Receiver<Piece>,
) -> Result<Landed<K>, FetchFault> {
    let broken = |e| {
        FetchFault::from_io(e, |e| match coding {
            Coding::Identity => FetchFault::disk("cannot keep the payload", e),
            _ => FetchFault::Corrupt { coding: coding.name(), why: e.to_string() },
        })
    };
    let mut decoder = Decoder::new(coding, Landing::new(keep, bounds)).map_err(broken)?;
    let mut any = false;
    loop {
        match take.blocking_recv() {
            Some(Piece::Data(bytes)) => {
                any |= !bytes.is_empty();
                decoder.arrived(bytes.len());
                decoder.feed(&bytes).map_err(broken)?;
            }
            // No byte at all is an empty body under any coding.
            Some(Piece::End) if !any && bounds.data_only => return Err(FetchFault::Empty),
            Some(Piece::End) => return decoder.finish().map_err(broken)?.finish(),
            None => return Err(FetchFault::Cancelled),
        }
    }
}

impl<K: Write> Decoder<Landing<K>> {
    /// Tells the landing how much arrived, before it is decoded: the ratio is judged by it.
    fn arrived(&mut self, n: usize) {
        if let Some(landing) = self.sink() {
            landing.arrived(n);
        }
    }
}
