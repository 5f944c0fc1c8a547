//! The command line: one file per command, each of which parses nothing, calls a room, prints.
//!
//! In: arguments. Out: stdout for results, stderr for logs, an exit code. Knows neither SQL nor
//! HTTP. [`args`] defines everything that can be typed.

pub mod args;
pub mod completions;
pub mod logging;
pub mod man;
pub mod output;
