//! The statistics core against recorded vectors, properties, hostile inputs and an independent library.

mod golden;
mod hostile;
mod oracle;
mod properties;
mod quantile;
