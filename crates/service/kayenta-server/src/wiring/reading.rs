//! Object stores opened for reading alone, for `kayenta migrate check`: nothing is created, not even a
//! missing container or folder.

use std::sync::Arc;

use kayenta_azure::AzureStore;
use kayenta_config::{
    Settings,
    settings::{AccountKind, AzureAccount},
};
use kayenta_model::AccountType;
use kayenta_storage::{DiskStore, ObjectRepository, RetryPolicy, Retrying};

use super::{accounts::azure_settings, not_built_in};

/// The objects of one account, or why there is no way to them.
#[derive(Debug)]
pub(crate) struct ReadingAccount {
    pub(crate) name: String,
    pub(crate) kind: AccountKind,
    pub(crate) objects: Result<ObjectRepository, String>,
}

/// Every account that keeps objects outside this process, in configured order.
pub(crate) fn object_stores(settings: &Settings) -> Vec<ReadingAccount> {
    let accounts = &settings.accounts;
    accounts
        .registration_order
        .iter()
        .filter_map(|(kind, name)| {
            let objects = match kind {
                AccountKind::Azure => {
                    let account = accounts.azure.iter().find(|a| a.name == *name)?;
                    if !account.supported_types.contains(&AccountType::ObjectStore) {
                        return None;
                    }
                    azure(account)
                }
                AccountKind::Disk => {
                    let account = accounts.disk.iter().find(|a| a.name == *name)?;
                    let store = DiskStore::reading(account.path.join(&account.root_folder));
                    Ok(ObjectRepository::new(name.as_str(), Arc::new(store)))
                }
                // Whatever keeps objects and is not looked through is said, never passed over.
                kind if keeps_objects(settings, *kind, name) => {
                    let why = match not_built_in::objects_of(*kind) {
                        true => "are not built in",
                        false => "cannot be looked through by this check",
                    };
                    Err(format!("object stores of type {} {why}", kind.as_str()))
                }
                _ => return None,
            };
            Some(ReadingAccount {
                name: name.clone(),
                kind: *kind,
                objects,
            })
        })
        .collect()
}

fn azure(account: &AzureAccount) -> Result<ObjectRepository, String> {
    let opened = azure_settings(account)
        .and_then(|settings| AzureStore::reading(&settings).map_err(Into::into))
        .map_err(|error| format!("{error:#}"))?;
    let retried = Retrying::new(opened, account.name.as_str(), RetryPolicy::default());
    Ok(ObjectRepository::new(
        account.name.as_str(),
        Arc::new(retried),
    ))
}

/// Whether an account of a kind that can be more than an object store is one.
fn keeps_objects(settings: &Settings, kind: AccountKind, name: &str) -> bool {
    let accounts = &settings.accounts;
    let types = match kind {
        AccountKind::Aws => accounts
            .aws
            .iter()
            .find(|a| a.name == name)
            .map(|a| &a.supported_types),
        AccountKind::Google => accounts
            .google
            .iter()
            .find(|a| a.name == name)
            .map(|a| &a.supported_types),
        AccountKind::ConfigBin => accounts
            .configbin
            .iter()
            .find(|a| a.name == name)
            .map(|a| &a.supported_types),
        _ => None,
    };
    types.is_some_and(|types| {
        types.contains(&AccountType::ObjectStore)
            || types.contains(&AccountType::ConfigurationStore)
    })
}
