//! Cases 41 to 51 and 53 to 55: what stands inside a document that came whole, and what it leaves in
//! the store. The payload of 1 GB in one line (52) is measured by `tests/ci/memory.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use guichet::demo::{Page, Upstream};
use guichet::record::{Observation, Siren};
use serde_json::{Value, json};

use crate::small::{Night, Small, document, marche};
use crate::{Ends, judge};

/// What stands of the source's one buyer after a night, by local id.
fn observations(night: &Night) -> BTreeMap<String, Observation> {
    let buyer = Siren::parse("213105554").unwrap();
    let rows = night.pipeline.store.snapshot().unwrap().buyer(buyer).unwrap().rows;
    rows.into_iter().map(|r| (r.observation.record.id.to_string(), r.observation)).collect()
}

/// Reason and detail of each record in quarantine, in file order.
fn quarantine(night: &Night) -> Vec<(String, String)> {
    let snapshot = night.pipeline.store.snapshot().unwrap();
    let page = snapshot.quarantine_page(night.resource("main").n, 0, 10_000).unwrap();
    page.into_iter().map(|q| (q.reason, q.detail)).collect()
}

/// A source's first night with this answer, and the root that it left its store in.
fn first_night(case: &str, page: Page, ends: Ends) -> (Small, Night) {
    let upstream = Upstream::serving(page).unwrap();
    let small = Small::quick().source("s", &upstream.url("/"), "");
    let night = small.night(0);
    judge(case, &night, ends);
    (small, night)
}

fn list(records: &[Value]) -> String {
    json!({"marches": {"marche": records, "contrat-concession": []}}).to_string()
}

/// The same marché in XML.
fn xml(id: &str) -> String {
    format!(
        "<marche><id>{id}</id><acheteur><id>21310555400017</id></acheteur><nature>Marché</nature>\
         <objet>Fournitures, marché {id}</objet><codeCPV>45261000</codeCPV><procedure>Procédure adaptée</procedure>\
         <dureeMois>6</dureeMois><dateNotification>2024-03-01</dateNotification>\
         <datePublicationDonnees>2024-03-15</datePublicationDonnees><montant>12500</montant><titulaires><titulaire>\
         <typeIdentifiant>SIRET</typeIdentifiant><id>55208131766522</id></titulaire></titulaires></marche>"
    )
}

fn xml_document(prefix: &str, n: usize) -> String {
    let records: String = (1..=n).map(|i| xml(&format!("{prefix}-{i}"))).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<marches>{records}</marches>")
}

/// One night for each kilobyte at which a document can stop.
fn cut_at_each_kilobyte(case: &str, whole: &str, ends: &[usize]) {
    let upstream = Upstream::start().unwrap();
    upstream.page("/f", Page::bytes(whole.to_owned(), "application/octet-stream").etag("\"whole\""));
    let small = Small::quick().source("s", &upstream.url("/f"), "");
    judge(case, &small.night(0), Ends::Well(ends.len() as u64));
    for (day, at) in (1..).zip((1024..whole.len()).step_by(1024)) {
        let name = format!("{case} at {at}");
        upstream.page("/f", Page::bytes(whole.as_bytes()[..at].to_vec(), "application/octet-stream").etag("\"cut\""));
        let night = small.night(day);
        let records = ends.iter().filter(|end| **end <= at).count() as u64;
        judge(&name, &night, Ends::Partly { records, says: "stops inside" });
        assert!(quarantine(&night).iter().all(|(reason, _)| reason == "cut"), "{name}: {:?}", quarantine(&night));
        // What the cut took away is not gone.
        assert_eq!(observations(&night).len(), ends.len(), "{name}");
    }
}

#[test]
fn a_document_cut_at_each_kilobyte_gives_the_records_before_and_withdraws_none() {
    let whole = document("c", 40);
    let ends: Vec<usize> = (1..=40)
        .map(|i| {
            let record = marche(&format!("c-{i}")).to_string();
            whole.find(&record).unwrap() + record.len()
        })
        .collect();
    cut_at_each_kilobyte("41 JSON cut", &whole, &ends);
    let whole = xml_document("c", 40);
    let ends: Vec<usize> = whole.match_indices("</marche>").map(|(at, end)| at + end.len()).collect();
    cut_at_each_kilobyte("42 XML cut", &whole, &ends);
}

#[test]
fn nesting_without_end_costs_its_record_and_no_stack() {
    let (deep, wide) = (format!("{}1{}", "[".repeat(200), "]".repeat(200)), "{\"a\":".repeat(200));
    let with = |field: &str| marche("x").to_string().replacen("\"nature\"", &format!("{field},\"nature\""), 1);
    let json = |bad: &str| format!("{{\"marches\":[{},{bad},{}]}}", marche("a"), marche("b"));
    let elements = format!("{}1{}", "<x>".repeat(200), "</x>".repeat(200));
    let xml_bad = xml("x").replacen("<nature>", &format!("{elements}<nature>"), 1);
    for (name, body) in [
        ("43 lists in lists", json(&with(&format!("\"z\":{deep}")))),
        ("43 objects in objects", json(&with(&format!("\"z\":{wide}1{}", "}".repeat(200))))),
        ("43 elements in elements", format!("<marches>{}{xml_bad}{}</marches>", xml("a"), xml("b"))),
    ] {
        let (_root, night) = first_night(name, Page::bytes(body, "text/plain"), Ends::Well(3));
        assert_eq!(observations(&night).into_keys().collect::<Vec<_>>(), ["a", "b"], "{name}");
        assert_eq!(quarantine(&night)[0].0, "too-deep", "{name}");
    }
    // So deep above any record, there is none.
    for (name, body, ends) in [
        ("43 a file of openings", "[".repeat(200_000), Ends::Partly { records: 0, says: "stops inside" }),
        ("43 a file of objects", "{\"a\":".repeat(100_000), Ends::Partly { records: 0, says: "stops inside" }),
        ("43 a file of elements", "<a>".repeat(200_000), Ends::Badly { says: "no list of contracts" }),
    ] {
        first_night(name, Page::bytes(body, "text/plain"), ends);
    }
}

#[test]
fn a_document_type_expands_nothing_and_fetches_nothing() {
    let elsewhere = TcpListener::bind("127.0.0.2:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let host = elsewhere.local_addr().unwrap();
    let secret = tempfile::NamedTempFile::new().unwrap();
    secret.as_file().write_all(b"secret-of-this-machine").unwrap();
    let file = secret.path().display();
    let laughs: String =
        (1..10).map(|i| format!("<!ENTITY lol{i} \"{}\">", format!("&lol{};", i - 1).repeat(10))).collect();
    for (name, head, entity) in [
        ("44 a billion laughs", format!("<!DOCTYPE m [<!ENTITY lol0 \"lol\">{laughs}]>"), "lol9"),
        ("44 a file", format!("<!DOCTYPE m [<!ENTITY x SYSTEM \"file://{file}\">]>"), "x"),
        ("44 a web address", format!("<!DOCTYPE m [<!ENTITY x SYSTEM \"http://{host}/x\">]>"), "x"),
        ("44 an external DTD", format!("<!DOCTYPE m SYSTEM \"http://{host}/m.dtd\">"), "x"),
        ("44 a parameter entity", format!("<!DOCTYPE m [<!ENTITY % p SYSTEM \"http://{host}/p.dtd\"> %p;]>"), "x"),
    ] {
        let records = [xml("a"), xml("b").replace("Fournitures", &format!("&{entity}; seul")), xml("c")].concat();
        let body = format!("<?xml version=\"1.0\"?>{head}<marches>{records}</marches>");
        let (_root, night) = first_night(name, Page::xml(body), Ends::Well(3));
        let all = observations(&night);
        assert_eq!(all.len(), 3, "{name}");
        let b = &all["b"];
        assert_eq!(b.record.objet.as_deref(), Some(&*format!("&{entity}; seul, marché b")), "{name}");
        assert!(b.findings.iter().any(|f| f.code == "xml-escape"), "{name}: {:?}", b.findings);
    }
    assert!(elsewhere.accept().is_err(), "44 the address of an entity was asked");
}

#[test]
fn attributes_and_namespaces_by_the_thousand_cost_no_time_and_no_record() {
    let attributes: String = (0..80_000).map(|i| format!(" a{i}=\"1\"")).collect();
    let names: String = (0..10_000).map(|i| format!(" xmlns:n{i}=\"urn:{i}\"")).collect();
    let (a, b) = (xml("a"), xml("b"));
    for (name, body) in [
        (
            "45 80 000 attributes of a field",
            format!("<marches>{}{b}</marches>", a.replacen("<objet", &format!("<objet{attributes}"), 1)),
        ),
        ("45 80 000 attributes of the root", format!("<marches{attributes}>{a}{b}</marches>")),
        (
            "45 80 000 attributes of a record",
            format!("<marches>{}{b}</marches>", a.replacen("<marche", &format!("<marche{attributes}"), 1)),
        ),
        ("45 10 000 namespaces of the root", format!("<marches{names}>{a}{b}</marches>")),
        (
            "45 10 000 namespaces of a record",
            format!("<marches>{}{b}</marches>", a.replacen("<marche", &format!("<marche{names}"), 1)),
        ),
        (
            "45 10 000 namespaces of a field",
            format!("<marches>{}{b}</marches>", a.replacen("<id", &format!("<id{names}"), 1)),
        ),
    ] {
        let began = Instant::now();
        let (_root, night) = first_night(name, Page::xml(body), Ends::Well(2));
        assert_eq!(
            observations(&night).into_keys().collect::<Vec<_>>(),
            ["a", "b"],
            "{name}: {:?}",
            quarantine(&night)
        );
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: {:?}", began.elapsed());
    }
}

/// One value of a record: what is made of it, and what is said of it.
struct Said {
    case: &'static str,
    /// Field and value in place of the sound ones, as JSON text.
    field: &'static str,
    value: &'static str,
    /// What stands in the clean field; empty: nothing.
    clean: &'static str,
    /// Codes of the findings on it.
    codes: &'static [&'static str],
}

const fn said(
    case: &'static str,
    field: &'static str,
    value: &'static str,
    clean: &'static str,
    codes: &'static [&'static str],
) -> Said {
    Said { case, field, value, clean, codes }
}

fn clean(o: &Observation, field: &str) -> String {
    let r = &o.record;
    let text = |t: Option<String>| t.unwrap_or_default();
    match field {
        "montant" => text(r.montant.map(|m| m.to_string())),
        "objet" => text(r.objet.clone()),
        "dateNotification" => text(r.date_notification.map(|d| d.to_string())),
        "dureeMois" => text(r.duree_mois.map(|d| d.to_string())),
        "titulaires" => {
            let ids = r.titulaires.iter().map(|t| t.id.clone().or(t.name.clone()).unwrap_or_default());
            ids.collect::<Vec<_>>().join(" ")
        }
        "modifications" => {
            let all = r.modifications.iter().map(|m| format!("{:?}", (m.id, m.duree_mois)));
            all.collect::<Vec<_>>().join(" ")
        }
        other => panic!("no column for {other}"),
    }
}

/// All of them in one document, each in a record of its own: what one does is nothing to the next.
const VALUES: &[Said] = &[
    said("46 NaN", "montant", "NaN", "", &["not-a-number"]),
    said("46 Infinity", "montant", "-Infinity", "", &["not-a-number"]),
    said("46 1e400", "montant", "1e400", "", &["amount-absurd"]),
    said("46 23 digits", "montant", "12345678901234567890123", "", &["amount-absurd"]),
    said("46 a very small number", "montant", "1e-400", "", &["amount-unreadable"]),
    said("46 months without end", "dureeMois", "1e400", "", &["duration-absurd"]),
    said("47 a field twice", "objet", "\"le premier\",\"objet\":\"le second\"", "le premier", &["duplicate-field"]),
    said("48 half a surrogate", "objet", r#""\ud83d seul""#, "\u{fffd} seul", &["bad-escape", "replacement-character"]),
    said(
        "48 a pair turned round",
        "objet",
        r#""\ude00\ud83d ici""#,
        "\u{fffd}\u{fffd} ici",
        &["bad-escape", "replacement-character"],
    ),
    said("48 an escaped NUL", "objet", r#""un\u0000deux""#, "undeux", &["control-character"]),
    said(
        "48 an escaped C0, and a C1 that is a letter of windows-1252",
        "objet",
        r#""un\u0001\u009fdeux""#,
        "unŸdeux",
        &["control-character"],
    ),
    said("48 a raw control character", "objet", "\"un\u{1}deux\"", "undeux", &["control-character"]),
    said(
        "49 an object for a list",
        "titulaires",
        r#"{"titulaire":{"id":"55208131766522","typeIdentifiant":"SIRET"}}"#,
        "55208131766522",
        &["list-shape"],
    ),
    said(
        "49 the holder itself for a list",
        "titulaires",
        r#"{"id":"55208131766522","typeIdentifiant":"SIRET"}"#,
        "55208131766522",
        &["list-shape"],
    ),
    said(
        "49 a list in the wrapping",
        "titulaires",
        r#"[{"titulaire":[{"id":"55208131766522","typeIdentifiant":"SIRET"},{"id":"35600000000048","typeIdentifiant":"SIRET"}]}]"#,
        "55208131766522 35600000000048",
        &["list-shape"],
    ),
    said(
        "49 one modification for a list",
        "modifications",
        r#"{"modification":{"id":1,"dureeMois":9,"dateNotificationModification":"2024-05-01","datePublicationDonneesModification":"2024-05-02"}}"#,
        "(Some(1), Some(9))",
        &["list-shape"],
    ),
    said("49 a text for a list", "modifications", "\"\"", "", &[]),
    said("53 the year 1", "dateNotification", "\"0001-01-01\"", "", &["date-year"]),
    said("53 the year 9999", "dateNotification", "\"9999-12-31\"", "", &["date-year"]),
    said("53 the 31st of February", "dateNotification", "\"2024-02-31\"", "", &["date-unreadable"]),
    said("53 31-02 turned round", "dateNotification", "\"31-02-2024\"", "", &["date-unreadable"]),
    said("53 an amount as it is spoken", "montant", "\"1 234,56 €\"", "1234.56", &["amount-format"]),
    said(
        "53 an amount with hard spaces",
        "montant",
        "\"1\u{202f}834\u{a0}567,89\u{a0}€\"",
        "1834567.89",
        &["amount-format"],
    ),
    said("53 a negative amount", "montant", "-1234.56", "", &["amount-negative"]),
    said("53 1e15", "montant", "1e15", "", &["amount-absurd"]),
    said(
        "54 13 digits, a zero lost",
        "titulaires",
        r#"[{"titulaire":{"id":"5720784700013","typeIdentifiant":"SIRET"}}]"#,
        "05720784700013",
        &["siret-leading-zero"],
    ),
    said(
        "54 15 digits",
        "titulaires",
        r#"[{"titulaire":{"id":"552081317665222","typeIdentifiant":"SIRET"}}]"#,
        "",
        &["siret-unusable", "titulaire-unusable"],
    ),
    said(
        "54 spaces",
        "titulaires",
        r#"[{"titulaire":{"id":"552 081 317 66522","typeIdentifiant":"SIRET"}}]"#,
        "55208131766522",
        &["siret-format"],
    ),
    said(
        "54 a wrong key",
        "titulaires",
        r#"[{"titulaire":{"id":"55208131766523","typeIdentifiant":"SIRET"}}]"#,
        "55208131766523",
        &["siret-key"],
    ),
    said(
        "54 La Poste, whose keys are others",
        "titulaires",
        r#"[{"titulaire":{"id":"35600000049837","typeIdentifiant":"SIRET"}}]"#,
        "35600000049837",
        &[],
    ),
];

#[test]
fn each_value_that_cannot_be_costs_its_own_field_and_stands_beside_it_as_declared() {
    let mut records = Vec::new();
    for (i, s) in VALUES.iter().enumerate() {
        let mut record = marche(&format!("v-{i}"));
        record.as_object_mut().unwrap().insert(s.field.to_owned(), json!("@"));
        records.push(record.to_string().replacen("\"@\"", s.value, 1));
    }
    let body = format!("{{\"marches\":{{\"marche\":[{}],\"contrat-concession\":[]}}}}", records.join(","));
    let (_root, night) = first_night("46 to 54", Page::json(body), Ends::Well(VALUES.len() as u64));
    assert_eq!(night.report.sources[0].quarantined, 0, "{:?}", quarantine(&night));
    let all = observations(&night);
    let mut wrong = Vec::new();
    for (i, s) in VALUES.iter().enumerate() {
        let o = &all[&format!("v-{i}")];
        let got = clean(o, s.field);
        let codes: BTreeSet<&str> =
            o.findings.iter().filter(|f| f.field.starts_with(s.field)).map(|f| &*f.code).collect();
        let wanted: BTreeSet<&str> = s.codes.iter().copied().collect();
        if got != s.clean || codes != wanted {
            wrong.push(format!("{}: {got:?} instead of {:?}, {codes:?} instead of {wanted:?}", s.case, s.clean));
        }
        // What left the clean field stands beside it.
        if s.clean.is_empty() && !s.codes.is_empty() {
            let kept = o.declared.iter().any(|d| d.field.starts_with(s.field))
                || o.findings.iter().any(|f| f.field.starts_with(s.field) && !f.value.is_empty());
            if !kept {
                wrong.push(format!("{}: what was declared is lost", s.case));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_single_record_for_a_list_and_lists_in_other_shapes_are_read() {
    let one = marche("a");
    for (name, body, ids) in [
        ("49 one record for the list", json!({"marches": {"marche": one}}), vec!["a"]),
        ("49 a bare record", one.clone(), vec!["a"]),
        ("49 a list in a list", json!({"marches": [[one, marche("b")]]}), vec!["a", "b"]),
        ("49 the list of 2019", json!({"marches": [one, marche("b")]}), vec!["a", "b"]),
        ("49 records by number", json!({"marches": {"marche": [one], "contrat-concession": null}}), vec!["a"]),
    ] {
        let (_root, night) = first_night(name, Page::json(body.to_string()), Ends::Well(ids.len() as u64));
        assert_eq!(observations(&night).into_keys().collect::<Vec<_>>(), ids, "{name}");
    }
}

#[test]
fn one_bad_record_among_ten_thousand_costs_itself() {
    let mut records: Vec<String> = (0..10_000).map(|i| marche(&format!("n-{i}")).to_string()).collect();
    records[5_000] = records[5_000].replacen("\"dureeMois\":6", "\"dureeMois\":6 mois", 1);
    let body = format!("{{\"marches\":[{}]}}", records.join(","));
    let at = body.find(&records[5_000]).unwrap() as u64;
    let (_root, night) = first_night("50 one in ten thousand", Page::json(body), Ends::Well(10_000));
    assert_eq!(night.report.sources[0].quarantined, 1);
    assert_eq!(observations(&night).len(), 9_999);
    let snapshot = night.pipeline.store.snapshot().unwrap();
    let bad = snapshot.quarantine_page(night.resource("main").n, 0, 10).unwrap().remove(0);
    assert_eq!((bad.position, bad.byte_start, bad.byte_len), (5_000, at, records[5_000].len() as u64));
    assert_eq!(bad.reason, "unreadable");
}

#[test]
fn a_document_of_which_no_record_can_be_used_withdraws_nothing() {
    let upstream = Upstream::start().unwrap();
    let small = crate::harvested(&upstream);
    let nameless: Vec<Value> = (0..3)
        .map(|i| {
            let mut record = marche(&format!("a-{i}"));
            record.as_object_mut().unwrap().remove("id");
            record
        })
        .collect();
    let ends = Ends::Partly { records: 0, says: "not one of its 3 records can be used" };
    for day in 1..10 {
        // Another text every night, the same fault.
        upstream.page("/f", Page::json(format!("{}{}", list(&nameless), "\n".repeat(day))).etag("\"bad\""));
        let night = small.night(day as i64);
        judge(&format!("51 all records bad, night {day}"), &night, ends);
        assert_eq!(quarantine(&night).len(), 3);
        assert_eq!(observations(&night).len(), 3, "night {day}");
        assert!(
            night
                .pipeline
                .store
                .snapshot()
                .unwrap()
                .buyer(Siren::parse("213105554").unwrap())
                .unwrap()
                .rows
                .iter()
                .all(|r| !r.withdrawn && r.gone.is_none())
        );
    }
    upstream.page("/f", Page::json(document("a", 3)).etag("\"good\""));
    judge("51 mended", &small.night(10), Ends::Well(3));
    // Where nothing stood before, records in quarantine alone are no failure.
    let (_root, night) = first_night("51 bad from the start", Page::json(list(&nameless)), Ends::Well(3));
    assert_eq!(night.report.sources[0].quarantined, 3);
}

#[test]
fn editions_may_be_mixed_in_one_document() {
    use guichet::record::Format::{V2019, V2022};
    let old = |id: &str| {
        json!({
            "id": id, "uid": format!("21310555400017{id}"), "acheteur": {"id": "21310555400017", "nom": "Ville"},
            "_type": "Marché", "nature": "MARCHE", "objet": "Fournitures scolaires", "codeCPV": "45261000-4",
            "procedure": "Procédure adaptée", "lieuExecution": {"code": "31555", "typeCode": "Code commune", "nom": "Toulouse"},
            "dureeMois": 6, "dateNotification": "2020-03-01", "datePublicationDonnees": "2020-03-15", "montant": 12500.5,
            "formePrix": "Ferme", "titulaires": [{"typeIdentifiant": "SIRET", "id": "55208131766522", "denominationSociale": "EDF"}],
            "modifications": []
        })
    };
    let mut latest = marche("2024-02");
    latest["offresRecues"] = 3.into();
    latest["typesPrix"] = json!({"typePrix": ["Définitif ferme"]});
    latest["modifications"] = json!([{"modification": {"id": 1, "montant": 13_000, "dateNotificationModification": "2024-06-01", "datePublicationDonneesModification": "2024-06-02"}}]);
    let mixed = [old("202000000100"), marche("2024-01"), latest, old("202000000200")];
    for (name, body) in [
        ("55 in one list", json!({"marches": mixed}).to_string()),
        ("55 in the list of 2022", list(&mixed)),
        ("55 line by line", mixed.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")),
    ] {
        let (_root, night) = first_night(name, Page::json(body), Ends::Well(4));
        let all = observations(&night);
        let formats: Vec<_> = all.iter().map(|(id, o)| (&**id, o.format)).collect();
        assert_eq!(
            formats,
            [("202000000100", V2019), ("202000000200", V2019), ("2024-01", V2022), ("2024-02", V2022)],
            "{name}"
        );
        assert_eq!(all["2024-02"].record.modifications.len(), 1, "{name}");
        assert_eq!(all["202000000100"].record.titulaires[0].name.as_deref(), Some("EDF"), "{name}");
    }
}
