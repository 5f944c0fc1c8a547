//! `guichet harvest`.

use super::args::Harvest;
use super::context::{Failure, Opened};

/// Not built yet.
pub(super) fn run(_opened: &Opened, _args: &Harvest) -> super::Ended {
    Err(Failure::failed("not built yet"))
}
