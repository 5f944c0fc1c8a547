//! The whole journey, world by world: harvest, merge, publish, and the publication is the truth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::{Region, publish};
use guichet::demo::LAST_NIGHT;

/// CI runs the command itself for twenty seeds; here a few, so that `cargo test` alone finds a broken rule.
#[test]
fn the_publications_of_small_worlds_are_the_truth() {
    for seed in 1..=4 {
        let region = Region::new(seed, 120, 8);
        let pipeline = region.pipeline("var", 0);
        region.harvest_all(&pipeline);
        let verdict = region.judge(&publish(&pipeline), &region.world);
        assert_eq!(verdict.details, Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn night_after_night_the_publication_stays_the_truth() {
    let region = Region::new(7, 120, 8);
    for night in 0..=LAST_NIGHT {
        let world = region.world.night(night);
        region.stage.show(&world).unwrap();
        let pipeline = region.pipeline("var", i64::from(night));
        region.harvest_all(&pipeline);
        let verdict = region.judge(&publish(&pipeline), &world);
        assert_eq!(verdict.details, Vec::<String>::new(), "night {night}");
    }
}
