//! What an account is: the kinds there are, what every account has, and how a kind's part of the
//! configuration is read.
//!
//! An adapter (a metric store, an object store) exports one [`AccountKind`] and a reader of its
//! [`Section`]. The configuration crate reads all sections of a table of [`AccountSection`]s without
//! knowing any kind by name; the server's wiring is the only place that lists them.
//!
//! This crate opens nothing: what can be done with an account is the business of the seams
//! (`kayenta-metrics`, `kayenta-storage`).
//!
//! ```
//! use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
//! use kayenta_model::AccountType;
//! use kayenta_properties::{Binder, Environment, Loader};
//!
//! const SHELF: AccountKind = AccountKind::new("shelf", "Shelf");
//!
//! fn read(section: &Section<'_>) -> Vec<AccountSettings<String>> {
//!     section.accounts(|group| {
//!         let name = name(group);
//!         let types = supported_types(group, &[AccountType::ObjectStore]);
//!         let path = group.text("path");
//!         Some(AccountSettings::new(name?, types, path?))
//!     })
//! }
//!
//! let environment = Environment::empty("/nonexistent")
//!     .argument("--kayenta.shelf.accounts[0].name=oak")
//!     .argument("--kayenta.shelf.accounts[0].path=/shelf");
//! let gathered = Loader::new().load(&environment);
//! let binder = Binder::new(&gathered.properties, &environment);
//! let section = Section::new(&binder, SHELF.name, "/data".as_ref());
//! assert_eq!(read(&section)[0].store, "/shelf");
//! ```

pub mod google;

use std::path::Path;

use kayenta_model::AccountType;
use kayenta_properties::{Binder, Group};

/// A kind of account: what there is to say of it before any is configured.
#[derive(Clone, Copy, Debug)]
pub struct AccountKind {
    /// The name under `kayenta.`, and the `type` of `/credentials` (`prometheus`).
    pub name: &'static str,
    /// The name in log lines (`Prometheus`).
    pub label: &'static str,
    /// What is logged at ERROR when an account cannot be used and the service starts without it.
    pub left_out: LeftOutMessage,
    /// Whether two accounts of this kind with one name stop the start. Else the later one replaces the
    /// earlier.
    pub unique_names: bool,
    /// What accounts of this kind can be used for as soon as the kind is switched on; what needs a switch of
    /// its own is in `services`.
    pub provides: &'static [AccountType],
    /// Services that work with these accounts and have switches of their own.
    pub services: &'static [Service],
    /// When accounts of this kind are registered.
    pub registered: Registered,
}

impl AccountKind {
    /// A kind of metric store with nothing unusual about it.
    #[must_use]
    pub const fn new(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            left_out: LeftOutMessage::CouldNotLoad,
            unique_names: false,
            provides: &[AccountType::MetricsStore],
            services: &[],
            registered: Registered::InOrder,
        }
    }

    /// A kind of object store with nothing unusual about it.
    #[must_use]
    pub const fn of_objects(name: &'static str, label: &'static str) -> Self {
        Self {
            provides: OBJECTS,
            ..Self::new(name, label)
        }
    }

    /// Whether accounts of the kind can keep objects, with whatever service.
    #[must_use]
    pub fn can_keep_objects(&self) -> bool {
        if self.services.is_empty() {
            self.provides.contains(&AccountType::ObjectStore)
                || self.provides.contains(&AccountType::ConfigurationStore)
        } else {
            self.services
                .iter()
                .any(|service| service.account_type == AccountType::ObjectStore)
        }
    }

    /// What accounts of the kind can be used for while these services are on. Where there are objects there
    /// can be configs.
    pub fn usable_for(&self, is_on: impl Fn(&str) -> bool) -> Vec<AccountType> {
        if self.services.is_empty() {
            return self.provides.to_vec();
        }
        let mut types = Vec::new();
        for service in self.services {
            if is_on(service.name) {
                types.push(service.account_type);
                if service.account_type == AccountType::ObjectStore {
                    types.push(AccountType::ConfigurationStore);
                }
            }
        }
        types
    }

    /// What to log at ERROR for an account that cannot be used.
    #[must_use]
    pub fn left_out(&self, account: &str) -> String {
        match self.left_out {
            LeftOutMessage::CouldNotLoad => {
                format!("Could not load {} account {account}.", self.label)
            }
            LeftOutMessage::ProblemRegistering => {
                format!("Problem registering {} account {account}:", self.label)
            }
        }
    }
}

/// What object stores are for.
const OBJECTS: &[AccountType] = &[AccountType::ObjectStore, AccountType::ConfigurationStore];

/// The reference's words for an account it starts without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOutMessage {
    /// `Could not load Azure account x.`
    CouldNotLoad,
    /// `Problem registering Prometheus account x:`
    ProblemRegistering,
}

/// When accounts of a kind are registered. Of accounts with one name the one registered last stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// In the order of the table.
    InOrder,
    /// After those in order, in the order of the table.
    Late,
    /// [`Late`](Self::Late) unless this service is switched on.
    LateUnless(&'static str),
}

/// A service that works with the accounts of a kind and is switched on by itself
/// (`kayenta.<name>.enabled`), as `blobs` works with `azure` accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name under `kayenta.`
    pub name: &'static str,
    /// Which of the accounts it works with.
    pub account_type: AccountType,
}

/// What every account has, and what only those of its kind have.
#[derive(Clone, Debug)]
pub struct AccountSettings<S> {
    /// The name requests use.
    pub name: String,
    /// What the account may be used for.
    pub supported_types: Vec<AccountType>,
    /// Locations users may choose from.
    pub locations: Vec<String>,
    /// Locations users are shown first.
    pub recommended_locations: Vec<String>,
    /// `uiUrl` of accounts of metric stores: the page of the store's own user interface for a query.
    pub ui_url: Option<String>,
    /// What only accounts of its kind have.
    pub store: S,
}

impl<S> AccountSettings<S> {
    /// An account without locations.
    pub fn new(name: impl Into<String>, supported_types: Vec<AccountType>, store: S) -> Self {
        Self {
            name: name.into(),
            supported_types,
            locations: Vec::new(),
            recommended_locations: Vec::new(),
            ui_url: None,
            store,
        }
    }

    /// The account with something else of its kind.
    pub fn map<T>(self, change: impl FnOnce(S) -> T) -> AccountSettings<T> {
        AccountSettings {
            name: self.name,
            supported_types: self.supported_types,
            locations: self.locations,
            recommended_locations: self.recommended_locations,
            ui_url: self.ui_url,
            store: change(self.store),
        }
    }
}

/// The part of the configuration that belongs to a kind of account: `kayenta.<kind>`.
#[derive(Clone, Debug)]
pub struct Section<'s> {
    kayenta: Group<'s>,
    group: Group<'s>,
    data_dir: &'s Path,
}

impl<'s> Section<'s> {
    /// The section of a kind; `data_dir` is where the service keeps files when nothing else is
    /// configured.
    #[must_use]
    pub fn new(binder: &'s Binder<'s>, kind: &str, data_dir: &'s Path) -> Self {
        let kayenta = binder.group("kayenta");
        Self {
            group: kayenta.group(kind),
            kayenta,
            data_dir,
        }
    }

    /// `kayenta.<kind>`: settings beside the accounts.
    #[must_use]
    pub fn group(&self) -> &Group<'s> {
        &self.group
    }

    /// `kayenta.<service>`: settings of a [`Service`] that works with the accounts.
    #[must_use]
    pub fn service(&self, name: &str) -> Group<'s> {
        self.kayenta.group(name)
    }

    /// Where the service keeps files when nothing else is configured (`kayenta.embedded.dataDir`).
    #[must_use]
    pub fn data_dir(&self) -> &'s Path {
        self.data_dir
    }

    /// `kayenta.<kind>.accounts`: each account as `read` makes it. `read` returns `None` for an account
    /// whose mistake it has reported ([`Group::report`]) or that it has left out
    /// ([`Group::leave_out`]).
    pub fn accounts<T>(&self, read: impl Fn(&Group<'s>) -> Option<T>) -> Vec<T> {
        self.group.elements("accounts", "name", read)
    }
}

/// `rootFolder`: the folder objects are in, `kayenta` unless set; `None` when it is set to nothing.
#[must_use]
pub fn root_folder(group: &Group<'_>) -> Option<String> {
    match group.get("rootFolder") {
        Some(value) if value.text.is_empty() => None,
        Some(_) => group.text("rootFolder"),
        None => Some(group.text_or("rootFolder", "kayenta")),
    }
}

/// One kind of account in the table of those a service has.
pub trait AccountSection {
    /// What only accounts of one kind have.
    type Store;

    /// The kind.
    fn kind(&self) -> &'static AccountKind;

    /// The accounts of the section, in order. Where the kind is switched off it is called all the same,
    /// so that the names it reads are known, with reads that find nothing wrong and note nothing.
    fn read(&self, section: &Section<'_>) -> Vec<AccountSettings<Self::Store>>;
}

/// An account's name; reported when it is missing.
#[must_use]
pub fn name(group: &Group<'_>) -> Option<String> {
    let name = group.text("name");
    if name.is_none() {
        group.missing("name", "the name requests use");
    }
    name
}

/// `supportedTypes`, or these. An account without any is warned of where all accounts are known.
#[must_use]
pub fn supported_types(group: &Group<'_>, default: &[AccountType]) -> Vec<AccountType> {
    group
        .choices("supportedTypes", AccountType::NAMES)
        .unwrap_or_else(|| default.to_vec())
}
