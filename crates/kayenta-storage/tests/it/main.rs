//! The seam's own stores and decorators against the conformance suite, and the config catalogue.

mod catalogue;
mod doubles;
mod golden;
mod retrying;
mod stores;
