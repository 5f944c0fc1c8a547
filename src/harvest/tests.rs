use super::*;

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn every_future_of_the_room_can_be_spawned() {
    let harvester = Harvester::new(Limits::default(), Arc::new(NoProgress)).unwrap();
    let source = SourceAccess::default();
    let archive = Archive::beside("/nowhere");
    let resource = Resource {
        id: "x".into(),
        url: String::new(),
        title: String::new(),
        format: None,
        checksum: None,
        bytes: None,
        last_modified: None,
    };
    let now = Timestamp::UNIX_EPOCH;
    drop(is_send(
        harvester.fetch(&source, &resource, None, &archive, false, now),
    ));
    drop(is_send(harvester.list(&source, now)));
    drop(is_send(harvester.probe(&source, now)));
}
