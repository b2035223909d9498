//! New Relic.

use kayenta_config::{settings::NewRelicAccount, stores};
use kayenta_engine::Account;
use kayenta_newrelic::{NewRelicStore, query::DefaultKeys};

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    account: &NewRelicAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let store = NewRelicStore::new(
        kayenta_newrelic::NewRelicAccount {
            name: account.name.clone(),
            base_url: account.base_url.clone(),
            api_key: account.api_key.clone(),
            application_key: account.application_key.clone(),
            defaults: DefaultKeys {
                scope: account.default_scope_key.clone(),
                location: account.default_location_key.clone(),
            },
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(&account.name, &stores::NEWRELIC, &account.supported_types);
    entry.show_endpoint(&account.base_url);
    registered(entry, &stores::NEWRELIC, &account.name, store)
}
