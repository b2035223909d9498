//! The accounts of the stores that need no other system: memory and disk.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::Origin;
use serde_json::json;

use crate::{
    description::{
        ObjectAccount, ObjectAccounts, ObjectStoreDescription, OpenError, Opening, Place,
    },
    disk::{DiskStore, Durability, check_writable},
    error::StorageError,
    memory::MemoryStore,
    store::ObjectStore,
};

/// Objects in the memory of the process.
pub static MEMORY: ObjectStoreDescription = ObjectStoreDescription {
    kind: AccountKind::of_objects("memory", "Memory"),
    read: read_memory,
    log_target: "kayenta_storage",
    java_loggers: &[],
};

/// Objects as files, which the Java service does not have.
pub static DISK: ObjectStoreDescription = ObjectStoreDescription {
    kind: AccountKind::of_objects("disk", "Disk"),
    read: |section| {
        disk_accounts(section)
            .into_iter()
            .map(|account| account.map(|disk| Some(Arc::new(disk) as _)))
            .collect()
    },
    log_target: "kayenta_storage",
    java_loggers: &[],
};

/// An account of `kayenta.memory.accounts`.
#[derive(Clone, Copy, Debug)]
pub struct MemoryAccount;

fn read_memory(section: &Section<'_>) -> ObjectAccounts {
    section.accounts(|group| {
        let name = name(group);
        let types = supported_types(group, &[]);
        let account: Arc<dyn ObjectAccount> = Arc::new(MemoryAccount);
        Some(AccountSettings::new(name?, types, Some(account)))
    })
}

#[async_trait]
impl ObjectAccount for MemoryAccount {
    fn shown(&self) -> JsonMap {
        [("objects", json!({})), ("metadata", json!({}))]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }

    fn place(&self) -> Place {
        Place::Process
    }

    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        let clock = Arc::clone(&opening.clock);
        Ok(Arc::new(MemoryStore::with_clock(clock)))
    }

    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let clock = Arc::clone(&opening.clock);
        Ok(Arc::new(MemoryStore::with_clock(clock)))
    }
}

/// An account of `kayenta.disk.accounts`.
#[derive(Clone, Debug)]
pub struct DiskAccount {
    /// The account's name.
    pub name: String,
    /// `path`: the directory, default `objects` in the data directory.
    pub path: PathBuf,
    /// `rootFolder`: the directory in it, default `kayenta`.
    pub root_folder: String,
    /// Whether it is the embedded store of a configuration that names none: the service starts without it
    /// where it cannot be opened.
    pub is_default: bool,
}

/// The accounts of `kayenta.disk.accounts`.
#[must_use]
pub fn disk_accounts(section: &Section<'_>) -> Vec<AccountSettings<DiskAccount>> {
    section.accounts(|group| {
        let name = name(group);
        let path = group
            .path("path")
            .unwrap_or_else(|| section.data_dir().join("objects"));
        let root_folder = group.text_or("rootFolder", "kayenta");
        let types = supported_types(
            group,
            &[AccountType::ObjectStore, AccountType::ConfigurationStore],
        );
        let given = group.get("name").map(|value| value.origin);
        let name = name?;
        let account = DiskAccount {
            name: name.clone(),
            path,
            root_folder,
            is_default: given == Some(Origin::Default),
        };
        Some(AccountSettings::new(name, types, account))
    })
}

impl DiskAccount {
    /// The directory objects are in.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.path.join(&self.root_folder)
    }

    fn unopened(&self, why: &dyn std::fmt::Display) -> OpenError {
        OpenError::Fatal {
            message: format!(
                "The disk store of account {} cannot be opened: {why}",
                self.name
            ),
            remedy: format!(
                "Make sure that {} can be written, or set kayenta.disk.accounts[].path or \
                 --data-dir to a folder that can.",
                self.path.display()
            ),
        }
    }
}

#[async_trait]
impl ObjectAccount for DiskAccount {
    fn shown(&self) -> JsonMap {
        [("rootFolder".to_owned(), json!(self.root_folder))]
            .into_iter()
            .collect()
    }

    fn place(&self) -> Place {
        Place::Machine
    }

    async fn open(&self, _: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        match DiskStore::open(self.root(), Durability::default()).await {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) if self.is_default => Err(OpenError::LeftOut(error)),
            Err(error) => Err(self.unopened(&error)),
        }
    }

    fn check(&self) -> Result<(), OpenError> {
        match check_writable(&self.root()) {
            Err(why) if !self.is_default => Err(self.unopened(&why)),
            _ => Ok(()),
        }
    }

    fn open_for_reading(&self, _: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        Ok(Arc::new(DiskStore::reading(self.root())))
    }
}

#[cfg(test)]
mod tests {
    use kayenta_properties::{Binder, Environment, Loader};

    use super::*;

    fn read(description: &ObjectStoreDescription, arguments: &[&str]) -> ObjectAccounts {
        let environment = arguments
            .iter()
            .fold(Environment::empty("/nonexistent"), |environment, text| {
                environment.argument(*text)
            });
        let gathered = Loader::new().load(&environment);
        let binder = Binder::new(&gathered.properties, &environment);
        let section = Section::new(&binder, description.kind.name, "/data".as_ref());
        (description.read)(&section)
    }

    #[test]
    fn a_disk_account_needs_no_more_than_a_name() {
        let accounts = read(&DISK, &["--kayenta.disk.accounts[0].name=d"]);
        assert_eq!(
            accounts[0].supported_types,
            [AccountType::ObjectStore, AccountType::ConfigurationStore]
        );
        let disk = format!("{:?}", accounts[0].store);
        assert!(
            disk.contains("/data/objects") && disk.contains("kayenta"),
            "{disk}"
        );
    }

    #[test]
    fn a_memory_account_shows_what_the_reference_shows() {
        let accounts = read(
            &MEMORY,
            &[
                "--kayenta.memory.accounts[0].name=m",
                "--kayenta.memory.accounts[0].supportedTypes=OBJECT_STORE",
            ],
        );
        let shown = accounts[0].store.as_ref().unwrap().shown();
        assert_eq!(json!(shown), json!({"objects": {}, "metadata": {}}));
    }
}
