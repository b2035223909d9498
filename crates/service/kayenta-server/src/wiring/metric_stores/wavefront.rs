//! Wavefront.

use kayenta_config::{settings::WavefrontAccount, stores};
use kayenta_engine::Account;
use kayenta_wavefront::WavefrontStore;

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    account: &WavefrontAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let store = WavefrontStore::new(
        kayenta_wavefront::WavefrontAccount {
            base_url: account.base_url.clone(),
            api_token: account.api_token.clone(),
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(&account.name, &stores::WAVEFRONT, &account.supported_types);
    entry.show_endpoint(&account.base_url);
    registered(entry, &stores::WAVEFRONT, &account.name, store)
}
