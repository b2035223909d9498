//! Everything measured, kept in one recorder and shown two ways: to the management endpoints as
//! meters with dotted names, and to Prometheus as text.

pub(crate) mod catalogue;
mod process;
mod recorder;
mod summary;
mod text;

pub(crate) use recorder::install;
#[cfg(test)]
pub(crate) use text::prometheus_name;
