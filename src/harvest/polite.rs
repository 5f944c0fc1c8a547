//! Politeness: how many requests run at once, and how far apart, with one host.
//!
//! In: a host (name and port) that is about to be asked. Out: a permit, after whatever wait the
//! host's own requests, its `min_interval` and its Retry-After ask for. One small record per host
//! asked lately. Knows nothing of HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Strikes after which a host is left alone: three resources in a row that could not even connect,
/// or a dozen that were told 429 to the end. Else a dead host with a thousand files would cost
/// a thousand times the connect timeout.
const STRIKES_TO_REST: u32 = 12;

/// How long such a host is left alone before one request tries again.
const REST: Duration = Duration::from_secs(60);

/// Hosts remembered before those with nothing to remember are dropped: a hostile catalogue can
/// name any number.
const HOSTS_KEPT: usize = 1024;

/// The hosts of one harvester.
pub(super) struct Hosts {
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    everywhere: Arc<Semaphore>,
    min_interval: Duration,
    per_host: usize,
    rest: Duration,
}

#[derive(Default)]
struct Host {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    in_flight: usize,
    /// Earliest start of the next request; `None` before the first.
    next_start: Option<Instant>,
    /// Until when the host asked to be left alone (Retry-After).
    paused_until: Option<Instant>,
    /// Signs, since the last success, that the whole host cannot be had.
    strikes: u32,
    resting_until: Option<Instant>,
}

/// The right to one request and its body; gives the place back when dropped.
pub(super) struct Permit {
    host: Arc<Host>,
    _everywhere: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = lock(&self.host.state);
        state.in_flight = state.in_flight.saturating_sub(1);
        drop(state);
        self.host.freed.notify_waiters();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hosts {
    pub(super) fn new(concurrency: usize, per_host: usize, min_interval: Duration) -> Self {
        Self {
            hosts: Mutex::default(),
            everywhere: Arc::new(Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            min_interval,
            per_host: per_host.max(1),
            rest: REST,
        }
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        if hosts.len() >= HOSTS_KEPT && !hosts.contains_key(name) {
            let now = Instant::now();
            hosts.retain(|_, host| {
                let s = lock(&host.state);
                let busy = |at: Option<Instant>| at.is_some_and(|at| at > now);
                Arc::strong_count(host) > 1 || busy(s.paused_until) || busy(s.resting_until) || busy(s.next_start)
            });
        }
        Arc::clone(hosts.entry(name.to_owned()).or_default())
    }

    /// Waits for a place with `name`. The error is how much longer the host is left alone.
    ///
    /// The host's place is taken before the one of the whole program: a pause of one host must not
    /// keep another waiting.
    pub(super) async fn acquire(&self, name: &str, per_host: Option<usize>) -> Result<Permit, Duration> {
        let limit = per_host.unwrap_or(self.per_host).max(1);
        let host = self.host(name);
        loop {
            let freed = host.freed.notified();
            tokio::pin!(freed);
            // Listen before looking: a place freed between the two must wake us.
            freed.as_mut().enable();
            match self.try_take(&host, limit)? {
                Step::Taken => break,
                Step::Until(at) => sleep_until(at).await,
                Step::Full => freed.await,
            }
        }
        // From here the place is given back even when this future is dropped while it waits.
        let place = Place(Some(host));
        let everywhere = Arc::clone(&self.everywhere).acquire_owned().await;
        match (place.keep(), everywhere) {
            (Some(host), Ok(everywhere)) => Ok(Permit { host, _everywhere: everywhere }),
            // The semaphore is never closed.
            _ => Err(Duration::ZERO),
        }
    }

    fn try_take(&self, host: &Host, limit: usize) -> Result<Step, Duration> {
        let now = Instant::now();
        let mut s = lock(&host.state);
        if let Some(until) = s.resting_until {
            if until > now {
                return Err(until - now);
            }
            // One request may try again; a failure of the same kind sends it back to rest.
            s.resting_until = None;
            s.strikes = STRIKES_TO_REST.saturating_sub(1);
        }
        if s.in_flight >= limit {
            return Ok(Step::Full);
        }
        if let Some(at) = s.next_start.max(s.paused_until).filter(|at| *at > now) {
            return Ok(Step::Until(at));
        }
        s.in_flight += 1;
        s.next_start = now.checked_add(self.min_interval);
        Ok(Step::Taken)
    }

    /// Lets nobody ask `name` for `pause`: what 429 and 503 mean, for whichever file they came.
    pub(super) fn pause(&self, name: &str, pause: Duration) {
        let host = self.host(name);
        let mut s = lock(&host.state);
        s.paused_until = s.paused_until.max(Instant::now().checked_add(pause));
    }

    /// Notes how a resource ended: 0 strikes clears the record, enough of them send it to rest.
    pub(super) fn note(&self, name: &str, strikes: u32) {
        let host = self.host(name);
        let mut s = lock(&host.state);
        if strikes == 0 {
            s.strikes = 0;
            return;
        }
        s.strikes = s.strikes.saturating_add(strikes);
        if s.strikes >= STRIKES_TO_REST {
            s.resting_until = Instant::now().checked_add(self.rest);
        }
    }
}

enum Step {
    Taken,
    Until(Instant),
    Full,
}

struct Place(Option<Arc<Host>>);

impl Place {
    fn keep(mut self) -> Option<Arc<Host>> {
        self.0.take()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(host) = self.0.take() {
            lock(&host.state).in_flight -= 1;
            host.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn hosts(per_host: usize, pause_ms: u64) -> Hosts {
        Hosts::new(8, per_host, MS(pause_ms))
    }

    async fn take(hosts: &Hosts, name: &str) -> Permit {
        hosts.acquire(name, None).await.ok().unwrap()
    }

    async fn waits(hosts: &Hosts, name: &str, per_host: Option<usize>) -> bool {
        tokio::time::timeout(MS(40), hosts.acquire(name, per_host)).await.is_err()
    }

    #[tokio::test]
    async fn requests_to_one_host_start_apart_and_those_to_another_do_not_wait() {
        let hosts = hosts(8, 50);
        let start = Instant::now();
        for _ in 0..3 {
            take(&hosts, "a:80").await;
        }
        assert!(start.elapsed() >= MS(100));
        let start = Instant::now();
        take(&hosts, "b:80").await;
        assert!(start.elapsed() < MS(40));
    }

    #[tokio::test]
    async fn a_full_host_makes_the_next_request_wait_until_a_place_is_free() {
        let hosts = Arc::new(hosts(1, 0));
        let first = take(&hosts, "a:80").await;
        let second = tokio::spawn({
            let hosts = Arc::clone(&hosts);
            async move { take(&hosts, "a:80").await }
        });
        tokio::time::sleep(MS(30)).await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_source_may_ask_for_its_own_number_of_places() {
        let hosts = hosts(1, 0);
        let _one = hosts.acquire("a:80", Some(2)).await.ok().unwrap();
        let _two = hosts.acquire("a:80", Some(2)).await.ok().unwrap();
        assert!(waits(&hosts, "a:80", Some(2)).await);
    }

    #[tokio::test]
    async fn a_pause_holds_for_every_file_of_the_host_and_only_grows() {
        let hosts = hosts(4, 0);
        hosts.pause("a:80", MS(80));
        hosts.pause("a:80", MS(10));
        let start = Instant::now();
        take(&hosts, "a:80").await;
        assert!(start.elapsed() >= MS(80));
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_no_place_taken() {
        let hosts = Hosts::new(1, 1, Duration::ZERO);
        let held = take(&hosts, "a:80").await;
        assert!(waits(&hosts, "b:80", None).await);
        drop(held);
        take(&hosts, "b:80").await;
    }

    #[tokio::test]
    async fn a_host_that_never_connects_is_left_alone_then_tried_once() {
        let mut hosts = hosts(4, 0);
        hosts.rest = MS(50);
        for _ in 0..3 {
            hosts.note("a:80", 4);
        }
        assert!(hosts.acquire("a:80", None).await.is_err());
        tokio::time::sleep(MS(60)).await;
        take(&hosts, "a:80").await;
        hosts.note("a:80", 4);
        assert!(hosts.acquire("a:80", None).await.is_err());
        tokio::time::sleep(MS(60)).await;
        hosts.note("a:80", 0);
        take(&hosts, "a:80").await;
    }
}
