//! `guichet run` as an operator and systemd live with it: the real binary on a simulated region,
//! from READY through harvests, publications, reloads and readers beside it to the end of the drain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guichet::demo::{Page, Stage, Upstream, World, check};
use serde_json::Value;

/// Longest wait for anything: generous, since machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// The binary on a root's configuration.
fn guichet(root: &Path) -> Command {
    let mut command = common::guichet();
    command.arg("--config").arg(root.join("config/guichet.toml"));
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running daemon, with what it says to the service manager and to its log.
struct Daemon {
    child: Child,
    root: PathBuf,
    address: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
    log: PathBuf,
}

impl Daemon {
    fn start(root: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let path = root.join("notify.socket");
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&said);
        // Ends with the test's process: a datagram socket has no end of its own.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n) = socket.recv(&mut bytes) {
                heard.lock().unwrap().push(text(&bytes[..n]));
            }
        });
        let log = root.join("daemon.log");
        let child = guichet(root)
            .arg("run")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "1500000")
            .env("GUICHET_SERVE__LISTEN", address.to_string())
            .stdout(std::fs::File::create(root.join("daemon.out")).unwrap())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, root: root.to_owned(), address, said, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it holds; fails with what was awaited and the log.
    fn wait(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "waited in vain until {what}; the daemon's log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn said(&self, part: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|s| s.contains(part)).count()
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = text(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn status_of(&self, path: &str) -> u16 {
        self.get(path).map_or(0, |(status, _)| status)
    }

    fn metric(&self, start: &str) -> Option<f64> {
        let (_, body) = self.get("/metrics")?;
        body.lines().find(|l| l.starts_with(start))?.rsplit(' ').next()?.parse().ok()
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits for its end: the exit code and how long it took.
    fn ended(&mut self) -> (Option<i32>, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), start.elapsed());
            }
            assert!(start.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A command beside it, on the same data directory.
    fn beside(&self, arguments: &[&str]) -> Output {
        guichet(&self.root).args(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.beside(arguments);
        assert!(out.status.success(), "{arguments:?}: {}", text(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    fn publication(&self) -> String {
        let latest = std::fs::canonicalize(self.root.join("var/public/latest")).unwrap();
        latest.file_name().unwrap().to_string_lossy().into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A region of which one source (a living one) is not enabled yet.
fn region(dir: &Path, seed: u64) -> (Stage, World, String, String) {
    let world = World::new(seed, 100, 8);
    let stage = Stage::open(dir, &world).unwrap();
    let whole = std::fs::read_to_string(dir.join("sources.toml")).unwrap();
    // Twelve hours from now, whatever the time: nothing but what the test does is due.
    let far = (std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 3600 + 12) % 24;
    let whole = whole.replacen("17 3 * * *", &format!("17 {far} * * *"), 1).replacen("Europe/Paris", "UTC", 1);
    let id = world.profiles()[0].id.clone();
    let stanza = format!("id = \"{id}\"\n");
    let without = whole.replace(&stanza, &format!("{stanza}enabled = false\ndisabled_reason = \"not yet\"\n"));
    assert_ne!(whole, without);
    std::fs::write(dir.join("sources.toml"), &without).unwrap();
    (stage, world, whole, without)
}

#[test]
fn a_daemon_harvests_publishes_serves_reloads_and_ends_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (stage, world, whole, without) = region(dir.path(), 21);
    let late = world.profiles()[0].id.as_str();
    let mut daemon = Daemon::start(dir.path());

    daemon.wait("it says READY", || daemon.said("READY=1") > 0);
    assert_eq!(daemon.status_of("/healthz"), 200);
    daemon.wait("the first publication is served", || daemon.status_of("/readyz") == 200);
    let first = daemon.publication();
    served(&daemon);
    readers_work_beside_it(&daemon, dir.path());
    daemon.wait("the watchdog is fed", || daemon.said("WATCHDOG=1") >= 2);

    a_broken_file_changes_nothing(&daemon, dir.path(), &without, &first);

    // Saved right, and no signal: the change of the file is enough. The new source has its turn at once.
    std::fs::write(dir.path().join("sources.toml"), &whole).unwrap();
    daemon.wait("the right file is taken up", || daemon.metric("guichet_config_last_reload_successful") == Some(1.0));
    daemon.wait("the new source is published", || daemon.publication() != first);
    let verdict = check(&dir.path().join("var/public/latest"), &world).unwrap();
    assert_eq!(verdict.details, Vec::<String>::new());
    let source = |status: &Value| status["sources"].as_array().unwrap().iter().find(|s| s["id"] == late).cloned();
    daemon.wait("status.json shows it", || {
        let status = std::fs::read(dir.path().join("var/public/status.json")).unwrap();
        let status: Value = serde_json::from_slice(&status).unwrap();
        let doing = status["daemon"]["doing"].as_str().unwrap_or_default().to_owned();
        source(&status).is_some_and(|s| s["last_success"].is_string())
            && status["daemon"]["config_last_reload_successful"] == true
            && doing.starts_with("idle; next ")
    });

    a_decision_is_taken_up(&daemon, dir.path());

    daemon.signal("-TERM");
    let (code, took) = daemon.ended();
    assert_eq!(code, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    // The message may still be on its way from the socket when the process has gone.
    let patience = Instant::now() + Duration::from_secs(5);
    while daemon.said("STOPPING=1") == 0 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(daemon.said("STOPPING=1"), 1);
    assert_eq!(daemon.json(&["status", "--json"])["daemon"]["doing"], "stopped");
    assert!(!daemon.log().contains("no sign of life"), "{}", daemon.log());
    assert_eq!(daemon.log().matches(" ERROR ").count(), 1, "only the refused file is an error:\n{}", daemon.log());

    // The next start finds everything done: no request that is not due.
    let asked = stage.upstream().total();
    let again = Daemon::start(dir.path());
    again.wait("it is ready again", || again.said("READY=1") > 0 && again.status_of("/readyz") == 200);
    again.wait("it waits for the night", || again.said("STATUS=idle; next ") > 0);
    assert_eq!(stage.upstream().total(), asked, "{}", again.log());
}

fn served(daemon: &Daemon) {
    let manifest: Value = serde_json::from_str(&daemon.get("/latest/manifest.json").unwrap().1).unwrap();
    assert!(manifest["counts"]["contrats"].as_u64().unwrap() > 50, "{manifest}");
    let (status, page) = daemon.get("/").unwrap();
    assert!(status == 200 && page.contains("</html>"), "{status}: {page}");
    assert_eq!((daemon.status_of("/sources"), daemon.status_of("/marches")), (200, 200));
    assert!(daemon.metric("guichet_source_last_success_timestamp_seconds{").unwrap() > 1.7e9);
    assert!(daemon.metric("guichet_publication_timestamp_seconds").unwrap() > 1.7e9);
    assert_eq!(daemon.metric("guichet_config_last_reload_successful"), Some(1.0));
    assert!(daemon.metric("guichet_store_bytes").unwrap() > 0.0);
    let address = format!("serving on http://{}/", daemon.address);
    assert!(daemon.log().contains(&address), "{}", daemon.log());
}

fn readers_work_beside_it(daemon: &Daemon, dir: &Path) {
    let status = daemon.json(&["status", "--json"]);
    let states: Vec<&str> =
        status["sources"].as_array().unwrap().iter().map(|s| s["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"ok") && states.contains(&"disabled") && states.contains(&"degraded"), "{states:?}");
    assert_eq!(status["daemon"]["config_last_reload_successful"], true);
    let contracts = daemon.get("/latest/contrats.ndjson").unwrap().1;
    let contract: Value = serde_json::from_str(contracts.lines().next().unwrap()).unwrap();
    let uid = contract["uid"].as_str().unwrap();
    assert_eq!(daemon.json(&["explain", uid, "--json"])["uid"], uid);
    assert_eq!(daemon.json(&["db", "check", "--json"])["sound"], true);
    let copy = dir.join("copy.db");
    let out = daemon.beside(&["db", "backup", copy.to_str().unwrap()]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let elsewhere = dir.join("elsewhere");
    let restored = |arguments: &[&str]| {
        let out = guichet(dir).arg("--data-dir").arg(&elsewhere).args(arguments).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", text(&out.stderr));
        out
    };
    restored(&["db", "restore", copy.to_str().unwrap()]);
    restored(&["publish"]);
    let there = std::fs::read_to_string(elsewhere.join("public/latest/contrats.ndjson")).unwrap();
    assert!(there == contracts, "the backup publishes something else");

    for command in [&["harvest"][..], &["publish"], &["replay"], &["run"]] {
        let out = daemon.beside(command);
        let told = text(&out.stderr);
        assert_eq!(out.status.code(), Some(75), "{command:?}: {told}");
        let holder = format!("pid {}, guichet run", daemon.child.id());
        assert!(told.contains(&holder) && told.contains("stop it"), "{command:?}: {told}");
    }
}

fn a_broken_file_changes_nothing(daemon: &Daemon, dir: &Path, good: &str, publication: &str) {
    let sources = dir.join("sources.toml");
    let broken =
        good.replacen("licence = \"etalab-2.0\"\n\n", "licence = \"etalab-2.0\"\nshedule = \"1 2 * * *\"\n\n", 1);
    assert_ne!(broken, good);
    std::fs::write(&sources, broken).unwrap();
    daemon.signal("-HUP");
    daemon.wait("the reload is answered", || daemon.said("RELOADING=1") > 0 && daemon.said("READY=1") > 1);
    daemon.wait("the metrics say so", || daemon.metric("guichet_config_last_reload_successful") == Some(0.0));
    daemon.wait("the log says so", || {
        let log = daemon.log();
        log.contains("did you mean `schedule`?") && log.contains("sources.toml:6:1")
    });
    // `status` reads the same broken file: it says what is wrong with it, and what the daemon lives on.
    daemon.wait("status says so", || {
        let out = daemon.beside(&["status", "--json"]);
        let status: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        out.status.code() == Some(78)
            && text(&out.stderr).contains("did you mean `schedule`?")
            && status["daemon"]["config_last_reload_successful"] == false
            && status["daemon"]["config_error"].as_str().is_some_and(|e| e.contains("sources.toml:6:1"))
    });
    let shown = text(&daemon.beside(&["status"]).stdout);
    assert!(shown.contains("the last reload of the configuration was refused"), "{shown}");
    let public = std::fs::read_to_string(dir.join("var/public/status.json")).unwrap();
    assert!(!public.contains("shedule = "), "lines of the configuration are nobody's business: {public}");
    assert_eq!(daemon.publication(), publication);
    assert_eq!((daemon.status_of("/readyz"), daemon.status_of("/latest/decp.csv")), (200, 200));
}

/// Saving overrides.toml is enough: the buyer that it names is merged again, for the next publication.
/// A decision without effect is told and stops nothing.
fn a_decision_is_taken_up(daemon: &Daemon, dir: &Path) {
    let lines = std::fs::read_to_string(dir.join("var/public/latest/contrats.ndjson")).unwrap();
    let contract: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let one = &contract["observations"][0];
    let decision = |siret: &Value, id: &Value| {
        format!("[[exclude]]\nrecord = [{siret}, {id}]\nwho = \"op\"\nwhy = \"essai\"\nwhen = 2026-11-24\n")
    };
    let text = decision(&one["acheteur_id"], &one["id"]) + &decision(&one["acheteur_id"], &"jamais dit".into());
    std::fs::write(dir.join("config/overrides.toml"), text).unwrap();
    daemon.wait("the buyer is merged again", || daemon.log().contains("1 buyers are merged again"));
    daemon.wait("the one without effect is told", || {
        daemon.log().contains("a decision has no effect: overrides.toml:7:10")
    });
    let status = daemon.json(&["status", "--json"]);
    assert_eq!((&status["decisions"]["total"], status["decisions"]["void"].as_array().unwrap().len()), (&2.into(), 1));
    assert_eq!((&status["store"]["dirty_buyers"], &status["publication"]["outdated"]), (&0.into(), &true.into()));
}

#[test]
fn a_second_signal_ends_a_drain_that_waits_for_a_silent_site_and_a_kill_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().unwrap();
    upstream.page("/silent.json", Page::never_answers());
    let settings = "data_dir = \"var\"\n[harvest]\nmin_interval = \"0s\"\nread_timeout = \"5m\"\nallow_private_hosts = [\"127.0.0.1\"]\n";
    std::fs::create_dir(dir.path().join("config")).unwrap();
    std::fs::write(dir.path().join("config/guichet.toml"), settings).unwrap();
    let stanza = format!(
        "[[source]]\nid = \"silent\"\nname = \"Silent\"\nurl = \"{}\"\nlicence = \"etalab-2.0\"\n",
        upstream.url("/silent.json")
    );
    std::fs::write(dir.path().join("sources.toml"), stanza).unwrap();

    let mut daemon = Daemon::start(dir.path());
    daemon.wait("it asks the site", || upstream.requests("/silent.json") == 1);
    assert_eq!((daemon.status_of("/healthz"), daemon.status_of("/readyz")), (200, 503));
    daemon.signal("-KILL");
    assert_eq!(daemon.ended().0, None);

    // The lock died with its holder, and what was under way is asked for again.
    let mut daemon = Daemon::start(dir.path());
    daemon.wait("it asks again", || upstream.requests("/silent.json") == 2);
    daemon.signal("-TERM");
    daemon.wait("it drains", || daemon.said("STOPPING=1") == 1 && daemon.said("EXTEND_TIMEOUT_USEC=") > 0);
    std::thread::sleep(Duration::from_millis(500));
    assert!(daemon.child.try_wait().unwrap().is_none(), "it waits for what is under way:\n{}", daemon.log());
    daemon.signal("-TERM");
    let (code, took) = daemon.ended();
    assert_eq!(code, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(15), "{took:?}");
}
