//! C-CONF-09: a configuration that names no object store at all gets the embedded one. The reference starts
//! without any and can then do nothing useful.

use std::path::Path;

use kayenta_accounts::{AccountKind, AccountSection};
use kayenta_model::AccountType;
use kayenta_properties::{Binder, Diagnostic, Environment, Gathered, Group, Loader};

/// Whether the configuration names an object store, in whatever state it is, or is the embedded default
/// itself.
pub(crate) fn is_unneeded<S: AccountSection>(
    gathered: &Gathered,
    process: &Environment,
    table: &[S],
) -> bool {
    let has_disk = table.iter().any(|entry| entry.kind().name == "disk");
    if !has_disk || gathered.files.is_empty() || !gathered.errors.is_empty() {
        return true;
    }
    let binder = Binder::new(&gathered.properties, process);
    let kayenta = binder.group("kayenta");
    table
        .iter()
        .map(AccountSection::kind)
        .filter(|kind| kind.can_keep_objects())
        .any(|kind| names_object_store(&kayenta, kind))
}

/// Whether something is said of object stores of a kind. Accounts of a kind that also has metrics, and
/// that are for metrics alone, say nothing of them.
fn names_object_store(kayenta: &Group<'_>, kind: &AccountKind) -> bool {
    let section = kayenta.group(kind.name);
    let of_objects = |name: &AccountType| *name != AccountType::MetricsStore;
    let has_metrics = kind
        .services
        .iter()
        .any(|service| service.account_type == AccountType::MetricsStore);
    if !has_metrics {
        return section.is_present();
    }
    let types = section.elements("accounts", "name", |account| {
        account.choices("supportedTypes", AccountType::NAMES)
    });
    let services = kind.services.iter();
    let service_on = services
        .filter(|service| service.account_type == AccountType::ObjectStore)
        .any(|service| kayenta.group(service.name).is_present());
    service_on || types.iter().flatten().any(of_objects)
}

/// The sources with the embedded store below all of them.
pub(crate) fn added_to(loader: Loader) -> Loader {
    [
        ("kayenta.disk.enabled", "true"),
        ("kayenta.disk.accounts[0].name", "embedded-storage"),
        (
            "kayenta.disk.accounts[0].supportedTypes",
            "OBJECT_STORE,CONFIGURATION_STORE",
        ),
    ]
    .into_iter()
    .fold(loader, |loader, (name, value)| {
        loader.default_property(name, value)
    })
}

/// Says so.
pub(crate) fn warn(binder: &Binder<'_>, data_dir: &Path) {
    binder.report(
        Diagnostic::warning(format!(
            "no object store is configured: canary configs and results are kept on disk under {}, in the account \
             embedded-storage, not shared with other replicas",
            data_dir.join("objects").display()
        ))
        .property("kayenta.disk.enabled")
        .remedy(
            "configure an object store, or write kayenta.disk: {enabled: true, accounts: [{name: embedded-storage}]}",
        ),
    );
}
