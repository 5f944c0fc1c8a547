//! Numbers, amounts, sizes, days and moments as French and English readers write them. Pure.

use jiff::Timestamp;
use jiff::civil::Date;

use super::i18n::Lang;

/// Between groups of three digits in French (U+202F, no line break).
const THIN: char = '\u{202f}';
/// Before a unit in French (U+00A0, no line break).
const FIXED: char = '\u{a0}';

/// An integer with its groups: `12 345` or `12,345`.
pub fn integer(lang: Lang, n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let grouped = group(&digits, if lang == Lang::Fr { THIN } else { ',' });
    if n < 0 { format!("-{grouped}") } else { grouped }
}

fn group(digits: &str, separator: char) -> String {
    let mut out = String::with_capacity(digits.len() * 2);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(c);
    }
    out
}

/// Euros and cents; whole euros without cents: `1 234,56 €` or `€1,234.56`.
pub fn money(lang: Lang, euros: f64) -> String {
    let text = format!("{:.2}", euros.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let sign = if euros < 0.0 { "-" } else { "" };
    let cents = if cents == "00" { None } else { Some(cents) };
    match lang {
        Lang::Fr => {
            let cents = cents.map(|c| format!(",{c}")).unwrap_or_default();
            format!("{sign}{}{cents}{FIXED}€", group(whole, THIN))
        }
        Lang::En => {
            let cents = cents.map(|c| format!(".{c}")).unwrap_or_default();
            format!("{sign}€{}{cents}", group(whole, ','))
        }
    }
}

/// A large amount for a headline, to three digits: `1,23 Md€`, `€1.23bn`; small ones whole.
pub fn money_short(lang: Lang, euros: f64) -> String {
    let (value, fr, en) = match euros.abs() {
        n if n >= 1e9 => (euros / 1e9, "Md€", "bn"),
        n if n >= 1e6 => (euros / 1e6, "M€", "m"),
        _ => return money(lang, euros.round()),
    };
    let text = decimal(lang, value, if value.abs() >= 100.0 { 0 } else { 2 });
    match lang {
        Lang::Fr => format!("{text}{FIXED}{fr}"),
        Lang::En => format!("€{text}{en}"),
    }
}

/// A number with so many decimals, its groups and its decimal mark.
fn decimal(lang: Lang, value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let (separator, mark) = if lang == Lang::Fr { (THIN, ',') } else { (',', '.') };
    let mut out = String::from(if value < 0.0 { "-" } else { "" });
    out.push_str(&group(whole, separator));
    if !rest.is_empty() {
        out.push(mark);
        out.push_str(rest);
    }
    out
}

/// A share between 0 and 1 as a percentage, without useless zeros.
pub fn percent(lang: Lang, share: f64) -> String {
    let hundred = (share * 10_000.0).round() / 100.0;
    let decimals = if hundred.fract() == 0.0 { 0 } else { 2 };
    let text = decimal(lang, hundred, decimals);
    if lang == Lang::Fr { format!("{text}{FIXED}%") } else { format!("{text}%") }
}

/// A size for people: `12,3 Mo` or `12.3 MB` (decimal units).
pub fn bytes(lang: Lang, n: u64) -> String {
    let (fr, en) = (["octets", "ko", "Mo", "Go", "To"], ["bytes", "kB", "MB", "GB", "TB"]);
    let units = if lang == Lang::Fr { fr } else { en };
    let (mut value, mut unit) = (n as f64, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 99.95);
    let name = units.get(unit).copied().unwrap_or_default();
    format!("{}{FIXED}{name}", decimal(lang, value, decimals))
}

const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A declared day, `2024-05-15`, as a reader writes it; what is no day is shown as declared.
pub fn day(lang: Lang, iso: &str) -> String {
    iso.parse::<Date>().map_or_else(|_| iso.to_owned(), |date| date_in_words(lang, date))
}

fn date_in_words(lang: Lang, date: Date) -> String {
    let month = usize::from(date.month().unsigned_abs()).saturating_sub(1);
    let names = if lang == Lang::Fr { MONTHS_FR } else { MONTHS_EN };
    let month = names.get(month).copied().unwrap_or_default();
    let number = match (lang, date.day()) {
        (Lang::Fr, 1) => "1er".to_owned(),
        (_, n) => n.to_string(),
    };
    format!("{number}{FIXED}{month} {}", date.year())
}

/// A moment, in Paris time, where the readers are.
pub fn moment(lang: Lang, at: Timestamp) -> String {
    let Ok(local) = at.in_tz("Europe/Paris") else {
        return at.to_string();
    };
    let day = date_in_words(lang, local.date());
    let (hour, minute) = (local.hour(), local.minute());
    match lang {
        Lang::Fr => format!("{day} à {hour}{FIXED}h{FIXED}{minute:02}"),
        Lang::En => format!("{day} at {hour:02}:{minute:02} (Paris)"),
    }
}

/// How long ago, roughly: `il y a 3 h`, `3 h ago`. A moment to come is "just now".
pub fn ago(lang: Lang, at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    let (n, unit) = match seconds {
        s if s < 90 => {
            return if lang == Lang::Fr { "à l’instant" } else { "just now" }.to_owned();
        }
        s if s < 5400 => (s / 60, "min"),
        s if s < 48 * 3600 => (s / 3600, "h"),
        s => (s / 86_400, if lang == Lang::Fr { "jours" } else { "days" }),
    };
    match lang {
        Lang::Fr => format!("il y a {n}{FIXED}{unit}"),
        Lang::En => format!("{n}{FIXED}{unit} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Lang::{En, Fr};

    #[test]
    fn amounts_are_written_as_each_language_writes_them() {
        assert_eq!(money(Fr, 1234.56), "1\u{202f}234,56\u{a0}€");
        assert_eq!(money(En, 1234.56), "€1,234.56");
        assert_eq!(money(Fr, 12_000.0), "12\u{202f}000\u{a0}€");
        assert_eq!(money(Fr, -0.5), "-0,50\u{a0}€");
        assert_eq!(money(En, 999.999), "€1,000");
        assert_eq!(money_short(Fr, 12_345_678_901.0), "12,35\u{a0}Md€");
        assert_eq!(money_short(En, 1_230_000.0), "€1.23m");
        assert_eq!(percent(Fr, 0.2), "20\u{a0}%");
        assert_eq!(percent(En, 0.055), "5.50%");
    }

    #[test]
    fn sizes_and_integers_have_their_groups() {
        assert_eq!(integer(Fr, 1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(integer(En, -1234), "-1,234");
        assert_eq!(bytes(Fr, 999), "999\u{a0}octets");
        assert_eq!(bytes(Fr, 12_345_678), "12,3\u{a0}Mo");
        assert_eq!(bytes(En, 999_999), "1.0\u{a0}MB");
    }

    #[test]
    fn days_and_moments_are_in_words_and_in_paris_time() {
        assert_eq!(day(Fr, "2024-05-01"), "1er\u{a0}mai 2024");
        assert_eq!(day(En, "2024-08-15"), "15\u{a0}August 2024");
        assert_eq!(day(Fr, "0222-13-01"), "0222-13-01");
        let at: Timestamp = "2026-11-24T05:30:00Z".parse().unwrap();
        assert_eq!(moment(Fr, at), "24\u{a0}novembre 2026 à 6\u{a0}h\u{a0}30");
        let later: Timestamp = "2026-11-24T08:45:00Z".parse().unwrap();
        assert_eq!(ago(En, at, later), "3\u{a0}h ago");
        assert_eq!(ago(Fr, later, at), "à l’instant");
    }
}
