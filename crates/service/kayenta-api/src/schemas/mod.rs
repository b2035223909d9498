//! The shapes of the API document. The wire itself is `kayenta-model`, which knows nothing of API
//! documents; these types are never built, only described, and a test holds them against the model.
#![expect(dead_code, reason = "described, never built")]

mod analysis;
mod canary;
mod errors;
mod management;
mod objects;
mod queries;
mod results;

pub(crate) use analysis::*;
pub(crate) use canary::*;
pub(crate) use errors::*;
pub(crate) use management::*;
pub(crate) use objects::*;
pub(crate) use queries::*;
pub(crate) use results::*;

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// An object of any content.
#[derive(Serialize, ToSchema)]
pub(crate) struct FreeObject(BTreeMap<String, serde_json::Value>);

/// A 64-bit float; what JSON has no number for is one of the texts `NaN`, `Infinity`, `-Infinity`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Double {
    /// A finite value.
    #[schema(example = 97.25)]
    Number(f64),
    /// A value that is not finite.
    #[schema(example = "NaN")]
    Text(String),
}
