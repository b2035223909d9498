//! An [`ObjectStore`](kayenta_storage::ObjectStore) on Azure Blob Storage.
//!
//! Blobs lie where the reference puts them, `<container>/<rootFolder>/<group>/<key>/<file name>`, so
//! that both can use one container. [`AzureAccount`] is what an operator configures,
//! [`azure_store`] makes the store; making one never asks the network. The blob client is Microsoft's
//! `azure_storage_blob`; the account key, which it does not support, is a separate pipeline policy
//! ([`shared_key`]).
//!
//! The store tries everything once: wrap it in [`Retrying`](kayenta_storage::Retrying). It is not a
//! client for blobs in general: it knows the five kinds of objects of the seam, and nothing else in
//! the container. Which requests an operation takes, and what it leaves when another writer is
//! quicker, is the same for all [buckets](kayenta_storage::Bucket); locks are leases on the blobs
//! `<rootFolder>/locks/<name>`.
//!
//! ```
//! use kayenta_azure::{AzureAccount, AzureCredential, azure_store};
//! use kayenta_http::HttpSettings;
//! use kayenta_storage::{MissingBucket, ObjectStore};
//!
//! let account = AzureAccount {
//!     name: "results".to_owned(),
//!     storage_account_name: "shop".to_owned(),
//!     container: "kayenta".to_owned(),
//!     root_folder: "kayenta".to_owned(),
//!     endpoint: "https://shop.blob.core.windows.net".parse()?,
//!     credential: AzureCredential::SharedKey("a2V5".to_owned().into()),
//! };
//! let store = azure_store(&account, &HttpSettings::default(), MissingBucket::Create)?;
//! assert_eq!(store.platform(), "azure");
//! assert!(!format!("{account:?}").contains("a2V5"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod blocks;
mod container;
mod failure;
mod lease;
mod section;
pub mod shared_key;
mod transport;

use kayenta_http::HttpSettings;
use kayenta_storage::{BucketStore, MissingBucket, StorageError};

pub use account::{AzureAccount, AzureCredential};
pub use container::AzureContainer;
pub use section::{DESCRIPTION, accounts};

/// A store for the account, reached with the certificates and proxies of these settings. Asks nothing of the network:
/// whether the account can be reached shows in [`check`](kayenta_storage::ObjectStore::check) and in every operation.
///
/// # Errors
/// [`Invalid`](kayenta_storage::StorageErrorKind::Invalid) when the settings cannot be used.
pub fn azure_store(
    account: &AzureAccount,
    http: &HttpSettings,
    missing: MissingBucket,
) -> Result<BucketStore<AzureContainer>, StorageError> {
    let folder = format!("{}/", account.root_folder);
    let container = AzureContainer::new(account, http)?;
    Ok(BucketStore::new(container, folder, missing))
}
