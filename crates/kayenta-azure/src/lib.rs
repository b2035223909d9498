//! An ObjectStore on Azure Blob Storage.
