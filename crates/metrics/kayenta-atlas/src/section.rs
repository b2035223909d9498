//! `kayenta.atlas`: the accounts of Atlas.

use std::{error::Error, sync::Arc};

use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_metrics::{
    MetricsStore,
    account::{MetricsAccount, StoreSection, Surroundings, any_store, needed_url},
};
use kayenta_model::JsonMap;
use kayenta_properties::Group;

use crate::{AtlasAccount, AtlasStore, DESCRIPTION};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind::new("atlas", "Atlas"),
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<AtlasAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<AtlasAccount>> {
    // Keys of the shipped file's comments, which mean nothing.
    group.accept(&["endpoint", "namespace"]);
    let name = name(group);
    let types = supported_types(group, &[]);
    let base_url = needed_url(
        group,
        "backendsJsonBaseUrl",
        &types,
        "the URL of the service that lists the backends",
    );
    let fetch_id = group.text("fetchId");
    let recommended_locations = group.list_or_empty("recommendedLocations");
    let name = name?;
    let account = AtlasAccount {
        name: name.clone(),
        backends_json_base_url: base_url?,
        fetch_id,
    };
    Some(AccountSettings {
        // Its locations are those of the list of backends, once that is read.
        recommended_locations,
        ..AccountSettings::new(name, types, account)
    })
}

impl MetricsAccount for AtlasAccount {
    fn shown(&self) -> JsonMap {
        let fetch_id = self.fetch_id.as_deref();
        JsonMap::from_iter(fetch_id.map(|id| ("fetchId".to_owned(), id.into())))
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = AtlasStore::new(
            self.clone(),
            &surroundings.transport,
            Arc::clone(&surroundings.clock),
            Arc::clone(&surroundings.ids),
        )?;
        Ok(Box::new(store))
    }
}
