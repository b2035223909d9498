//! Object stores opened without a service, for `kayenta migrate`. For reading alone nothing is created,
//! not even a missing container or folder.

use std::sync::Arc;

use anyhow::Context;
use kayenta_accounts::AccountKind;
use kayenta_config::Settings;
use kayenta_errors::with_causes;
use kayenta_http::Transport;
use kayenta_queue::SystemClock;
use kayenta_storage::{
    ObjectAccount, ObjectRepository, ObjectStore, OpenError, Opening, Place, RetryPolicy, Retrying,
};

use super::{http_settings, kinds::Loaded};

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
            let objects = account.store.objects(&loaded.accounts, kind, types)?;
            if objects.place() == Place::Process {
                return None;
            }
            let objects = opening
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|opening| open(&account.name, objects.as_ref(), opening));
            Some(ReadingAccount {
                name: account.name.clone(),
                kind,
                objects,
            })
        })
        .collect()
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The store of the account called `name`.
///
/// # Errors
/// When there is no such account, it keeps no objects outside the process, or cannot be opened.
pub(crate) async fn open_store(
    loaded: &Loaded,
    name: &str,
    access: Access,
) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let accounts = &loaded.accounts;
    let kept = accounts.registered.iter().filter_map(|(kind, account)| {
        let objects = account
            .store
            .objects(accounts, kind, &account.supported_types)?;
        (objects.place() != Place::Process).then_some((account.name.as_str(), objects))
    });
    let kept: Vec<_> = kept.collect();
    let Some((_, objects)) = kept.iter().find(|(known, _)| *known == name) else {
        let skipped = accounts
            .skipped
            .iter()
            .find(|skipped| skipped.name.as_deref() == Some(name));
        if let Some(skipped) = skipped {
            anyhow::bail!("{} {}", skipped.message, skipped.cause);
        }
        let names: Vec<&str> = kept.iter().map(|(known, _)| *known).collect();
        anyhow::bail!(
            "no account '{name}' keeps objects outside the process; those that do: {}",
            names.join(", ")
        );
    };
    let opening = opening(&loaded.settings).map_err(anyhow::Error::msg)?;
    let opened = match access {
        Access::Read => objects
            .open_for_reading(&opening)
            .map_err(|error| with_causes(error.to_string(), &error)),
        Access::Write => objects.open(&opening).await.map_err(|error| match error {
            OpenError::LeftOut(error) => with_causes(error.to_string(), &error),
            OpenError::Fatal { message, remedy } => format!("{message} {remedy}"),
        }),
    };
    let opened = opened
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("account '{name}' cannot be opened"))?;
    Ok(retried(name, objects.place(), opened))
}

fn retried(name: &str, place: Place, opened: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    match place {
        Place::Network => Arc::new(Retrying::new(opened, name, RetryPolicy::default())),
        Place::Process | Place::Machine => opened,
    }
}

fn opening(settings: &Settings) -> Result<Opening, String> {
    let opening = || {
        let http = http_settings(&settings.http_client)?;
        anyhow::Ok(Opening {
            transport: Transport::new(&http).context("the connections of outgoing calls")?,
            clock: Arc::new(SystemClock),
            http,
        })
    };
    opening().map_err(|error| format!("{error:#}"))
}

fn open(
    name: &str,
    objects: &dyn ObjectAccount,
    opening: &Opening,
) -> Result<ObjectRepository, String> {
    let opened = objects
        .open_for_reading(opening)
        .map_err(|error| with_causes(error.to_string(), &error))?;
    let store = retried(name, objects.place(), opened);
    Ok(ObjectRepository::new(name, store))
}
