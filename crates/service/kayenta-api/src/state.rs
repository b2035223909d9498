//! What the handlers share.

use std::{collections::HashMap, fmt, sync::Arc};

use axum::{extract::FromRef, response::Response};
use bytes::Bytes;
use indexmap::IndexMap;
use kayenta_access::{AccessError, Guard};
use kayenta_engine::{Account, Accounts, Engine};
use kayenta_management::{Management, ManagementParts};
use kayenta_model::{AccountType, IdSource, time::JsonTimes};
use kayenta_storage::{CatalogueOptions, ConfigCatalogue, ObjectRepository, StorageError};
use kayenta_web::{BodyLimits, ErrorResponse, timed_json};
use serde::Serialize;

use crate::{error::ApiError, options::ApiOptions, rendered_configs::RenderedConfigs};

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
    management: Management,
    guard: Option<Arc<Guard>>,
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
    pub fn new(parts: ApiParts) -> Result<Self, AccessError> {
        let ApiParts {
            engine,
            options,
            management,
        } = parts;
        let guard = Guard::new(
            options.authentication.as_ref(),
            options.signing_keys.as_ref(),
            &options.management.base_path,
            options.browser.clone(),
            Arc::clone(engine.clock()),
        )?
        .map(Arc::new);
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
        let management = Management::new(
            management,
            options.management.clone(),
            Arc::clone(engine.clock()),
        );
        Ok(Self(Arc::new(Shared {
            engine,
            catalogues,
            options,
            management,
            guard,
        })))
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &ApiOptions {
        &self.0.options
    }

    /// Who decides which caller may do what; `None` where every caller may do everything.
    #[must_use]
    pub fn guard(&self) -> Option<&Arc<Guard>> {
        self.0.guard.as_ref()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// How timestamps and durations are written.
    pub(crate) fn json_times(&self) -> JsonTimes {
        self.0.engine.options().json_times
    }

    /// A JSON response that holds timestamps or durations.
    pub(crate) async fn timed<T: Serialize + Send + 'static>(&self, body: T) -> Response {
        timed_json(body, self.json_times()).await
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        self.0.engine.accounts()
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        &**self.0.engine.ids_source()
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
    /// The config catalogue of each account, for other surfaces: two catalogues of one account would not keep writers apart.
    #[must_use]
    pub fn catalogues(&self) -> IndexMap<String, ConfigCatalogue> {
        let catalogues = self.0.catalogues.iter();
        let catalogues =
            catalogues.map(|(name, catalogue)| (name.clone(), catalogue.configs.clone()));
        catalogues.collect()
    }

    pub(crate) fn catalogue(&self, name: Option<&str>) -> Result<&Catalogue, ApiError> {
        let account = self.account(name, AccountType::ConfigurationStore)?;
        self.0.catalogues.get(&account.name).ok_or_else(|| {
            let message = format!("Unable to resolve storage service {}.", account.name);
            ErrorResponse::bad_request(message).into()
        })
    }
}

impl FromRef<ApiState> for BodyLimits {
    fn from_ref(state: &ApiState) -> Self {
        Self {
            max_bytes: state.0.options.max_body_bytes,
            timeout: state.0.options.body_timeout,
        }
    }
}

impl FromRef<ApiState> for Management {
    fn from_ref(state: &ApiState) -> Self {
        state.0.management.clone()
    }
}
