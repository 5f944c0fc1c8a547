use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::SignedDuration;

use super::super::cron::Schedule;
use super::super::due::{Due, Publication, next_run};
use super::super::notify::Heartbeat;
use super::super::shutdown::{Phase, StopHandle, stop};
use super::*;

/// A region of sources kept in memory, with a script for each.
struct World {
    clock: Clock,
    sources: Mutex<BTreeMap<String, Source>>,
    publication: Mutex<Publication>,
    log: Mutex<Vec<String>>,
    blind: Mutex<bool>,
}

#[derive(Clone)]
struct Source {
    schedule: Schedule,
    due: Due,
    takes: Duration,
    how: How,
    failures: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Changes,
    Same,
    Fails,
    Breaks,
}

impl World {
    fn new(now: &str) -> Self {
        let publication = Publication {
            schedule: Some(Schedule::parse("30 6 * * *", "UTC").unwrap()),
            last: Some(now.parse().unwrap()),
            changed: false,
        };
        World {
            clock: Clock::ticking(now.parse().unwrap()),
            sources: Mutex::default(),
            publication: Mutex::new(publication),
            log: Mutex::default(),
            blind: Mutex::default(),
        }
    }

    fn with(self, id: &str, schedule: &str, takes_s: u64, how: How) -> Self {
        let schedule = Schedule::parse(schedule, "UTC").unwrap();
        let now = self.clock.now();
        let due =
            Due { id: id.to_owned(), next_run: schedule.next_after(now), last_attempt: Some(now), failing: false };
        let source = Source { schedule, due, takes: Duration::from_secs(takes_s), how, failures: 0 };
        self.sources.lock().unwrap().insert(id.to_owned(), source);
        self
    }

    fn say(&self, what: &str) {
        let at = self.clock.now().strftime("%dT%H:%M:%S");
        self.log.lock().unwrap().push(format!("{at} {what}"));
    }

    fn said(&self, what: &str) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.ends_with(what)).map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }
}

impl Jobs for World {
    async fn plan(&self, _now: Timestamp) -> Result<Plan, Box<dyn std::error::Error + Send + Sync>> {
        if *self.blind.lock().unwrap() {
            return Err("disk I/O error".into());
        }
        let sources = self.sources.lock().unwrap().values().map(|s| s.due.clone()).collect();
        Ok(Plan { sources, publication: self.publication.lock().unwrap().clone() })
    }

    async fn harvest(&self, ids: Vec<String>, stop: Stop) -> Harvested {
        let mut changed = false;
        for id in ids {
            self.say(&format!("start {id}"));
            let source = self.sources.lock().unwrap()[&id].clone();
            tokio::select! {
                () = tokio::time::sleep(source.takes) => {}
                () = stop.now() => return Harvested::default(),
            }
            assert!(source.how != How::Breaks, "scripted");
            let failures = if source.how == How::Fails { source.failures + 1 } else { 0 };
            let now = self.clock.now();
            let mut sources = self.sources.lock().unwrap();
            let entry = sources.get_mut(&id).unwrap();
            entry.failures = failures;
            entry.due.last_attempt = Some(now);
            entry.due.next_run = next_run(&source.schedule, now, failures, &id);
            drop(sources);
            self.say(&format!("end {id}"));
            changed |= source.how == How::Changes;
        }
        Harvested { changed }
    }

    async fn publish(&self, _stop: Stop) -> Published {
        tokio::time::sleep(Duration::from_secs(60)).await;
        self.publication.lock().unwrap().last = Some(self.clock.now());
        self.say("published");
        Published::Written
    }

    fn standing(&self, standing: &Standing) {
        if standing.running.len() > 1 {
            self.say("together");
        }
    }
}

struct Running {
    handle: StopHandle,
    heart: Heartbeat,
    task: tokio::task::JoinHandle<Ended>,
}

fn start(world: &Arc<World>) -> Running {
    let (handle, stop) = stop();
    let heart = Heartbeat::new();
    let supervisor = Supervisor {
        jobs: world.clone(),
        clock: world.clock,
        wake: Arc::default(),
        pulse: heart.scheduler.clone(),
        stop,
        tick: TICK,
    };
    Running { handle, heart, task: tokio::spawn(supervisor.run()) }
}

async fn hours(n: u64) {
    tokio::time::sleep(Duration::from_secs(n * 3600)).await;
}

#[tokio::test(start_paused = true)]
async fn three_nights_pass_as_the_schedules_say_and_each_is_published_once_early_and_once_at_its_slot() {
    let world = World::new("2026-11-23T12:00:00Z").with("nimes", "17 3 * * *", 120, How::Changes).with(
        "albi",
        "40 3 * * *",
        60,
        How::Same,
    );
    let world = Arc::new(world);
    let running = start(&world);
    hours(66).await;
    assert_eq!(world.said("start nimes"), ["24T03:17:00", "25T03:17:00", "26T03:17:00"]);
    assert_eq!(world.said("start albi"), ["24T03:40:00", "25T03:40:00", "26T03:40:00"]);
    assert_eq!(world.said("published"), ["24T03:42:00", "24T06:31:00", "25T03:42:00", "25T06:31:00", "26T03:42:00"]);
    running.handle.advance(Phase::Draining);
    assert_eq!(running.task.await.unwrap(), Ended::Drained);
}

#[tokio::test(start_paused = true)]
async fn a_slow_source_holds_back_no_other() {
    let world = World::new("2026-11-24T03:00:00Z").with("slow", "10 3 * * *", 4 * 3600, How::Same).with(
        "quick",
        "30 3 * * *",
        1,
        How::Changes,
    );
    let world = Arc::new(world);
    let running = start(&world);
    hours(2).await;
    assert_eq!(world.said("end quick"), ["24T03:30:01"]);
    assert_eq!(world.said("together").len(), 1);
    assert!(world.said("published").is_empty(), "the night has not ended");
    hours(2).await;
    assert_eq!(world.said("published"), ["24T06:31:00"], "at the latest at its slot");
    running.handle.advance(Phase::Now);
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_breaks_is_neither_fatal_nor_repeated_without_end() {
    let world = World::new("2026-11-24T03:00:00Z").with("broken", "10 3 * * *", 1, How::Breaks).with(
        "well",
        "20 3 * * *",
        1,
        How::Changes,
    );
    let world = Arc::new(world);
    let running = start(&world);
    hours(24).await;
    let starts = world.said("start broken").len();
    assert!((4..12).contains(&starts), "{starts}");
    assert_eq!(world.said("end well").len(), 1);
    assert!(!world.said("published").is_empty());
    running.handle.advance(Phase::Now);
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failing_source_is_asked_again_and_recovers() {
    let world = Arc::new(World::new("2026-11-24T03:00:00Z").with("down", "10 3 * * *", 1, How::Fails));
    let running = start(&world);
    hours(24).await;
    let tries = world.said("start down").len();
    assert!((5..14).contains(&tries), "{tries}");
    world.sources.lock().unwrap().get_mut("down").unwrap().how = How::Changes;
    hours(25).await;
    let due = world.sources.lock().unwrap()["down"].due.clone();
    let wait = due.next_run.unwrap().duration_since(world.clock.now());
    assert!(wait <= SignedDuration::from_hours(24) && world.sources.lock().unwrap()["down"].failures == 0);
    running.handle.advance(Phase::Now);
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_is_under_way_end_and_starts_nothing_new() {
    let world = World::new("2026-11-24T03:00:00Z").with("nimes", "10 3 * * *", 300, How::Changes).with(
        "albi",
        "12 3 * * *",
        1,
        How::Changes,
    );
    let world = Arc::new(world);
    let running = start(&world);
    tokio::time::sleep(Duration::from_secs(11 * 60)).await;
    running.handle.advance(Phase::Draining);
    assert_eq!(running.task.await.unwrap(), Ended::Drained);
    assert_eq!(world.said("end nimes"), ["24T03:15:00"]);
    assert!(world.said("start albi").is_empty());
    assert!(world.said("published").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_insisting_stop_drops_what_is_under_way() {
    let world = Arc::new(World::new("2026-11-24T03:00:00Z").with("nimes", "10 3 * * *", 3600, How::Changes));
    let running = start(&world);
    tokio::time::sleep(Duration::from_secs(11 * 60)).await;
    running.handle.advance(Phase::Now);
    assert_eq!(running.task.await.unwrap(), Ended::CutShort);
    assert!(world.said("end nimes").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_stops_nothing_and_the_pulse_goes_on() {
    let world = Arc::new(World::new("2026-11-24T03:00:00Z").with("nimes", "10 3 * * *", 1, How::Changes));
    *world.blind.lock().unwrap() = true;
    let running = start(&world);
    hours(1).await;
    assert!(running.heart.scheduler.is_fresh(TICK * 2) && world.said("start nimes").is_empty());
    *world.blind.lock().unwrap() = false;
    tokio::time::sleep(TICK * 2).await;
    assert_eq!(world.said("start nimes").len(), 1, "what was missed is caught up");
    running.handle.advance(Phase::Draining);
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wake_makes_it_look_at_once() {
    let world = Arc::new(World::new("2026-11-24T12:00:00Z"));
    let (handle, stop) = stop();
    let wake = Arc::new(Notify::new());
    let supervisor = Supervisor {
        jobs: world.clone(),
        clock: world.clock,
        wake: wake.clone(),
        pulse: Heartbeat::new().scheduler,
        stop,
        tick: TICK,
    };
    let task = tokio::spawn(supervisor.run());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let new = Due { id: "new".to_owned(), next_run: None, last_attempt: None, failing: false };
    let schedule = Schedule::parse("0 3 * * *", "UTC").unwrap();
    let source = Source { schedule, due: new, takes: Duration::ZERO, how: How::Same, failures: 0 };
    world.sources.lock().unwrap().insert("new".to_owned(), source);
    wake.notify_one();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(world.said("start new"), ["24T12:00:01"]);
    handle.advance(Phase::Draining);
    task.await.unwrap();
}

#[test]
fn the_status_line_says_what_is_done_and_what_comes_next() {
    let standing = Standing {
        running: vec!["albi".to_owned(), "nimes".to_owned(), "sete".to_owned()],
        publishing: true,
        next: Some(("2026-11-24T03:17:00Z".parse().unwrap(), "tarbes".to_owned())),
        publish_by: Some("2026-11-24T05:30:00Z".parse().unwrap()),
    };
    assert_eq!(
        standing.to_string(),
        "harvesting albi and 2 more, publishing; next tarbes at 2026-11-24 03:17 UTC; publication by 2026-11-24 05:30 UTC"
    );
    assert_eq!(Standing::default().to_string(), "idle");
}
