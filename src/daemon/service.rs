//! The daemon's parts put together: signals, reload, watchdog, scheduler, in one life from READY to
//! the end of the drain.
//!
//! In: the parts, a stream of signals. Out: how the scheduler ended. Start it once migrations are
//! done and the listener is bound, since it says READY first; the web server ends by the same
//! [`Stop`].

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use super::clock::Clock;
use super::due::{Plan, Published};
use super::notify::{Heartbeat, Notifier, watchdog_period};
use super::reload::{self, LastReload, Live};
use super::shutdown::{Stop, StopHandle, obey};
use super::supervise::{Ended, Harvested, Jobs, Standing, Supervisor, TICK};

/// The daemon's parts.
pub struct Service<T, J> {
    /// The configuration in force.
    pub live: Arc<Live<T>>,
    /// The work.
    pub jobs: Arc<J>,
    /// What time it is.
    pub clock: Clock,
    /// The service manager.
    pub notifier: Notifier,
    /// Signs of life; its `writer` belongs to the store's writer thread.
    pub heart: Heartbeat,
    /// Time that a stop leaves to work under way.
    pub drain: Duration,
}

impl<T: Send + Sync + 'static, J: Jobs> Service<T, J> {
    /// Lives until a signal or `handle` ends it. `reloaded` runs after each attempt to reload, with
    /// the new or kept configuration, before the scheduler looks again.
    pub async fn run(
        self,
        signals: mpsc::Receiver<&'static str>,
        (handle, stop): (StopHandle, Stop),
        mut reloaded: impl FnMut(Arc<T>, &LastReload) + Send + 'static,
    ) -> Ended {
        let wake = Arc::new(Notify::new());
        let waker = wake.clone();
        let mut beside = tokio::task::JoinSet::new();
        beside.spawn(obey(signals, self.drain, handle));
        beside.spawn(reload::run(self.live, self.clock, self.notifier.clone(), stop.clone(), move |config, last| {
            reloaded(config, last);
            waker.notify_one();
        }));
        let watchdog = watchdog_period();
        if let Some(period) = watchdog {
            let (notifier, heart, stop) = (self.notifier.clone(), self.heart.clone(), stop.clone());
            beside.spawn(async move { notifier.watch(heart, period, stop).await });
        }
        self.notifier.ready("running");
        let scheduler = Supervisor {
            jobs: Arc::new(Telling { jobs: self.jobs, notifier: self.notifier.clone() }),
            clock: self.clock,
            wake,
            pulse: self.heart.scheduler.clone(),
            stop: stop.clone(),
            // Looked at often enough that its pulse is never taken for stale.
            tick: watchdog.map_or(TICK, |period| TICK.min(period / 4)),
        }
        .run();
        tokio::pin!(scheduler);
        let ended = tokio::select! {
            biased;
            () = stop.asked() => {
                self.notifier.stopping("ending what is under way");
                self.notifier.extending(&mut scheduler).await
            }
            // An idle scheduler may see the stop, asked for on another thread, before it is seen here.
            ended = &mut scheduler => {
                self.notifier.stopping("ending");
                ended
            }
        };
        beside.shutdown().await;
        ended
    }
}

/// Passes each standing on to the service manager's status line.
struct Telling<J> {
    jobs: Arc<J>,
    notifier: Notifier,
}

impl<J: Jobs> Jobs for Telling<J> {
    async fn plan(&self, now: Timestamp) -> Result<Plan, Box<dyn std::error::Error + Send + Sync>> {
        self.jobs.plan(now).await
    }

    async fn harvest(&self, ids: Vec<String>, stop: Stop) -> Harvested {
        self.jobs.harvest(ids, stop).await
    }

    async fn publish(&self, stop: Stop) -> Published {
        self.jobs.publish(stop).await
    }

    fn standing(&self, standing: &Standing) {
        self.notifier.status(&standing.to_string());
        self.jobs.standing(standing);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Mutex;

    use super::super::due::{Due, Publication};
    use super::super::reload::Watched;
    use super::super::shutdown::stop;
    use super::*;

    /// One source that is always new and takes half a minute.
    struct OneSlow;

    impl Jobs for OneSlow {
        async fn plan(&self, _: Timestamp) -> Result<Plan, Box<dyn std::error::Error + Send + Sync>> {
            let source = Due { id: "nimes".to_owned(), next_run: None, last_attempt: None, failing: false };
            Ok(Plan { sources: vec![source], publication: Publication::default() })
        }

        async fn harvest(&self, _: Vec<String>, _: Stop) -> Harvested {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Harvested::default()
        }

        async fn publish(&self, _: Stop) -> Published {
            Published::Unchanged
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_life_goes_from_ready_through_its_standing_to_stopping_and_a_drain_with_more_time() {
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let into = said.clone();
        let now = Timestamp::UNIX_EPOCH;
        let service = Service {
            live: Arc::new(Live::new(
                (),
                now,
                |()| Watched { files: vec![PathBuf::from("/nowhere/guichet.toml")], dirs: vec![] },
                || Ok(()),
            )),
            jobs: Arc::new(OneSlow),
            clock: Clock::ticking(now),
            notifier: Notifier::with(move |states| {
                into.lock().unwrap().push(states[0].to_string());
                Ok(())
            }),
            heart: Heartbeat::new(),
            drain: Duration::from_secs(60),
        };
        let (sender, signals) = mpsc::channel(1);
        let start = tokio::time::Instant::now();
        let life = tokio::spawn(service.run(signals, stop(), |_, _| {}));
        tokio::time::sleep(Duration::from_secs(2)).await;
        sender.send("SIGTERM").await.unwrap();
        assert_eq!(life.await.unwrap(), Ended::Drained);
        assert_eq!(start.elapsed().as_secs(), 30);
        let said = said.lock().unwrap();
        assert_eq!(said[0], "READY=1");
        assert_eq!(said[1], "STATUS=harvesting nimes");
        assert_eq!(said[2], "STOPPING=1");
        assert_eq!(said[3..].iter().filter(|s| s.starts_with("EXTEND_TIMEOUT_USEC=")).count(), 3);
    }
}
