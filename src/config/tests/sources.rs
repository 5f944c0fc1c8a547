//! sources.toml and sources.d.

use super::*;

#[test]
fn an_id_stands_once_over_all_files_and_the_first_place_is_named() {
    let folder = Folder::new("", ONE).put("sources.d/20-more.toml", ONE);
    let errors = folder.errors();
    assert!(errors.contains("the id `a` stands twice"), "{errors}");
    assert!(errors.contains("sources.d/20-more.toml:3:6") && errors.contains("sources.toml:3:6;"), "{errors}");
}

#[test]
fn sources_d_is_read_in_name_order_with_its_own_defaults_over_the_main_ones() {
    let main = format!("[defaults]\nmax_shrink = \"30%\"\nper_host = 3\n{ONE}");
    let more = ONE.replace("\"a\"", "\"b\"");
    let folder = Folder::new("", &main)
        .put("sources.d/10.toml", &format!("[defaults]\nper_host = 1\n{more}"))
        .put("sources.d/05.toml", &ONE.replace("\"a\"", "\"c\""))
        .put("sources.d/notes.txt", "not toml")
        .put("sources.d/.10.toml.swp.toml", "[");
    let config = folder.config();
    let names: Vec<_> = config.files.more_sources.iter().map(|p| p.file_name().unwrap()).collect();
    assert_eq!(names, ["05.toml", "10.toml"]);
    let of = |id: &str| {
        let source = config.sources.get(id).unwrap();
        (source.max_shrink, source.per_host)
    };
    assert_eq!((of("a"), of("b"), of("c")), ((0.3, 3), (0.3, 1), (0.3, 3)));
}

#[test]
fn an_inherited_schedule_is_spread_and_a_schedule_of_its_own_is_exact() {
    let own = ONE.replace("\"a\"", "\"b\"") + "schedule = \"5 4 * * MON\"\ntimezone = \"Indian/Reunion\"\n";
    let config = Folder::new("", &format!("{ONE}{own}")).config();
    let of = |id: &str| config.sources.get(id).unwrap().schedule.clone();
    assert_eq!(
        (of("a").line.as_str(), of("a").spread, of("a").timezone.as_str()),
        ("17 3 * * *", true, "Europe/Paris")
    );
    assert_eq!(
        (of("b").line.as_str(), of("b").spread, of("b").timezone.as_str()),
        ("5 4 * * MON", false, "Indian/Reunion")
    );
}

#[test]
fn a_source_that_says_nothing_takes_the_documented_defaults() {
    let config = Folder::new("[harvest]\nmax_bytes = 1000\ntotal_timeout = \"1m\"\n", ONE).config();
    let source = config.sources.get("a").unwrap();
    assert_eq!((source.catalog, source.format), (Catalog::None, Format::Auto));
    assert_eq!((source.authority, source.snapshot, source.enabled), (Authority::Platform, Snapshot::Full, true));
    assert_eq!((source.max_bytes, source.timeout), (1000, Duration::from_secs(60)));
    assert_eq!((source.max_shrink, source.min_records, source.per_host), (0.15, None, 2));
    assert!(config.region.is_everywhere());
}

#[test]
fn a_stanza_that_this_version_cannot_read_must_be_disabled() {
    let ods = format!("{ONE}catalog = \"ted\"\nformat = \"boamp\"\n");
    let errors = Folder::new("", &ods).errors();
    assert!(errors.contains("this version cannot read the catalogue `ted` yet"), "{errors}");
    assert!(errors.contains("this version cannot read the format `boamp` yet"), "{errors}");
    assert!(errors.contains("enabled = false"), "{errors}");
    let off = Folder::new("", &format!("{ods}enabled = false\ndisabled_reason = \"later\"\n")).config();
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
    for url in ["https://me:hunter2@example.org/", "https://example.org/?api_key=hunter2"] {
        let errors = Folder::new("", &ONE.replace("https://example.org/a.json", url)).errors();
        assert!(errors.contains("never inline") && !errors.contains("hunter2"), "{errors}");
    }
    let file = format!("{ONE}credential = {{ file = \"secret.txt\" }}\n");
    let folder = Folder::new("", &file);
    let expected = Credential::File(folder.path("secret.txt"));
    assert_eq!(folder.config().sources.get("a").unwrap().credential, Some(expected));
}

#[test]
fn who_speaks_for_buyers_says_for_whom() {
    let errors = Folder::new("", &format!("{ONE}authority = \"buyer\"\n")).errors();
    assert!(errors.contains("needs `buyers`"), "{errors}");
    let errors = Folder::new("", &format!("{ONE}buyers = [\"21310555400017\", \"213105555\", \"x\"]\n")).errors();
    assert!(errors.contains("this is a SIRET; its SIREN is 213105554"), "{errors}");
    assert!(errors.contains("check digit is wrong") && errors.contains("nine digits"), "{errors}");
}

#[test]
fn an_unknown_licence_warns_and_is_not_republished() {
    for (written, help) in [("unknown", "ask the publisher"), ("etalab-20", "did you mean `etalab-2.0`?")] {
        let folder = Folder::new("", &ONE.replace("etalab-2.0", written));
        let loaded = folder.load().unwrap();
        let shown = folder.shown(&loaded.warnings);
        assert!(shown.contains("never published") && shown.contains(help), "{shown}");
        assert!(!loaded.config.sources.get("a").unwrap().licence.allows_republication());
    }
}

#[test]
fn a_window_in_a_full_snapshot_warns_that_old_records_will_count_as_withdrawn() {
    let windowed = format!("{ONE}catalog = \"ods\"\nwhere = \"x = 1\"\nwindow = \"400d\"\n");
    let folder = Folder::new("", &windowed);
    let loaded = folder.load().unwrap();
    assert!(folder.shown(&loaded.warnings).contains("say snapshot = \"incremental\""));
    let source = loaded.config.sources.get("a").unwrap();
    assert_eq!((source.filter.as_deref(), source.window), (Some("x = 1"), Some(Duration::from_secs(400 * 86_400))));
    let folder = Folder::new("", &format!("{windowed}snapshot = \"incremental\"\n"));
    assert!(folder.load().unwrap().warnings.is_empty());
}

#[test]
fn bad_zones_globs_encodings_and_dates_are_errors_with_a_way_out() {
    for (line, expected) in [
        ("timezone = \"Europe/Pariss\"", "did you mean `Europe/Paris`?"),
        ("include = [\"ok\", \"[a\"]\ncatalog = \"datagouv\"", "not a pattern"),
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
fn a_reload_starts_restarts_and_stops_what_changed_and_nothing_else() {
    let three = |list: &[(&str, &str)]| {
        let stanzas: String =
            list.iter().map(|(id, more)| format!("{}{more}\n", ONE.replace("\"a\"", &format!("\"{id}\"")))).collect();
        Folder::new("", &stanzas).config().sources
    };
    let old = three(&[("a", ""), ("b", ""), ("c", ""), ("d", "enabled = false")]);
    let new = three(&[("a", ""), ("b", "per_host = 1"), ("c", "enabled = false"), ("d", ""), ("e", "")]);
    let expected = Reload {
        start: ["d", "e"].map(String::from).into(),
        restart: ["b".to_owned()].into(),
        stop: ["c".to_owned()].into(),
    };
    assert_eq!(plan(&old, &new), expected);
    assert!(plan(&old, &old).is_empty());
}
