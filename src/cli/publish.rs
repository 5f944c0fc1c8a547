//! `guichet publish`.

use super::args::Publish;
use super::context::{Failure, Opened};

/// Not built yet.
pub(super) fn run(_opened: &Opened, _args: &Publish) -> super::Ended {
    Err(Failure::failed("not built yet"))
}
