//! Object stores opened for reading alone, for `kayenta migrate check`: nothing is created, not even a
//! missing container or folder.

use std::sync::Arc;

use kayenta_accounts::AccountKind;
use kayenta_azure::AzureStore;
use kayenta_config::settings::AzureAccount;
use kayenta_model::AccountType;
use kayenta_storage::{DiskStore, ObjectRepository, RetryPolicy, Retrying};

use super::{
    accounts::azure_settings,
    kinds::{Accounts, Store},
};

/// The objects of one account, or why there is no way to them.
#[derive(Debug)]
pub(crate) struct ReadingAccount {
    pub(crate) name: String,
    pub(crate) kind: &'static AccountKind,
    pub(crate) objects: Result<ObjectRepository, String>,
}

/// Every account that keeps objects outside this process, in configured order.
pub(crate) fn object_stores(accounts: &Accounts) -> Vec<ReadingAccount> {
    accounts
        .registered
        .iter()
        .filter_map(|(kind, account)| {
            let types = &account.supported_types;
            let objects = match &account.store {
                Store::Azure(azure) if types.contains(&AccountType::ObjectStore) => {
                    reading_azure(azure)
                }
                Store::Disk(disk) => {
                    let store = DiskStore::reading(disk.path.join(&disk.root_folder));
                    Ok(ObjectRepository::new(
                        account.name.as_str(),
                        Arc::new(store),
                    ))
                }
                // Whatever keeps objects and is not looked through is reported, never passed over.
                store
                    if store.keeps_no_objects_yet()
                        && (types.contains(&AccountType::ObjectStore)
                            || types.contains(&AccountType::ConfigurationStore)) =>
                {
                    Err(format!(
                        "object stores of type {} are not built in",
                        kind.name
                    ))
                }
                _ => return None,
            };
            Some(ReadingAccount {
                name: account.name.clone(),
                kind,
                objects,
            })
        })
        .collect()
}

fn reading_azure(account: &AzureAccount) -> Result<ObjectRepository, String> {
    let opened = azure_settings(account)
        .and_then(|settings| AzureStore::reading(&settings).map_err(Into::into))
        .map_err(|error| format!("{error:#}"))?;
    let retried = Retrying::new(opened, account.name.as_str(), RetryPolicy::default());
    Ok(ObjectRepository::new(
        account.name.as_str(),
        Arc::new(retried),
    ))
}
