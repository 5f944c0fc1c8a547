//! The simulated region: worlds of contracts whose truth is known, the profiles that publish them
//! with every fault that real ones have, a scripted upstream to serve them from, and the check of
//! a publication against the truth.
//!
//! ```text
//! seed, contracts, sources ─▶ World ─▶ payloads and configuration in a folder (Stage) ─▶ the real pipeline
//!                               └───▶ Ledger (the truth) ─▶ check(publication) ─▶ Verdict
//! ```
//!
//! Used by `guichet demo`, by tests and by benches alike. It configures the pipeline as an operator
//! would, by files, and reads a publication as a consumer would: it imports neither store, merge,
//! publish nor serve, and shares no code with what it judges beyond the types of `record`.
//!
//! | file | what |
//! |---|---|
//! | `rng`, `actors`, `draft` | chance that repeats; who buys and sells; a plausible contract |
//! | `scenario/`, `family`, `quirk` | what can happen to contracts, and what has to come of it |
//! | `profile`, `world`, `ledger` | the sources; who publishes what, night by night; the truth |
//! | `dialect/`, `payload`, `stage` | the four dialects; files; a folder that guichet can run in |
//! | `upstream/` | HTTP on loopback with scripted faults |
//! | `check/`, `table` | publication against truth; the table that `guichet demo` prints |

mod actors;
mod check;
mod dialect;
mod draft;
mod family;
mod ledger;
mod payload;
mod profile;
mod quirk;
mod rng;
mod scenario;
mod stage;
mod table;
mod truth;
mod upstream;
mod world;

pub use check::{CheckError, Verdict, check};
pub use dialect::Dialect;
pub use ledger::Ledger;
pub use payload::Written;
pub use profile::{Access, Authority, Encoding, FileSpec, MIN_SOURCES, Manner, Profile};
pub use quirk::{Broken, Quirk};
pub use scenario::Scenario;
pub use stage::{Stage, StageError};
pub use table::Language;
pub use truth::{Counts, Expected, Fate, Place, Says, TruthContract, TruthId, TruthRecord};
pub use upstream::{Catalogue, Listed, MAX_CONNECTIONS, Page, Request, Upstream};
pub use world::{LAST_NIGHT, World};
