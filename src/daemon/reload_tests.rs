use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::shutdown::{Phase, stop};
use super::*;

/// A configuration of one number, read from one file.
#[derive(Debug, PartialEq)]
struct Config {
    value: u32,
    file: PathBuf,
}

fn load(file: &Path) -> Loaded<Config> {
    let text = std::fs::read_to_string(file)?;
    let value = text.trim().parse().map_err(|e| format!("{}:1:1 {e}", file.display()))?;
    Ok(Config { value, file: file.to_owned() })
}

fn live(file: &Path) -> Live<Config> {
    let again = file.to_owned();
    Live::new(
        load(file).unwrap(),
        Timestamp::UNIX_EPOCH,
        |config| Watched { files: vec![config.file.clone()], dirs: Vec::new() },
        move || load(&again),
    )
}

fn second(n: i64) -> Timestamp {
    Timestamp::from_second(n).unwrap()
}

#[test]
fn a_bad_file_changes_nothing_and_is_reported_until_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sources.toml");
    std::fs::write(&file, "1").unwrap();
    let live = live(&file);
    assert!(live.last().successful());

    std::fs::write(&file, "nonsense").unwrap();
    let before = live.get();
    let refused = live.reload(Cause::Files, second(10)).unwrap();
    assert!(refused.error.as_deref().unwrap().contains("sources.toml:1:1"));
    assert_eq!((live.get().value, refused.at), (1, second(10)));
    assert!(Arc::ptr_eq(&before, &live.get()));
    assert!(live.reload(Cause::Files, second(11)).is_none(), "the same bad file is said once");
    assert!(!live.last().successful());

    std::fs::write(&file, "2").unwrap();
    assert!(live.reload(Cause::Files, second(12)).unwrap().successful());
    assert_eq!((live.get().value, before.value), (2, 1), "work under way keeps what it began with");
}

#[test]
fn a_signal_reloads_even_when_no_byte_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("guichet.toml");
    std::fs::write(&file, "1").unwrap();
    let live = live(&file);
    assert!(live.reload(Cause::Files, second(1)).is_none());
    assert!(live.reload(Cause::Signal, second(2)).is_some());
}

#[test]
fn a_file_that_vanishes_keeps_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sources.toml");
    std::fs::write(&file, "7").unwrap();
    let live = live(&file);
    std::fs::remove_file(&file).unwrap();
    assert!(!live.reload(Cause::Files, second(1)).unwrap().successful());
    assert_eq!(live.get().value, 7);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_file_events_is_one_cause_and_a_signal_does_not_wait() {
    let (sender, mut causes) = mpsc::channel(16);
    let start = tokio::time::Instant::now();
    tokio::spawn(async move {
        for _ in 0..4 {
            sender.send(Cause::Files).await.unwrap();
            tokio::time::sleep(QUIET / 2).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        sender.send(Cause::Files).await.unwrap();
        sender.send(Cause::Signal).await.unwrap();
        // A neighbour that never rests.
        for _ in 0..1000 {
            sender.send(Cause::Files).await.unwrap();
            tokio::time::sleep(QUIET / 2).await;
        }
    });
    assert_eq!(settled(&mut causes).await, Some(Cause::Files));
    assert_eq!(start.elapsed(), QUIET / 2 * 3 + QUIET);
    assert_eq!(settled(&mut causes).await, Some(Cause::Signal));
    let noisy = tokio::time::Instant::now();
    assert_eq!(settled(&mut causes).await, Some(Cause::Files));
    assert!(noisy.elapsed() <= QUIET_MAX + QUIET);
}

#[tokio::test]
async fn a_file_replaced_by_rename_is_taken_up_and_a_bad_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sources.toml");
    std::fs::write(&file, "1").unwrap();
    let live = Arc::new(live(&file));
    let (handle, stop) = stop();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    let watching =
        tokio::spawn(run(live.clone(), Clock::fixed(second(5)), Notifier::with(|_| Ok(())), stop, move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
        }));
    tokio::time::sleep(Duration::from_millis(200)).await;

    let next = dir.path().join(".sources.toml.swp");
    std::fs::write(&next, "2").unwrap();
    std::fs::rename(&next, &file).unwrap();
    until(|| live.get().value == 2).await;

    std::fs::write(&file, "two").unwrap();
    until(|| !live.last().successful()).await;
    assert_eq!(live.get().value, 2);

    std::fs::write(&file, "3").unwrap();
    until(|| live.get().value == 3).await;
    assert!(live.last().successful());
    tokio::time::sleep(QUIET * 2).await;
    assert_eq!(attempts.load(Ordering::SeqCst), 3, "our own reading wakes nobody");
    handle.advance(Phase::Draining);
    watching.await.unwrap();
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..100 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not within ten seconds");
}
