//! What the handlers share.

use std::{collections::HashMap, fmt, sync::Arc};

use bytes::Bytes;
use kayenta_engine::{Account, Accounts, Engine};
use kayenta_model::{AccountType, Clock, IdSource};
use kayenta_storage::{CatalogueOptions, ConfigCatalogue, ObjectRepository, StorageError};
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    error::ApiError,
    management::{
        Environment, HealthIndicator, HealthRegistry, Lifecycle, LogLevels, MetricsSnapshot,
        ScheduledTask,
    },
    options::ApiOptions,
    rendered_configs::RenderedConfigs,
    security::{Guard, SecurityError},
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

/// Everything the HTTP layer stands on.
#[derive(Debug)]
pub struct ApiParts {
    /// Runs canaries and analyses, knows accounts and judges, has the clock.
    pub engine: Engine,
    /// What the operator set.
    pub options: ApiOptions,
    /// What the management endpoints show.
    pub management: ManagementParts,
}

/// The shared state of all handlers; cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

struct Shared {
    engine: Engine,
    catalogues: HashMap<String, Catalogue>,
    options: ApiOptions,
    health: HealthRegistry,
    log_levels: Arc<dyn LogLevels>,
    metrics: Arc<dyn MetricsSnapshot>,
    environment: Environment,
    info: Map<String, Value>,
    scheduled_tasks: Vec<ScheduledTask>,
}

/// The configs of one account.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) configs: ConfigCatalogue,
    rendered: Arc<RenderedConfigs>,
}

impl Catalogue {
    /// The config under the id as JSON.
    pub(crate) async fn rendered(&self, id: &str) -> Result<Bytes, StorageError> {
        self.rendered.get(self.configs.repository(), id).await
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl ApiState {
    /// The state over these parts. The accounts of the engine must be complete: each object store
    /// gets its config catalogue here.
    ///
    /// # Errors
    /// When the security settings cannot work.
    pub fn new(parts: ApiParts) -> Result<Self, SecurityError> {
        let ApiParts {
            engine,
            options,
            management,
        } = parts;
        // Found out here and not at the first request.
        Guard::new(&options.security, &options.management.base_path)?;
        let catalogue_options = CatalogueOptions {
            check_metric_names: options.validate_metric_names,
            ..CatalogueOptions::default()
        };
        let catalogues = engine
            .accounts()
            .in_configured_order()
            .into_iter()
            .filter_map(|account| {
                let repository = account.objects.as_ref()?.as_ref().clone();
                let catalogue = ConfigCatalogue::new(
                    repository,
                    Arc::clone(engine.clock()),
                    Arc::clone(engine.ids_source()),
                    catalogue_options,
                );
                let catalogue = Catalogue {
                    configs: catalogue,
                    rendered: Arc::default(),
                };
                Some((account.name.clone(), catalogue))
            })
            .collect();
        let health = HealthRegistry::new(
            management.indicators,
            management.lifecycle,
            &options.management,
        );
        Ok(Self(Arc::new(Shared {
            engine,
            catalogues,
            options,
            health,
            log_levels: management.log_levels,
            metrics: management.metrics,
            environment: management.environment,
            info: management.info,
            scheduled_tasks: management.scheduled_tasks,
        })))
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &ApiOptions {
        &self.0.options
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        self.0.engine.accounts()
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        &**self.0.engine.ids_source()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &**self.0.engine.clock()
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

    pub(crate) fn info(&self) -> &Map<String, Value> {
        &self.0.info
    }

    pub(crate) fn scheduled_tasks(&self) -> &[ScheduledTask] {
        &self.0.scheduled_tasks
    }

    /// The account a parameter means.
    pub(crate) fn account(
        &self,
        name: Option<&str>,
        wanted: AccountType,
    ) -> Result<Arc<Account>, ApiError> {
        Ok(self.accounts().resolve(name, wanted)?)
    }

    /// The object store a parameter means.
    pub(crate) fn objects(&self, name: Option<&str>) -> Result<Arc<ObjectRepository>, ApiError> {
        let account = self.account(name, AccountType::ObjectStore)?;
        Ok(self.accounts().object_store(&account)?)
    }

    /// The config catalogue a parameter means.
    pub(crate) fn catalogue(&self, name: Option<&str>) -> Result<&Catalogue, ApiError> {
        let account = self.account(name, AccountType::ConfigurationStore)?;
        self.0.catalogues.get(&account.name).ok_or_else(|| {
            ApiError::bad_request(format!(
                "Unable to resolve storage service {}.",
                account.name
            ))
        })
    }
}
