//! The store against a real Azurite.

mod catalogue;
mod conformance;
mod failures;
mod golden;
mod support;
