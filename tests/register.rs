//! A register from its files to the publication: what it places, names and hides, and what a change of
//! it replays. Generated extracts only.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "common/mod.rs"]
mod common;
#[path = "common/small.rs"]
mod small;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use guichet::demo::{Page, Upstream};
use guichet::publish::Manifest;
use guichet::reference::MASK;
use serde_json::{Value, json};

use common::{assert_same_state, publish};
use small::{Night, QUICK, Small, marche, stanza};

/// Buyers whose SIREN tells nothing; by its digits the last one sits in Paris.
const HLM: &str = "35069694400010";
const STATE: &str = "18003101500015";
const MOVED: &str = "21750001600019";
/// Holders: a company, a natural person who may be named, and one who may not.
const COMPANY: &str = "55204599900869";
const OPEN: &str = "30000000700012";
const HIDDEN: &str = "30000001500019";

const UNITS: &str = "siren,statutDiffusionUniteLegale,prenom1UniteLegale,nomUniteLegale,denominationUniteLegale,\
categorieJuridiqueUniteLegale,categorieEntreprise,nicSiegeUniteLegale,etatAdministratifUniteLegale\n";
const SEATS: &str = "siret,siren,etablissementSiege,codeCommuneEtablissement,statutDiffusionEtablissement\n";

fn units() -> String {
    format!(
        "{UNITS}552045999,O,,,GRANDE ENTREPRISE,5710,GE,00869,A\n300000007,O,JEANNE,OUVERTE,,1000,PME,00012,A\n\
         350696944,O,,,OFFICE DU LOGEMENT,5547,ETI,00010,A\n300000015,P,[ND],[ND],,1000,PME,00019,A\n\
         180031015,O,,,SERVICE DE L'ETAT,7120,,00015,A\n217500016,O,,,VILLE PARTIE,7210,,00019,A\n"
    )
}

/// Communes of the seats of the three buyers.
fn seats(hlm: &str, state: &str, moved: &str) -> String {
    format!(
        "{SEATS}{HLM},350696944,true,{hlm},O\n{STATE},180031015,true,{state},O\n{MOVED},217500016,true,{moved},O\n\
         {COMPANY},552045999,true,92050,O\n{OPEN},300000007,true,31555,O\n{HIDDEN},300000015,true,34172,P\n"
    )
}

fn contract(id: &str, buyer: &str, place: &str, holder: &str) -> Value {
    let mut record = marche(id);
    record["acheteur"]["id"] = json!(buyer);
    record["lieuExecution"] = json!({"code": place, "typeCode": "Code commune"});
    record["titulaires"][0]["titulaire"]["id"] = json!(holder);
    record["titulaires"][0]["titulaire"]["denominationSociale"] = json!(format!("Nom déclaré {holder}"));
    record
}

struct World {
    small: Small,
    files: PathBuf,
    _upstream: Upstream,
}

impl World {
    fn new() -> Self {
        let upstream = Upstream::start().unwrap();
        let page = |records: Vec<Value>| {
            Page::json(json!({"marches": {"marche": records, "contrat-concession": []}}).to_string())
        };
        upstream
            .page("/hlm", page(vec![contract("H-1", HLM, "31555", HIDDEN), contract("H-2", HLM, "75101", COMPANY)]));
        upstream.page("/state", page(vec![contract("S-1", STATE, "75101", OPEN)]));
        upstream.page("/moved", page(vec![contract("M-1", MOVED, "75101", COMPANY)]));
        let small = Small::quick();
        let of = |id: &str| stanza(id, &upstream.url(&format!("/{id}")), "");
        small.sources(&format!("{}{}{}", of("hlm"), of("state"), of("moved")));
        let files = small.root().to_owned();
        Self { small, files, _upstream: upstream }
    }
    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.files.join(name), text).unwrap();
    }
    /// A night with or without the register.
    fn night(&self, n: i64, with: bool) -> Night {
        let register = if with { "[register]\nsirene = [\"units.csv\", \"seats.csv\"]\n" } else { "" };
        self.small.harvest(&format!("{QUICK}[region]\nname = \"Occitanie\"\ninsee = \"76\"\n{register}"));
        self.small.night(n)
    }
}

/// Each row of decp.csv by its contract's id.
fn rows(dir: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(dir.join("decp.csv")).unwrap();
    let all = reader.deserialize::<BTreeMap<String, String>>().map(Result::unwrap);
    all.map(|row| (row["id"].clone(), row)).collect()
}

fn lines(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("contrats.ndjson")).unwrap()
}

fn epoch(dir: &Path) -> String {
    Manifest::read(dir).unwrap().epoch.to_string()
}

fn unknown(dir: &Path) -> u64 {
    Manifest::read(dir).unwrap().counts.seat_unknown
}

#[test]
fn a_register_places_names_and_hides_and_taking_it_away_gives_back_what_was() {
    let world = World::new();
    let night = world.night(0, false);
    let before = publish(&night.pipeline);
    // One is in by its place, one is joined to it by nothing: their buyer's seat is unknown.
    assert_eq!(rows(&before).keys().collect::<Vec<_>>(), ["H-1"]);
    assert_eq!(unknown(&before), 1);
    assert_eq!(rows(&before)["H-1"]["titulaire_nom"], format!("Nom déclaré {HIDDEN}"));
    assert_eq!(night.status("moved").records.out_of_region, 1, "dropped at the door");
    drop(night);

    world.put("units.csv", &units());
    world.put("seats.csv", &seats("34172", "12202", "31555"));
    let night = world.night(1, true);
    let with = publish(&night.pipeline);
    let all = rows(&with);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["H-1", "H-2", "M-1", "S-1"]);
    assert_eq!(unknown(&with), 0, "the register knows them all");
    assert_ne!(epoch(&with), epoch(&before), "a replay begins another epoch");
    for (id, column, value) in [
        ("H-1", "acheteur_nom", "OFFICE DU LOGEMENT"),
        ("H-1", "acheteur_commune_nom", "Montpellier"),
        ("H-1", "acheteur_region_nom", "Occitanie"),
        ("H-1", "titulaire_nom", MASK),
        ("H-1", "titulaire_categorie", "PME"),
        ("H-2", "titulaire_nom", "GRANDE ENTREPRISE"),
        ("H-2", "titulaire_categorie", "GE"),
        ("H-2", "titulaire_departement_code", "92"),
        ("S-1", "acheteur_categorie", "État"),
        ("S-1", "titulaire_nom", "JEANNE OUVERTE"),
        ("M-1", "acheteur_categorie", "Commune"),
        ("M-1", "acheteur_commune_code", "31555"),
    ] {
        assert_eq!(all[id][column], value, "{id} {column}");
    }
    let text = lines(&with);
    assert!(text.contains(MASK) && !text.contains(&format!("Nom déclaré {HIDDEN}")));
    assert!(text.contains(&format!("Nom déclaré {COMPANY}")), "what a source declared of others stays in it");
    drop(night);

    let night = world.night(2, false);
    let after = publish(&night.pipeline);
    assert_eq!(lines(&after), lines(&before));
}

#[test]
fn a_change_of_the_register_replays_what_it_concerns_and_nothing_else() {
    let world = World::new();
    world.put("units.csv", &units());
    world.put("seats.csv", &seats("34172", "12202", "75056"));
    let night = world.night(0, true);
    let first = publish(&night.pipeline);
    assert_eq!(rows(&first).keys().collect::<Vec<_>>(), ["H-1", "H-2", "S-1"]);
    drop(night);

    // A name changes: nothing is replayed, and the publication is another.
    world.put("units.csv", &units().replace("OFFICE DU LOGEMENT", "OFFICE NOUVEAU"));
    let night = world.night(1, true);
    let renamed = publish(&night.pipeline);
    assert_eq!(epoch(&renamed), epoch(&first));
    assert_eq!(rows(&renamed)["H-1"]["acheteur_nom"], "OFFICE NOUVEAU");
    drop(night);

    // A buyer moves within the region: nothing that was decided changes.
    world.put("seats.csv", &seats("31555", "12202", "75056"));
    let night = world.night(2, true);
    let within = publish(&night.pipeline);
    assert_eq!(epoch(&within), epoch(&first));
    assert_eq!(rows(&within)["H-1"]["acheteur_commune_nom"], "Toulouse");
    drop(night);

    // One comes into the region, of whom nothing was kept, and one leaves it.
    world.put("seats.csv", &seats("31555", "75056", "31555"));
    let night = world.night(3, true);
    let moved = publish(&night.pipeline);
    assert_ne!(epoch(&moved), epoch(&first));
    assert_eq!(rows(&moved).keys().collect::<Vec<_>>(), ["H-1", "H-2", "M-1"]);

    // The same from nothing gives the same.
    let fresh = World::new();
    fresh.put("units.csv", &units().replace("OFFICE DU LOGEMENT", "OFFICE NOUVEAU"));
    fresh.put("seats.csv", &seats("31555", "75056", "31555"));
    assert_eq!(lines(&publish(&fresh.night(3, true).pipeline)), lines(&moved));
}

#[test]
fn an_unchanged_register_changes_nothing() {
    let world = World::new();
    world.put("units.csv", &units());
    world.put("seats.csv", &seats("34172", "12202", "31555"));
    let first = publish(&world.night(0, true).pipeline);
    let again = publish(&world.night(0, true).pipeline);
    assert_same_state(&first, &again, "the same register");
    let night = world.night(0, true);
    assert!(!night.pipeline.changed_since_publication().unwrap());
}
