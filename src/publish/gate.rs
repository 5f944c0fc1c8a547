//! The drop gate (records.md §6): a publication that has lost too much is refused, since a source
//! that failed unseen is likelier than a region that stopped buying. Pure.

use std::collections::BTreeMap;

use super::input::Counts;

/// How many of the largest sources are watched one by one.
const LARGEST: usize = 10;

/// Why a publication is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("publication refused: {} from {before} contracts to {now}, more than the {:.1} % allowed by `{key}`; if this is right (a source that ended, `sources forget`), run `guichet publish --accept-shrink`; else see `guichet status`; the publication before stands", subject(.source_id), .allowed * 100.0)]
pub struct Refusal {
    /// The source that fell; `None` = the total.
    pub source_id: Option<String>,
    /// Contracts in the publication before.
    pub before: u64,
    /// Contracts now, those redacted since then included.
    pub now: u64,
    /// Share that was allowed.
    pub allowed: f64,
    /// The key of the configuration that says so: the gate's name in metrics.
    pub key: &'static str,
}

fn subject(source: &Option<String>) -> String {
    match source {
        None => "the total fell".to_owned(),
        Some(id) => format!("source `{id}` fell"),
    }
}

/// What the gate allows.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed {
    /// Share by which the total may fall.
    pub(super) max_drop: f64,
    /// Share by which a source may fall.
    pub(super) max_shrink: f64,
    /// Its own share, for a source that has one.
    pub(super) per_source: BTreeMap<String, f64>,
}

/// Compares with the publication before. Withdrawn contracts still count; `redacted` ones are no fall.
pub(super) fn check(before: &Counts, now: &Counts, redacted: u64, allowed: &Allowed) -> Result<(), Refusal> {
    let total = now.contrats.saturating_add(redacted);
    if falls(before.contrats, total, allowed.max_drop) {
        return Err(Refusal {
            source_id: None,
            before: before.contrats,
            now: total,
            allowed: allowed.max_drop,
            key: "max_drop",
        });
    }
    let mut largest: Vec<(&String, u64)> = before.sources.iter().map(|(id, n)| (id, *n)).collect();
    largest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    for (id, n) in largest.into_iter().take(LARGEST) {
        let left = now.sources.get(id).copied().unwrap_or(0).saturating_add(redacted);
        let share = allowed.per_source.get(id).copied().unwrap_or(allowed.max_shrink);
        if falls(n, left, share) {
            return Err(Refusal {
                source_id: Some(id.clone()),
                before: n,
                now: left,
                allowed: share,
                key: "max_shrink",
            });
        }
    }
    Ok(())
}

/// Whether a number fell by more than a share of what it was.
fn falls(before: u64, now: u64, share: f64) -> bool {
    let lost = before.saturating_sub(now);
    lost > 0 && lost as f64 > before as f64 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(total: u64, sources: &[(&str, u64)]) -> Counts {
        let sources = sources.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect();
        Counts { contrats: total, sources, ..Counts::default() }
    }
    fn allowed() -> Allowed {
        Allowed { max_drop: 0.02, max_shrink: 0.15, per_source: BTreeMap::new() }
    }

    #[test]
    fn a_fall_of_two_percent_passes_and_more_is_refused() {
        let before = counts(1000, &[]);
        assert!(check(&before, &counts(980, &[]), 0, &allowed()).is_ok());
        let refusal = check(&before, &counts(979, &[]), 0, &allowed()).unwrap_err();
        assert_eq!((refusal.key, refusal.now), ("max_drop", 979));
        assert!(refusal.to_string().contains("--accept-shrink"));
    }

    #[test]
    fn a_large_source_that_shrinks_is_refused_though_the_total_grows() {
        let before = counts(100, &[("a", 40), ("b", 60)]);
        let after = counts(120, &[("a", 33), ("b", 87)]);
        let refusal = check(&before, &after, 0, &allowed()).unwrap_err();
        assert_eq!(refusal.source_id.as_deref(), Some("a"));
        let mut lenient = allowed();
        lenient.per_source.insert("a".to_owned(), 0.5);
        assert!(check(&before, &after, 0, &lenient).is_ok());
        assert!(check(&before, &counts(120, &[("b", 120)]), 0, &allowed()).is_err());
    }

    #[test]
    fn the_eleventh_source_may_go_and_what_was_redacted_is_no_fall() {
        let names: Vec<String> = (0..11).map(|i| format!("s{i:02}")).collect();
        let all: Vec<(&str, u64)> = names.iter().map(|n| (n.as_str(), 10)).collect();
        let before = counts(1000, &all);
        assert!(check(&before, &counts(1000, &all[..10]), 0, &allowed()).is_ok());
        assert!(check(&before, &counts(1000, &all[1..]), 0, &allowed()).is_err());
        assert!(check(&counts(100, &[]), &counts(90, &[]), 10, &allowed()).is_ok());
    }
}
