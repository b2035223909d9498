//! What the handlers share.

use std::sync::Arc;

use kayenta_model::Clock;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    health::{HealthIndicator, HealthRegistry, Lifecycle},
    masking::Masking,
    options::ManagementOptions,
    seams::{Environment, LogLevels, MetricsSnapshot, ScheduledTask},
};

/// What the server hands the management endpoints.
#[derive(Debug)]
pub struct ManagementParts {
    /// The components of `/health`; their order does not matter.
    pub indicators: Vec<Arc<dyn HealthIndicator>>,
    /// Where the process is in its life. Readiness is up only while it says
    /// [`Lifecycle::Ready`].
    pub lifecycle: watch::Receiver<Lifecycle>,
    /// The live log levels.
    pub log_levels: Arc<dyn LogLevels>,
    /// What has been measured.
    pub metrics: Arc<dyn MetricsSnapshot>,
    /// Where the settings came from.
    pub environment: Environment,
    /// What `/info` answers; an empty object unless configured.
    pub info: Map<String, Value>,
    /// What `/scheduledtasks` lists.
    pub scheduled_tasks: Vec<ScheduledTask>,
}

/// The shared state of the management endpoints; cheap to clone.
#[derive(Clone, Debug)]
pub struct Management(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: ManagementOptions,
    clock: Arc<dyn Clock>,
    health: HealthRegistry,
    log_levels: Arc<dyn LogLevels>,
    metrics: Arc<dyn MetricsSnapshot>,
    environment: Environment,
    masking: Masking,
    info: Map<String, Value>,
    scheduled_tasks: Vec<ScheduledTask>,
}

impl Management {
    /// The state over these parts. `clock` dates the values of `/spectator/metrics`.
    #[must_use]
    pub fn new(parts: ManagementParts, options: ManagementOptions, clock: Arc<dyn Clock>) -> Self {
        let health = HealthRegistry::new(
            parts.indicators,
            parts.lifecycle,
            options.health_timeout,
            options.health_cache,
        );
        Self(Arc::new(Shared {
            masking: Masking::new(&options.extra_sanitized_keys),
            options,
            clock,
            health,
            log_levels: parts.log_levels,
            metrics: parts.metrics,
            environment: parts.environment,
            info: parts.info,
            scheduled_tasks: parts.scheduled_tasks,
        }))
    }

    pub(crate) fn options(&self) -> &ManagementOptions {
        &self.0.options
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn health(&self) -> &HealthRegistry {
        &self.0.health
    }

    pub(crate) fn log_levels(&self) -> &dyn LogLevels {
        &*self.0.log_levels
    }

    pub(crate) fn metrics(&self) -> &dyn MetricsSnapshot {
        &*self.0.metrics
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// What hides secrets in `/env` and `/configprops`.
    pub(crate) fn masking(&self) -> &Masking {
        &self.0.masking
    }

    pub(crate) fn info(&self) -> &Map<String, Value> {
        &self.0.info
    }

    pub(crate) fn scheduled_tasks(&self) -> &[ScheduledTask] {
        &self.0.scheduled_tasks
    }
}
