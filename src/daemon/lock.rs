//! One writer per data directory: a lock that the kernel frees when its holder dies.
//!
//! In: the data directory and what is being done. Out: a guard, or who holds it. The file
//! `guichet.lock` tells people the holder's process id and command; only the kernel's lock counts,
//! so that a file left by a killed process holds nobody up.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::exit::Exit;

/// The lock file's name inside the data directory.
pub const FILE_NAME: &str = "guichet.lock";

/// Longest note that is read back from the lock file, in bytes: enough for a pid and a command,
/// whatever somebody wrote into it.
const NOTE_MAX: u64 = 200;

/// The data directory is ours until this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Why the data directory is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works in it.
    #[error(
        "another guichet ({holder}) holds the data directory {}; wait until it has ended, stop it (`systemctl stop guichet` where it runs as a service), or give another --data-dir; reading commands (status, explain, sources, serve) work beside it", .dir.display()
    )]
    Held {
        /// The data directory.
        dir: PathBuf,
        /// What the lock file says of its holder.
        holder: String,
    },
    /// The lock cannot be asked for.
    #[error("cannot {what} {}: {cause}; check that the data directory exists, is writable for this user and lies on a file system with locks", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
}

impl LockError {
    /// 75 when trying again later can help, else 1.
    pub fn exit(&self) -> Exit {
        match self {
            LockError::Held { .. } => Exit::Locked,
            LockError::Io { .. } => Exit::Failed,
        }
    }
}

impl DataLock {
    /// Takes the lock without waiting. Creates the directory when it is not there yet. `command`
    /// is what the holder's note says, as in `harvest`.
    pub fn take(dir: &Path, command: &str) -> Result<Self, LockError> {
        let path = dir.join(FILE_NAME);
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |cause| LockError::Io { what, path, cause }
        };
        std::fs::create_dir_all(dir).map_err(io("create the data directory", dir))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { dir: dir.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(cause)) => return Err(io("lock", &path)(cause)),
        }
        // The note is for people: a full disk must not keep guichet from starting.
        let _ = note(&mut file, command);
        Ok(DataLock { _file: file })
    }
}

fn note(file: &mut File, command: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "pid {}, guichet {command}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let _ = file.take(NOTE_MAX).read_to_end(&mut bytes);
    let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).collect();
    // Between its lock and its note a starting process has said nothing yet.
    if text.is_empty() { "a process that is just starting".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_the_directory_and_to_try_later() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("var");
        let first = DataLock::take(&data, "run").unwrap();
        let error = DataLock::take(&data, "harvest").unwrap_err();
        assert_eq!(error.exit().code(), 75);
        let said = error.to_string();
        let pid = format!("pid {}, guichet run", std::process::id());
        assert!(said.contains(&pid), "{said}");
        drop(first);
        DataLock::take(&data, "harvest").unwrap();
    }

    #[test]
    fn a_lock_file_left_by_a_killed_process_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE_NAME), "pid 1, guichet run and a very long tail\n").unwrap();
        let _lock = DataLock::take(dir.path(), "run").unwrap();
        let note = std::fs::read_to_string(dir.path().join(FILE_NAME)).unwrap();
        assert_eq!(note, format!("pid {}, guichet run\n", std::process::id()));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_a_failure_not_a_held_lock() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("var");
        std::fs::write(&file, "not a directory").unwrap();
        let error = DataLock::take(&file, "run").unwrap_err();
        assert_eq!(error.exit(), Exit::Failed);
        assert!(error.to_string().contains("writable"), "{error}");
    }

    #[test]
    fn a_note_full_of_control_bytes_does_not_reach_the_terminal() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = DataLock::take(dir.path(), "run").unwrap();
        std::fs::write(dir.path().join(FILE_NAME), b"\x1b[2J\xffpid 7\n").unwrap();
        let said = DataLock::take(dir.path(), "run").unwrap_err().to_string();
        assert!(!said.contains('\x1b') && said.contains("pid 7"), "{said:?}");
    }
}
