//! Local files for `validate` and `merge`: opened, read side by side, results in the order given.
//!
//! `-` is stdin. Holds one reading thread for each core; what a file gives is the caller's.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::tz::TimeZone;

use crate::daemon::clock::Clock;
use crate::decode::NotData;
use crate::record::Day;

/// A file or stdin.
pub(super) enum Input {
    File(File),
    Stdin(io::Stdin),
}

impl Input {
    /// Opens a file to be read; the error says which, why and what to do.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        if path == Path::new("-") {
            return Ok(Self::Stdin(io::stdin()));
        }
        let shown = path.display();
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("{shown}: there is no such file; check the path"),
            _ => format!("{shown}: cannot be opened: {error}; check its permissions"),
        })?;
        match file.metadata() {
            Ok(data) if data.is_dir() => Err(format!(
                "{shown}: is a directory; name its files, as in `{}/*.json`",
                shown.to_string().trim_end_matches('/')
            )),
            _ => Ok(Self::File(file)),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Stdin(stdin) => stdin.read(buffer),
        }
    }
}

/// Why a local file gives nothing: what the reading says, without its advice on sources.
pub(super) fn not_data(path: &Path, error: &NotData) -> String {
    let what = match error {
        NotData::Empty => "is empty".to_owned(),
        NotData::Html { begins } => {
            format!("is a web page (it begins with {begins:?}); save the data that it links to")
        }
        NotData::NoRecords { begins } => {
            format!("holds no list of contracts (it begins with {begins:?}): an error message, or another format")
        }
        NotData::Unrecognised { what, begins } => {
            format!("is {what}, not DECP in JSON, XML or CSV (it begins with {begins:?}); convert it first")
        }
        NotData::OtherFormat { found, wanted } => format!("is {found}, not {wanted}"),
        NotData::Packed { why } => format!("cannot be unpacked: {why}"),
        NotData::TooLarge { unpacked, received } => {
            format!(
                "unpacks to more than is allowed ({unpacked} bytes from {received}); unpack it first if it is sound"
            )
        }
        NotData::Read(cause) => format!("cannot be read to its end: {cause}; check the disk"),
    };
    format!("{}: {what}", path.display())
}

/// The day by which dates of local files are judged to lie in the future: today in Paris, where
/// the days of the records are days.
pub(super) fn today(clock: Clock) -> Day {
    let zone = TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC);
    Day::new(clock.now().to_zoned_datetime(zone).date())
}

/// Applies `work` to each path, on as many threads as there are cores; results in order.
pub(super) fn each<T: Send>(paths: &[PathBuf], work: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<T>>> = paths.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..cores.min(paths.len()) {
            scope.spawn(|| {
                while let Some((path, slot)) = {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    paths.get(i).zip(done.get(i))
                } {
                    let result = work(path);
                    *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    done.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_files() {
        let paths: Vec<PathBuf> = (0..100).map(|n| PathBuf::from(n.to_string())).collect();
        let read = each(&paths, |path| path.display().to_string());
        assert_eq!(read, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
        assert!(each(&[], |_| ()).is_empty());
    }

    #[test]
    fn a_directory_and_a_missing_file_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let told = |path: &Path| Input::open(path).err().unwrap();
        assert!(told(dir.path()).contains("is a directory"));
        assert!(told(&dir.path().join("none")).contains("no such file"));
    }
}
