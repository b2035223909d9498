//! An [`ObjectStore`](kayenta_storage::ObjectStore) on Azure Blob Storage.
//!
//! Blobs lie where the reference puts them, `<container>/<rootFolder>/<group>/<key>/<file name>`, so
//! that both can use one container. [`AzureAccount`] is what an operator configures,
//! [`AzureStore`] the store; making one never asks the network. The blob client is Microsoft's
//! `azure_storage_blob`; the account key, which it does not know, is a pipeline policy of our own
//! ([`shared_key`]).
//!
//! The store tries everything once: wrap it in [`Retrying`](kayenta_storage::Retrying).

mod container;
mod failure;
mod lease;
mod settings;
pub mod shared_key;
mod store;
mod transport;
mod writes;

pub use settings::AzureAccount;
pub use store::AzureStore;
