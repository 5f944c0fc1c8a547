use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn nightly() -> Schedule {
    Schedule::parse("17 3 * * *", "Europe/Paris").unwrap()
}

fn due(id: &str, next: &str, last: &str) -> Due {
    Due { id: id.to_owned(), next_run: Some(at(next)), last_attempt: Some(at(last)), failing: false }
}

fn plan(sources: Vec<Due>, last: &str) -> Plan {
    let schedule = Schedule::parse("30 6 * * *", "UTC").unwrap();
    let publication = Publication { schedule: Some(schedule), last: Some(at(last)), changed: false };
    Plan { sources, publication }
}

#[test]
fn a_source_that_answers_is_due_at_its_next_slot() {
    let next = next_run(&nightly(), at("2026-11-24T02:40:00Z"), 0, "nimes").unwrap();
    assert_eq!(next, at("2026-11-25T02:17:00Z"));
}

#[test]
fn a_failing_source_is_asked_again_soon_then_ever_more_rarely_but_every_day() {
    let mut ended = at("2026-11-24T02:40:00Z");
    for failures in 1..40 {
        let next = next_run(&nightly(), ended, failures, "nimes").unwrap();
        let pause = next.duration_since(ended);
        let most = backoff(failures);
        assert!(pause >= most / 2 && pause <= most, "{failures}: {pause}");
        assert!(pause <= RETRY_MAX);
        ended = next;
    }
    assert_eq!(backoff(1), RETRY_BASE);
    assert_eq!(backoff(u32::MAX), RETRY_MAX);
}

#[test]
fn a_nightly_source_long_down_is_asked_in_its_nightly_slot() {
    let ended = at("2026-11-24T02:20:00Z");
    assert_eq!(next_run(&nightly(), ended, 30, "nimes").unwrap(), at("2026-11-25T02:17:00Z"));
}

#[test]
fn a_busy_source_that_fails_is_slowed_down() {
    let often = Schedule::parse("*/5 * * * *", "UTC").unwrap();
    let next = next_run(&often, at("2026-11-24T02:00:00Z"), 30, "ted").unwrap();
    assert_eq!(next, at("2026-11-24T14:05:00Z"), "the first slot after half a day");
}

#[test]
fn sources_of_one_dead_platform_do_not_come_back_together() {
    let ended = at("2026-11-24T10:00:00Z");
    let of = |id| next_run(&nightly(), ended, 6, id).unwrap();
    assert_ne!(of("nimes"), of("albi"));
    assert_eq!(of("nimes"), of("nimes"));
}

#[test]
fn a_missed_run_is_caught_up_at_once_and_a_new_source_does_not_wait() {
    let now = at("2026-11-24T09:00:00Z");
    let mut plan = plan(
        vec![
            due("missed", "2026-11-24T02:17:00Z", "2026-11-23T02:20:00Z"),
            due("later", "2026-11-25T02:17:00Z", "2026-11-24T02:20:00Z"),
        ],
        "2026-11-24T07:00:00Z",
    );
    plan.sources.push(Due { id: "new".to_owned(), next_run: None, last_attempt: None, failing: false });
    let decision = State::new(now).decide(&plan, now);
    assert_eq!(decision.harvest, ["missed", "new"]);
    assert_eq!(decision.next.unwrap().1, "later");
    assert!(!decision.publish);
}

#[test]
fn a_source_under_way_is_not_started_twice() {
    let now = at("2026-11-24T02:17:00Z");
    let plan = plan(vec![due("nimes", "2026-11-24T02:17:00Z", "2026-11-23T02:20:00Z")], "2026-11-23T06:30:00Z");
    let mut state = State::new(now);
    assert_eq!(state.decide(&plan, now).harvest, ["nimes"]);
    state.harvesting(&["nimes".to_owned()], now);
    assert!(state.decide(&plan, now).harvest.is_empty());
}

#[test]
fn a_harvest_that_leaves_its_source_due_is_not_repeated_without_end() {
    let mut now = at("2026-11-24T02:17:00Z");
    let ids = ["nimes".to_owned()];
    let stuck = plan(vec![due("nimes", "2026-11-24T02:17:00Z", "2026-11-23T02:20:00Z")], "2026-11-23T06:30:00Z");
    let mut state = State::new(now);
    let mut starts = 0;
    for _ in 0..24 * 60 {
        if !state.decide(&stuck, now).harvest.is_empty() {
            starts += 1;
            state.harvesting(&ids, now);
            state.harvested(&ids, false, now);
        }
        now = now.checked_add(SignedDuration::from_mins(1)).unwrap();
    }
    assert!((5..12).contains(&starts), "{starts}");
    // The store recovers: the source is no longer held.
    let well = plan(vec![due("nimes", "2026-11-25T02:18:00Z", "2026-11-25T02:17:00Z")], "2026-11-23T06:30:00Z");
    assert_eq!(state.decide(&well, at("2026-11-25T02:18:00Z")).harvest, ["nimes"]);
}

#[test]
fn the_publication_waits_for_the_night_and_comes_when_it_has_ended() {
    let mut state = State::new(at("2026-11-23T20:00:00Z"));
    let first = due("a", "2026-11-25T02:17:00Z", "2026-11-24T02:20:00Z");
    let second = due("b", "2026-11-24T02:50:00Z", "2026-11-23T02:55:00Z");
    let night = plan(vec![first.clone(), second], "2026-11-23T06:30:00Z");
    state.decide(&night, at("2026-11-24T02:00:00Z"));
    state.harvesting(&["a".to_owned()], at("2026-11-24T02:17:00Z"));
    state.harvested(&["a".to_owned()], true, at("2026-11-24T02:20:00Z"));
    assert!(!state.decide(&night, at("2026-11-24T02:20:00Z")).publish, "b is still to come");

    state.harvesting(&["b".to_owned()], at("2026-11-24T02:50:00Z"));
    assert!(!state.decide(&night, at("2026-11-24T02:52:00Z")).publish, "b is under way");
    state.harvested(&["b".to_owned()], false, at("2026-11-24T02:55:00Z"));
    let done = plan(vec![first, due("b", "2026-11-25T02:50:00Z", "2026-11-24T02:55:00Z")], "2026-11-23T06:30:00Z");
    assert!(state.decide(&done, at("2026-11-24T02:55:00Z")).publish);

    state.publish_started(at("2026-11-24T02:55:00Z"));
    state.publish_ended(&Published::Written, at("2026-11-24T02:56:00Z"));
    let published = plan(done.sources, "2026-11-24T02:56:00Z");
    assert!(!state.decide(&published, at("2026-11-24T02:57:00Z")).publish);
    let by = state.decide(&published, at("2026-11-24T02:57:00Z")).publish_by;
    assert_eq!(by, Some(at("2026-11-24T06:30:00Z")), "its slot still looks whether anything is left");
}

#[test]
fn a_failing_source_holds_no_publication_up() {
    let mut state = State::new(at("2026-11-24T02:00:00Z"));
    // Tried once tonight, and to be tried again in ten minutes.
    let failing = due("down", "2026-11-24T03:10:00Z", "2026-11-24T03:00:00Z");
    let plan = plan(vec![failing], "2026-11-23T06:30:00Z");
    state.decide(&plan, at("2026-11-24T02:00:00Z"));
    state.harvested(&[], true, at("2026-11-24T03:00:00Z"));
    assert!(state.decide(&plan, at("2026-11-24T03:00:00Z")).publish);
}

#[test]
fn at_its_slot_it_publishes_even_while_a_slow_source_is_under_way() {
    let mut state = State::new(at("2026-11-24T02:00:00Z"));
    let plan = plan(vec![due("slow", "2026-11-24T02:17:00Z", "2026-11-23T02:20:00Z")], "2026-11-23T06:30:00Z");
    state.decide(&plan, at("2026-11-24T02:17:00Z"));
    state.harvesting(&["slow".to_owned()], at("2026-11-24T02:17:00Z"));
    assert!(!state.decide(&plan, at("2026-11-24T06:29:59Z")).publish);
    assert!(state.decide(&plan, at("2026-11-24T06:30:00Z")).publish);
    state.publish_started(at("2026-11-24T06:30:00Z"));
    assert!(!state.decide(&plan, at("2026-11-24T06:31:00Z")).publish, "not twice");
    state.publish_ended(&Published::Unchanged, at("2026-11-24T06:32:00Z"));
    assert!(!state.decide(&plan, at("2026-11-24T06:33:00Z")).publish, "nor for the same slot");
    // The slow one ends, with a change: again.
    state.harvested(&["slow".to_owned()], true, at("2026-11-24T08:00:00Z"));
    let after = self::plan(vec![due("slow", "2026-11-25T02:17:00Z", "2026-11-24T08:00:00Z")], "2026-11-23T06:30:00Z");
    assert!(state.decide(&after, at("2026-11-24T08:00:00Z")).publish);
}

#[test]
fn a_change_by_day_is_published_though_nightly_sources_are_still_to_come() {
    let mut state = State::new(at("2026-11-24T07:00:00Z"));
    let by_day = plan(
        vec![
            due("nightly", "2026-11-25T02:17:00Z", "2026-11-24T02:20:00Z"),
            due("six-hourly", "2026-11-24T18:00:00Z", "2026-11-24T12:01:00Z"),
        ],
        "2026-11-24T06:30:00Z",
    );
    state.decide(&by_day, at("2026-11-24T11:59:00Z"));
    state.harvested(&["six-hourly".to_owned()], true, at("2026-11-24T12:01:00Z"));
    assert!(state.decide(&by_day, at("2026-11-24T12:01:00Z")).publish);
}

#[test]
fn a_slot_missed_while_down_lets_the_missed_harvests_happen_first() {
    let start = at("2026-11-24T09:00:00Z");
    let mut state = State::new(start);
    let missed = due("nimes", "2026-11-24T02:17:00Z", "2026-11-23T02:20:00Z");
    let plan = plan(vec![missed], "2026-11-23T06:30:00Z");
    let decision = state.decide(&plan, start);
    assert_eq!((decision.harvest, decision.publish), (vec!["nimes".to_owned()], false));
    state.harvesting(&["nimes".to_owned()], start);
    assert!(!state.decide(&plan, start).publish);
    state.harvested(&["nimes".to_owned()], false, at("2026-11-24T09:02:00Z"));
    let mut after = plan;
    after.sources = vec![due("nimes", "2026-11-25T02:17:00Z", "2026-11-24T09:02:00Z")];
    assert!(state.decide(&after, at("2026-11-24T09:02:00Z")).publish);
}

#[test]
fn what_was_harvested_before_a_restart_is_still_published() {
    let start = at("2026-11-24T04:00:00Z");
    let mut plan = plan(vec![due("nimes", "2026-11-25T02:17:00Z", "2026-11-24T02:20:00Z")], "2026-11-23T06:30:00Z");
    assert!(!State::new(start).decide(&plan, start).publish);
    plan.publication.changed = true;
    assert!(State::new(start).decide(&plan, start).publish);
}

#[test]
fn a_refused_publication_waits_for_a_change_and_a_failed_one_is_tried_again() {
    let plan = plan(vec![due("nimes", "2026-11-25T02:17:00Z", "2026-11-24T07:00:00Z")], "2026-11-24T06:30:00Z");
    let now = at("2026-11-24T07:00:00Z");
    let mut state = State::new(now);
    state.decide(&plan, now);
    state.harvested(&[], true, now);
    assert!(state.decide(&plan, now).publish);
    state.publish_started(now);
    state.publish_ended(&Published::Refused("max_drop".to_owned()), now);
    assert!(!state.decide(&plan, at("2026-11-24T12:00:00Z")).publish);
    state.harvested(&[], true, at("2026-11-24T12:00:00Z"));
    assert!(state.decide(&plan, at("2026-11-24T12:00:00Z")).publish);

    state.publish_started(at("2026-11-24T12:00:00Z"));
    state.publish_ended(&Published::Failed("no space".to_owned()), at("2026-11-24T12:01:00Z"));
    let soon = state.decide(&plan, at("2026-11-24T12:02:00Z"));
    assert!(!soon.publish);
    assert_eq!(soon.wake, Some(at("2026-11-24T12:16:00Z")));
    assert!(state.decide(&plan, at("2026-11-24T12:16:00Z")).publish);
}

#[test]
fn without_a_slot_only_changes_publish() {
    let start = at("2026-11-24T04:00:00Z");
    let mut plan = plan(Vec::new(), "2026-11-23T06:30:00Z");
    plan.publication.schedule = None;
    let mut state = State::new(start);
    let decision = state.decide(&plan, at("2026-12-24T04:00:00Z"));
    assert!(!decision.publish && decision.wake.is_none() && decision.publish_by.is_none());
}

#[test]
fn a_source_that_is_down_holds_no_publication_back() {
    let ended = at("2026-11-24T10:00:00Z");
    let mut dead = due("dead", "2026-11-24T10:04:00Z", "2026-11-24T09:58:00Z");
    let late = due("late", "2026-11-25T02:17:00Z", "2026-11-24T10:00:00Z");
    let publishes = |dead: &Due| {
        let mut state = State::new(at("2026-11-24T09:00:00Z"));
        let plan = plan(vec![dead.clone(), late.clone()], "2026-11-24T09:59:00Z");
        state.decide(&plan, ended);
        state.harvesting(&["late".to_owned()], ended);
        state.harvested(&["late".to_owned()], true, ended);
        state.decide(&plan, ended).publish
    };
    assert!(!publishes(&dead), "one that has not had its turn is waited for");
    dead.failing = true;
    assert!(publishes(&dead));
}
