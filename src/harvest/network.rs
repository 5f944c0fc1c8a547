//! What a failed request means: the HTTP client's errors as faults of ours.
//!
//! In: an error of reqwest, whose story is a chain of causes. Out: one [`FetchFault`] with the
//! innermost reason, which is the one that helps, and never an address (they hold secrets).

use std::error::Error as _;
use std::io;
use std::time::Duration;

use url::Url;

use super::fault::{FetchFault, Phase};
use super::guard::Refusal;

/// What a failed request means.
///
/// `connect_timeout` is the limit that a timeout while connecting ran into; `has_roots` says whether
/// this machine had certificates to verify others with.
pub(super) fn fault(error: &reqwest::Error, url: &Url, connect_timeout: Duration, has_roots: bool) -> FetchFault {
    let host = url.host_str().unwrap_or_default().to_owned();
    if let Some(refusal) = cause::<Refusal>(error, |_| true) {
        return FetchFault::Refused { host, refusal: *refusal };
    }
    if error.is_connect() && error.is_timeout() {
        return FetchFault::Timeout { phase: Phase::Connect, limit: connect_timeout };
    }
    if cause::<rustls::Error>(error, |_| true).is_some() {
        return FetchFault::Tls(match has_roots {
            true => last(error),
            false => format!("{} (this machine has no CA certificates)", last(error)),
        });
    }
    if error.is_dns() || chain(error).contains("dns error") {
        return FetchFault::Dns { host, why: last(error) };
    }
    if error.is_connect() {
        return FetchFault::Connect(last(error));
    }
    let cut = |e: &io::Error| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        matches!(e.kind(), ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof)
    };
    let text = chain(error);
    if cause(error, cut).is_some() || text.contains("connection closed") || text.contains("connection error") {
        return FetchFault::Cut { received: 0, announced: None, why: last(error) };
    }
    FetchFault::Protocol(last(error))
}

/// The whole story of an error, outermost first.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(e) = next {
        text = if text.is_empty() { e.to_string() } else { format!("{text}: {e}") };
        next = e.source();
    }
    if text.is_empty() { "unknown".into() } else { text }
}

/// The innermost reason, which is the one that helps; never an address.
pub(super) fn last(error: &reqwest::Error) -> String {
    let mut found = None;
    let mut next = error.source();
    while let Some(e) = next {
        found = Some(e.to_string());
        next = e.source();
    }
    found.unwrap_or_else(|| "no reason given".into()).chars().take(300).collect()
}

/// The first cause of type `T` that passes `test`. Looks into `io::Error`s too, which show as their
/// cause what is behind the error they wrap, and not that error.
fn cause<T: std::error::Error + 'static>(error: &reqwest::Error, test: impl Fn(&T) -> bool) -> Option<&T> {
    let mut next = error.source();
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>().filter(|e| test(e)) {
            return Some(found);
        }
        let wrapped = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => e.source(),
        };
    }
    None
}
