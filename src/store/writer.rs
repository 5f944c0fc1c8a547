//! The one thread that owns the read-write connection.
//!
//! Work arrives as closures through a bounded channel, so that a slow disk slows the network
//! instead of filling memory. Each closure is all or nothing, and its reply follows the commit; what
//! waits while the disk is busy with one commit is committed together by the next.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::StoreError;

/// Transactions waiting at most: each may hold a batch, so this bounds memory.
const QUEUE: usize = 4;

/// How often the idle writer shows that it lives.
const IDLE_BEAT: Duration = Duration::from_secs(1);

/// Closures committed together at most: who waits for the first of them waits for all.
const GROUP: usize = 8;

/// Tells whoever waits for a closure what became of its group: `Err` says why nothing of it stands.
type Answer = Box<dyn FnOnce(Result<(), &rusqlite::Error>) + Send>;

/// The word of a closure inside a transaction: why it failed, if it did, and how to answer for it.
type Word = (Option<rusqlite::Error>, Answer);

type Work = Box<dyn FnOnce(Result<&Transaction<'_>, &rusqlite::Error>) -> Word + Send>;

enum Job {
    /// Part of a transaction; where none could begin, only an answer.
    Work(Work),
    /// Needs the connection for itself.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// A handle on the writer thread. The thread ends when the last handle is dropped and its queue is empty.
#[derive(Clone)]
pub struct Writer {
    queue: SyncSender<Job>,
    path: Arc<PathBuf>,
    beats: Arc<AtomicU64>,
}

impl Writer {
    pub(super) fn start(mut conn: Connection, path: PathBuf) -> Self {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let beats = Arc::new(AtomicU64::new(0));
        let beating = Arc::clone(&beats);
        let body = move || {
            loop {
                beating.fetch_add(1, Ordering::Relaxed);
                match jobs.recv_timeout(IDLE_BEAT) {
                    Ok(job) => group(&mut conn, job, &jobs),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            // The log goes back into the file: the next start then has nothing to recover.
            let _ = conn.query_row(FOLD, [], |_| Ok(()));
        };
        // Without the thread every later call answers `WriterGone`, which says where to look.
        if let Err(error) = std::thread::Builder::new().name("store-writer".into()).spawn(body) {
            tracing::error!(%error, "cannot start the store's writer thread");
        }
        Self { queue, path: Arc::new(path), beats }
    }

    /// Grows as long as the thread is alive and not stuck in one transaction: what the watchdog reads.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Queues work that is all or nothing and returns at once with the place where its result, after the
    /// commit, will arrive. Blocks while the queue is full. Work that fails takes with it what is committed
    /// together with it: only a disk, or a row that cannot be read, may be the cause.
    pub fn submit<R: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Pending<R> {
        let (reply, result) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let job = Job::Work(Box::new(move |tx| {
            let done = tx.map_err(again).and_then(work);
            let failed = done.as_ref().err().map(shared);
            let answer = move |committed: Result<(), &rusqlite::Error>| {
                let done = done.and_then(|value| committed.map(|()| value).map_err(again));
                // The asker may have gone; the work stands.
                let _ = reply.send(done.map_err(|e| located(e, what, &path)));
            };
            (failed, Box::new(answer))
        }));
        let _ = self.queue.send(job);
        Pending { result }
    }

    /// Queues work and waits for its commit. For blocking threads.
    ///
    /// # Errors
    /// What `work` or the commit failed with; nothing of it is then in the store.
    pub fn run<R: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        self.submit(what, work).wait()
    }

    /// Ends the thread after what is queued, and waits until it has closed the file.
    ///
    /// # Errors
    /// The log could not be folded into the file whole: both together are the store still.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        let (reply, closed) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let job = Job::Alone(Box::new(move |conn| {
            let folded = conn.query_row(FOLD, [], |r| r.get(0));
            if let Ok(memory) = Connection::open_in_memory() {
                drop(std::mem::replace(conn, memory));
            }
            let _ = reply.send(free(folded.map_err(|e| StoreError::sqlite("fold the log of", &path, e)), &path));
        }));
        let _ = self.queue.send(job);
        closed.blocking_recv().unwrap_or(Err(StoreError::WriterGone))
    }

    /// Writes the file anew without free pages, and empties the log: outside any transaction.
    pub(super) fn compact(&self) -> Result<(), StoreError> {
        let (reply, result) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let job = Job::Alone(Box::new(move |conn| {
            let run = |conn: &Connection| -> rusqlite::Result<bool> {
                conn.query_row(FOLD, [], |_| Ok(()))?;
                conn.execute_batch("VACUUM")?;
                conn.query_row(FOLD, [], |r| r.get(0))
            };
            let _ = reply.send(free(run(conn).map_err(|e| StoreError::sqlite("compact", &path, e)), &path));
        }));
        let _ = self.queue.send(job);
        result.blocking_recv().unwrap_or(Err(StoreError::WriterGone))
    }

    /// Folds the log into the file and truncates it, when no reader needs it any more.
    pub fn checkpoint(&self) {
        self.pragma(FOLD);
    }

    /// Folds what it can of the log into the file, beside whoever reads: what [`Writer::checkpoint`]
    /// has to do later is then little.
    pub fn fold(&self) {
        self.pragma("PRAGMA wal_checkpoint(PASSIVE)");
    }

    fn pragma(&self, sql: &'static str) {
        let job = Job::Alone(Box::new(move |conn| {
            let _ = conn.query_row(sql, [], |_| Ok(()));
        }));
        let _ = self.queue.send(job);
    }
}

/// The result of a transaction that is queued.
#[must_use = "a transaction that nobody waits for fails unseen"]
pub struct Pending<R> {
    result: oneshot::Receiver<Result<R, StoreError>>,
}

impl<R> Pending<R> {
    /// Blocks until the commit. Not for async code.
    ///
    /// # Errors
    /// What the transaction failed with.
    pub fn wait(self) -> Result<R, StoreError> {
        self.result.blocking_recv().unwrap_or(Err(StoreError::WriterGone))
    }

    /// Waits for the commit in async code.
    ///
    /// # Errors
    /// What the transaction failed with.
    pub async fn done(self) -> Result<R, StoreError> {
        self.result.await.unwrap_or(Err(StoreError::WriterGone))
    }
}

/// Folds the log into the file and empties it; its answer is 1 where a reader still needs the log.
const FOLD: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

fn free(busy: Result<bool, StoreError>, path: &std::path::Path) -> Result<(), StoreError> {
    match busy? {
        false => Ok(()),
        true => Err(StoreError::Path {
            path: path.to_owned(),
            what: "another process reads it, so that its log cannot be emptied; end that process and try again"
                .to_owned(),
        }),
    }
}

/// Runs a job, and with it what waits by then, in one transaction.
fn group(conn: &mut Connection, first: Job, jobs: &Receiver<Job>) {
    let mut next = Some(first);
    while let Some(job) = next.take() {
        match job {
            Job::Alone(job) => job(conn),
            Job::Work(work) => next = together(conn, work, jobs),
        }
    }
}

/// Commits a first piece of work and those that wait behind it. Gives back what cannot be part of it.
fn together(conn: &mut Connection, first: Work, jobs: &Receiver<Job>) -> Option<Job> {
    let tx = match conn.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(tx) => tx,
        Err(error) => {
            let (_, answer) = first(Err(&error));
            answer(Err(&error));
            return None;
        }
    };
    // A full disk may make SQLite roll back by itself: what follows would then commit one by one.
    let gone = |tx: &Transaction<'_>| tx.is_autocommit().then(rolled_back);
    let (failed, answer) = first(Ok(&tx));
    let mut failed = failed.or_else(|| gone(&tx));
    let mut answers = vec![answer];
    let mut left = None;
    while failed.is_none() && left.is_none() && answers.len() < GROUP {
        match jobs.try_recv() {
            Ok(Job::Work(work)) => {
                let (this, answer) = work(Ok(&tx));
                failed = this.or_else(|| gone(&tx));
                answers.push(answer);
            }
            Ok(job) => left = Some(job),
            Err(_) => break,
        }
    }
    // What failed says why itself; its neighbours hear the same, and that it was not they.
    let committed = match failed {
        Some(why) => {
            // It may be rolled back already; should it not be, the next transaction cannot begin and says so.
            let _ = tx.rollback();
            Err(given_up(&why))
        }
        None => {
            crash_point!("store.before-commit");
            tx.commit()
        }
    };
    crash_point!("store.committed");
    for answer in answers {
        answer(committed.as_ref().copied());
    }
    left
}

fn given_up(why: &rusqlite::Error) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(code(why), Some(format!("{why}, in what was to be committed together with it")))
}

fn rolled_back() -> rusqlite::Error {
    let why = "SQLite rolled the transaction back".to_owned();
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT), Some(why))
}

/// Why a closure failed, for its neighbours too.
fn shared(error: &StoreError) -> rusqlite::Error {
    match error {
        StoreError::Sqlite { source, .. } => rusqlite::Error::SqliteFailure(code(source), Some(source.to_string())),
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT),
            Some(other.to_string()),
        ),
    }
}

fn code(error: &rusqlite::Error) -> rusqlite::ffi::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, _) => *code,
        _ => rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
    }
}

/// The same error once more, for another who waits: SQLite's own cannot be copied.
fn again(error: &rusqlite::Error) -> StoreError {
    rusqlite::Error::SqliteFailure(code(error), Some(error.to_string())).into()
}

fn located(error: StoreError, what: &str, path: &std::path::Path) -> StoreError {
    match error {
        StoreError::Sqlite { source, .. } => StoreError::sqlite(what, path, source),
        other => other,
    }
}
