//! Counts the findings of every accepted record, by source and by buyer, and keeps a few examples.
//!
//! In: contracts in uid order, so that a buyer's follow each other. Out: counts, and the buyers
//! with most to mend. Memory: one row of counters a source, one for the buyer at hand, the counts
//! of every buyer, and the examples of [`BUYERS`] of them.

use std::collections::{BTreeMap, HashMap};

use super::input::Seat;
use super::quality::{Judged, SourceQuality};
use super::quality_outliers::Outliers;
use crate::record::{Contract, Finding, ObservationRef, Severity, Siren};
use crate::refine::catalogue;

/// Buyers that the page shows, those with most to mend: a page that can be read and sent.
pub(super) const BUYERS: usize = 100;
/// Examples of one rule.
const EXAMPLES: usize = 3;
/// Longest value in an example, in characters; contrats.ndjson has more of it.
const VALUE: usize = 100;
/// The rule that a publication more than two months after the notification breaks.
pub(super) const LATE: &str = "publication-late";

/// Where a rule was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    /// The contract.
    pub(super) uid: String,
    /// Path of the field; empty for the whole record.
    pub(super) field: String,
    /// As declared, shortened.
    pub(super) value: String,
}

/// What was found in the records of one source, or of one buyer.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) judged: Judged,
    /// Records that break a rule, and examples, by the number of the rule.
    pub(super) rules: BTreeMap<u16, (u64, Vec<Example>)>,
}

/// A buyer of the page.
#[derive(Debug, Clone)]
pub(super) struct BuyerTally {
    pub(super) siren: String,
    pub(super) name: Option<String>,
    /// Commune and département of its seat, where known.
    pub(super) place: Option<String>,
    pub(super) tally: Tally,
}

/// What quality.json keeps of a buyer.
#[derive(Debug)]
struct BuyerRow {
    name: Option<Box<str>>,
    judged: Judged,
    rules: Box<[(u16, u32)]>,
}

/// All counters.
#[derive(Debug)]
pub(super) struct Tallies {
    codes: Codes,
    sources: HashMap<String, Tally>,
    current: Option<BuyerTally>,
    /// Amounts by group.
    pub(super) outliers: Outliers,
    buyers: BTreeMap<Siren, BuyerRow>,
    /// At most twice [`BUYERS`], the worst.
    worst: Vec<BuyerTally>,
}

/// Codes are ours, not a feed's: no defence against chosen keys is needed.
type FastHash = xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// Numbers for the codes of rules, so that counting compares no text.
#[derive(Debug)]
struct Codes {
    numbers: HashMap<String, u16, FastHash>,
    names: Vec<String>,
}

impl Codes {
    fn number(&mut self, code: &str) -> u16 {
        if let Some(n) = self.numbers.get(code) {
            return *n;
        }
        // A code that this version does not list: kept all the same.
        let n = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        self.names.push(code.to_owned());
        self.numbers.insert(code.to_owned(), n);
        n
    }
    fn name(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("", String::as_str)
    }
}

impl Default for Tallies {
    fn default() -> Self {
        let names: Vec<String> = catalogue::entries().map(|e| e.code.to_owned()).collect();
        let numbers = names.iter().zip(0..).map(|(name, n)| (name.clone(), n)).collect();
        let codes = Codes { numbers, names };
        Self {
            codes,
            sources: HashMap::new(),
            current: None,
            outliers: Outliers::default(),
            buyers: BTreeMap::new(),
            worst: Vec::new(),
        }
    }
}

impl Tally {
    /// Counts one record with its findings.
    fn record(&mut self, uid: &str, findings: &[(u16, &Finding)]) {
        self.judged.checked += 1;
        match findings.iter().map(|(_, f)| f.severity).max() {
            None => self.judged.clean += 1,
            Some(Severity::Error) => self.judged.faulty += 1,
            Some(_) => self.judged.doubtful += 1,
        }
        let mut last = None;
        // Sorted by rule: one that is broken twice counts once.
        for (rule, finding) in findings {
            if last.replace(rule) == Some(rule) {
                continue;
            }
            let (n, examples) = self.rules.entry(*rule).or_default();
            *n += 1;
            // Two of one buyer at most, so that a source shows more than one of its buyers.
            let same = |e: &&Example| e.uid.get(..9) == uid.get(..9);
            // Two sources may say one contract alike.
            let told = examples.iter().any(|e| e.uid == uid && e.field == finding.field);
            if !told && examples.len() < EXAMPLES && examples.iter().filter(same).count() < EXAMPLES - 1 {
                let value = short(&finding.value);
                examples.push(Example { uid: uid.to_owned(), field: finding.field.to_string(), value });
            }
        }
    }

    fn counts(&self, codes: &Codes) -> BTreeMap<String, u64> {
        self.rules.iter().map(|(rule, (n, _))| (codes.name(*rule).to_owned(), *n)).collect()
    }
}

/// `Toulouse (31)`, `Haute-Garonne (31)`.
fn place(seat: &Seat) -> Option<String> {
    let (code, name) = seat.departement.as_ref()?;
    Some(format!("{} ({code})", seat.commune.as_ref().map_or(name, |(_, commune)| commune)))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}

impl Tallies {
    /// Counts the observations of a contract that are not `gone`.
    pub(super) fn contract(
        &mut self,
        contract: &Contract,
        seat: Option<&Seat>,
        gone: impl Fn(&ObservationRef) -> bool,
    ) {
        let siren = contract.record.acheteur.siren();
        if self.current.as_ref().is_none_or(|b| b.siren != siren.as_str()) {
            self.end_of_buyer();
            self.current = Some(BuyerTally {
                siren: siren.to_string(),
                name: None,
                place: seat.and_then(place),
                tally: Tally::default(),
            });
        }
        let mut findings: Vec<(u32, u16, &Finding)> =
            contract.findings.iter().map(|(f, o)| (*o, self.codes.number(&f.code), f)).collect();
        findings.sort_by_key(|(observation, rule, _)| (*observation, *rule));
        let uid = contract.uid.as_str();
        let mut rest = findings.as_slice();
        for (o, index) in contract.observations.iter().zip(0_u32..) {
            let (mine, others) = rest.split_at(rest.iter().take_while(|f| f.0 <= index).count());
            rest = others;
            if gone(o) {
                continue;
            }
            let mine: Vec<(u16, &Finding)> = mine.iter().map(|(_, rule, f)| (*rule, *f)).collect();
            if !self.sources.contains_key(&o.source) {
                self.sources.insert(o.source.clone(), Tally::default());
            }
            if let Some(tally) = self.sources.get_mut(&o.source) {
                tally.record(uid, &mine);
            }
            if let Some(buyer) = &mut self.current {
                buyer.tally.record(uid, &mine);
            }
        }
        self.outliers.contract(contract);
        if let (Some(name), Some(buyer)) = (&contract.record.acheteur_nom, &mut self.current) {
            buyer.name = Some(name.clone());
        }
    }

    /// The buyer at hand has no more contracts.
    pub(super) fn end_of_buyer(&mut self) {
        let Some(mut buyer) = self.current.take() else { return };
        self.outliers.end_of_buyer();
        buyer.tally.judged = buyer.tally.judged.scored(0);
        let row = BuyerRow {
            name: buyer.name.as_deref().map(Into::into),
            judged: buyer.tally.judged,
            rules: buyer
                .tally
                .rules
                .iter()
                .map(|(rule, (n, _))| (*rule, u32::try_from(*n).unwrap_or(u32::MAX)))
                .collect(),
        };
        if let Some(siren) = Siren::parse(&buyer.siren) {
            self.buyers.insert(siren, row);
        }
        if buyer.tally.judged.to_win() > 0 {
            self.worst.push(buyer);
        }
        if self.worst.len() >= 2 * BUYERS {
            self.keep_worst();
        }
    }

    fn keep_worst(&mut self) {
        // Most to mend first; of equals the lower score, then the SIREN.
        self.worst.sort_by(|a, b| {
            let (x, y) = (a.tally.judged, b.tally.judged);
            y.to_win().cmp(&x.to_win()).then(x.score.cmp(&y.score)).then_with(|| a.siren.cmp(&b.siren))
        });
        self.worst.truncate(BUYERS);
    }

    /// Adds to the store's counts of sources what was found here.
    pub(super) fn complete(&mut self, sources: &mut [SourceQuality]) {
        self.keep_worst();
        for source in sources {
            if let Some(tally) = self.sources.get(&source.source) {
                source.rules = tally.counts(&self.codes);
                source.judged = tally.judged;
            }
            source.judged = source.judged.scored(source.quarantined);
            source.late = source.rules.get(LATE).copied().unwrap_or(0);
        }
    }

    /// Records of a buyer that break a rule, by rule.
    pub(super) fn rules_of(&self, buyer: &Siren) -> BTreeMap<&str, u64> {
        let rules = self.buyers.get(buyer).map_or(&[][..], |row| &row.rules);
        rules.iter().map(|(rule, n)| (self.codes.name(*rule), u64::from(*n))).collect()
    }

    /// How the records of a buyer fare.
    pub(super) fn judged_of(&self, buyer: &Siren) -> Judged {
        self.buyers.get(buyer).map(|row| row.judged).unwrap_or_default()
    }

    /// The name of a buyer, as last declared.
    pub(super) fn name_of(&self, buyer: &Siren) -> Option<&str> {
        self.buyers.get(buyer)?.name.as_deref()
    }

    /// The buyers with most to mend, the worst first.
    pub(super) fn worst(&self) -> &[BuyerTally] {
        &self.worst
    }

    /// What was found in a source.
    pub(super) fn source(&self, id: &str) -> Option<&Tally> {
        self.sources.get(id)
    }

    /// The rules of a tally, the gravest first, then the most frequent.
    pub(super) fn ranked<'a>(&'a self, tally: &'a Tally) -> Vec<(&'a str, u64, &'a [Example])> {
        let rank = |code: &str| match catalogue::entry(code).map(|e| e.severity) {
            Some("error") => 0,
            Some("warning") => 1,
            _ => 2,
        };
        let mut rules: Vec<_> =
            tally.rules.iter().map(|(rule, (n, examples))| (self.codes.name(*rule), *n, examples.as_slice())).collect();
        rules.sort_by(|a, b| rank(a.0).cmp(&rank(b.0)).then(b.1.cmp(&a.1)).then(a.0.cmp(b.0)));
        rules
    }
}
