//! Finding the files, reading them in order, and putting them together.

use std::path::{Path, PathBuf};

use super::diagnostic::{At, Diagnostic, Diagnostics, nearest};
use super::env::{Env, claims_a_key};
use super::guichet_toml::{self, Settings};
use super::read::{Document, Located, Reader, Report};
use super::settings::{Files, Publish};
use super::sources_toml::{Sources, SourcesReader};
use super::{Config, Credential, overrides_toml};
use crate::reference::RegisterError;
use crate::reference::register::{self, Roles};

/// Where guichet.toml is looked for when no path is given.
const PLACES: [&str; 2] = ["config/guichet.toml", "/etc/guichet/guichet.toml"];

/// A configuration that can be used, and what its author should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings only.
    pub warnings: Diagnostics,
}

impl Config {
    /// Reads the whole configuration: guichet.toml (`path`, else config/guichet.toml, else
    /// /etc/guichet/guichet.toml) under the environment, the sources file that it names, sources.d,
    /// and overrides.toml. `data_dir` is that of the command line, and stronger than any.
    ///
    /// # Errors
    /// Every error of every file at once, warnings among them.
    pub fn load(path: Option<&Path>, data_dir: Option<&Path>, env: &dyn Env) -> Result<Loaded, Diagnostics> {
        let report = Report::default();
        let config = read_all(path, data_dir, env, &report);
        let found = report.finish();
        match config {
            Some(config) if !found.has_errors() => Ok(Loaded { config, warnings: found }),
            _ => Err(found),
        }
    }
}

/// The data directory, where the configuration tells it in spite of errors elsewhere: what a daemon
/// lives on can then still be shown.
pub fn data_dir_in_spite_of_errors(path: Option<&Path>, data_dir: Option<&Path>, env: &dyn Env) -> Option<PathBuf> {
    read_all(path, data_dir, env, &Report::default()).map(|config| config.data_dir)
}

fn read_all(path: Option<&Path>, data_dir: Option<&Path>, env: &dyn Env, report: &Report) -> Option<Config> {
    let guichet = find_guichet_toml(path, report)?;
    let document = Document::open(&guichet, report);
    let settings = {
        let table = document.as_ref().map(|document| document.table(report));
        let both = document.as_ref().zip(table.as_ref());
        guichet_toml::read(Reader::top(both, env, report))?
    };
    let overrides = beside(&guichet, "overrides.toml");
    let decisions = if overrides.exists() {
        let document = Document::open(&overrides, report);
        document.map(|document| overrides_toml::read(&document, report)).unwrap_or_default()
    } else {
        Vec::new()
    };
    let sources_file = find_sources_toml(&guichet, settings.sources.as_ref(), report);
    let mut files = Files { guichet, overrides, ..Files::default() };
    let (root, sources) = match sources_file {
        Some(file) => read_sources(file, &mut files, &settings, env, report),
        None => (folder(&files.guichet), Sources::default()),
    };
    check_variables(&sources, &settings.publish, env, report);
    let Settings { region, harvest, mut publish, serve, merge, register, archive, log, .. } = settings;
    let upload = publish.upload.as_mut().map(|u| [&mut u.access_key, &mut u.secret_key]);
    for credential in publish.signing_key.as_mut().into_iter().chain(upload.into_iter().flatten()) {
        if let Credential::File(path) = credential {
            *path = root.join(&*path);
        }
    }
    let register = register_files(&root, register, report);
    let data_dir = match (data_dir, settings.data_dir) {
        (Some(given), _) => absolute(given),
        (None, Some(configured)) => root.join(configured.value),
        (None, None) => systemd_state(env).unwrap_or_else(|| root.join("var")),
    };
    Some(Config {
        files,
        root,
        data_dir,
        region,
        harvest,
        publish,
        serve,
        merge,
        register,
        archive,
        log,
        sources,
        decisions,
    })
}

fn find_guichet_toml(path: Option<&Path>, report: &Report) -> Option<PathBuf> {
    if let Some(path) = path {
        return Some(absolute(path));
    }
    let found = PLACES.iter().map(Path::new).find(|place| place.is_file());
    if found.is_none() {
        let what = "there is no configuration";
        let help = format!("looked for {}; write one, or name it with --config FILE", PLACES.join(" and "));
        report.push(Diagnostic::error(At::Path(PLACES[0].into()), what).help(help));
    }
    found.map(absolute)
}

/// The file that the key `sources` names, else the one beside guichet.toml, else in its parent.
fn find_sources_toml(guichet: &Path, named: Option<&Located<String>>, report: &Report) -> Option<PathBuf> {
    if let Some(named) = named {
        let file = folder(guichet).join(&named.value);
        if !file.is_file() {
            let what = format!("`sources`: there is no file {}", tidy(&file).display());
            let help = "the path starts at the folder of guichet.toml";
            report.push(Diagnostic::error(named.at.clone(), what).help(help));
            return None;
        }
        return Some(tidy(&file));
    }
    let candidates = [beside(guichet, "sources.toml"), tidy(&folder(guichet).join("../sources.toml"))];
    let found = candidates.iter().find(|file| file.is_file()).cloned();
    if found.is_none() {
        let [first, second] = &candidates;
        let help = format!(
            "looked for {} and {}; write one, or name it with the key `sources`",
            first.display(),
            second.display()
        );
        report.push(Diagnostic::error(At::Path(first.clone()), "there is no sources.toml").help(help));
    }
    found
}

fn read_sources(
    file: PathBuf,
    files: &mut Files,
    settings: &Settings,
    env: &dyn Env,
    report: &Report,
) -> (PathBuf, Sources) {
    let root = folder(&file);
    files.sources_d = root.join("sources.d");
    files.more_sources = toml_files(&files.sources_d, report);
    files.sources = file;
    let paths = std::iter::once(&files.sources).chain(&files.more_sources);
    let documents: Vec<Document> = paths.filter_map(|path| Document::open(path, report)).collect();
    let reader = SourcesReader { root: &root, limits: &settings.harvest, env, report };
    let sources = reader.read(&documents);
    (root, sources)
}

/// The files of the register extract. Each is looked at: one that is not there, or lacks what is
/// needed, is an error now and not in the night.
fn register_files(root: &Path, written: Vec<Located<String>>, report: &Report) -> Vec<PathBuf> {
    let (mut files, mut all) = (Vec::new(), Roles::default());
    let first = written.first().map(|located| located.at.clone());
    let count = written.len();
    for Located { value, at } in written {
        let file = tidy(&root.join(&value));
        match register::inspect(&file) {
            Ok(extract) => {
                all.units |= extract.roles.units;
                all.seats |= extract.roles.seats;
                files.push(file);
            }
            Err(RegisterError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let what = format!("`sirene`: there is no file {}", file.display());
                let help = "the path starts at the folder of sources.toml";
                report.push(Diagnostic::error(at, what).help(help));
            }
            Err(error) => report.push(Diagnostic::error(at, format!("`sirene`: {error}"))),
        }
    }
    let Some(at) = first.filter(|_| files.len() == count) else { return files };
    if !all.seats {
        let what = "the register has no seats: buyers that the embedded tables do not know stay unknown";
        report.push(Diagnostic::warning(at, what).help("add StockEtablissement: sirene = [\"…\", \"…\"]"));
    } else if !all.units {
        let what = "the register has no legal units: it gives neither names nor categories";
        report.push(Diagnostic::warning(at, what).help("add StockUniteLegale: sirene = [\"…\", \"…\"]"));
    }
    files
}

/// The `*.toml` of a folder, in name order; none where there is no such folder. Hidden files are
/// an editor's, not the operator's.
fn toml_files(folder: &Path, report: &Report) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            report.push(Diagnostic::error(At::Path(folder.to_path_buf()), format!("cannot be read: {error}")));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')))
        .collect();
    files.sort();
    files
}

/// A variable that has the form of a key and is none is a slip that would go unnoticed.
fn check_variables(sources: &Sources, publish: &Publish, env: &dyn Env, report: &Report) {
    let known = report.variables();
    let credentials: Vec<&str> = sources
        .iter()
        .filter_map(|source| source.credential.as_ref())
        .chain(&publish.signing_key)
        .chain(publish.upload.iter().flat_map(|u| [&u.access_key, &u.secret_key]))
        .filter_map(|credential| match credential {
            Credential::Env(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let mut names = env.names();
    names.sort();
    for name in names {
        near_miss(&name, &credentials, report);
        if !claims_a_key(&name) || known.contains(&name) || credentials.contains(&name.as_str()) {
            continue;
        }
        let what = "no key of guichet.toml is set by this variable";
        let help = match nearest(&name, known.iter().map(String::as_str)) {
            Some(right) => format!("did you mean `{right}`?"),
            None => "write GUICHET_<TABLE>__<KEY>, like GUICHET_HARVEST__PER_HOST".to_owned(),
        };
        report.push(Diagnostic::error(At::Variable(name), what).help(help));
    }
}

/// `GUICHET_DATADIR` may be the operator's own variable, but is more likely a slip.
fn near_miss(name: &str, credentials: &[&str], report: &Report) {
    for key in ["GUICHET_DATA_DIR", "GUICHET_SOURCES"] {
        let distance = strsim::damerau_levenshtein(name, key);
        if (1..=2).contains(&distance) && !credentials.contains(&name) {
            let at = At::Variable(name.to_owned());
            let what = "this variable sets nothing";
            report.push(Diagnostic::warning(at, what).help(format!("did you mean `{key}`?")));
        }
    }
}

/// The state directory that systemd made for the service.
fn systemd_state(env: &dyn Env) -> Option<PathBuf> {
    let list = env.get("STATE_DIRECTORY")?;
    list.split(':').next().filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn absolute(path: impl AsRef<Path>) -> PathBuf {
    std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_path_buf())
}

/// Without `..` where it follows a name: messages and watches want one path for one file.
/// Symbolic links are left alone, since operators link configurations on purpose.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        let back = part == std::path::Component::ParentDir;
        if back && matches!(out.components().next_back(), Some(std::path::Component::Normal(_))) {
            out.pop();
        } else {
            out.push(part);
        }
    }
    out
}

fn folder(file: &Path) -> PathBuf {
    file.parent().map(PathBuf::from).unwrap_or_default()
}

fn beside(file: &Path, name: &str) -> PathBuf {
    folder(file).join(name)
}

/// Warns of configuration that others than its owner can write: under a daemon, whoever can write
/// sources.toml decides what the service fetches. Asked for by `run` and `check` only.
pub fn permission_warnings(files: &Files) -> Diagnostics {
    let mut found = Vec::new();
    for path in files.read() {
        if writable_by_others(&path) {
            let what = "others than its owner can write this file, and so decide what the daemon does";
            found.push(Diagnostic::warning(At::Path(path), what).help("chmod go-w"));
        }
    }
    Diagnostics::new(found)
}

#[cfg(unix)]
fn writable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o022 != 0)
}

#[cfg(not(unix))]
fn writable_by_others(_: &Path) -> bool {
    false
}
