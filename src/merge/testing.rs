//! What the tests of this room share: observations made in a line, and the real files read well
//! enough to label pairs in them (the decoders proper live in another room).

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{Decision, Verdict};
use crate::record::*;

use super::{Authority, Candidate, Merged, Rules, SourceFacts, merge_buyer, merge_decided};

pub const BUYER: &str = "21310555400017";
pub const A: &str = "11111111100011";
pub const B: &str = "22222222200022";
pub const C: &str = "33333333300033";

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A list of sources of one authority, in this order.
pub fn platforms(ids: &[&str]) -> Vec<SourceFacts> {
    ids.iter()
        .map(|id| SourceFacts { id: (*id).to_owned(), authority: Authority::Platform, buyers: Vec::new() })
        .collect()
}

pub fn holder(siret: &str) -> Holder {
    Holder { id_type: Some(IdType::Siret), id: Some(siret.to_owned()), name: None }
}

/// An observation of the test buyer under construction.
#[derive(Debug, Clone)]
pub struct Make(pub Candidate);

/// Starts one: source 0, resource `r`, present, in the region.
pub fn make(id: &str) -> Make {
    make_of(BUYER, id)
}

pub fn make_of(buyer: &str, id: &str) -> Make {
    let buyer = Siret::parse(buyer).unwrap();
    Make(Candidate {
        observation_id: 0,
        source: 0,
        resource: "r".to_owned(),
        position: 0,
        also_in: Vec::new(),
        present: true,
        withdrawn: false,
        gone_since: None,
        resource_date: Some(day("2024-12-31")),
        first_seen: day("2024-12-31"),
        observation: Observation {
            format: Format::V2022,
            record: Record::new(Kind::Marche, buyer, LocalId::new(id).unwrap()),
            declared: Vec::new(),
            findings: Vec::new(),
            seat: Where::Inside,
            place: Where::Unknown,
        },
    })
}

impl Make {
    pub fn with(mut self, change: impl FnOnce(&mut Record)) -> Self {
        change(&mut self.0.observation.record);
        self
    }
    pub fn source(mut self, source: u32) -> Self {
        self.0.source = source;
        self
    }
    pub fn at(mut self, resource: &str, position: u32) -> Self {
        self.0.resource = resource.to_owned();
        self.0.position = position;
        self
    }
    pub fn montant(self, euros: i64) -> Self {
        self.with(|r| r.montant = Some(Money::euros(euros)))
    }
    pub fn held_by(self, sirets: &[&str]) -> Self {
        self.with(|r| r.titulaires = sirets.iter().map(|s| holder(s)).collect())
    }
    pub fn objet(self, text: &str) -> Self {
        self.with(|r| r.objet = Some(text.to_owned()))
    }
    pub fn notified(self, on: &str) -> Self {
        self.with(|r| r.date_notification = Some(day(on)))
    }
    pub fn published(self, on: &str) -> Self {
        self.with(|r| r.date_publication = Some(day(on)))
    }
    pub fn framework(self) -> Self {
        self.with(|r| r.techniques = vec![Technique::AccordCadre])
    }
    pub fn concession(self) -> Self {
        self.with(|r| r.kind = Kind::Concession)
    }
    pub fn modified(self, lines: &[Modification]) -> Self {
        self.with(|r| r.modifications = lines.to_vec())
    }
    pub fn format(mut self, format: Format) -> Self {
        self.0.observation.format = format;
        self
    }
    pub fn gone(mut self, since: &str, withdrawn: bool) -> Self {
        self.0.present = false;
        self.0.gone_since = Some(day(since));
        self.0.withdrawn = withdrawn;
        self
    }
    pub fn seen(mut self, on: &str) -> Self {
        self.0.first_seen = day(on);
        self
    }
    pub fn resource_date(mut self, on: Option<&str>) -> Self {
        self.0.resource_date = on.map(day);
        self
    }
    pub fn region(mut self, seat: Where, place: Where) -> Self {
        self.0.observation.seat = seat;
        self.0.observation.place = place;
        self
    }
}

/// Numbers the observations from 0 and merges them with three sources of one platform authority.
pub fn merge(made: Vec<Make>) -> Merged {
    merge_with(&platforms(&["a", "b", "c"]), made, &Rules::default())
}

pub fn merge_with(sources: &[SourceFacts], made: Vec<Make>, rules: &Rules) -> Merged {
    merge_buyer(Siret::parse(BUYER).unwrap().siren(), sources, numbered(made), rules)
}

/// A decision over records of the test buyer, by their ids.
pub fn decide(verdict: Verdict, ids: &[&str]) -> Decision {
    let record = |id: &&str| (Siret::parse(BUYER).unwrap(), LocalId::new(id).unwrap());
    let mut records: Vec<_> = ids.iter().map(record).collect();
    records.sort();
    Decision { verdict, records, who: "op".to_owned(), why: "seen".to_owned(), when: day("2024-12-31") }
}

/// As [`merge`], under decisions.
pub fn merge_under(decisions: &[Decision], made: Vec<Make>) -> Merged {
    let siren = Siret::parse(BUYER).unwrap().siren();
    merge_decided(siren, &platforms(&["a", "b", "c"]), numbered(made), decisions, &Rules::default())
}

pub fn numbered(made: Vec<Make>) -> Vec<Candidate> {
    (0..).zip(made).map(|(i, m)| Candidate { observation_id: i, ..m.0 }).collect()
}

/// The contracts as sets of observation numbers, in order of the smallest.
pub fn groups(merged: &Merged) -> Vec<Vec<i64>> {
    let mut out: Vec<Vec<i64>> = vec![Vec::new(); merged.contracts.len()];
    for (id, contract) in &merged.contract_of {
        out[*contract as usize].push(*id);
    }
    out.sort();
    out
}

/// Where the real files are; `None` (and a line that says so) when they are not on this machine.
pub fn real_data() -> Option<PathBuf> {
    let dir = std::env::var_os("GUICHET_REAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: no real data at {}", dir.display());
    None
}

/// The records of a JSON file by position; `None` where one has no identity.
pub fn read(file: &Path) -> Vec<Option<Observation>> {
    let bytes = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    let (list, format) = match &value["marches"] {
        Value::Array(list) => (list.clone(), Format::V2019),
        wrapped => (wrapped["marche"].as_array().cloned().unwrap_or_default(), Format::V2022),
    };
    list.iter()
        .map(|v| {
            Some(Observation {
                format,
                record: record(v)?,
                declared: Vec::new(),
                findings: Vec::new(),
                seat: Where::Inside,
                place: Where::Unknown,
            })
        })
        .collect()
}

/// The identified records of several files as one source's, each file a resource. The name of an
/// observation is (file, position).
pub fn candidates(source: u32, files: &[(&str, &Path)]) -> (Vec<Candidate>, Vec<(String, u32)>) {
    let (mut out, mut names) = (Vec::new(), Vec::new());
    for (name, file) in files {
        for (position, observation) in (0u32..).zip(read(file)) {
            let Some(observation) = observation else {
                continue;
            };
            out.push(Candidate {
                observation_id: names.len() as i64,
                source,
                resource: (*name).to_owned(),
                position,
                also_in: Vec::new(),
                present: true,
                withdrawn: false,
                gone_since: None,
                resource_date: None,
                first_seen: day("2026-11-24"),
                observation,
            });
            names.push(((*name).to_owned(), position));
        }
    }
    (out, names)
}

fn record(v: &Value) -> Option<Record> {
    let buyer = [&v["acheteur"]["id"], &v["autoriteConcedante"]["id"]];
    let acheteur = buyer.iter().find_map(|b| Siret::parse(b.as_str()?.trim()))?;
    let id = LocalId::new(v["id"].as_str()?)?;
    let kind = if v["autoriteConcedante"].is_object() { Kind::Concession } else { Kind::Marche };
    let mut r = Record::new(kind, acheteur, id);
    r.objet = v["objet"].as_str().map(squeeze);
    r.cpv = v["codeCPV"].as_str().and_then(|c| Cpv::parse(c.get(..8)?));
    r.nature = v["nature"].as_str().and_then(Nature::parse);
    r.nature_2019 = v["nature"].as_str().and_then(Nature2019::parse);
    r.procedure = v["procedure"].as_str().and_then(Procedure::parse);
    r.duree_mois = v["dureeMois"].as_u64().map(|n| n as u32);
    r.date_notification = days(&v["dateNotification"]);
    r.date_publication = days(&v["datePublicationDonnees"]);
    r.montant = money(&v["montant"]).or_else(|| money(&v["valeurGlobale"]));
    r.titulaires = holders(&v["titulaires"]);
    r.titulaires.extend(holders(&v["concessionnaires"]));
    let words = |list: &Value, inner: &str| -> Vec<String> {
        let list = list[inner].as_array().or_else(|| list.as_array());
        list.into_iter().flatten().filter_map(|t| Some(t.as_str()?.to_owned())).collect()
    };
    let place = &v["lieuExecution"];
    r.lieu = place["code"].as_str().map(|code| Place {
        code: Some(code.to_owned()),
        kind: place["typeCode"].as_str().and_then(PlaceType::parse),
        name: None,
    });
    r.techniques = words(&v["techniques"], "technique").iter().filter_map(|t| Technique::parse(t)).collect();
    r.modalites =
        words(&v["modalitesExecution"], "modaliteExecution").iter().filter_map(|t| Modalite::parse(t)).collect();
    let modifications = v["modifications"].as_array().into_iter().flatten();
    r.modifications = modifications
        .map(|m| m.get("modification").unwrap_or(m))
        .map(|m| Modification {
            id: m["id"].as_u64().map(|n| n as u32),
            objet: m["objetModification"].as_str().map(squeeze),
            date: days(&m["dateNotificationModification"]),
            date_publication: days(&m["datePublicationDonneesModification"]),
            duree_mois: m["dureeMois"].as_u64().map(|n| n as u32),
            montant: money(&m["montant"]),
            titulaires: holders(&m["titulaires"]),
        })
        .collect();
    Some(r)
}

fn days(v: &Value) -> Option<Day> {
    v.as_str()?.get(..10)?.parse().ok()
}

fn money(v: &Value) -> Option<Money> {
    let number = v.as_number()?.to_string();
    number.parse().ok().map(Money::new)
}

fn holders(v: &Value) -> Vec<Holder> {
    let text = |v: &Value| v.as_str().map(squeeze);
    v.as_array()
        .into_iter()
        .flatten()
        .map(|h| h.get("titulaire").unwrap_or(h))
        .filter(|h| h.is_object())
        .map(|h| Holder {
            id_type: h["typeIdentifiant"].as_str().and_then(IdType::parse),
            id: text(&h["id"]),
            name: text(&h["denominationSociale"]),
        })
        .collect()
}
