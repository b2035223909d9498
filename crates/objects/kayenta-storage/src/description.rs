//! What an object store says of itself, so that a service is put together without knowing any by name.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kayenta_accounts::{AccountKind, AccountSettings, Section};
use kayenta_http::{HttpSettings, Transport};
use kayenta_model::{Clock, JsonMap};

use crate::{error::StorageError, store::ObjectStore};

/// One kind of object store. Each adapter exports one as a `static`; everything above the seam reads
/// what it needs there.
#[derive(Debug)]
pub struct ObjectStoreDescription {
    /// The kind of its accounts.
    pub kind: AccountKind,
    /// Its accounts in the configuration.
    pub read: fn(&Section<'_>) -> ObjectAccounts,
    /// The crate whose log lines are the store's: the first part of their targets.
    pub log_target: &'static str,
    /// The loggers of the reference that stand for the crate (`com.netflix.kayenta.blobs`).
    pub java_loggers: &'static [&'static str],
}

/// The accounts of a section; without a store where an account keeps no objects.
pub type ObjectAccounts = Vec<AccountSettings<Option<Arc<dyn ObjectAccount>>>>;

/// A configured account that keeps objects, not opened yet.
#[async_trait]
pub trait ObjectAccount: fmt::Debug + Send + Sync {
    /// What `/credentials` shows of accounts of this kind alone, in the reference's order; no secrets.
    fn shown(&self) -> JsonMap;

    /// Where the objects are.
    fn place(&self) -> Place;

    /// Opens the store. What is missing (a folder, a container) is created, now or with the first
    /// write. Whether a remote store can be reached shows in its operations.
    ///
    /// # Errors
    /// When the settings cannot be used, and what follows from that.
    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError>;

    /// Whether [`open`](Self::open) would refuse the settings, as far as that shows without making or asking
    /// anything.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    fn check(&self) -> Result<(), OpenError> {
        Ok(())
    }

    /// Opens the store for reading alone: nothing is created.
    ///
    /// # Errors
    /// When the settings cannot be used.
    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError>;

    /// What the account will work with (where its credentials come from), found without asking the
    /// network: for `check-config`.
    async fn remarks(&self) -> Vec<Remark> {
        Vec::new()
    }

    /// What these settings mean otherwise than in the Java service.
    fn departures(&self) -> Vec<Departure> {
        Vec::new()
    }
}

/// Where objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the memory of the process: nothing outlives it.
    Process,
    /// On this machine.
    Machine,
    /// Over a network: a store there is tried again and asked a bounded number of things at a time.
    Network,
}

/// Something to say of an account that is not wrong in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Good to know.
    Note(String),
    /// Probably a mistake.
    Warning(String),
}

/// What stores are opened with.
#[derive(Clone, Debug)]
pub struct Opening {
    /// How the service reaches servers, for a store with connections of its own.
    pub http: HttpSettings,
    /// The HTTP connections of the service.
    pub transport: Transport,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Why a store cannot be opened, and what follows.
#[derive(Debug)]
pub enum OpenError {
    /// The service starts without the account, as the reference does.
    LeftOut(StorageError),
    /// The service does not start.
    Fatal {
        /// What is wrong.
        message: String,
        /// What to do about it.
        remedy: String,
    },
}

/// A setting that means something else in the Java service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The entry of `docs/compatibility.md`.
    pub id: &'static str,
    /// What is different.
    pub text: &'static str,
}
