//! The configuration through its front door: files in a folder, an environment, what comes out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

/// A folder with a configuration, and an environment.
struct Folder {
    dir: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

const ONE: &str = r#"
[[source]]
id = "a"
name = "A"
url = "https://example.org/a.json"
licence = "etalab-2.0"
"#;

impl Folder {
    fn new(guichet: &str, sources: &str) -> Self {
        let folder = Self {
            dir: tempfile::tempdir().unwrap(),
            env: BTreeMap::new(),
        };
        folder
            .put("config/guichet.toml", guichet)
            .put("sources.toml", sources)
    }
    fn put(self, path: &str, text: &str) -> Self {
        let file = self.dir.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        self
    }
    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }
    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }
    fn load(&self) -> Result<Loaded, Diagnostics> {
        Config::load(Some(&self.path("config/guichet.toml")), None, &self.env)
    }
    fn config(&self) -> Config {
        match self.load() {
            Ok(loaded) => loaded.config,
            Err(found) => panic!("{}", self.shown(&found)),
        }
    }
    /// What is said, without the name of the temporary folder.
    fn shown(&self, found: &Diagnostics) -> String {
        found
            .render(false)
            .replace(&format!("{}/", self.dir.path().display()), "")
    }
    fn errors(&self) -> String {
        self.shown(&self.load().expect_err("the configuration is wrong"))
    }
}

#[test]
fn the_shipped_configuration_is_right_and_warns_of_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guichet = root.join("config/guichet.toml");
    let loaded = Config::load(Some(&guichet), None, &BTreeMap::<String, String>::new());
    let loaded = loaded.unwrap_or_else(|found| panic!("{found}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let config = loaded.config;
    assert_eq!(
        (config.region.name(), config.region.departements().len()),
        (Some("Occitanie"), 13)
    );
    assert_eq!(
        (config.root.as_path(), config.data_dir),
        (root, root.join("var"))
    );
    for source in config.sources.iter() {
        let readable = READABLE_CATALOGS.contains(&source.catalog)
            && READABLE_FORMATS.contains(&source.format);
        assert!(readable || !source.enabled, "{}", source.id);
        assert!(
            source.enabled || source.disabled_reason.is_some(),
            "{} says no reason",
            source.id
        );
        assert!(source.licence.allows_republication(), "{}", source.id);
    }
    assert!(config.sources.enabled().count() >= 20);
    for id in [
        "boamp",
        "ted",
        "approch",
        "aife-dume",
        "dgfip-pes-marche",
        "montpellier-3m",
    ] {
        assert!(config.sources.get(id).is_some(), "{id}");
    }
}

#[test]
fn the_comments_of_the_shipped_file_name_every_default_and_name_it_right() {
    let text = include_str!("../../config/guichet.toml");
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key)
                if key
                    .split_once(" = ")
                    .is_some_and(|(k, v)| !k.contains(' ') && !v.is_empty()) =>
            {
                key
            }
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let explicit = Folder::new(&uncommented, ONE).config();
    let silent = Folder::new(text, ONE).config();
    assert_eq!(explicit.harvest, silent.harvest);
    assert_eq!(explicit.publish, silent.publish);
    assert_eq!(
        (explicit.serve, explicit.merge),
        (silent.serve, silent.merge)
    );
    assert_eq!(
        (explicit.archive, explicit.log),
        (silent.archive, silent.log)
    );
    for key in [
        "concurrency",
        "force_refresh_days",
        "max_drop",
        "listen",
        "compression_level",
    ] {
        assert!(
            uncommented.contains(&format!("\n{key} = ")),
            "{key} is not in the file"
        );
    }
}

#[test]
fn every_error_of_every_file_comes_at_once_with_its_line_and_the_nearest_word() {
    let sources = r#"[[source]]
id = "Ville de Nîmes"
name = "A"
url = "ftp://example.org/"
licence = "etalab-2.0"
catalgo = "ods"

[[source]]
id = "b"
url = "https://example.org/b"
licence = "etalab-2.0"
schedule = "0 0 30 2 *"
format = "decp_json"
"#;
    let folder = Folder::new("[harvest]\nread_timeout = 30\nper_hots = 2\n", sources);
    let expected = r#"error: `read_timeout` in [harvest]: a string is expected, not an integer
 --> config/guichet.toml:2:16
  |
2 | read_timeout = 30
  |                ^^
  |
  = help: write a number and a unit, like "200ms", "30s", "15m", "6h", "400d"

error: unknown key `per_hots` in [harvest]
 --> config/guichet.toml:3:1
  |
3 | per_hots = 2
  | ^^^^^^^^
  |
  = help: did you mean `per_host`?

error: `id` in [[source]]: `Ville de Nîmes` is no id of a source
 --> sources.toml:2:6
  |
2 | id = "Ville de Nîmes"
  |      ^^^^^^^^^^^^^^^^
  |
  = help: lower-case letters, digits and `-`, 64 at most, a letter or digit first; for instance `ville-de-nimes`

error: `url` in [[source]]: `ftp:` URLs are not fetched
 --> sources.toml:4:7
  |
4 | url = "ftp://example.org/"
  |       ^^^^^^^^^^^^^^^^^^^^
  |
  = help: write an http:// or https:// URL

error: unknown key `catalgo` in [[source]]
 --> sources.toml:6:1
  |
6 | catalgo = "ods"
  | ^^^^^^^
  |
  = help: did you mean `catalog`?

error: [[source]] `b` lacks `name`
 --> sources.toml:8:1
  |
8 | [[source]]
  | ^^^^^^^^^^
  |
  = help: `id`, `name`, `url` and `licence` are required

error: `schedule` in [[source]]: `0 0 30 2 *` never comes: no year has such a day
  --> sources.toml:12:12
   |
12 | schedule = "0 0 30 2 *"
   |            ^^^^^^^^^^^^
   |
   = help: check the day and the month

error: `format` in [[source]]: `decp_json` is not known
  --> sources.toml:13:10
   |
13 | format = "decp_json"
   |          ^^^^^^^^^^^
   |
   = help: did you mean `decp-json`?

8 errors, 0 warnings
"#;
    assert_eq!(folder.errors(), expected);
    let json = folder.load().unwrap_err().to_json();
    assert_eq!(
        (&json["errors"], &json["diagnostics"][1]["line"]),
        (&8.into(), &3.into())
    );
}

#[test]
fn syntax_errors_do_not_hide_the_others() {
    let folder = Folder::new(
        "[harvest\nretries = 2\n[serve]\nlisten = 8310\n",
        &ONE.replace("licence", "license"),
    );
    let errors = folder.errors();
    assert!(errors.contains("config/guichet.toml:1:"), "{errors}");
    assert!(errors.contains("config/guichet.toml:4:10"), "{errors}");
    assert!(errors.contains("did you mean `licence`?"), "{errors}");
}

#[test]
fn an_id_stands_once_over_all_files_and_the_first_place_is_named() {
    let folder = Folder::new("", ONE).put("sources.d/20-more.toml", ONE);
    let errors = folder.errors();
    assert!(errors.contains("the id `a` stands twice"), "{errors}");
    assert!(
        errors.contains("sources.d/20-more.toml:3:6") && errors.contains("sources.toml:3:6;"),
        "{errors}"
    );
}

#[test]
fn sources_d_is_read_in_name_order_with_its_own_defaults_over_the_main_ones() {
    let main = format!("[defaults]\nmax_shrink = \"30%\"\nper_host = 3\n{ONE}");
    let more = ONE.replace("\"a\"", "\"b\"");
    let folder = Folder::new("", &main)
        .put(
            "sources.d/10.toml",
            &format!("[defaults]\nper_host = 1\n{more}"),
        )
        .put("sources.d/05.toml", &ONE.replace("\"a\"", "\"c\""))
        .put("sources.d/notes.txt", "not toml")
        .put("sources.d/.10.toml.swp.toml", "[");
    let config = folder.config();
    let names: Vec<_> = config
        .files
        .more_sources
        .iter()
        .map(|p| p.file_name().unwrap())
        .collect();
    assert_eq!(names, ["05.toml", "10.toml"]);
    let of = |id: &str| {
        let source = config.sources.get(id).unwrap();
        (source.max_shrink, source.per_host)
    };
    assert_eq!((of("a"), of("b"), of("c")), ((0.3, 3), (0.3, 1), (0.3, 3)));
}

#[test]
fn an_inherited_schedule_is_spread_and_a_schedule_of_its_own_is_exact() {
    let own = ONE.replace("\"a\"", "\"b\"")
        + "schedule = \"5 4 * * MON\"\ntimezone = \"Indian/Reunion\"\n";
    let config = Folder::new("", &format!("{ONE}{own}")).config();
    let of = |id: &str| config.sources.get(id).unwrap().schedule.clone();
    assert_eq!(
        (
            of("a").line.as_str(),
            of("a").spread,
            of("a").timezone.as_str()
        ),
        ("17 3 * * *", true, "Europe/Paris")
    );
    assert_eq!(
        (
            of("b").line.as_str(),
            of("b").spread,
            of("b").timezone.as_str()
        ),
        ("5 4 * * MON", false, "Indian/Reunion")
    );
}

#[test]
fn a_source_that_says_nothing_takes_the_documented_defaults() {
    let config = Folder::new("[harvest]\nmax_bytes = 1000\ntotal_timeout = \"1m\"\n", ONE).config();
    let source = config.sources.get("a").unwrap();
    assert_eq!(
        (source.catalog, source.format),
        (Catalog::None, Format::Auto)
    );
    assert_eq!(
        (source.authority, source.snapshot, source.enabled),
        (Authority::Platform, Snapshot::Full, true)
    );
    assert_eq!(
        (source.max_bytes, source.timeout),
        (1000, Duration::from_secs(60))
    );
    assert_eq!(
        (source.max_shrink, source.min_records, source.per_host),
        (0.15, None, 2)
    );
    assert!(config.region.is_everywhere());
}

#[test]
fn a_stanza_that_this_version_cannot_read_must_be_disabled() {
    let ods = format!("{ONE}catalog = \"ods\"\nformat = \"boamp\"\n");
    let errors = Folder::new("", &ods).errors();
    assert!(
        errors.contains("this version cannot read the catalogue `ods` yet"),
        "{errors}"
    );
    assert!(
        errors.contains("this version cannot read the format `boamp` yet"),
        "{errors}"
    );
    assert!(errors.contains("enabled = false"), "{errors}");
    let off = Folder::new(
        "",
        &format!("{ods}enabled = false\ndisabled_reason = \"later\"\n"),
    )
    .config();
    assert!(!off.sources.get("a").unwrap().enabled);
}

#[test]
fn secrets_are_never_inline_and_never_shown() {
    for line in [
        "credential = \"hunter2\"",
        "headers = { Authorization = \"Bearer hunter2\" }",
        "headers = { X-Api-Key = \"hunter2\" }",
    ] {
        let errors = Folder::new("", &format!("{ONE}{line}\n")).errors();
        assert!(errors.contains("never inline"), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
    for url in [
        "https://me:hunter2@example.org/",
        "https://example.org/?api_key=hunter2",
    ] {
        let errors = Folder::new("", &ONE.replace("https://example.org/a.json", url)).errors();
        assert!(
            errors.contains("never inline") && !errors.contains("hunter2"),
            "{errors}"
        );
    }
    let file = format!("{ONE}credential = {{ file = \"secret.txt\" }}\n");
    let folder = Folder::new("", &file);
    let expected = Credential::File(folder.path("secret.txt"));
    assert_eq!(
        folder.config().sources.get("a").unwrap().credential,
        Some(expected)
    );
}

#[test]
fn who_speaks_for_buyers_says_for_whom() {
    let errors = Folder::new("", &format!("{ONE}authority = \"buyer\"\n")).errors();
    assert!(errors.contains("needs `buyers`"), "{errors}");
    let errors = Folder::new(
        "",
        &format!("{ONE}buyers = [\"21310555400017\", \"213105555\", \"x\"]\n"),
    )
    .errors();
    assert!(
        errors.contains("this is a SIRET; its SIREN is 213105554"),
        "{errors}"
    );
    assert!(
        errors.contains("check digit is wrong") && errors.contains("nine digits"),
        "{errors}"
    );
}

#[test]
fn an_unknown_licence_warns_and_is_not_republished() {
    for (written, help) in [
        ("unknown", "ask the publisher"),
        ("etalab-20", "did you mean `etalab-2.0`?"),
    ] {
        let folder = Folder::new("", &ONE.replace("etalab-2.0", written));
        let loaded = folder.load().unwrap();
        let shown = folder.shown(&loaded.warnings);
        assert!(
            shown.contains("never published") && shown.contains(help),
            "{shown}"
        );
        assert!(
            !loaded
                .config
                .sources
                .get("a")
                .unwrap()
                .licence
                .allows_republication()
        );
    }
}

#[test]
fn bad_zones_globs_encodings_and_dates_are_errors_with_a_way_out() {
    for (line, expected) in [
        (
            "timezone = \"Europe/Pariss\"",
            "did you mean `Europe/Paris`?",
        ),
        (
            "include = [\"ok\", \"[a\"]\ncatalog = \"datagouv\"",
            "not a pattern",
        ),
        ("encoding = \"latin-un\"", "is not an encoding"),
        ("resource_date = \"%Y-%m\"", "the day (`%d`) is missing"),
        ("max_shrink = 0.2", "write a percentage"),
        ("max_bytes = \"1 gigue\"", "is not a size"),
        ("schedule = \"17 3 * *\"", "4 field(s)"),
        ("user_agent = \"é\"", "visible ASCII"),
        ("credential = { enw = \"X\" }", "did you mean `env`?"),
        ("enabled = \"yes\"", "true or false"),
    ] {
        let errors = Folder::new("", &format!("{ONE}{line}\n")).errors();
        assert!(errors.contains(expected), "{line}\n{errors}");
    }
}

#[test]
fn a_resource_is_wanted_by_its_title_or_its_url() {
    let keys = "catalog = \"datagouv\"\ninclude = [\"*2024*\"]\nexclude = [\"*.CSV\"]\n";
    let config = Folder::new("", &format!("{ONE}{keys}")).config();
    let source = config.sources.get("a").unwrap();
    assert!(source.wants("Marchés 2024", "https://example.org/x.json"));
    assert!(source.wants("Marchés", "https://example.org/2024/x.json"));
    assert!(!source.wants("Marchés 2024", "https://example.org/x.csv"));
    assert!(!source.wants("Marchés 2023", "https://example.org/x.json"));
}

#[test]
fn the_environment_sets_scalars_and_a_slip_in_it_is_an_error() {
    let folder = Folder::new("[harvest]\nper_host = 9\n", ONE)
        .env("GUICHET_HARVEST__PER_HOST", "4")
        .env("GUICHET_HARVEST__MIN_INTERVAL", "0s")
        .env("GUICHET_REGION__INSEE", "76")
        .env("GUICHET_DATA_DIR", "elsewhere")
        .env("GUICHET_NOW", "2026-11-24T03:00:00Z");
    let config = folder.config();
    assert_eq!(
        (config.harvest.per_host, config.harvest.min_interval),
        (4, Duration::ZERO)
    );
    assert_eq!(
        (config.region.name(), config.data_dir),
        (Some("Occitanie"), folder.path("elsewhere"))
    );
    let folder = Folder::new("", ONE)
        .env("GUICHET_HARVEST__PER_HOTS", "4")
        .env("GUICHET_SERVE__LISTEN", "x");
    let errors = folder.errors();
    assert!(
        errors.contains("did you mean `GUICHET_HARVEST__PER_HOST`?"),
        "{errors}"
    );
    assert!(
        errors.contains("GUICHET_SERVE__LISTEN: `listen` in [serve]"),
        "{errors}"
    );
}

#[test]
fn sources_are_found_where_the_key_says_else_beside_else_in_the_parent() {
    let named = Folder::new(
        "sources = \"../other/s.toml\"\ndata_dir = \"d\"",
        "broken = [",
    )
    .put("other/s.toml", ONE);
    let config = named.config();
    assert_eq!(
        (config.root, config.data_dir),
        (named.path("other"), named.path("other/d"))
    );
    let beside = Folder::new("", "broken = [").put("config/sources.toml", ONE);
    assert_eq!(beside.config().root, beside.path("config"));
    let parent = Folder::new("", ONE);
    assert_eq!(parent.config().root, parent.path(""));
    let errors = Folder::new("sources = \"nowhere.toml\"", ONE).errors();
    assert!(
        errors.contains("there is no file config/nowhere.toml"),
        "{errors}"
    );
    assert!(errors.contains("config/guichet.toml:1:11"), "{errors}");
}

#[test]
fn the_command_line_data_directory_is_the_strongest_and_systemd_the_weakest() {
    let folder = Folder::new("", ONE).env("STATE_DIRECTORY", "/var/lib/guichet:/x");
    assert_eq!(folder.config().data_dir, Path::new("/var/lib/guichet"));
    let guichet = folder.path("config/guichet.toml");
    let given = Config::load(Some(&guichet), Some(Path::new("/srv/g")), &folder.env).unwrap();
    assert_eq!(given.config.data_dir, Path::new("/srv/g"));
}

#[test]
fn regions_are_checked_against_the_tables() {
    let errors = Folder::new("[region]\ninsee = \"77\"\n", ONE).errors();
    assert!(
        errors.contains("no région has the Insee code `77`"),
        "{errors}"
    );
    let errors = Folder::new("[region]\ndepartements = [\"31\", \"9\", \"2a\"]\n", ONE).errors();
    assert!(
        errors.contains("did you mean `09`?") && errors.contains("did you mean `2A`?"),
        "{errors}"
    );
    let errors = Folder::new("[region]\ninsee = \"76\"\ndepartements = [\"31\"]\n", ONE).errors();
    assert!(errors.contains("not both"), "{errors}");
    let errors = Folder::new("[region]\nname = \"x\"\n", ONE).errors();
    assert!(errors.contains("no limit"), "{errors}");
    let two = Folder::new("[region]\ndepartements = [\"31\", \"09\"]\n", ONE).config();
    assert_eq!(two.region.name(), Some("09, 31"));
}

#[test]
fn private_hosts_are_addresses_and_never_link_local() {
    let allowed = "[harvest]\nallow_private_hosts = [\"127.0.0.1\", \"127.0.0.1:20100\", \"10.1.0.0/16\", \"[::1]:80\", \"::1\"]\n";
    let config = Folder::new(allowed, ONE).config();
    let shown: Vec<_> = config
        .harvest
        .allow_private_hosts
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        [
            "127.0.0.1",
            "127.0.0.1:20100",
            "10.1.0.0/16",
            "[::1]:80",
            "::1"
        ]
    );
    for bad in [
        "localhost",
        "169.254.169.254",
        "169.254.0.0/16",
        "0.0.0.0/0",
        "fe80::1",
        "10.0.0.0/64",
    ] {
        let errors = Folder::new(
            &format!("[harvest]\nallow_private_hosts = [\"{bad}\"]\n"),
            ONE,
        )
        .errors();
        assert!(errors.contains(bad), "{errors}");
    }
}

#[test]
fn what_this_version_cannot_do_is_said_and_not_ignored() {
    for (table, expected) in [
        (
            "[publish]\nformats = [\"decp.xlsx\"]\n",
            "cannot write `decp.xlsx` yet",
        ),
        (
            "[publish]\nformats = [\"decp.jsn\"]\n",
            "did you mean `decp.json`?",
        ),
        ("[publish]\nsigning_key = { file = \"k\" }\n", "cannot sign"),
        ("[publish.upload]\nbucket = \"b\"\n", "cannot upload"),
        (
            "[register]\nsirene = \"s.csv\"\n",
            "cannot read a SIREN register",
        ),
        ("[privacy]\nmask = true\n", "has no keys in this version"),
    ] {
        let errors = Folder::new(table, ONE).errors();
        assert!(errors.contains(expected), "{errors}");
    }
    let loaded = Folder::new("[merge]\nacross_feeds = true\n", ONE)
        .load()
        .unwrap();
    assert!(loaded.warnings.to_string().contains("across_feeds"));
}

#[test]
fn decisions_are_checked_and_refused_for_now() {
    let good = r#"[[same]]
records = [["21310555400017", "2024-1"], ["21310555400017", "2024-2"]]
who = "op"
why = "seen"
when = 2026-11-24
"#;
    let errors = Folder::new("", ONE)
        .put("config/overrides.toml", good)
        .errors();
    assert!(
        errors.contains("config/overrides.toml:1:1")
            && errors.contains("cannot apply decisions yet"),
        "{errors}"
    );
    let bad = "[[exclude]]\nrecord = [\"213\", \"x\"]\nwhen = \"never\"\n[[smae]]\n";
    let errors = Folder::new("", ONE)
        .put("config/overrides.toml", bad)
        .errors();
    for expected in [
        "`213` is no SIRET",
        "a decision lacks `who`, `why`",
        "a date is expected",
        "did you mean `same`?",
    ] {
        assert!(errors.contains(expected), "{expected}\n{errors}");
    }
    let none = Folder::new("", ONE)
        .put("config/overrides.toml", "# nothing yet\n")
        .config();
    assert!(none.decisions.is_empty());
}

#[test]
fn a_missing_a_foreign_and_a_binary_file_are_errors_not_panics() {
    let folder = Folder::new("", ONE);
    let nowhere = Config::load(Some(&folder.path("none.toml")), None, &folder.env).unwrap_err();
    assert!(
        nowhere.to_string().contains("none.toml: cannot be read"),
        "{nowhere}"
    );
    std::fs::write(folder.path("sources.toml"), b"# caf\xe9\n").unwrap();
    assert!(folder.errors().contains("is not UTF-8 (line 1, byte 5)"));
    let odd = "source = 3\n[defaults]\nid = \"x\"\n[[defaults2]]\n\u{0}";
    let errors = Folder::new("source = 1\nharvest = 2\n", odd).errors();
    assert!(
        errors.contains("`harvest` is a table") && errors.contains("`source` is a list"),
        "{errors}"
    );
}

#[test]
fn a_reload_starts_restarts_and_stops_what_changed_and_nothing_else() {
    let three = |list: &[(&str, &str)]| {
        let stanzas: String = list
            .iter()
            .map(|(id, more)| format!("{}{more}\n", ONE.replace("\"a\"", &format!("\"{id}\""))))
            .collect();
        Folder::new("", &stanzas).config().sources
    };
    let old = three(&[("a", ""), ("b", ""), ("c", ""), ("d", "enabled = false")]);
    let new = three(&[
        ("a", ""),
        ("b", "per_host = 1"),
        ("c", "enabled = false"),
        ("d", ""),
        ("e", ""),
    ]);
    let expected = Reload {
        start: ["d", "e"].map(String::from).into(),
        restart: ["b".to_owned()].into(),
        stop: ["c".to_owned()].into(),
    };
    assert_eq!(plan(&old, &new), expected);
    assert!(plan(&old, &old).is_empty());
}

#[test]
fn fingerprints_change_with_what_they_stand_for_and_with_nothing_else() {
    let base = Folder::new("[region]\ninsee = \"76\"\n", ONE).config();
    let wider = Folder::new("[region]\ninsee = \"75\"\n", ONE).config();
    let politer = Folder::new("[region]\ninsee = \"76\"\n[harvest]\nper_host = 1\n", ONE).config();
    assert_ne!(base.decoding_fingerprint(), wider.decoding_fingerprint());
    assert_eq!(base.decoding_fingerprint(), politer.decoding_fingerprint());
    assert_eq!(
        base.publishing_fingerprint(),
        politer.publishing_fingerprint()
    );
    let renamed =
        Folder::new("[region]\ninsee = \"76\"\n", &ONE.replace("\"A\"", "\"B\"")).config();
    assert_ne!(
        base.publishing_fingerprint(),
        renamed.publishing_fingerprint()
    );
    let encoded = Folder::new("", &format!("{ONE}encoding = \"windows-1252\"\n")).config();
    let fingerprint = |config: &Config| config.sources.get("a").unwrap().decoding_fingerprint();
    assert_ne!(fingerprint(&base), fingerprint(&encoded));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_write_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("", ONE);
    let set = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path("sources.toml"), mode).unwrap();
    };
    std::fs::set_permissions(
        folder.path("config/guichet.toml"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    set(0o644);
    assert!(permission_warnings(&folder.config().files).is_empty());
    set(0o664);
    assert_eq!(
        permission_warnings(&folder.config().files).count(Severity::Warning),
        1
    );
}
