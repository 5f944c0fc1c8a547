//! The store through its front door: what stands after batches, flips and kills.

use std::collections::BTreeSet;

use super::*;
use crate::record::*;

const BUYER: &str = "213105554";

struct Fixture {
    _dir: tempfile::TempDir,
    store: Store,
    source: i64,
    next: i64,
}

fn day(n: i32) -> Day {
    Day::from_number(20_000 + n).unwrap()
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("guichet.db")).unwrap();
        let row = SourceRow {
            n: 0,
            id: "a".into(),
            name: "A".into(),
            url: "http://127.0.0.1/".into(),
            licence: "etalab-2.0".into(),
            authority: "platform".into(),
            buyers: vec![],
            snapshot: "full".into(),
        };
        let source = store.enter_source(row).unwrap();
        let next = store.next_observation_id().unwrap();
        Self { _dir: dir, store, source, next }
    }

    fn seen(&self, resource: &str, day: Day) -> ResourceSeen {
        ResourceSeen {
            source: self.source,
            id: resource.into(),
            url: "http://127.0.0.1/x".into(),
            title: "x".into(),
            resource_date: None,
            day,
            checksum: None,
            validators: Some(Validators { etag: Some("\"1\"".into()), last_modified: None }),
            full_fetch: true,
        }
    }

    /// A harvest of one resource whose records are told apart by a letter.
    fn harvest(&mut self, resource: &str, letters: &str, day: Day, end: FlipEnd) {
        let mut known = self.store.snapshot().unwrap().known_records(self.source).unwrap();
        let (first_new_id, mut batch, mut entries) = (self.next, Vec::new(), Vec::new());
        for letter in letters.bytes() {
            let hash = u128::from(letter);
            let what = known.get(hash).unwrap_or_else(|| {
                let id = self.next;
                self.next += 1;
                batch.push(NewObservation {
                    id,
                    hash,
                    siren: BUYER.parse().unwrap(),
                    last_day: None,
                    repaired: false,
                    missing: 0,
                    body: body(letter),
                });
                known.add(hash, Known::Observation(id));
                Known::Observation(id)
            });
            entries.push(Entry::new(hash, what));
        }
        self.store.append(self.source, day, batch).wait().unwrap();
        let buyers = BTreeSet::from([BUYER.parse().unwrap()]);
        let flip = Flip {
            seen: self.seen(resource, day),
            sha256: format!("{resource}-{letters}"),
            bytes: 1,
            entries,
            quarantine: vec![],
            end,
            error: None,
            full_snapshot: true,
            first_new_id,
            buyers,
        };
        self.store.flip(flip).unwrap();
    }

    /// letter, resource, position, gone, withdrawn of all that stands.
    fn standing(&self) -> Vec<(String, String, u32, bool, bool)> {
        let input = self.store.snapshot().unwrap().buyer(Siren::parse(BUYER).unwrap()).unwrap();
        let mut rows: Vec<_> = input
            .rows
            .into_iter()
            .map(|r| (r.observation.record.id.to_string(), r.resource, r.position, r.gone.is_some(), r.withdrawn))
            .collect();
        rows.sort();
        rows
    }
}

fn body(letter: u8) -> Vec<u8> {
    let id = LocalId::new(&char::from(letter).to_string()).unwrap();
    let observation = Observation {
        format: Format::V2022,
        record: Record::new(Kind::Marche, Siret::parse(&format!("{BUYER}00017")).unwrap(), id),
        declared: vec![],
        findings: vec![],
        seat: Where::Inside,
        place: Where::Unknown,
    };
    postcard::to_allocvec(&observation).unwrap()
}

fn at(letter: &str, resource: &str, position: u32) -> (String, String, u32, bool, bool) {
    (letter.into(), resource.into(), position, false, false)
}

#[test]
fn an_observation_stands_at_the_smallest_resource_that_holds_it() {
    let mut f = Fixture::new();
    f.harvest("r2", "ab", day(0), FlipEnd::Complete);
    f.harvest("r1", "xa", day(0), FlipEnd::Complete);
    assert_eq!(f.standing(), [at("a", "r1", 1), at("b", "r2", 1), at("x", "r1", 0)]);
    f.harvest("r1", "x", day(0), FlipEnd::Complete);
    assert_eq!(f.standing(), [at("a", "r2", 0), at("b", "r2", 1), at("x", "r1", 0)]);
}

#[test]
fn further_resources_that_hold_an_observation_are_named_beside_until_they_hold_it_no_more() {
    let mut f = Fixture::new();
    let also = |f: &Fixture| {
        let input = f.store.snapshot().unwrap().buyer(Siren::parse(BUYER).unwrap()).unwrap();
        let named = |r: crate::store::MergeRow| (r.observation.record.id.to_string(), r.resource, r.also_in.join(" "));
        let mut rows: Vec<_> = input.rows.into_iter().map(named).collect();
        rows.sort();
        rows.into_iter().map(|(id, at, also)| format!("{id}@{at}+{also}")).collect::<Vec<_>>().join(" ")
    };
    f.harvest("r2", "ab", day(0), FlipEnd::Complete);
    f.harvest("r3", "a", day(0), FlipEnd::Complete);
    f.harvest("r1", "xa", day(0), FlipEnd::Complete);
    assert_eq!(also(&f), "a@r1+r2 r3 b@r2+ x@r1+");
    f.harvest("r3", "b", day(1), FlipEnd::Complete);
    assert_eq!(also(&f), "a@r1+r2 b@r2+r3 x@r1+");
    f.harvest("r2", "b", day(1), FlipEnd::Partial);
    assert_eq!(also(&f), "a@r1+r2 b@r2+r3 x@r1+", "a cut payload ends nothing");
    f.harvest("r1", "x", day(1), FlipEnd::Complete);
    assert_eq!(also(&f), "a@r2+ b@r2+r3 x@r1+");
    f.harvest("r2", "b", day(2), FlipEnd::Complete);
    f.harvest("r2", "", day(2), FlipEnd::Complete);
    assert!(also(&f).contains("b@r3+ x@r1+"), "{}", also(&f));
}

#[test]
fn what_left_a_whole_payload_is_gone_and_withdrawn_after_seven_days_without_it() {
    let mut f = Fixture::new();
    f.harvest("r", "ab", day(0), FlipEnd::Complete);
    f.harvest("r", "b", day(1), FlipEnd::Complete);
    assert_eq!(f.standing()[0], ("a".into(), "r".into(), 0, true, false));
    f.store.unchanged(f.seen("r", day(8))).unwrap();
    assert_eq!(f.standing()[0], ("a".into(), "r".into(), 0, true, true));
    f.harvest("r", "ba", day(9), FlipEnd::Complete);
    assert_eq!(f.standing(), [at("a", "r", 1), at("b", "r", 0)]);
}

#[test]
fn a_cut_payload_withdraws_nothing_and_the_next_whole_one_does() {
    let mut f = Fixture::new();
    f.harvest("r", "abc", day(0), FlipEnd::Complete);
    f.harvest("r", "a", day(1), FlipEnd::Partial);
    assert_eq!(f.standing(), [at("a", "r", 0), at("b", "r", 1), at("c", "r", 2)]);
    let counts = f.store.snapshot().unwrap().counts().unwrap();
    assert_eq!(counts[&f.source].records.received, 1);
    f.harvest("r", "xab", day(2), FlipEnd::Complete);
    let gone = ("c".to_owned(), "r".to_owned(), 2, true, false);
    assert_eq!(f.standing(), [at("a", "r", 1), at("b", "r", 2), gone, at("x", "r", 0)]);
}

#[test]
fn the_same_payload_again_marks_no_buyer() {
    let mut f = Fixture::new();
    f.harvest("r", "abab", day(0), FlipEnd::Complete);
    f.store.writer().run("clean", |tx| Ok(tx.execute("DELETE FROM dirty", [])?)).unwrap();
    let buyers = f.store.snapshot().unwrap().known_records(f.source).unwrap();
    assert_eq!(buyers.len(), 2);
    let flip = Flip {
        seen: f.seen("r", day(0)),
        sha256: "again".into(),
        bytes: 1,
        entries: [b'a', b'b', b'a', b'b'].map(|l| Entry::new(l.into(), buyers.get(l.into()).unwrap())).to_vec(),
        quarantine: vec![],
        end: FlipEnd::Complete,
        error: None,
        full_snapshot: true,
        first_new_id: f.next,
        buyers: BTreeSet::new(),
    };
    f.store.flip(flip).unwrap();
    assert_eq!(f.store.dirty_buyers().unwrap(), []);
    let counts = f.store.snapshot().unwrap().counts().unwrap()[&f.source].records;
    assert_eq!((counts.received, counts.accepted, counts.repeats), (4, 2, 2));
}

#[test]
fn forgetting_a_source_leaves_nothing_of_it() {
    let mut f = Fixture::new();
    f.harvest("r", "ab", day(0), FlipEnd::Complete);
    let gone = f.store.forget("a").unwrap();
    assert_eq!((gone.observations, gone.resources), (2, 1));
    assert!(f.standing().is_empty());
    assert!(matches!(f.store.forget("a"), Err(StoreError::UnknownSource(_))));
    assert!(check(f.store.path()).unwrap().is_sound());
}

#[test]
fn other_rules_of_the_merge_make_every_buyer_due_once_contracts_were_made() {
    let mut f = Fixture::new();
    assert!(!f.store.merge_by("1".to_owned()).unwrap(), "nothing was made by other rules");
    f.harvest("r", "ab", day(0), FlipEnd::Complete);
    let made = "INSERT INTO contract (uid, siren, in_scope, withdrawn, body) VALUES ('x', 213105554, 1, 0, x'00'); DELETE FROM dirty";
    f.store.writer().run("make", move |tx| Ok(tx.execute_batch(made)?)).unwrap();
    assert!(f.store.dirty_buyers().unwrap().is_empty());
    assert!(!f.store.merge_by("1".to_owned()).unwrap());
    assert!(f.store.dirty_buyers().unwrap().is_empty());
    assert!(f.store.merge_by("2".to_owned()).unwrap());
    assert_eq!(f.store.dirty_buyers().unwrap().len(), 1);
}

#[test]
fn a_newer_database_is_refused_and_a_backup_comes_back_whole() {
    let mut f = Fixture::new();
    f.harvest("r", "ab", day(0), FlipEnd::Complete);
    let copy = f.store.path().with_file_name("copy.db");
    backup(f.store.path(), &copy).unwrap();
    assert!(backup(f.store.path(), &copy).is_err());
    f.harvest("r", "abc", day(1), FlipEnd::Complete);
    let path = f.store.path().to_owned();
    drop(std::mem::replace(&mut f.store, Store::open(&path.with_file_name("other.db")).unwrap()));
    std::thread::sleep(std::time::Duration::from_millis(200));
    restore(&path, &copy, |_| Ok(())).unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.snapshot().unwrap().buyer(Siren::parse(BUYER).unwrap()).unwrap().rows.len(), 2);
    store.writer().run("raise", |tx| Ok(tx.pragma_update(None, "user_version", 99)?)).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::TooNew { found: 99, .. })));
}

#[test]
fn only_sources_with_a_buyer_that_is_found_elsewhere_now_are_named() {
    let fixture = Fixture::new();
    let answers = [(213_105_554, Where::Inside), (5_580_001, Where::Outside), (300_000_015, Where::Unknown)];
    fixture.store.seats_asked(fixture.source, answers.into()).unwrap();
    let now = |changed: &'static str, to: Where| {
        fixture.store.sources_with_moved_seats(move |siren| match siren.as_str() {
            s if s == changed => to,
            "213105554" => Where::Inside,
            "005580001" => Where::Outside,
            _ => Where::Unknown,
        })
    };
    assert!(now("999999999", Where::Inside).unwrap().is_empty());
    assert_eq!(now("005580001", Where::Inside).unwrap(), BTreeSet::from(["a".to_owned()]));
    assert_eq!(now("300000015", Where::Outside).unwrap().len(), 1);
    fixture.store.forget("a").unwrap();
    assert!(now("005580001", Where::Inside).unwrap().is_empty());
}

/// Holds the writer in a first piece of work until the sender is dropped, so that what comes after waits together.
fn held(store: &Store) -> (std::sync::mpsc::Sender<()>, super::Pending<()>) {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let first = store.writer().submit("hold", move |_| {
        let _ = wait.recv();
        Ok(())
    });
    (release, first)
}

#[test]
fn what_waits_for_the_disk_is_committed_together_and_answered_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let (release, first) = held(&store);
    let set = |key: &'static str| store.writer().submit("set", move |tx| super::meta::set(tx, key, "1"));
    let (a, b) = (set("a"), set("b"));
    assert_eq!(store.fact("a").unwrap(), None);
    drop(release);
    first.wait().unwrap();
    // The first answer already follows the commit of all.
    assert_eq!(store.fact("a").unwrap().as_deref(), Some("1"));
    assert_eq!(store.fact("b").unwrap().as_deref(), Some("1"));
    a.wait().unwrap();
    b.wait().unwrap();
}

#[test]
fn what_fails_keeps_its_own_reason_and_takes_its_group_with_it_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.db")).unwrap();
    store.writer().run("set", |tx| super::meta::set(tx, "before", "1")).unwrap();
    let (release, first) = held(&store);
    let good = store.writer().submit("set", |tx| super::meta::set(tx, "with", "1"));
    let bad = store.writer().submit("break", |tx| Ok(tx.execute_batch("INSERT INTO nowhere VALUES (1)")?));
    let after = store.writer().submit("set", |tx| super::meta::set(tx, "after", "1"));
    drop(release);
    assert!(bad.wait().unwrap_err().to_string().contains("no such table: nowhere"));
    let error = good.wait().unwrap_err().to_string();
    assert!(error.contains("committed together"), "{error}");
    assert!(first.wait().is_err());
    after.wait().unwrap();
    let facts = ["before", "with", "after"].map(|key| store.fact(key).unwrap().is_some());
    assert_eq!(facts, [true, false, true]);
}

#[test]
fn a_disk_that_fills_within_a_group_fails_all_of_it_with_its_reason_and_the_writer_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.db")).unwrap();
    let pages = |more: u64| {
        store.writer().run("bound", move |tx| {
            let now: u64 = tx.query_row("PRAGMA page_count", [], |r| r.get(0))?;
            Ok(tx.query_row(&format!("PRAGMA max_page_count={}", now + more), [], |_| Ok(()))?)
        })
    };
    store.writer().run("set", |tx| super::meta::set(tx, "before", "1")).unwrap();
    pages(4).unwrap();
    let (release, first) = held(&store);
    let small = store.writer().submit("set", |tx| super::meta::set(tx, "with", "1"));
    let large = store.writer().submit("fill", |tx| super::meta::set(tx, "large", &"x".repeat(1 << 20)));
    let after = store.writer().submit("set", |tx| super::meta::set(tx, "after", "1"));
    drop(release);
    for error in [large.wait().unwrap_err(), small.wait().unwrap_err(), first.wait().unwrap_err()] {
        let error = error.to_string();
        assert!(error.contains("database or disk is full") && error.contains("free some space"), "{error}");
    }
    after.wait().unwrap();
    pages(10_000).unwrap();
    store.writer().run("fill", |tx| super::meta::set(tx, "large", &"x".repeat(1 << 20))).unwrap();
    let facts = ["before", "with", "after", "large"].map(|key| store.fact(key).unwrap().is_some());
    assert_eq!(facts, [true, false, true, true]);
}

#[test]
fn what_follows_a_transaction_that_sqlite_rolled_back_by_itself_is_not_committed_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.db")).unwrap();
    let (release, first) = held(&store);
    // As a full disk would, behind the back of whoever passes over its error.
    let quiet = store.writer().submit("roll back", |tx| Ok(tx.execute_batch("ROLLBACK")?));
    drop(release);
    assert!(quiet.wait().is_err());
    assert!(first.wait().is_err());
    store.writer().run("set", |tx| super::meta::set(tx, "after", "1")).unwrap();
    assert_eq!(store.fact("after").unwrap().as_deref(), Some("1"));
}

#[test]
fn a_restore_that_fails_leaves_the_store_and_no_copy_and_one_that_succeeds_replaces_a_damaged_store() {
    let mut f = Fixture::new();
    f.harvest("r", "ab", day(0), FlipEnd::Complete);
    let path = f.store.path().to_owned();
    let (copy, other) = (path.with_file_name("copy.db"), path.with_file_name("other.db"));
    backup(&path, &copy).unwrap();
    f.store.set_fact("since", "1".to_owned()).unwrap();
    let partial = path.with_file_name("guichet.db.restoring");
    restore(&path, &copy, |_| Err(StoreError::WriterGone)).unwrap_err();
    assert_eq!(f.store.fact("since").unwrap().as_deref(), Some("1"));
    assert!(!partial.exists());
    std::mem::replace(&mut f.store, Store::open(&other).unwrap()).close().unwrap();
    std::fs::write(&path, b"no database, but what the operator had").unwrap();
    restore(&path, &copy, |store| store.set_fact("anew", "1".to_owned())).unwrap();
    let kept = std::fs::read(path.with_file_name("guichet.db.before-restore")).unwrap();
    assert_eq!(kept, b"no database, but what the operator had");
    let store = Store::open(&path).unwrap();
    assert_eq!(["since", "anew"].map(|key| store.fact(key).unwrap().is_some()), [false, true]);
    assert!(!partial.exists());
}

#[test]
fn a_source_that_is_unsaid_keeps_what_no_payload_says_of_it() {
    let mut f = Fixture::new();
    f.harvest("r", "ab", day(0), FlipEnd::Complete);
    let before = f.store.snapshot().unwrap().sources().unwrap();
    assert_eq!(f.store.unsay("a").unwrap().observations, 2);
    let snapshot = f.store.snapshot().unwrap();
    assert_eq!(snapshot.sources().unwrap().first().map(|s| &s.source), before.first().map(|s| &s.source));
    assert!(!snapshot.has_observations().unwrap());
    assert_eq!(f.store.dirty_buyers().unwrap().len(), 1);
}
