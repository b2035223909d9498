//! `kayenta.influxdb`: the accounts of InfluxDB.

use std::error::Error;

use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_metrics::{
    MetricsStore,
    account::{MetricsAccount, StoreSection, Surroundings, any_store, endpoint, shown_endpoint},
};
use kayenta_model::JsonMap;
use kayenta_properties::Group;

use crate::{DESCRIPTION, InfluxDbAccount, InfluxDbCredentials, InfluxDbStore};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind::new("influxdb", "influxDb"),
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<InfluxDbAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<InfluxDbAccount>> {
    group.accept(&["apiKey", "applicationKey"]);
    let name = name(group);
    let types = supported_types(group, &[]);
    let base_url = endpoint(group, &types, "http://influxdb:8086");
    let token = group.secret("token");
    let username = group.text("username");
    let password = group.secret("password");
    if username.is_some() && password.is_none() {
        group.missing("password", "the password of username");
    }
    let credentials = match (token, username) {
        (Some(token), _) => InfluxDbCredentials::Token(token),
        (None, Some(username)) => InfluxDbCredentials::Basic {
            username,
            password: password.unwrap_or_else(|| "".into()),
        },
        (None, None) => InfluxDbCredentials::None,
    };
    let account = InfluxDbAccount {
        base_url: base_url?,
        credentials,
    };
    Some(AccountSettings::new(name?, types, account))
}

impl MetricsAccount for InfluxDbAccount {
    fn shown(&self) -> JsonMap {
        shown_endpoint(&self.base_url)
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = InfluxDbStore::new(self.clone(), &surroundings.transport)?;
        Ok(Box::new(store))
    }
}
