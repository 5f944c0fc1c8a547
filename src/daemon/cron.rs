//! When a job is due: a crontab line read in a time zone, with the daylight-saving rule that
//! operators expect.
//!
//! In: five fields, a zone, an instant. Out: the first instant after it. Fixed hours follow the
//! wall clock: an hour that the spring change skips runs once, right after the gap; one that the
//! autumn change repeats runs once, the first time. `*` and `*/n` hours follow real time: they run
//! whenever the local clock shows a matching minute, twice in a repeated hour, not at all in a
//! skipped one. Day and weekday, when both are restricted, are joined by OR, as POSIX says.
//!
//! The `cron` crate enumerates the matching minutes. Used alone it skips or doubles a night at a
//! change of hour, wants six fields, counts weekdays from Sunday = 1 and joins day and weekday by
//! AND; so it only ever sees a local time as if it were UTC, and no type of it, nor of `chrono`,
//! leaves this file.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Timelike};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::config::{CrontabError, Fields, SourceSchedule};

/// The width over which sources that share an inherited schedule are spread, so that they do not
/// all knock at the same platform in the same minute.
pub const SPREAD: SignedDuration = SignedDuration::from_hours(1);

/// A crontab line in a time zone.
#[derive(Clone)]
pub struct Schedule {
    /// One line, or two whose union is meant (day OR weekday).
    lines: Arc<[cron::Schedule]>,
    /// `*` or `*/n` hours: follow real time instead of the wall clock.
    real_time: bool,
    zone: TimeZone,
    delay: SignedDuration,
}

/// Why a schedule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The line is not five fields of a crontab.
    #[error(transparent)]
    Line(#[from] CrontabError),
    /// The zone's name is not in the time zone database.
    #[error("`{0}` is not a time zone of the IANA database; write a name like Europe/Paris or Indian/Reunion")]
    Zone(String),
    /// The line is well formed, but no day of any year matches it.
    #[error("`{0}` never comes: no year has such a day; check the day and the month")]
    Never(String),
}

impl Schedule {
    /// Reads a crontab line and the name of a time zone.
    pub fn parse(line: &str, zone: &str) -> Result<Self, ScheduleError> {
        let zone = TimeZone::get(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        Self::new(&line.parse::<Fields>()?, zone).ok_or_else(|| ScheduleError::Never(line.to_owned()))
    }

    /// A source's schedule as the configuration holds it: inherited ones are spread by its id.
    pub fn of_source(schedule: &SourceSchedule, id: &str) -> Result<Self, ScheduleError> {
        let zone = TimeZone::get(&schedule.timezone).map_err(|_| ScheduleError::Zone(schedule.timezone.clone()))?;
        let exact = Self::new(&schedule.fields, zone).ok_or_else(|| ScheduleError::Never(schedule.line.clone()))?;
        Ok(if schedule.spread { exact.spread(id) } else { exact })
    }

    /// The schedule of fields already read; `None` when no day ever matches them.
    pub fn new(fields: &Fields, zone: TimeZone) -> Option<Self> {
        let every_day = Fields { days: Fields::ALL_DAYS, ..*fields };
        let every_weekday = Fields { weekdays: Fields::ALL_WEEKDAYS, ..*fields };
        let lines = if fields.days_star || fields.weekdays_star {
            vec![as_cron(fields)?]
        } else {
            vec![as_cron(&every_day)?, as_cron(&every_weekday)?]
        };
        let schedule = Self { lines: lines.into(), real_time: fields.hours_star, zone, delay: SignedDuration::ZERO };
        schedule.next_civil(DateTime::constant(2000, 1, 1, 0, 0, 0, 0)).map(|_| schedule)
    }

    /// The same schedule, each run later by a part of [`SPREAD`] that depends on `id` alone:
    /// the same source keeps its minute from night to night and from version to version.
    #[must_use]
    pub fn spread(mut self, id: &str) -> Self {
        let width = SPREAD.as_secs().unsigned_abs().max(1);
        let seconds = xxhash_rust::xxh3::xxh3_64(id.as_bytes()) % width;
        self.delay = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
        self
    }

    /// The first run strictly after `after`; `None` beyond the year 2100.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.checked_sub(self.delay).ok()?;
        let next = if self.real_time { self.next_real(after) } else { self.next_wall(after) };
        next?.checked_add(self.delay).ok()
    }

    /// Wall clock: local slots in their order, each at its one instant, until one is later.
    /// Slots inside a repeated hour may map to an instant already past; they are few.
    fn next_wall(&self, after: Timestamp) -> Option<Timestamp> {
        let mut slot = self.zone.to_datetime(after);
        loop {
            slot = self.next_civil(slot)?;
            let at = self.instant_of(slot)?;
            if at > after {
                return Some(at);
            }
        }
    }

    /// Where a local time stands on the one line of instants: the first of two, or the end of
    /// the gap that swallowed it.
    fn instant_of(&self, local: DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_gap = after.to_timestamp(local).ok()?;
                self.zone.following(before_gap).next().map(|change| change.timestamp())
            }
        }
    }

    /// Real time: within one offset the local clock runs evenly, so each stretch between two
    /// changes of offset is searched by itself.
    fn next_real(&self, after: Timestamp) -> Option<Timestamp> {
        let (mut inside, mut later_than) = (after, after);
        loop {
            let offset = self.zone.to_offset(inside);
            let end =
                self.zone.following(inside).find(|change| change.offset() != offset).map(|change| change.timestamp());
            let slot = self.next_civil(offset.to_datetime(later_than))?;
            let at = offset.to_timestamp(slot).ok()?;
            match end {
                Some(end) if at >= end => {
                    inside = end;
                    later_than = end.checked_sub(SignedDuration::from_secs(1)).ok()?;
                }
                _ => return Some(at),
            }
        }
    }

    /// The first matching local time after `local`, asked of `cron` as if local time were UTC.
    fn next_civil(&self, local: DateTime) -> Option<DateTime> {
        let after = NaiveDate::from_ymd_opt(
            i32::from(local.year()),
            u32::try_from(local.month()).ok()?,
            u32::try_from(local.day()).ok()?,
        )?
        .and_hms_opt(
            u32::try_from(local.hour()).ok()?,
            u32::try_from(local.minute()).ok()?,
            u32::try_from(local.second()).ok()?,
        )?
        .and_utc();
        let next = self.lines.iter().filter_map(|line| line.after(&after).next()).min()?;
        DateTime::new(
            i16::try_from(next.year()).ok()?,
            i8::try_from(next.month()).ok()?,
            i8::try_from(next.day()).ok()?,
            i8::try_from(next.hour()).ok()?,
            i8::try_from(next.minute()).ok()?,
            0,
            0,
        )
        .ok()
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("lines", &self.lines.iter().map(ToString::to_string).collect::<Vec<_>>())
            .field("zone", &self.zone.iana_name())
            .field("delay", &self.delay)
            .finish()
    }
}

/// The same minutes in `cron`'s seven fields: seconds first, a year last, weekdays from
/// Sunday = 1.
fn as_cron(fields: &Fields) -> Option<cron::Schedule> {
    let list = |set: u64, shift: u32| {
        let numbers: Vec<_> = (0..64).filter(|n| set >> n & 1 == 1).map(|n| (n + shift).to_string()).collect();
        numbers.join(",")
    };
    let weekdays =
        if fields.weekdays == Fields::ALL_WEEKDAYS { "*".to_owned() } else { list(u64::from(fields.weekdays), 1) };
    format!(
        "0 {} {} {} {} {} *",
        list(fields.minutes, 0),
        list(u64::from(fields.hours), 0),
        list(u64::from(fields.days), 0),
        list(u64::from(fields.months), 0),
        weekdays,
    )
    .parse()
    .ok()
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
