//! What an operator configures.

use std::sync::Arc;

use kayenta_google::GoogleTokens;
use kayenta_secrets::SecretUrl;
use kayenta_storage::{StorageError, StorageErrorKind};

/// Where Google's storage is.
pub const STORAGE_URL: &str = "https://storage.googleapis.com";

/// One Google account of `kayenta.google.accounts` that keeps objects.
#[derive(Clone, Debug)]
pub struct GcsAccount {
    /// `name`: what clients and messages call the account.
    pub name: String,
    /// `project`: where a missing bucket is created.
    pub project: String,
    /// `bucket`: created when missing, with versioning, as the reference does.
    pub bucket: String,
    /// `bucketLocation`: where a missing bucket is created; Google's default when absent.
    pub bucket_location: Option<String>,
    /// `rootFolder`: what every name begins with; used as it is.
    pub root_folder: String,
    /// `endpoint`, which the Java service does not have: the root of the API, for emulators and
    /// private endpoints; [`STORAGE_URL`] when absent.
    pub endpoint: Option<SecretUrl>,
    /// Tokens of [`STORAGE_SCOPE`](crate::STORAGE_SCOPE); an emulator needs none.
    pub tokens: Option<Arc<GoogleTokens>>,
}

impl GcsAccount {
    /// What every name begins with, up to and including the slash after the root folder.
    pub(crate) fn folder(&self) -> Result<String, StorageError> {
        if self.bucket.is_empty() {
            return Err(self.missing("a bucket"));
        }
        if self.root_folder.is_empty() {
            return Err(self.missing("a rootFolder"));
        }
        Ok(format!("{}/", self.root_folder))
    }

    pub(crate) fn unusable(&self, why: impl std::fmt::Display) -> StorageError {
        StorageError::new(
            StorageErrorKind::Invalid,
            format!("Google/GCS account {}: {why}.", self.name),
        )
    }

    fn missing(&self, what: &str) -> StorageError {
        StorageError::new(
            StorageErrorKind::Invalid,
            format!(
                "Google/GCS account {} is required to specify {what}.",
                self.name
            ),
        )
    }
}
