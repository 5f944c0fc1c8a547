//! The upload as the operator lives with it: the real binary, a real S3-compatible service on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "common/bucket.rs"]
mod bucket;
mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use bucket::{ACCESS, BUCKET, SECRET, Server};
use guichet::demo::{Page, Upstream};
use serde_json::{Value, json};

const UID: &str = "213105554000172024-02";

fn feed(n: u32) -> String {
    let marche = |i: u32| {
        json!({
            "id": format!("2024-{i:02}"), "acheteur": {"id": "21310555400017"}, "nature": "Marché", "objet": format!("Achat {i}"),
            "codeCPV": "45261000", "procedure": "Procédure adaptée", "lieuExecution": {"code": "31555", "typeCode": "Code commune"},
            "dureeMois": 6, "dateNotification": format!("20{}-03-01", 20 + i % 5), "datePublicationDonnees": "2024-03-15",
            "montant": 10_000 + i, "titulaires": [{"titulaire": {"id": "55208131766522", "typeIdentifiant": "SIRET"}}]
        })
    };
    json!({"marches": {"marche": (1..=n).map(marche).collect::<Vec<_>>(), "contrat-concession": []}}).to_string()
}

struct Root {
    dir: tempfile::TempDir,
    upstream: Upstream,
    server: Server,
}

impl Root {
    fn new() -> Self {
        let (dir, upstream, server) = (tempfile::tempdir().unwrap(), Upstream::start().unwrap(), Server::start());
        let settings = format!(
            "[harvest]\nmin_interval = \"0s\"\nretries = 0\nallow_private_hosts = [\"127.0.0.1\"]\n\
             [serve]\nlisten = \"127.0.0.1:0\"\n\
             [publish.upload]\nkind = \"s3\"\nendpoint = \"http://{}\"\nbucket = \"{BUCKET}\"\nregion = \"gra\"\n\
             prefix = \"occitanie\"\naccess_key = {{ env = \"S3_ACCESS\" }}\nsecret_key = {{ file = \"s3.key\" }}\n",
            server.address
        );
        std::fs::write(dir.path().join("guichet.toml"), settings).unwrap();
        let stanza = format!(
            "[[source]]\nid = \"albi\"\nname = \"Albi\"\nurl = \"{}\"\nlicence = \"etalab-2.0\"\n",
            upstream.url("/a.json")
        );
        std::fs::write(dir.path().join("sources.toml"), stanza).unwrap();
        std::fs::write(dir.path().join("s3.key"), format!("{SECRET}\n")).unwrap();
        upstream.page("/a.json", Page::json(feed(12)));
        Self { dir, upstream, server }
    }

    fn command(&self) -> std::process::Command {
        let mut command = common::guichet();
        command.current_dir(self.dir.path()).env("S3_ACCESS", ACCESS).args(["--config", "guichet.toml"]);
        command
    }

    fn ends(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let out = self.command().args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (said, told) = (text(&out.stdout), text(&out.stderr));
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {said}{told}");
        assert!(!told.contains(SECRET) && !told.contains("X-Amz-Signature"), "{told}");
        (said, told)
    }

    fn status(&self) -> Value {
        serde_json::from_str::<Value>(&self.ends(0, &["status", "--json"]).0).unwrap()["upload"].clone()
    }

    fn pointer(&self) -> Option<Value> {
        let text = std::fs::read(self.server.root().join("occitanie/latest/manifest.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn latest(&self) -> String {
        let link = std::fs::read_link(self.dir.path().join("var/public/latest")).unwrap();
        link.file_name().unwrap().to_str().unwrap().to_owned()
    }
}

fn held(dir: &Path, word: &str) -> bool {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).any(|path| {
        if path.is_dir() {
            held(&path, word)
        } else {
            String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(word)
        }
    })
}

#[test]
fn publish_uploads_and_an_upload_that_fails_undoes_nothing_and_is_made_up_for() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    root.server.faults(|_, _| Some((403, None, "<Error><Code>AccessDenied</Code></Error>")));
    let (said, told) = root.ends(3, &["publish"]);
    assert!(said.starts_with("publication ") && told.contains("AccessDenied"), "{said}{told}");
    let name = root.latest();
    let status = root.status();
    assert_eq!((&status["due"], &status["consecutive_failures"]), (&json!(true), &json!(1)), "{status}");
    assert!(status["last_error"].as_str().unwrap().contains("check the keys"), "{status}");
    assert!(root.ends(0, &["status"]).0.contains("failed 1 time in a row"));
    root.server.no_faults();
    let (said, _) = root.ends(0, &["publish"]);
    assert!(said.contains("nothing changed since") && said.contains("uploaded: "), "{said}");
    assert_eq!(root.pointer().unwrap()["publication"], json!(name));
    assert!(root.server.keys().contains(&"occitanie/decp/annee=2024/decp.parquet".to_owned()));
    let status = root.status();
    assert_eq!(
        (&status["due"], &status["publication"], &status["last_error"]),
        (&json!(false), &json!(name), &Value::Null)
    );
    // Nothing is due: the bucket is not even asked.
    root.server.seen();
    root.ends(0, &["publish"]);
    assert!(root.server.seen().is_empty());
    // A key that cannot be read is a failure of the upload, not of the publication.
    std::fs::remove_file(root.dir.path().join("s3.key")).unwrap();
    let (_, told) = root.ends(3, &["publish", "--force"]);
    assert!(told.contains("[publish.upload] secret_key: cannot read"), "{told}");
    assert!(!root.status()["last_error"].as_str().unwrap().contains("s3.key"), "status.json is public");
}

#[test]
fn what_is_removed_for_good_goes_from_the_bucket_too() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    root.ends(0, &["publish"]);
    let bucket = root.server.root();
    let before = root.latest();
    assert!(held(&bucket, UID));
    root.ends(0, &["redact", UID, "--reason", "demande du 24/11"]);
    let name = root.latest();
    assert_ne!(name, before);
    assert_eq!(root.pointer().unwrap()["publication"], json!(name));
    let keys = root.server.keys();
    let of_before: Vec<_> = keys.iter().filter(|k| k.contains(&format!("/dumps/{before}/"))).collect();
    assert_eq!(of_before, [&format!("occitanie/dumps/{before}/manifest.json")]);
    let rest = bucket.join(format!("occitanie/dumps/{name}/contrats.ndjson"));
    assert!(!std::fs::read_to_string(rest).unwrap().contains(UID));
}

#[test]
fn the_daemon_uploads_beside_its_harvests_and_tries_again_by_itself() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    root.server.faults(|_, _| Some((403, None, "<Error><Code>AccessDenied</Code></Error>")));
    root.ends(3, &["publish"]);
    let name = root.latest();
    root.server.no_faults();
    let log = std::fs::File::create(root.dir.path().join("daemon.log")).unwrap();
    let mut child = root.command().arg("run").stderr(log).stdout(std::process::Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let mut stands = false;
    while !stands && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(200));
        stands = root.pointer().is_some_and(|p| p["publication"] == json!(name));
    }
    let told = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let ended = child.wait().unwrap();
    let log = std::fs::read_to_string(root.dir.path().join("daemon.log")).unwrap();
    assert!(told.success() && ended.success() && stands, "{log}");
    let _ = &root.upstream;
}
