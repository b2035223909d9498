//! `kayenta.configbin`: the accounts of ConfigBins.

use std::sync::Arc;

use async_trait::async_trait;
use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::{Diagnostic, Group, Severity};
use kayenta_storage::{
    ObjectAccount, ObjectStore, ObjectStoreDescription, OpenError, Opening, Place, StorageError,
};
use serde_json::json;

use crate::{account::ConfigBinAccount, store::ConfigBinStore};

/// Canary configs in a ConfigBin.
pub static DESCRIPTION: ObjectStoreDescription = ObjectStoreDescription {
    kind: AccountKind {
        provides: &[AccountType::ConfigurationStore],
        ..AccountKind::new("configbin", "ConfigBin")
    },
    read: |section| {
        accounts(section)
            .into_iter()
            .map(|account| account.map(|configbin| Some(Arc::new(configbin) as _)))
            .collect()
    },
    log_target: "kayenta_configbin",
    java_loggers: &["com.netflix.kayenta.configbin"],
};

/// The accounts of `kayenta.configbin.accounts`.
#[must_use]
pub fn accounts(section: &Section<'_>) -> Vec<AccountSettings<ConfigBinAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<ConfigBinAccount>> {
    let name = name(group);
    let types = supported_types(group, &[]);
    let base_url = group.base_url_or_flawed("endpoint.baseUrl");
    if base_url.is_none() {
        let mut lacking = group.lacking("endpoint.baseUrl", "the URL of the ConfigBin");
        if !types.contains(&AccountType::ConfigurationStore) {
            lacking.severity = Severity::Warning;
            lacking.message.push_str("; the account is left out");
        }
        group.report(lacking);
    }
    let part = |property: &str| {
        group.text(property).unwrap_or_else(|| {
            group.report(
                Diagnostic::warning(format!("{property} is not set: every call will fail"))
                    .property(group.full(property))
                    .at(group.at(property)),
            );
            String::new()
        })
    };
    let owner_app = part("ownerApp");
    let config_type = part("configType");
    let name = name?;
    let account = ConfigBinAccount {
        name: name.clone(),
        base_url: base_url?,
        owner_app,
        config_type,
    };
    Some(AccountSettings::new(name, types, account))
}

#[async_trait]
impl ObjectAccount for ConfigBinAccount {
    fn shown(&self) -> JsonMap {
        [
            ("endpoint", json!({"baseUrl": self.base_url.to_string()})),
            ("ownerApp", json!(self.owner_app)),
            ("configType", json!(self.config_type)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }

    fn place(&self) -> Place {
        Place::Network
    }

    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        tracing::warn!(
            account = self.name,
            "a ConfigBin writes unconditionally: ids and names are unique within one replica only"
        );
        let transport = opening.transport.clone();
        Ok(Arc::new(ConfigBinStore::new(self.clone(), transport)))
    }

    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let transport = opening.transport.clone();
        Ok(Arc::new(ConfigBinStore::new(self.clone(), transport)))
    }
}
