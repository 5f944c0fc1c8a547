//! The configuration through its front door: files in a folder, an environment, what comes out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

mod guichet;
mod sources;

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
        let folder = Self { dir: tempfile::tempdir().unwrap(), env: BTreeMap::new() };
        folder.put("config/guichet.toml", guichet).put("sources.toml", sources)
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
        found.render(false).replace(&format!("{}/", self.dir.path().display()), "")
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
    assert_eq!((config.region.name(), config.region.departements().len()), (Some("Occitanie"), 13));
    assert_eq!((config.root.as_path(), config.data_dir), (root, root.join("var")));
    for source in config.sources.iter() {
        let readable = READABLE_CATALOGS.contains(&source.catalog) && READABLE_FORMATS.contains(&source.format);
        assert!(readable || !source.enabled, "{}", source.id);
        assert!(source.enabled || source.disabled_reason.is_some(), "{} says no reason", source.id);
        assert!(source.licence.allows_republication(), "{}", source.id);
    }
    assert!(config.sources.enabled().count() >= 20);
    for id in ["boamp", "ted", "approch", "aife-dume", "dgfip-pes-marche", "montpellier-3m"] {
        assert!(config.sources.get(id).is_some(), "{id}");
    }
}

#[test]
fn the_comments_of_the_shipped_file_name_every_default_and_name_it_right() {
    let text = include_str!("../../config/guichet.toml");
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.split_once(" = ").is_some_and(|(k, v)| !k.contains(' ') && !v.is_empty()) => key,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let explicit = Folder::new(&uncommented, ONE).config();
    let silent = Folder::new(text, ONE).config();
    assert_eq!(explicit.harvest, silent.harvest);
    assert_eq!(explicit.publish, silent.publish);
    assert_eq!((explicit.serve, explicit.merge), (silent.serve, silent.merge));
    assert_eq!((explicit.archive, explicit.log), (silent.archive, silent.log));
    for key in ["concurrency", "force_refresh_days", "max_drop", "listen", "compression_level"] {
        assert!(uncommented.contains(&format!("\n{key} = ")), "{key} is not in the file");
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
    assert_eq!((&json["errors"], &json["diagnostics"][1]["line"]), (&8.into(), &3.into()));
}

#[test]
fn syntax_errors_do_not_hide_the_others() {
    let folder = Folder::new("[harvest\nretries = 2\n[serve]\nlisten = 8310\n", &ONE.replace("licence", "license"));
    let errors = folder.errors();
    assert!(errors.contains("config/guichet.toml:1:"), "{errors}");
    assert!(errors.contains("config/guichet.toml:4:10"), "{errors}");
    assert!(errors.contains("did you mean `licence`?"), "{errors}");
}

#[test]
fn a_missing_a_foreign_and_a_binary_file_are_errors_not_panics() {
    let folder = Folder::new("", ONE);
    let nowhere = Config::load(Some(&folder.path("none.toml")), None, &folder.env).unwrap_err();
    assert!(nowhere.to_string().contains("none.toml: cannot be read"), "{nowhere}");
    std::fs::write(folder.path("sources.toml"), b"# caf\xe9\n").unwrap();
    assert!(folder.errors().contains("is not UTF-8 (line 1, byte 5)"));
    let odd = "source = 3\n[defaults]\nid = \"x\"\n[[defaults2]]\n\u{0}";
    let errors = Folder::new("source = 1\nharvest = 2\n", odd).errors();
    assert!(errors.contains("`harvest` is a table") && errors.contains("`source` is a list"), "{errors}");
}

#[test]
fn fingerprints_change_with_what_they_stand_for_and_with_nothing_else() {
    let base = Folder::new("[region]\ninsee = \"76\"\n", ONE).config();
    let wider = Folder::new("[region]\ninsee = \"75\"\n", ONE).config();
    let politer = Folder::new("[region]\ninsee = \"76\"\n[harvest]\nper_host = 1\n", ONE).config();
    assert_ne!(base.decoding_fingerprint(), wider.decoding_fingerprint());
    assert_eq!(base.decoding_fingerprint(), politer.decoding_fingerprint());
    assert_eq!(base.publishing_fingerprint(), politer.publishing_fingerprint());
    let renamed = Folder::new("[region]\ninsee = \"76\"\n", &ONE.replace("\"A\"", "\"B\"")).config();
    assert_ne!(base.publishing_fingerprint(), renamed.publishing_fingerprint());
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
    std::fs::set_permissions(folder.path("config/guichet.toml"), std::fs::Permissions::from_mode(0o644)).unwrap();
    set(0o644);
    assert!(permission_warnings(&folder.config().files).is_empty());
    set(0o664);
    assert_eq!(permission_warnings(&folder.config().files).count(Severity::Warning), 1);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_and_each_fault_has_its_line(
        guichet in "(\\[(harvest|region|serve|x)\\]\n|[a-z_]{1,9} = (\"[^\"]{0,9}\"|[0-9]{1,3}|\\[|\\{)\n|\\PC|\n){0,20}",
        sources in "(\\[\\[source\\]\\]\n|\\[defaults\\]\n|(id|url|name|buyers|headers|licence) = (\"\\PC{0,9}\"|\\[\"é\"\\]|1|\\{)\n|\\PC|\n){0,20}",
    ) {
        let folder = Folder::new(&guichet, &sources).put("config/overrides.toml", &sources);
        let found = match folder.load() {
            Ok(loaded) => loaded.warnings,
            Err(found) => found,
        };
        for diagnostic in found.iter() {
            if let At::Span(file, _) = &diagnostic.at {
                let line = diagnostic.to_json()["line"].as_u64().unwrap() as usize;
                proptest::prop_assert!(line <= file.text.split('\n').count());
            }
        }
        proptest::prop_assert!(found.render(false).contains("errors") || found.render(false).contains("error"));
    }
}

#[test]
fn ten_thousand_faulty_stanzas_are_reported_in_a_moment() {
    let stanza = "[[source]]\nid = \"x\"\nname = 3\nurl = \"https://example.org\"\n";
    let folder = Folder::new("", &stanza.repeat(10_000));
    let found = folder.load().unwrap_err();
    assert_eq!(found.count(Severity::Error), 29_999, "type, licence, and the repeated id");
    assert!(found.render(false).len() > 1_000_000);
}
