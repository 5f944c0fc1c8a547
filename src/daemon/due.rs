//! What should start now, and when to look again: pure functions of the plan, the moment and what
//! is under way.
//!
//! In: what the store and the configuration say ([`Plan`]), what the supervisor has running
//! ([`State`]). Out: a [`Decision`]. No timer, no I/O, no randomness: jitter comes from the
//! source's id, so that a test and an operator can tell when a source is asked again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::cron::Schedule;

/// First pause after a failure, doubled with each further one.
const RETRY_BASE: SignedDuration = SignedDuration::from_mins(5);

/// Longest pause after failures: no source is ever given up, each is asked at least once a day.
pub const RETRY_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A publication that something changed for waits while a source that has not had its turn is due
/// within this time: it is the width over which inherited schedules are spread.
pub const SETTLE: SignedDuration = super::cron::SPREAD;

/// Pause after a publication that failed for a reason of ours (a full disk, say).
const PUBLISH_RETRY: SignedDuration = SignedDuration::from_mins(15);

/// What the configuration and the store say at one moment.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Every enabled source.
    pub sources: Vec<Due>,
    /// The publication's side.
    pub publication: Publication,
}

/// One enabled source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub id: String,
    /// When it is due, from the store; a moment in the past is a missed run, caught up at once.
    /// `None`: never harvested, due now.
    pub next_run: Option<Timestamp>,
    /// When its last harvest ended, whatever its outcome.
    pub last_attempt: Option<Timestamp>,
    /// Its last harvest gave nothing: what comes next is another try, for which nothing waits.
    pub failing: bool,
}

/// The publication's schedule and past.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    /// When to publish at the latest; `None`: only after harvests.
    pub schedule: Option<Schedule>,
    /// When the last publication was written.
    pub last: Option<Timestamp>,
    /// Whether the store holds something that the last publication does not.
    pub changed: bool,
}

/// What the supervisor remembers between two looks. Everything in it can be lost: after a restart
/// the plan alone gives the same runs.
#[derive(Debug)]
pub struct State {
    started: Timestamp,
    /// Sources under way, with the start of their harvest.
    pub(super) running: BTreeMap<String, Timestamp>,
    /// Sources that a harvest left where they were (a crash of the job, a store that could not
    /// be written): held back here, or they would be started again without end.
    held: BTreeMap<String, Hold>,
    pub(super) publishing: bool,
    /// Something changed that no publication has been attempted for; unknown before the first plan.
    fresh: Option<bool>,
    published: Option<Timestamp>,
    not_before: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Hold {
    started: Timestamp,
    until: Timestamp,
    times: u32,
}

/// What to start, and when to look again at the latest.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    /// Sources to harvest now.
    pub harvest: Vec<String>,
    /// Whether to publish now.
    pub publish: bool,
    /// The next source and its moment, for the status line.
    pub next: Option<(Timestamp, String)>,
    /// When a publication is attempted at the latest.
    pub publish_by: Option<Timestamp>,
    /// The next moment at which something may be due.
    pub wake: Option<Timestamp>,
}

/// How a publication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// A new one is in place.
    Written,
    /// Nothing changed since the last, none was written.
    Unchanged,
    /// A gate refused it; the text says which and why.
    Refused(String),
    /// It could not be written; the text says why.
    Failed(String),
}

/// When a source is due after a harvest that ended at `ended`: store this in the transaction that
/// ends the harvest. `failures` counts harvests in a row that gave nothing, this one included.
///
/// After a success, the schedule's next slot. After failures a pause that doubles up to a day: the
/// first slot in its second half where there is one, so that a nightly source long down is asked
/// in its nightly slot; else a moment there that depends on the id, so that the sources of one
/// dead platform do not come back together. `None` beyond the year 2100.
pub fn next_run(schedule: &Schedule, ended: Timestamp, failures: u32, id: &str) -> Option<Timestamp> {
    if failures == 0 {
        return schedule.next_after(ended);
    }
    let pause = backoff(failures);
    let half = pause.as_secs() / 2;
    let early = ended.checked_add(SignedDuration::from_secs(half)).ok()?;
    let late = ended.checked_add(pause).ok()?;
    match schedule.next_after(early) {
        Some(slot) if slot <= late => Some(slot),
        _ => {
            let seed = u64::from(failures);
            let hash = xxhash_rust::xxh3::xxh3_64_with_seed(id.as_bytes(), seed);
            let jitter = hash % half.unsigned_abs().max(1);
            let jitter = SignedDuration::from_secs(i64::try_from(jitter).unwrap_or(0));
            early.checked_add(jitter).ok()
        }
    }
}

fn backoff(times: u32) -> SignedDuration {
    let doubled = RETRY_BASE.checked_mul(1_i32.checked_shl(times.saturating_sub(1).min(20)).unwrap_or(1));
    doubled.unwrap_or(RETRY_MAX).min(RETRY_MAX)
}

impl State {
    /// Nothing under way yet.
    pub fn new(now: Timestamp) -> Self {
        State {
            started: now,
            running: BTreeMap::new(),
            held: BTreeMap::new(),
            publishing: false,
            fresh: None,
            published: None,
            not_before: None,
        }
    }

    /// Sources under way, in the order of their ids.
    pub fn running(&self) -> impl Iterator<Item = &str> {
        self.running.keys().map(String::as_str)
    }

    /// Notes the start of a harvest.
    pub(super) fn harvesting(&mut self, ids: &[String], now: Timestamp) {
        self.running.extend(ids.iter().map(|id| (id.clone(), now)));
    }

    /// Notes its end. `changed`: it changed something that a publication shows.
    pub(super) fn harvested(&mut self, ids: &[String], changed: bool, now: Timestamp) {
        for id in ids {
            let Some(started) = self.running.remove(id) else {
                continue;
            };
            let times = self.held.get(id).map_or(1, |hold| hold.times.saturating_add(1));
            let until = now.checked_add(backoff(times)).unwrap_or(Timestamp::MAX);
            // Dropped at the next look when the store says that the source has moved on.
            self.held.insert(id.clone(), Hold { started, until, times });
        }
        if changed {
            self.fresh = Some(true);
        }
    }

    /// Notes the start of a publication: what changes from now on is for the one after.
    pub(super) fn publish_started(&mut self, now: Timestamp) {
        self.publishing = true;
        self.fresh = Some(false);
        self.published = Some(now);
    }

    /// Notes its end.
    pub(super) fn publish_ended(&mut self, how: &Published, now: Timestamp) {
        self.publishing = false;
        self.not_before = None;
        if matches!(how, Published::Failed(_)) {
            self.fresh = Some(true);
            self.not_before = now.checked_add(PUBLISH_RETRY).ok();
        }
    }

    /// What should start at `now`. Starting is the caller's business.
    pub fn decide(&mut self, plan: &Plan, now: Timestamp) -> Decision {
        let fresh = *self.fresh.get_or_insert(plan.publication.changed);
        let waiting = self.waiting(plan);
        let harvest: Vec<String> = waiting.iter().filter(|(at, _)| *at <= now).map(|(_, due)| due.id.clone()).collect();
        let publish_by = self.publish_by(&plan.publication);
        let publish = self.publishes(plan, &waiting, publish_by, fresh, now);
        let next = waiting.iter().filter(|(at, _)| *at > now).min_by_key(|(at, due)| (*at, &due.id));
        let next = next.map(|(at, due)| (*at, due.id.clone()));
        let moments = [next.as_ref().map(|(at, _)| *at), publish_by, self.not_before];
        let wake = moments.into_iter().flatten().filter(|at| *at > now).min();
        Decision { harvest, publish, next, publish_by, wake }
    }

    /// Sources not under way, each with the moment it is due.
    fn waiting<'p>(&mut self, plan: &'p Plan) -> Vec<(Timestamp, &'p Due)> {
        let idle = plan.sources.iter().filter(|due| !self.running.contains_key(&due.id));
        let mut waiting = Vec::new();
        for due in idle {
            let mut at = due.next_run.unwrap_or(Timestamp::MIN);
            if let Some(hold) = self.held.get(&due.id) {
                if at > hold.started {
                    self.held.remove(&due.id);
                } else {
                    at = hold.until;
                }
            }
            waiting.push((at, due));
        }
        waiting
    }

    fn last_publication(&self, publication: &Publication) -> Option<Timestamp> {
        publication.last.max(self.published)
    }

    fn publish_by(&self, publication: &Publication) -> Option<Timestamp> {
        let since = self.last_publication(publication).unwrap_or(self.started);
        publication.schedule.as_ref()?.next_after(since)
    }

    fn publishes(
        &self,
        plan: &Plan,
        waiting: &[(Timestamp, &Due)],
        publish_by: Option<Timestamp>,
        fresh: bool,
        now: Timestamp,
    ) -> bool {
        if self.publishing {
            return false;
        }
        // A slot missed while the daemon was down first lets the missed harvests happen.
        let missed = publish_by.is_some_and(|by| by <= self.started);
        if !missed && publish_by.is_some_and(|by| by <= now) {
            return true;
        }
        if !(fresh || missed) || !self.running.is_empty() || self.not_before.is_some_and(|at| at > now) {
            return false;
        }
        // The night's harvests have ended when no source that has not had its turn since the last
        // publication is due soon. A source that is down holds nothing back.
        let last = self.last_publication(&plan.publication);
        let mut horizon = now.checked_add(SETTLE).unwrap_or(Timestamp::MAX);
        if !missed {
            horizon = horizon.min(publish_by.unwrap_or(Timestamp::MAX));
        }
        !waiting.iter().any(|(at, due)| *at <= horizon && !due.failing && due.last_attempt <= last)
    }
}

#[cfg(test)]
#[path = "due_tests.rs"]
mod tests;
