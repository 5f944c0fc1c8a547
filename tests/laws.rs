//! The laws of records.md §2 on the whole pipeline: idempotent, free of order, reversible.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::{Region, assert_same_state, enabled, publish};
use guichet::daemon::publish_run::PublishOptions;
use guichet::daemon::replay;
use guichet::publish::Published;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;

#[test]
fn sources_in_any_order_and_in_any_number_of_runs_give_the_same_files() {
    let region = Region::new(11, 100, 8);
    let calm = region.pipeline("calm", 0);
    region.harvest_all(&calm);
    let calm = publish(&calm);
    for seed in 0..3 {
        let name = format!("shuffled-{seed}");
        let mut order = enabled(&region.pipeline(&name, 0));
        order.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        for chunk in order.chunks(1 + seed as usize) {
            // Each run opens the store anew, as a restarted program would.
            let pipeline = region.pipeline(&name, 0);
            region.harvest(&pipeline, chunk.to_vec(), false);
        }
        let shuffled = publish(&region.pipeline(&name, 0));
        assert_same_state(&calm, &shuffled, &format!("order {seed}"));
    }
}

#[test]
fn the_same_bytes_again_on_the_same_day_change_nothing() {
    let region = Region::new(12, 80, 8);
    let pipeline = region.pipeline("var", 0);
    region.harvest_all(&pipeline);
    let first = publish(&pipeline);
    let version = pipeline.store.snapshot().unwrap().state_version().unwrap();
    let report = region.harvest(&pipeline, enabled(&pipeline), true);
    assert_eq!((report.merge.changed, pipeline.store.snapshot().unwrap().state_version().unwrap()), (0, version));
    let again = pipeline.publish(PublishOptions::default()).unwrap();
    assert!(matches!(again, Published::Same { publication } if first.ends_with(&publication)));
    let next_day = region.pipeline("var", 1);
    region.harvest_all(&next_day);
    assert!(matches!(next_day.publish(PublishOptions::default()).unwrap(), Published::Same { .. }));
}

#[test]
fn a_replay_from_the_archive_gives_the_same_files() {
    let region = Region::new(13, 80, 8);
    for night in 0..=2 {
        region.stage.show(&region.world.night(night)).unwrap();
        region.harvest_all(&region.pipeline("var", i64::from(night)));
    }
    let before = publish(&region.pipeline("var", 2));
    let kept = common::state(&before);
    replay::all(&region.config("var")).unwrap();
    let after = publish(&region.pipeline("var", 2));
    let differ: Vec<_> =
        common::state(&after).into_iter().filter(|(n, b)| kept.get(n) != Some(b)).map(|(n, _)| n).collect();
    assert_eq!(differ, Vec::<String>::new());
}

#[test]
fn a_forgotten_source_leaves_the_region_as_if_it_had_never_spoken() {
    let region = Region::new(14, 80, 8);
    let with = region.pipeline("with", 0);
    let all = enabled(&with);
    region.harvest_all(&with);
    publish(&with);
    let (gone, others) = all.split_last().unwrap();
    with.store.forget(&gone.id).unwrap();
    with.merge().unwrap();
    let without = region.pipeline("without", 0);
    region.harvest(&without, others.to_vec(), false);
    let (a, b) = (publish(&with), publish(&without));
    // guichet.sqlite lists the sources that are configured, and this one still is in one of the two.
    let lines = |dir: &std::path::Path| std::fs::read(dir.join("contrats.ndjson")).unwrap();
    assert!(lines(&a) == lines(&b), "contrats.ndjson differs");
}

#[test]
fn a_fall_beyond_the_limit_is_refused_until_it_is_accepted() {
    let region = Region::new(15, 80, 8);
    let pipeline = region.pipeline("var", 0);
    region.harvest_all(&pipeline);
    publish(&pipeline);
    let gone = enabled(&pipeline).into_iter().next().unwrap();
    pipeline.store.forget(&gone.id).unwrap();
    pipeline.merge().unwrap();
    let refused = pipeline.publish(PublishOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("accept-shrink"), "{refused}");
    let accepted = pipeline.publish(PublishOptions { accept_shrink: true, ..Default::default() }).unwrap();
    assert!(matches!(accepted, Published::New(_)));
}
