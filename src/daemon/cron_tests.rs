use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::config::SourceSchedule;

const PARIS: &str = "Europe/Paris";

/// Zones whose changes differ: at two, at one UTC, by half an hour, at midnight (forward or back),
/// none at all.
const ZONES: [&str; 9] = [
    PARIS,
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "America/Santiago",
    "Asia/Beirut",
    "Asia/Kolkata",
    "UTC",
];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The runs within a local day or more, as local time with offset.
fn runs(line: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
    let schedule = Schedule::parse(line, zone).unwrap();
    let zone = TimeZone::get(zone).unwrap();
    let until = at(until);
    std::iter::successors(schedule.next_after(at(from)), |last| schedule.next_after(*last))
        .take_while(|run| *run < until)
        .map(|run| run.to_zoned_datetime(zone.clone()).strftime("%m-%dT%H:%M%:z").to_string())
        .collect()
}

#[test]
fn an_hour_that_spring_skips_runs_once_right_after_the_gap() {
    let night = |line| runs(line, PARIS, "2026-03-28T22:59:59Z", "2026-03-29T22:00:00Z");
    assert_eq!(night("30 2 * * *"), ["03-29T03:00+02:00"]);
    assert_eq!(night("0 2 * * *"), ["03-29T03:00+02:00"]);
    assert_eq!(night("0 3 * * *"), ["03-29T03:00+02:00"]);
    assert_eq!(night("0,30 2,3 * * *"), ["03-29T03:00+02:00", "03-29T03:30+02:00"]);
    assert_eq!(night("* 2 * * *"), ["03-29T03:00+02:00"]);
    assert_eq!(night("17 3 * * *"), ["03-29T03:17+02:00"]);
}

#[test]
fn an_hour_that_autumn_repeats_runs_once_the_first_time() {
    let night = |line| runs(line, PARIS, "2026-10-24T21:59:59Z", "2026-10-25T23:00:00Z");
    assert_eq!(night("30 2 * * *"), ["10-25T02:30+02:00"]);
    assert_eq!(night("0 2 * * *"), ["10-25T02:00+02:00"]);
    assert_eq!(night("0 3 * * *"), ["10-25T03:00+01:00"]);
    assert_eq!(night("0 1-3 * * *"), ["10-25T01:00+02:00", "10-25T02:00+02:00", "10-25T03:00+01:00"]);
    assert_eq!(night("* 2 * * *").len(), 60);
    assert!(night("* 2 * * *").iter().all(|run| run.ends_with("+02:00")));
}

#[test]
fn star_hours_follow_real_time_through_both_changes() {
    let spring = |line| runs(line, PARIS, "2026-03-28T22:59:59Z", "2026-03-29T22:00:00Z");
    let autumn = |line| runs(line, PARIS, "2026-10-24T21:59:59Z", "2026-10-25T23:00:00Z");
    assert_eq!(spring("*/15 * * * *").len(), 23 * 4);
    assert_eq!(autumn("*/15 * * * *").len(), 25 * 4);
    assert_eq!(
        spring("0 */6 * * *"),
        ["03-29T00:00+01:00", "03-29T06:00+02:00", "03-29T12:00+02:00", "03-29T18:00+02:00"]
    );
    assert_eq!(
        autumn("0 */6 * * *"),
        ["10-25T00:00+02:00", "10-25T06:00+01:00", "10-25T12:00+01:00", "10-25T18:00+01:00"]
    );
    assert_eq!(autumn("0 */2 * * *")[..3], ["10-25T00:00+02:00", "10-25T02:00+02:00", "10-25T02:00+01:00"]);
    assert_eq!(spring("59 * * * *")[1..3], ["03-29T01:59+01:00", "03-29T03:59+02:00"]);
}

#[test]
fn fifteen_minutes_stay_fifteen_minutes_over_a_change() {
    let every = Schedule::parse("*/15 * * * *", PARIS).unwrap();
    for day in ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"] {
        let mut last = at(day);
        for _ in 0..12 {
            let next = every.next_after(last).unwrap();
            assert_eq!(next.duration_since(last), SignedDuration::from_mins(15));
            last = next;
        }
    }
}

#[test]
fn sunday_is_0_and_7_and_weekdays_are_not_shifted() {
    let week = |line| runs(line, PARIS, "2026-11-22T23:00:00Z", "2026-11-29T23:00:00Z");
    for line in ["0 3 * * 0", "0 3 * * 7", "0 3 * * SUN"] {
        assert_eq!(week(line), ["11-29T03:00+01:00"], "{line}");
    }
    for line in ["0 3 * * 1", "0 3 * * MON", "0 3 * * mon"] {
        assert_eq!(week(line), ["11-23T03:00+01:00"], "{line}");
    }
    assert_eq!(week("0 3 * * MON-FRI").len(), 5);
}

#[test]
fn a_day_and_a_weekday_are_joined_by_or() {
    let december = |line| runs(line, PARIS, "2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z");
    assert_eq!(
        december("0 3 1 * 1"),
        ["12-01T03:00+01:00", "12-07T03:00+01:00", "12-14T03:00+01:00", "12-21T03:00+01:00", "12-28T03:00+01:00"]
    );
    assert_eq!(december("0 3 1 * *"), ["12-01T03:00+01:00"]);
    assert_eq!(december("0 3 * * 1").len(), 4);
    assert_eq!(december("0 3 28 DEC MON").len(), 4, "a day that is both runs once");
    assert!(december("0 3 * JAN *").is_empty());
}

#[test]
fn a_date_that_never_comes_and_a_zone_that_does_not_exist_are_refused() {
    let never = Schedule::parse("0 3 30 2 *", PARIS).unwrap_err().to_string();
    assert!(never.contains("never comes"), "{never}");
    let zone = Schedule::parse("0 3 * * *", "Europe/Toulouse").unwrap_err().to_string();
    assert!(zone.contains("`Europe/Toulouse`"), "{zone}");
    let leap = Schedule::parse("0 3 29 2 *", PARIS).unwrap();
    assert_eq!(leap.next_after(at("2026-11-24T00:00:00Z")), Some(at("2028-02-29T02:00:00Z")));
    assert!(Schedule::parse("0 3 30 2 MON", PARIS).is_ok(), "the weekday still comes");
}

#[test]
fn a_run_is_strictly_later_even_within_its_second() {
    let nightly = Schedule::parse("0 3 * * *", "UTC").unwrap();
    let slot = at("2026-11-24T03:00:00Z");
    assert_eq!(nightly.next_after(at("2026-11-24T02:59:59.999Z")), Some(slot));
    assert_eq!(nightly.next_after(slot), Some(at("2026-11-25T03:00:00Z")));
    assert_eq!(nightly.next_after(at("2026-11-24T03:00:00.001Z")), Some(at("2026-11-25T03:00:00Z")));
}

#[test]
fn a_schedule_ends_quietly_with_the_last_year_it_knows() {
    let nightly = Schedule::parse("0 3 * * *", PARIS).unwrap();
    assert_eq!(nightly.next_after(at("2101-01-01T00:00:00Z")), None);
    assert_eq!(nightly.next_after(Timestamp::MAX), None);
    let hourly = Schedule::parse("0 * * * *", PARIS).unwrap();
    assert_eq!(hourly.next_after(Timestamp::MAX), None);
}

#[test]
fn spread_sources_keep_their_minute_within_the_hour() {
    let base = Schedule::parse("17 3 * * *", PARIS).unwrap();
    let now = at("2026-11-24T00:00:00Z");
    let exact = base.next_after(now).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for id in ["montpellier-3m", "toulouse-metropole", "nimes", "albi"] {
        let delay = base.clone().spread(id).next_after(now).unwrap().duration_since(exact);
        assert!(SignedDuration::ZERO <= delay && delay < SPREAD, "{id}: {delay}");
        assert_eq!(base.clone().spread(id).next_after(now), base.clone().spread(id).next_after(now));
        seen.insert(delay);
    }
    assert_eq!(seen.len(), 4, "different sources, different minutes");
}

#[test]
fn an_inherited_schedule_is_spread_and_one_of_its_own_is_exact() {
    let line = "17 3 * * *";
    let of = |spread| SourceSchedule {
        line: line.to_owned(),
        fields: line.parse().unwrap(),
        timezone: PARIS.to_owned(),
        spread,
    };
    let now = at("2026-11-24T00:00:00Z");
    let next = |spread| Schedule::of_source(&of(spread), "nimes").unwrap().next_after(now).unwrap();
    assert_eq!(next(false), at("2026-11-24T02:17:00Z"));
    let delay = next(true).duration_since(next(false));
    assert!(SignedDuration::ZERO < delay && delay < SPREAD, "{delay}");
}

#[test]
fn over_ten_years_each_fixed_hour_runs_exactly_once_a_local_day() {
    for name in ZONES {
        let zone = TimeZone::get(name).unwrap();
        let first = Date::constant(2025, 1, 1);
        let last = Date::constant(2034, 12, 31);
        let from = first.to_zoned_datetime(zone.clone()).unwrap().timestamp();
        let until = last.tomorrow().unwrap().to_zoned_datetime(zone.clone()).unwrap().timestamp();
        for line in ["30 2 * * *", "0 2 * * *", "17 3 * * *", "15 0 * * *", "0 12 * * *", "45 1 * * *"] {
            let schedule = Schedule::parse(line, name).unwrap();
            let mut days: BTreeMap<Date, u32> = BTreeMap::new();
            let mut run = from.checked_sub(1.second()).unwrap();
            while let Some(next) = schedule.next_after(run).filter(|next| *next < until) {
                assert!(next > run, "{name} {line}: time goes forward");
                *days.entry(zone.to_datetime(next).date()).or_default() += 1;
                run = next;
            }
            let twice: Vec<_> = days.iter().filter(|(_, n)| **n != 1).collect();
            assert!(twice.is_empty(), "{name} {line}: {twice:?}");
            let expected = usize::try_from((last - first).get_days() + 1).unwrap();
            assert_eq!(days.len(), expected, "{name} {line}: a day without a run");
        }
    }
}

/// The rule said another way: walk real minutes and ask of each whether the job starts there.
fn starts_at(fields: &Fields, zone: &TimeZone, minute: Timestamp) -> bool {
    let local = zone.to_datetime(minute);
    if fields.hours_star {
        return shows(fields, local);
    }
    let before = zone.to_datetime(minute - 1.minute());
    let expected = before + 1.minute();
    if local > expected {
        // A gap ends here: anything it swallowed starts now.
        let mut skipped = expected;
        while skipped < local {
            if shows(fields, skipped) {
                return true;
            }
            skipped += 1.minute();
        }
    }
    // The second showing of a local time is later than its first.
    let first = zone.to_ambiguous_timestamp(local).earlier().unwrap();
    shows(fields, local) && first == minute
}

fn shows(fields: &Fields, local: jiff::civil::DateTime) -> bool {
    let has = |set: u64, n: i8| set >> u32::try_from(n).unwrap() & 1 == 1;
    let day = has(fields.days.into(), local.day());
    let weekday = has(fields.weekdays.into(), local.weekday().to_sunday_zero_offset());
    let dated = if fields.days_star || fields.weekdays_star { day && weekday } else { day || weekday };
    dated
        && has(fields.minutes, local.minute())
        && has(fields.hours.into(), local.hour())
        && has(fields.months.into(), local.month())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_schedule_agrees_with_a_walk_over_real_minutes(
        minute in prop::sample::select(vec!["0", "30", "*", "*/15", "7,59", "10-20/5"]),
        hour in prop::sample::select(vec!["*", "*/2", "*/6", "0", "1", "2", "0-4", "1,2,3", "23"]),
        day in prop::sample::select(vec!["*", "1", "29", "*/2", "24-31"]),
        weekday in prop::sample::select(vec!["*", "0", "7", "MON-FRI", "SAT"]),
        zone in prop::sample::select(ZONES.to_vec()),
        start in prop::sample::select(vec![
            "2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z", "2026-03-07T12:00:00Z",
            "2026-10-31T12:00:00Z", "2026-04-04T12:00:00Z", "2026-04-23T12:00:00Z",
            "2026-09-05T12:00:00Z", "2026-12-31T12:00:00Z",
        ]),
        shift in 0i64..1440,
    ) {
        let line = format!("{minute} {hour} {day} * {weekday}");
        let fields: Fields = line.parse().unwrap();
        let schedule = Schedule::parse(&line, zone).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let from = at(start) + shift.minutes();
        let until = from + 40.hours();
        let mut walked = Vec::new();
        let mut minute = from + 1.minute();
        while minute <= until {
            if starts_at(&fields, &zone, minute) {
                walked.push(minute);
            }
            minute += 1.minute();
        }
        let asked: Vec<_> = std::iter::successors(schedule.next_after(from), |run| schedule.next_after(*run))
            .take_while(|run| *run <= until)
            .collect();
        prop_assert_eq!(asked, walked, "{}", line);
    }
}
