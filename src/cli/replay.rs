//! `guichet replay`.

use super::args::Replay;
use super::context::{Failure, Opened};

/// Not built yet.
pub(super) fn run(_opened: &Opened, _args: &Replay) -> super::Ended {
    Err(Failure::failed("not built yet"))
}
