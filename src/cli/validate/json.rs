//! `guichet validate --json` (docs/json.md).

use serde_json::{Value, json};

use super::{Damage, Example, FileReport, Group, Weight};
use crate::refine::catalogue;

/// The whole: every file, and the sums.
pub(super) fn document(reports: &[FileReport]) -> Value {
    let sum = |weight| reports.iter().map(|r| r.count(weight)).sum::<u64>();
    json!({
        "ok": reports.iter().all(FileReport::is_good),
        "records": reports.iter().map(|r| r.records).sum::<u64>(),
        "quarantined": reports.iter().map(|r| r.quarantined).sum::<u64>(),
        "errors": sum(Weight::Error),
        "warnings": sum(Weight::Warning),
        "repairs": sum(Weight::Repaired),
        "files": reports.iter().map(file).collect::<Vec<_>>(),
    })
}

fn file(r: &FileReport) -> Value {
    if r.error.is_some() {
        return json!({"file": r.file, "ok": false, "error": r.error});
    }
    let (ending, damage) = match &r.damage {
        None => ("complete", None),
        Some(Damage::Cut(what)) => ("cut", Some(what)),
        Some(Damage::Damaged(what)) => ("damaged", Some(what)),
    };
    json!({
        "file": r.file,
        "ok": r.is_good(),
        "format": r.format,
        "encoding": r.encoding,
        "ending": ending,
        "damage": damage,
        "records": r.records,
        "accepted": r.accepted,
        "quarantined": r.quarantined,
        "repaired": r.repaired,
        "editions": {"2019": r.editions[0], "2022": r.editions[1]},
        "rules": r.ranked().into_iter().map(|(weight, code, group)| rule(weight, code, group)).collect::<Vec<_>>(),
        "missing": r.missing.iter().map(|(field, n)| (field.name().to_owned(), Value::from(*n))).collect::<serde_json::Map<_, _>>(),
    })
}

fn rule(weight: Weight, code: &str, group: &Group) -> Value {
    let known = catalogue::entry(code);
    json!({
        "code": code,
        "severity": weight.name(),
        "count": group.count,
        "message": known.map(|e| json!({"fr": e.french, "en": e.english})),
        "remedy": known.map(|e| json!({"fr": e.remedy.french(), "en": e.remedy.english()})),
        "reference": known.and_then(|e| e.reference),
        "examples": group.examples.iter().map(example).collect::<Vec<_>>(),
    })
}

fn example(e: &Example) -> Value {
    json!({"position": e.position, "offset": e.offset, "id": e.id, "field": e.field, "value": e.value})
}
