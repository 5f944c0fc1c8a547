//! Cases 25 and 62 to 64, and what several nights and several sources decide together.

use guichet::daemon::exit::Exit;
use guichet::demo::{Page, Upstream};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::small::{Small, document, stanza};
use crate::{Ends, harvested, judge, second_night};

const EMPTY: &str = r#"{"marches": {"marche": [], "contrat-concession": []}}"#;

#[test]
fn a_304_that_never_ends_is_found_out_by_the_forced_full_fetch() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    upstream.answer("/f", |request| match request.header("if-none-match") {
        Some(_) => Page::status(304).etag("\"first\""),
        None => Page::json(document("b", 4)).etag("\"first\""),
    });
    for day in 1..7 {
        judge(&format!("25 night {day}"), &small.night(day), Ends::Unchanged);
    }
    judge("25 the seventh night asks for the whole", &small.night(7), Ends::Well(4));
    judge("25 and the next again does not", &small.night(8), Ends::Unchanged);
}

#[test]
fn a_cut_document_is_asked_for_whole_the_next_night() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    let cut = Page::json(document("a", 3)).cut_inside_record(3, "{\"acheteur\"").etag("\"cut\"");
    upstream.page("/f", cut.clone());
    judge("a cut document", &small.night(1), Ends::Partly { records: 2, says: "stops inside" });
    let again = small.night(2);
    assert_eq!((again.exit(), again.status("s").state), (Exit::Partial, "degraded"));
    assert_eq!(again.resource("main").validators.etag, None);
    upstream.page("/f", Page::json(document("a", 3)).etag("\"whole\""));
    judge("whole again", &small.night(3), Ends::Well(3));
    assert!(upstream.seen("/f").iter().skip(2).all(|r| r.header("if-none-match").is_none()));
}

#[test]
fn a_feed_that_shrinks_is_refused_and_one_that_grows_is_not() {
    let page = |n| vec![Page::json(document("a", n))];
    second_night("62 a fall by a third", page(2), Ends::Badly { says: "`max_shrink`" });
    second_night("62 a fall to nothing", vec![Page::json(EMPTY)], Ends::Badly { says: "holds 0 records" });
    second_night("62 ten times as much", page(30), Ends::Well(30));
}

#[test]
fn a_new_feed_may_be_empty_unless_the_operator_expects_something() {
    let upstream = Upstream::serving(Page::json(EMPTY)).unwrap();
    let small = Small::quick().source("s", &upstream.url("/"), "");
    judge("empty from the start", &small.night(0), Ends::Well(0));
    let small = Small::quick().source("s", &upstream.url("/"), "min_records = 1");
    judge("fewer than min_records", &small.night(0), Ends::Badly { says: "`min_records` = 1" });
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_clock_that_goes_back_or_stands_on_an_odd_day_harms_nothing() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    for (name, now) in [
        ("63 an hour back", "2026-11-24T02:00:00Z"),
        ("63 a day back", "2026-11-23T03:00:00Z"),
        ("63 a leap day", "2028-02-29T03:00:00Z"),
        ("63 beyond 2038", "2038-01-20T03:14:08Z"),
    ] {
        let night = small.at(at(now), false);
        judge(name, &night, Ends::Unchanged);
        let next = night.next_run("s");
        assert!(next > SignedDuration::ZERO && next <= SignedDuration::from_hours(24), "{name}: {next}");
    }
}

#[test]
fn the_nights_of_the_clock_change_have_one_harvest_each() {
    let upstream = Upstream::serving(crate::good()).unwrap();
    let small = Small::quick().source("s", &upstream.url("/"), "schedule = \"30 2 * * *\"");
    for (now, next) in [
        ("2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("2026-03-29T01:05:00Z", "2026-03-30T00:30:00Z"),
        ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("2026-10-25T00:35:00Z", "2026-10-26T01:30:00Z"),
    ] {
        let planned = small.at(at(now), false).status("s").next_run;
        assert_eq!(planned.as_deref(), Some(next), "63 after {now}");
    }
}

#[test]
fn two_sources_of_one_address_and_two_resources_of_one_address_are_each_harvested() {
    let upstream = Upstream::serving(Page::json(document("a", 3))).unwrap();
    let small = Small::quick();
    small.sources(&(stanza("one", &upstream.url("/"), "") + &stanza("two", &upstream.url("/"), "")));
    let night = small.night(0);
    assert_eq!((night.exit(), upstream.requests("/")), (Exit::Done, 2));
    assert_eq!((night.status("one").records.accepted, night.status("two").records.accepted), (3, 3));
    let list = json!([{"id": "a", "name": "n", "url": "/"}, {"id": "b", "name": "n", "url": "/"}]);
    upstream.page("/show", Page::json(json!({"success": true, "result": {"resources": list}}).to_string()));
    let small = Small::quick().source("s", &upstream.url("/show"), "catalog = \"ckan\"");
    let night = small.night(0);
    assert_eq!((night.exit(), night.standing()), (Exit::Done, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(night.status("s").records.received, 6);
}

/// So many sources that answer, and so many that do not.
fn crowd(small: &Small, upstream: &Upstream, good: usize, bad: usize) {
    let mut toml = String::new();
    for i in 0..good + bad {
        let path = format!("/{i}");
        let page = if i < good { Page::json(document("a", 2)) } else { Page::status(404) };
        upstream.page(&path, page);
        toml.push_str(&stanza(&format!("s{i}"), &upstream.url(&path), "schedule = \"17 3 * * *\""));
    }
    small.sources(&toml);
}

#[test]
fn when_more_than_half_of_the_sources_fail_at_once_it_is_our_outage_and_counts_against_none() {
    let upstream = Upstream::start().unwrap();
    let small = Small::quick();
    crowd(&small, &upstream, 2, 3);
    let night = small.night(0);
    assert_eq!((night.exit(), night.report.outage.is_some()), (Exit::Partial, true));
    for id in ["s2", "s3", "s4"] {
        let status = night.status(id);
        assert_eq!((status.consecutive_failures, status.state), (0, "degraded"), "{id}");
        let told = status.last_error.unwrap();
        assert!(told.contains("404") && told.contains("3 of 5 sources failed at once"), "{told}");
        // Soon, and not all in the same second.
        assert!(night.next_run(id) <= SignedDuration::from_mins(20), "{id}: {}", night.next_run(id));
    }
    assert_eq!(night.status("s0").state, "ok");
    // Half is not more than half.
    crowd(&small, &upstream, 3, 2);
    let night = small.night(1);
    assert!(night.report.outage.is_none());
    assert_eq!((night.status("s3").consecutive_failures, night.status("s2").consecutive_failures), (1, 0));
    // Nobody at all: still no reason to blame them.
    crowd(&small, &upstream, 0, 5);
    let night = small.night(2);
    assert_eq!((night.exit(), night.status("s3").consecutive_failures), (Exit::Failed, 1));
}

#[test]
fn a_source_that_keeps_failing_is_asked_less_and_less_but_once_a_day_for_ever() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    upstream.page("/f", Page::status(404));
    let (mut now, mut gaps) = (at("2026-11-25T03:17:00Z"), Vec::new());
    for n in 1..=14 {
        let night = small.at(now, false);
        let status = night.status("s");
        assert_eq!(status.consecutive_failures, n);
        let gap = night.next_run("s");
        assert!(gap > SignedDuration::from_mins(2) && gap <= SignedDuration::from_hours(24), "{n}: {gap}");
        gaps.push(gap);
        let since = now.duration_since(at("2026-11-24T03:00:00Z"));
        let expected = if since >= SignedDuration::from_hours(7 * 24) { "failing" } else { "degraded" };
        assert_eq!(status.state, expected, "after {since}");
        assert_eq!(night.resource("main").records, 3);
        now += gap;
    }
    assert!(gaps[0] <= SignedDuration::from_mins(5) && gaps[13] >= SignedDuration::from_hours(12), "{gaps:?}");
    // The day it comes back, all is forgiven.
    upstream.page("/f", crate::good());
    let night = small.at(now, false);
    assert_eq!((night.exit(), night.status("s").state, night.status("s").consecutive_failures), (Exit::Done, "ok", 0));
}

#[test]
fn a_harvest_that_we_stop_is_no_failure_of_the_sources_and_stays_due() {
    let upstream = Upstream::start().unwrap();
    let small = Small::quick();
    crowd(&small, &upstream, 4, 0);
    small.night(0);
    let due = at("2026-11-25T03:17:00Z");
    let (handle, stop) = guichet::daemon::shutdown::stop();
    handle.advance(guichet::daemon::shutdown::Phase::Draining);
    let night = small.until(due, false, stop);
    assert!(night.report.outage.is_none());
    let states = night.pipeline.store.snapshot().unwrap().sources().unwrap();
    for state in states {
        assert_eq!(state.consecutive_failures, 0);
        assert!(state.next_run.unwrap().parse::<Timestamp>().unwrap() <= due, "it is no longer due");
        assert!(state.last_error.unwrap().contains("stopped before its end"));
    }
}
