//! Every rule of the table, fired by one record and left alone by its neighbour.
//!
//! Each case is a faultless record with a patch: the first patch breaks the rule, the second is the
//! nearest thing that does not. A rule without a case fails the test, so the table cannot outgrow it.

use std::ops::ControlFlow;

use crate::decode::SplitOptions;
use crate::record::Day;
use crate::reference::Region;

use super::rules::Rule;
use super::rules_records::*;
use super::*;

/// Every code found in a document, its own and those of its records.
fn codes(doc: &[u8]) -> Vec<String> {
    let cx = Context { region: &Region::everywhere(), register: None, seen: Day::from_ymd(2026, 11, 24).unwrap() };
    let mut codes = Vec::new();
    let split = read_all(doc, &SplitOptions::default(), &cx, &mut |item| {
        match item.outcome {
            Outcome::Observation(o) => codes.extend(o.findings.iter().map(|f| f.code.to_string())),
            Outcome::Quarantine { reason, .. } => codes.push(reason.to_owned()),
            Outcome::OutOfRegion { reason } => codes.push(reason.to_owned()),
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    codes.extend(split.notes.iter().map(|n| n.code.to_owned()));
    codes
}

type Case = (Rule, Vec<u8>, Vec<u8>);

fn case(rule: Rule, bad: impl Into<Vec<u8>>, good: impl Into<Vec<u8>>) -> Case {
    (rule, bad.into(), good.into())
}

/// Of the document and of the way values are written.
fn writing() -> Vec<Case> {
    let declared =
        |encoding: &str| xml("Réfection à l'école", &format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>"));
    let mut damaged = m("").replace("gymnase", "gym@nase").into_bytes();
    damaged.iter_mut().filter(|b| **b == b'@').for_each(|b| *b = 0xff);
    vec![
        case(Rule::Encoding, latin(&m("")), m("")),
        case(Rule::EncodingDeclared, declared("utf-16"), declared("utf-8")),
        case(Rule::EncodingDamaged, [damaged, m("").repeat(3).into_bytes()].concat(), m("")),
        case(Rule::EncodingMixed, mixed(), m("")),
        case(Rule::TrailingText, m("") + "<!-- fin -->", m("") + "\n"),
        case(Rule::HtmlPage, format!("<html><head></head><body>{}</body></html>", m("")), m("")),
        case(
            Rule::RowShort,
            "uid,id,acheteur_id,objet,montant,codeCPV\r\n213105554000171,1,21310555400017,Toiture,120400\r\n",
            "uid,id,acheteur_id,objet,montant,codeCPV\r\n213105554000171,1,21310555400017,Toiture,120400,45261000\r\n",
        ),
        case(Rule::UnclosedText, broken("du gymnase\"", "du gymnase"), m("")),
        case(Rule::NotANumber, broken("120400", "NaN"), m("")),
        case(Rule::TrailingComma, broken("[\"Définitif ferme\"]", "[\"Définitif ferme\",]"), m("")),
        case(Rule::ControlCharacter, objet("Toiture\u{1} du gymnase"), objet("Toiture du gymnase")),
        case(Rule::BadEscape, broken("du gymnase", r"du gym\nase \- lot"), broken("du gymnase", r"du gym\\nase")),
        case(Rule::BareQuote, broken("du gymnase", "du \"gymnase\" nord"), broken("du gymnase", "du \\\"gymnase\\\"")),
        case(Rule::LiteralSpelling, broken("\"marcheInnovant\":false", "\"marcheInnovant\":False"), m("")),
        case(Rule::DuplicateField, broken("\"montant\"", "\"montant\":5,\"montant\""), m("")),
        case(Rule::XmlEscape, xml("Eau & gaz", ""), xml("Eau &amp; gaz", "")),
        case(Rule::ListShape, m(r#""techniques":"Concours""#), m(r#""techniques":{"technique":["Concours"]}"#)),
        case(Rule::FieldName, m(r#""codeCPV":null,"codecpv":"45261000""#), m("")),
        case(Rule::UnknownField, m(r#""monChamp":1"#), m("")),
        case(Rule::UnexpectedShape, m(r#""montant":{"a":1}"#), m("")),
        case(Rule::Placeholder, m(r#""idAccordCadre":"NC""#), m(r#""idAccordCadre":"NC1""#)),
        case(Rule::Whitespace, objet(" Toiture  du gymnase"), objet("Toiture du gymnase")),
        case(Rule::HtmlEntities, objet("Eau &amp;amp; gaz"), objet("Eau & gaz")),
        case(Rule::ReplacementCharacter, objet("R\u{fffd}fection"), objet("Réfection")),
        case(Rule::TextTooLong, objet(&"été ".repeat(300)), objet(&"été ".repeat(240))),
        case(Rule::TextTooLong, old(&format!("\"objet\":\"{}\"", "été ".repeat(70))), objet(&"été ".repeat(70))),
        case(Rule::TextTruncated, objet(&"é".repeat(256)), objet(&"é".repeat(255))),
        case(Rule::TextTruncated, objet(&"x".repeat(1000)), objet(&"x".repeat(999))),
        case(Rule::TextMarkup, objet("<b>Toiture</b> du gymnase"), objet("Toiture < 40 m² et > 2 m")),
        case(Rule::TextMarkup, objet("Voir javascript:alert(1)"), objet("Site en Javascript : refonte")),
        case(Rule::ObjetShort, objet("A1"), objet("Eau")),
        case(Rule::RequiredMissing, m(r#""ccag":null"#), m("")),
        // What another error accounts for is not told twice.
        case(
            Rule::RequiredMissing,
            m(r#""ccag":"NC""#),
            m(r#""ccag":"Autre","montant":-5,"titulaires":[{"id":"x","typeIdentifiant":"SIRET"}]"#),
        ),
        case(Rule::RequiredMissing, c(r#""dateDebutExecution":null"#), c("")),
        case(Rule::RequiredMissing, old(r#""dureeMois":null"#), old("")),
        case(Rule::NumberAsText, m(r#""montant":"120400""#), m("")),
        case(Rule::TextAsNumber, m(r#""id":20240100"#), m(r#""id":"20240100""#)),
        case(Rule::BooleanAsText, m(r#""marcheInnovant":"non""#), m("")),
        case(Rule::BooleanUnreadable, m(r#""marcheInnovant":"parfois""#), m("")),
        case(Rule::EnumSpelling, m(r#""ccag":"TRAVAUX""#), m("")),
        case(Rule::EnumUnknown, m(r#""ccag":"Autre""#), m("")),
        case(Rule::ValueRepeated, m(r#""techniques":{"technique":["Concours","Concours"]}"#), m("")),
        case(Rule::NumberUnreadable, m(r#""offresRecues":"trois""#), m("")),
    ]
}

/// Of dates, amounts, durations, counts.
fn values() -> Vec<Case> {
    let notified = |date: &str| m(&format!(r#""dateNotification":"{date}","datePublicationDonnees":"2024-03-15""#));
    let amount = |n: &str| m(&format!("\"montant\":{n}"));
    let months = |n: &str| m(&format!("\"dureeMois\":{n}"));
    vec![
        case(Rule::DateOffset, notified("2024-03-01+01:00"), m("")),
        case(Rule::DateTime, notified("2024-03-01T10:00:00"), m("")),
        case(Rule::DateFormat, notified("01/03/2024"), m("")),
        case(Rule::DateYear, notified("0222-03-01"), m("")),
        case(Rule::DateUnreadable, notified("2024-02-30"), notified("2024-02-29")),
        case(Rule::DateOld, notified("1999-12-31"), notified("2000-01-01")),
        case(
            Rule::DateFuture,
            m(r#""datePublicationDonnees":"2026-11-25""#),
            m(r#""datePublicationDonnees":"2026-11-24""#),
        ),
        case(Rule::AmountFormat, amount("\"120 400,00 €\""), m("")),
        case(Rule::AmountFloatNoise, broken("120400", "59153.830000000002"), amount("59153.83")),
        case(Rule::AmountUnreadable, amount("\"cent\""), m("")),
        case(Rule::AmountAmbiguous, amount("\"1,234\""), m("")),
        case(Rule::AmountNegative, amount("-5"), amount("5")),
        case(Rule::AmountAbsurd, amount("1e17"), amount("1e8")),
        case(Rule::AmountHuge, amount("1000000000"), amount("998000000")),
        case(Rule::AmountTiny, amount("1"), amount("1.01")),
        case(Rule::AmountDigits, amount("999999"), amount("99999")),
        case(Rule::AmountDigits, amount("123456"), amount("123457")),
        case(Rule::AmountInCents, region("<MontantinitialHt>3880000</MontantinitialHt>"), m("")),
        case(Rule::AmountPlanned, region("<Montantprevu>3880000</Montantprevu>"), m("")),
        case(Rule::AmountIsIdentifier, amount("45261000"), amount("45261001")),
        case(Rule::AmountIsIdentifier, amount("334873726"), amount("334873727")),
        case(Rule::DurationFractional, months("6.5"), months("6")),
        case(Rule::DurationUnreadable, months("\"deux ans\""), months("24")),
        case(Rule::DurationZero, months("0"), months("1")),
        case(Rule::DurationAbsurd, months("1201"), months("120")),
        case(Rule::DurationLong, months("181"), months("180")),
        case(Rule::DurationLong, c("\"dureeMois\":361"), c("\"dureeMois\":360")),
        case(Rule::DurationInDays, months("365"), m(r#""dureeMois":365,"montant":25000000"#)),
        case(Rule::DurationInDays, months("360"), months("36")),
        case(Rule::DurationInDays, months("366"), c("\"dureeMois\":366")),
        case(Rule::OffersZero, m("\"offresRecues\":0"), m("\"offresRecues\":1")),
        case(Rule::OffersMany, m("\"offresRecues\":501"), m("\"offresRecues\":500")),
        case(Rule::OffersFew, two_holders(r#","offresRecues":1"#), two_holders(r#","offresRecues":2"#)),
        case(Rule::RateRange, m("\"tauxAvance\":5"), m("\"tauxAvance\":1")),
        case(Rule::RatePercent, m("\"tauxAvance\":\"5 %\""), m("")),
    ]
}

/// Of codes and identifiers.
fn identifiers() -> Vec<Case> {
    let cpv = |code: &str| m(&format!("\"codeCPV\":{code}"));
    let siret = |id: &str| holder(&format!(r#""typeIdentifiant":"SIRET","id":"{id}""#));
    let buyer = |id: &str, uid: &str| m(&format!(r#""acheteur":{{"id":"{id}"}}{uid}"#));
    vec![
        case(Rule::CpvCheckDigit, cpv("\"45261000-4\""), m("")),
        case(Rule::CpvLeadingZero, cpv("3100000"), cpv("\"03100000\"")),
        case(Rule::CpvShort, cpv("\"4526\""), m("")),
        case(Rule::CpvFormat, cpv("\"45261000 toiture\""), m("")),
        case(Rule::CpvUnreadable, cpv("\"toiture\""), m("")),
        case(Rule::CpvDivision, cpv("\"46000000\""), cpv("\"45000000\"")),
        case(Rule::SiretFormat, siret("334 873 726 00239"), siret("33487372600239")),
        case(Rule::SiretLeadingZero, siret("5720784700047"), siret("05720784700047")),
        case(Rule::SiretKey, siret("33487372600230"), siret("33487372600239")),
        // La Poste: no Luhn key, but digits that sum to a multiple of five.
        case(Rule::SiretKey, siret("35600000049838"), siret("35600000049837")),
        case(Rule::SiretUnusable, siret("33487372600239012"), m("")),
        case(Rule::IdPlaceholder, siret("00000000000000"), m("")),
        case(Rule::IdTypeInferred, holder(r#""id":"33487372600239""#), m("")),
        case(Rule::IdTypeCorrected, siret("IT00802230151"), holder(r#""typeIdentifiant":"TVA","id":"IT00802230151""#)),
        case(
            Rule::IdentifierFormat,
            holder(r#""typeIdentifiant":"TVA","id":"it 00802230151""#),
            holder(r#""typeIdentifiant":"TVA","id":"IT00802230151""#),
        ),
        case(Rule::IdentifierForm, holder(r#""typeIdentifiant":"TVA","id":"12345""#), m("")),
        case(Rule::BuyerSiren, buyer("213105554", ""), m("")),
        case(Rule::BuyerFromTva, buyer("FR53213105554", ""), m("")),
        case(Rule::BuyerFromUid, buyer("213105554", r#","uid":"213105554000172024-01""#), m("")),
        case(Rule::IdFromUid, m(r#""id":null,"uid":"213105554000172024-01""#), m("")),
        case(Rule::UidMismatch, m(r#""uid":"213105554000172024-02""#), m(r#""uid":"213105554000172024-01""#)),
        case(Rule::IdTooLong, m(r#""id":"12345678901234567""#), m(r#""id":"1234567890123456""#)),
        case(Rule::IdCharacters, m(r#""id":"2024 & 01""#), m(r#""id":"2024_01.a/b""#)),
        case(Rule::IdForm2019, old(r#""id":"M1""#), m(r#""id":"M1""#)),
        case(Rule::IdForm2019, old(r#""id":"MAPA240100""#), old("")),
        case(Rule::HolderUnusable, holder(r#""typeIdentifiant":"SIRET","id":"x""#), m("")),
        case(Rule::HolderIsBuyer, siret("21310555400017"), holder(r#""typeIdentifiant":"TVA","id":"IT00802230151""#)),
        case(Rule::HolderWithoutId, old(r#""titulaires":[{"denominationSociale":"SNC"}]"#), old("")),
        case(Rule::PlaceLeadingZero, place("1000", "Code postal"), place("\"01000\"", "Code postal")),
        case(Rule::PlaceUnknown, place("\"00999\"", "Code commune"), place("\"31555\"", "Code commune")),
        case(Rule::PlaceType, place("\"31555\"", "Code département"), place("\"31\"", "Code département")),
        // Of a canton the form only: there is no table of them.
        case(Rule::PlaceUnknown, place("\"canton nord\"", "Code canton"), place("\"3199\"", "Code canton")),
        case(Rule::TestRecord, objet("Test ATEXO"), objet("Testage de réseaux")),
    ]
}

/// Of fields that must agree.
fn coherence() -> Vec<Case> {
    let framework = r#","techniques":{"technique":["Accord-cadre"]}"#;
    let social = |second: &str| {
        m(&format!(r#""considerationsSociales":{{"considerationSociale":["Pas de considération sociale"{second}]}}"#))
    };
    let orders = |technique: &str| {
        m(&format!(
            r#""modalitesExecution":{{"modaliteExecution":["Bons de commande"]}},"techniques":{{"technique":["{technique}"]}}"#
        ))
    };
    let act_modified = |id: u32| {
        act(
            SUB,
            5000,
            &format!(
                r#","modificationsActesSousTraitance":[{{"modificationActeSousTraitance":{{"id":{id},"montant":6000,"dateNotificationModificationSousTraitance":"2024-06-01","datePublicationDonnees":"2024-06-02"}}}}]"#
            ),
        )
    };
    let published = |date: &str| m(&format!("\"datePublicationDonnees\":\"{date}\""));
    let year = |date: &str| {
        c(&format!(
            r#""donneesExecution":[{{"donneesAnnuelles":{{"datePublicationDonneesExecution":"{date}","depensesInvestissement":1,"tarifs":[]}}}}]"#
        ))
    };
    vec![
        case(Rule::Nature2019, m(r#""nature":"Accord-cadre""#), old(r#""nature":"Accord-cadre""#)),
        case(Rule::NatureKind, m(r#""nature":"Concession de service""#), c("")),
        case(Rule::PriceForm2019, m(r#""formePrix":"Révisable""#), old(r#""formePrix":"Révisable""#)),
        case(Rule::ProcedureKind, m(r#""procedure":"Procédure négociée ouverte""#), c("")),
        case(Rule::ModalityWithoutFramework, orders("Concours"), orders("Accord-cadre")),
        case(
            Rule::WithoutObjectContradicts,
            m(r#""techniques":{"technique":["Concours","Sans objet"]}"#),
            m(r#""techniques":{"technique":["Sans objet"]}"#),
        ),
        case(
            Rule::AdvanceContradicts,
            m("\"attributionAvance\":false"),
            m(r#""attributionAvance":false,"tauxAvance":0"#),
        ),
        case(Rule::GroupContradicts, two_holders(""), two_holders(framework)),
        case(Rule::GroupContradicts, two_holders(""), two_holders(r#","typeGroupementOperateurs":"Conjoint""#)),
        case(Rule::SubContractContradicts, act(SUB, 5000, r#","sousTraitanceDeclaree":false"#), act(SUB, 5000, "")),
        case(Rule::ActWithoutHolder, act("{}", 5000, ""), act(SUB, 5000, "")),
        case(
            Rule::ActHolderIsTitulaire,
            act(r#"{"typeIdentifiant":"SIRET","id":"33487372600239"}"#, 5000, ""),
            act(SUB, 5000, ""),
        ),
        case(Rule::ActAmount, act(SUB, 120401, ""), act(SUB, 120400, "")),
        case(Rule::ActUnknown, act_modified(2), act_modified(1)),
        case(
            Rule::NotificationAfterPublication,
            m(r#""dateNotification":"2024-03-16""#),
            m(r#""dateNotification":"2024-03-15""#),
        ),
        case(Rule::PublicationLate, published("2024-05-02"), published("2024-05-01")),
        case(
            Rule::ModificationBefore,
            modified(r#""dateNotificationModification":"2024-02-29""#),
            modified(r#""duree":1"#).replace(r#","duree":1"#, ""),
        ),
        case(
            Rule::ModificationLate,
            modified(r#""datePublicationDonneesModification":"2024-08-02""#),
            modified(r#""datePublicationDonneesModification":"2024-08-01""#),
        ),
        case(
            Rule::ModificationUndated,
            m(r#""modifications":[{"modification":{"id":1,"montant":130000}}]"#),
            modified(r#""dureeMois":7"#),
        ),
        case(
            Rule::ModificationEmpty,
            m(r#""modifications":[{"modification":{"id":1,"dateNotificationModification":"2024-06-01"}}]"#),
            modified(r#""dureeMois":7"#),
        ),
        case(Rule::ModificationAmount, modified("\"montant\":1300000"), modified("\"montant\":1204000")),
        case(Rule::SequenceRepeated, numbered(1, 1), numbered(1, 2)),
        case(Rule::SequenceOrder, numbered(2, 1), numbered(1, 2)),
        case(Rule::StartBeforeSignature, c(r#""dateDebutExecution":"2024-02-29""#), c("")),
        case(Rule::ExecutionBeforeSignature, year("2024-02-29"), year("2024-03-01")),
        case(
            Rule::SubsidyAboveValue,
            c("\"montantSubventionPublique\":250301"),
            c("\"montantSubventionPublique\":250300"),
        ),
        case(Rule::ConsiderationsContradict, social(",\"Clause sociale\""), social("")),
        case(
            Rule::OriginContradict,
            m(r#""origineUE":0.1,"origineFrance":0.2"#),
            m(r#""origineUE":0.2,"origineFrance":0.2"#),
        ),
    ]
}

fn cases() -> Vec<Case> {
    [writing(), values(), identifiers(), coherence()].concat()
}

#[test]
fn the_records_that_the_cases_start_from_break_nothing() {
    for doc in [m(""), old(""), c(""), numbered(1, 2), modified(r#""dureeMois":7"#), act(SUB, 5000, "")] {
        assert_eq!(codes(doc.as_bytes()), Vec::<String>::new(), "{doc}");
    }
}

#[test]
fn every_rule_is_fired_by_one_record_and_not_by_its_neighbour() {
    let cases = cases();
    let mut wrong = Vec::new();
    for (rule, bad, good) in &cases {
        let code = rule.code().to_owned();
        let (bad_codes, good_codes) = (codes(bad), codes(good));
        if !bad_codes.contains(&code) {
            wrong.push(format!("{code} is not fired, only {bad_codes:?}, by {}", String::from_utf8_lossy(bad)));
        }
        if good_codes.contains(&code) {
            wrong.push(format!("{code} is fired by {}", String::from_utf8_lossy(good)));
        }
    }
    let without = Rule::ALL.iter().filter(|r| !cases.iter().any(|(rule, ..)| rule == *r));
    wrong.extend(without.map(|r| format!("{} has no case", r.code())));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(Rule::ALL.len() >= 60);
}

#[test]
fn a_record_read_again_breaks_the_same_rules() {
    for (rule, bad, _) in cases() {
        assert_eq!(codes(&bad), codes(&bad), "{}", rule.code());
    }
}
