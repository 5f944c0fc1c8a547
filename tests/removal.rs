//! Removal for good (law L6), as the operator does it: the real binary against a server on loopback, and
//! afterwards a search of every byte of the data directory, packed or not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::io::Read;
use std::path::{Path, PathBuf};

use guichet::demo::{Page, Upstream};
use serde_json::{Value, json};

const BUYER: &str = "21310555400017";
const HOLDER: &str = "55208131766522";
/// Words that only the removed record says.
const WORDS: [&str; 2] = ["Zorglub", "Bulgroz"];
const UID: &str = "213105554000172024-07";

fn marche(id: &str, montant: u64, objet: &str) -> Value {
    json!({
        "id": id, "acheteur": {"id": BUYER}, "nature": "Marché", "objet": objet,
        "codeCPV": "45261000", "procedure": "Procédure adaptée", "lieuExecution": {"code": "31555", "typeCode": "Code commune"},
        "dureeMois": 6, "dateNotification": "2024-03-01", "datePublicationDonnees": "2024-03-15", "montant": montant,
        "titulaires": [{"titulaire": {"id": HOLDER, "typeIdentifiant": "SIRET"}}]
    })
}

fn ids() -> impl Iterator<Item = (String, u64)> {
    (1..=12).map(|n| (format!("2024-{n:02}"), 10_000 + 37 * n))
}

fn objet(id: &str, word: &str) -> String {
    if id == "2024-07" { format!("Toiture du {word} à réparer") } else { format!("Fournitures, marché {id}") }
}

fn as_json(word: &str) -> String {
    let all: Vec<Value> = ids().map(|(id, n)| marche(&id, n, &objet(&id, word))).collect();
    json!({"marches": {"marche": all, "contrat-concession": []}}).to_string()
}

fn as_xml(word: &str) -> Vec<u8> {
    let one = |(id, n): (String, u64)| {
        format!(
            "<marche><id>{id}</id><acheteur><id>{BUYER}</id></acheteur><nature>Marché</nature><objet>{}</objet>\
             <codeCPV>45261000</codeCPV><procedure>Procédure adaptée</procedure><lieuExecution><code>31555</code>\
             <typeCode>Code commune</typeCode></lieuExecution><dureeMois>6</dureeMois><dateNotification>2024-03-01\
             </dateNotification><datePublicationDonnees>2024-03-15</datePublicationDonnees><montant>{n}</montant>\
             <titulaires><titulaire><id>{HOLDER}</id><typeIdentifiant>SIRET</typeIdentifiant></titulaire></titulaires></marche>\n",
            objet(&id, word)
        )
    };
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<marches>\n{}</marches>",
        ids().map(one).collect::<String>()
    );
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn as_csv(word: &str) -> String {
    let head = "uid;id;acheteur_id;nature;objet;codeCPV;procedure;lieuExecution_code;lieuExecution_typeCode;dureeMois;dateNotification;datePublicationDonnees;montant;titulaire_id;titulaire_typeIdentifiant\n";
    let row = |(id, n): (String, u64)| {
        format!(
            "{BUYER}{id};{id};{BUYER};Marché;\"{}\";45261000;Procédure adaptée;31555;Code commune;6;2024-03-01;2024-03-15;{n};{HOLDER};SIRET\n",
            objet(&id, word)
        )
    };
    format!("{head}{}", ids().map(row).collect::<String>())
}

struct Root {
    dir: tempfile::TempDir,
    upstream: Upstream,
}

struct Ended {
    code: Option<i32>,
    out: String,
    told: String,
}

impl Root {
    fn new() -> Self {
        let (dir, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().unwrap());
        let settings = "[harvest]\nmin_interval = \"0s\"\nretries = 0\nallow_private_hosts = [\"127.0.0.1\"]\n";
        std::fs::write(dir.path().join("guichet.toml"), settings).unwrap();
        let stanza = |id: &str, path: &str| {
            format!(
                "[[source]]\nid = \"{id}\"\nname = \"Profil {id}\"\nurl = \"{}\"\nlicence = \"etalab-2.0\"\n",
                upstream.url(path)
            )
        };
        let all = [stanza("albi", "/a.json"), stanza("bram", "/b.xml"), stanza("cahors", "/c.csv")].concat();
        std::fs::write(dir.path().join("sources.toml"), all).unwrap();
        let root = Self { dir, upstream };
        root.serve(WORDS[0]);
        root
    }

    fn serve(&self, word: &str) {
        self.upstream.page("/a.json", Page::json(as_json(word)).etag("\"a\""));
        self.upstream.page("/b.xml", Page::xml(as_xml(word)));
        self.upstream.page("/c.csv", Page::bytes(as_csv(word), "text/csv"));
    }

    fn at(&self, now: &str, arguments: &[&str]) -> Ended {
        let mut command = common::guichet();
        command.current_dir(self.dir.path()).env("GUICHET_NOW", now).args(["--config", "guichet.toml", "-q"]);
        let out = command.args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: out.status.code(), out: text(&out.stdout), told: text(&out.stderr) }
    }

    fn ends(&self, code: i32, arguments: &[&str]) -> Ended {
        self.ends_on("24", code, arguments)
    }

    fn ends_on(&self, day: &str, code: i32, arguments: &[&str]) -> Ended {
        let ended = self.at(&format!("2026-11-{day}T05:00:00Z"), arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.out, ended.told);
        ended
    }

    fn var(&self) -> PathBuf {
        self.dir.path().join("var")
    }

    fn public(&self) -> PathBuf {
        self.var().join("public")
    }

    fn records(&self) -> Vec<Value> {
        let status: Value = serde_json::from_str(&self.ends(0, &["status", "--json"]).out).unwrap();
        status["sources"].as_array().unwrap().iter().map(|s| s["records"].clone()).collect()
    }

    fn contracts(&self) -> String {
        std::fs::read_to_string(self.public().join("latest/contrats.ndjson")).unwrap()
    }

    /// Nothing says it, nowhere, and what stands adds up.
    fn says_nothing(&self, when: &str) {
        let found = naming(&self.var());
        assert!(found.is_empty(), "{when}: {found:?}");
        for records in self.records() {
            let n = |key: &str| records[key].as_u64().unwrap();
            let sum: u64 = ["accepted", "superseded", "repeats", "quarantined", "out_of_region"].map(n).iter().sum();
            assert_eq!((n("received"), n("received")), (sum, 11), "{when}: {records}");
        }
        self.ends(0, &["db", "check"]);
    }
}

/// The files below a folder that say one of the words, as they are, unpacked, or in a name.
fn naming(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders, mut looked) = (Vec::new(), vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
                continue;
            }
            let Ok(bytes) = std::fs::read(&path) else { continue };
            looked += 1;
            let mut forms = vec![bytes.clone()];
            let mut plain = Vec::new();
            match path.extension().and_then(|e| e.to_str()) {
                Some("zst") => drop(zstd::Decoder::new(&bytes[..]).unwrap().read_to_end(&mut plain).unwrap()),
                Some("gz") => drop(flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap()),
                _ => {}
            }
            forms.push(plain);
            let says = |form: &Vec<u8>| WORDS.iter().any(|w| form.windows(w.len()).any(|x| x == w.as_bytes()));
            if forms.iter().any(says) {
                found.push(path);
            }
        }
    }
    assert!(looked > 5, "there was something to look at");
    found
}

#[test]
fn a_removed_record_is_nowhere_and_comes_back_by_no_way() {
    let root = Root::new();
    root.ends_on("23", 0, &["harvest"]);
    root.ends_on("23", 0, &["publish"]);
    root.ends_on("23", 0, &["db", "backup", "before.db"]);
    // Another content the next day: two versions, two payloads of each resource.
    root.serve(WORDS[1]);
    root.upstream.page("/a.json", Page::json(as_json(WORDS[1])).etag("\"b\""));
    root.ends(0, &["harvest"]);
    root.ends(0, &["publish"]);
    assert!(naming(&root.var()).len() > 6, "the search finds what is there");
    assert!(root.contracts().contains(UID));

    root.ends(2, &["redact", "213105554000172024-99", "--reason", "no such"]);
    root.ends(2, &["redact", UID]);
    let dry = root.ends(0, &["redact", UID, "--reason", "asked", "--dry-run", "--json"]);
    let dry: Value = serde_json::from_str(&dry.out).unwrap();
    assert_eq!((&dry["observations"], &dry["sources"]), (&6.into(), &json!(["albi", "bram", "cahors"])));
    assert!(root.contracts().contains(UID), "a dry run removes nothing");

    let done = root.ends(0, &["redact", UID, "--reason", "decided by the court", "--json"]);
    let done: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(done["payloads_rewritten"], 6, "{done}");
    assert_eq!(done["payloads_erased"], 0, "{done}");
    assert_eq!(done["withdrawn"], json!(["2026-11-23", "2026-11-24"]));
    assert_eq!(done["publication"], "2026-11-24.2");
    root.says_nothing("after redact");

    let changes = std::fs::read_to_string(root.public().join("latest/changes.ndjson")).unwrap();
    let delete = changes.lines().find(|l| l.contains(UID)).unwrap();
    let delete: Value = serde_json::from_str(delete).unwrap();
    assert_eq!((&delete["op"], &delete["reason"]), (&"delete".into(), &"redacted".into()));
    assert!(delete.get("record").is_none());
    for name in ["2026-11-23", "2026-11-24"] {
        let folder = root.public().join("dumps").join(name);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "only the manifest");
        let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
        assert_eq!(manifest["withdrawn"], json!({"when": "2026-11-24T05:00:00Z", "reason": "redacted"}));
    }

    // L1: nothing changes by the same again, asked politely or not.
    root.ends(0, &["harvest"]);
    assert!(root.ends(0, &["publish"]).out.contains("nothing changed"));
    root.ends(0, &["harvest", "--force"]);
    assert!(root.ends(0, &["publish"]).out.contains("nothing changed"));
    root.says_nothing("after the next harvests");

    // Neither under its old content, nor in a payload that is new for another reason.
    root.serve(WORDS[0]);
    root.upstream.page("/a.json", Page::json(format!("{}\n", as_json(WORDS[0]))).etag("\"c\""));
    root.ends(0, &["harvest"]);
    root.ends(0, &["publish"]);
    root.says_nothing("after another content");

    let before = root.contracts();
    root.ends(0, &["replay"]);
    root.ends(0, &["publish"]);
    root.says_nothing("after a replay");
    assert_eq!(root.contracts(), before, "the archive alone gives the same");

    let told = root.ends(0, &["db", "restore", "before.db"]).out;
    assert!(told.contains("taken out"), "{told}");
    std::fs::remove_file(root.var().join("guichet.db.before-restore")).unwrap();
    assert!(!root.ends(2, &["explain", UID]).told.is_empty());
    root.ends(0, &["publish"]);
    root.says_nothing("after a restore");
    root.ends(0, &["harvest", "--force"]);
    root.ends(0, &["publish"]);
    root.says_nothing("after a restore and a harvest");
    assert_eq!(root.contracts(), before);
}

#[test]
fn a_backup_carries_the_decisions_to_a_machine_that_has_none() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    root.ends(0, &["redact", UID, "--reason", "asked"]);
    root.ends(0, &["db", "backup", "after.db"]);
    std::fs::remove_dir_all(root.var()).unwrap();
    root.ends(0, &["db", "restore", "after.db"]);
    root.ends(0, &["harvest", "--force"]);
    root.ends(0, &["publish"]);
    root.says_nothing("on another machine");
    assert_eq!(root.contracts().lines().count(), 11);
}

#[test]
fn a_removal_that_was_cut_short_is_finished_by_the_next_start() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    root.ends(0, &["publish"]);
    // The decision alone was written: the data of before, under the decisions of after.
    let copy = root.dir.path().join("copy");
    copy_folder(&root.var(), &copy);
    root.ends(0, &["redact", UID, "--reason", "asked"]);
    let decisions = root.dir.path().join("decisions");
    copy_folder(&root.var().join("decisions"), &decisions);
    std::fs::remove_dir_all(root.var()).unwrap();
    std::fs::rename(&copy, root.var()).unwrap();
    copy_folder(&decisions, &root.var().join("decisions"));
    std::fs::remove_dir_all(&decisions).unwrap();
    assert!(!naming(&root.var()).is_empty());
    root.ends(0, &["harvest"]);
    root.says_nothing("after the next start");
    assert!(!root.contracts().contains(UID));
}

fn copy_folder(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
