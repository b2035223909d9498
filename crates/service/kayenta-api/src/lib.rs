//! The HTTP API: routes, error mapping, access control and the OpenAPI document.
//!
//! [`ApiState::new`] takes the engine, the settings and what the management endpoints show;
//! [`router()`] makes the main port's routes of it and [`management_router`] those of a separate port.
//! Handlers extract, call and map. Which HTTP status an error of the engine or of a store has is decided
//! here; bodies, parameters and error responses are read and written by `kayenta-web`.
//!
//! It does not listen, read configuration, or decide anything about canaries.

mod controllers;
mod document;
mod error;
mod front;
mod json_schemas;
mod openapi;
mod options;
mod page_access;
mod rendered_configs;
mod request_timers;
mod router;
mod schemas;
mod state;
mod transport;

pub use document::{document, document_2};
pub use error::ApiError;
pub use json_schemas::{CONFIGURATION_SCHEMA, JSON_SCHEMAS, JsonSchema};
pub use options::ApiOptions;
pub use page_access::RefusedPage;
pub use router::{PageRoutes, management_router, router, router_with_pages};
pub use state::{ApiParts, ApiState};
