//! What a killed run left under a temporary name: in the folders whose files are replaced whole, and
//! stores that never came into the store's place.
//!
//! Swept by whoever opens the data directory under its lock, before anything of this run is written.
//! The archive and the publications clean after themselves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::pipeline::{RunError, store_path};
use crate::config::Config;

/// How the files that `tempfile` makes begin.
const TEMPORARY: &str = ".tmp";

/// Removes the files of a killed run. The caller holds the lock.
///
/// # Errors
/// The file system refuses.
pub(super) fn sweep(config: &Config) -> Result<(), RunError> {
    for ending in ["replay", "restoring"] {
        unfinished(&PathBuf::from(format!("{}.{ending}", store_path(config).display())))?;
    }
    [config.public_dir(), config.data_dir.join(super::decisions::FOLDER)].iter().try_for_each(|dir| of(dir))
}

/// Removes a store that is being built, and what stands beside it.
///
/// # Errors
/// The file system refuses.
pub(super) fn unfinished(store: &Path) -> Result<(), RunError> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let path = PathBuf::from(format!("{}{ending}", store.display()));
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(RunError::Io { what: "remove", path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn of(dir: &Path) -> Result<(), RunError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| RunError::Io { what, path, source }
    };
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed("list", dir))?,
    };
    for entry in entries {
        let path = entry.map_err(failed("list", dir))?.path();
        let ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
        if ours && path.is_file() {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_killed_run_go_and_all_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".tmpAb12Cd", "status.json", "guichet.db", "guichet.db.replay", "guichet.db.replay-wal"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        of(dir.path()).unwrap();
        of(&dir.path().join("not-there")).unwrap();
        unfinished(&dir.path().join("guichet.db.replay")).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["guichet.db", "status.json"]);
    }
}
