//! The metrics seam: what a metric store must do, how query templates expand, when a failed fetch is
//! tried again, and how control and experiment are mixed into pairs.

pub mod account;
mod description;
mod error;
mod fetch_route;
pub mod metadata;
mod metered;
pub mod mixing;
pub mod reading;
mod retry;
pub mod scope;
pub mod series;
mod store;
pub mod template;

pub use description::{ScopeField, ScopeValue, StoreDescription};
pub use error::{FetchError, FetchErrorKind};
pub use fetch_route::{
    BuiltQuery, FetchArgument, FetchArguments, FetchBindings, FetchInput, FetchParameter,
    FetchRoute, ParameterExample, ParameterKind, bindings,
};
pub use metadata::{Metadata, MetadataCache};
pub use metered::Metered;
pub use mixing::MixError;
pub use retry::fetch_with_retries;
pub use store::{MetricQuery, MetricsStore, Prerequisite};
