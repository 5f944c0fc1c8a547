//! `guichet`: the regional single access point for French public procurement data.
//!
//! One program, a daemon and its tools: it harvests buyer profiles, merges what is the same
//! contract, and publishes consolidated dumps. This file only hands over; the rooms of the
//! program are listed in `lib.rs`, the commands in [`guichet::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    guichet::cli::run(std::env::args_os()).into()
}
