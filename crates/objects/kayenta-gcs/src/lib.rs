//! An [`ObjectStore`](kayenta_storage::ObjectStore) on Google Cloud Storage.
//!
//! Objects lie where the reference puts them, `<bucket>/<rootFolder>/<group>/<key>/<file name>`, so
//! that both can use one bucket. [`GcsAccount`] is what an operator configures, [`gcs_store`] makes
//! the store; making one never asks the network. The handful of requests of the JSON API is written
//! here; tokens come from `kayenta-google`.
//!
//! The store tries everything once: wrap it in [`Retrying`](kayenta_storage::Retrying).
//!
//! ```
//! use kayenta_gcs::{GcsAccount, gcs_store};
//! use kayenta_http::{HttpSettings, Transport};
//! use kayenta_storage::{MissingBucket, ObjectStore};
//!
//! let account = GcsAccount {
//!     name: "results".to_owned(),
//!     project: "shop".to_owned(),
//!     bucket: "kayenta".to_owned(),
//!     bucket_location: None,
//!     root_folder: "kayenta".to_owned(),
//!     endpoint: Some("http://localhost:4443".into()),
//!     tokens: None,
//! };
//! let transport = Transport::new(&HttpSettings::default())?;
//! let store = gcs_store(&account, &transport, MissingBucket::Create)?;
//! assert_eq!(store.platform(), "google");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bucket;
mod failure;
mod requests;
mod section;
mod settings;
mod uploads;

use kayenta_http::Transport;
use kayenta_storage::{BucketStore, MissingBucket, StorageError};

pub use bucket::GcsBucket;
pub use requests::STORAGE_SCOPE;
pub use section::{DESCRIPTION, GcsSection, accounts};
pub use settings::{GcsAccount, STORAGE_URL};

/// A store for the account. Asks nothing of the network: whether the account can be reached shows
/// in [`check`](kayenta_storage::ObjectStore::check) and in every operation.
///
/// # Errors
/// [`Invalid`](kayenta_storage::StorageErrorKind::Invalid) when the settings cannot be used.
pub fn gcs_store(
    account: &GcsAccount,
    transport: &Transport,
    missing: MissingBucket,
) -> Result<BucketStore<GcsBucket>, StorageError> {
    let folder = account.folder()?;
    let bucket = GcsBucket::new(account, transport)?;
    Ok(BucketStore::new(bucket, folder, missing))
}
