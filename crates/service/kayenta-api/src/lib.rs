//! The HTTP API: routes, extractors, error mapping, the OpenAPI document, and the management
//! endpoints.
//!
//! [`ApiState::new`] takes the engine, the settings and what the management endpoints show;
//! [`router()`] makes the main port's routes of it and [`management_router`] those of a separate port.
//! Handlers extract, call and map. HTTP statuses are known here and nowhere else.
//!
//! It does not listen, read configuration, or decide anything about canaries.

mod accept;
mod controllers;
mod error;
mod front;
mod json_body;
mod management;
mod objects_only;
mod openapi;
mod options;
mod params;
mod rendered_configs;
mod request_timers;
mod router;
mod schemas;
mod security;
mod state;
mod transport;

pub use error::ApiError;
pub use json_body::parse as parse_body;
pub use management::{
    Environment, Health, HealthIndicator, HealthStatus, Impact, Lifecycle, LogLevel, LogLevels,
    LoggerGroup, LoggerLevels, Meter, MeterKind, MetricsSnapshot, Ping, Property, PropertySource,
    Schedule, ScheduledTask, Statistic, StatusOrder, UnknownLevel,
};
pub use openapi::{document, document_2};
pub use options::{ApiOptions, CorsOptions, Exposure, HealthGroup, ManagementOptions, Show};
pub use router::{management_router, router};
pub use security::{
    AccessRule, BasicUser, JwtOptions, Role, SecurityError, SecurityOptions, StaticToken,
};
pub use state::{ApiParts, ApiState, ManagementParts};
