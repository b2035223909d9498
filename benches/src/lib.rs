//! Benches of the project; see `benches/README.md`.

pub mod metric_store;
pub mod series;
