//! The web side through its front door: requests to the router, over a folder that a test makes.

mod downloads;
mod fixture;
mod made_by_publish;
mod pages;
mod service;
