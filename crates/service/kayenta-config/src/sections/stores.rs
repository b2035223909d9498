//! `kayenta.<store>`: switches and accounts of every store.

use std::cell::RefCell;

use kayenta_model::AccountType;
use kayenta_properties::{Binder, Diagnostic, Group};

use crate::settings::{AccountKind, Accounts, EmbeddedSettings, SkippedAccount};

use super::{azure, cloud, duplicates, http_json, local, metric_stores};

/// What binding the accounts of all stores shares.
pub(super) struct Stores<'s> {
    pub(super) binder: &'s Binder<'s>,
    enabled: RefCell<Vec<String>>,
    skipped: RefCell<Vec<SkippedAccount>>,
}

impl<'s> Stores<'s> {
    /// Reads a store's switch.
    fn switch(&self, store: &str) -> bool {
        let on = self.binder.group("kayenta").group(store).switch("enabled");
        if on {
            self.enabled.borrow_mut().push(store.to_owned());
        }
        on
    }

    /// The accounts of a store, none when it is switched off; what is below a store that is off is
    /// not looked at, but its names are known.
    fn accounts<T>(
        &self,
        store: &str,
        bind: impl Fn(&Stores<'s>, &Group<'s>) -> Option<T>,
    ) -> Vec<T> {
        let on = self.switch(store);
        let read = || {
            self.binder
                .group("kayenta")
                .group(store)
                .elements("accounts", "name", |group| bind(self, group))
        };
        if on {
            read()
        } else {
            self.binder.muted(read);
            Vec::new()
        }
    }

    /// Leaves an account out, as the reference does.
    pub(super) fn skip(&self, kind: AccountKind, name: Option<&str>, cause: Diagnostic) {
        if self.binder.is_muted() {
            return;
        }
        let shown = name.unwrap_or("null");
        let message = match kind {
            AccountKind::Prometheus => format!("Problem registering Prometheus account {shown}:"),
            _ => format!("Could not load {} account {shown}.", kind.label()),
        };
        self.skipped.borrow_mut().push(SkippedAccount {
            kind,
            name: name.map(str::to_owned),
            message,
            cause,
        });
    }
}

/// An account's name; told when it is missing.
pub(super) fn name(group: &Group<'_>) -> Option<String> {
    let name = group.text("name");
    if name.is_none() {
        group.missing("name", "the name requests use");
    }
    name
}

/// `supportedTypes`, or these.
pub(super) fn types(group: &Group<'_>, default: &[AccountType]) -> Vec<AccountType> {
    group
        .choices("supportedTypes", AccountType::NAMES)
        .unwrap_or_else(|| default.to_vec())
}

/// `supportedTypes` of a store that has none by default and is useless without.
pub(super) fn types_or_warn(group: &Group<'_>, useful: AccountType) -> Vec<AccountType> {
    let types = types(group, &[]);
    if types.is_empty() {
        group.report(
            Diagnostic::warning("the account supports nothing and cannot be used")
                .property(group.full("supportedTypes"))
                .at(group.at("supportedTypes"))
                .remedy(format!("set supportedTypes: [{}]", useful.as_str())),
        );
    }
    types
}

pub(super) fn accounts(binder: &Binder<'_>, embedded: &EmbeddedSettings) -> Accounts {
    binder.group("kayenta").accept(&[
        "data-migration",
        "include-spring-security-authentication-in-pipeline-context",
    ]);
    let stores = Stores {
        binder,
        enabled: RefCell::default(),
        skipped: RefCell::default(),
    };
    let mut accounts = Accounts {
        prometheus: stores.accounts("prometheus", metric_stores::prometheus),
        graphite: stores.accounts("graphite", |_, group| metric_stores::graphite(group)),
        influxdb: stores.accounts("influxdb", |_, group| metric_stores::influxdb(group)),
        datadog: stores.accounts("datadog", |_, group| metric_stores::datadog(group)),
        newrelic: stores.accounts("newrelic", |_, group| metric_stores::newrelic(group)),
        signalfx: stores.accounts("signalfx", |_, group| metric_stores::signalfx(group)),
        wavefront: stores.accounts("wavefront", |_, group| metric_stores::wavefront(group)),
        atlas: stores.accounts("atlas", |_, group| metric_stores::atlas(group)),
        http_json: stores.accounts("http-json", |_, group| http_json::account(group)),
        google: stores.accounts("google", cloud::google),
        azure: stores.accounts("azure", azure::account),
        aws: stores.accounts("aws", cloud::aws),
        memory: stores.accounts("memory", |_, group| local::memory(group)),
        disk: stores.accounts("disk", |_, group| local::disk(group, embedded)),
        configbin: stores.accounts("configbin", |_, group| local::configbin(group)),
        ..Accounts::default()
    };
    for (store, provider) in [
        ("blobs", "azure"),
        ("s3", "aws"),
        ("gcs", "google"),
        ("stackdriver", "google"),
    ] {
        companion(&stores, store, provider);
    }
    accounts.enabled_stores = stores.enabled.into_inner();
    accounts.skipped = stores.skipped.into_inner();
    unused(binder, &accounts);
    duplicates::settle(binder, &mut accounts);
    accounts
}

/// A store that works with the accounts of a provider needs it switched on.
fn companion(stores: &Stores<'_>, store: &str, provider: &str) {
    if !stores.switch(store)
        || stores
            .enabled
            .borrow()
            .iter()
            .any(|enabled| enabled == provider)
    {
        return;
    }
    let capitalised = match provider {
        "azure" => "Azure",
        "aws" => "Aws",
        _ => "Google",
    };
    let group = stores.binder.group("kayenta").group(store);
    group.report(
        Diagnostic::error(format!(
            "kayenta.{store}.enabled needs kayenta.{provider}.enabled (required a bean named \
             'register{capitalised}Credentials' that could not be found)"
        ))
        .property(group.full("enabled"))
        .at(group.at("enabled"))
        .remedy(format!(
            "Set kayenta.{provider}.enabled: true, or kayenta.{store}.enabled: false"
        )),
    );
}

/// Accounts whose store is off, or that ask for less than they need.
fn unused(binder: &Binder<'_>, accounts: &Accounts) {
    let azure = accounts.azure.iter();
    let aws = accounts.aws.iter();
    let google = accounts.google.iter();
    let all = azure
        .map(|a| ("azure", "blobs", &a.name, &a.supported_types))
        .chain(aws.map(|a| ("aws", "s3", &a.name, &a.supported_types)))
        .chain(google.map(|a| ("google", "gcs", &a.name, &a.supported_types)));
    for (provider, store, name, types) in all {
        let group = binder.group("kayenta").group(provider);
        let objects = types.contains(&AccountType::ObjectStore);
        let configs = types.contains(&AccountType::ConfigurationStore);
        if objects && !accounts.store_enabled(store) {
            binder.report(
                Diagnostic::warning(format!(
                    "kayenta.{store}.enabled is off: nothing can be stored in account {name}"
                ))
                .property(group.full("accounts"))
                .at(group.at("accounts"))
                .remedy(format!("set kayenta.{store}.enabled: true")),
            );
        } else if configs && !objects {
            binder.report(
                    Diagnostic::warning(format!(
                        "account {name} supports CONFIGURATION_STORE without OBJECT_STORE: Unable to resolve \
                         storage service {name}."
                    ))
                    .property(group.full("accounts"))
                    .at(group.at("accounts"))
                    .remedy("add OBJECT_STORE to its supportedTypes"),
                );
        }
    }
}
