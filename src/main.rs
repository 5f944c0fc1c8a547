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

/// Starts the program again, in the same process, with few pools for the system's allocator.
///
/// glibc gives each thread a pool of its own and returns little of them: a harvest, which decodes
/// and compresses on many threads in turn, stood at twice the memory that it used. glibc reads
/// this setting when a process begins and offers safe code no other way to it. Whoever has set it,
/// or uses another C library, keeps what they have.
fn bound_the_allocator() {
    const SETTING: &str = "MALLOC_ARENA_MAX";
    if cfg!(target_env = "gnu") && std::env::var_os(SETTING).is_none() {
        use std::os::unix::process::CommandExt as _;
        if let Ok(program) = std::env::current_exe() {
            let mut again = std::process::Command::new(program);
            again.args(std::env::args_os().skip(1)).env(SETTING, "2");
            if let Some(name) = std::env::args_os().next() {
                again.arg0(name);
            }
            // It comes back only if it failed; then the program runs with the pools it has.
            drop(again.exec());
        }
    }
}
