//! `kayenta.wavefront`: the accounts of Wavefront.

use std::error::Error;

use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_metrics::{
    MetricsStore,
    account::{MetricsAccount, StoreSection, Surroundings, any_store, endpoint, shown_endpoint},
};
use kayenta_model::JsonMap;
use kayenta_properties::Group;
use secrecy::ExposeSecret;

use crate::{DESCRIPTION, WavefrontAccount, WavefrontStore};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind::new("wavefront", "Wavefront"),
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<WavefrontAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<WavefrontAccount>> {
    let name = name(group);
    let types = supported_types(group, &[]);
    let base_url = endpoint(group, &types, "https://example.wavefront.com");
    let api_token = group.secret("apiToken");
    if api_token
        .as_ref()
        .is_none_or(|token| token.current().expose_secret().is_empty())
    {
        let mut lacking = group.lacking("apiToken", "a token of the Wavefront API");
        lacking.message = "apiToken is marked non-null but is null".to_owned();
        group.report(lacking);
    }
    let account = WavefrontAccount {
        base_url: base_url?,
        api_token: api_token?,
    };
    Some(AccountSettings::new(name?, types, account))
}

impl MetricsAccount for WavefrontAccount {
    fn shown(&self) -> JsonMap {
        shown_endpoint(&self.base_url)
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = WavefrontStore::new(self.clone(), &surroundings.transport)?;
        Ok(Box::new(store))
    }
}
