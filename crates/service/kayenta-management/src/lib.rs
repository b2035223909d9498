//! The management endpoints: `/health` and its groups, `/info`, `/env`, `/configprops`, `/loggers`,
//! `/metrics`, `/prometheus`, `/scheduledtasks`, and `/spectator/metrics`, with the paths, shapes and
//! exposure rules of Spring Boot's actuator as the Java service has them.
//!
//! The server hands in what they show ([`ManagementParts`]): health indicators, live log levels, meters,
//! property sources. What an operator sets about them is [`ManagementOptions`]. [`routes()`] and [`spectator_routes`] return the endpoints as described routes, for
//! any router whose state yields a [`Management`] and the
//! [`BodyLimits`](kayenta_web::BodyLimits). The crate knows no engine, no store and no setting of the
//! API; which port the endpoints are on and who may call them is decided in `kayenta-api`.
//!
//! ```
//! use kayenta_management::{Health, HealthStatus};
//!
//! let health = Health::down("ConnectionException: refused").with("attempts", 3);
//! assert_eq!(health.status, HealthStatus::Down);
//! assert_eq!(health.details["error"], "ConnectionException: refused");
//! ```

mod env;
mod health;
mod health_endpoint;
mod loggers;
mod masking;
mod meters;
mod options;
mod response;
mod routes;
mod scheduled;
mod schemas;
mod seams;
mod state;

pub use health::{Health, HealthIndicator, HealthStatus, Impact, Lifecycle, Ping, StatusOrder};
pub use options::ManagementOptions;
pub use routes::{routes, spectator_routes};
pub use seams::{
    Environment, LogLevels, LoggerGroup, LoggerLevels, Meter, MeterKind, MetricsSnapshot, Schedule,
    ScheduledTask, Statistic,
};
pub use state::{Management, ManagementParts};
