//! guichet.toml, the environment, overrides.toml.

use super::*;

#[test]
fn the_environment_sets_scalars_and_a_slip_in_it_is_an_error() {
    let folder = Folder::new("[harvest]\nper_host = 9\n", ONE)
        .env("GUICHET_HARVEST__PER_HOST", "4")
        .env("GUICHET_HARVEST__MIN_INTERVAL", "0s")
        .env("GUICHET_REGION__INSEE", "76")
        .env("GUICHET_DATA_DIR", "elsewhere")
        .env("GUICHET_NOW", "2026-11-24T03:00:00Z");
    let config = folder.config();
    assert_eq!((config.harvest.per_host, config.harvest.min_interval), (4, Duration::ZERO));
    assert_eq!((config.region.name(), config.data_dir), (Some("Occitanie"), folder.path("elsewhere")));
    let folder = Folder::new("", ONE).env("GUICHET_HARVEST__PER_HOTS", "4").env("GUICHET_SERVE__LISTEN", "x");
    let errors = folder.errors();
    assert!(errors.contains("did you mean `GUICHET_HARVEST__PER_HOST`?"), "{errors}");
    assert!(errors.contains("GUICHET_SERVE__LISTEN: `listen` in [serve]"), "{errors}");
}

#[test]
fn sources_are_found_where_the_key_says_else_beside_else_in_the_parent() {
    let named = Folder::new("sources = \"../other/s.toml\"\ndata_dir = \"d\"", "broken = [").put("other/s.toml", ONE);
    let config = named.config();
    assert_eq!((config.root, config.data_dir), (named.path("other"), named.path("other/d")));
    let beside = Folder::new("", "broken = [").put("config/sources.toml", ONE);
    assert_eq!(beside.config().root, beside.path("config"));
    let parent = Folder::new("", ONE);
    assert_eq!(parent.config().root, parent.path(""));
    let errors = Folder::new("sources = \"nowhere.toml\"", ONE).errors();
    assert!(errors.contains("there is no file config/nowhere.toml"), "{errors}");
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
    assert!(errors.contains("no région has the Insee code `77`"), "{errors}");
    let errors = Folder::new("[region]\ndepartements = [\"31\", \"9\", \"2a\"]\n", ONE).errors();
    assert!(errors.contains("did you mean `09`?") && errors.contains("did you mean `2A`?"), "{errors}");
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
    let shown: Vec<_> = config.harvest.allow_private_hosts.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1", "127.0.0.1:20100", "10.1.0.0/16", "[::1]:80", "::1"]);
    for bad in ["localhost", "169.254.169.254", "169.254.0.0/16", "0.0.0.0/0", "fe80::1", "10.0.0.0/64"] {
        let errors = Folder::new(&format!("[harvest]\nallow_private_hosts = [\"{bad}\"]\n"), ONE).errors();
        assert!(errors.contains(bad), "{errors}");
    }
}

#[test]
fn what_this_version_cannot_do_is_said_and_not_ignored() {
    for (table, expected) in [
        ("[publish]\nformats = [\"ocds.jsonl\"]\n", "cannot write `ocds.jsonl` yet"),
        ("[publish]\nformats = [\"decp.jsn\"]\n", "did you mean `decp.json`?"),
        ("[publish]\nsigning_key = \"RWRTY0IyAAAA\"\n", "never inline"),
        ("[publish.upload]\nbucket = \"b\"\n", "[publish.upload] lacks kind"),
        ("[privacy]\nmask = true\n", "has no keys in this version"),
    ] {
        let errors = Folder::new(table, ONE).errors();
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn one_contract_under_different_ids_is_looked_for_unless_switched_off() {
    let across = |table: &str| Folder::new(table, ONE).load().unwrap().config.merge.across_feeds;
    assert!(across(""));
    assert!(across("[merge]\nacross_feeds = true\n"));
    assert!(!across("[merge]\nacross_feeds = false\n"));
    let errors = Folder::new("[merge]\nacross_feeds = \"no\"\n", ONE).errors();
    assert!(errors.contains("guichet.toml:2:"), "{errors}");
    let print = |table: &str| Folder::new(table, ONE).load().unwrap().config.publishing_fingerprint();
    assert_ne!(print(""), print("[merge]\nacross_feeds = false\n"));
}

fn same(records: &str) -> String {
    format!("[[same]]\nrecords = [{records}]\nwho = \"op\"\nwhy = \"seen\"\nwhen = 2026-11-24\n")
}

fn decided(text: &str) -> Folder {
    Folder::new("", ONE).put("config/overrides.toml", text)
}

const R1: &str = "[\"21310555400017\", \"2024-1\"]";
const R2: &str = "[\"21310555400017\", \" 2024-2 \"]";
const R3: &str = "[\"21310555400025\", \"2024-3\"]";

#[test]
fn decisions_are_read_with_their_places_and_faulty_ones_refused_all_at_once() {
    let config = decided(&same(&format!("{R2}, {R1}"))).config();
    let [placed] = config.decisions.as_slice() else { panic!("{:?}", config.decisions) };
    let ids: Vec<&str> = placed.decision.records.iter().map(|r| r.1.as_str()).collect();
    assert_eq!((placed.decision.verdict, ids), (Verdict::Same, vec!["2024-1", "2024-2"]));
    assert!(placed.place().ends_with("overrides.toml:1:1"), "{}", placed.place());
    assert!(placed.records_at[0].place().ends_with("overrides.toml:2:44"), "{}", placed.records_at[0].place());
    let bad = "[[exclude]]\nrecord = [\"213\", \"x\"]\nwhen = \"never\"\n[[smae]]\n";
    let errors = decided(bad).errors();
    for expected in ["`213` is no SIRET", "a decision lacks `who`, `why`", "a date is expected", "did you mean `same`?"]
    {
        assert!(errors.contains(expected), "{expected}\n{errors}");
    }
    assert!(decided(&same(&format!("{R1}, {R1}"))).errors().contains("two different records at least"));
    assert!(decided("# nothing yet\n").config().decisions.is_empty());
}

#[test]
fn decisions_that_contradict_directly_or_through_others_are_errors_at_their_places() {
    let rest = "who = \"op\"\nwhy = \"seen\"\nwhen = 2026-11-24\n";
    let text = same(&format!("{R1}, {R2}"))
        + &same(&format!("{R2}, {R3}"))
        + &format!("[[different]]\nrecords = [{R1},\n  {R3}]\n{rest}")
        + &format!("[[exclude]]\nrecord = {R2}\n{rest}")
        + &same(&format!("{R1}, [\"21340172201787\", \"9\"]"));
    let errors = decided(&text).errors();
    for expected in [
        "overrides.toml:13:3",
        "[\"21310555400017\", \"2024-1\"] and [\"21310555400025\", \"2024-3\"] are decided to be different here",
        "overrides.toml:18:10",
        "[\"21310555400017\", \"2024-2\"] is excluded here",
        "overrides.toml:23:42",
        "`same` over two buyers: SIREN 213105554 and 213401722",
    ] {
        assert!(errors.contains(expected), "{expected}\n{errors}");
    }
    assert!(errors.contains("3 errors"), "{errors}");
}

#[test]
fn only_what_a_decision_says_is_part_of_the_fingerprint_not_who_took_it_nor_where_it_stands() {
    let print = |text: &str| decided(text).config().publishing_fingerprint();
    let one = same(&format!("{R1}, {R2}"));
    assert_eq!(print(&one), print(&one.replace("seen", "heard").replace("[[same]]", "# why\n[[same]]")));
    assert_ne!(print(&one), print(&same(&format!("{R1}, {R3}"))));
    assert_ne!(print(&one), print(""));
}

const UNITS: &str = "siren,statutDiffusionUniteLegale,denominationUniteLegale,nomUniteLegale,categorieEntreprise,categorieJuridiqueUniteLegale\n";
const SEATS: &str = "siret,etablissementSiege,codeCommuneEtablissement\n";

#[test]
fn the_files_of_the_register_are_one_or_a_list_and_start_at_the_folder_of_the_sources() {
    let with = |sirene: &str| {
        let folder = Folder::new(&format!("[register]\nsirene = {sirene}\n"), ONE);
        folder.put("sirene/u.csv", UNITS).put("sirene/e.csv", SEATS)
    };
    let both = with("[\"sirene/u.csv\", \"./sirene/../sirene/e.csv\"]");
    assert_eq!(both.config().register, [both.path("sirene/u.csv"), both.path("sirene/e.csv")]);
    assert!(both.load().unwrap().warnings.is_empty());
    let units = with("\"sirene/u.csv\"");
    assert_eq!(units.config().register, [units.path("sirene/u.csv")]);
    assert!(units.load().unwrap().warnings.to_string().contains("has no seats"));
    let seats = with("\"sirene/u.csv\"").env("GUICHET_REGISTER__SIRENE", "sirene/e.csv");
    assert_eq!(seats.config().register, [seats.path("sirene/e.csv")]);
    assert!(seats.load().unwrap().warnings.to_string().contains("has no legal units"));
    assert!(Folder::new("", ONE).config().register.is_empty());
}

#[test]
fn a_file_of_the_register_that_is_missing_or_lacks_a_column_is_an_error_at_its_place() {
    let lacking = UNITS.replace("statutDiffusionUniteLegale", "statutDiffusionUniteLegal");
    let folder = Folder::new("[register]\nsirene = [\"nowhere.csv\",\n  \"u.csv\", 3]\n", ONE).put("u.csv", &lacking);
    let errors = folder.errors();
    for expected in [
        "guichet.toml:2:11",
        "there is no file nowhere.csv",
        "guichet.toml:3:3",
        "`statutDiffusionUniteLegale` (the nearest it has is `statutDiffusionUniteLegal`)",
        "a string is expected",
    ] {
        assert!(errors.contains(expected), "{expected}\n{errors}");
    }
}

const UPLOAD: &str = "[publish.upload]\nkind = \"s3\"\nendpoint = \"https://s3.example.org\"\nbucket = \"decp\"\n\
    access_key = { env = \"S3_ACCESS\" }\nsecret_key = { file = \"keys/s3\" }\n";

#[test]
fn an_upload_names_its_bucket_and_where_its_keys_are() {
    let folder = Folder::new(UPLOAD, ONE);
    let upload = folder.config().publish.upload.unwrap();
    assert_eq!(upload.shown(), "https://s3.example.org/decp/");
    assert_eq!((upload.region.as_str(), upload.prefix.as_str(), upload.path_style), ("us-east-1", "", true));
    assert_eq!(upload.access_key, Credential::Env("S3_ACCESS".to_owned()));
    assert_eq!(upload.secret_key, Credential::File(folder.path("keys/s3")));
    let more = format!("{UPLOAD}prefix = \"/a/b/\"\nregion = \"gra\"\npath_style = false\n");
    let upload =
        Folder::new(&more, ONE).env("GUICHET_PUBLISH__UPLOAD__BUCKET", "other").config().publish.upload.unwrap();
    assert_eq!((upload.prefix.as_str(), upload.bucket.as_str(), upload.path_style), ("a/b/", "other", false));
    assert_eq!(Folder::new("", ONE).config().publish.upload, None);
    let print = |table: &str| Folder::new(table, ONE).load().unwrap().config.publishing_fingerprint();
    assert_eq!(print(""), print(UPLOAD), "where it is uploaded changes nothing in a publication");
}

#[test]
fn every_slip_in_an_upload_is_an_error_at_its_place() {
    for (from, to, place, expected) in [
        ("kind = \"s3\"", "kind = \"ftp\"", "guichet.toml:2:", "`ftp` is not known"),
        ("https://s3.example.org", "s3.example.org", "guichet.toml:3:", "is no URL"),
        ("https://s3.example.org", "https://key:word@s3.example.org", "guichet.toml:3:", "never inline"),
        ("https://s3.example.org", "https://s3.example.org/?x=1", "guichet.toml:3:", "query"),
        ("\"decp\"", "\"De_cp\"", "guichet.toml:4:", "no name of a bucket"),
        ("{ env = \"S3_ACCESS\" }", "\"AKIAEXAMPLE\"", "guichet.toml:5:", "never inline"),
        ("{ file = \"keys/s3\" }", "{ path = \"keys/s3\" }", "guichet.toml:6:", "unknown key `path`"),
        ("bucket =", "prefix = \"a/../b\"\nbucket =", "guichet.toml:4:", "cannot begin a key"),
        ("bucket =", "regoin = \"gra\"\nbucket =", "guichet.toml:4:", "did you mean `region`"),
        ("bucket = \"decp\"\n", "", "guichet.toml:1:", "lacks bucket"),
        ("[publish.upload]", "[publish]\nformats = [\"decp.csv\"]\n[publish.upload]", "guichet.toml:", "decp.parquet"),
    ] {
        let errors = Folder::new(&UPLOAD.replace(from, to), ONE).errors();
        assert!(errors.contains(place) && errors.contains(expected), "{from} → {to}: {errors}");
        assert!(!errors.contains("AKIAEXAMPLE") && !errors.contains("word@"), "{errors}");
    }
}
