//! Graphite.

use kayenta_config::{settings::GraphiteAccount, stores};
use kayenta_engine::Account;
use kayenta_graphite::GraphiteStore;

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    account: &GraphiteAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let store = GraphiteStore::new(
        kayenta_graphite::GraphiteAccount {
            name: account.name.clone(),
            base_url: account.base_url.clone(),
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(&account.name, &stores::GRAPHITE, &account.supported_types);
    entry.show_endpoint(&account.base_url);
    registered(entry, &stores::GRAPHITE, &account.name, store)
}
