//! InfluxDB.

use kayenta_config::{settings::InfluxDbAccount, stores};
use kayenta_engine::Account;
use kayenta_influxdb::{InfluxDbCredentials, InfluxDbStore};

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    account: &InfluxDbAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let credentials = match (&account.token, &account.username, &account.password) {
        (Some(token), _, _) => InfluxDbCredentials::Token(token.clone()),
        (None, Some(username), password) => InfluxDbCredentials::Basic {
            username: username.clone(),
            password: password.clone().unwrap_or_default(),
        },
        (None, None, _) => InfluxDbCredentials::None,
    };
    let store = InfluxDbStore::new(
        kayenta_influxdb::InfluxDbAccount {
            base_url: account.base_url.clone(),
            credentials,
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(&account.name, &stores::INFLUXDB, &account.supported_types);
    entry.show_endpoint(&account.base_url);
    registered(entry, &stores::INFLUXDB, &account.name, store)
}
