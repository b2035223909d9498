//! What an operator configures.

use kayenta_secrets::BaseUrl;

/// An account of `kayenta.configbin.accounts`.
#[derive(Clone, Debug)]
pub struct ConfigBinAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`
    pub base_url: BaseUrl,
    /// `ownerApp`
    pub owner_app: String,
    /// `configType`
    pub config_type: String,
}
