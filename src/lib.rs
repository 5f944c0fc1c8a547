//! guichet
#[macro_use]
mod crash;

pub mod cli;
pub mod config;
pub mod daemon;
pub mod decode;
pub mod demo;
pub mod harvest;
pub mod merge;
pub mod publish;
pub mod record;
pub mod reference;
pub mod refine;
pub mod serve;
pub mod store;
