//! What a harvest gave, source by source: for whoever asked for it, the metrics and the exit code.

use super::exit::Exit;
use super::harvest_end::Outage;
use super::merge_run::MergeReport;

/// How a run over several sources ended.
#[derive(Debug, Clone, Default)]
pub struct HarvestReport {
    /// Each source, in the order of their ids.
    pub sources: Vec<SourceReport>,
    /// What the merge changed.
    pub merge: MergeReport,
    /// So much failed at once that it was taken for an outage of our own.
    pub outage: Option<Outage>,
}
/// How one source's harvest ended.
#[derive(Debug, Clone, Default)]
pub struct SourceReport {
    /// Its id.
    pub id: String,
    /// Resources listed.
    pub listed: usize,
    /// Resources whose payload was new.
    pub fetched: usize,
    /// Resources that had not changed.
    pub unchanged: usize,
    /// Resources that failed.
    pub failed: usize,
    /// Records of the new payloads.
    pub received: u64,
    /// Of these, not known before.
    pub new: u64,
    /// Of these, quarantined.
    pub quarantined: u64,
    /// Left something out: a cut document, a failed resource, an incomplete list.
    pub partial: bool,
    /// We were asked to stop before its end.
    pub stopped: bool,
    /// What went wrong first.
    pub error: Option<String>,
}

impl SourceReport {
    /// Whether it gave anything: an unchanged payload is something.
    pub fn succeeded(&self) -> bool {
        self.fetched + self.unchanged > 0 || (self.error.is_none() && self.failed == 0)
    }

    pub(super) fn fail(&mut self, error: impl ToString) {
        self.partial = true;
        self.error.get_or_insert_with(|| error.to_string());
    }
}

impl HarvestReport {
    /// 0 = all well, 1 = not one source gave anything, 3 = some failed or are partial.
    pub fn exit(&self) -> Exit {
        let good = self.sources.iter().filter(|s| s.succeeded()).count();
        let whole = self.sources.iter().filter(|s| s.succeeded() && !s.partial).count();
        match (good, whole) {
            (_, whole) if whole == self.sources.len() => Exit::Done,
            (0, _) => Exit::Failed,
            _ => Exit::Partial,
        }
    }
}
