//! The components of `/health`.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use kayenta_config::{Settings, UnknownAccount};
use kayenta_engine::{Account, Engine};
use kayenta_management::{Health, HealthIndicator, HealthStatus, Impact, Ping};
use kayenta_metrics::MetricsStore;
use kayenta_model::{AccountType, JsonMap};
use kayenta_settings::{PrometheusHealthSettings, WorkBackend};
use kayenta_storage::ObjectRepository;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::disk_space::DiskSpace;

/// Every component these settings have. Those that look at something now and then do so until
/// `shutdown`.
pub(crate) fn indicators(
    settings: &Settings,
    unknown: &[UnknownAccount],
    engine: &Engine,
    work_component: &'static str,
    shutdown: &CancellationToken,
) -> Vec<Arc<dyn HealthIndicator>> {
    let health = &settings.management.health;
    let accounts = engine.accounts().in_configured_order();
    let mut indicators: Vec<Arc<dyn HealthIndicator>> = Vec::new();
    indicators.push(Arc::new(WorkHealth {
        name: work_component,
        engine: engine.clone(),
    }));
    if health.component_enabled("ping") {
        indicators.push(Arc::new(Ping));
    }
    if health.component_enabled("diskspace") {
        let paths = match &health.disk_space_path {
            Some(path) => vec![path.clone()],
            None => data_directories(settings, &accounts),
        };
        indicators.push(Arc::new(DiskSpace::new(paths, health.disk_space_threshold)));
    }
    if settings.index.enabled {
        let stores = accounts
            .iter()
            .filter(|a| a.supports(AccountType::ConfigurationStore))
            .count();
        indicators.push(Arc::new(ConfigIndex { stores }));
    }
    for account in &accounts {
        if let Some(objects) = &account.objects {
            indicators.push(Arc::new(StorageHealth {
                name: format!("storage-{}", account.name),
                objects: Arc::clone(objects),
            }));
        }
    }
    if !unknown.is_empty() {
        indicators.push(Arc::new(UnknownAccounts(unknown.to_vec())));
    }
    indicators.extend(prerequisites(&accounts));
    if let Some(prometheus) = &settings.prometheus.health {
        indicators.push(Arc::new(PrometheusHealth::watch(
            &accounts, prometheus, shutdown,
        )));
    }
    indicators
}

/// Queue and execution records: without them nothing is accepted.
#[derive(Debug)]
struct WorkHealth {
    name: &'static str,
    engine: Engine,
}

#[async_trait]
impl HealthIndicator for WorkHealth {
    fn name(&self) -> &str {
        self.name
    }

    fn impact(&self) -> Impact {
        Impact::HealthAndReadiness
    }

    async fn check(&self) -> Health {
        match self.engine.check().await {
            Ok(()) => match self.engine.warnings().as_slice() {
                [] => Health::up(),
                warnings => Health::up().with("warning", warnings.join("; ")),
            },
            Err(error) => Health::down(error.to_string()),
        }
    }
}

/// An object store. It bears on readiness only: `/health` is what liveness probes ask, and no restart
/// fixes a store (the reference leaves stores out of `/health` altogether; C-HEALTH-01).
#[derive(Debug)]
struct StorageHealth {
    name: String,
    objects: Arc<ObjectRepository>,
}

#[async_trait]
impl HealthIndicator for StorageHealth {
    fn name(&self) -> &str {
        &self.name
    }

    fn impact(&self) -> Impact {
        Impact::Readiness
    }

    async fn check(&self) -> Health {
        match self.objects.object_store().check().await {
            Ok(()) => Health::up(),
            Err(error) => Health::down(error.to_string()),
        }
    }
}

/// Accounts of unknown kinds: requests that name one are refused.
#[derive(Debug)]
struct UnknownAccounts(Vec<UnknownAccount>);

#[async_trait]
impl HealthIndicator for UnknownAccounts {
    fn name(&self) -> &str {
        "unknownAccounts"
    }

    fn impact(&self) -> Impact {
        Impact::Readiness
    }

    async fn check(&self) -> Health {
        let reasons: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        Health::down(reasons.join("; "))
    }
}

/// Every directory of this machine that the service keeps data in (C-HEALTH-04); the working directory if
/// there is none.
fn data_directories(settings: &Settings, accounts: &[Arc<Account>]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = accounts
        .iter()
        .filter_map(|account| account.objects.as_ref())
        .filter_map(|objects| objects.object_store().directory().map(PathBuf::from))
        .collect();
    if matches!(settings.work, WorkBackend::Embedded) {
        paths.push(settings.data_dir.clone());
    }
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    paths
}

/// The reference's config index. This service reads the stores themselves and does not wait; the
/// component stays because dashboards ask for it (C-HEALTH-02).
#[derive(Debug)]
struct ConfigIndex {
    stores: usize,
}

#[async_trait]
impl HealthIndicator for ConfigIndex {
    fn name(&self) -> &str {
        "canaryConfigIndexingAgent"
    }

    fn impact(&self) -> Impact {
        Impact::Health
    }

    async fn check(&self) -> Health {
        Health::up()
            .with("existingByApplicationIndexCount", self.stores)
            .with("expectedByApplicationIndexCount", self.stores)
            .with("cyclesInitiated", 1)
            .with("cyclesCompleted", 1)
    }
}

/// What metric stores have to learn in the background, one component for each thing: up once all
/// accounts have learned it.
#[derive(Debug)]
struct Prerequisites {
    name: &'static str,
    stores: Vec<Arc<dyn MetricsStore>>,
}

fn prerequisites(accounts: &[Arc<Account>]) -> Vec<Arc<dyn HealthIndicator>> {
    let mut components: Vec<Prerequisites> = Vec::new();
    for store in accounts
        .iter()
        .filter_map(|account| account.metrics.as_ref())
    {
        for prerequisite in store.prerequisites() {
            let name = prerequisite.component;
            match components.iter_mut().find(|known| known.name == name) {
                Some(known) => known.stores.push(Arc::clone(store)),
                None => components.push(Prerequisites {
                    name,
                    stores: vec![Arc::clone(store)],
                }),
            }
        }
    }
    components
        .into_iter()
        .map(|component| Arc::new(component) as Arc<dyn HealthIndicator>)
        .collect()
}

#[async_trait]
impl HealthIndicator for Prerequisites {
    fn name(&self) -> &str {
        self.name
    }

    fn impact(&self) -> Impact {
        Impact::Health
    }

    async fn check(&self) -> Health {
        let met = self
            .stores
            .iter()
            .flat_map(|store| store.prerequisites())
            .filter(|prerequisite| prerequisite.component == self.name && prerequisite.met)
            .count();
        let health = if met >= self.stores.len() {
            Health::up()
        } else {
            Health {
                status: HealthStatus::Down,
                details: JsonMap::new(),
            }
        };
        health
            .with("checksCompleted", met)
            .with("checksExpected", self.stores.len())
    }
}

/// An account's name and what became of the last look at it.
type AccountOutcome = (String, Result<(), String>);

/// Whether the Prometheus servers answer, asked every few minutes as the reference does.
#[derive(Debug)]
struct PrometheusHealth {
    last: Arc<RwLock<Option<Vec<AccountOutcome>>>>,
}

impl PrometheusHealth {
    fn watch(
        accounts: &[Arc<Account>],
        settings: &PrometheusHealthSettings,
        shutdown: &CancellationToken,
    ) -> Self {
        let stores: Vec<(String, Arc<dyn MetricsStore>)> = accounts
            .iter()
            .filter(|account| account.kind == "prometheus")
            .filter_map(|account| Some((account.name.clone(), account.metrics.clone()?)))
            .collect();
        let last = Arc::new(RwLock::new(None));
        let (latest, shutdown) = (Arc::clone(&last), shutdown.clone());
        let (initial, period) = (settings.initial_delay, settings.fixed_delay);
        tokio::spawn(async move {
            let mut pause = initial;
            while shutdown
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_some()
            {
                pause = period.max(Duration::from_secs(1));
                let answers = ask(&stores).await;
                *latest.write().unwrap_or_else(PoisonError::into_inner) = Some(answers);
            }
        });
        Self { last }
    }
}

async fn ask(stores: &[(String, Arc<dyn MetricsStore>)]) -> Vec<AccountOutcome> {
    let asked = stores.iter().map(|(name, store)| async move {
        let answer = store.check().await.map_err(|error| error.to_string());
        if let Err(error) = &answer {
            tracing::warn!("Prometheus health FAILED for account: {name} with exception: {error}");
        }
        (name.clone(), answer)
    });
    futures::future::join_all(asked).await
}

#[async_trait]
impl HealthIndicator for PrometheusHealth {
    fn name(&self) -> &str {
        "prometheus"
    }

    fn impact(&self) -> Impact {
        Impact::Health
    }

    async fn check(&self) -> Health {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let down = || Health {
            status: HealthStatus::Down,
            details: JsonMap::new(),
        };
        let Some(answers) = &*last else {
            return down().with("reason", "Health status is not yet ready.");
        };
        let health = if answers.iter().all(|(_, answer)| answer.is_ok()) {
            Health::up()
        } else {
            down().with("reason", "One of the Prometheus remote services is DOWN.")
        };
        answers.iter().fold(health, |health, (name, answer)| {
            let detail = match answer {
                Ok(()) => json!({"status": "UP"}),
                Err(error) => json!({"error": error, "status": "DOWN"}),
            };
            health.with(name, detail)
        })
    }
}
