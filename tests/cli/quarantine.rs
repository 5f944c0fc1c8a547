//! Records in quarantine, and payloads erased from the archive, as the operator meets them.

use serde_json::{Value, json as value};

use crate::journey::{Profile, json, two_nights};
use crate::setup::{BUYER, Region, document, marche, stanza, text};

/// A record without id, one without a buyer.
fn unusable() -> [Value; 2] {
    let mut nameless = marche("x", 1, "2024-03-15");
    nameless.as_object_mut().unwrap().remove("id");
    nameless["objet"] = "Sans numéro \u{1b}[2J".into();
    let mut orphan = marche("2024-07", 1, "2024-03-15");
    orphan["acheteur"]["id"] = "213".into();
    [nameless, orphan]
}

fn region_with(documents: &[(&str, String)]) -> (Region, Profile) {
    let (region, profile) = (Region::new(), Profile::start());
    let stanzas: Vec<String> =
        documents.iter().map(|(id, _)| stanza(id, &profile.url(&format!("{id}.json")))).collect();
    region.sources(&stanzas.concat());
    for (id, document) in documents {
        profile.put(&format!("{id}.json"), document.clone());
    }
    region.guichet().args(["-q", "harvest"]).assert().code(0);
    (region, profile)
}

fn listed(region: &Region) -> Vec<Value> {
    json(region, &["quarantine", "list"], 0)["quarantine"].as_array().unwrap().clone()
}

#[test]
fn what_cannot_be_used_is_listed_and_shown_with_its_text() {
    let [nameless, orphan] = unusable();
    let good = marche("2024-01", 120_000, "2024-03-15");
    let doc = document(&[good.clone(), nameless.clone(), orphan]);
    let (region, profile) = region_with(&[("albi", doc.clone())]);
    let all = listed(&region);
    assert_eq!(all.len(), 2, "{all:?}");
    let first = &all[0];
    assert_eq!(
        (&first["source"], &first["position"], &first["reason"], &first["first_seen"]),
        (&"albi".into(), &1.into(), &"id-missing".into(), &"2026-11-24".into())
    );
    assert!(first["message"]["fr"].as_str().unwrap().len() > 5 && first["remedy"]["en"].as_str().unwrap().len() > 5);
    let n = first["n"].to_string();
    let shown = json(&region, &["quarantine", "show", &n], 0);
    let (start, end) = (shown["bytes"][0].as_u64().unwrap() as usize, shown["bytes"][1].as_u64().unwrap() as usize);
    assert_eq!(shown["raw"], doc[start..end], "the byte range is that of the document");
    assert_eq!(serde_json::from_str::<Value>(shown["raw"].as_str().unwrap()).unwrap(), nameless);
    let out = region.guichet().args(["quarantine", "show", &n]).assert().code(0).get_output().clone();
    let told = text(&out.stdout);
    assert!(told.contains("id-missing") && told.contains("Sans numéro") && !told.contains('\u{1b}'), "{told}");
    let out = region.guichet().args(["quarantine", "list"]).assert().code(0).get_output().clone();
    assert_eq!(text(&out.stdout).lines().count(), 2);
    region.guichet().args(["quarantine", "show", "999"]).assert().code(2);
    region.guichet().args(["quarantine", "list", "--source", "alby"]).assert().code(2);

    // The next night one of them is mended, and another stands before the one that stays.
    profile.put("albi.json", document(&[value!(null), good, nameless]));
    region.guichet().env("GUICHET_NOW", "2026-11-25T03:00:00Z").args(["-q", "harvest"]).assert().code(0);
    let after = listed(&region);
    let one = |reason: &str| after.iter().find(|q| q["reason"] == reason).unwrap();
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!((&one("null")["position"], &one("null")["first_seen"]), (&0.into(), &"2026-11-25".into()));
    let kept = one("id-missing");
    assert_eq!((&kept["n"], &kept["first_seen"], &kept["position"]), (&first["n"], &"2026-11-24".into(), &2.into()));
    assert_eq!(json(&region, &["quarantine", "show", &n], 0)["raw"], shown["raw"]);
}

/// Puts a record into quarantine that the present rules accept, as an older version would have.
fn condemn(region: &Region, id: &str) {
    let db = rusqlite::Connection::open(region.path("var/guichet.db")).unwrap();
    let found: (i64, Vec<u8>, i64) = db
        .query_row(
            "SELECT o.id, o.hash, s.resource FROM observation o JOIN standing s ON s.id=o.id
             WHERE s.position=(SELECT min(position) FROM standing) AND o.source=(SELECT n FROM source WHERE id=?1)",
            [id],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )
        .unwrap();
    let (observation, hash, resource) = found;
    let mut page: Vec<u8> =
        db.query_row("SELECT entries FROM place WHERE resource=?1", [resource], |r| r.get(0)).unwrap();
    let entry = page.chunks_exact_mut(24).find(|e| e[..16] == hash[..]).unwrap();
    entry[16..].copy_from_slice(&0_i64.to_be_bytes());
    db.execute("UPDATE place SET entries=?2 WHERE resource=?1", rusqlite::params![resource, page]).unwrap();
    db.execute("DELETE FROM standing WHERE id=?1", [observation]).unwrap();
    db.execute("DELETE FROM observation WHERE id=?1", [observation]).unwrap();
    db.execute("DELETE FROM contract", []).unwrap();
    db.execute(
        "INSERT INTO quarantine (resource, position, payload, byte_start, byte_len, reason, detail, first_seen, hash)
         SELECT n, 0, sha256, 0, 1, 'unreadable', 'an older reader', 20781, ?2 FROM resource WHERE n=?1",
        rusqlite::params![resource, hash],
    )
    .unwrap();
    db.execute("INSERT INTO dirty VALUES (?1, 1) ON CONFLICT DO NOTHING", [213_105_554]).unwrap();
}

#[test]
fn reading_again_brings_back_what_the_present_rules_accept_and_nothing_else() {
    let [nameless, _] = unusable();
    let doc = document(&[marche("2024-01", 120_000, "2024-03-15"), marche("2024-02", 80_000, "2024-03-15"), nameless]);
    let (region, _profile) = region_with(&[("albi", doc)]);
    region.guichet().args(["-q", "publish"]).assert().code(0);
    let contracts = || std::fs::read_to_string(region.path("var/public/latest/contrats.ndjson")).unwrap();
    let before = contracts();
    condemn(&region, "albi");
    assert_eq!(listed(&region).len(), 2);
    let out = region
        .guichet()
        .env("GUICHET_NOW", "2026-12-01T03:00:00Z")
        .args(["quarantine", "retry"])
        .assert()
        .code(0)
        .get_output()
        .clone();
    let told = text(&out.stdout);
    assert!(
        told.contains("1 payload read again: 2 records in quarantine before, 1 after; 2 contracts written"),
        "{told}"
    );
    assert_eq!(listed(&region)[0]["reason"], "id-missing");
    region.guichet().args(["-q", "publish", "--force"]).assert().code(0);
    assert_eq!(contracts(), before, "as if it had never been condemned");
    let e = json(&region, &["explain", &format!("{BUYER}2024-01")], 0);
    assert_eq!(e["observations"][0]["first_seen"], "2026-11-24", "the day on which it came, not today");
    let out = region.guichet().args(["quarantine", "retry"]).assert().code(0).get_output().clone();
    assert!(text(&out.stdout).contains("1 record in quarantine before, 1 after; 0 contracts"), "{}", text(&out.stdout));
}

/// The payloads in the archive, by name.
fn payloads(region: &Region) -> Vec<String> {
    let mut names = Vec::new();
    for shard in std::fs::read_dir(region.path("var/archive")).unwrap().flatten() {
        if shard.path().is_dir() {
            let files = std::fs::read_dir(shard.path()).unwrap().flatten();
            names.extend(files.map(|f| f.file_name().to_string_lossy().trim_end_matches(".zst").to_owned()));
        }
    }
    names
}

fn purged(region: &Region, now: &str, arguments: &[&str], code: i32) -> String {
    let mut command = region.guichet();
    command.env("GUICHET_NOW", now).args(["archive", "purge"]).args(arguments);
    let out = command.assert().code(code).get_output().clone();
    text(&out.stdout) + &text(&out.stderr)
}

#[test]
fn old_payloads_are_erased_but_for_current_ones_and_a_replay_knows() {
    let (region, _profile) = two_nights();
    assert_eq!(payloads(&region).len(), 3);
    let told = purged(&region, "2026-11-26T03:00:00Z", &["--older-than", "400d"], 0);
    assert!(told.contains("0 payloads to erase"), "{told}");
    let later = "2028-11-26T03:00:00Z";
    let told = purged(&region, later, &["--older-than", "400d", "--dry-run"], 0);
    assert!(told.contains("albi / ") && told.contains("seen from 2026-11-24 to 2026-11-24"), "{told}");
    assert!(
        told.contains("no longer knows") && told.contains("2 payloads kept") && told.contains("nothing was erased"),
        "{told}"
    );
    assert_eq!(payloads(&region).len(), 3);
    let told = purged(&region, later, &["--older-than", "400d"], 0);
    assert!(told.contains("1 payload erased"), "{told}");
    assert_eq!(payloads(&region).len(), 2);
    let log = std::fs::read_to_string(region.path("var/archive/log.ndjson")).unwrap();
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&last["source"], last["purged"].as_str().unwrap().len()), (&"albi".into(), 64), "{last}");
    let out = region.guichet().arg("replay").assert().code(0).get_output().clone();
    assert!(text(&out.stdout).contains("1 payload were erased by `archive purge`"), "{}", text(&out.stdout));
    let e = json(&region, &["explain", &format!("{BUYER}2024-01")], 0);
    assert_eq!(e["contract"]["montant"], 125_000, "what is current is still there");
}

#[test]
fn a_current_payload_goes_only_by_its_name_and_what_that_means_is_said_first() {
    let (region, _profile) = two_nights();
    let shown = json(&region, &["sources", "show", "tarn"], 0);
    let name = shown["resources"][0]["sha256"].as_str().unwrap().to_owned();
    let now = "2026-11-26T03:00:00Z";
    let told = purged(&region, now, &["--hash", &name, "--dry-run"], 0);
    assert!(told.contains("CURRENT: 3 records") && told.contains("until the next replay"), "{told}");
    let told = purged(&region, now, &["--hash", &name], 0);
    assert!(told.find("CURRENT").unwrap() < told.find("1 payload erased").unwrap(), "{told}");
    assert!(!payloads(&region).contains(&name));
    let told = purged(&region, now, &["--hash", &name], 2);
    assert!(told.contains("is not in the archive"), "{told}");
    assert_eq!(json(&region, &["explain", &format!("{BUYER}2024-01")], 0)["observations"].as_array().unwrap().len(), 3);
    region.guichet().args(["-q", "replay"]).assert().code(0);
    let e = json(&region, &["explain", &format!("{BUYER}2024-01")], 0);
    assert!(e["observations"].as_array().unwrap().iter().all(|o| o["source"] == "albi"), "{e}");
}

/// A table that only its stanza's `columns` explain must be read again by them.
#[test]
fn a_table_is_shown_and_read_again_as_its_stanza_says() {
    let (region, profile) = (Region::new(), Profile::start());
    let columns = "format = \"decp-csv\"\ncolumns = { Numero = \"id\", Qui = \"acheteur.id\", Quoi = \"objet\", Combien = \"montant\" }\n";
    region.sources(&(stanza("mairie", &profile.url("achats.csv")) + columns));
    let rows = "Numero;Qui;Quoi;Combien\r\nA-1;21310555400017;Toiture du gymnase;120400\r\nA-2;;Sans acheteur;5000\r\n";
    profile.put("achats.csv", rows.to_owned());
    region.guichet().args(["-q", "harvest"]).assert().code(0);
    let before = json(&region, &["status"], 0)["sources"][0]["records"].clone();
    assert_eq!((&before["accepted"], &before["quarantined"]), (&1.into(), &1.into()), "{before}");
    let n = listed(&region)[0]["n"].to_string();
    let shown = json(&region, &["quarantine", "show", &n], 0);
    assert!(shown["raw"].as_str().is_some_and(|raw| raw.contains("Sans acheteur")), "{shown}");
    region.guichet().args(["quarantine", "retry"]).assert().code(0);
    let after = json(&region, &["status"], 0)["sources"][0]["records"].clone();
    assert_eq!(before, after);
}
