//! Withdrawing publications that hold what was removed (law L6): their files go, the manifest stays and
//! says so, and `latest` never leads to one.
//!
//! In: the folder `public/`, and a question about a line of contrats.ndjson. Out: the publications that
//! hold such a line; then their files removed. The manifest is replaced first: from then on the web
//! side gives out nothing of it, whenever this is killed. Memory: one line.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::PublishError;
use super::manifest::{MANIFEST, Manifest, Withdrawn};
use super::previous::OldLines;
use super::swap::{self, DUMPS, LATEST, names};
use crate::record::{Holder, IdType, Kind, LocalId, Money, Record, Siret};

/// What a line of contrats.ndjson says a contract is.
#[derive(Debug)]
pub struct Held<'a> {
    /// Its name.
    pub uid: &'a str,
    /// What tells it from others, under each SIRET and id that its observations declared: holders, day of
    /// notification, amount, object and duration.
    pub records: &'a [Record],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    uid: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    titulaires: Vec<Titulaire>,
    date_notification: Option<String>,
    montant: Option<Box<RawValue>>,
    objet: Option<String>,
    duree_mois: Option<u32>,
    observations: Vec<Declared>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Titulaire {
    type_identifiant: Option<String>,
    id: Option<String>,
    denomination_sociale: Option<String>,
}

#[derive(Deserialize)]
struct Declared {
    acheteur_id: String,
    id: String,
}

impl Line {
    fn records(self) -> Vec<Record> {
        let kind = if self.kind == Kind::Concession.name() { Kind::Concession } else { Kind::Marche };
        let holder = |t: Titulaire| Holder {
            id_type: t.type_identifiant.as_deref().and_then(IdType::parse),
            id: t.id,
            name: t.denomination_sociale,
        };
        let titulaires: Vec<Holder> = self.titulaires.into_iter().map(holder).collect();
        let montant = self.montant.and_then(|m| m.get().parse().ok()).map(Money::new);
        let day = self.date_notification.and_then(|d| d.parse().ok());
        let under = |o: Declared| {
            let mut record = Record::new(kind, Siret::parse(&o.acheteur_id)?, LocalId::new(&o.id)?);
            record.titulaires.clone_from(&titulaires);
            (record.date_notification, record.montant, record.duree_mois) = (day, montant, self.duree_mois);
            record.objet.clone_from(&self.objet);
            Some(record)
        };
        self.observations.into_iter().filter_map(under).collect()
    }
}

/// The publications, not withdrawn yet, with a contract of which `holds` is true; by name. One that
/// cannot be read is among them: what it holds is not known.
///
/// # Errors
/// The folder cannot be listed.
pub fn holding(public: &Path, holds: impl Fn(&Held<'_>) -> bool) -> Result<Vec<String>, PublishError> {
    let dumps = public.join(DUMPS);
    if !dumps.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in names(&dumps)? {
        let dir = dumps.join(&name);
        if super::retention::is_publication(&name) && !is_withdrawn(&dir) && any(&dir, &holds).unwrap_or(true) {
            found.push(name);
        }
    }
    Ok(found)
}

fn is_withdrawn(dir: &Path) -> bool {
    Manifest::read(dir).is_ok_and(|m| m.withdrawn.is_some()) && names(dir).is_ok_and(|n| n == [MANIFEST])
}

fn any(dir: &Path, holds: &impl Fn(&Held<'_>) -> bool) -> Result<bool, PublishError> {
    // Withdrawn, and killed before its files had gone.
    if Manifest::read(dir)?.withdrawn.is_some() {
        return Ok(true);
    }
    let mut lines = OldLines::open(dir)?;
    while lines.uid().is_some() {
        let line: Line = serde_json::from_slice(lines.line())
            .map_err(|e| PublishError::Previous { path: dir.to_owned(), what: e.to_string() })?;
        let uid = line.uid.clone();
        if holds(&Held { uid: &uid, records: &line.records() }) {
            return Ok(true);
        }
        lines.advance()?;
    }
    Ok(false)
}

/// Whether a publication of this name is there, withdrawn or not.
pub fn stands(public: &Path, name: &str) -> bool {
    public.join(DUMPS).join(name).is_dir()
}

/// Withdraws publications. When `latest` leads to one of them, it goes too.
///
/// # Errors
/// The file system refuses; run again, it goes on.
pub fn withdraw(public: &Path, publications: &[String], when: &str, reason: &str) -> Result<(), PublishError> {
    let latest = fs::read_link(public.join(LATEST)).unwrap_or_default();
    if let Some(name) = latest.file_name().and_then(|n| n.to_str())
        && publications.iter().any(|p| p == name)
    {
        let link = public.join(LATEST);
        fs::remove_file(&link).map_err(PublishError::io("remove", &link))?;
        swap::sync_dir(public)?;
    }
    for name in publications {
        one(&public.join(DUMPS).join(name), when, reason)?;
    }
    Ok(())
}

fn one(dir: &Path, when: &str, reason: &str) -> Result<(), PublishError> {
    let path = dir.join(MANIFEST);
    match Manifest::read(dir) {
        Ok(mut manifest) => {
            if manifest.withdrawn.is_none() {
                manifest.withdrawn = Some(Withdrawn { when: when.to_owned(), reason: reason.to_owned() });
                let text = manifest.to_json().map_err(|e| PublishError::Io {
                    action: "write",
                    path: path.clone(),
                    source: e.into(),
                })?;
                swap::replace(dir, MANIFEST, &text)?;
            }
        }
        // Without a manifest nothing of it was ever given out.
        Err(error) => tracing::warn!("withdrawing a publication whose manifest cannot be read: {error}"),
    }
    crash_point!("removal.withdrawing");
    for name in names(dir)? {
        if name != MANIFEST {
            let path = dir.join(name);
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match gone {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(PublishError::io("remove", &path)(e)),
                _ => {}
            }
        }
    }
    swap::sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(public: &Path, name: &str, id: &str) {
        let dir = public.join(DUMPS).join(name);
        fs::create_dir_all(&dir).unwrap();
        let manifest = format!(
            r#"{{"day":"2026-11-24","publication":"{name}","created":"x","generator":"g","epoch":"00000000-0000-0000-0000-000000000000",
            "first_seq":1,"last_seq":1,"applies_to":null,"counts":{{"contrats":1,"marches":1,"concessions":0,"withdrawn":0,
            "decp":1,"decp-2019":0,"lignes":1,"observations":1,"seat_unknown":0,"sources":{{}}}},"files":[],
            "left_out":{{"decp":{{}},"decp-2019":{{}}}}}}"#
        );
        fs::write(dir.join(MANIFEST), manifest).unwrap();
        let line = format!(
            r#"{{"uid":"21310555400017{id}","type":"marche","observations":[{{"acheteur_id":"21310555400017","id":"{id}"}}]}}"#
        );
        fs::write(dir.join("contrats.ndjson.zst"), zstd::encode_all(format!("{line}\n").as_bytes(), 1).unwrap())
            .unwrap();
    }

    #[test]
    fn what_holds_it_is_found_in_any_form_and_only_its_manifest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let public = dir.path();
        publication(public, "2026-11-24", "A1");
        publication(public, "2026-11-25", "B1");
        std::os::unix::fs::symlink("dumps/2026-11-24", public.join(LATEST)).unwrap();
        let holds = |held: &Held<'_>| held.records.iter().any(|r| r.id.as_str() == "A1");
        let found = holding(public, holds).unwrap();
        assert_eq!(found, ["2026-11-24"]);
        withdraw(public, &found, "2026-11-26T00:00:00Z", "redacted").unwrap();
        assert_eq!(names(&public.join("dumps/2026-11-24")).unwrap(), [MANIFEST]);
        assert!(fs::symlink_metadata(public.join(LATEST)).is_err(), "latest leads to no withdrawn one");
        assert!(holding(public, holds).unwrap().is_empty());
        let manifest = Manifest::read(&public.join("dumps/2026-11-24")).unwrap();
        assert_eq!(manifest.withdrawn.unwrap().reason, "redacted");
    }

    #[test]
    fn one_whose_withdrawal_was_cut_short_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let public = dir.path();
        publication(public, "2026-11-24", "A1");
        let folder = public.join("dumps/2026-11-24");
        withdraw(public, &["2026-11-24".to_owned()], "2026-11-26T00:00:00Z", "redacted").unwrap();
        fs::write(folder.join("decp.json"), "left").unwrap();
        assert_eq!(holding(public, |_| false).unwrap(), ["2026-11-24"]);
    }
}
