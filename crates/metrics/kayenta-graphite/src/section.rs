//! `kayenta.graphite`: the accounts of Graphite.

use std::error::Error;

use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_metrics::{
    MetricsStore,
    account::{MetricsAccount, StoreSection, Surroundings, any_store, endpoint, shown_endpoint},
};
use kayenta_model::JsonMap;
use kayenta_properties::Group;

use crate::{DESCRIPTION, GraphiteAccount, GraphiteStore};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind::new("graphite", "Graphite"),
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<GraphiteAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<GraphiteAccount>> {
    let name = name(group);
    let types = supported_types(group, &[]);
    let base_url = endpoint(group, &types, "http://graphite:8080");
    let name = name?;
    let account = GraphiteAccount {
        name: name.clone(),
        base_url: base_url?,
    };
    Some(AccountSettings::new(name, types, account))
}

impl MetricsAccount for GraphiteAccount {
    fn shown(&self) -> JsonMap {
        shown_endpoint(&self.base_url)
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = GraphiteStore::new(self.clone(), &surroundings.transport)?;
        Ok(Box::new(store))
    }
}
