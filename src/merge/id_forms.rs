//! The shorter forms of an id, and when two ids meet by them (records.md §4, rule 3).
//!
//! In 2019 an id was year of notification, number and two-digit sequence; in 2022 it is the number.
//! Practice knows every mixture of both. Knows nothing of records: what these say is weighed in
//! `second_keys`.

use super::{Rule, Rules};

/// Years between an id's leading year and the notification that still are one numbering: contracts
/// of a consultation in December are notified in January.
pub(super) const YEARS_APART: i16 = 1;

/// An id with its shorter forms.
#[derive(Debug)]
pub(super) struct Id {
    /// As it is compared.
    pub whole: String,
    /// The leading year, and the rest.
    yearless: Option<(i16, String)>,
}

impl Id {
    /// An id in its normalised form.
    pub fn new(whole: &str) -> Self {
        let whole = whole.to_owned();
        Self { yearless: without_year(&whole), whole }
    }
}

/// The number in the last two digits, where an id ends in two and has more than these.
pub(super) fn sequence(id: &str) -> Option<usize> {
    stem(id)?;
    id.get(id.len().checked_sub(2)?..)?.parse().ok()
}

/// The id without its last two digits and a separator before them.
pub(super) fn stem(id: &str) -> Option<&str> {
    let cut = id.len().checked_sub(2)?;
    if !id.as_bytes().iter().skip(cut).all(u8::is_ascii_digit) {
        return None;
    }
    let stem = id.get(..cut)?.trim_end_matches('-');
    stem.chars().any(char::is_alphanumeric).then_some(stem)
}

/// A leading year and the id without it.
fn without_year(id: &str) -> Option<(i16, String)> {
    let year: i16 = id.get(..4).filter(|y| y.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    if !(1990..2100).contains(&year) {
        return None;
    }
    let rest = id.get(4..)?.trim_start_matches('-');
    rest.chars().any(char::is_alphanumeric).then(|| (year, rest.to_owned()))
}

/// Every form under which an id may meet another.
pub(super) fn forms(id: &Id) -> Vec<&str> {
    let mut out = vec![id.whole.as_str()];
    out.extend(stem(&id.whole));
    if let Some((_, rest)) = &id.yearless {
        out.push(rest);
        out.extend(stem(rest));
    }
    out
}

/// Whether two ids differ only by a sequence: one is the other's stem, or both have one stem and
/// one of them is the first of the sequence.
fn alike(x: &str, y: &str, rules: &Rules) -> bool {
    let (sx, sy) = (stem(x), stem(y));
    let first = x.ends_with("00") || y.ends_with("00") || !rules.on(Rule::SequenceNeedsZero);
    x == y || sx == Some(y) || sy == Some(x) || (first && sx.is_some() && sx == sy)
}

/// Whether two ids meet, given that a leading year may be that of these notifications.
pub(super) fn meet(a: &Id, b: &Id, about: impl Fn(i16) -> bool, rules: &Rules) -> bool {
    if alike(&a.whole, &b.whole, rules) {
        return true;
    }
    match (&a.yearless, &b.yearless) {
        // Two years are two numberings; with one year, only separators can differ.
        (Some((ya, ra)), Some((yb, rb))) if ya == yb && alike(ra, rb, rules) => true,
        (ya, yb) => {
            let one_sided = |y: &Option<(i16, String)>, whole: &str| {
                y.as_ref().is_some_and(|(year, rest)| about(*year) && alike(rest, whole, rules))
            };
            one_sided(ya, &b.whole) || one_sided(yb, &a.whole)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(a: &str, b: &str, year: i16) -> bool {
        let id = |whole: &str| Id::new(whole);
        meet(&id(a), &id(b), |y| (y - year).abs() <= 1, &Rules::default())
    }

    #[test]
    fn an_id_meets_itself_without_year_sequence_or_both() {
        for (a, b) in [
            ("2018N030000", "2018N0300"),
            ("2018N030000", "N030000"),
            ("2018N030000", "N0300"),
            ("2018N030001", "N0300"),
            ("2018N030001", "2018N030000"),
            ("2018N030001", "N030000"),
            ("2023-102-00", "2023-102"),
            ("2018-N0300", "2018N030000"),
            ("24TRA17", "24TRA"),
        ] {
            assert!(met(a, b, 2018) || met(a, b, 2023), "{a} {b}");
            assert!(met(b, a, 2018) || met(b, a, 2023), "{b} {a}");
        }
    }

    #[test]
    fn two_sequences_two_years_and_an_unrelated_year_do_not_meet() {
        for (a, b) in [
            ("24TRA10", "24TRA17"),
            ("2018N030001", "2018N030002"),
            ("2018N0300", "2019N0300"),
            ("2015N0300", "N0300"),
            ("18", "17"),
            ("2018", "18"),
        ] {
            assert!(!met(a, b, 2018), "{a} {b}");
        }
    }
}
