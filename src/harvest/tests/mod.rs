//! The room through its front door, against an upstream whose faults are scripted.

mod again;
mod bodies;
mod conditional;
mod redirects;

use super::testing::*;
use super::*;

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn every_future_of_the_room_can_be_spawned() {
    let bench = Bench::new();
    let (source, resource) = (source(String::new()), resource(String::new()));
    drop(is_send(bench.harvester.fetch(&source, &resource, None, &bench.archive, false, now())));
    drop(is_send(bench.harvester.list(&source, now())));
    drop(is_send(bench.harvester.probe(&source, now())));
}
