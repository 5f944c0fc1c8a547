//! The scheduler: looks at what is due, starts it, notes how it ended, until it is told to stop.
//!
//! In: [`Jobs`], a clock, a stop. Out: harvests and publications at their time. Holds the ids of
//! what is under way and nothing else: what is due is read from the store at every look, so a
//! restart forgets nothing. Knows neither SQL nor HTTP.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::clock::Clock;
use super::due::{Decision, Plan, Published, State};
use super::notify::Pulse;
use super::shutdown::Stop;

/// Longest sleep between two looks. Short, so that a stepped or resumed clock is noticed and the
/// scheduler's pulse stays fresh.
pub const TICK: Duration = Duration::from_secs(15);

/// Shortest sleep between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Harvests of different moments that may be under way together: a slow source must not hold
/// back those that become due while it runs.
pub const HARVESTS: usize = 4;

/// What the scheduler lets happen. The store, the network and the configuration are behind it.
pub trait Jobs: Send + Sync + 'static {
    /// What the configuration in force and the store say now. Called at every look: keep it to a
    /// few reads.
    fn plan(
        &self,
        now: Timestamp,
    ) -> impl Future<Output = Result<Plan, Box<dyn std::error::Error + Send + Sync>>> + Send;

    /// Harvests these sources and merges what changed. Must store each source's next run in the
    /// transaction that ends its harvest. Logs its own failures.
    fn harvest(&self, ids: Vec<String>, stop: Stop) -> impl Future<Output = Harvested> + Send;

    /// Writes a publication if anything changed.
    fn publish(&self, stop: Stop) -> impl Future<Output = Published> + Send;

    /// Something about the daemon's standing has changed: for the status line and status.json.
    fn standing(&self, _standing: &Standing) {}
}

/// How a harvest ended, as far as the scheduler cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Harvested {
    /// Whether a publication would now differ.
    pub changed: bool,
}

/// What the daemon is doing and what comes next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Sources being harvested.
    pub running: Vec<String>,
    /// A publication is being written.
    pub publishing: bool,
    /// The next source due, and when.
    pub next: Option<(Timestamp, String)>,
    /// When a publication is attempted at the latest.
    pub publish_by: Option<Timestamp>,
}

impl fmt::Display for Standing {
    /// One line for `systemctl status`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.running.as_slice() {
            [] if self.publishing => f.write_str("publishing")?,
            [] => f.write_str("idle")?,
            [one] => write!(f, "harvesting {one}")?,
            [one, rest @ ..] => write!(f, "harvesting {one} and {} more", rest.len())?,
        }
        if self.publishing && !self.running.is_empty() {
            f.write_str(", publishing")?;
        }
        if let Some((at, id)) = &self.next {
            write!(f, "; next {id} at {}", at.strftime("%Y-%m-%d %H:%M UTC"))?;
        }
        if let Some(by) = self.publish_by {
            write!(f, "; publication by {}", by.strftime("%Y-%m-%d %H:%M UTC"))?;
        }
        Ok(())
    }
}

/// How the scheduler ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything under way came to its end.
    Drained,
    /// Some of it was dropped; it will be done again.
    CutShort,
}

/// The scheduler and what it works with.
pub struct Supervisor<J> {
    /// What it lets happen.
    pub jobs: Arc<J>,
    /// What time it is.
    pub clock: Clock,
    /// Makes it look at once, as after a reload.
    pub wake: Arc<Notify>,
    /// Its sign of life.
    pub pulse: Pulse,
    /// When to end.
    pub stop: Stop,
    /// Longest sleep between two looks: [`TICK`], less where the watchdog is impatient.
    pub tick: Duration,
}

enum Event {
    Harvested(Vec<String>, Option<Harvested>),
    Published(Option<Published>),
}

impl<J: Jobs> Supervisor<J> {
    /// Runs until the stop is asked for, then lets what is under way come to its end, or drops it
    /// when told to.
    pub async fn run(self) -> Ended {
        let mut state = State::new(self.clock.now());
        let mut tasks = JoinSet::new();
        let mut told = None;
        let mut blind = false;
        while !self.stop.is_asked() {
            self.pulse.beat();
            let now = self.clock.now();
            let sleep = match self.jobs.plan(now).await {
                Ok(plan) => {
                    blind = false;
                    let decision = state.decide(&plan, now);
                    let sleep = nap(&decision, now, self.tick);
                    self.start(&mut state, &mut tasks, &decision, now);
                    self.tell(&mut told, &state, decision);
                    sleep
                }
                Err(cause) => {
                    if !std::mem::replace(&mut blind, true) {
                        error!(
                            "cannot read what is due: {cause}; nothing new starts until it can be read, looking again every {} s",
                            self.tick.as_secs_f32()
                        );
                    }
                    self.tick
                }
            };
            tokio::select! {
                () = self.stop.asked() => break,
                () = self.wake.notified() => {}
                Some(event) = tasks.join_next() => self.note(&mut state, event),
                () = tokio::time::sleep(sleep) => {}
            }
        }
        self.drain(state, tasks).await
    }

    fn start(&self, state: &mut State, tasks: &mut JoinSet<Event>, decision: &Decision, now: Timestamp) {
        let harvests = tasks.len() - usize::from(state.publishing);
        if !decision.harvest.is_empty() && harvests < HARVESTS {
            let ids = decision.harvest.clone();
            state.harvesting(&ids, now);
            info!(sources = ids.len(), "harvesting {}", ids.join(", "));
            let (jobs, stop) = (self.jobs.clone(), self.stop.clone());
            tasks.spawn(async move {
                let work = AssertUnwindSafe(jobs.harvest(ids.clone(), stop)).catch_unwind();
                Event::Harvested(ids, work.await.ok())
            });
        }
        if decision.publish {
            state.publish_started(now);
            let (jobs, stop) = (self.jobs.clone(), self.stop.clone());
            tasks
                .spawn(async move { Event::Published(AssertUnwindSafe(jobs.publish(stop)).catch_unwind().await.ok()) });
        }
    }

    fn note(&self, state: &mut State, event: Result<Event, tokio::task::JoinError>) {
        let now = self.clock.now();
        match event {
            Ok(Event::Harvested(ids, ended)) => {
                if ended.is_none() {
                    error!(
                        "harvesting {} broke off inside guichet: a fault of the program, please report it with this log; the sources are asked again after a pause",
                        ids.join(", ")
                    );
                }
                state.harvested(&ids, ended.unwrap_or_default().changed, now);
            }
            Ok(Event::Published(how)) => {
                let how = how.unwrap_or_else(|| {
                    Published::Failed(
                        "it broke off inside guichet, a fault of the program: please report it with this log"
                            .to_owned(),
                    )
                });
                match &how {
                    Published::Written => info!("a new publication is in place"),
                    Published::Unchanged => {
                        info!("nothing changed since the last publication, none was written")
                    }
                    Published::Refused(gate) => {
                        error!("the publication was refused, the one before stays in place: {gate}")
                    }
                    Published::Failed(cause) => {
                        error!("the publication failed, the one before stays in place: {cause}")
                    }
                }
                state.publish_ended(&how, now);
            }
            // Only a dropped task ends so, and nothing is dropped before the drain.
            Err(cause) => warn!("a task was dropped: {cause}"),
        }
    }

    fn tell(&self, told: &mut Option<Standing>, state: &State, decision: Decision) {
        let standing = Standing {
            running: state.running().map(str::to_owned).collect(),
            publishing: state.publishing,
            next: decision.next,
            publish_by: decision.publish_by,
        };
        if told.as_ref() != Some(&standing) {
            self.jobs.standing(&standing);
            *told = Some(standing);
        }
    }

    async fn drain(&self, mut state: State, mut tasks: JoinSet<Event>) -> Ended {
        loop {
            self.pulse.beat();
            tokio::select! {
                // What has already ended is noted before anything is dropped.
                biased;
                event = tasks.join_next() => match event {
                    Some(event) => self.note(&mut state, event),
                    None => return Ended::Drained,
                },
                () = self.stop.now() => {
                    tasks.shutdown().await;
                    return Ended::CutShort;
                }
                () = tokio::time::sleep(self.tick) => {}
            }
        }
    }
}

/// How long to sleep: until the next moment that matters, within bounds.
fn nap(decision: &Decision, now: Timestamp, tick: Duration) -> Duration {
    decision
        .wake
        .and_then(|at| Duration::try_from(at.duration_since(now)).ok())
        .map_or(tick, |until| until.clamp(PAUSE.min(tick), tick))
}

#[cfg(test)]
#[path = "supervise_tests.rs"]
mod tests;
