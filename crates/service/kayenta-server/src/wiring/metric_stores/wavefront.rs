//! Wavefront.

use kayenta_config::settings::{AccountKind, WavefrontAccount};
use kayenta_engine::Account;
use kayenta_wavefront::WavefrontStore;

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(super) fn account(account: &WavefrontAccount, ingredients: &Ingredients) -> Option<Account> {
    let store = WavefrontStore::new(
        kayenta_wavefront::WavefrontAccount {
            base_url: account.base_url.clone(),
            api_token: account.api_token.clone(),
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(
        &account.name,
        AccountKind::Wavefront,
        &account.supported_types,
    );
    entry.show_endpoint(&account.base_url);
    registered(entry, AccountKind::Wavefront, &account.name, store)
}
