//! Benches of the project; see `benches/README.md`.

pub mod series;
