//! An [`ObjectStore`](kayenta_storage::ObjectStore) of canary configs in a ConfigBin, a key-value
//! service over HTTP.
//!
//! Requests are those of the reference. A ConfigBin knows ids and contents, neither folders nor file
//! names nor versions: it keeps canary configs alone (C-CONFIGBIN-01), and a config's version is a
//! digest of its content.
//!
//! The store tries everything once: wrap it in [`Retrying`](kayenta_storage::Retrying).

mod account;
mod requests;
mod section;
mod store;

pub use account::ConfigBinAccount;
pub use section::{DESCRIPTION, accounts};
pub use store::ConfigBinStore;
