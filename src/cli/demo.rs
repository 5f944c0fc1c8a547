//! `guichet demo`.

use super::args::Demo;
use super::context::{Failure, Start};

/// Not built yet.
pub(super) fn run(_start: &Start, _args: &Demo) -> super::Ended {
    Err(Failure::failed("not built yet"))
}
