//! A publication appears whole or not at all: it is built in a hidden folder, synced, renamed, and
//! only then does `latest` move, by the rename of a new link. What a killed publication left is
//! cleaned at the next start.
//!
//! Between the two renames a file `dumps/.pending-<name>` stands, so that a publication nobody was
//! ever shown can be told from one that an operator turned `latest` away from.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::PublishError;
use super::manifest::next_name;
use crate::record::Day;

/// Name of the link.
pub(super) const LATEST: &str = "latest";
/// Folder of the publications.
pub(super) const DUMPS: &str = "dumps";
const BUILDING: &str = ".tmp-";
const SCRATCH: &str = ".upload-";
const PENDING: &str = ".pending-";
const NEW_LINK: &str = ".latest.new";
/// What a web server of another user must be able to do: read files, list folders.
const FILE_MODE: u32 = 0o644;
const DIR_MODE: u32 = 0o755;

/// Makes the folders, and removes what a killed publication left.
pub(super) fn recover(public: &Path) -> Result<(), PublishError> {
    let dumps = public.join(DUMPS);
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(&dumps).map_err(PublishError::io("create", &dumps))?;
    let latest = fs::read_link(public.join(LATEST)).unwrap_or_default();
    for name in names(&dumps)? {
        let path = dumps.join(&name);
        if name.starts_with(BUILDING) {
            fs::remove_dir_all(&path).map_err(PublishError::io("remove", &path))?;
        } else if let Some(pending) = name.strip_prefix(PENDING) {
            let unseen = dumps.join(pending);
            if latest.file_name().is_none_or(|l| l != pending) && unseen.exists() {
                fs::remove_dir_all(&unseen).map_err(PublishError::io("remove", &unseen))?;
            }
            fs::remove_file(&path).map_err(PublishError::io("remove", &path))?;
        }
    }
    match fs::remove_file(public.join(NEW_LINK)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(PublishError::io("remove", &public.join(NEW_LINK))(e)),
        _ => Ok(()),
    }
}

/// The folder in which a publication is built; removed when it is dropped.
pub(super) fn build_in(public: &Path) -> Result<TempDir, PublishError> {
    let dumps = public.join(DUMPS);
    tempfile::Builder::new().prefix(BUILDING).tempdir_in(&dumps).map_err(PublishError::io("create a folder in", &dumps))
}

/// A folder for what an upload makes of a publication; removed when it is dropped, or by the next upload
/// after a kill. Not by the next publication: it may begin while an upload is under way.
pub(super) fn scratch_in(dumps: &Path) -> Result<TempDir, PublishError> {
    for name in names(dumps)?.into_iter().filter(|n| n.starts_with(SCRATCH)) {
        let path = dumps.join(name);
        fs::remove_dir_all(&path).map_err(PublishError::io("remove", &path))?;
    }
    tempfile::Builder::new().prefix(SCRATCH).tempdir_in(dumps).map_err(PublishError::io("create a folder in", dumps))
}

/// The name of the next publication of a day.
pub(super) fn name(public: &Path, day: Day) -> Result<String, PublishError> {
    let names = names(&public.join(DUMPS))?;
    Ok(next_name(day, names.iter().map(String::as_str)))
}

/// Names in a folder, sorted; what is no text is passed over.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, PublishError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(PublishError::io("list", dir))? {
        let entry = entry.map_err(PublishError::io("list", dir))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Gives every file and the folder the modes of public data and brings them to the disk.
pub(super) fn settle(dir: &Path) -> Result<(), PublishError> {
    for name in names(dir)? {
        let path = dir.join(name);
        fs::set_permissions(&path, Permissions::from_mode(FILE_MODE))
            .map_err(PublishError::io("set the mode of", &path))?;
    }
    fs::set_permissions(dir, Permissions::from_mode(DIR_MODE)).map_err(PublishError::io("set the mode of", dir))?;
    sync_dir(dir)
}

/// Shows the finished folder as `dumps/<name>` and turns `latest` to it.
pub(super) fn show(public: &Path, built: TempDir, name: &str) -> Result<PathBuf, PublishError> {
    let dumps = public.join(DUMPS);
    let pending = dumps.join(format!("{PENDING}{name}"));
    File::create(&pending).map_err(PublishError::io("create", &pending))?;
    sync_dir(&dumps)?;
    crash_point!("swap.pending");
    let dir = dumps.join(name);
    let from = built.keep();
    fs::rename(&from, &dir).map_err(|e| {
        // Nothing refers to it any more; what cannot be removed now is removed at the next start.
        let _ = fs::remove_dir_all(&from);
        PublishError::io("rename a folder to", &dir)(e)
    })?;
    sync_dir(&dumps)?;
    crash_point!("swap.named");
    turn_latest(public, name)?;
    crash_point!("swap.turned");
    fs::remove_file(&pending).map_err(PublishError::io("remove", &pending))?;
    sync_dir(&dumps)?;
    Ok(dir)
}

/// Replaces a published file, whole or not at all.
pub(super) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
    let path = dir.join(name);
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(PublishError::io("write in", dir))?;
    io::Write::write_all(&mut file, bytes)
        .and_then(|()| file.as_file().set_permissions(Permissions::from_mode(FILE_MODE)))
        .and_then(|()| file.as_file().sync_all())
        .map_err(PublishError::io("write", &path))?;
    file.persist(&path).map_err(|e| PublishError::io("replace", &path)(e.error))?;
    sync_dir(dir)
}

fn turn_latest(public: &Path, name: &str) -> Result<(), PublishError> {
    let (new, latest) = (public.join(NEW_LINK), public.join(LATEST));
    symlink(Path::new(DUMPS).join(name), &new).map_err(PublishError::io("create", &new))?;
    crash_point!("swap.link");
    fs::rename(&new, &latest).map_err(PublishError::io("replace", &latest))?;
    sync_dir(public)
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_dir(dir: &Path) -> Result<(), PublishError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(PublishError::io("sync", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        recover(dir.path()).unwrap();
        dir
    }

    fn built(public: &Path, text: &str) -> TempDir {
        let dir = build_in(public).unwrap();
        fs::write(dir.path().join("a"), text).unwrap();
        settle(dir.path()).unwrap();
        dir
    }

    #[test]
    fn latest_moves_at_once_and_what_it_shows_is_readable_by_all() {
        let public = public();
        show(public.path(), built(public.path(), "one"), "2026-11-24").unwrap();
        show(public.path(), built(public.path(), "two"), "2026-11-24.2").unwrap();
        assert_eq!(fs::read_to_string(public.path().join("latest/a")).unwrap(), "two");
        assert_eq!(fs::read_link(public.path().join("latest")).unwrap(), Path::new("dumps/2026-11-24.2"));
        let mode = |p: &str| fs::metadata(public.path().join(p)).unwrap().permissions().mode();
        assert_eq!(mode("latest/a") & 0o777, 0o644);
        assert_eq!(mode("dumps/2026-11-24") & 0o777, 0o755);
        assert_eq!(names(&public.path().join("dumps")).unwrap().len(), 2, "no marker is left");
    }

    #[test]
    fn what_a_killed_publication_left_is_gone_at_the_next_start() {
        let public = public();
        let dumps = public.path().join("dumps");
        show(public.path(), built(public.path(), "one"), "2026-11-24").unwrap();
        // Killed while it was building, then killed between the two renames.
        let _ = built(public.path(), "half").keep();
        let _ = fs::rename(built(public.path(), "unseen").keep(), dumps.join("2026-11-25"));
        File::create(dumps.join(".pending-2026-11-25")).unwrap();
        symlink("dumps/2026-11-25", public.path().join(".latest.new")).unwrap();
        recover(public.path()).unwrap();
        assert_eq!(names(&dumps).unwrap(), ["2026-11-24"]);
        assert_eq!(names(public.path()).unwrap(), ["dumps", "latest"]);
    }

    #[test]
    fn a_publication_that_latest_was_turned_away_from_by_hand_is_kept() {
        let public = public();
        show(public.path(), built(public.path(), "one"), "2026-11-24").unwrap();
        show(public.path(), built(public.path(), "two"), "2026-11-25").unwrap();
        turn_latest(public.path(), "2026-11-24").unwrap();
        recover(public.path()).unwrap();
        assert_eq!(names(&public.path().join("dumps")).unwrap(), ["2026-11-24", "2026-11-25"]);
    }
}
