//! `kayenta.<kind>`: switches and accounts of every kind in a table. No kind is known here by name.

use std::{collections::HashMap, fmt, path::Path};

use kayenta_accounts::{AccountKind, AccountSection, AccountSettings, Registered, Section};
use kayenta_model::AccountType;
use kayenta_properties::{Binder, Diagnostic, Group};

use crate::usefulness;

/// Every account of every kind that is switched on. An account whose name a later one took over is left
/// out, with a warning; one that cannot be used is in [`Accounts::skipped`].
#[derive(Clone, Debug)]
pub struct Accounts<S> {
    /// The accounts in the order the reference registers them, on which the default account depends
    /// where hashes collide.
    pub registered: Vec<(&'static AccountKind, AccountSettings<S>)>,
    /// Kinds and services switched on, whether or not they have accounts, by the name under `kayenta.`
    /// (`prometheus`, `blobs`, …).
    pub enabled: Vec<String>,
    /// Accounts the service starts without.
    pub skipped: Vec<SkippedAccount>,
    /// Accounts of kinds that are not in the table.
    pub unknown: Vec<UnknownAccount>,
}

impl<S> Accounts<S> {
    /// Whether `kayenta.<name>.enabled`.
    #[must_use]
    pub fn is_enabled(&self, name: &str) -> bool {
        self.enabled.iter().any(|enabled| enabled == name)
    }

    /// Whether there is an account of a kind.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.registered.iter().any(|(of, _)| of.name == kind)
    }
}

/// An account the service starts without, as the reference does: it logs an error and goes on.
#[derive(Clone, Debug)]
pub struct SkippedAccount {
    /// Its kind.
    pub kind: &'static AccountKind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What to log at ERROR (`Could not load Azure account canary-storage.`).
    pub message: String,
    /// Why, and where in the configuration.
    pub cause: Diagnostic,
}

/// An account of a kind this service does not have (C-ACCOUNT-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAccount {
    /// The kind, as the configuration spells it.
    pub kind: String,
    /// The account's name, if it has one.
    pub name: Option<String>,
}

impl fmt::Display for UnknownAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name } = self;
        match name {
            Some(name) => write!(
                f,
                "account {name} is of the kind {kind}, which is not supported"
            ),
            None => write!(f, "accounts of the kind {kind} are not supported"),
        }
    }
}

/// The table of a reader that asks for no kind of account: all of `kayenta.<kind>` is then unknown.
#[derive(Clone, Copy, Debug)]
pub enum NoAccounts {}

impl NoAccounts {
    /// A table without entries.
    pub const TABLE: &'static [Self] = &[];
}

impl AccountSection for NoAccounts {
    type Store = Self;

    fn kind(&self) -> &'static AccountKind {
        match *self {}
    }

    fn read(&self, _: &Section<'_>) -> Vec<AccountSettings<Self>> {
        match *self {}
    }
}

/// The accounts of one kind, as read.
type Read<S> = (&'static AccountKind, Vec<AccountSettings<S>>);

/// Reads `uiUrl` of the accounts of metric stores.
fn add_ui_urls<S>(kind: &AccountKind, section: &Section<'_>, accounts: &mut [AccountSettings<S>]) {
    if !kind.provides.contains(&AccountType::MetricsStore) {
        return;
    }
    let urls = section.accounts(|group| {
        let url = group.strict_text("uiUrl")?;
        if url.starts_with("http://") || url.starts_with("https://") {
            return Some((group.text("name")?, url));
        }
        group.report(
            Diagnostic::error("this is no address of a page")
                .property(group.full("uiUrl"))
                .found(url)
                .expected("an http or https URL with placeholders such as {query}")
                .at(group.at("uiUrl")),
        );
        None
    });
    for (name, url) in urls {
        let mut named = accounts.iter_mut().filter(|account| account.name == name);
        if let Some(account) = named.next() {
            account.ui_url = Some(url);
        }
    }
}

/// Reads the sections of a table, whose order is that of registration. `judged` says whether to warn of an
/// installation that cannot run a canary.
pub(crate) fn read<S: AccountSection>(
    binder: &Binder<'_>,
    table: &[S],
    data_dir: &Path,
    judged: bool,
) -> Accounts<S::Store> {
    let kayenta = binder.group("kayenta");
    kayenta.accept(&["include-spring-security-authentication-in-pipeline-context"]);
    for name in ["data-migration", "migration"] {
        warn_of_migrator(&kayenta, name);
    }
    let mut enabled = Vec::new();
    let mut skipped = Vec::new();
    let mut read: Vec<Read<S::Store>> = Vec::new();
    for entry in table {
        let kind = entry.kind();
        let section = Section::new(binder, kind.name, data_dir);
        // What is below a kind that is off is not looked at, but its names are known.
        let read_all = || {
            let mut accounts = entry.read(&section);
            add_ui_urls(kind, &section, &mut accounts);
            accounts
        };
        let accounts = if switch(&kayenta, kind.name, &mut enabled) {
            read_all()
        } else {
            binder.muted(read_all);
            Vec::new()
        };
        for left_out in binder.take_left_out() {
            skipped.push(SkippedAccount {
                kind,
                message: kind.left_out(left_out.name.as_deref().unwrap_or("null")),
                name: left_out.name,
                cause: left_out.cause,
            });
        }
        read.push((kind, accounts));
    }
    for (kind, _) in &read {
        for service in kind.services {
            if switch(&kayenta, service.name, &mut enabled)
                && !enabled.contains(&kind.name.to_owned())
            {
                report_lonely(&kayenta, service.name, kind.name);
            }
        }
    }
    let mut usable = Vec::new();
    for (kind, accounts) in &read {
        let is_on = |name: &str| enabled.iter().any(|on| on == name);
        usable.extend(usefulness::of_kind(&kayenta, kind, accounts, is_on));
    }
    if judged && skipped.is_empty() {
        usefulness::of_installation(&kayenta, &usable);
    }
    let registered = settle(&kayenta, in_order(read, &enabled));
    Accounts {
        registered,
        enabled,
        skipped,
        unknown: unknown(&kayenta, table),
    }
}

/// A name without what relaxed spellings may differ in.
fn bare(name: &str) -> String {
    name.replace(['-', '_'], "").to_lowercase()
}

/// Accounts of kinds that are not in the table. A section is taken for a kind when it is switched on and
/// has a list of accounts with names; anything else below it is an unknown property like any other.
fn unknown<S: AccountSection>(kayenta: &Group<'_>, table: &[S]) -> Vec<UnknownAccount> {
    if table.is_empty() {
        return Vec::new();
    }
    let mut unknown = Vec::new();
    for kind in kayenta.keys("") {
        let known = table
            .iter()
            .any(|entry| bare(entry.kind().name) == bare(&kind));
        let section = kayenta.group(&kind);
        if known || !section.group("accounts").is_present() || !section.switch("enabled") {
            continue;
        }
        let names = section.elements("accounts", "name", |account| Some(account.text("name")));
        kayenta.accept(&[&kind]);
        let accounts = names.into_iter().map(|name| UnknownAccount {
            kind: kind.clone(),
            name,
        });
        for account in accounts {
            let kinds: Vec<&str> = table.iter().map(|entry| entry.kind().name).collect();
            section.report(
                Diagnostic::warning(format!("{account}: nothing can be done with it"))
                    .property(section.full("accounts"))
                    .at(section.group("accounts").begin())
                    .remedy(format!("use one of the kinds {}", kinds.join(", "))),
            );
            unknown.push(account);
        }
    }
    unknown
}

/// The reference's migrator copies in the background of a running service; here it is a command
/// (C-ACCOUNT-02).
fn warn_of_migrator(kayenta: &Group<'_>, name: &str) {
    kayenta.accept(&[name]);
    let migrator = kayenta.group(name);
    if !migrator.is_present() || !migrator.switch("enabled") {
        return;
    }
    let account = |property: &str| {
        migrator
            .text(property)
            .unwrap_or_else(|| "ACCOUNT".to_owned())
    };
    let (from, to) = (account("sourceAccountName"), account("targetAccountName"));
    migrator.report(
        Diagnostic::warning("the service copies no objects in the background")
            .property(migrator.full("enabled"))
            .at(migrator.at("enabled"))
            .remedy(format!("run kayenta migrate copy --from {from} --to {to}")),
    );
}

/// Reads `kayenta.<name>.enabled`.
fn switch(kayenta: &Group<'_>, name: &str, enabled: &mut Vec<String>) -> bool {
    let on = kayenta.group(name).switch("enabled");
    if on {
        enabled.push(name.to_owned());
    }
    on
}

/// A service that works with the accounts of a kind needs it switched on.
fn report_lonely(kayenta: &Group<'_>, service: &str, kind: &str) {
    let mut capitalised = kind.to_owned();
    if let Some(first) = capitalised.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let group = kayenta.group(service);
    group.report(
        Diagnostic::error(format!(
            "kayenta.{service}.enabled needs kayenta.{kind}.enabled (required a bean named \
             'register{capitalised}Credentials' that could not be found)"
        ))
        .property(group.full("enabled"))
        .at(group.at("enabled"))
        .remedy(format!(
            "Set kayenta.{kind}.enabled: true, or kayenta.{service}.enabled: false"
        )),
    );
}

/// The accounts in the order the reference registers them.
fn in_order<S>(
    read: Vec<Read<S>>,
    enabled: &[String],
) -> Vec<(&'static AccountKind, AccountSettings<S>)> {
    let is_late = |kind: &AccountKind| match kind.registered {
        Registered::InOrder => false,
        Registered::Late => true,
        Registered::LateUnless(service) => !enabled.iter().any(|on| on == service),
    };
    let (late, early): (Vec<_>, Vec<_>) = read.into_iter().partition(|(kind, _)| is_late(kind));
    early
        .into_iter()
        .chain(late)
        .flat_map(|(kind, accounts)| accounts.into_iter().map(move |account| (kind, account)))
        .collect()
}

/// Keeps of several accounts with one name the one the reference would: the last one registered.
/// Kinds with [unique names](AccountKind::unique_names) do not start with a name twice.
fn settle<S>(
    kayenta: &Group<'_>,
    accounts: Vec<(&'static AccountKind, AccountSettings<S>)>,
) -> Vec<(&'static AccountKind, AccountSettings<S>)> {
    let mut last: HashMap<String, (usize, &'static AccountKind)> = HashMap::new();
    for (position, (kind, account)) in accounts.iter().enumerate() {
        if let Some((_, before)) = last.insert(account.name.clone(), (position, kind))
            && kind.unique_names
            && before.name == kind.name
        {
            let group = kayenta.group(kind.name);
            group.report(
                Diagnostic::error(format!(
                    "Duplicate key {} (attempted merging values of two {} accounts)",
                    account.name, kind.label
                ))
                .property(group.full("accounts"))
                .at(group.group("accounts").begin())
                .remedy("Give each account a name of its own"),
            );
        }
    }
    accounts
        .into_iter()
        .enumerate()
        .filter_map(|(position, (kind, account))| {
            let (winner, by) = last.get(&account.name)?;
            if *winner == position {
                return Some((kind, account));
            }
            let group = kayenta.group(kind.name);
            group.report(
                Diagnostic::warning(format!(
                    "the {} account {} is replaced by a later {} account of the same name",
                    kind.label, account.name, by.label
                ))
                .property(group.full("accounts"))
                .at(group.group("accounts").begin()),
            );
            None
        })
        .collect()
}
