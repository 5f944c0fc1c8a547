//! The domain: what a public contract is, as the arrêtés of 22 March 2019 and 22 December 2022
//! define it, and what guichet adds to it (findings, provenance, scope).
//!
//! Pure types and rules. No I/O, no clock, no SQL, no file format: decoders make [`Record`]s,
//! the merge makes [`Contract`]s of them, writers read them.
//!
//! The `serde` implementations of this room are the store's compact encoding, not a public
//! format: every public format has its own writer in `publish`.

mod code;
mod contract;
mod decp;
mod field;
mod finding;
mod id;
mod text;
mod value;

pub use code::*;
pub use contract::*;
pub use decp::*;
pub use field::Field;
pub use finding::{Finding, Findings, Severity};
pub use id::*;
pub use text::{fold, normalised_key, squeeze};
pub use value::{Day, Money, Rate};
