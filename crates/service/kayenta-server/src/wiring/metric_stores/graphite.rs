//! Graphite.

use kayenta_config::settings::{AccountKind, GraphiteAccount};
use kayenta_engine::Account;
use kayenta_graphite::GraphiteStore;

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(super) fn account(account: &GraphiteAccount, ingredients: &Ingredients) -> Option<Account> {
    let store = GraphiteStore::new(
        kayenta_graphite::GraphiteAccount {
            name: account.name.clone(),
            base_url: account.base_url.clone(),
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(
        &account.name,
        AccountKind::Graphite,
        &account.supported_types,
    );
    entry.show_endpoint(&account.base_url);
    registered(entry, AccountKind::Graphite, &account.name, store)
}
