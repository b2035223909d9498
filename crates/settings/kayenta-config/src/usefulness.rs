//! Accounts that can be used for nothing or for less than they say, and an installation that lacks something
//! no canary runs without.

use kayenta_accounts::{AccountKind, AccountSettings};
use kayenta_model::AccountType;
use kayenta_properties::{Diagnostic, Group};

/// Warns of what the sections of one kind cannot be used for; returns what their accounts can be used for.
pub(crate) fn of_kind<S>(
    kayenta: &Group<'_>,
    kind: &AccountKind,
    accounts: &[AccountSettings<S>],
    is_on: impl Fn(&str) -> bool,
) -> Vec<AccountType> {
    let section = kayenta.group(kind.name);
    let place = |diagnostic: Diagnostic, name: &str| {
        diagnostic.property(section.full(name)).at(section.at(name))
    };
    let enable = format!("kayenta.{}.enabled", kind.name);
    if !is_on(kind.name) {
        if section.group("accounts").is_present() && !section.is_given("enabled") {
            section.report(
                place(
                    Diagnostic::warning(format!("{enable} is not set: the accounts are not used")),
                    "accounts",
                )
                .remedy(format!("set {enable}: true")),
            );
        }
        return Vec::new();
    }
    let usable = kind.usable_for(&is_on);
    let mut found = Vec::new();
    for account in accounts {
        let types = &account.supported_types;
        found.extend(types.iter().filter(|wanted| usable.contains(wanted)));
        for warning in of_account(kind, account, &usable) {
            section.report(place(warning, "accounts"));
        }
    }
    found
}

fn of_account<S>(
    kind: &AccountKind,
    account: &AccountSettings<S>,
    usable: &[AccountType],
) -> Vec<Diagnostic> {
    let (name, types) = (&account.name, &account.supported_types);
    let possible = kind.usable_for(|_| true);
    let spelled = |types: &[AccountType]| -> String {
        let names: Vec<&str> = types.iter().map(|wanted| wanted.as_str()).collect();
        names.join(", ")
    };
    if types.is_empty() {
        return vec![
            Diagnostic::warning(format!(
                "account {name} supports nothing and cannot be used"
            ))
            .remedy(format!("set supportedTypes: [{}]", spelled(&possible))),
        ];
    }
    let mut warnings = Vec::new();
    for service in kind.services {
        if types.contains(&service.account_type) && !usable.contains(&service.account_type) {
            let consequence = match service.account_type {
                AccountType::MetricsStore => "no metric can be queried from",
                _ => "nothing can be stored in",
            };
            warnings.push(
                Diagnostic::warning(format!(
                    "kayenta.{}.enabled is off: {consequence} account {name}",
                    service.name
                ))
                .remedy(format!("set kayenta.{}.enabled: true", service.name)),
            );
        }
    }
    let configs_alone = types.contains(&AccountType::ConfigurationStore)
        && !types.contains(&AccountType::ObjectStore);
    let needs_objects = kind
        .services
        .iter()
        .any(|service| service.account_type == AccountType::ObjectStore);
    if configs_alone && needs_objects {
        warnings.push(
            Diagnostic::warning(format!(
                "account {name} supports CONFIGURATION_STORE without OBJECT_STORE: Unable to resolve storage \
                 service {name}."
            ))
            .remedy("add OBJECT_STORE to its supportedTypes"),
        );
    }
    let impossible: Vec<AccountType> = types
        .iter()
        .filter(|wanted| !possible.contains(wanted))
        .copied()
        .collect();
    if !impossible.is_empty() {
        warnings.push(
            Diagnostic::warning(format!(
                "account {name} supports {}, which accounts of the kind {} cannot be used for",
                spelled(&impossible),
                kind.name
            ))
            .remedy(format!("set supportedTypes: [{}]", spelled(&possible))),
        );
    }
    warnings
}

/// Warns where no account can be used for something every canary needs. An installation with mistakes is
/// not judged: what is missing may be among them.
pub(crate) fn of_installation(kayenta: &Group<'_>, usable: &[AccountType]) {
    if kayenta.binder().has_errors() {
        return;
    }
    for (needed, consequence, remedy) in [
        (
            AccountType::MetricsStore,
            "no account can be queried for metrics: no canary can run",
            "configure a metric store, for example kayenta.prometheus.enabled: true with an account",
        ),
        (
            AccountType::ObjectStore,
            "no account can keep results: no canary can run",
            "configure an object store, for example kayenta.disk.enabled: true with an account",
        ),
        (
            AccountType::ConfigurationStore,
            "no account can keep canary configs: only configs that are sent with a request can run",
            "add CONFIGURATION_STORE to the supportedTypes of an object store",
        ),
    ] {
        if !usable.contains(&needed) {
            kayenta.report(
                Diagnostic::warning(consequence)
                    .property("kayenta")
                    .remedy(remedy),
            );
        }
    }
}
