//! From a harvest to what the reading commands say of it: two nights of one profile on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::setup::{BUYER, Region, document, guichet, marche, stanza, text};

/// A server that answers every path with its file, if it has one.
#[derive(Clone)]
pub struct Profile {
    files: Arc<Mutex<Vec<(String, String)>>>,
    address: std::net::SocketAddr,
}

impl Profile {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let profile = Self { files: Arc::default(), address: listener.local_addr().unwrap() };
        let served = profile.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                served.answer(stream);
            }
        });
        profile
    }
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
    pub fn put(&self, path: &str, body: String) -> &Self {
        let mut files = self.files.lock().unwrap();
        files.retain(|(known, _)| known != path);
        files.push((path.to_owned(), body));
        self
    }
    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap_or_default();
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
        let found = self.files.lock().unwrap().iter().find(|(known, _)| *known == path).map(|(_, body)| body.clone());
        let (status, body) = found.map_or(("404 Not Found", "no".to_owned()), |body| ("200 OK", body));
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }
}

/// Two sources; the second night, one of them corrects an amount and drops a contract.
pub fn two_nights() -> (Region, Profile) {
    let (region, profile) = (Region::new(), Profile::start());
    region.sources(&(stanza("albi", &profile.url("albi.json")) + &stanza("tarn", &profile.url("tarn.json"))));
    let mut reused = marche("2024-09", 5_000, "2024-03-15");
    reused["titulaires"][0]["titulaire"]["id"] = "35600000000048".into();
    reused["objet"] = "Livraison de papier".into();
    profile.put(
        "albi.json",
        document(&[marche("2024-01", 120_000, "2024-03-15"), marche("2024-02", 80_000, "2024-03-15")]),
    );
    profile.put(
        "tarn.json",
        document(&[marche("2024-01", 120_000, "2024-03-10"), marche("2024-09", 90_000, "2024-03-15"), reused]),
    );
    region.guichet().args(["-q", "harvest"]).assert().code(0);
    profile.put(
        "albi.json",
        document(&[marche("2024-01", 125_000, "2024-05-02"), marche("2024-02", 80_000, "2024-03-15")]),
    );
    region.guichet().env("GUICHET_NOW", "2026-11-25T03:00:00Z").args(["-q", "harvest"]).assert().code(0);
    (region, profile)
}

pub fn json(region: &Region, arguments: &[&str], code: i32) -> Value {
    let out = region.guichet().args(arguments).arg("--json").assert().code(code).get_output().clone();
    serde_json::from_slice(&out.stdout).unwrap()
}

fn field<'a>(explained: &'a Value, name: &str) -> &'a Value {
    explained["fields"].as_array().unwrap().iter().find(|f| f["field"] == name).unwrap()
}

#[test]
fn a_contract_is_explained_field_by_field_with_its_history() {
    let (region, _profile) = two_nights();
    let uid = format!("{BUYER}2024-01");
    let e = json(&region, &["explain", &uid], 0);
    assert_eq!((&e["uid"], &e["stored"], &e["in_scope"]), (&uid.as_str().into(), &"current".into(), &true.into()));
    assert_eq!(e["contract"]["montant"], 125_000);
    let montant = field(&e, "montant");
    assert_eq!(
        (&montant["value"], &montant["source"], &montant["why"]),
        (&125_000.into(), &"albi".into(), &"coupled:effective-date".into())
    );
    assert_eq!(
        (&montant["rejected"][0]["value"], &montant["rejected"][0]["source"]),
        (&120_000.into(), &"tarn".into()),
        "{montant}"
    );
    assert_eq!(field(&e, "objet")["why"], "agreed");
    let observed: Vec<(&str, &str, bool)> = e["observations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (o["source"].as_str().unwrap(), o["outcome"].as_str().unwrap(), o["gone_since"].is_string()))
        .collect();
    assert_eq!(observed, [("albi", "accepted", false), ("tarn", "accepted", false), ("albi", "gone", true)]);
    assert!(e["observations"].as_array().unwrap().iter().all(|o| o["key"] == "2024-01" && o["identity"] == "same-id"));
    let out = region.guichet().args(["explain", &uid]).assert().code(0).get_output().clone();
    assert!(
        text(&out.stdout).contains("montant ≠\t120000\t1 tarn\trejected: older effective date"),
        "{}",
        text(&out.stdout)
    );
}

#[test]
fn a_reused_id_lists_its_contracts_and_every_form_of_a_uid_is_understood() {
    let (region, _profile) = two_nights();
    let bare = format!("{BUYER}2024-09");
    let several = json(&region, &["explain", &bare], 2);
    let uids: Vec<&str> =
        several["candidates"].as_array().unwrap().iter().map(|c| c["uid"].as_str().unwrap()).collect();
    assert_eq!(uids.len(), 2, "{several}");
    for uid in uids {
        assert!(uid.starts_with(&format!("{bare}~")));
        let e = json(&region, &["explain", uid], 0);
        assert!(e["contract"]["findings"].as_array().unwrap().iter().any(|f| f["code"] == "id-reused"), "{e}");
        // As it stands in a URL, and typed with another separator.
        assert_eq!(json(&region, &["explain", e["url"].as_str().unwrap()], 0)["uid"], uid);
    }
    assert_eq!(json(&region, &["explain", &format!("{BUYER}2024/02")], 0)["uid"], format!("{BUYER}2024-02"));
    let out = region.guichet().args(["explain", &format!("{BUYER}2024-03")]).assert().code(2).get_output().clone();
    assert!(text(&out.stderr).contains(&format!("did you mean `{BUYER}2024-0")), "{}", text(&out.stderr));
}

#[test]
fn what_an_ended_source_said_goes_when_it_is_forgotten() {
    let (region, profile) = two_nights();
    region.source("tarn", &profile.url("tarn.json"));
    let state = |id: &str| {
        let sources = json(&region, &["sources", "list"], 0);
        sources["sources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["id"] == id)
            .map(|s| s["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state("albi").as_deref(), Some("orphan"));
    let shown = json(&region, &["sources", "show", "albi"], 0);
    assert!(shown["configured"].is_null() && shown["resources"][0]["records"] == 2, "{shown}");
    let out = region.guichet().args(["sources", "forget", "albi"]).assert().code(0).get_output().clone();
    // 2024-01 twice and 2024-02 once: every version that it ever gave.
    assert!(text(&out.stdout).contains("forgot albi: 1 resource, 3 observations"), "{}", text(&out.stdout));
    assert_eq!(state("albi"), None);
    assert_eq!(json(&region, &["explain", &format!("{BUYER}2024-01")], 0)["contract"]["montant"], 120_000);
    region.guichet().args(["explain", &format!("{BUYER}2024-02")]).assert().code(2);
    region.guichet().args(["sources", "forget", "albi"]).assert().code(2);
    region.guichet().args(["-q", "replay"]).assert().code(0);
    assert_eq!(state("albi"), None, "the archive's log says so too");
}

#[test]
fn a_backup_is_sound_and_brings_the_store_back_under_a_new_epoch() {
    let (region, _profile) = two_nights();
    let checked = json(&region, &["db", "check"], 0);
    assert_eq!((&checked["sound"], &checked["contracts"]), (&true.into(), &4.into()), "{checked}");
    region.guichet().args(["db", "backup", "copy.db"]).assert().code(0);
    let out = region.guichet().args(["db", "backup", "copy.db"]).assert().code(1).get_output().clone();
    assert!(text(&out.stderr).contains("never overwrites"));
    region.guichet().args(["-q", "publish"]).assert().code(0);
    let epoch = || -> Value {
        let text = std::fs::read(region.path("var/public/latest/manifest.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["epoch"].clone()
    };
    let before = epoch();
    region.guichet().args(["db", "restore", "copy.db"]).assert().code(0);
    assert!(region.path("var/guichet.db.before-restore").is_file());
    assert_eq!(json(&region, &["db", "check"], 0)["contracts"], 4);
    region.guichet().args(["-q", "publish", "--force"]).assert().code(0);
    assert_ne!(epoch(), before);
    std::fs::write(region.path("noise.db"), "not a database").unwrap();
    region.guichet().args(["db", "restore", "noise.db"]).assert().code(1);
    assert_eq!(json(&region, &["db", "check"], 0)["contracts"], 4, "what stood still stands");
}

#[test]
fn an_address_is_probed_and_gives_a_stanza_that_check_accepts() {
    let profile = Profile::start();
    profile.put("decp-albi.json", document(&[marche("2024-01", 120_000, "2024-03-15")]));
    profile.put("page", "<!DOCTYPE html><html><body>Bienvenue</body></html>".to_owned());
    let region = Region::new();
    region.sources("");
    let probed = json(&region, &["sources", "probe", &profile.url("decp-albi.json")], 0);
    assert_eq!(
        (&probed["format"], &probed["catalog"], &probed["status"]),
        (&"decp-json".into(), &"none".into(), &200.into())
    );
    region.sources(probed["stanza"].as_str().unwrap());
    let out = region.guichet().arg("check").assert().code(0).get_output().clone();
    assert!(text(&out.stdout).starts_with("ok: 1 source (1 enabled"), "{}", text(&out.stdout));
    assert!(text(&out.stderr).contains("unknown"), "its licence is warned of: {}", text(&out.stderr));
    region.guichet().args(["check", "--online"]).assert().code(0);
    for path in ["page", "nothing"] {
        let probed = json(&region, &["sources", "probe", &profile.url(path)], 1);
        assert!(probed["stanza"].is_null() && probed["not_data"].is_string(), "{probed}");
    }
    // Without a configuration nobody allowed loopback.
    let empty = tempfile::tempdir().unwrap();
    let out = guichet()
        .current_dir(empty.path())
        .args(["sources", "probe", &profile.url("page")])
        .assert()
        .code(1)
        .get_output()
        .clone();
    assert!(text(&out.stderr).contains("allow_private_hosts"), "{}", text(&out.stderr));
}

#[test]
fn a_source_that_does_not_answer_is_told_by_the_online_check() {
    let profile = Profile::start();
    profile.put("albi.json", document(&[marche("2024-01", 120_000, "2024-03-15")]));
    let region = Region::new();
    region.sources(&(stanza("albi", &profile.url("albi.json")) + &stanza("tarn", &profile.url("gone.json"))));
    let checked = json(&region, &["check", "--online"], 3);
    let answers = checked["online"].as_array().unwrap();
    assert_eq!((&answers[0]["ok"], &answers[0]["format"]), (&true.into(), &"decp-json".into()), "{checked}");
    assert!(answers[1]["remark"].as_str().unwrap().contains("404"), "{checked}");
}

#[test]
fn a_copied_public_folder_is_served_without_a_configuration_until_told_to_stop() {
    let (region, _profile) = two_nights();
    region.guichet().args(["-q", "publish"]).assert().code(0);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_guichet"))
        .current_dir(elsewhere.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--public"])
        .arg(region.path("var/public"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim().rsplit_once("http://").unwrap().1.trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /latest/manifest.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("first_seq"), "{answer}");
    let told = std::process::Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
