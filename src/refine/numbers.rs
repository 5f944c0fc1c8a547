//! Amounts, rates, durations and counts.
//!
//! In: a declared scalar. Out: an exact decimal or a whole number, and a finding for each repair.
//! What can be read in two ways, or cannot be true, stays as declared and out of the clean field.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::decode::Scalar;
use crate::record::{Money, Rate};

use super::out::{Out, Path};
use super::rules::Rule;
use super::words::value;

/// From here on an amount is no amount: the national total is about 200 G€ a year.
const ABSURD: i64 = 100_000_000_000;
/// From here on an amount deserves a look.
const HUGE: i64 = 1_000_000_000;
/// A hundred years, in months.
const MAX_MONTHS: u32 = 1200;

/// A number as text, read.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// As it should be written.
    Plain(Decimal),
    /// Among separators, spaces or signs.
    Dressed(Decimal),
    /// Its separator may be of decimals or of thousands.
    Ambiguous,
    Unreadable,
}

/// A decimal in the notation of JSON, exponents included.
fn plain(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { text.parse().ok() }
}

fn read(text: &str, comma: bool) -> Read {
    if let Some(d) = plain(text) {
        return Read::Plain(d);
    }
    let lower = text.to_lowercase();
    let mut bare: String =
        lower.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’' | '\u{202f}')).collect();
    for unit in ["eurosht", "eurht", "€ht", "€h.t.", "eurosttc", "euros", "euro", "eur", "€", "ht", "h.t."] {
        if let Some(rest) = bare.strip_suffix(unit).or_else(|| bare.strip_prefix(unit)) {
            bare = rest.to_owned();
        }
    }
    let number = match (bare.rfind(','), bare.rfind('.')) {
        (Some(c), Some(d)) if c > d => bare.replace('.', "").replacen(',', ".", 1),
        (Some(_), Some(_)) => bare.replace(',', ""),
        (Some(c), None) if bare.matches(',').count() == 1 => {
            // `1,234`: thousands to an Englishman, thousandths to a Frenchman.
            let (before, after) = (c, bare.len() - c - 1);
            if !comma && after == 3 && (1..=3).contains(&before) && !bare.starts_with('0') {
                return Read::Ambiguous;
            }
            bare.replace(',', ".")
        }
        (Some(_), None) => groups(&bare, ','),
        (None, Some(_)) if bare.matches('.').count() > 1 => groups(&bare, '.'),
        _ => bare,
    };
    plain(&number).map_or(Read::Unreadable, Read::Dressed)
}

/// Several of one separator are of thousands, when every group after the first has three digits.
fn groups(text: &str, separator: char) -> String {
    let fits = text.split(separator).skip(1).all(|g| g.len() == 3);
    if fits { text.replace(separator, "") } else { String::new() }
}

/// A decimal number; `unreadable` names the rule of what is none.
fn decimal(out: &mut Out, at: Path, scalar: &Option<Scalar>, unreadable: Rule, comma: bool) -> Option<Decimal> {
    let scalar = value(out, at, scalar)?;
    let text = scalar.as_str().trim();
    match read(text, comma) {
        Read::Plain(d) => {
            if matches!(scalar, Scalar::Text(_)) {
                out.find(Rule::NumberAsText, at, scalar.as_str());
            }
            Some(d)
        }
        Read::Dressed(d) => {
            out.find(Rule::AmountFormat, at, scalar.as_str());
            Some(d)
        }
        Read::Ambiguous => {
            out.find(Rule::AmountAmbiguous, at, scalar.as_str());
            None
        }
        Read::Unreadable => {
            // A number too large for any exact decimal is still a number.
            let rule = match unreadable {
                Rule::AmountUnreadable if is_huge_number(text) => Rule::AmountAbsurd,
                Rule::DurationUnreadable if is_huge_number(text) => Rule::DurationAbsurd,
                other => other,
            };
            out.find(rule, at, scalar.as_str());
            None
        }
    }
}

fn is_huge_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|f| f.abs() >= ABSURD as f64) && text.starts_with(|c: char| c.is_ascii_digit())
}

/// How an amount is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// Of the contract: tiny, huge and made-up ones deserve a look.
    Contract,
    /// A subsidy, an expense, a tariff: may be zero, or anything.
    Other,
}

/// How a source writes its amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    /// As the format asks for; a comma may mean anything.
    Usual,
    /// In hundredths of a euro.
    Cents,
    /// With a comma before the decimals.
    Comma,
}

/// An amount in euros.
pub(super) fn amount(
    out: &mut Out,
    at: Path,
    scalar: &Option<Scalar>,
    notation: Notation,
    what: Amount,
) -> Option<Money> {
    let mut d = decimal(out, at, scalar, Rule::AmountUnreadable, notation == Notation::Comma)?;
    let declared = scalar.as_ref().map(Scalar::as_str).unwrap_or_default();
    if notation == Notation::Cents {
        out.find(Rule::AmountInCents, at, declared);
        d /= Decimal::ONE_HUNDRED;
    }
    if d.is_sign_negative() && !d.is_zero() {
        out.find(Rule::AmountNegative, at, declared);
        return None;
    }
    if d >= Decimal::from(ABSURD) {
        out.find(Rule::AmountAbsurd, at, declared);
        return None;
    }
    let rounded = d.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    if d.normalize().scale() > 6 && (d - rounded).abs() < Decimal::new(1, 5) {
        out.find(Rule::AmountFloatNoise, at, declared);
        d = rounded;
    }
    if what == Amount::Contract {
        judge(out, at, d, declared);
    }
    Some(Money::new(d))
}

fn judge(out: &mut Out, at: Path, d: Decimal, declared: &str) {
    if d <= Decimal::ONE {
        out.find(Rule::AmountTiny, at, declared);
    } else if d >= Decimal::from(HUGE) {
        out.find(Rule::AmountHuge, at, declared);
    }
    let whole = d.trunc().normalize().to_string();
    let first = whole.as_bytes().first().copied().unwrap_or_default();
    if whole.len() >= 6
        && first != b'0'
        && (whole.bytes().all(|b| b == first) || "123456789".starts_with(&whole) || whole.starts_with("123456789"))
    {
        out.find(Rule::AmountDigits, at, declared);
    }
}

/// A share between 0 and 1.
pub(super) fn rate(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<Rate> {
    let declared = value(out, at, scalar)?.as_str();
    let percent = declared.trim().strip_suffix('%').map(|n| read(n.trim(), false));
    let d = match percent {
        Some(Read::Plain(d) | Read::Dressed(d)) => {
            out.find(Rule::RatePercent, at, declared);
            d / Decimal::ONE_HUNDRED
        }
        _ => decimal(out, at, scalar, Rule::NumberUnreadable, false)?,
    };
    if d < Decimal::ZERO || d > Decimal::ONE {
        out.find(Rule::RateRange, at, declared);
        return None;
    }
    Some(Rate::new(d))
}

/// A duration in months, at least one.
pub(super) fn months(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<u32> {
    let declared = value(out, at, scalar)?;
    let text = declared.as_str();
    // `24 mois` has one meaning.
    let bare = text.trim().trim_end_matches(|c: char| c.is_alphabetic() || c.is_whitespace());
    let d = if bare.len() < text.trim().len() && text.to_lowercase().contains("mois") {
        out.find(Rule::NumberAsText, at, text);
        plain(bare)
    } else {
        decimal(out, at, scalar, Rule::DurationUnreadable, false)
    }?;
    if d <= Decimal::ZERO {
        out.find(Rule::DurationZero, at, text);
        return None;
    }
    let whole = d.ceil();
    if whole != d {
        out.find(Rule::DurationFractional, at, text);
    }
    match u32::try_from(whole) {
        Ok(n) if n <= MAX_MONTHS => Some(n),
        _ => {
            out.find(Rule::DurationAbsurd, at, text);
            None
        }
    }
}

/// A whole number that is not negative.
pub(super) fn count(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<u32> {
    let d = decimal(out, at, scalar, Rule::NumberUnreadable, false)?;
    let n = d.fract().is_zero().then(|| u32::try_from(d).ok()).flatten();
    if n.is_none() {
        out.find(Rule::NumberUnreadable, at, scalar.as_ref().map(Scalar::as_str).unwrap_or_default());
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> (Option<String>, Vec<String>) {
        let mut out = Out::default();
        let scalar = Some(Scalar::Text(text.into()));
        let m = amount(&mut out, Path::of("montant"), &scalar, Notation::Usual, Amount::Contract);
        (m.map(|m| m.to_string()), out.findings.0.iter().map(|f| f.code.to_string()).collect())
    }

    fn of_number(text: &str) -> (Option<String>, Vec<String>) {
        let mut out = Out::default();
        let scalar = Some(Scalar::Number(text.into()));
        let m = amount(&mut out, Path::of("montant"), &scalar, Notation::Usual, Amount::Contract);
        (m.map(|m| m.to_string()), out.findings.0.iter().map(|f| f.code.to_string()).collect())
    }

    #[test]
    fn an_amount_written_as_text_is_read_to_the_cent() {
        for (text, value) in [
            ("1 234,56 €", "1234.56"),
            ("1\u{a0}234\u{202f}567,8", "1234567.8"),
            ("12 000 EUR HT", "12000"),
            ("1.234.567,89", "1234567.89"),
            ("1,234,567.89", "1234567.89"),
            ("1.234.567", "1234567"),
            ("€ 99,5", "99.5"),
            ("0,125", "0.125"),
            ("1'234.5", "1234.5"),
        ] {
            let (m, codes) = money(text);
            assert_eq!(m.as_deref(), Some(value), "{text}");
            assert!(codes.contains(&"amount-format".to_owned()), "{text}: {codes:?}");
        }
        assert_eq!(money("777888.22"), (Some("777888.22".into()), vec!["number-as-text".into()]));
    }

    #[test]
    fn an_amount_without_one_right_reading_stays_as_declared() {
        for (text, code) in [
            ("1,234", "amount-ambiguous"),
            ("-5", "amount-negative"),
            ("1e17", "amount-absurd"),
            ("1e400", "amount-absurd"),
            ("cent euros", "amount-unreadable"),
            ("12/34", "amount-unreadable"),
        ] {
            let (m, codes) = money(text);
            assert_eq!(m, None, "{text}");
            assert!(codes.contains(&code.to_owned()), "{text}: {codes:?}");
        }
        assert_eq!(of_number("1e17"), (None, vec!["amount-absurd".into()]));
        assert_eq!(money("NC"), (None, vec!["placeholder".into()]));
    }

    #[test]
    fn strange_amounts_stand_and_are_found() {
        for (text, code) in [
            ("1", "amount-tiny"),
            ("0", "amount-tiny"),
            ("2000000000", "amount-huge"),
            ("9999999", "amount-digits"),
            ("123456", "amount-digits"),
        ] {
            assert_eq!(of_number(text), (Some(text.into()), vec![code.into()]));
        }
        assert_eq!(of_number("59153.830000000002"), (Some("59153.83".into()), vec!["amount-float-noise".into()]));
        assert_eq!(of_number("1.2e5"), (Some("120000".into()), vec![]));
    }

    #[test]
    fn durations_rates_and_counts() {
        let mut out = Out::default();
        let at = Path::of("x");
        let t = |s: &str| Some(Scalar::Plain(s.into()));
        assert_eq!(months(&mut out, at, &t("12.5")), Some(13));
        assert_eq!(months(&mut out, at, &t("24 mois")), Some(24));
        assert_eq!(months(&mut out, at, &t("0")), None);
        assert_eq!(months(&mut out, at, &t("99999")), None);
        assert_eq!(months(&mut out, at, &t("1e400")), None);
        assert_eq!(out.findings.0.last().unwrap().code, "duration-absurd");
        assert_eq!(rate(&mut out, at, &t("5 %")).unwrap().to_string(), "0.05");
        assert_eq!(rate(&mut out, at, &t("30")), None);
        assert_eq!(count(&mut out, at, &t("3")), Some(3));
        assert_eq!(count(&mut out, at, &t("3.5")), None);
        assert_eq!(count(&mut out, at, &t("-1")), None);
        assert_eq!(count(&mut out, at, &t("3.0")), Some(3));
    }
}
