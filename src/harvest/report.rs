//! What a harvest tells while it runs and after it: progress per resource, traffic per source.
//!
//! Counts only; who shows them (progress bars, metrics, logs) is not known here.

use std::collections::BTreeMap;

/// Hears how transfers advance. All methods may be called from several threads at once.
pub trait Progress: Send + Sync {
    /// A body begins to arrive; `total` is its announced length in bytes as sent, if any.
    fn started(&self, source: &str, resource: &str, total: Option<u64>) {
        let _ = (source, resource, total);
    }
    /// `received` bytes of that body have arrived, as sent (before decompression).
    fn advanced(&self, source: &str, resource: &str, received: u64) {
        let _ = (source, resource, received);
    }
    /// The attempt ended, well or not.
    fn finished(&self, source: &str, resource: &str) {
        let _ = (source, resource);
    }
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}

/// What one source's requests amounted to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests sent, redirects and retries included.
    pub requests: u64,
    /// Attempts that followed a failed one.
    pub retries: u64,
    /// Answers by HTTP status code.
    pub responses: BTreeMap<u16, u64>,
    /// Bytes of bodies as sent (before decompression).
    pub received: u64,
}

impl Traffic {
    /// Adds another count to this one.
    pub fn add(&mut self, other: &Traffic) {
        self.requests += other.requests;
        self.retries += other.retries;
        self.received += other.received;
        for (code, n) in &other.responses {
            *self.responses.entry(*code).or_default() += n;
        }
    }
}
