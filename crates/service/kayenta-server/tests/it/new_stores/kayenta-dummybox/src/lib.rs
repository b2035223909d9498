//! An object store that forgets.

use std::sync::Arc;

use async_trait::async_trait;
use kayenta_accounts::{AccountKind, AccountSettings, name, supported_types};
use kayenta_model::{AccountType, JsonMap};
use kayenta_storage::{
    MemoryStore, ObjectAccount, ObjectStore, ObjectStoreDescription, OpenError, Opening, Place,
    StorageError,
};

/// The store in the table of stores.
pub static DESCRIPTION: ObjectStoreDescription = ObjectStoreDescription {
    kind: AccountKind::new("dummybox", "DummyBox"),
    read: |section| {
        section.accounts(|group| {
            let types = supported_types(group, &[AccountType::ObjectStore]);
            let account: Arc<dyn ObjectAccount> = Arc::new(DummyBox);
            Some(AccountSettings::new(name(group)?, types, Some(account)))
        })
    },
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.dummybox"],
};

#[derive(Debug)]
struct DummyBox;

#[async_trait]
impl ObjectAccount for DummyBox {
    fn shown(&self) -> JsonMap {
        JsonMap::new()
    }

    fn place(&self) -> Place {
        Place::Process
    }

    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        Ok(Arc::new(MemoryStore::with_clock(Arc::clone(&opening.clock))))
    }

    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        Ok(Arc::new(MemoryStore::with_clock(Arc::clone(&opening.clock))))
    }
}
