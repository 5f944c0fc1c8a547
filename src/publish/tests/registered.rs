//! What a register adds to a publication, and the names that it takes out of every file.

use std::io::Read as _;
use std::path::Path;

use super::generate::contracts;
use super::readers::{assert_same_rows, csv_rows, ndjson};
use super::*;
use crate::publish::tabular::COLUMNS;
use crate::record::*;
use crate::reference::MASK;

/// A register that knows three units of four: of these, one without a place, one masked.
fn registered(siren: &Siren) -> Result<Option<Seat>, ReadError> {
    let n: u32 = siren.as_str().parse().unwrap();
    let place = |code: &'static str, name: &'static str| Some((code.into(), name.into()));
    let placed = Seat {
        commune: place("31555", "Toulouse"),
        departement: place("31", "Haute-Garonne"),
        region: place("76", "Occitanie"),
        ..Seat::default()
    };
    Ok(match n % 4 {
        0 => None,
        1 => Some(Seat { name: Some(format!("UNITÉ \"{n}\", SA").into()), size: Some("PME"), ..placed }),
        2 => Some(Seat { name: Some(format!("UNITÉ {n}").into()), category: Some("Commune"), ..Seat::default() }),
        _ => Some(Seat { name: Some(MASK.into()), masked: true, ..placed }),
    })
}

#[test]
fn every_table_has_the_names_categories_and_seats_of_the_register_alike() {
    let public = tempfile::tempdir().unwrap();
    let mut case = Case::new(public.path(), contracts(21, 1200));
    case.seats = &registered;
    let outcome = case.outcome();
    assert_same_rows(&outcome);
    let (_, rows) = csv_rows(&outcome.dir);
    let at = |name: &str| COLUMNS.iter().position(|c| c.0 == name).unwrap();
    let kinds = ["acheteur_nom", "titulaire_nom", "acheteur_categorie", "titulaire_categorie", "titulaire_commune_nom"];
    for name in kinds {
        assert!(rows.iter().filter(|r| !r[at(name)].is_empty()).count() > 100, "{name}");
    }
    for row in &rows {
        let siren = |column: &str| Siren::parse(row[at(column)].get(..9).unwrap_or_default());
        for (who, id) in [("acheteur", siren("acheteur_id")), ("titulaire", siren("titulaire_id"))] {
            let is_siret = who == "acheteur" || row[at("titulaire_typeIdentifiant")] == "SIRET";
            let Some(seat) = id.filter(|_| is_siret).and_then(|s| registered(&s).unwrap()) else { continue };
            assert_eq!(Some(&*row[at(&format!("{who}_nom"))]), seat.name.as_deref());
            let departement = seat.departement.as_ref().map_or("", |d| &*d.0);
            assert_eq!(row[at(&format!("{who}_departement_code"))], departement);
        }
    }
    let unknown = ndjson(&outcome.dir).iter().filter(|line| line["withdrawn"] == false).fold(0, |n, line| {
        let siren = Siren::parse(&line["acheteur"]["id"].as_str().unwrap()[..9]).unwrap();
        n + u64::from(registered(&siren).unwrap().is_none_or(|seat| !seat.is_placed()))
    });
    assert_eq!(outcome.counts.seat_unknown, unknown);
}

const NAME: &str = "Jeanne Cachée-Dupont";
const HIDDEN: &str = "30000001500019"; // 300000015 % 4 = 3

fn holder(id: &str, name: &str) -> Holder {
    Holder { id_type: Some(IdType::Siret), id: Some(id.to_owned()), name: Some(name.to_owned()) }
}

/// A contract whose hidden holder is named wherever a name can stand.
fn named_everywhere(mut contract: Contract) -> Contract {
    let hidden = holder(HIDDEN, NAME);
    let vat = Holder { id_type: Some(IdType::Tva), id: Some("FR12300000015".to_owned()), name: Some(NAME.to_owned()) };
    contract.record.titulaires = vec![hidden.clone(), vat, holder("30000000100010", "Ouverte SARL")];
    contract.titulaires_from = vec![0; 3];
    let (date, montant) = (Day::from_ymd(2024, 3, 1), Some(Money::euros(1200)));
    contract.record.modifications = vec![Modification {
        id: Some(1),
        objet: Some("Avenant".to_owned()),
        date,
        date_publication: date,
        duree_mois: Some(12),
        montant,
        titulaires: if contract.record.kind == Kind::Marche { vec![hidden.clone()] } else { Vec::new() },
    }];
    contract.modifications_from = vec![0];
    contract.current.titulaires = vec![hidden.clone()];
    if !contract.only_2019 && contract.record.kind == Kind::Marche {
        contract.record.actes = vec![ActeSousTraitance {
            id: Some(1),
            sous_traitant: hidden,
            duree_mois: Some(6),
            date,
            date_publication: date,
            montant,
            variation_prix: VariationPrix::ALL.first().copied(),
        }];
        contract.actes_from = vec![0];
    }
    let other = format!(r#"[{{"typeIdentifiant":"SIRET","id":"{HIDDEN}","denominationSociale":"{NAME} (EI)"}}]"#);
    contract.conflicts = vec![Conflict { field: Field::Titulaires, values: vec![(other, 0)] }];
    let finding = |field: &str, value: String| {
        (
            Finding {
                code: "text-repaired".into(),
                field: field.to_owned().into(),
                value,
                severity: Severity::Warning,
            },
            0,
        )
    };
    contract.findings = vec![
        finding("titulaires[0].denominationSociale", format!(" {NAME}  ")),
        finding("titulaires[0].id", "300 000 015 00019".to_owned()),
        finding("objet", format!("travaux par {NAME}")),
    ];
    contract
}

/// Every byte that a publication shows, unpacked.
fn shown(dir: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut bytes = std::fs::read(&path).unwrap();
        if name.ends_with(".gz") {
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
            bytes = out;
        } else if name.ends_with(".zst") {
            bytes = zstd::decode_all(&bytes[..]).unwrap();
        }
        files.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    let table = super::readers::parquet_rows(dir);
    files.push(("decp.parquet, read".to_owned(), table.concat().concat()));
    files
}

#[test]
fn a_masked_name_stands_in_no_file_and_the_mask_does() {
    let public = tempfile::tempdir().unwrap();
    let all: Vec<Contract> = contracts(22, 200).into_iter().map(named_everywhere).collect();
    let mut case = Case::new(public.path(), all.clone());
    case.seats = &registered;
    let quarantined = |raw: String| QuarantineRecord {
        source: "source-00".to_owned(),
        reason: "buyer-missing".to_owned(),
        raw: Some(raw),
        ..QuarantineRecord::default()
    };
    let long = format!(r#"{{"denominationSociale":"{NAME}","x":"{}","id":"{HIDDEN}"}}"#, "y".repeat(MAX_RAW));
    case.quarantine = vec![
        quarantined(format!(r#"{{"id":"{HIDDEN}","denominationSociale":"{NAME}"}}"#)),
        quarantined(long),
        quarantined(r#"{"id":"30000000100010","denominationSociale":"Ouverte"}"#.to_owned()),
    ];
    let outcome = case.outcome();
    assert!(outcome.counts.decp_2019 > 20 && outcome.counts.decp > 50, "{:?}", outcome.counts);
    for (name, text) in shown(&outcome.dir) {
        assert!(!text.contains("Cach"), "{name} tells the name");
        let plain =
            ["contrats.ndjson", "decp.csv", "decp-2019.json", "decp-2019.xml", "guichet.sqlite", "quarantine.ndjson"];
        if plain.contains(&&*name) || name.starts_with("decp.parquet,") {
            assert!(text.contains(MASK), "{name} says nothing in its place");
        }
        if name == "quarantine.ndjson" {
            assert!(text.contains("Ouverte") && text.matches(MASK).count() == 2, "{text}");
        }
    }
    let lines = ndjson(&outcome.dir);
    assert!(lines.iter().all(|l| l["titulaires"][2]["denominationSociale"] == "Ouverte SARL"), "others keep theirs");
    assert!(lines.iter().all(|l| l["titulaires"][0]["id"] == HIDDEN), "and the identifier stays");
    assert_same_rows(&outcome);

    // Without a register nothing is taken out.
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), all).outcome();
    let text = std::fs::read_to_string(outcome.dir.join("contrats.ndjson")).unwrap();
    assert!(text.contains(NAME) && !text.contains(MASK));
}

#[test]
fn a_register_that_fails_ends_the_publication() {
    let public = tempfile::tempdir().unwrap();
    let mut case = Case::new(public.path(), contracts(23, 20));
    case.seats = &|_| Err("the disk is gone".into());
    assert!(case.publish().unwrap_err().to_string().contains("the disk is gone"));
    assert!(!public.path().join("latest").exists());
}
