//! A consumer that keeps a copy of contrats.ndjson by `/api/v1/changes` alone, through thirty nights of a
//! region: contracts change, come, go, come back; sources are forgotten and come again; rule 4 is switched
//! off and on; an operator excludes a record and takes it back; a contract is removed for good; the store is
//! replayed and restored. Each night its copy is the published file, byte for byte.
//!
//! [`Consumer`] is also the example of docs/reutilisation.md: what any other program has to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use common::{Region, enabled, publish};
use guichet::daemon::{removal, replay};
use guichet::record::Uid;
use guichet::serve::{Peer, ServeOptions, router};
use guichet::store::{self, Store};
use serde_json::value::RawValue;
use tower::ServiceExt as _;

/// What the server answers.
struct Site {
    router: Router,
    runtime: tokio::runtime::Runtime,
}

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Site {
    fn new(public: &Path) -> Self {
        let now = Arc::new(|| "2026-11-24T08:00:00Z".parse().unwrap());
        Self { router: router(ServeOptions::new(public, now)), runtime: tokio::runtime::Runtime::new().unwrap() }
    }

    fn get(&self, path: &str, accept: &str) -> Answer {
        let mut request = Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer("127.0.0.1:4000".parse().unwrap())));
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
            Answer { status: parts.status, headers: parts.headers, body }
        })
    }

    fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path, "application/json");
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }
}

/// Follows a publication: a copy, and how far it has come.
#[derive(Default)]
struct Consumer {
    /// The lines of contrats.ndjson by uid; the uids' byte order is that of the file.
    lines: BTreeMap<String, String>,
    epoch: String,
    seq: u64,
    /// How often it took the whole dump.
    dumps: usize,
    /// The last one's seq.
    dump_seq: u64,
    /// Kinds of changes it met.
    met: BTreeSet<String>,
}

/// A page of `/api/v1/changes`.
#[derive(serde::Deserialize)]
struct Page {
    items: Vec<Change>,
    next: Option<String>,
    epoch: String,
    last_seq: u64,
}

#[derive(serde::Deserialize)]
struct Change {
    epoch: String,
    seq: u64,
    op: String,
    uid: String,
    record: Option<Box<RawValue>>,
    reason: Option<String>,
    merged_into: Option<String>,
}

impl Consumer {
    /// Takes what is new: the changes since the last time, or the dump where they are not known any more.
    fn follow(&mut self, site: &Site) {
        if self.epoch.is_empty() {
            return self.take_dump(site);
        }
        let mut next = Some(format!("/api/v1/changes?epoch={}&since={}", self.epoch, self.seq));
        while let Some(url) = next {
            let answer = site.get(&url, "application/json");
            if answer.status == StatusCode::GONE {
                let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!(problem["instead"], "/latest/contrats.ndjson");
                return self.take_dump(site);
            }
            assert_eq!(answer.status, StatusCode::OK, "{url}");
            let page: Page = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(page.epoch, self.epoch);
            page.items.into_iter().for_each(|change| self.apply(change));
            if page.next.is_none() {
                self.seq = page.last_seq;
            }
            next = page.next;
        }
    }

    fn apply(&mut self, change: Change) {
        assert!(change.seq > self.seq && change.epoch == self.epoch);
        self.seq = change.seq;
        match change.record {
            Some(record) => {
                assert_eq!(change.op, "upsert");
                let record: Box<str> = record.into();
                let known = self.lines.insert(change.uid, record.into()).is_some();
                self.met.insert(if known { "changed" } else { "new" }.to_owned());
            }
            None => {
                assert_eq!(change.op, "delete");
                assert_eq!(change.merged_into.is_some(), change.reason.as_deref() == Some("merged"));
                self.lines.remove(&change.uid);
                self.met.insert(change.reason.unwrap());
            }
        }
    }

    /// The manifest first and last: between, another publication could take this one's place.
    fn take_dump(&mut self, site: &Site) {
        loop {
            let manifest = site.json("/latest/manifest.json");
            let dump = site.get("/latest/contrats.ndjson", "*/*").body;
            if site.json("/latest/manifest.json") != manifest {
                continue;
            }
            let text = String::from_utf8(dump).unwrap();
            let uid = |line: &str| {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                record["uid"].as_str().unwrap().to_owned()
            };
            self.lines = text.lines().map(|line| (uid(line), line.to_owned())).collect();
            self.epoch = manifest["epoch"].as_str().unwrap().to_owned();
            self.seq = manifest["last_seq"].as_u64().unwrap();
            (self.dumps, self.dump_seq) = (self.dumps + 1, self.seq);
            return;
        }
    }

    fn file(&self) -> Vec<u8> {
        self.lines.values().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
    }
}

/// Which night of the world a night shows: forth, back, a pause in which what went is withdrawn.
fn shown(night: i64) -> u32 {
    const PLAN: [u32; 30] = [1, 2, 3, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 5, 4, 3, 2, 1, 1, 2, 4, 6, 3, 1, 5, 2, 6, 4];
    PLAN[usize::try_from(night).unwrap()]
}

#[test]
fn a_consumer_of_the_api_is_the_published_file_on_each_of_thirty_nights() {
    let region = Region::new(21, 60, 8);
    let backup = region.config("var").data_dir.with_extension("backup");
    let site = Site::new(&region.config("var").public_dir());
    let (mut consumer, mut slow) = (Consumer::default(), Consumer::default());
    let written = std::fs::read_to_string(region.stage.config()).unwrap();
    let mut uids: BTreeSet<String> = BTreeSet::new();
    let (mut since_restored, mut removed) = (Vec::new(), String::new());
    let mut excluded = <[String; 2]>::default();
    for night in 0..30 {
        region.stage.show(&region.world.night(shown(night))).unwrap();
        let across = if matches!(night, 4..7 | 18..21) { "\n[merge]\nacross_feeds = false\n" } else { "" };
        std::fs::write(region.stage.config(), format!("{written}{across}")).unwrap();
        match night {
            12 => drop(replay::all(&region.config("var")).unwrap()),
            21 => store::backup(&store_of(&region), &backup).unwrap(),
            24 => {
                let anew = |store: &Store| store.begin_epoch(uuid::Uuid::new_v4().to_string());
                store::restore(&store_of(&region), &backup, anew).unwrap();
            }
            _ => {}
        }
        let overrides = region.stage.config().with_file_name("overrides.toml");
        match night {
            16 => {
                excluded = first_record(&consumer);
                std::fs::write(&overrides, excluding(&excluded)).unwrap();
            }
            18 => {
                std::fs::remove_file(&overrides).unwrap();
                excluded = <[String; 2]>::default();
            }
            _ => {}
        }
        let pipeline = region.pipeline("var", night);
        region.harvest_all(&pipeline);
        // Their sources speak again the night after.
        let forgotten = match night {
            9 => 1,
            11 => 6,
            _ => 0,
        };
        if forgotten > 0 {
            for source in enabled(&pipeline).iter().take(forgotten) {
                pipeline.store.forget(&source.id).unwrap();
            }
            pipeline.merge().unwrap();
        }
        let mut dir = publish(&pipeline);
        if night == 14 {
            consumer.follow(&site);
            removed = consumer.lines.keys().next().unwrap().clone();
            let plan = removal::plan(&pipeline.store.snapshot().unwrap(), &Uid::from_text(removed.clone()));
            removal::decide(&pipeline, &plan.unwrap().unwrap(), "à la demande de l'intéressé").unwrap();
            let done = pipeline.settle().unwrap().unwrap();
            assert!(done.refused.is_none(), "{:?}", done.refused);
            dir = region.config("var").public_dir().join("latest").canonicalize().unwrap();
        }
        let truth = std::fs::read(dir.join("contrats.ndjson")).unwrap();
        println!(
            "night {night} {} {}",
            shown(night),
            std::fs::read_to_string(dir.join("changes.ndjson")).unwrap().lines().count()
        );
        if night > 24 {
            since_restored.extend(std::fs::read(dir.join("changes.ndjson")).unwrap());
        }
        consumer.follow(&site);
        assert!(consumer.file() == truth, "night {night}");
        // One that looks only now and then meets what was replaced meanwhile.
        if night % 4 == 0 {
            slow.follow(&site);
            assert!(slow.file() == truth, "night {night}, after a pause");
        }
        assert!(!consumer.lines.contains_key(&removed), "night {night}");
        let [siret, id] = &excluded;
        let declared = format!("\"acheteur_id\":\"{siret}\",\"id\":\"{id}\"");
        assert!(!String::from_utf8(truth).unwrap().contains(&declared), "night {night}: {declared}");
        uids.extend(consumer.lines.keys().cloned());
    }
    assert_eq!((consumer.dumps, slow.dumps), (3, 3), "the first, after the replay, after the restore");
    let kinds: Vec<&str> = consumer.met.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["changed", "gone", "merged", "new", "redacted", "split"]);
    former_names_lead_on(&site, &region, &uids);
    as_lines(&site, &consumer, &since_restored);
}

/// SIRET and id of the first record of the consumer's first contract.
fn first_record(consumer: &Consumer) -> [String; 2] {
    let line: serde_json::Value = serde_json::from_str(consumer.lines.values().next().unwrap()).unwrap();
    ["acheteur_id", "id"].map(|key| line["observations"][0][key].as_str().unwrap().to_owned())
}

/// overrides.toml that takes a record out.
fn excluding([siret, id]: &[String; 2]) -> String {
    format!(
        "[[exclude]]\nrecord = [\"{siret}\", \"{id}\"]\nwho = \"A. Vidal\"\nwhy = \"un essai\"\nwhen = 2026-11-24\n"
    )
}

fn store_of(region: &Region) -> std::path::PathBuf {
    region.config("var").data_dir.join("guichet.db")
}

/// Every uid of aliases.csv leads to where it says.
fn former_names_lead_on(site: &Site, region: &Region, uids: &BTreeSet<String>) {
    let text = std::fs::read_to_string(region.config("var").public_dir().join("latest/aliases.csv")).unwrap();
    let mut aliases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let mut cells = line.split(',');
        let (former, uid) = (cells.next().unwrap(), cells.next().unwrap());
        assert!(uids.contains(former), "{former} was a uid once");
        aliases.entry(former).or_default().push(uid);
    }
    assert!(!aliases.is_empty());
    for (former, uids) in aliases {
        let answer = site.get(&format!("/marches/{}", Uid::from_text(former.to_owned()).to_url()), "text/html");
        match (answer.status, uids.as_slice()) {
            (StatusCode::FOUND, [one]) => {
                let to = format!("/marches/{}", Uid::from_text((*one).to_owned()).to_url());
                assert_eq!(answer.headers["location"], to.as_str(), "{former}");
            }
            (StatusCode::MULTIPLE_CHOICES, _) => {}
            other => panic!("{former}: {other:?}"),
        }
    }
}

/// Every change of several nights as NDJSON, page by page: the files changes.ndjson of these nights, with the
/// records that were replaced since as they were.
fn as_lines(site: &Site, consumer: &Consumer, expected: &[u8]) {
    let mut next = Some(format!("/api/v1/changes?since={}&limit=7", consumer.dump_seq));
    let mut lines = Vec::new();
    while let Some(url) = next {
        let answer = site.get(&url, "application/x-ndjson");
        assert_eq!(
            (answer.status, &answer.headers["content-type"]),
            (StatusCode::OK, &"application/x-ndjson".parse().unwrap())
        );
        lines.extend_from_slice(&answer.body);
        let link = answer.headers.get("link").map(|l| l.to_str().unwrap().to_owned());
        next = link.map(|l| l.strip_prefix('<').and_then(|l| l.strip_suffix(">; rel=\"next\"")).unwrap().to_owned());
    }
    assert!(!lines.is_empty());
    assert!(lines == expected, "the changes of the last nights");
    let page = site.json(&format!("/api/v1/changes?since={}", consumer.seq + 1000));
    assert_eq!(page["items"], serde_json::json!([]));
    assert!(page["next"].is_null() && page["last_seq"] == consumer.seq);
}
