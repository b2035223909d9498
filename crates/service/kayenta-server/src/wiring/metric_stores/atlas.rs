//! Atlas.

use std::sync::Arc;

use kayenta_atlas::AtlasStore;
use kayenta_config::{settings::AtlasAccount, stores};
use kayenta_engine::{Account, RandomIds};

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    account: &AtlasAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let store = AtlasStore::new(
        kayenta_atlas::AtlasAccount {
            name: account.name.clone(),
            backends_json_base_url: account.backends_json_base_url.clone(),
            fetch_id: account.fetch_id.clone(),
        },
        &ingredients.transport,
        Arc::clone(&ingredients.clock),
        Arc::new(RandomIds::new()),
    );
    let mut entry = Entry::new(&account.name, &stores::ATLAS, &account.supported_types);
    // Its locations are those of the list of backends, once that is read.
    entry.locations(&[], &account.recommended_locations);
    entry.show_some("fetchId", account.fetch_id.as_deref());
    registered(entry, &stores::ATLAS, &account.name, store)
}
