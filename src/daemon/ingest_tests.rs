//! A table from its bytes to the counts of the store: the unit is the row, and what was gathered is
//! accepted.

use std::sync::atomic::AtomicI64;

use super::ingest::*;
use crate::record::Day;
use crate::reference::Region;
use crate::store::{KnownRecords, RecordCounts, ResourceSeen, SourceRow, Store};

struct Fixture {
    _dir: tempfile::TempDir,
    store: Store,
    source: i64,
    next_id: AtomicI64,
    region: Region,
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
        let next_id = AtomicI64::new(store.next_observation_id().unwrap());
        Self { _dir: dir, store, source, next_id, region: Region::everywhere() }
    }

    fn read(&self, day: i32, known: &mut KnownRecords, text: &str) -> Ingested {
        let day = Day::from_number(20_000 + day).unwrap();
        let payload = Payload {
            seen: ResourceSeen {
                source: self.source,
                id: "main".into(),
                url: "http://127.0.0.1/x".into(),
                title: "x".into(),
                resource_date: None,
                day,
                checksum: None,
                validators: None,
                full_fetch: true,
            },
            sha256: format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes())),
            bytes: text.len() as u64,
            before: None,
            split: reading(None, 200),
            full_snapshot: true,
            max_shrink: 1.0,
            min_records: 0,
        };
        let ingest = Ingest { store: &self.store, next_id: &self.next_id, region: &self.region, register: None };
        ingest.payload(payload, text.as_bytes(), known, |_| Ok(())).unwrap()
    }

    fn counts(&self) -> RecordCounts {
        self.store.snapshot().unwrap().counts().unwrap().remove(&self.source).unwrap().records
    }
}

fn row(id: &str, buyer: &str, state: u32, holder: &str) -> String {
    format!("{id},{buyer},Travaux,{},{state},{holder}", 100 + state)
}

#[test]
fn the_rows_of_a_table_are_received_and_what_is_gathered_is_accepted() {
    let world = Fixture::new();
    let mut known = KnownRecords::default();
    let header = "id,acheteur_id,objet,montant,modification_id,titulaire_id";
    let (ville, none) = ("21310555400017", "Mairie");
    let rows = [
        row("A", ville, 1, "1"),
        row("B", ville, 0, "1"),
        row("X", none, 0, "1"),
        row("A", ville, 0, "1"),
        "a row of something else".to_owned(),
        row("A", ville, 0, "2"),
        row("X", none, 0, "2"),
    ];
    let text = format!("{header}\n{}\n", rows.join("\n"));
    let read = world.read(0, &mut known, &text);
    assert_eq!((read.received, read.new, read.quarantined), (7, 4, 3));
    let balanced = RecordCounts { received: 7, accepted: 4, quarantined: 3, ..RecordCounts::default() };
    let counts = RecordCounts { repaired: 0, ..world.counts() };
    assert_eq!(counts, balanced);

    // The same again is known; with a row less the contract of that row is another content.
    let mut known = world.store.snapshot().unwrap().known_records(world.source).unwrap();
    let again = world.read(1, &mut known, &text);
    assert_eq!((again.received, again.quarantined), (7, 3));
    assert_eq!(RecordCounts { repaired: 0, ..world.counts() }, balanced);
    let fewer = text.replace(&format!("{}\n", row("A", ville, 0, "2")), "");
    let changed = world.read(2, &mut known, &fewer);
    assert_eq!(changed.received, 6);
    assert_eq!(world.counts().accepted, 3);
}
