//! Stopping in order: SIGTERM or SIGINT asks, a second one or the end of the time budget insists.
//!
//! In: signals. Out: a [`Stop`] that every part of the daemon holds and looks at, from async code
//! and from blocking threads alike. Kills nothing itself: whoever holds a `Stop` ends its own work
//! at the next safe point, and nothing committed is ever lost by ending earlier.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

/// Time that work under way has to end after the first signal. Below the unit's `TimeoutStopSec`
/// (90 s), so that guichet ends by itself before systemd kills it.
pub const DRAIN: Duration = Duration::from_secs(60);

/// How far the stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nobody asked to stop.
    Running,
    /// Start nothing new; end what is under way at its next safe point.
    Draining,
    /// Drop what is under way. What is not committed will be done again.
    Now,
}

/// What the parts of the daemon look at. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Phase>);

/// The other end: who may ask to stop.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Phase>);

/// A stop that nobody has asked for yet.
pub fn stop() -> (StopHandle, Stop) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (StopHandle(sender), Stop(receiver))
}

impl StopHandle {
    /// Moves to a later phase. Never goes back.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            if later {
                *now = phase;
            }
            later
        });
    }
}

impl Stop {
    /// A stop that never comes, for commands that end by themselves and for tests.
    pub fn never() -> Self {
        stop().1
    }

    /// The phase at this moment; for loops on blocking threads.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Whether nothing new should be started.
    pub fn is_asked(&self) -> bool {
        self.phase() >= Phase::Draining
    }

    /// Whether work under way should be dropped.
    pub fn is_now(&self) -> bool {
        self.phase() == Phase::Now
    }

    /// Waits until a stop is asked for.
    pub async fn asked(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until work under way should be dropped.
    pub async fn now(&self) {
        self.reached(Phase::Now).await;
    }

    async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|now| *now >= phase).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}

/// Listens for SIGTERM and SIGINT from now on. The receiver gets the name of each signal.
pub fn signals() -> std::io::Result<mpsc::Receiver<&'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                Some(()) = term.recv() => "SIGTERM",
                Some(()) = int.recv() => "SIGINT",
                else => return,
            };
            if sender.send(name).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Turns signals into phases: the first drains, a second or the end of `budget` insists. Returns
/// once work should be dropped; run it beside the daemon and let it go when the daemon has ended.
pub async fn obey(mut signals: mpsc::Receiver<&'static str>, budget: Duration, handle: StopHandle) {
    let Some(name) = signals.recv().await else {
        return;
    };
    info!(
        signal = name,
        budget_s = budget.as_secs(),
        "{name}: ending what is under way within {} s; a second signal cuts it short",
        budget.as_secs()
    );
    handle.advance(Phase::Draining);
    let why = tokio::select! {
        second = signals.recv() => second.unwrap_or("the end of the signal listener"),
        () = tokio::time::sleep(budget) => "the end of the time budget",
    };
    warn!("{why}: dropping what is under way; nothing committed is lost, the rest is done again at the next start");
    handle.advance(Phase::Now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_drains_and_the_budget_ends_it() {
        let (sender, receiver) = mpsc::channel(4);
        let (handle, stop) = stop();
        let obeying = tokio::spawn(obey(receiver, DRAIN, handle));
        assert_eq!(stop.phase(), Phase::Running);
        let start = Instant::now();
        sender.send("SIGTERM").await.unwrap();
        stop.asked().await;
        assert!(!stop.is_now() && start.elapsed() < Duration::from_secs(1));
        stop.now().await;
        assert_eq!(start.elapsed().as_secs(), DRAIN.as_secs());
        obeying.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_cuts_the_drain_short() {
        let (sender, receiver) = mpsc::channel(4);
        let (handle, stop) = stop();
        tokio::spawn(obey(receiver, DRAIN, handle));
        let start = Instant::now();
        sender.send("SIGINT").await.unwrap();
        stop.asked().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        sender.send("SIGINT").await.unwrap();
        stop.now().await;
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[tokio::test]
    async fn a_stop_never_goes_back() {
        let (handle, stop) = stop();
        handle.advance(Phase::Now);
        handle.advance(Phase::Draining);
        assert!(stop.is_now() && stop.is_asked());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_that_nobody_can_ask_for_never_comes() {
        let stop = Stop::never();
        let waited = tokio::time::timeout(Duration::from_secs(3600), stop.asked()).await;
        assert!(waited.is_err());
    }

    #[tokio::test]
    async fn a_real_sigterm_is_heard_and_does_not_kill() {
        let mut heard = signals().unwrap();
        let pid = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        assert_eq!(heard.recv().await, Some("SIGTERM"));
    }
}
