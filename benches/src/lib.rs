//! Benches of the project; see `benches/README.md`. This library makes the data they share.

pub mod samples;
