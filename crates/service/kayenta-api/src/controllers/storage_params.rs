//! The parameter of routes that read from one object store.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which storage account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct StorageParams {
    /// Account that keeps objects; the default one when absent or empty.
    pub(super) storage_account_name: Option<String>,
}
