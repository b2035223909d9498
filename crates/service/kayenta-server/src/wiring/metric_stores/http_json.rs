//! Any server that answers with JSON.

use kayenta_config::{
    settings::{self, HttpJsonAccount, HttpJsonMethod},
    stores,
};
use kayenta_engine::Account;
use kayenta_http_json::{HttpJsonStore, Method, answer::TimestampUnit};

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
    account: &HttpJsonAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let store = HttpJsonStore::new(
        kayenta_http_json::HttpJsonAccount {
            url: account.url.clone(),
            method: match account.method {
                HttpJsonMethod::Get => Method::Get,
                HttpJsonMethod::Post => Method::Post,
            },
            headers: account.headers.clone(),
            body: account.body.clone(),
            series_path: account.series_path.clone(),
            tags_path: account.tags_path.clone(),
            timestamps_path: account.timestamps_path.clone(),
            timestamp_unit: match account.timestamp_unit {
                settings::TimestampUnit::Seconds => TimestampUnit::Seconds,
                settings::TimestampUnit::Millis => TimestampUnit::Millis,
                settings::TimestampUnit::Iso => TimestampUnit::Iso,
            },
            values_path: account.values_path.clone(),
            timeout: account.timeout,
        },
        &ingredients.transport,
    );
    let mut entry = Entry::new(&account.name, &stores::HTTP_JSON, &account.supported_types);
    entry.locations(&account.locations, &account.recommended_locations);
    registered(entry, &stores::HTTP_JSON, &account.name, store)
}
