//! What the service manager is told, and the proof of life behind the watchdog.
//!
//! In: the daemon's changes of state and the pulses of its scheduler and its writer. Out:
//! sd_notify messages; nothing at all outside systemd. A message that cannot be sent is logged
//! once and never stops the work.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;
use tracing::warn;

use super::shutdown::Stop;

/// How often a drain asks systemd for more time, and by how much more than that.
const EXTEND_EVERY: Duration = Duration::from_secs(10);

/// Shortest silence that is taken for a hang, however impatient the watchdog: the writer beats once
/// a second when idle, and is looked at every two.
const SHORTEST: Duration = Duration::from_secs(4);

/// Longest status line, in characters: `systemctl status` shows one line.
const STATUS_MAX: usize = 200;

type Send = dyn Fn(&[NotifyState<'_>]) -> io::Result<()> + std::marker::Send + Sync;

/// Speaks to the service manager. Cheap to clone.
#[derive(Clone)]
pub struct Notifier {
    send: Arc<Send>,
    complained: Arc<AtomicBool>,
}

impl Notifier {
    /// Speaks to the socket that `NOTIFY_SOCKET` names; to nobody when it is not set.
    pub fn from_env() -> Self {
        Self::with(sd_notify::notify)
    }

    /// Speaks through `send` instead.
    pub fn with(send: impl Fn(&[NotifyState<'_>]) -> io::Result<()> + std::marker::Send + Sync + 'static) -> Self {
        Notifier { send: Arc::new(send), complained: Arc::default() }
    }

    /// Migrations are done, the listener is bound, the scheduler runs.
    pub fn ready(&self, status: &str) {
        self.say(&[NotifyState::Ready, NotifyState::Status(&line(status))]);
    }

    /// One line for `systemctl status`.
    pub fn status(&self, status: &str) {
        self.say(&[NotifyState::Status(&line(status))]);
    }

    /// A reload begins. Carries the monotonic instant without which `Type=notify-reload` units
    /// would wait for ever; [`Notifier::ready`] must follow, whether the reload worked or not.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(at) => self.say(&[NotifyState::Reloading, at]),
            Err(cause) => self.complain(&cause),
        }
    }

    /// The daemon is ending.
    pub fn stopping(&self, status: &str) {
        self.say(&[NotifyState::Stopping, NotifyState::Status(&line(status))]);
    }

    /// Asks for `time` more from now on, before systemd counts a start or a stop as hung: during
    /// a migration of the store, or while draining.
    pub fn extend(&self, time: Duration) {
        let usec = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.say(&[NotifyState::ExtendTimeoutUsec(usec)]);
    }

    /// Keeps asking for time while `work` goes on.
    pub async fn extending<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            self.extend(EXTEND_EVERY * 2);
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(EXTEND_EVERY) => {}
            }
        }
    }

    /// Pings the watchdog three times per `period` for as long as `heart` is fresh. When a part
    /// hangs, the pings cease and systemd restarts the daemon. Ends when work is to be dropped.
    pub async fn watch(&self, heart: Heartbeat, period: Duration, stop: Stop) {
        let mut complained = false;
        let limit = (period / 2).max(SHORTEST);
        loop {
            match heart.stale(limit) {
                None => {
                    complained = false;
                    self.say(&[NotifyState::Watchdog]);
                }
                Some(part) if !complained => {
                    complained = true;
                    warn!(
                        part,
                        "the {part} has given no sign of life for {} s: the watchdog is not fed until it does",
                        limit.as_secs()
                    );
                }
                Some(_) => {}
            }
            tokio::select! {
                () = stop.now() => return,
                () = tokio::time::sleep(period / 3) => {}
            }
        }
    }

    fn say(&self, states: &[NotifyState<'_>]) {
        if let Err(cause) = (self.send)(states) {
            self.complain(&cause);
        }
    }

    fn complain(&self, cause: &io::Error) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            warn!(
                "cannot speak to the service manager: {cause}; the daemon goes on, but systemd may not see it as ready (check NotifyAccess=main in the unit)"
            );
        }
    }
}

/// The watchdog's period when the service manager has one for this process (`WatchdogSec`).
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|period| !period.is_zero())
}

/// Keeps a message on one line.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(STATUS_MAX).collect()
}

/// The pulses of the two parts without which the daemon is dead: scheduler and writer. Remote
/// sites have no part in it, or one slow site would restart us. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Beats at every turn of the scheduler's loop.
    pub scheduler: Pulse,
    /// Beats at every batch of the writer thread, rests while its queue is empty.
    pub writer: Pulse,
}

/// One part's sign of life: the moment of the last beat, in one atomic.
#[derive(Debug, Clone)]
pub struct Pulse {
    start: Instant,
    /// Milliseconds since `start`; two values are kept for states.
    last: Arc<AtomicU64>,
}

/// Nothing to do, alive until it takes up work.
const RESTING: u64 = u64::MAX;
/// Ended though nobody asked.
const LOST: u64 = u64::MAX - 1;

impl Heartbeat {
    /// Both parts alive at this moment.
    pub fn new() -> Self {
        Heartbeat { scheduler: Pulse::new(), writer: Pulse::new() }
    }

    /// The part that has shown no life for longer than `limit`, if one has not.
    pub fn stale(&self, limit: Duration) -> Option<&'static str> {
        [("scheduler", &self.scheduler), ("writer", &self.writer)]
            .into_iter()
            .find(|(_, pulse)| !pulse.is_fresh(limit))
            .map(|(name, _)| name)
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self::new()
    }
}

impl Pulse {
    fn new() -> Self {
        Pulse { start: Instant::now(), last: Arc::new(AtomicU64::new(0)) }
    }

    /// Alive and at work.
    pub fn beat(&self) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(LOST - 1);
        self.last.store(since, Ordering::Relaxed);
    }

    /// About to wait for work, for however long. The next [`Pulse::beat`] ends the rest.
    pub fn rest(&self) {
        self.last.store(RESTING, Ordering::Relaxed);
    }

    /// Ended, though it should not have: never fresh again until it beats.
    pub fn lost(&self) {
        self.last.store(LOST, Ordering::Relaxed);
    }

    /// A guard that a thread holds while it lives: when the thread ends, by a panic too, the
    /// pulse is lost.
    pub fn guard(&self) -> PulseGuard {
        PulseGuard(self.clone())
    }

    /// Whether the last beat is at most `limit` ago.
    pub fn is_fresh(&self, limit: Duration) -> bool {
        match self.last.load(Ordering::Relaxed) {
            RESTING => true,
            LOST => false,
            last => self.start.elapsed().saturating_sub(Duration::from_millis(last)) <= limit,
        }
    }
}

/// See [`Pulse::guard`].
#[derive(Debug)]
pub struct PulseGuard(Pulse);

impl Drop for PulseGuard {
    fn drop(&mut self) {
        self.0.lost();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::shutdown::{Phase, stop};
    use std::sync::Mutex;

    fn recorder() -> (Notifier, Arc<Mutex<Vec<String>>>) {
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let into = said.clone();
        let notifier = Notifier::with(move |states| {
            let words: Vec<_> = states.iter().map(ToString::to_string).collect();
            into.lock().unwrap().push(words.join("\n"));
            Ok(())
        });
        (notifier, said)
    }

    #[test]
    fn a_reload_carries_the_monotonic_instant_and_ends_with_ready() {
        let (notifier, said) = recorder();
        notifier.reloading();
        notifier.ready("sources.toml: 12 sources\nnext 03:17");
        let said = said.lock().unwrap();
        let (first, usec) = said[0].split_once('\n').unwrap();
        assert_eq!(first, "RELOADING=1");
        let usec: u128 = usec.strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
        assert!(usec > 0);
        assert_eq!(said[1], "READY=1\nSTATUS=sources.toml: 12 sources next 03:17");
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_fed_only_while_both_parts_live() {
        let (notifier, said) = recorder();
        let heart = Heartbeat::new();
        let (handle, stop) = stop();
        let watched = heart.clone();
        let watching = tokio::spawn(async move {
            notifier.watch(watched, Duration::from_secs(120), stop).await;
        });
        for _ in 0..12 {
            heart.scheduler.beat();
            heart.writer.rest();
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        let fed = said.lock().unwrap().len();
        assert!((3..=4).contains(&fed), "{fed}");
        // The writer takes up a batch and hangs in it; the scheduler goes on.
        heart.writer.beat();
        for _ in 0..12 {
            heart.scheduler.beat();
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        assert!(said.lock().unwrap().len() <= fed + 2);
        let hungry = said.lock().unwrap().len();
        tokio::time::sleep(Duration::from_secs(240)).await;
        assert_eq!(said.lock().unwrap().len(), hungry);
        // It comes back.
        heart.scheduler.beat();
        heart.writer.rest();
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert!(said.lock().unwrap().len() > hungry);
        handle.advance(Phase::Now);
        watching.await.unwrap();
    }

    #[test]
    fn a_writer_that_panics_is_not_taken_for_one_at_rest() {
        let heart = Heartbeat::new();
        let pulse = heart.writer.clone();
        let dead = std::thread::spawn(move || {
            let _alive = pulse.guard();
            pulse.rest();
            std::panic::resume_unwind(Box::new("gone"));
        });
        assert!(dead.join().is_err());
        assert_eq!(heart.stale(Duration::from_secs(60)), Some("writer"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_keeps_asking_for_time() {
        let (notifier, said) = recorder();
        notifier.extending(tokio::time::sleep(Duration::from_secs(35))).await;
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 4);
        assert_eq!(said[0], "EXTEND_TIMEOUT_USEC=20000000");
    }

    #[test]
    fn a_manager_that_does_not_listen_stops_nothing() {
        let notifier = Notifier::with(|_| Err(io::Error::from(io::ErrorKind::ConnectionRefused)));
        notifier.ready("up");
        notifier.status("still up");
    }
}
