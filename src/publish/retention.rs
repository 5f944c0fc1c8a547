//! Which publications stay: the last of each of `keep_daily` days and of each of `keep_monthly`
//! months; beyond the last three, large text stays as `.zst` only. The plan is a pure function.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::error::PublishError;
use super::swap::{DUMPS, names};
use crate::record::Day;

/// Publications that keep every form of every file.
const WHOLE: usize = 3;
/// The newest publications stay whatever the day: the one before the last is what changes.ndjson
/// applies to, and downloads of it may be under way.
const NEWEST: usize = 2;

/// What to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Publications to remove.
    pub(super) remove: Vec<String>,
    /// Publications whose large text files are kept as `.zst` only.
    pub(super) slim: Vec<String>,
}

/// A name that is one of ours: day, and number within the day.
fn parse(name: &str) -> Option<(Day, u32)> {
    let (day, number) = match name.split_once('.') {
        Some((day, number)) => (day, number.parse().ok().filter(|n| *n >= 2)?),
        None => (name, 1),
    };
    let parsed: Day = day.parse().ok()?;
    (parsed.to_string() == day).then_some((parsed, number))
}

/// Whether a name is that of a publication.
pub(super) fn is_publication(name: &str) -> bool {
    parse(name).is_some()
}

/// The newest publication among names.
pub(super) fn newest(names: &[String]) -> Option<String> {
    names.iter().filter_map(|name| Some((parse(name)?, name))).max().map(|(_, name)| name.clone())
}

/// Sorts by the day and number of a name, the oldest first.
pub(super) fn sort<T>(items: &mut [T], name: impl Fn(&T) -> &str) {
    items.sort_by_key(|item| parse(name(item)));
}

/// Decides from the names alone; what is no publication of ours is not touched.
pub(super) fn plan(names: &[String], latest: &str, keep_daily: usize, keep_monthly: usize) -> Plan {
    let mut known: Vec<((Day, u32), &String)> = names.iter().filter_map(|name| Some((parse(name)?, name))).collect();
    known.sort_by_key(|(day, _)| std::cmp::Reverse(*day));
    let (mut days, mut months) = (BTreeSet::new(), BTreeSet::new());
    let mut plan = Plan::default();
    for (place, ((day, _), name)) in known.into_iter().enumerate() {
        let month = (day.year(), day.date().month());
        // Newest first, so the first of a day or month is its last publication.
        let daily = !days.contains(&day) && days.len() < keep_daily;
        let monthly = !months.contains(&month) && months.len() < keep_monthly;
        days.insert(day);
        months.insert(month);
        if !daily && !monthly && place >= NEWEST && name != latest {
            plan.remove.push(name.clone());
        } else if place >= WHOLE && name != latest {
            plan.slim.push(name.clone());
        }
    }
    plan
}

/// Applies the plan. Says which publications were removed.
pub(super) fn apply(
    public: &Path,
    latest: &str,
    keep_daily: usize,
    keep_monthly: usize,
) -> Result<Vec<String>, PublishError> {
    let dumps = public.join(DUMPS);
    let plan = plan(&names(&dumps)?, latest, keep_daily, keep_monthly);
    for name in &plan.remove {
        let dir = dumps.join(name);
        fs::remove_dir_all(&dir).map_err(PublishError::io("remove", &dir))?;
    }
    for name in &plan.slim {
        slim(&dumps.join(name))?;
    }
    Ok(plan.remove)
}

/// Removes the plain form and the `.gz` of every file that stands as `.zst` too.
fn slim(dir: &Path) -> Result<(), PublishError> {
    let names: BTreeSet<String> = names(dir)?.into_iter().collect();
    for name in &names {
        let Some(plain) = name.strip_suffix(".zst") else {
            continue;
        };
        for other in [plain.to_owned(), format!("{plain}.gz")] {
            if names.contains(&other) {
                let path = dir.join(other);
                fs::remove_file(&path).map_err(PublishError::io("remove", &path))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(names: &[&str], daily: usize, monthly: usize) -> Plan {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        plan(&names, names.last().unwrap(), daily, monthly)
    }

    #[test]
    fn the_last_publication_of_a_day_and_of_a_month_stays() {
        let names = [
            "2026-09-01",
            "2026-09-30",
            "2026-10-30",
            "2026-10-31",
            "2026-11-22",
            "2026-11-22.2",
            "2026-11-22.10",
            "2026-11-23",
            "2026-11-24",
        ];
        let plan = after(&names, 2, 3);
        assert_eq!(plan.remove, ["2026-11-22.10", "2026-11-22.2", "2026-11-22", "2026-10-30", "2026-09-01"]);
        assert_eq!(plan.slim, ["2026-10-31", "2026-09-30"]);
    }

    #[test]
    fn what_is_no_publication_is_not_touched() {
        let names = ["lost+found", "2026-13-01", "2026-11-24.1", "2026-1-1", "2026-11-23", "2026-11-24"];
        assert_eq!(after(&names, 1, 1), Plan::default());
    }

    #[test]
    fn an_old_publication_keeps_its_text_compressed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.json", "a.json.gz", "a.json.zst", "b.parquet", "manifest.json"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        slim(dir.path()).unwrap();
        assert_eq!(names(dir.path()).unwrap(), ["a.json.zst", "b.parquet", "manifest.json"]);
    }
}
