//! The seam's own stores and decorators against the conformance suite, and the config catalogue.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

mod bucket;
mod catalogue;
mod disk_parts;
mod doubles;
mod golden;
mod packs;
mod retrying;
mod series;
mod stores;
