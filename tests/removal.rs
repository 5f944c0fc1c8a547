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
/// Name of the holder, where a feed tells it.
const PERSON: &str = "Durand Hermengarde";
const UID: &str = "213105554000172024-07";

fn marche(id: &str, montant: u64, objet: &str) -> Value {
    json!({
        "id": id, "acheteur": {"id": BUYER}, "nature": "Marché", "objet": objet,
        "codeCPV": "45261000", "procedure": "Procédure adaptée", "lieuExecution": {"code": "31555", "typeCode": "Code commune"},
        "dureeMois": 6, "dateNotification": "2024-03-01", "datePublicationDonnees": "2024-03-15", "montant": montant,
        "titulaires": [{"titulaire": {"id": HOLDER, "typeIdentifiant": "SIRET", "denominationSociale": PERSON}}]
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

fn naming(folder: &Path) -> Vec<PathBuf> {
    saying(folder, &WORDS)
}

/// The files below a folder that say one of the words, as they are or unpacked.
fn saying(folder: &Path, words: &[&str]) -> Vec<PathBuf> {
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
            let says =
                |form: &Vec<u8>| words.iter().any(|w| w.is_empty() || form.windows(w.len()).any(|x| x == w.as_bytes()));
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
    assert!(root.ends(0, &["redact", UID, "--reason", "once more"]).out.contains("removed already"));

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

#[test]
fn a_kill_at_any_moment_leaves_nothing_that_the_next_start_does_not_finish() {
    for pause in [0, 15, 30, 45, 60, 90, 120, 180] {
        let root = Root::new();
        root.ends(0, &["harvest"]);
        root.ends(0, &["publish"]);
        let mut command = common::guichet();
        command.current_dir(root.dir.path()).env("GUICHET_NOW", "2026-11-24T05:00:00Z");
        command.args(["--config", "guichet.toml", "-q", "redact", UID, "--reason", "asked"]);
        let null = std::process::Stdio::null;
        let mut child = command.stdout(null()).stderr(null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        // Decided or not yet: either way the same command, or the next start, ends it.
        let again = root.at("2026-11-24T05:00:00Z", &["redact", UID, "--reason", "asked"]);
        assert_eq!(again.code, Some(0), "after {pause} ms: {}{}", again.out, again.told);
        root.says_nothing(&format!("killed after {pause} ms"));
        assert_eq!(root.contracts().lines().count(), 11, "killed after {pause} ms");
        root.ends(0, &["harvest", "--force"]);
        root.says_nothing(&format!("killed after {pause} ms, and harvested"));
    }
}

/// What a server answers: status and the rest of the head, then the body.
fn ask(address: std::net::SocketAddr, path: &str) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_withdrawn_publication_answers_410_and_the_latest_one_is_served() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    root.ends(0, &["publish"]);
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut serve = common::guichet();
    serve.current_dir(root.dir.path()).args([
        "--config",
        "guichet.toml",
        "-q",
        "serve",
        "--listen",
        &address.to_string(),
    ]);
    let mut serve = serve.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let began = std::time::Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(began.elapsed().as_secs() < 30, "it never listened");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let file = "/dumps/2026-11-24/contrats.ndjson";
    let before = ask(address, file);
    // The server stands beside the removal, as a mirror does.
    root.ends(0, &["redact", UID, "--reason", "asked"]);
    let (after, latest, page) =
        (ask(address, file), ask(address, "/latest/contrats.ndjson"), ask(address, &format!("/api/v1/marches/{UID}")));
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(before.starts_with("HTTP/1.1 200") && before.contains(WORDS[0]), "{before}");
    assert!(after.starts_with("HTTP/1.1 410") && after.contains("application/problem+json"), "{after}");
    assert!(latest.starts_with("HTTP/1.1 200") && !latest.contains(WORDS[0]), "{latest}");
    assert!(page.starts_with("HTTP/1.1 404") && !page.contains(WORDS[0]), "{page}");
}

#[test]
fn one_of_two_contracts_with_the_same_id_goes_and_the_other_stays() {
    let root = Root::new();
    let mut other = marche("2024-07", 77_000, "Livraison de papier");
    other["titulaires"][0]["titulaire"]["id"] = "35600000000048".into();
    other["dateNotification"] = "2024-05-01".into();
    let first: Vec<Value> = ids().map(|(id, n)| marche(&id, n, &objet(&id, WORDS[0]))).collect();
    let both: Vec<Value> = first.iter().cloned().chain([other]).collect();
    // Alone at first: an older publication holds it under the name without a suffix.
    for (day, all) in [("23", first), ("24", both)] {
        let document = json!({"marches": {"marche": all, "contrat-concession": []}}).to_string();
        root.upstream.page("/a.json", Page::json(document));
        root.ends_on(day, 0, &["harvest", "albi"]);
        root.ends_on(day, 0, &["publish"]);
    }
    let uid_of = |word: &str| {
        let contracts = root.contracts();
        let line = contracts.lines().find(|l| l.contains(word)).map(str::to_owned);
        line.map(|l| serde_json::from_str::<Value>(&l).unwrap()["uid"].as_str().unwrap().to_owned())
    };
    let (uid, kept) = (uid_of(WORDS[0]).unwrap(), uid_of("papier").unwrap());
    assert!(uid.contains('~') && kept.contains('~') && uid != kept);
    let told = root.ends(0, &["redact", &uid, "--reason", "asked"]).out;
    assert!(told.contains(&format!("{kept} has the same id and stays")), "{told}");
    for again in [&["harvest", "albi", "--force"][..], &["replay"], &["harvest", "albi"]] {
        root.ends(0, again);
        root.ends(0, &["publish"]);
        assert!(naming(&root.var()).is_empty(), "{again:?}");
        assert!(uid_of("papier").is_some(), "{again:?}");
        assert_eq!(root.contracts().lines().count(), 12, "{again:?}");
    }
}

#[test]
fn a_packed_payload_is_rewritten_unpacked() {
    use std::io::Write;
    let root = Root::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(as_json(WORDS[0]).as_bytes()).unwrap();
    root.upstream.page("/a.json", Page::bytes(packed.finish().unwrap(), "application/gzip"));
    root.ends(0, &["harvest"]);
    root.ends(0, &["redact", UID, "--reason", "asked"]);
    for again in [&["harvest", "--force"][..], &["replay"]] {
        root.ends(0, again);
        root.says_nothing(&format!("{again:?}"));
    }
    // A payload kept packed would hide the word from a search of one level.
    for path in saying(&root.var(), &[""]) {
        if path.starts_with(root.var().join("archive")) && path.extension().is_some_and(|e| e == "zst") {
            let mut plain = Vec::new();
            zstd::Decoder::new(std::fs::File::open(&path).unwrap()).unwrap().read_to_end(&mut plain).unwrap();
            assert!(!plain.starts_with(&[0x1F, 0x8B]), "{}", path.display());
        }
    }
}

#[test]
fn a_payload_that_cannot_be_rewritten_is_erased_whole_and_kept_out() {
    let root = Root::new();
    // One record holds a byte that the encoding named in the stanza does not have.
    let sources = root.dir.path().join("sources.toml");
    let stanzas = std::fs::read_to_string(&sources).unwrap();
    std::fs::write(&sources, stanzas.replacen("licence", "encoding = \"windows-1253\"\nlicence", 1)).unwrap();
    let text = |tail: &str| {
        let all: String = as_json(WORDS[0]).chars().filter(char::is_ascii).collect();
        let bytes = format!("{all}{tail}").replace("march 2024-03", "march \u{0}");
        bytes.into_bytes().into_iter().map(|b| if b == 0 { 0xAA } else { b }).collect::<Vec<u8>>()
    };
    root.upstream.page("/a.json", Page::json(text("")));
    root.ends(0, &["harvest", "albi"]);
    root.ends(0, &["publish"]);
    let told = root.ends(0, &["redact", UID, "--reason", "asked"]);
    assert!(told.out.contains("1 payload erased whole"), "{}{}", told.out, told.told);
    assert!(naming(&root.var()).is_empty());
    assert!(root.contracts().contains("2024-08"), "what it said besides stands");
    for tail in ["", "\n"] {
        root.upstream.page("/a.json", Page::json(text(tail)));
        let ended = root.at("2026-11-24T05:00:00Z", &["harvest", "albi"]);
        assert!(matches!(ended.code, Some(1 | 3)), "it is kept out, and said: {}{}", ended.out, ended.told);
        assert!(naming(&root.var()).is_empty());
        assert!(root.contracts().contains("2024-08"));
    }
    root.ends(0, &["replay"]);
    assert!(naming(&root.var()).is_empty());
}

#[test]
fn a_refused_publication_leaves_nothing_in_its_place_and_the_gate_holds() {
    let root = Root::new();
    let more = (1..=40).map(|n| marche(&format!("X-{n}"), 500_000 + 91 * n, &format!("Autre {n}"))).collect::<Vec<_>>();
    root.upstream
        .page("/d.json", Page::json(json!({"marches": {"marche": more, "contrat-concession": []}}).to_string()));
    let sources = std::fs::read_to_string(root.dir.path().join("sources.toml")).unwrap();
    let extra = format!(
        "[[source]]\nid = \"dax\"\nname = \"Dax\"\nurl = \"{}\"\nlicence = \"etalab-2.0\"\n",
        root.upstream.url("/d.json")
    );
    std::fs::write(root.dir.path().join("sources.toml"), format!("{sources}{extra}")).unwrap();
    root.ends(0, &["harvest"]);
    root.ends(0, &["publish"]);
    std::fs::write(root.dir.path().join("sources.toml"), sources).unwrap();
    root.ends(0, &["sources", "forget", "dax"]);
    root.ends(4, &["publish"]);
    let told = root.ends(4, &["redact", UID, "--reason", "asked"]);
    assert!(told.told.contains("--accept-shrink"), "{}", told.told);
    assert!(naming(&root.var()).is_empty());
    assert!(!root.public().join("latest").exists());
    root.ends(4, &["publish"]);
    root.ends(0, &["publish", "--accept-shrink"]);
    root.says_nothing("after the accepted fall");
}

#[test]
fn a_person_is_masked_in_every_file_from_then_on_and_a_public_body_never() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    root.ends(0, &["publish"]);
    let old = std::fs::canonicalize(root.public().join("latest")).unwrap();
    assert!(!saying(&old, &[PERSON]).is_empty());
    for refused in [BUYER, "55208131766523", "552"] {
        root.ends(2, &["mask", refused, "--reason", "asked"]);
    }
    let dry = root.ends(0, &["mask", HOLDER, "--reason", "asked", "--dry-run"]).out;
    assert!(dry.contains("12 contracts"), "{dry}");
    let done: Value =
        serde_json::from_str(&root.ends(0, &["mask", HOLDER, "--reason", "asked", "--json"]).out).unwrap();
    assert_eq!((&done["contracts"], &done["publication"]), (&12.into(), &"2026-11-24.2".into()));
    let masked = |when: &str| {
        let latest = std::fs::canonicalize(root.public().join("latest")).unwrap();
        assert_eq!(saying(&latest, &[PERSON]), Vec::<PathBuf>::new(), "{when}");
        assert!(root.contracts().contains(HOLDER), "the identifier stays");
    };
    masked("at once");
    assert!(!saying(&old, &[PERSON]).is_empty(), "what was published stays");
    root.ends(0, &["harvest", "--force"]);
    assert!(root.ends(0, &["publish"]).out.contains("nothing changed"));
    root.ends(0, &["replay"]);
    root.ends(0, &["publish", "--force"]);
    masked("after a replay");
}

#[test]
fn both_commands_wait_for_nobody_who_holds_the_directory() {
    let root = Root::new();
    root.ends(0, &["harvest"]);
    let _lock = guichet::daemon::lock::DataLock::take(&root.var(), "run").unwrap();
    root.ends(75, &["redact", UID, "--reason", "asked"]);
    root.ends(75, &["mask", HOLDER, "--reason", "asked"]);
    root.ends(0, &["redact", UID, "--reason", "asked", "--dry-run"]);
}

fn copy_folder(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
