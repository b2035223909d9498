//! The catalogues of stored configs, by account.

use indexmap::IndexMap;
use kayenta_engine::{Accounts, EngineError};
use kayenta_model::AccountType;
use kayenta_storage::ConfigCatalogue;

/// The catalogues that the API serves, too: they share what keeps writers apart.
pub type ConfigCatalogues = IndexMap<String, ConfigCatalogue>;

/// The catalogue of an account, or of the default one.
///
/// # Errors
/// [`InvalidRequest`](kayenta_engine::EngineErrorKind::InvalidRequest) when there is none.
pub(crate) fn catalogue<'c>(
    catalogues: &'c ConfigCatalogues,
    accounts: &Accounts,
    name: Option<&str>,
) -> Result<&'c ConfigCatalogue, EngineError> {
    let account = accounts.resolve(name, AccountType::ConfigurationStore)?;
    catalogues.get(&account.name).ok_or_else(|| {
        EngineError::invalid(format!(
            "Unable to resolve storage service {}.",
            account.name
        ))
    })
}
