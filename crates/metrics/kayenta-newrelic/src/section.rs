//! `kayenta.newrelic`: the accounts of New Relic Insights.

use std::error::Error;

use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_metrics::{
    MetricsStore,
    account::{
        METRICS, MetricsAccount, StoreSection, Surroundings, any_store, endpoint_or,
        shown_endpoint, wanted_secret,
    },
};
use kayenta_model::JsonMap;
use kayenta_properties::Group;

use crate::{DESCRIPTION, NewRelicAccount, NewRelicStore, query::DefaultKeys};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind {
        unique_names: true,
        ..AccountKind::new("newrelic", "New Relic")
    },
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<NewRelicAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<NewRelicAccount>> {
    let name = name(group);
    let base_url = endpoint_or(group, "https://insights-api.newrelic.com");
    let api_key = wanted_secret(group, "apiKey");
    let application_key = wanted_secret(group, "applicationKey");
    let defaults = DefaultKeys {
        scope: group.text("defaultScopeKey"),
        location: group.text("defaultLocationKey"),
    };
    let types = supported_types(group, METRICS);
    let name = name?;
    let account = NewRelicAccount {
        name: name.clone(),
        base_url: base_url?,
        api_key,
        application_key,
        defaults,
    };
    Some(AccountSettings::new(name, types, account))
}

impl MetricsAccount for NewRelicAccount {
    fn shown(&self) -> JsonMap {
        shown_endpoint(&self.base_url)
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = NewRelicStore::new(self.clone(), &surroundings.transport)?;
        Ok(Box::new(store))
    }
}
