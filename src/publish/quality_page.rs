//! quality.html: what quality.json says, for the buyer and the vendor who have to mend it.
//!
//! One page, whole in itself: no script, no picture, no other file. The worst stands first; each
//! rule says what it means, where it was broken and what to do. Its size is bounded: every source,
//! the buyers with most to mend, and of each its worst rules. All that feeds say is escaped.

use askama::Template;

use super::catalog::Catalog;
use super::quality::{Judged, Quality, SourceQuality};
use super::quality_outliers::Outlier;
use super::quality_tally::{BUYERS, Example, Tallies};
use crate::record::{Day, Field};
use crate::refine::catalogue;

/// Sources and rules of each that the page shows.
const SOURCES: usize = 200;
const SOURCE_RULES: usize = 12;
const BUYER_RULES: usize = 6;
/// Amounts told.
const OUTLIERS: usize = 30;
/// Missing fields named.
const MISSING: usize = 8;

#[derive(Template)]
#[template(path = "quality.html")]
struct Page<'a> {
    day: String,
    region: Option<&'a str>,
    sources: Vec<SourceView<'a>>,
    more_sources: usize,
    buyers: Vec<BuyerView<'a>>,
    all_buyers: usize,
    outliers: Vec<OutlierView<'a>>,
}

/// An amount far from the usual one.
struct OutlierView<'a> {
    uid: &'a str,
    montant: String,
    cpv: &'a str,
    buyers: &'static str,
    median: String,
    contracts: u64,
}

struct SourceView<'a> {
    q: &'a SourceQuality,
    name: &'a str,
    facts: Facts<'a>,
}

struct BuyerView<'a> {
    siren: &'a str,
    name: Option<&'a str>,
    place: Option<&'a str>,
    judged: Judged,
    facts: Facts<'a>,
}

/// What is the same for a source and for a buyer.
struct Facts<'a> {
    rules: Vec<RuleView<'a>>,
    more_rules: usize,
    missing: Vec<(&'static str, u64)>,
}

struct RuleView<'a> {
    code: &'a str,
    severity: &'static str,
    word: &'static str,
    french: &'static str,
    english: &'static str,
    todo: &'static str,
    to_do: &'static str,
    reference: &'static str,
    records: u64,
    share: String,
    examples: &'a [Example],
}

impl SourceView<'_> {
    fn score(&self) -> String {
        score(&self.q.judged)
    }
    fn level(&self) -> &'static str {
        level(&self.q.judged)
    }
}

impl BuyerView<'_> {
    fn score(&self) -> String {
        score(&self.judged)
    }
    fn level(&self) -> &'static str {
        level(&self.judged)
    }
    /// The name where one was declared, else where the seat is, else the number.
    fn title(&self) -> &str {
        self.name.or(self.place).unwrap_or(self.siren)
    }
}

fn score(judged: &Judged) -> String {
    judged.score.map_or_else(|| "–".to_owned(), |s| s.to_string())
}

/// The colour of a score; the number beside says the same.
fn level(judged: &Judged) -> &'static str {
    match judged.score {
        None => "none",
        Some(90..) => "good",
        Some(60..) => "fair",
        Some(_) => "poor",
    }
}

/// The text of the page.
pub(super) fn write(
    quality: &Quality,
    outliers: &[Outlier],
    tallies: &Tallies,
    catalog: &Catalog,
    day: Day,
    region: Option<&str>,
) -> Result<String, askama::Error> {
    // Sources that gave nothing have nothing to mend here; `status` tells of them.
    let mut sources: Vec<&SourceQuality> = quality.sources.iter().filter(|s| s.received > 0).collect();
    let to_win = |s: &SourceQuality| s.judged.to_win() + 2 * s.quarantined;
    sources.sort_by(|a, b| to_win(b).cmp(&to_win(a)).then_with(|| a.source.cmp(&b.source)));
    let more_sources = sources.len().saturating_sub(SOURCES);
    let source = |q: &&'_ SourceQuality| {
        let row = catalog.source_number(&q.source).and_then(|n| catalog.sources.get(n));
        row.map(|r| r.name.as_str())
    };
    let views = sources.iter().take(SOURCES).map(|q| SourceView {
        q,
        name: source(q).unwrap_or(&q.source),
        facts: facts(
            tallies,
            tallies.source(&q.source),
            q.judged.checked,
            q.missing.iter().filter_map(|(name, n)| Some((Field::from_name(name)?, *n))),
            SOURCE_RULES,
        ),
    });
    let sources: Vec<SourceView<'_>> = views.collect();
    let buyers = tallies.worst().iter().map(|b| {
        let row = quality.buyers.binary_search_by(|row| row.buyer.as_str().cmp(&b.siren)).ok();
        let missing =
            row.and_then(|n| quality.buyers.get(n)).map(|row| row.missing.iter().map(|(f, n)| (*f, u64::from(*n))));
        BuyerView {
            siren: &b.siren,
            name: b.name.as_deref(),
            place: b.place.as_deref(),
            judged: b.tally.judged,
            facts: facts(tallies, Some(&b.tally), b.tally.judged.checked, missing.into_iter().flatten(), BUYER_RULES),
        }
    });
    let buyers = buyers.collect();
    debug_assert!(tallies.worst().len() <= BUYERS);
    let outliers = outliers.iter().take(OUTLIERS).map(|o| OutlierView {
        uid: &o.uid,
        montant: euros(o.montant),
        cpv: &o.cpv,
        buyers: match o.buyers.as_str() {
            "small" => "moins de 20 contrats",
            "medium" => "20 à 199 contrats",
            _ => "200 contrats et plus",
        },
        median: euros(o.median),
        contracts: o.contracts,
    });
    let outliers = outliers.collect();
    let all_buyers = quality.buyers.len();
    Page { day: day.to_string(), region, sources, more_sources, buyers, all_buyers, outliers }.render()
}

fn facts<'a>(
    tallies: &'a Tallies,
    tally: Option<&'a super::quality_tally::Tally>,
    checked: u64,
    missing: impl Iterator<Item = (Field, u64)>,
    limit: usize,
) -> Facts<'a> {
    let ranked = tally.map(|t| tallies.ranked(t)).unwrap_or_default();
    let more_rules = ranked.len().saturating_sub(limit);
    let rules = ranked.into_iter().take(limit).filter_map(|(code, n, examples)| rule(code, n, checked, examples));
    let rules = rules.collect();
    let mut missing: Vec<(&'static str, u64)> = missing.map(|(field, n)| (field.name(), n)).collect();
    missing.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    missing.truncate(MISSING);
    Facts { rules, more_rules, missing }
}

fn rule<'a>(code: &'a str, records: u64, checked: u64, examples: &'a [Example]) -> Option<RuleView<'a>> {
    let e = catalogue::entry(code)?;
    let word = match e.severity {
        "error" => "Erreur",
        "warning" => "À vérifier",
        _ => "Redressé",
    };
    Some(RuleView {
        code,
        severity: e.severity,
        word,
        french: e.french,
        english: e.english,
        todo: e.remedy.french(),
        to_do: e.remedy.english(),
        reference: e.reference.unwrap_or("-"),
        records,
        share: share(records, checked),
        examples,
    })
}

/// `1 234 567 €`, without cents, with no-break spaces.
fn euros(amount: f64) -> String {
    let digits = format!("{amount:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text + "\u{a0}€"
}

/// `12 %`, `0,4 %`, never `0 %` of something.
fn share(n: u64, of: u64) -> String {
    match (n * 1000).checked_div(of) {
        None => "–".to_owned(),
        Some(0) => "< 0,1 %".to_owned(),
        Some(tenths) if tenths < 100 => format!("{},{} %", tenths / 10, tenths % 10),
        Some(tenths) => format!("{} %", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_nothing_of_something() {
        assert_eq!(
            [share(1, 10_000), share(4, 1000), share(1, 8), share(8, 8), share(0, 0)],
            ["< 0,1 %", "0,4 %", "12 %", "100 %", "–"]
        );
    }

    #[test]
    fn only_who_has_no_fault_at_all_has_the_full_score() {
        let judged = |clean, doubtful, faulty| Judged {
            checked: clean + doubtful + faulty,
            clean,
            doubtful,
            faulty,
            score: None,
        };
        assert_eq!(judged(1000, 0, 0).scored(0).score, Some(100));
        assert_eq!(judged(1000, 1, 0).scored(0).score, Some(99));
        assert_eq!(judged(1, 2, 1).scored(0).score, Some(50));
        assert_eq!(judged(2, 0, 0).scored(2).score, Some(50), "quarantined records count");
        assert_eq!(judged(0, 0, 0).scored(0).score, None);
    }
}
