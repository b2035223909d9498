//! An [`ObjectStore`](kayenta_storage::ObjectStore) on Amazon S3 and servers of its API (MinIO,
//! Ceph and others).
//!
//! Objects lie where the reference puts them, `<bucket>/<rootFolder>/<group>/<key>/<file name>`, so
//! that both can use one bucket. [`S3Account`] is what an operator configures, [`s3_store`] makes
//! the store; making one never asks the network. The handful of requests is written here, because
//! general clients cannot name every key the reference writes; credentials and signatures are those
//! of `kayenta-aws`.
//!
//! The store tries everything once: wrap it in [`Retrying`](kayenta_storage::Retrying).
//!
//! ```
//! use kayenta_http::HttpSettings;
//! use kayenta_s3::{AwsEnvironment, CredentialSource, S3Account, s3_store};
//! use kayenta_storage::{MissingBucket, ObjectStore};
//!
//! let account = S3Account {
//!     name: "results".to_owned(),
//!     bucket: "kayenta".to_owned(),
//!     root_folder: "kayenta".to_owned(),
//!     region: None,
//!     endpoint: Some("http://minio:9000".into()),
//!     credentials: CredentialSource::Chain,
//!     proxy: None,
//!     encryption: None,
//! };
//! let environment = AwsEnvironment::new([], None);
//! let store = s3_store(&account, &HttpSettings::default(), environment, MissingBucket::Create)?;
//! assert_eq!(store.platform(), "aws");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod bucket;
mod failure;
mod place;
mod requests;
mod section;
mod settings;
mod uploads;

use kayenta_storage::{BucketStore, MissingBucket, StorageError};

pub use bucket::S3Bucket;
pub use section::{DESCRIPTION, S3Section, accounts};
pub use settings::{Encryption, S3Account};

/// Connections, environment and region an account is reached through.
pub use kayenta_aws::{AwsEnvironment, CredentialLink, CredentialSource};

/// A store for the account. Asks nothing of the network: whether the account can be reached shows
/// in [`check`](kayenta_storage::ObjectStore::check) and in every operation.
///
/// # Errors
/// [`Invalid`](kayenta_storage::StorageErrorKind::Invalid) when the settings cannot be used.
pub fn s3_store(
    account: &S3Account,
    http: &kayenta_http::HttpSettings,
    environment: AwsEnvironment,
    missing: MissingBucket,
) -> Result<BucketStore<S3Bucket>, StorageError> {
    let folder = account.folder()?;
    let bucket = S3Bucket::new(account, &folder, http, environment)?;
    Ok(BucketStore::new(bucket, folder, missing))
}
