//! Health: the results of the server's indicators, checked together and cached briefly.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::join_all;
use kayenta_model::JsonMap;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

/// Status of a component, of a group, or of all; the worse the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthStatus {
    /// It does not work.
    Down,
    /// It does not want work now.
    OutOfService,
    /// It works.
    Up,
    /// Its status cannot be determined.
    Unknown,
}

impl HealthStatus {
    /// All of them, worst first.
    const ALL: [Self; 4] = [Self::Down, Self::OutOfService, Self::Up, Self::Unknown];

    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "DOWN",
            Self::OutOfService => "OUT_OF_SERVICE",
            Self::Up => "UP",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Which status stands for several, worst first (`management.endpoint.health.status.order`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusOrder(Vec<HealthStatus>);

impl Default for StatusOrder {
    fn default() -> Self {
        Self(HealthStatus::ALL.to_vec())
    }
}

impl StatusOrder {
    /// From wire names; a name no component here ever has is passed over.
    #[must_use]
    pub fn named(names: &[String]) -> Self {
        Self(
            names
                .iter()
                .filter_map(|name| HealthStatus::ALL.into_iter().find(|s| s.as_str() == name))
                .collect(),
        )
    }

    /// The worst of those that are in the order; unknown if none is.
    pub(crate) fn worst(&self, statuses: impl Iterator<Item = HealthStatus>) -> HealthStatus {
        statuses
            .filter_map(|status| self.0.iter().position(|known| *known == status))
            .min()
            .map_or(HealthStatus::Unknown, |place| self.0[place])
    }
}

/// How a component is.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Its status.
    pub status: HealthStatus,
    /// What else is known; shown only where details are.
    pub details: JsonMap,
}

impl Health {
    /// It works, with nothing to add.
    #[must_use]
    pub fn up() -> Self {
        Self {
            status: HealthStatus::Up,
            details: JsonMap::new(),
        }
    }

    /// It does not work, and why: `<kind>: <message>`.
    #[must_use]
    pub fn down(error: impl Into<String>) -> Self {
        Self {
            status: HealthStatus::Down,
            details: JsonMap::new(),
        }
        .with("error", error.into())
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// What a component's status bears on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impact {
    /// On `/health` as a whole, and on readiness.
    HealthAndReadiness,
    /// On `/health` as a whole only.
    Health,
    /// On readiness only: a liveness probe pointed at `/health` must not restart the process for it.
    Readiness,
    /// On nothing but its own entry.
    None,
}

impl Impact {
    fn on_health(self) -> bool {
        matches!(self, Self::Health | Self::HealthAndReadiness)
    }

    fn on_readiness(self) -> bool {
        matches!(self, Self::Readiness | Self::HealthAndReadiness)
    }
}

/// Something whose health can be asked: Redis, an object store, the disk.
#[async_trait]
pub trait HealthIndicator: Send + Sync + Debug {
    /// Name of the component (`redisHealth`).
    fn name(&self) -> &str;

    /// What its status bears on.
    fn impact(&self) -> Impact;

    /// How it is right now. Checks run together, each under the endpoint's timeout.
    async fn check(&self) -> Health;
}

/// Always up: shows that the process answers.
#[derive(Debug, Default)]
pub struct Ping;

#[async_trait]
impl HealthIndicator for Ping {
    fn name(&self) -> &str {
        "ping"
    }

    fn impact(&self) -> Impact {
        Impact::Health
    }

    async fn check(&self) -> Health {
        Health::up()
    }
}

/// Where the process is in its life; readiness follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Not ready for requests yet.
    Starting,
    /// Ready.
    Ready,
    /// No longer taking requests.
    Stopping,
}

/// The results of all indicators at one time.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Ascending by name.
    pub(crate) components: Vec<Component>,
}

#[derive(Clone, Debug)]
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) health: Health,
    pub(crate) impact: Impact,
}

impl Snapshot {
    /// What bears on `/health` as a whole.
    pub(crate) fn overall(&self) -> impl Iterator<Item = HealthStatus> {
        self.components
            .iter()
            .filter(|component| component.impact.on_health())
            .map(|component| component.health.status)
    }

    pub(crate) fn readiness(&self) -> HealthStatus {
        self.components
            .iter()
            .filter(|component| component.impact.on_readiness())
            .map(|component| component.health.status)
            .min()
            .unwrap_or(HealthStatus::Up)
    }
}

/// All indicators. Concurrent probes share one round of checks, and a result is reused briefly,
/// so that probing costs nothing.
#[derive(Debug)]
pub(crate) struct HealthRegistry {
    indicators: Vec<Arc<dyn HealthIndicator>>,
    lifecycle: watch::Receiver<Lifecycle>,
    timeout: Duration,
    keep: Duration,
    last: Mutex<Option<(Instant, Arc<Snapshot>)>>,
}

impl HealthRegistry {
    pub(crate) fn new(
        indicators: Vec<Arc<dyn HealthIndicator>>,
        lifecycle: watch::Receiver<Lifecycle>,
        timeout: Duration,
        keep: Duration,
    ) -> Self {
        Self {
            indicators,
            lifecycle,
            timeout,
            keep,
            last: Mutex::new(None),
        }
    }

    pub(crate) fn lifecycle(&self) -> Lifecycle {
        *self.lifecycle.borrow()
    }

    /// What the indicators say, at most the cache time old.
    pub(crate) async fn snapshot(&self) -> Arc<Snapshot> {
        let mut last = self.last.lock().await;
        if let Some((at, snapshot)) = &*last
            && at.elapsed() < self.keep
        {
            return Arc::clone(snapshot);
        }
        let snapshot = Arc::new(self.check_all().await);
        log_changes(last.as_ref().map(|(_, before)| &**before), &snapshot);
        *last = Some((Instant::now(), Arc::clone(&snapshot)));
        snapshot
    }

    async fn check_all(&self) -> Snapshot {
        let checks = self.indicators.iter().map(|indicator| async {
            let health = match tokio::time::timeout(self.timeout, indicator.check()).await {
                Ok(health) => health,
                Err(_) => Health::down(format!(
                    "TimeoutException: no answer within {} ms",
                    self.timeout.as_millis()
                )),
            };
            Component {
                name: indicator.name().to_owned(),
                health,
                impact: indicator.impact(),
            }
        });
        let mut components = join_all(checks).await;
        components.sort_by(|a, b| a.name.cmp(&b.name));
        Snapshot { components }
    }
}

/// Logs each component that went down or came up since the last look.
fn log_changes(before: Option<&Snapshot>, now: &Snapshot) {
    for component in &now.components {
        let was = before
            .and_then(|before| before.components.iter().find(|b| b.name == component.name))
            .map_or(HealthStatus::Up, |before| before.health.status);
        let (name, is) = (&component.name, component.health.status);
        if is < HealthStatus::Up && was >= HealthStatus::Up {
            let details = &component.health.details;
            let cause = match details.get("error").and_then(Value::as_str) {
                Some(error) => error.to_owned(),
                None => Value::Object(details.clone()).to_string(),
            };
            tracing::warn!("{name} is {}: {cause}", is.as_str());
        } else if is >= HealthStatus::Up && was < HealthStatus::Up {
            tracing::info!("{name} is {} again", is.as_str());
        }
    }
}
