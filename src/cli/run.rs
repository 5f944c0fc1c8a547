//! `guichet run`.

use super::context::{Failure, Opened};

/// Not built yet.
pub(super) fn run(_opened: &Opened) -> super::Ended {
    Err(Failure::failed("not built yet"))
}
