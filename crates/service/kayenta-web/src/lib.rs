//! What every HTTP surface of the service shares, whatever it serves: error responses, request bodies
//! and parameters read as the Java service reads them, and content negotiation.
//!
//! The API (`kayenta-api`) and the management endpoints (`kayenta-management`) are built on it. It knows
//! no canary, no store and no setting; what an error of the engine becomes is decided in `kayenta-api`.
//!
//! ```
//! use axum::{Router, extract::FromRef, routing::post};
//! use kayenta_web::{BodyLimits, ErrorResponse, JsonBody};
//!
//! #[derive(Clone)]
//! struct State(BodyLimits);
//!
//! impl FromRef<State> for BodyLimits {
//!     fn from_ref(state: &State) -> Self {
//!         state.0
//!     }
//! }
//!
//! async fn double(JsonBody(number): JsonBody<i64>) -> Result<String, ErrorResponse> {
//!     number
//!         .checked_mul(2)
//!         .map(|double| double.to_string())
//!         .ok_or_else(|| ErrorResponse::bad_request("The number is too large."))
//! }
//!
//! let limits = BodyLimits { max_bytes: 1024, timeout: std::time::Duration::from_secs(30) };
//! let routes: Router = Router::new().route("/double", post(double)).with_state(State(limits));
//! ```

pub mod accept;
mod error;
mod json_body;
mod objects_only;
mod page_route;
pub mod params;
pub mod schemas;
mod timed_json;

pub use error::{ErrorResponse, RefusalText};
pub use json_body::{BodyLimits, JsonBody, WrittenBody, is_media_type, parse_body, read_body};
pub use page_route::PageRoute;
pub use params::{FormParams, Params};
pub use timed_json::{json, json_bytes, report_times_as_numbers, timed_json};
