use std::os::unix::fs::PermissionsExt;

use super::*;

fn siren(text: &str) -> Siren {
    Siren::parse(text).unwrap()
}

fn masking(dir: &Path, unit: &str) -> Decisions {
    let mut about = About::default();
    about.unit(siren(unit));
    about.uid("21310555400017A1");
    let at = "2026-11-24T03:00:00Z".parse().unwrap();
    Decisions::load(dir).unwrap().decide(What::Mask, &about, "asked for", at).unwrap()
}

#[test]
fn a_decision_says_nothing_of_what_it_is_about_and_only_its_owner_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    masking(dir.path(), "300000015");
    let found = Decisions::load(dir.path()).unwrap();
    assert!(found.masks(&siren("300000015")) && !found.masks(&siren("552045999")));
    assert!(found.redacts_nothing());
    for (name, bytes) in Decisions::export(dir.path()).unwrap() {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("300000015") && !text.contains("21310555400017"), "{text}");
        let mode = fs::metadata(dir.path().join("decisions").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn folders_with_other_secrets_are_joined_and_both_hold() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    masking(a.path(), "300000015");
    masking(b.path(), "552045999");
    let carried = Decisions::export(b.path()).unwrap();
    let joined = Decisions::join(a.path(), &carried).unwrap();
    assert!(joined.masks(&siren("300000015")) && joined.masks(&siren("552045999")));
    assert_eq!(Decisions::join(a.path(), &carried).unwrap().lines.len(), 2, "joined twice is joined once");
}

#[test]
fn a_torn_line_decides_nothing_and_does_not_spoil_the_next() {
    let dir = tempfile::tempdir().unwrap();
    masking(dir.path(), "300000015");
    let log = dir.path().join("decisions").join(LOG);
    let mut text = fs::read(&log).unwrap();
    text.extend_from_slice(b"{\"at\":");
    fs::write(&log, text).unwrap();
    masking(dir.path(), "552045999");
    let found = Decisions::load(dir.path()).unwrap();
    assert_eq!(found.lines.len(), 2);
}

#[test]
fn a_decision_whose_secret_is_lost_stops_everything() {
    let dir = tempfile::tempdir().unwrap();
    masking(dir.path(), "300000015");
    for (name, _) in Decisions::export(dir.path()).unwrap() {
        if name.ends_with(SECRET) {
            fs::remove_file(dir.path().join("decisions").join(name)).unwrap();
        }
    }
    assert!(Decisions::load(dir.path()).unwrap_err().to_string().contains("secret"));
}
