use super::*;
use crate::demo::family::Fate;
use std::collections::BTreeSet;

fn bytes(world: &World) -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let written = world.write(dir.path()).unwrap();
    written.iter().flatten().map(|w| std::fs::read(&w.path).unwrap()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let world = World::new(11, 150, 9);
    assert_eq!(bytes(&world), bytes(&World::new(11, 150, 9)));
    assert_ne!(bytes(&world), bytes(&World::new(12, 150, 9)));
    assert_ne!(bytes(&world), bytes(&world.night(2)));
}

#[test]
fn files_hold_as_many_records_as_the_truth_says() {
    for night in 1..=3 {
        let world = World::new(3, 400, 11).night(night);
        let dir = tempfile::tempdir().unwrap();
        let written = world.write(dir.path()).unwrap();
        let ledger = world.ledger();
        for (files, counts) in written.iter().zip(&ledger.counts) {
            assert_eq!(files.iter().map(|f| f.records).sum::<u64>(), counts.received);
        }
        for f in written.iter().flatten() {
            assert_eq!(std::fs::metadata(&f.path).unwrap().len(), f.bytes);
        }
    }
}

/// A world without the faults that break a document: only records that every parser reads.
fn sound(world: &World) -> impl Iterator<Item = (Content, Fate)> {
    let mut all = Vec::new();
    let Ok(()) = world.each::<std::convert::Infallible>(&mut |_, family, _| {
        let sane = family.notices.iter().filter(|n| match &n.content {
            Content::Record(_, quirks) => quirks.is_empty(),
            Content::Broken(..) => false,
        });
        all.extend(sane.map(|n| (n.content.clone(), n.fate)));
        Ok(())
    });
    all.into_iter()
}

#[test]
fn unbroken_json_of_2022_has_every_required_key_and_its_lists_wrapped() {
    const MARCHE: [&str; 24] = [
        "id",
        "acheteur",
        "nature",
        "objet",
        "codeCPV",
        "techniques",
        "modalitesExecution",
        "procedure",
        "lieuExecution",
        "dureeMois",
        "dateNotification",
        "datePublicationDonnees",
        "montant",
        "formePrix",
        "typesPrix",
        "considerationsSociales",
        "considerationsEnvironnementales",
        "marcheInnovant",
        "attributionAvance",
        "sousTraitanceDeclaree",
        "ccag",
        "offresRecues",
        "typeGroupementOperateurs",
        "titulaires",
    ];
    const CONCESSION: [&str; 14] = [
        "id",
        "autoriteConcedante",
        "nature",
        "objet",
        "procedure",
        "dureeMois",
        "dateSignature",
        "dateDebutExecution",
        "datePublicationDonnees",
        "valeurGlobale",
        "montantSubventionPublique",
        "concessionnaires",
        "considerationsSociales",
        "considerationsEnvironnementales",
    ];
    let (mut marches, mut concessions) = (0, 0);
    for (content, _) in sound(&World::new(6, 300, 9)) {
        let v: serde_json::Value = serde_json::from_str(&Dialect::Json2022.write(&content, true)).unwrap();
        let (required, holders) = match kind(&content) {
            crate::record::Kind::Marche => (&MARCHE[..], "titulaire"),
            crate::record::Kind::Concession => (&CONCESSION[..], "concessionnaire"),
        };
        for key in required {
            // A feed that numbers anew leaves days out, and so does a profile of contracts alike.
            let may = v["id"].as_str().is_some_and(|id| id.starts_with("PAIE-") || id.starts_with('L'));
            let left_out = *key == "dateNotification" && may;
            assert!(v.get(key).is_some() || left_out, "{key} in {v}");
        }
        if holders == "titulaire" {
            marches += 1;
            assert!(v["techniques"]["technique"][0].is_string());
        } else {
            concessions += 1;
            assert!(v["donneesExecution"][0]["donneesAnnuelles"]["tarifs"][0]["tarif"]["tarif"].is_number());
        }
        assert!(v[format!("{holders}s")][0][holders]["id"].is_string(), "{v}");
    }
    assert!(marches > 100 && concessions > 3);
}

#[test]
fn unbroken_json_of_2019_has_bare_lists_and_a_type() {
    for (content, _) in sound(&World::new(6, 300, 9)) {
        let v: serde_json::Value = serde_json::from_str(&Dialect::Json2019.write(&content, false)).unwrap();
        let holders = v.get("titulaires").or(v.get("concessionnaires")).unwrap();
        assert!(holders[0]["denominationSociale"].is_string() && v["modifications"].is_array());
        assert!(matches!(v["_type"].as_str(), Some("Marché" | "Contrat de concession")), "{v}");
        assert!(v.get("techniques").is_none());
    }
}

#[test]
fn unbroken_xml_is_well_formed_and_names_each_item() {
    for dialect in [Dialect::Xml2019, Dialect::Xml2022] {
        for (content, _) in sound(&World::new(7, 300, 9)) {
            let text = dialect.write(&content, false);
            let mut reader = quick_xml::Reader::from_str(&text);
            let mut names = BTreeSet::new();
            loop {
                match reader.read_event().unwrap() {
                    quick_xml::events::Event::Start(e) => {
                        names.insert(e.name().as_ref().to_owned());
                    }
                    quick_xml::events::Event::Eof => break,
                    _ => {}
                }
            }
            assert!(names.contains("titulaire") || names.contains("concessionnaire"), "{text}");
            assert!(names.contains("marche") || names.contains("contrat-concession"));
        }
    }
}

#[test]
fn whole_documents_of_sound_records_parse() {
    for dialect in [Dialect::Json2019, Dialect::Json2022] {
        let dir = tempfile::tempdir().unwrap();
        let spec =
            FileSpec { id: String::new(), name: "x".to_owned(), encoding: Encoding::Utf8, gzip: false, cut: false };
        let mut p = Payload::create(dir.path(), dialect, &spec).unwrap();
        let mut n = 0;
        for (content, _) in sound(&World::new(8, 200, 9)) {
            p.add(&content).unwrap();
            n += 1;
        }
        let written = p.finish(|_| None).unwrap();
        let v: serde_json::Value = serde_json::from_slice(&std::fs::read(&written.path).unwrap()).unwrap();
        let got = match dialect {
            Dialect::Json2019 => v["marches"].as_array().unwrap().len(),
            _ => ["marche", "contrat-concession"].iter().map(|k| v["marches"][k].as_array().unwrap().len()).sum(),
        };
        assert_eq!((got, written.records), (n, n as u64));
    }
}

#[test]
fn encodings_and_cuts_are_in_the_bytes() {
    let world = World::new(4, 200, 9);
    let dir = tempfile::tempdir().unwrap();
    let written = world.write(dir.path()).unwrap();
    for (profile, files) in world.profiles().iter().zip(&written) {
        for (spec, file) in profile.files.iter().zip(files) {
            let bytes = std::fs::read(&file.path).unwrap();
            assert_eq!(bytes.starts_with(b"\xef\xbb\xbf"), spec.encoding == Encoding::Utf8Bom);
            assert_eq!(std::str::from_utf8(&bytes).is_err(), spec.encoding == Encoding::Windows1252);
            let whole = bytes.ends_with(b"}\n") || bytes.ends_with(b"</marches>\n");
            assert_eq!(whole, !spec.cut, "{}", file.path.display());
            assert_eq!(file.sha256, hex::encode(Sha256::digest(&bytes)));
        }
    }
}

#[test]
fn every_break_leaves_no_parseable_record_with_an_identity() {
    let b = actors::buyer(1, &mut Rng::new(1, About::Actor, 7));
    let r = draft::marche(&b, "M0001K", true, &mut Rng::new(1, About::Family, 7)).unwrap();
    for broken in crate::demo::Broken::ALL {
        for dialect in [Dialect::Json2019, Dialect::Json2022] {
            let text = dialect.write(&Content::Broken(broken, Box::new(r.clone())), false);
            let identity = serde_json::from_str::<serde_json::Value>(&text)
                .ok()
                .filter(|v| v["id"].is_string() && v["acheteur"]["id"].as_str().is_some_and(|id| id.len() == 14));
            assert_eq!(identity, None, "{broken:?} {text}");
        }
    }
}
