//! Google Cloud Monitoring.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use kayenta_config::{Settings, settings::GoogleAccount, stores};
use kayenta_engine::Account;
use kayenta_model::AccountType;
use kayenta_stackdriver::{
    GoogleCredentials, MONITORING_URL, StackdriverAccount, StackdriverStore,
};

use crate::wiring::accounts::{Entry, Ingredients};

/// A Google account, with its metrics where it reads some. One whose credentials are of no use is
/// logged and left out, as in the reference.
pub(super) fn account(
    settings: &Settings,
    enabled: bool,
    account: &GoogleAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let mut entry = Entry::new(&account.name, &stores::GOOGLE, &account.supported_types);
    entry.show("project", account.project.as_str());
    if account.supported_types.contains(&AccountType::ObjectStore) {
        entry.show_some("bucket", account.bucket.as_deref());
        entry.show_some("bucketLocation", account.bucket_location.as_deref());
        entry.show("rootFolder", account.root_folder.as_str());
    }
    if !account.supported_types.contains(&AccountType::MetricsStore) {
        return Some(entry.finish());
    }
    entry.show("metricsStoreType", "stackdriver");
    if !enabled {
        return Some(entry.finish());
    }
    match store(settings, account, ingredients) {
        Ok(store) => Some(entry.with_metrics(Box::new(store)).finish()),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "Could not load Google account {}.",
                account.name
            );
            None
        }
    }
}

fn store(
    settings: &Settings,
    account: &GoogleAccount,
    ingredients: &Ingredients,
) -> anyhow::Result<StackdriverStore> {
    let base_url = match &account.monitoring_endpoint {
        Some(base_url) => base_url.clone(),
        None => MONITORING_URL.parse()?,
    };
    let store = StackdriverStore::new(
        StackdriverAccount {
            name: account.name.clone(),
            project: account.project.clone(),
            credentials: credentials(account)?,
            base_url,
            metadata_interval: settings.stackdriver_metadata_interval,
        },
        &ingredients.surroundings.transport,
        Arc::clone(&ingredients.surroundings.clock),
    )?;
    Ok(store)
}

/// The key file, else application default credentials: a file, or the machine's own account.
fn credentials(account: &GoogleAccount) -> anyhow::Result<GoogleCredentials> {
    let file: Option<&Path> = account
        .json_path
        .as_deref()
        .or(account.default_credentials.as_deref());
    let Some(file) = file else {
        let host = account.metadata_host.as_deref();
        return Ok(GoogleCredentials::of_this_machine(host)?);
    };
    let json = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    GoogleCredentials::from_json(&json)
        .with_context(|| format!("{} cannot be used", file.display()))
}
