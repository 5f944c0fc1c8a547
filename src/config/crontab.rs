//! Reads the five fields of a crontab line into sets.
//!
//! In: `17 3 * * MON-FRI`. Out: one bit per minute, hour, day, month and weekday, and which fields
//! began with `*`, which the daylight-saving rule and the day-OR-weekday rule ask for. Knows no
//! calendar and no clock: see `cron` for those.

use std::fmt;
use std::str::FromStr;

/// A crontab line as sets: bit *n* stands for the value *n*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// Minutes of the hour, 0 to 59.
    pub minutes: u64,
    /// Hours of the day, 0 to 23.
    pub hours: u32,
    /// Days of the month, 1 to 31.
    pub days: u32,
    /// Months, 1 to 12.
    pub months: u16,
    /// Weekdays, 0 (Sunday) to 6.
    pub weekdays: u8,
    /// The hour field begins with `*`.
    pub hours_star: bool,
    /// The day field begins with `*`: the weekday alone decides.
    pub days_star: bool,
    /// The weekday field begins with `*`: the day alone decides.
    pub weekdays_star: bool,
}

impl Fields {
    /// Every day of a month.
    pub const ALL_DAYS: u32 = 0xFFFF_FFFE;
    /// Every day of the week.
    pub const ALL_WEEKDAYS: u8 = 0x7F;

    /// Whether some day matches: `0 0 30 2 *` never comes. A restricted weekday comes every month.
    pub fn ever_comes(&self) -> bool {
        const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        !self.weekdays_star
            || (1u32..)
                .zip(LENGTHS)
                .filter(|(month, _)| self.months >> month & 1 == 1)
                .any(|(_, length)| (1..=length).any(|day| self.days >> day & 1 == 1))
    }
}

/// Why a line is no crontab line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrontabError {
    /// Not five fields.
    #[error(
        "`{line}` has {found} field(s), a schedule has five: minute hour day month weekday, like `17 3 * * *` for every night at 03:17"
    )]
    Count {
        /// The line as written.
        line: String,
        /// How many fields it has.
        found: usize,
    },
    /// A field that cannot be read.
    #[error("`{part}` in the {field} of a schedule {problem}; the {field} takes {takes}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// The part of it that is wrong, as written.
        part: String,
        /// What is wrong with it.
        problem: Problem,
        /// What the field takes.
        takes: &'static str,
    },
}

/// What is wrong with a part of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Neither a number nor a known name.
    NotAValue,
    /// A number outside the field's bounds.
    OutOfBounds,
    /// A range whose end is before its start.
    Backwards,
    /// A step of zero, or one that is no number.
    Step,
    /// A step on a single value.
    StepOnValue,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Problem::NotAValue => "is neither a number nor a known name",
            Problem::OutOfBounds => "is out of bounds",
            Problem::Backwards => "ends before it starts",
            Problem::Step => "has a step that is not a number of at least 1",
            Problem::StepOnValue => "has a step after a single value (a step follows `*` or a range)",
        })
    }
}

struct Kind {
    name: &'static str,
    low: u8,
    high: u8,
    names: &'static [&'static str],
    takes: &'static str,
}

const MINUTE: Kind =
    Kind { name: "minute", low: 0, high: 59, names: &[], takes: "0 to 59, `*`, `a-b`, `*/n`, lists with `,`" };
const HOUR: Kind =
    Kind { name: "hour", low: 0, high: 23, names: &[], takes: "0 to 23, `*`, `a-b`, `*/n`, lists with `,`" };
const DAY: Kind =
    Kind { name: "day", low: 1, high: 31, names: &[], takes: "1 to 31, `*`, `a-b`, `*/n`, lists with `,`" };
const MONTH: Kind = Kind {
    name: "month",
    low: 1,
    high: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    takes: "1 to 12, JAN to DEC, `*`, `a-b`, `*/n`, lists with `,`",
};
const WEEKDAY: Kind = Kind {
    name: "weekday",
    low: 0,
    high: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    takes: "0 to 7 (0 and 7 are Sunday), SUN to SAT, `*`, `a-b`, `*/n`, lists with `,`",
};

impl FromStr for Fields {
    type Err = CrontabError;

    fn from_str(line: &str) -> Result<Self, CrontabError> {
        let parts: Vec<&str> = line.split_ascii_whitespace().collect();
        let &[minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(CrontabError::Count { line: line.trim().to_owned(), found: parts.len() });
        };
        // 7 is Sunday again.
        let weekdays = set(&WEEKDAY, weekday)?;
        let weekdays = (weekdays | weekdays >> 7) & u64::from(Self::ALL_WEEKDAYS);
        Ok(Fields {
            minutes: set(&MINUTE, minute)?,
            hours: narrow(set(&HOUR, hour)?),
            days: narrow(set(&DAY, day)?),
            months: narrow(set(&MONTH, month)?),
            weekdays: narrow(weekdays),
            hours_star: hour.starts_with('*'),
            days_star: day.starts_with('*'),
            weekdays_star: weekday.starts_with('*'),
        })
    }
}

/// A set of values below the type's width; each field's upper bound guarantees that it fits.
fn narrow<T: TryFrom<u64> + Default>(set: u64) -> T {
    T::try_from(set).unwrap_or_default()
}

/// One field: parts joined by commas.
fn set(kind: &Kind, field: &str) -> Result<u64, CrontabError> {
    field.split(',').try_fold(0, |bits, part| {
        let more = part_bits(kind, part).map_err(|problem| CrontabError::Field {
            field: kind.name,
            part: part.to_owned(),
            problem,
            takes: kind.takes,
        })?;
        Ok(bits | more)
    })
}

/// One part: `*`, a value or a range, the first and the last with a step or not.
fn part_bits(kind: &Kind, part: &str) -> Result<u64, Problem> {
    let (values, step) = match part.split_once('/') {
        None => (part, None),
        Some((values, step)) => {
            let step = step.parse::<u8>().ok().filter(|n| *n > 0).ok_or(Problem::Step)?;
            (values, Some(step))
        }
    };
    let (low, high) = if values == "*" {
        // `*` in the weekday is Sunday to Saturday, so that a step does not count Sunday twice.
        (kind.low, if kind.names.len() == 7 { 6 } else { kind.high })
    } else if let Some((low, high)) = values.split_once('-') {
        let (low, high) = (value(kind, low)?, value(kind, high)?);
        // FRI-SUN: the Sunday that ends a week.
        (low, if high == 0 && kind.high == 7 && low > 0 { 7 } else { high })
    } else {
        let only = value(kind, values)?;
        if step.is_some() {
            return Err(Problem::StepOnValue);
        }
        (only, only)
    };
    if high < low {
        return Err(Problem::Backwards);
    }
    Ok((low..=high).step_by(usize::from(step.unwrap_or(1))).fold(0, |bits, n| bits | 1 << n))
}

/// A number within bounds, or a name in any case.
fn value(kind: &Kind, text: &str) -> Result<u8, Problem> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let number = text.parse::<u8>().map_err(|_| Problem::OutOfBounds)?;
        return if (kind.low..=kind.high).contains(&number) { Ok(number) } else { Err(Problem::OutOfBounds) };
    }
    let at = kind.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    // Months count from 1, weekdays from 0, as their lower bounds say.
    at.and_then(|at| u8::try_from(at).ok()).map(|at| at + kind.low).ok_or(Problem::NotAValue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Fields {
        line.parse().unwrap()
    }

    #[test]
    fn both_0_and_7_and_the_name_are_sunday() {
        for line in ["0 3 * * 0", "0 3 * * 7", "0 3 * * SUN", "0 3 * * sun"] {
            assert_eq!(fields(line).weekdays, 1, "{line}");
        }
        assert_eq!(fields("0 3 * * 5-7").weekdays, 0b110_0001);
        assert_eq!(fields("0 3 * * FRI-SUN").weekdays, 0b110_0001);
        assert_eq!(fields("0 3 * * MON-FRI").weekdays, 0b011_1110);
        assert_eq!(fields("0 3 * * *").weekdays, Fields::ALL_WEEKDAYS);
        assert_eq!(fields("0 3 * * */3").weekdays, 0b100_1001);
    }

    #[test]
    fn ranges_lists_steps_and_names_are_read() {
        let f = fields("*/20,7 8-18/5 1,15 JAN-MAR,12 *");
        assert_eq!(f.minutes, 1 | 1 << 7 | 1 << 20 | 1 << 40);
        assert_eq!(f.hours, 1 << 8 | 1 << 13 | 1 << 18);
        assert_eq!(f.days, 1 << 1 | 1 << 15);
        assert_eq!(f.months, 0b1_0000_0000_1110);
        assert!(!f.hours_star && !f.days_star && f.weekdays_star);
        assert_eq!(fields("0 0 * * *").days, Fields::ALL_DAYS);
    }

    #[test]
    fn a_day_that_no_year_has_never_comes() {
        for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30 FEB */1"] {
            assert!(!fields(never).ever_comes(), "{never}");
        }
        for comes in ["0 0 29 2 *", "0 0 * * *", "0 0 30 2 MON", "0 0 31 1-12 *"] {
            assert!(fields(comes).ever_comes(), "{comes}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_part_and_what_the_field_takes() {
        let say = |line: &str| line.parse::<Fields>().unwrap_err().to_string();
        assert!(say("0 3 * *").contains("4 field(s)"));
        assert!(say("0 0 3 * * *").contains("6 field(s)"));
        assert!(say("60 3 * * *").contains("`60` in the minute of a schedule is out of bounds"));
        assert!(say("0 24 * * *").contains("0 to 23"));
        assert!(say("0 3 0 * *").contains("1 to 31"));
        assert!(say("0 3 * FOO *").contains("JAN to DEC"));
        assert!(say("0 3 * * 8").contains("0 and 7 are Sunday"));
        assert!(say("0 5-3 * * *").contains("ends before it starts"));
        assert!(say("0 */0 * * *").contains("step"));
        assert!(say("0 2/3 * * *").contains("single value"));
        assert!(say("0 , * * *").contains("neither a number nor a known name"));
        assert!(say("99999999999999999999 3 * * *").contains("out of bounds"));
        assert!(say("-1 3 * * *").contains("neither"));
        assert!(say("0 ３ * * *").contains("neither"), "a full-width digit is not a digit");
    }
}
