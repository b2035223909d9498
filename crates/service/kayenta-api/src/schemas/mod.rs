//! The shapes of the API document. The wire itself is `kayenta-model`, which knows nothing of API
//! documents; these types are never built, only described, and a test holds them against the model.
#![expect(dead_code, reason = "described, never built")]

mod analysis;
mod canary;
mod objects;
mod queries;
mod results;

pub(crate) use analysis::*;
pub(crate) use canary::*;
pub(crate) use objects::*;
pub(crate) use queries::*;
pub(crate) use results::*;

pub(crate) use kayenta_model::{Double, schema::FreeObject};
pub(crate) use kayenta_web::schemas::*;
