//! Datadog.

use std::sync::Arc;

use kayenta_config::{Settings, settings::DatadogAccount, stores};
use kayenta_datadog::DatadogStore;
use kayenta_engine::Account;

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    settings: &Settings,
    account: &DatadogAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let store = DatadogStore::new(
        kayenta_datadog::DatadogAccount {
            name: account.name.clone(),
            base_url: account.base_url.clone(),
            api_key: account.api_key.clone(),
            application_key: account.application_key.clone(),
            metadata_interval: settings.metadata.datadog,
        },
        &ingredients.transport,
        Arc::clone(&ingredients.clock),
    );
    let mut entry = Entry::new(&account.name, &stores::DATADOG, &account.supported_types);
    entry.show_endpoint(&account.base_url);
    registered(entry, &stores::DATADOG, &account.name, store)
}
