//! Parameters that name accounts, shared by several routes.

use kayenta_engine::ConfigSource;
use serde::Deserialize;
use utoipa::IntoParams;

/// The account that stores objects.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct StorageAccount {
    /// Account that stores objects; the default account when absent or empty.
    pub(super) storage_account_name: Option<String>,
}

/// The account that stores configs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfigurationAccount {
    /// Account that stores configs; the default account when absent or empty.
    pub(super) configuration_account_name: Option<String>,
}

impl ConfigurationAccount {
    /// The config of the id in the account.
    pub(super) fn config(self, config_id: String) -> ConfigSource {
        ConfigSource::ById {
            configuration_account: self.configuration_account_name,
            config_id,
        }
    }
}

/// What a run and an analysis have in common.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct RunParams {
    /// Id of the pipeline that starts it, returned with the status; none when absent.
    pub(super) parent_pipeline_execution_id: Option<String>,
    /// Account to fetch metrics from; the default account when absent or empty.
    pub(super) metrics_account_name: Option<String>,
    /// Account to store the results in; the default account when absent or empty.
    pub(super) storage_account_name: Option<String>,
}
