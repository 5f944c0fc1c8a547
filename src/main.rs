//! `guichet`: the regional single access point for French public procurement data.
//!
//! One program, a daemon and its tools: it harvests buyer profiles, merges what is the same
//! contract, and publishes consolidated dumps. This file only hands over; the rooms of the
//! program are listed in `lib.rs`, the commands in [`guichet::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bound_the_allocator();
    guichet::cli::run(std::env::args_os()).into()
}

/// What the system's allocator is told: two pools, and that large blocks go back to the system when
/// they are freed. Left to itself it learns from the first large block to keep all of them.
const ALLOCATOR: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "262144")];

/// Starts the program again, in the same process, with few pools for the system's allocator.
///
/// glibc gives each thread a pool of its own and returns little of them: a harvest, which decodes
/// and compresses on many threads in turn, stood at twice the memory that it used. glibc reads
/// these settings when a process begins and offers safe code no other way to them. Whoever has set
/// the first, or uses another C library, keeps what they have.
fn bound_the_allocator() {
    let mine = ALLOCATOR.first().is_some_and(|(name, _)| std::env::var_os(name).is_none());
    if cfg!(target_env = "gnu") && mine {
        use std::os::unix::process::CommandExt as _;
        if let Ok(program) = std::env::current_exe() {
            let mut again = std::process::Command::new(program);
            again.args(std::env::args_os().skip(1)).envs(ALLOCATOR);
            if let Some(name) = std::env::args_os().next() {
                again.arg0(name);
            }
            // It comes back only if it failed; then the program runs with the pools it has.
            drop(again.exec());
        }
    }
}
