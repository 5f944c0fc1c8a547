//! Real and hostile places of execution.

use super::*;

fn place(kind: PlaceType, code: &str, name: &str) -> Place {
    Place {
        code: (!code.is_empty()).then(|| code.to_owned()),
        kind: Some(kind),
        name: (!name.is_empty()).then(|| name.to_owned()),
    }
}

fn found(kind: PlaceType, code: &str) -> Option<String> {
    departement_of(&place(kind, code, "")).map(|d| d.as_str().to_owned())
}

#[test]
fn each_type_is_read_in_its_own_system() {
    for (kind, code, expected) in [
        (PlaceType::CodePostal, "31000", "31"),
        (PlaceType::CodePostal, "20000", "2A"),
        (PlaceType::CodePostal, "20200", "2B"),
        (PlaceType::CodePostal, "97410", "974"),
        (PlaceType::Commune, "2A004", "2A"),
        (PlaceType::Commune, "34172", "34"),
        (PlaceType::Commune, "75101", "75"),
        (PlaceType::Arrondissement, "544", "54"),
        (PlaceType::Arrondissement, "13201", "13"),
        (PlaceType::Canton, "3101", "31"),
        (PlaceType::Departement, "09", "09"),
        (PlaceType::Departement, "2b", "2B"),
        (PlaceType::Region, "06", "976"),
        (PlaceType::Pays, "RE", "974"),
    ] {
        assert_eq!(found(kind, code).as_deref(), Some(expected), "{kind} {code}");
    }
}

#[test]
fn a_code_under_the_wrong_type_is_read_by_its_form_when_all_readings_agree() {
    for (kind, code, expected) in [
        (PlaceType::Departement, "92380", "92"),
        (PlaceType::Departement, "97139", "971"),
        (PlaceType::CodePostal, "75", "75"),
        (PlaceType::CodePostal, "FR63170", "63"),
        (PlaceType::CodePostal, "9000", "09"),
        (PlaceType::Departement, "9", "09"),
        (PlaceType::Departement, "FR615", "64"),
        (PlaceType::Pays, "FRJ23", "31"),
        (PlaceType::Pays, "02", "02"),
        (PlaceType::Region, "34", "34"),
        (PlaceType::Commune, "92", "92"),
    ] {
        assert_eq!(found(kind, code).as_deref(), Some(expected), "{kind} {code}");
    }
    // The old Auvergne or the Var: both stay possible, so that neither is invented.
    let auvergne_or_var = place(PlaceType::Region, "83", "");
    assert_eq!(departement_of(&auvergne_or_var), None);
    assert!(matches!(locate(&auvergne_or_var), Location::In(set) if set.len() == 5));
}

#[test]
fn a_name_is_looked_up_only_where_it_is_unambiguous() {
    assert_eq!(found(PlaceType::Departement, "Haute-Garonne").as_deref(), Some("31"));
    assert_eq!(found(PlaceType::Departement, "HERAULT").as_deref(), Some("34"));
    assert_eq!(found(PlaceType::CodePostal, "Toulouse").as_deref(), Some("31"));
    assert_eq!(found(PlaceType::Commune, "Saint-Martin"), None);
    assert_eq!(departement_of(&place(PlaceType::Departement, "", "Aveyron")).unwrap().as_str(), "12");
    assert_eq!(departement_of(&place(PlaceType::Departement, "Partout", "Divers")), None);
    assert_eq!(locate(&place(PlaceType::Region, "Occitanie", "")), Location::In(DepartementSet::of_region("76")));
}

#[test]
fn a_place_abroad_is_abroad_and_france_is_no_place() {
    for code in ["BE", "99112", "DEU"] {
        assert_eq!(locate(&place(PlaceType::Pays, code, "")), Location::Abroad, "{code}");
    }
    for code in ["FR", "FRANCE", "fra", "99", "775000", "NC-", "\u{202e}31"] {
        assert_eq!(locate(&place(PlaceType::Pays, code, "FRANCE")), Location::Unknown, "{code}");
    }
}

#[test]
fn without_a_type_a_code_means_nothing() {
    let untyped = Place { code: Some("31000".to_owned()), kind: None, name: None };
    assert_eq!((locate(&untyped), place_exists(&untyped)), (Location::Unknown, Existence::Unchecked));
}

#[test]
fn hostile_codes_are_unknown_and_never_a_panic() {
    let long = "9".repeat(10_000);
    for code in ["é", "éé", "ÉÉÉ", "œuvre", "2É", "FRÉ", "97é", "20é", "\0\0", "", " ", long.as_str()] {
        for kind in PlaceType::ALL {
            let place = place(*kind, code, code);
            assert_eq!(departement_of(&place), None, "{kind} {code:?}");
            assert!(!matches!(place_exists(&place), Existence::Exists));
        }
    }
}

#[test]
fn existence_tells_a_wrong_type_from_a_wrong_code() {
    let exists = |kind, code| place_exists(&place(kind, code, ""));
    assert_eq!(exists(PlaceType::CodePostal, "31000"), Existence::Exists);
    assert_eq!(exists(PlaceType::CodePostal, "31059"), Existence::Unchecked, "a CEDEX");
    assert_eq!(exists(PlaceType::CodePostal, "00123"), Existence::Missing);
    assert_eq!(exists(PlaceType::CodePostal, "75"), Existence::OtherType(PlaceType::Departement));
    assert_eq!(exists(PlaceType::Departement, "92380"), Existence::OtherType(PlaceType::CodePostal));
    assert_eq!(exists(PlaceType::Region, "34"), Existence::OtherType(PlaceType::Departement));
    assert_eq!(exists(PlaceType::Region, "73"), Existence::Exists, "Midi-Pyrénées, until 2016");
    assert_eq!(exists(PlaceType::Canton, "3101"), Existence::Unchecked);
    assert_eq!(exists(PlaceType::Pays, "FR"), Existence::Exists);
    assert_eq!(exists(PlaceType::Pays, "XX"), Existence::Missing);
}

#[test]
fn public_digits_and_places_agree_as_often_as_was_measured() {
    let mut agree = std::collections::BTreeMap::<String, (u32, u32)>::new();
    for file in ["decp-v1/aife.json", "decp-v1/e-marchespublics.json", "decp-v1/pes-2019-02-11.json"] {
        let Some(text) = super::super::real_data(file) else {
            return;
        };
        let text = text.trim_start_matches('\u{feff}');
        let Ok(list) = serde_json::from_str::<serde_json::Value>(text) else {
            println!("skipped: {file} is not plain JSON");
            continue;
        };
        let list = list.get("marches").unwrap_or(&list);
        let list = list.get("marche").unwrap_or(list);
        for record in list.as_array().into_iter().flatten() {
            let text = |pointer: &str| record.pointer(pointer).and_then(|v| v.as_str()).unwrap_or_default();
            let place = Place {
                code: Some(text("/lieuExecution/code").to_owned()),
                kind: PlaceType::parse(text("/lieuExecution/typeCode")),
                name: None,
            };
            let buyer = crate::record::Siren::parse(text("/acheteur/id").get(..9).unwrap_or_default());
            let (Some(buyer), Some(place)) = (buyer, departement_of(&place)) else {
                continue;
            };
            let Some(seat) = super::super::seat_departement(&buyer).departement() else {
                continue;
            };
            let count = agree.entry(buyer.as_str()[..2].to_owned()).or_default();
            count.1 += 1;
            count.0 += u32::from(seat.code == place.as_str());
        }
    }
    println!("{agree:?}");
    for (prefix, least) in [("21", 97), ("22", 99), ("24", 99), ("25", 80), ("26", 94)] {
        let (same, all) = agree[prefix];
        assert!(same * 100 >= all * least, "{prefix}: {same} of {all}");
    }
    assert!(!agree.contains_key("18"), "18 tells nothing and must not be used");
}
