//! Object stores opened for reading alone, for `kayenta migrate check`: nothing is created, not even a
//! missing container or folder.

use std::sync::Arc;

use kayenta_accounts::AccountKind;
use kayenta_config::Settings;
use kayenta_errors::with_causes;
use kayenta_model::AccountType;
use kayenta_queue::SystemClock;
use kayenta_storage::{
    ObjectAccount, ObjectRepository, ObjectStore, Opening, Place, RetryPolicy, Retrying,
};

use super::{kinds::Loaded, transport};

/// The objects of one account, or why there is no way to them.
#[derive(Debug)]
pub(crate) struct ReadingAccount {
    pub(crate) name: String,
    pub(crate) kind: &'static AccountKind,
    pub(crate) objects: Result<ObjectRepository, String>,
}

/// Every account that keeps objects outside this process, in configured order.
pub(crate) fn object_stores(loaded: &Loaded) -> Vec<ReadingAccount> {
    let opening = opening(&loaded.settings);
    loaded
        .accounts
        .registered
        .iter()
        .filter_map(|(kind, account)| {
            let types = &account.supported_types;
            let objects = match account.store.objects() {
                Some(objects) if objects.place() == Place::Process => return None,
                Some(objects) => opening
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|opening| open(&account.name, objects.as_ref(), opening)),
                // Whatever keeps objects and is not looked through is reported, never passed over.
                None if account.store.keeps_no_objects_yet()
                    && (types.contains(&AccountType::ObjectStore)
                        || types.contains(&AccountType::ConfigurationStore)) =>
                {
                    Err(format!(
                        "object stores of type {} are not built in",
                        kind.name
                    ))
                }
                None => return None,
            };
            Some(ReadingAccount {
                name: account.name.clone(),
                kind,
                objects,
            })
        })
        .collect()
}

fn opening(settings: &Settings) -> Result<Opening, String> {
    Ok(Opening {
        transport: transport(&settings.http_client).map_err(|error| format!("{error:#}"))?,
        clock: Arc::new(SystemClock),
    })
}

fn open(
    name: &str,
    objects: &dyn ObjectAccount,
    opening: &Opening,
) -> Result<ObjectRepository, String> {
    let opened = objects
        .open_for_reading(opening)
        .map_err(|error| with_causes(error.to_string(), &error))?;
    let store: Arc<dyn ObjectStore> = match objects.place() {
        Place::Network => Arc::new(Retrying::new(opened, name, RetryPolicy::default())),
        Place::Process | Place::Machine => opened,
    };
    Ok(ObjectRepository::new(name, store))
}
