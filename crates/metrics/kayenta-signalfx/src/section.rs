//! `kayenta.signalfx`: the accounts of SignalFx.

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

use crate::{DESCRIPTION, SignalFxAccount, SignalFxStore};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind {
        unique_names: true,
        ..AccountKind::new("signalfx", "SignalFx")
    },
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<SignalFxAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<SignalFxAccount>> {
    let name = name(group);
    let base_url = endpoint_or(group, "https://stream.signalfx.com");
    let access_token = wanted_secret(group, "accessToken");
    let default_scope_key = group.text("defaultScopeKey");
    let default_location_key = group.text("defaultLocationKey");
    let types = supported_types(group, METRICS);
    let name = name?;
    let account = SignalFxAccount {
        name: name.clone(),
        base_url: base_url?,
        access_token,
        default_scope_key,
        default_location_key,
    };
    Some(AccountSettings::new(name, types, account))
}

impl MetricsAccount for SignalFxAccount {
    fn shown(&self) -> JsonMap {
        shown_endpoint(&self.base_url)
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = SignalFxStore::new(self.clone(), &surroundings.transport)?;
        Ok(Box::new(store))
    }
}
