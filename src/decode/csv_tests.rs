//! Tables through the front door: the national columns, SCDL, a table of one's own; rows that stand
//! apart, rows that are damaged.

use std::ops::ControlFlow;

use super::*;
use crate::record::Kind;

/// Every record with the places of its rows.
/// The rows of each record, and what it reads as.
type Records = Vec<(Vec<u32>, Result<RawRecord, Reject>)>;

fn read_with(bytes: &[u8], options: &SplitOptions) -> (Records, Split) {
    let mut out = Vec::new();
    let split = split(bytes, options, &mut |s| {
        let places = std::iter::once(s.position).chain(s.also.iter().copied()).collect();
        out.push((places, parse(&s)));
        ControlFlow::Continue(())
    })
    .unwrap();
    let mut places: Vec<u32> = out.iter().flat_map(|(p, _): &(Vec<u32>, _)| p.clone()).collect();
    places.sort_unstable();
    assert!(places.iter().copied().eq(0..split.records), "{places:?} of {}", split.records);
    (out, split)
}

fn read(text: &str) -> Vec<(Vec<u32>, Result<RawRecord, Reject>)> {
    read_with(text.as_bytes(), &SplitOptions::default()).0
}

fn text(d: &Declared) -> &str {
    d.as_ref().map_or("", Scalar::as_str)
}

const HEADER: &str = "uid,id,nature,acheteur_id,acheteur_nom,titulaire_id,titulaire_typeIdentifiant,titulaire_nom,objet,montant,type,codeCPV,techniques,dureeMois,dureeRestanteMois,dateNotification,datePublicationDonnees,modification_id,donneesActuelles,acheteur_departement_code,sourceDataset";

fn national(id: &str, state: u32, holder: &str, montant: &str, duree: &str, date: &str) -> String {
    format!(
        "21310555400017{id},{id},Marché,21310555400017,Ville,{holder},SIRET,Société {holder},\"Achat de \"\"vis\"\", lot 1\",{montant},Fournitures,44530000,\"Accord-cadre, Concours\",{duree},3.5,{date},{date},{state},false,31,x"
    )
}

#[test]
fn the_rows_of_a_contract_are_gathered_wherever_they_stand() {
    let rows = [
        national("A", 2, "3", "120.5", "24", "2024-06-01"),
        national("B", 0, "1", "7", "12", "2024-05-01"),
        national("A", 1, "1", "110", "12", "2024-03-01"),
        national("A", 1, "2", "110", "12", "2024-03-01"),
        "".into(),
        national("A", 0, "1", "100", "12", "2024-01-01"),
        national("A", 0, "2", "100", "12", "2024-01-01"),
    ];
    for separator in ["\n", "\r\n"] {
        let doc = format!("\u{feff}{HEADER}{separator}{}", rows.join(separator));
        let got = read(&doc);
        assert_eq!(got.len(), 2);
        assert_eq!((&*got[0].0, &*got[1].0), (&[0, 2, 3, 4, 5][..], &[1][..]));
        let a = got[0].1.as_ref().unwrap();
        assert_eq!((text(&a.id), text(&a.acheteur), text(&a.montant)), ("A", "21310555400017", "100"));
        assert_eq!(text(&a.objet), "Achat de \"vis\", lot 1");
        assert_eq!(a.techniques.iter().map(Scalar::as_str).collect::<Vec<_>>(), ["Accord-cadre", "Concours"]);
        let holders = |list: &[RawHolder]| list.iter().map(|h| text(&h.id).to_owned()).collect::<Vec<_>>();
        assert_eq!(holders(&a.titulaires), ["1", "2"]);
        assert_eq!(a.modifications.len(), 2);
        let (first, second) = (&a.modifications[0], &a.modifications[1]);
        assert_eq!((text(&first.id), text(&first.montant), text(&first.duree_mois)), ("1", "110", ""));
        assert!(first.titulaires.is_empty());
        assert_eq!(
            (text(&second.date), text(&second.montant), text(&second.duree_mois)),
            ("2024-06-01", "120.5", "24")
        );
        assert_eq!(holders(&second.titulaires), ["3"]);
        assert_eq!(a.format, crate::record::Format::Table);
        assert!(a.notes.is_empty(), "{:?}", a.notes);
    }
}

#[test]
fn a_row_that_contradicts_another_of_its_state_is_noted() {
    let doc = format!(
        "{HEADER}\n{}\n{}\n",
        national("A", 0, "1", "100", "12", "2024-01-01"),
        national("A", 0, "2", "999", "12", "2024-01-01")
    );
    let got = read(&doc);
    let r = got[0].1.as_ref().unwrap();
    assert_eq!((got.len(), text(&r.montant), r.titulaires.len()), (1, "100", 2));
    assert!(r.notes.iter().any(|n| n.code == "duplicate-field" && n.field == "montant" && n.value == "999"));
}

#[test]
fn a_concession_of_the_national_table_is_one() {
    let doc = format!(
        "{HEADER}\n{}",
        national("A", 0, "1", "100", "12", "2024-01-01").replace(",Marché,", ",Concession de service,")
    );
    assert_eq!(read(&doc)[0].1.as_ref().unwrap().kind, Kind::Concession);
}

const SCDL: &str = "MARCHE_ID;MARCHE_UID;ACHETEURS_ID;ACHETEURS_NOM;NATURE_MARCHE;MARCHE_OBJET;CPV_CODE;PROCEDURE;LIEU_EXEC_CODE;LIEU_EXEC_TYPE;LIEU_EXEC_NOM;DUREE_MOIS;NOTIFICATION_DATE;PUBLICATION_DATE;MONTANT;PRIX_FORME;TITULAIRES_ID;TITULAIRES_ID_TYPE;TITULAIRES_DENOMINATION;MODIF_OBJET;MODIF_NOTIFICATION_DATE;MODIF_PUBLICATION_DATE;MODIF_DUREE_MOIS;MODIF_MARCHE_MONTANT;MODIF_TITULAIRES_ID;MODIF_TITULAIRES_ID_TYPE;MODIF_TITULAIRES_DENOMINATION";

fn scdl(objet: &str, montant: &str, holder: &str, modification: &str) -> String {
    format!(
        "2018000100;;21310555400017;Ville;Accord-cadre;{objet};45000000;Procédure adaptée;31555;Code commune;Toulouse;12;2018-12-01;2018-12-05;{montant};Ferme;{holder};SIRET;Société {holder};{modification}"
    )
}

#[test]
fn the_scdl_columns_give_holders_and_modifications() {
    let none = ";;;;;;;";
    let changed = "Avenant 1;2019-01-01;2019-01-05;;120,50;;;";
    let rows = [
        scdl("Travaux", "100,25", "1", none),
        scdl("Travaux", "100,25", "2", none),
        scdl("Autre lot", "7,5", "1", none),
        scdl("Travaux", "100,25", "1", changed),
        scdl("Travaux", "100,25", "2", changed),
    ];
    let got = read(&format!("{SCDL}\n{}\n", rows.join("\n")));
    assert_eq!(got.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>(), [vec![0, 1, 3, 4], vec![2]]);
    let r = got[0].1.as_ref().unwrap();
    assert_eq!((text(&r.id), text(&r.lieu_code), text(&r.forme_prix)), ("2018000100", "31555", "Ferme"));
    assert_eq!((r.titulaires.len(), r.modifications.len()), (2, 1));
    assert_eq!((text(&r.modifications[0].objet), text(&r.modifications[0].montant)), ("Avenant 1", "120,50"));
    assert!(r.decimal_comma && r.notes.is_empty(), "{:?}", r.notes);
}

#[test]
fn a_table_of_ones_own_is_read_through_its_columns() {
    let doc = "Liste des marchés\nsep=|\nRéf.|Pouvoir adjudicateur|Intitulé|Somme|Gagnant|Divers\n12|21310555400017|Travaux|1,234|33487372600239|z\n";
    let named = [
        ("Réf.", "id"),
        ("pouvoir adjudicateur", "acheteur.id"),
        ("Intitulé", "objet"),
        ("Somme", "montant"),
        ("Gagnant", "titulaires.id"),
    ];
    let columns = named.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let options = SplitOptions { columns, format: Some(Dialect::DecpCsv), ..SplitOptions::default() };
    let (got, _) = read_with(doc.as_bytes(), &options);
    let r = got[0].1.as_ref().unwrap();
    assert_eq!((text(&r.id), text(&r.objet), text(&r.montant)), ("12", "Travaux", "1,234"));
    assert_eq!(text(&r.titulaires[0].id), "33487372600239");
    assert_eq!(r.others, [("Divers".to_owned(), "z".to_owned())]);
    assert!(split(doc.as_bytes(), &SplitOptions::default(), &mut |_| ControlFlow::Continue(())).is_err());
}

#[test]
fn delimiters_encodings_and_quoting_are_recognised() {
    for delimiter in [';', ',', '\t', '|'] {
        let d = delimiter.to_string();
        let plain = format!(
            "id{d}acheteur_id{d}objet{d}titulaire_id{d}titulaire_nom\n1{d}21310555400017{d}\"Été{d} l'œuvre\nsuite\"{d}2{d}\"Café \"noir\" &\"\n"
        );
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&plain);
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(plain.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for bytes in [plain.as_bytes(), &latin, &utf16] {
            let (got, _) = read_with(bytes, &SplitOptions::default());
            let r = got[0].1.as_ref().unwrap();
            assert_eq!(text(&r.objet), format!("Été{d} l'œuvre\nsuite"));
            assert_eq!(text(&r.titulaires[0].name), "Café \"noir\" &");
        }
    }
}

#[test]
fn a_damaged_row_costs_only_itself() {
    let row = |id: &str| format!("{id};21310555400017;\"Objet; {id}\";12,5;9");
    for (name, bad, reason) in [
        ("a quote that is never closed", "x;21310555400017;\"Objet x;12,5;9".to_owned(), "unreadable"),
        ("too many cells", "x;21310555400017;a;b;c;d;e;f".to_owned(), "unreadable"),
        ("too few cells", "x;2131".to_owned(), "unreadable"),
        ("nothing but delimiters", ";;;;".to_owned(), "empty"),
        ("text from elsewhere", "Fatal error: out of memory".to_owned(), "unreadable"),
    ] {
        for header in ["id;acheteur_id;objet;montant;titulaire_id", "id;acheteur_id;objet;montant;offresRecues"] {
            let doc = [header, &row("a"), &bad, &row("b"), &bad, &bad, &row("c")].join("\n");
            let got = read(&doc);
            let shown: Vec<_> =
                got.iter().map(|(_, r)| r.as_ref().map_or_else(|e| e.reason, |r| text(&r.objet))).collect();
            assert_eq!(shown, ["Objet; a", reason, "Objet; b", reason, reason, "Objet; c"], "{name}");
        }
    }
}

#[test]
fn a_table_cut_at_any_byte_gives_the_rows_before_it() {
    for header in ["id;acheteur_id;objet;montant;titulaire_id", "id;acheteur_id;objet;montant;offresRecues"] {
        let rows: Vec<String> = (0..4).map(|i| format!("{i};21310555400017;\"a;\nb\";12,5;9")).collect();
        let doc = format!("{header}\n{}\n", rows.join("\n"));
        for cut in header.len() + 1..doc.len() {
            let (got, split) = read_with(&doc.as_bytes()[..cut], &SplitOptions::default());
            let whole = got.iter().filter(|(_, r)| r.is_ok()).count();
            let before = doc[..cut].matches("12,5;9\n").count();
            assert!(
                whole == before || whole == before + 1 && doc[..cut].ends_with(['9', ';']),
                "{cut}: {whole} {before}"
            );
            assert!(got.len() <= before + 1);
            assert!(split.ending == Ending::Complete || got.len() == before + 1);
        }
    }
}

#[test]
fn the_limit_of_a_record_holds_for_rows_and_for_what_is_gathered() {
    let long = "x".repeat(500);
    let doc = format!(
        "id;acheteur_id;objet;titulaire_id\n1;21310555400017;a;1\n2;21310555400017;{long};1\n{}",
        "3;21310555400017;a;7\n".repeat(40)
    );
    let options = SplitOptions { max_record: 200, ..SplitOptions::default() };
    let (got, split) = read_with(doc.as_bytes(), &options);
    assert_eq!(split.records, 42);
    assert_eq!(got[1].1.as_ref().unwrap_err().reason, "oversized");
    assert!(got.len() > 4 && got.iter().all(|(p, _)| p.len() <= 10));
}
