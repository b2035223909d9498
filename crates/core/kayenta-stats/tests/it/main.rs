//! The statistics core against recorded vectors, properties, hostile inputs and an independent library.

#![allow(clippy::unwrap_used, reason = "tests panic on purpose")]

mod beyond;
mod golden;
mod hostile;
mod oracle;
mod properties;
mod quantile;
