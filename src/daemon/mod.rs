//! Keeps guichet running: when each source is due, what runs, how it is watched, reloaded and
//! stopped.
//!
//! In: schedules, the store's account of what is due, signals, changed files. Out: harvests and
//! publications started at their time, messages to the service manager, exit codes. Knows nothing
//! of formats, of SQL or of pages: the work itself is behind the trait [`supervise::Jobs`].

pub mod clock;
pub mod cron;
pub mod decisions;
pub mod due;
pub mod exit;
pub mod harvest_end;
pub mod harvest_report;
pub mod harvest_run;
pub mod ingest;
#[cfg(test)]
mod ingest_tests;
mod leftovers;
pub mod life;
pub mod lock;
mod marks;
pub mod merge_run;
pub mod meters;
pub mod notify;
pub mod overrides;
pub mod pipeline;
pub mod publish_run;
pub mod purge;
pub mod quarantine;
pub mod register;
pub mod reload;
pub mod removal;
pub mod replay;
pub mod rewrite;
pub mod service;
pub mod shutdown;
mod source_run;
pub mod status;
pub mod supervise;
pub mod upload;
