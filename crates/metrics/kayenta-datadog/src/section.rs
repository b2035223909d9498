//! `kayenta.datadog`: the accounts of Datadog.

use std::{error::Error, sync::Arc, time::Duration};

use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_metrics::{
    MetricsStore,
    account::{
        METRICS, MetricsAccount, StoreSection, Surroundings, any_store, endpoint,
        metadata_interval, shown_endpoint, wanted_secret,
    },
};
use kayenta_model::JsonMap;
use kayenta_properties::Group;

use crate::{DESCRIPTION, DatadogAccount, DatadogStore};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind::new("datadog", "Datadog"),
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<DatadogAccount>> {
    let interval = metadata_interval(section, Duration::from_secs(900));
    section.accounts(|group| account(group, interval))
}

fn account(
    group: &Group<'_>,
    metadata_interval: Duration,
) -> Option<AccountSettings<DatadogAccount>> {
    let name = name(group);
    let types = supported_types(group, METRICS);
    let base_url = endpoint(group, &types, "https://app.datadoghq.com");
    let api_key = wanted_secret(group, "apiKey");
    let application_key = wanted_secret(group, "applicationKey");
    let name = name?;
    let account = DatadogAccount {
        name: name.clone(),
        base_url: base_url?,
        api_key,
        application_key,
        metadata_interval,
    };
    Some(AccountSettings::new(name, types, account))
}

impl MetricsAccount for DatadogAccount {
    fn shown(&self) -> JsonMap {
        shown_endpoint(&self.base_url)
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = DatadogStore::new(
            self.clone(),
            &surroundings.transport,
            Arc::clone(&surroundings.clock),
        )?;
        Ok(Box::new(store))
    }
}
