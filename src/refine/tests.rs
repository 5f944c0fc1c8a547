//! One fault of real feeds after another, through the front door: bytes in, observation out.

use std::ops::ControlFlow;

use crate::decode::SplitOptions;
use crate::record::*;
use crate::reference::Region;

use super::*;

fn read_in(region: &Region, doc: &[u8]) -> Vec<Outcome> {
    let cx = Context { region, register: None, seen: Day::from_ymd(2026, 11, 24).unwrap() };
    let mut out = Vec::new();
    read_all(doc, &SplitOptions::default(), &cx, &mut |item| {
        out.push(item.outcome);
        ControlFlow::Continue(())
    })
    .unwrap();
    out
}

fn observe(doc: &str) -> Observation {
    match read_in(&Region::everywhere(), doc.as_bytes()).swap_remove(0) {
        Outcome::Observation(o) => *o,
        other => panic!("{other:?} of {doc}"),
    }
}

/// A 2022 record with these fields beside its identity.
fn with(fields: &str) -> Observation {
    observe(&format!(r#"{{"marches":{{"marche":[{{"id":"1","acheteur":{{"id":"21310555400017"}},{fields}}}]}}}}"#))
}

/// A 2019 record with these fields beside its identity.
fn with_2019(fields: &str) -> Observation {
    observe(&format!(
        r#"{{"marches":[{{"id":"1","_type":"Marché","acheteur":{{"id":"21310555400017","nom":"Ville"}},{fields}}}]}}"#
    ))
}

/// What is found, but for the fields that these short records lack and the form of their short ids.
fn codes(o: &Observation) -> Vec<(&str, &str)> {
    let told = o.findings.iter().filter(|f| !matches!(&*f.code, "required-missing" | "id-form-2019"));
    told.map(|f| (&*f.code, &*f.field)).collect()
}

fn declares(o: &Observation, field: &str, value: &str) -> bool {
    o.declared.iter().any(|d| d.field == field && d.value == value)
}

const SIRET: &str = "33487372600239";

#[test]
fn holders_come_out_of_every_wrapping() {
    let h = format!(r#"{{"typeIdentifiant":"SIRET","id":"{SIRET}"}}"#);
    let cases = [
        (format!("[{{\"titulaire\":{h}}}]"), false),
        (format!("[{h}]"), false),
        (format!("[[{h}]]"), true),
        (format!("[[[{h}]]]"), true),
        (h.clone(), true),
        (format!("{{\"titulaire\":{h}}}"), true),
        (format!("{{\"titulaire\":[{h}]}}"), true),
        (format!("[{{\"titulaire\":[{h}]}}]"), true),
        (format!("{:?}", format!("[{{'typeIdentifiant': 'SIRET', 'id': '{SIRET}'}}]")), true),
    ];
    for (json, odd) in cases {
        let o = with(&format!("\"titulaires\":{json}"));
        assert_eq!(o.record.titulaires.len(), 1, "{json}");
        assert_eq!(o.record.titulaires[0].id.as_deref(), Some(SIRET), "{json}");
        assert_eq!(codes(&o).contains(&("list-shape", "titulaires")), odd, "{json}: {:?}", codes(&o));
    }
    for none in ["null", "[]", "\"\"", "[{}]", "[{\"typeIdentifiant\":null,\"id\":null}]", "{}"] {
        assert!(with(&format!("\"titulaires\":{none}")).record.titulaires.is_empty(), "{none}");
    }
    let o = with(r#""titulaires":[{"titulaire":"typeIdentifiant"},{"titulaire":"id"}]"#);
    assert!(o.record.titulaires.is_empty());
    assert!(codes(&o).contains(&("unexpected-shape", "titulaires")));
}

#[test]
fn lists_of_words_come_out_of_every_wrapping() {
    for json in [
        r#"{"technique":["Accord-cadre"]}"#,
        r#"{"technique":"Accord-cadre"}"#,
        r#"[{"technique":["Accord-cadre"]}]"#,
        r#"["Accord-cadre"]"#,
        r#""Accord-cadre""#,
        r#"["Accord-cadre","Accord-cadre"]"#,
    ] {
        let o = with(&format!("\"techniques\":{json}"));
        assert_eq!(o.record.techniques, [Technique::AccordCadre], "{json}");
    }
    assert!(with(r#""techniques":"""#).record.techniques.is_empty());
    // The arrêté's annex names them in the singular.
    assert_eq!(with(r#""typePrix":"Provisoire""#).record.types_prix, [TypePrix::Provisoire]);
    assert_eq!(with(r#""TypePrix":["Provisoire"]"#).record.types_prix, [TypePrix::Provisoire]);
}

#[test]
fn modifications_come_out_of_every_wrapping() {
    let m = r#"{"id":1,"dateNotificationModification":"2024-05-01","montant":12000}"#;
    for json in [
        format!("[{m}]"),
        format!("[{{\"modification\":{m}}}]"),
        format!("{{\"modification\":{m}}}"),
        format!("{{\"modification\":[{m}]}}"),
        format!("[{{\"modification\":[{m}]}}]"),
        format!("{{\"modification\":{{\"modification\":{m}}}}}"),
    ] {
        let o = with(&format!("\"modifications\":{json}"));
        assert_eq!(o.record.modifications.len(), 1, "{json}");
        assert_eq!(o.record.modifications[0].montant, Some(Money::euros(12000)), "{json}");
    }
    for none in ["null", "[]", "\"\"", "[null]"] {
        assert!(with(&format!("\"modifications\":{none}")).record.modifications.is_empty(), "{none}");
    }
}

#[test]
fn acts_and_their_modifications_are_read_under_both_names() {
    let o = with(
        r#""actesSousTraitance":[{"acteSousTraitance":{"id":1,"sousTraitant":{"typeIdentifiant":"SIRET","id":"33487372600239"},"dureeMois":2,"dateNotification":"2024-05-01","montant":"5000","variationPrix":"Ferme"}}],
           "modificationsActesSousTraitance":[{"modificationActeSousTraitance":{"id":1,"dateNotificationModificationSousTraitance":"2024-06-01","montant":6000}}]"#,
    );
    assert_eq!((o.record.actes.len(), o.record.modifications_actes.len()), (1, 1));
    assert_eq!(o.record.actes[0].sous_traitant.id.as_deref(), Some(SIRET));
    assert_eq!(codes(&o), [("number-as-text", "actesSousTraitance[0].montant")]);
    let o = observe(
        "<marches><marche><id>1</id><acheteur><id>21310555400017</id></acheteur><modificationsActesSousTraitance><modificationActesSousTraitance><id>1</id><montant>5</montant></modificationActesSousTraitance><modificationActesSousTraitance><id>2</id></modificationActesSousTraitance></modificationsActesSousTraitance></marche></marches>",
    );
    assert_eq!(o.record.modifications_actes.len(), 2);
    assert!(!codes(&o).iter().any(|(c, _)| *c == "list-shape"));
}

#[test]
fn a_concession_is_read_whole_in_both_editions_and_carriers() {
    let years = r#"{"datePublicationDonneesExecution":"2024-04-18","depensesInvestissement":15.3,"tarifs":[{"intituleTarif":"Entrée","tarif":14.29}]}"#;
    let json_2019 = format!(
        r#"{{"marches":[{{"id":"1","autoriteConcedante":{{"id":"21310555400017"}},"valeurGlobale":"10.3","dateSignature":"2024-04-02","concessionnaires":[{{"typeIdentifiant":"SIRET","id":"{SIRET}"}}],"donneesExecution":[{years}]}}]}}"#
    );
    let json_2022 = format!(
        r#"{{"marches":{{"contrat-concession":[{{"id":"1","autoriteConcedante":{{"id":"21310555400017"}},"valeurGlobale":10.3,"dateSignature":"2024-04-02","concessionnaires":[{{"concessionnaire":{{"typeIdentifiant":"SIRET","id":"{SIRET}"}}}}],"donneesExecution":[{{"donneesAnnuelles":{}}}]}}]}}}}"#,
        years.replace(
            r#"{"intituleTarif":"Entrée","tarif":14.29}"#,
            r#"{"tarif":{"intituleTarif":"Entrée","tarif":14.29}}"#
        )
    );
    let xml = format!(
        "<marches><contrat-concession><id>1</id><autoriteConcedante><id>21310555400017</id></autoriteConcedante><valeurGlobale>10.3</valeurGlobale><dateSignature>2024-04-02</dateSignature><concessionnaires><concessionnaire><typeIdentifiant>SIRET</typeIdentifiant><id>{SIRET}</id></concessionnaire></concessionnaires><donneesExecution><donneesAnnuelles><datePublicationDonneesExecution>2024-04-18</datePublicationDonneesExecution><depensesInvestissement>15.3</depensesInvestissement><tarifs><tarif><intituleTarif>Entrée</intituleTarif><tarif>14.29</tarif></tarif></tarifs></donneesAnnuelles></donneesExecution></contrat-concession></marches>"
    );
    for doc in [json_2019, json_2022, xml] {
        let o = observe(&doc);
        let r = &o.record;
        assert_eq!((r.kind, r.montant.unwrap().to_string().as_str()), (Kind::Concession, "10.3"), "{doc}");
        assert_eq!(r.titulaires[0].id.as_deref(), Some(SIRET));
        assert_eq!(r.date_notification.unwrap().to_string(), "2024-04-02");
        assert_eq!(r.donnees_execution.len(), 1, "{doc}");
        let tarif = &r.donnees_execution[0].tarifs[0];
        assert_eq!(
            (tarif.intitule.as_deref(), tarif.tarif.unwrap().to_string().as_str()),
            (Some("Entrée"), "14.29"),
            "{doc}"
        );
        assert!(
            !codes(&o).iter().any(|(c, _)| matches!(*c, "list-shape" | "unexpected-shape" | "unknown-field")),
            "{:?}",
            codes(&o)
        );
    }
}

#[test]
fn fillers_are_no_values_wherever_they_stand() {
    let o = with(
        r#""montant":"NC","dureeMois":"NC","offresRecues":"NC","marcheInnovant":"NC","codeCPV":"NC","ccag":"NC","dateNotification":"NC","tauxAvance":"NC","objet":"NC","techniques":{"technique":["NC"]},"lieuExecution":{"code":"NC","typeCode":"NC"}"#,
    );
    let r = &o.record;
    assert_eq!((r.montant, r.duree_mois, r.offres_recues, r.marche_innovant), (None, None, None, None));
    assert_eq!((r.cpv, r.ccag, r.date_notification, r.objet.as_deref(), &r.lieu), (None, None, None, None, &None));
    assert_eq!(codes(&o).iter().filter(|(c, _)| *c == "placeholder").count(), 12);
    assert!(o.findings.iter().all(|f| f.code != "placeholder" || f.severity == Severity::Repaired));
    assert!(declares(&o, "montant", "NC"));
}

#[test]
fn numbers_and_booleans_written_as_text_are_read() {
    let o = with(
        r#""montant":"1 234,56 €","dureeMois":"12","offresRecues":"3","marcheInnovant":"oui","attributionAvance":"0","sousTraitanceDeclaree":"True","tauxAvance":"5 %""#,
    );
    let r = &o.record;
    assert_eq!(
        (r.montant.unwrap().to_string().as_str(), r.duree_mois, r.offres_recues),
        ("1234.56", Some(12), Some(3))
    );
    assert_eq!(
        (r.marche_innovant, r.attribution_avance, r.sous_traitance_declaree),
        (Some(true), Some(false), Some(true))
    );
    assert_eq!(r.taux_avance.unwrap().to_string(), "0.05");
    assert!(declares(&o, "montant", "1 234,56 €"));
    assert!(codes(&o).contains(&("avance-contradict", "tauxAvance")));
    assert_eq!(codes(&o).len(), 8, "{:?}", codes(&o));
    let o = observe(
        "<marches><marche><id>1</id><acheteur><id>21310555400017</id></acheteur><montant>12.50</montant><marcheInnovant>oui</marcheInnovant><attributionAvance>0</attributionAvance></marche></marches>",
    );
    assert_eq!((o.record.marche_innovant, o.record.attribution_avance), (Some(true), Some(false)));
    assert_eq!(codes(&o), [], "XML has no types");
}

#[test]
fn what_has_no_single_right_answer_stays_as_declared() {
    let o = with(
        r#""montant":1e17,"dateNotification":"0222-05-01","titulaires":[{"titulaire":{"typeIdentifiant":"SIRET","id":"33487372600239123"}}],"offresRecues":0,"ccag":"Autre","dureeMois":0"#,
    );
    let r = &o.record;
    assert_eq!(
        (r.montant, r.date_notification, r.titulaires.len(), r.offres_recues, r.ccag, r.duree_mois),
        (None, None, 0, None, None, None)
    );
    for (field, value) in [
        ("montant", "1e17"),
        ("dateNotification", "0222-05-01"),
        ("titulaires[0].id", "33487372600239123"),
        ("offresRecues", "0"),
        ("ccag", "Autre"),
        ("dureeMois", "0"),
    ] {
        assert!(declares(&o, field, value), "{field}: {:?}", o.declared);
        assert!(o.findings.iter().any(|f| f.field == field && f.severity == Severity::Error), "{field}");
    }
}

#[test]
fn words_in_capitals_or_without_accents_are_understood() {
    let o = with_2019(
        r#""nature":"ACCORD-CADRE","procedure":"PROCEDURE ADAPTEE","lieuExecution":{"code":"31000","typeCode":"CODE POSTAL","nom":"Toulouse"},"formePrix":"ferme""#,
    );
    let r = &o.record;
    assert_eq!(
        (r.nature, r.nature_2019, &r.techniques[..]),
        (Some(Nature::Marche), Some(Nature2019::AccordCadre), &[Technique::AccordCadre][..])
    );
    assert_eq!((r.procedure, &r.types_prix[..]), (Some(Procedure::Adaptee), &[TypePrix::Ferme][..]));
    assert_eq!(r.lieu.as_ref().unwrap().kind, Some(PlaceType::CodePostal));
    assert_eq!(codes(&o).iter().filter(|(c, _)| *c == "enum-spelling").count(), 4, "{:?}", codes(&o));
    let o = with_2019("\"procedure\":\"Proc\u{fffd}dure adapt\u{fffd}e\"");
    assert_eq!(o.record.procedure, Some(Procedure::Adaptee));
}

#[test]
fn the_words_of_2019_map_up_without_a_finding() {
    let o = with_2019(
        r#""nature":"Marché subséquent","formePrix":"Ferme et actualisable","titulaires":[{"typeIdentifiant":"UE","id":"DE814864138","denominationSociale":"Hellman"}]"#,
    );
    let r = &o.record;
    assert_eq!((r.nature, r.nature_2019), (Some(Nature::Marche), Some(Nature2019::Subsequent)));
    assert_eq!((r.types_prix[0], r.titulaires[0].id_type), (TypePrix::Actualisable, Some(IdType::Tva)));
    assert_eq!((o.format, codes(&o)), (Format::V2019, vec![]));
    let o = with(r#""nature":"Accord-cadre","ccag":"Travaux","formePrix":"Révisable""#);
    assert_eq!((o.format, o.record.nature_2019, o.record.types_prix[0]), (Format::V2022, None, TypePrix::Revisable));
    assert_eq!(codes(&o), [("nature-2019", "nature"), ("price-form-2019", "formePrix")]);
}

#[test]
fn flat_and_misspelt_field_names_are_understood() {
    let o = observe(
        r#"[{"id":"1","acheteur.id":"21310555400017","codecpv":"45000000","datenotification":"2024-05-01","objet":"x","lieuExecution_code":"31","lieuExecution_typeCode":"Code département","typeContrat":"MARCHE_PUBLIC"}]"#,
    );
    let r = &o.record;
    assert_eq!((r.acheteur.as_str(), r.cpv.unwrap().as_str()), ("21310555400017", "45000000"));
    assert_eq!(
        (r.date_notification.unwrap().to_string().as_str(), r.lieu.as_ref().unwrap().code.as_deref()),
        ("2024-05-01", Some("31"))
    );
    assert_eq!(
        observe(r#"[{"id":"1","objet":"x","acheteur_id":"21310555400017"}]"#).record.acheteur.as_str(),
        "21310555400017"
    );
    assert_eq!(
        observe(r#"[{"id":"1","objet":"x","acheteur":"21310555400017"}]"#).record.acheteur.as_str(),
        "21310555400017"
    );
}

#[test]
fn a_field_that_stands_twice_keeps_its_first_value() {
    let o = observe(
        "<marches><marche><id>1</id><acheteur><id>21310555400017</id></acheteur><datePublicationDonnees>2024-01-02</datePublicationDonnees><datePublicationDonnees>2024-03-04</datePublicationDonnees></marche></marches>",
    );
    assert_eq!(o.record.date_publication.unwrap().to_string(), "2024-01-02");
    assert!(declares(&o, "datePublicationDonnees", "2024-03-04"));
    let o = with(r#""montant":1200,"montant":1300"#);
    assert_eq!((o.record.montant, codes(&o)), (Some(Money::euros(1200)), vec![("duplicate-field", "montant")]));
}

#[test]
fn numbers_that_are_none_are_absent() {
    let o = with(r#""montant":NaN,"dureeMois":12,"#.trim_end_matches(','));
    assert_eq!((o.record.montant, o.record.duree_mois, codes(&o)), (None, Some(12), vec![("not-a-number", "montant")]));
}

#[test]
fn unknown_fields_are_kept_beside() {
    let o = with(r#""source":"plateforme","monChamp":{"a":[1,2]}"#);
    assert!(declares(&o, "source", "plateforme") && declares(&o, "monChamp", r#"{"a":[1,2]}"#));
    assert_eq!(codes(&o), [("unknown-field", "monChamp")]);
}

#[test]
fn fields_that_contradict_each_other_are_found() {
    let o = with(
        r#""dateNotification":"2024-05-01","datePublicationDonnees":"2024-01-01","considerationsSociales":{"considerationSociale":["Pas de considération sociale","Clause sociale"]},"origineUE":0.1,"origineFrance":0.5,"titulaires":[{"titulaire":{"typeIdentifiant":"SIRET","id":"21310555400017"}}],"dureeMois":365,"modifications":[{"modification":{"id":1,"dateNotificationModification":"2024-04-01"}},{"modification":{"id":1}}]"#,
    );
    let found = codes(&o);
    for want in [
        "notification-after-publication",
        "considerations-contradict",
        "origin-contradict",
        "titulaire-is-acheteur",
        "duration-in-days",
        "modification-before-notification",
        "sequence-repeated",
    ] {
        assert!(found.iter().any(|(c, _)| *c == want), "{want}: {found:?}");
    }
    let others = o.findings.iter().filter(|f| f.severity != Severity::Warning);
    assert_eq!(others.map(|f| &*f.code).collect::<Vec<_>>(), ["modification-undated", "required-missing"]);
    let late = |published: &str| {
        codes(&with(&format!(r#""dateNotification":"2024-01-31","datePublicationDonnees":"{published}""#))).len()
    };
    assert_eq!((late("2024-03-31"), late("2024-04-01")), (0, 1));
}

#[test]
fn test_records_are_kept_and_said_to_be_so() {
    for fields in [r#""objet":"Le marche noir""#, r#""objet":"Test ATEXO""#, r#""objet":"x","source":"AIFE_test""#] {
        assert!(codes(&with(fields)).contains(&("test-record", "id")), "{fields}");
    }
    let o = observe(r#"[{"id":"TEST2022","objet":"x","acheteur":{"id":"21310555400017"}}]"#);
    assert!(codes(&o).contains(&("test-record", "id")));
    assert_eq!(codes(&with(r#""objet":"Testage de réseaux""#)), []);
}

#[test]
fn texts_are_cleaned_and_lost_letters_found() {
    let o = with("\"objet\":\"  Achat\\r\\n de  pain \\u0085 et d&amp;#8217;eau\\u0001 caf\u{fffd}\"");
    assert_eq!(o.record.objet.as_deref(), Some("Achat de pain et d’eau caf\u{fffd}"));
    assert_eq!(with("\"objet\":\"C\u{9c}ur d\u{92}\u{ee}lot\"").record.objet.as_deref(), Some("Cœur d’îlot"));
    let found: Vec<_> = codes(&o).into_iter().map(|(c, _)| c).collect();
    assert_eq!(found, ["control-character", "html-entities", "replacement-character", "whitespace"]);
}

#[test]
fn places_are_repaired_by_their_form_and_checked() {
    let place = |json: &str| with(&format!("\"lieuExecution\":{json}"));
    let o = place(r#"{"code":1000,"typeCode":"Code postal"}"#);
    assert_eq!(o.record.lieu.as_ref().unwrap().code.as_deref(), Some("01000"));
    let o = place(r#"{"code":"9","typeCode":"Code département"}"#);
    assert_eq!(o.record.lieu.as_ref().unwrap().code.as_deref(), Some("09"));
    assert!(
        codes(&place(r#"{"code":"31555","typeCode":"Code département"}"#))
            .contains(&("place-type", "lieuExecution.typeCode"))
    );
    let o = place(r#"{"code":"31555","typeCode":"bourgogne"}"#);
    assert!(codes(&o).contains(&("enum-unknown", "lieuExecution.typeCode")));
}

#[test]
fn a_record_without_identity_goes_to_quarantine_with_its_reason() {
    let reasons: Vec<_> = read_in(
        &Region::everywhere(),
        br#"{"marches":[null,{},{"objet":"x"},{"acheteur":{"id":"213"},"id":"1"},{"acheteur":{"id":"21310555400017"}},{"id":"1","acheteur":{"id":"21310555400017"}"#,
    )
    .into_iter()
    .map(|o| match o {
        Outcome::Quarantine { reason, .. } => reason,
        _ => "-",
    })
    .collect();
    assert_eq!(reasons, ["null", "empty", "buyer-missing", "buyer-unusable", "id-missing", "cut"]);
    for reason in reasons {
        assert!(REASONS.iter().any(|(code, ..)| *code == reason));
    }
}

#[test]
fn only_a_buyer_known_to_be_outside_is_dropped_and_not_when_it_buys_inside() {
    let region = Region::insee("76").unwrap();
    let of = |buyer: &str, place: &str| {
        let doc = format!(
            r#"[{{"id":"1","acheteur":{{"id":"{buyer}"}},"objet":"x","lieuExecution":{{"code":"{place}","typeCode":"Code département"}}}}]"#
        );
        match read_in(&region, doc.as_bytes()).swap_remove(0) {
            Outcome::Observation(o) => format!("{:?} {:?}", o.seat, o.place),
            Outcome::OutOfRegion { reason } => reason.to_owned(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(of("21310555400017", "35"), "Inside Outside");
    assert_eq!(of("21350238800019", "35"), "seat-outside");
    assert_eq!(of("21350238800019", "31"), "Outside Inside");
    assert_eq!(of("55204599900869", "35"), "Unknown Outside");
}

#[test]
fn the_table_of_the_region_bretagne_is_read_in_both_forms() {
    let flat = "<csv><marche><Annee>2019</Annee><Iddumarche>90003</Iddumarche><Nomacheteur>Région Bretagne</Nomacheteur><SIRETacheteur>23350001600040</SIRETacheteur><Nature>Marché simple</Nature><Objetmarche>Cabine</Objetmarche><CodeCPV>45300000-0</CodeCPV><Procedure>Procédure adaptée</Procedure><Lieuexecution>MORLAIX</Lieuexecution><Dureemois>6</Dureemois><Datenotification>24/01/2019</Datenotification><MontantinitialHt>3880000</MontantinitialHt><MontantmodifieHt>3990050</MontantmodifieHt><Montantprevu>3880000</Montantprevu><Typeprix>Fermes</Typeprix><Siret_Titulaire>37900994700027</Siret_Titulaire><siren_Titualire>379009947</siren_Titualire><Avance>Non</Avance></marche></csv>";
    let mixed = "<marches><csv><marche><id>90003</id><nature>Marché</nature><objet>Cabine</objet><codeCPV>45300000-0</codeCPV><procedure>Procédure adaptée</procedure><Lieuexecution>MORLAIX</Lieuexecution><dureeMois>6</dureeMois><Datenotification>24/01/2019</Datenotification><MontantinitialHt>3880000</MontantinitialHt><MontantmodifieHt>3990050</MontantmodifieHt><Montantprevu>3880000</Montantprevu><Typeprix>Fermes</Typeprix><acheteur><id>23350001600040</id><nom>Région Bretagne</nom></acheteur><titulaires><titulaire><id>37900994700027</id><typeIdentifiant>SIRET</typeIdentifiant></titulaire></titulaires></marche></csv></marches>";
    for (doc, format) in [(flat, Format::Table), (mixed, Format::V2019)] {
        let o = observe(doc);
        let r = &o.record;
        assert_eq!((o.format, r.id.as_str(), r.acheteur.as_str()), (format, "90003", "23350001600040"));
        assert_eq!(r.montant, Some(Money::euros(38_800)), "the decimal comma was lost");
        assert_eq!(r.modifications[0].montant.unwrap().to_string(), "39900.5");
        assert_eq!(r.date_notification.unwrap().to_string(), "2019-01-24");
        assert_eq!((r.titulaires[0].id.as_deref(), r.types_prix[0]), (Some("37900994700027"), TypePrix::Ferme));
        assert_eq!((r.nature, r.lieu.as_ref().unwrap().name.as_deref()), (Some(Nature::Marche), Some("MORLAIX")));
        assert!(codes(&o).contains(&("amount-in-cents", "montant")) && declares(&o, "montant", "3880000"));
        assert!(!codes(&o).iter().any(|(c, _)| *c == "unknown-field"), "{:?}", codes(&o));
    }
    let planned = observe(
        &flat
            .replace("<MontantinitialHt>3880000</MontantinitialHt>", "<MontantinitialHt/>")
            .replace("<MontantmodifieHt>3990050</MontantmodifieHt>", ""),
    );
    assert_eq!(planned.record.montant, Some(Money::euros(38_800)));
    assert!(codes(&planned).contains(&("amount-planned", "montant")));
}

#[test]
fn latin_1_and_a_byte_order_mark_change_nothing() {
    let doc =
        r#"{"marches":[{"id":"é1","acheteur":{"id":"21310555400017","nom":"Hérault"},"objet":"Réfection à l'école"}]}"#;
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode(doc);
    let mut marked = b"\xEF\xBB\xBF".to_vec();
    marked.extend(doc.bytes());
    let wide: Vec<u8> = doc.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let plain = read_in(&Region::everywhere(), doc.as_bytes());
    for bytes in [&latin[..], &marked[..], &wide[..]] {
        assert_eq!(read_in(&Region::everywhere(), bytes), plain);
    }
}

#[test]
fn the_fields_that_a_format_requires_are_listed_when_missing() {
    let o = with_2019(r#""objet":"x""#);
    assert!(missing(&o).contains(&Field::Montant) && !missing(&o).contains(&Field::Ccag));
    assert!(missing(&with(r#""ccag":"Travaux""#)).contains(&Field::OffresRecues));
}
