//! What an operator configures.

use kayenta_aws::CredentialSource;
use kayenta_secrets::SecretUrl;
use kayenta_storage::{StorageError, StorageErrorKind};
use url::Url;

/// One S3 account of `kayenta.aws.accounts`.
#[derive(Clone, Debug)]
pub struct S3Account {
    /// `name`: what clients and messages call the account.
    pub name: String,
    /// `bucket`: created when missing.
    pub bucket: String,
    /// `rootFolder`: what every key begins with; two slashes in a row count as one.
    pub root_folder: String,
    /// `region`: where the bucket is, and is created. Found as the AWS SDK does when absent and
    /// there is no `endpoint`.
    pub region: Option<String>,
    /// `endpoint`: the URL of another server than Amazon's; the bucket is the first part of the
    /// path there.
    pub endpoint: Option<SecretUrl>,
    /// `explicitCredentials` or `profileName`, else the default chain.
    pub credentials: CredentialSource,
    /// `proxyProtocol`, `proxyHost` and `proxyPort`: what the account is reached through. The
    /// reference reads and ignores them (C-S3-03).
    pub proxy: Option<Url>,
    /// `sse` and `sseKmsKeyId`, which the Java service does not have: how the service encrypts what
    /// is written; as the bucket says when absent.
    pub encryption: Option<Encryption>,
}

/// How the service encrypts what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// `sse`: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub algorithm: String,
    /// `sseKmsKeyId`: id or ARN of the KMS key; the account's own when absent.
    pub kms_key_id: Option<String>,
}

impl S3Account {
    /// What every key begins with, up to and including the slash after the root folder.
    ///
    /// The reference collapses `//` in the keys it writes and lists, once over the whole key, and
    /// does not in those it reads and deletes, so that it never finds what it wrote under a root
    /// folder with a slash at its end (C-S3-01).
    pub(crate) fn folder(&self) -> Result<String, StorageError> {
        if self.bucket.is_empty() {
            return Err(self.missing("a bucket"));
        }
        if self.root_folder.is_empty() {
            return Err(self.missing("a rootFolder"));
        }
        let folder = format!("{}/", self.root_folder).replace("//", "/");
        // URLs give these segments a meaning.
        if folder.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(self.unusable("rootFolder must not have the parts . or .."));
        }
        Ok(folder)
    }

    pub(crate) fn unusable(&self, why: impl std::fmt::Display) -> StorageError {
        StorageError::new(
            StorageErrorKind::Invalid,
            format!("AWS/S3 account {}: {why}.", self.name),
        )
    }

    fn missing(&self, what: &str) -> StorageError {
        StorageError::new(
            StorageErrorKind::Invalid,
            format!(
                "AWS/S3 account {} is required to specify {what}.",
                self.name
            ),
        )
    }
}
