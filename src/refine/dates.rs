//! Days, in all the ways they are written.
//!
//! In: a declared scalar. Out: a calendar day, and a finding for each repair. A year that cannot
//! be (0222, 5021) has no single right answer: it stays as declared.

use jiff::Timestamp;

use crate::decode::Scalar;
use crate::record::Day;

use super::out::{Out, Path};
use super::rules::Rule;
use super::words::value;

/// The first and the last year that a contract can speak of.
const YEARS: std::ops::RangeInclusive<i16> = 1950..=2100;

/// Whether a day may lie in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// It tells of something that has happened.
    Past,
    /// It may announce.
    Any,
}

/// A day. `seen` is the first day on which the record was seen: nothing it tells is later.
pub(super) fn day(out: &mut Out, at: Path, scalar: &Option<Scalar>, seen: Day, when: When) -> Option<Day> {
    let declared = value(out, at, scalar)?.as_str();
    let day = match read(declared.trim()) {
        Ok((day, repair)) => {
            if let Some(rule) = repair.or((declared.trim().len() < declared.len()).then_some(Rule::Whitespace)) {
                out.find(rule, at, declared);
            }
            day
        }
        Err(rule) => {
            out.find(rule, at, declared);
            return None;
        }
    };
    if !YEARS.contains(&day.year()) {
        out.find(Rule::DateYear, at, declared);
        return None;
    }
    if day.year() < 2000 {
        out.find(Rule::DateOld, at, declared);
    } else if when == When::Past && day > seen {
        out.find(Rule::DateFuture, at, declared);
    }
    Some(day)
}

/// A day and the rule that its way of writing broke.
fn read(text: &str) -> Result<(Day, Option<Rule>), Rule> {
    if let Some(day) = iso(text) {
        return day.map(|d| (d, None)).ok_or(Rule::DateUnreadable);
    }
    if let (Some(head), Some(tail)) = (text.get(..10), text.get(10..))
        && let Some(day) = iso(head)
    {
        let day = day.ok_or(Rule::DateUnreadable)?;
        if is_offset(tail) {
            return Ok((day, Some(Rule::DateOffset)));
        }
        if tail.starts_with(['T', 't', ' ']) {
            return Ok((in_paris(text).unwrap_or(day), Some(Rule::DateTime)));
        }
        return Err(Rule::DateUnreadable);
    }
    written(text).or_else(|| english(text)).unwrap_or(Err(if has_odd_year(text) {
        Rule::DateYear
    } else {
        Rule::DateUnreadable
    }))
}

/// `YYYY-MM-DD`: outer `None` when it has not this form, inner when the calendar lacks the day.
fn iso(text: &str) -> Option<Option<Day>> {
    let b = text.as_bytes();
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *b else {
        return None;
    };
    let n =
        |digits: &[u8]| digits.iter().try_fold(0_i16, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')));
    let (year, month, day) = (n(&[y1, y2, y3, y4])?, n(&[m1, m2])?, n(&[d1, d2])?);
    Some(Day::from_ymd(year, month as i8, day as i8))
}

/// `+02:00`, `Z`, `+02:00Z`.
fn is_offset(tail: &str) -> bool {
    let tail = tail.trim().trim_end_matches('Z');
    tail.is_empty()
        || (tail.starts_with(['+', '-'])
            && tail.len() <= 6
            && tail.bytes().skip(1).all(|b| b.is_ascii_digit() || b == b':'))
}

/// The day in Paris of an instant: midnight there is the evening before in UTC.
fn in_paris(text: &str) -> Option<Day> {
    let instant: Timestamp = text.replacen(' ', "T", 1).parse().ok()?;
    instant.in_tz("Europe/Paris").ok().map(|local| Day::new(local.date()))
}

/// Three numbers: `dd/mm/yyyy`, `yyyy/mm/dd`, `yyyy-m-d`, with `/`, `-`, `.` or space; `yyyymmdd`.
/// A time may follow.
fn written(text: &str) -> Option<Result<(Day, Option<Rule>), Rule>> {
    let date = text.split([' ', 'T']).next()?;
    let parts: Vec<&str> = date.split(['/', '-', '.']).collect();
    let number = |s: &str| (!s.is_empty() && s.len() <= 4).then(|| s.parse::<i16>().ok()).flatten();
    let (y, m, d) = match parts.as_slice() {
        [y, m, d] if y.len() == 4 && m.len() <= 2 && d.len() <= 2 => (number(y)?, number(m)?, number(d)?),
        [d, m, y] if y.len() == 4 && m.len() <= 2 && d.len() <= 2 => (number(y)?, number(m)?, number(d)?),
        [whole] if whole.len() == 8 && whole.bytes().all(|b| b.is_ascii_digit()) => {
            (number(whole.get(..4)?)?, number(whole.get(4..6)?)?, number(whole.get(6..)?)?)
        }
        _ => return None,
    };
    let day = i8::try_from(m).ok().zip(i8::try_from(d).ok()).and_then(|(m, d)| Day::from_ymd(y, m, d));
    Some(day.map(|d| (d, Some(Rule::DateFormat))).ok_or(Rule::DateUnreadable))
}

/// `September, 16 2021 00:00:00`.
fn english(text: &str) -> Option<Result<(Day, Option<Rule>), Rule>> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words: Vec<&str> = text.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    let [month, day, year, ..] = words.as_slice() else {
        return None;
    };
    let month = month.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|m| *m == month)?;
    let (day, year) = (day.parse::<i8>().ok()?, year.parse::<i16>().ok()?);
    let day = Day::from_ymd(year, i8::try_from(month + 1).ok()?, day);
    Some(day.map(|d| (d, Some(Rule::DateFormat))).ok_or(Rule::DateUnreadable))
}

/// `220-05-04`, `20199-01-01`: the year has not four digits.
fn has_odd_year(text: &str) -> bool {
    let year = text.split('-').next().unwrap_or_default();
    matches!(year.len(), 1..=3 | 5) && year.bytes().all(|b| b.is_ascii_digit()) && text.matches('-').count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_day(text: &str) -> (String, String) {
        let mut out = Out::default();
        let seen = Day::from_ymd(2026, 11, 24).unwrap();
        let d = day(&mut out, Path::of("dateNotification"), &Some(Scalar::Text(text.into())), seen, When::Past);
        (
            d.map_or("-".into(), |d| d.to_string()),
            out.findings.0.iter().map(|f| f.code.to_string()).collect::<Vec<_>>().join(" "),
        )
    }

    #[test]
    fn every_way_of_writing_a_day_is_read() {
        for (text, day, code) in [
            ("2024-05-15", "2024-05-15", ""),
            (" 2024-05-15", "2024-05-15", "whitespace"),
            ("2018-07-10+02:00", "2018-07-10", "date-offset"),
            ("2018-07-10Z", "2018-07-10", "date-offset"),
            ("2018-07-10+02:00Z", "2018-07-10", "date-offset"),
            ("2021-09-16T00:00:00", "2021-09-16", "date-time"),
            ("2021-09-16 10:20:30", "2021-09-16", "date-time"),
            ("2021-06-30T22:00:00Z", "2021-07-01", "date-time"),
            ("2021-06-30T22:00:00.000+02:00", "2021-06-30", "date-time"),
            ("15/05/2024", "2024-05-15", "date-format"),
            ("5.5.2024", "2024-05-05", "date-format"),
            ("2024/05/15", "2024-05-15", "date-format"),
            ("2024-5-1", "2024-05-01", "date-format"),
            ("20240515", "2024-05-15", "date-format"),
            ("September, 16 2021 00:00:00", "2021-09-16", "date-format"),
            ("1998-01-02", "1998-01-02", "date-old"),
            ("2026-11-25", "2026-11-25", "date-future"),
        ] {
            assert_eq!(read_day(text), (day.into(), code.into()), "{text}");
        }
    }

    #[test]
    fn a_day_that_cannot_be_stays_as_declared() {
        for year in ["0002", "0021", "0022", "0202", "0219", "0222", "2921", "5021", "220", "220-", "20199"] {
            assert_eq!(read_day(&format!("{year}-05-15")), ("-".into(), "date-year".into()), "{year}");
        }
        for text in ["2019-02-30", "2019-13-01", "24", "le 3 mai", "2024-05-15x", "31/31/2020"] {
            assert_eq!(read_day(text), ("-".into(), "date-unreadable".into()), "{text}");
        }
        assert_eq!(read_day("NC"), ("-".into(), "placeholder".into()));
    }
}
