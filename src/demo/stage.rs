//! A folder in which guichet can run as it would for an operator: `sources.toml`,
//! `config/guichet.toml`, and the upstream that its sources point to.
//!
//! In: an empty folder, a [`World`]. Out: the configuration, the payloads of a night, a server.
//! Nothing of the pipeline is called from here: whoever uses a stage runs the program on it.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::net::TcpSocket;

use super::payload::Written;
use super::profile::{Access, FileSpec, Manner, Profile};
use super::upstream::{Catalogue, Listed, Page, Upstream};
use super::world::World;
use crate::record::Day;

/// Resources on a page of the v2 catalogue: few, so that paging happens.
const PAGE_SIZE: usize = 2;
/// Before the slow profile's first byte.
const SLOW_START: Duration = Duration::from_millis(400);
/// Between its pieces, of which a file has at most fifty.
const SLOW_PAUSE: Duration = Duration::from_millis(20);

/// A stage that cannot be set.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the simulated region: {what} {}: {source}; give an empty folder that can be written, with room for it", .path.display())]
pub struct StageError {
    /// What was tried.
    pub what: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// See the head of this file. Dropping it stops the server and leaves the folder.
pub struct Stage {
    dir: PathBuf,
    upstream: Upstream,
    /// Holds the port on which nobody listens, so that nobody else can.
    _dead: TcpSocket,
    dead: SocketAddr,
}

impl Stage {
    /// Starts the server, writes the configuration into the folder, and shows the world's night.
    ///
    /// # Errors
    /// When the folder cannot be written, holds another configuration or another world, or no port is
    /// to be had.
    pub fn open(dir: &Path, world: &World) -> Result<Self, StageError> {
        let fail = |what, path: &Path| {
            let path = path.to_owned();
            move |source| StageError { what, path, source }
        };
        ours_alone(dir, world)?;
        let upstream = Upstream::start().map_err(fail("cannot listen on 127.0.0.1 for", dir))?;
        let (socket, dead) = dead_port().map_err(fail("cannot reserve a port on 127.0.0.1 for", dir))?;
        let stage = Self { dir: dir.to_owned(), upstream, _dead: socket, dead };
        let config = dir.join("config");
        std::fs::create_dir_all(&config).map_err(fail("cannot create", &config))?;
        for (path, text) in
            [(stage.config(), stage.guichet_toml()), (dir.join("sources.toml"), stage.sources_toml(world))]
        {
            std::fs::write(&path, text).map_err(fail("cannot write", &path))?;
        }
        stage.show(world)?;
        Ok(stage)
    }

    /// Publishes the payloads of the world's night (the world of [`Stage::open`], in any night) in
    /// place of those before, and says what it wrote.
    ///
    /// # Errors
    /// When a payload cannot be written.
    pub fn show(&self, world: &World) -> Result<Vec<Vec<Written>>, StageError> {
        // A folder for each night: a transfer under way keeps reading the one it began.
        let dir = self.dir.join("profils").join(format!("nuit-{}", world.which_night()));
        let written = world.write(&dir).map_err(|source| StageError {
            what: "cannot write the payloads in",
            path: dir,
            source,
        })?;
        for (profile, files) in world.profiles().iter().zip(&written) {
            for (spec, file) in profile.files.iter().zip(files) {
                self.route(world, profile, spec, file);
            }
            match profile.access {
                Access::Plain => {}
                Access::DatagouvV1 => drop(self.upstream.datagouv_v1(&catalogue(world, profile, files))),
                Access::DatagouvV2 => drop(self.upstream.datagouv_v2(&catalogue(world, profile, files), PAGE_SIZE)),
            }
        }
        Ok(written)
    }

    /// `config/guichet.toml` of the folder.
    pub fn config(&self) -> PathBuf {
        self.dir.join("config").join("guichet.toml")
    }
    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
    /// The server.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    fn route(&self, world: &World, profile: &Profile, spec: &FileSpec, file: &Written) {
        let kind = if profile.dialect.is_json() { "application/json" } else { "application/xml" };
        let etag = format!("\"{}\"", file.sha256.get(..32).unwrap_or(&file.sha256));
        let mut page = Page::file(&file.path).header("Content-Type", kind).etag(&etag).last_modified(changed(world));
        if spec.gzip {
            page = page.gzip();
        }
        let path = path(profile, spec);
        match profile.manner {
            Manner::Flaky => self.upstream.script(&path, [Page::status(503).retry_after("1"), page]),
            Manner::Slow => {
                let piece = usize::try_from(file.bytes / 50).unwrap_or(usize::MAX).max(32 * 1024);
                self.upstream.page(&path, page.delay(SLOW_START).drip(piece, SLOW_PAUSE));
            }
            Manner::Prompt | Manner::Dead => self.upstream.page(&path, page),
        }
    }

    /// The operator's settings: the region, and the permission to ask this machine.
    fn guichet_toml(&self) -> String {
        format!(
            r#"# The simulated region of `guichet demo`.
data_dir = "var"
sources = "../sources.toml"

[region]
name = "Occitanie"
insee = "76"

[harvest]
concurrency = 8
per_host = 8
min_interval = "0s"
connect_timeout = "2s"
read_timeout = "10s"
total_timeout = "5m"
retries = 2
retry_base = "50ms"
allow_private_hosts = ["{}", "{}"]
"#,
            self.upstream.address(),
            self.dead
        )
    }

    fn sources_toml(&self, world: &World) -> String {
        let mut out = heading(world);
        out.push_str(
            "\n[defaults]\nschedule = \"17 3 * * *\"\ntimezone = \"Europe/Paris\"\nlicence = \"etalab-2.0\"\n",
        );
        for p in world.profiles() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\n[[source]]\nid = \"{}\"\nname = \"{}\"\nurl = \"{}\"\n", p.id, p.name, self.url(p));
            if p.access != Access::Plain {
                let _ = write!(out, "catalog = \"datagouv\"\ninclude = [\"*.{}\"]\n", p.dialect.extension());
            }
            let _ =
                writeln!(out, "format = \"auto\"\nauthority = \"{}\"\nlicence = \"etalab-2.0\"", p.authority.name());
            if !p.buyers.is_empty() {
                let _ = writeln!(out, "buyers = {:?}", p.buyers);
            }
        }
        out
    }

    fn url(&self, p: &Profile) -> String {
        let file = p.files.first().map_or_else(String::new, |spec| path(p, spec));
        match (p.manner, p.access) {
            (Manner::Dead, _) => format!("http://{}{file}", self.dead),
            (_, Access::Plain) => self.upstream.url(&file),
            (_, Access::DatagouvV1) => self.upstream.url(&format!("/api/1/datasets/{}/", dataset(p))),
            (_, Access::DatagouvV2) => self.upstream.url(&format!("/api/2/datasets/{}/", dataset(p))),
        }
    }
}

/// The first line of a stage's sources.toml: whose it is.
fn heading(world: &World) -> String {
    format!(
        "# The profiles of the simulated region of seed {}: {} contracts, {} sources.",
        world.seed(),
        world.contracts(),
        world.profiles().len()
    )
}

/// Somebody's own sources.toml is never overwritten; what another world said would be judged by
/// the truth of this one.
fn ours_alone(dir: &Path, world: &World) -> Result<(), StageError> {
    let heading = heading(world);
    let refuse = |what, path: PathBuf, why: String| Err(StageError { what, path, source: io::Error::other(why) });
    for name in ["sources.toml", "config/sources.toml", "config/guichet.toml"] {
        let path = dir.join(name);
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let first = text.lines().next().unwrap_or_default();
        if !first.contains("the simulated region") && !first.contains("The simulated region") {
            return refuse("will not overwrite", path, "it is somebody's own configuration".to_owned());
        }
        if name == "sources.toml" && first != heading {
            let held = first.trim_start_matches("# The profiles of ").trim_end_matches('.');
            return refuse("will not mix worlds in", dir.to_owned(), format!("it holds {held}"));
        }
    }
    Ok(())
}

/// A port that refuses connections as long as the socket lives: bound, and never listened on.
fn dead_port() -> io::Result<(TcpSocket, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

fn path(p: &Profile, spec: &FileSpec) -> String {
    format!("/{}/{}", p.id, spec.name)
}

/// 24 hex digits, as data.gouv.fr names a dataset.
fn dataset(p: &Profile) -> String {
    format!("{:024x}", 0x6727_210c_0000 + p.number)
}

/// When the payloads of the night were made: after every date in them.
fn changed(world: &World) -> SystemTime {
    let first = Day::from_ymd(2026, 6, 1).map_or(0, |d| d.number());
    let days = u64::try_from(first).unwrap_or(0) + u64::from(world.which_night());
    SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400 + 2 * 3_600)
}

fn catalogue(world: &World, p: &Profile, files: &[Written]) -> Catalogue {
    let day = Day::from_ymd(2026, 6, 1).and_then(|d| Day::from_number(d.number() + world.which_night() as i32));
    let at = format!("{}T02:00:00+00:00", day.map(|d| d.to_string()).unwrap_or_default());
    let listed = |(spec, file): (&FileSpec, &Written)| Listed {
        id: spec.id.clone(),
        title: spec.name.clone(),
        path: path(p, spec),
        format: p.dialect.extension().to_owned(),
        bytes: Some(file.bytes),
        sha256: Some(file.sha256.clone()),
        last_modified: at.clone(),
    };
    let mut resources: Vec<_> = p.files.iter().zip(files).map(listed).collect();
    // What every dataset has beside its data; nothing serves it, the stanza leaves it out.
    resources.insert(
        0,
        Listed {
            id: format!("{:08x}-0000-4000-8000-ffffffffffff", p.number),
            title: "LISEZMOI.pdf".to_owned(),
            path: format!("/{}/LISEZMOI.pdf", p.id),
            format: "pdf".to_owned(),
            bytes: None,
            sha256: None,
            last_modified: at.clone(),
        },
    );
    Catalogue { id: dataset(p), title: p.name.clone(), resources }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_holds_a_configuration_and_serves_what_it_names() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(1, 120, 9);
        let stage = Stage::open(dir.path(), &world).unwrap();
        let text = std::fs::read_to_string(dir.path().join("sources.toml")).unwrap();
        let sources: toml::Table = text.parse().unwrap();
        let sources = sources["source"].as_array().unwrap();
        assert_eq!(sources.len(), 9);
        let config: toml::Table = std::fs::read_to_string(stage.config()).unwrap().parse().unwrap();
        assert_eq!(config["region"]["insee"].as_str(), Some("76"));
        for (profile, source) in world.profiles().iter().zip(sources) {
            let url = source["url"].as_str().unwrap();
            let here = url.starts_with(&stage.upstream().url("/"));
            assert_eq!(here, profile.is_alive(), "{url}");
        }
        assert!(std::net::TcpStream::connect(stage.dead).is_err());
    }

    #[test]
    fn a_folder_that_is_somebody_elses_or_another_worlds_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(1, 120, 9);
        drop(Stage::open(dir.path(), &world).unwrap());
        drop(Stage::open(dir.path(), &world.night(3)).unwrap());
        let told = Stage::open(dir.path(), &World::new(2, 120, 9)).err().unwrap().to_string();
        assert!(told.contains("it holds the simulated region of seed 1: "), "{told}");
        for name in ["sources.toml", "config/guichet.toml"] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("config")).unwrap();
            std::fs::write(dir.path().join(name), "# Les sources de la région\n").unwrap();
            let told = Stage::open(dir.path(), &world).err().unwrap().to_string();
            assert!(told.contains("will not overwrite"), "{told}");
            assert_eq!(std::fs::read_to_string(dir.path().join(name)).unwrap(), "# Les sources de la région\n");
        }
    }

    #[test]
    fn a_second_night_has_other_files_and_validators() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(1, 900, 9);
        let stage = Stage::open(dir.path(), &world).unwrap();
        let (first, second) = (stage.show(&world).unwrap(), stage.show(&world.night(2)).unwrap());
        let differing = first.iter().flatten().zip(second.iter().flatten()).filter(|(a, b)| a.sha256 != b.sha256);
        assert!(differing.count() > 3);
        assert!(changed(&world.night(2)) > changed(&world));
    }
}
