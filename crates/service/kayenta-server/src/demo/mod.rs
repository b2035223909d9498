//! What `kayenta demo` shows: two deployments' series, and the verdict about them.

pub(crate) mod sample_prometheus;
pub(crate) mod verdict_table;
