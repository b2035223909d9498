//! An [`ObjectStore`](kayenta_storage::ObjectStore) on Azure Blob Storage.
//!
//! Blobs lie where the reference puts them, `<container>/<rootFolder>/<group>/<key>/<file name>`, so
//! that both can use one container. [`AzureAccount`] is what an operator configures,
//! [`AzureStore`] the store; making one never asks the network. The blob client is Microsoft's
//! `azure_storage_blob`; the account key, which it does not support, is a separate pipeline policy
//! ([`shared_key`]).
//!
//! The store tries everything once: wrap it in [`Retrying`](kayenta_storage::Retrying). It is not a
//! client for blobs in general: it knows the five kinds of objects of the seam, and nothing else in
//! the container.
//!
//! ```
//! use kayenta_azure::{AzureAccount, AzureCredential, AzureStore};
//! use kayenta_http::HttpSettings;
//! use kayenta_storage::ObjectStore;
//!
//! let account = AzureAccount {
//!     name: "results".to_owned(),
//!     storage_account_name: "shop".to_owned(),
//!     container: "kayenta".to_owned(),
//!     root_folder: "kayenta".to_owned(),
//!     endpoint: "https://shop.blob.core.windows.net".parse()?,
//!     credential: AzureCredential::SharedKey("a2V5".to_owned().into()),
//! };
//! assert_eq!(AzureStore::new(&account, &HttpSettings::default())?.platform(), "azure");
//! assert!(!format!("{account:?}").contains("a2V5"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod container;
mod failure;
mod lease;
mod section;
pub mod shared_key;
mod store;
mod transport;
mod writes;

pub use account::{AzureAccount, AzureCredential};
pub use section::{DESCRIPTION, accounts};
pub use store::AzureStore;
