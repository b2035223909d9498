//! SignalFx.

use kayenta_config::{settings::SignalFxAccount, stores};
use kayenta_engine::Account;
use kayenta_signalfx::SignalfxStore;

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    account: &SignalFxAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let store = SignalfxStore::new(
        kayenta_signalfx::SignalfxAccount {
            name: account.name.clone(),
            base_url: account.base_url.clone(),
            access_token: account.access_token.clone(),
            default_scope_key: account.default_scope_key.clone(),
            default_location_key: account.default_location_key.clone(),
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(&account.name, &stores::SIGNALFX, &account.supported_types);
    entry.show_endpoint(&account.base_url);
    registered(entry, &stores::SIGNALFX, &account.name, store)
}
