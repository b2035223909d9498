//! What an operator configures, resolved to a container URL and a credential.

use std::{fmt, sync::Arc};

use azure_core::credentials::TokenCredential;
use azure_identity::WorkloadIdentityCredential;
use base64::{Engine, prelude::BASE64_STANDARD};
use kayenta_secrets::mask_urls;
use kayenta_storage::{StorageError, StorageErrorKind};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The public cloud's suffix.
const DEFAULT_SUFFIX: &str = "core.windows.net";

/// What a connection string may hold; all but the first four and `BlobEndpoint` are of no use here.
const CONNECTION_STRING_KEYS: [&str; 12] = [
    "DefaultEndpointsProtocol",
    "AccountName",
    "AccountKey",
    "EndpointSuffix",
    "BlobEndpoint",
    "QueueEndpoint",
    "TableEndpoint",
    "FileEndpoint",
    "BlobSecondaryEndpoint",
    "QueueSecondaryEndpoint",
    "TableSecondaryEndpoint",
    "FileSecondaryEndpoint",
];

/// One Azure account of `kayenta.azure.accounts`.
///
/// Exactly one credential is used: the SAS token if there is one, else workload identity if it is
/// on, else the account key.
#[derive(Clone, Debug, Default)]
pub struct AzureAccount {
    /// `name`: what clients and messages call the account.
    pub name: String,
    /// `storageAccountName`: what Azure calls it.
    pub storage_account_name: String,
    /// `accountAccessKey`: the shared key, base64.
    pub account_access_key: Option<SecretString>,
    /// `container`: created when missing.
    pub container: String,
    /// `rootFolder`: what every blob name begins with; used as it is.
    pub root_folder: String,
    /// `endpointSuffix`: `core.windows.net` when absent. As in the reference, further parts of a
    /// connection string may follow a `;`, which is how an emulator is reached with an unchanged
    /// file: `core.windows.net;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1`.
    pub endpoint_suffix: Option<String>,
    /// `blobEndpoint` (not in the Java service): the blob service's URL, with the account as its
    /// path for emulators. Goes before what the suffix says.
    pub blob_endpoint: Option<String>,
    /// `protocol` (not in the Java service): `https` when absent, or `http`.
    pub protocol: Option<String>,
    /// `sasToken` (not in the Java service): a shared access signature, with or without its `?`.
    pub sas_token: Option<SecretString>,
    /// `workloadIdentity` (not in the Java service): signs in with the Entra ID of the Kubernetes
    /// service account (`AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE`).
    pub workload_identity: bool,
}

/// How requests prove who they are.
pub(crate) enum Access {
    SharedKey { account: String, key: Vec<u8> },
    Sas,
    Identity(Arc<dyn TokenCredential>),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SharedKey { .. } => "SharedKey",
            Self::Sas => "Sas",
            Self::Identity(_) => "Identity",
        })
    }
}

/// Settings in order.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) container_url: Url,
    pub(crate) access: Access,
}

impl AzureAccount {
    /// Checks the settings without asking the network.
    pub(crate) fn resolve(&self) -> Result<Resolved, StorageError> {
        if self.container.is_empty() {
            return Err(self.missing("a container"));
        }
        if self.root_folder.is_empty() {
            return Err(self.missing("a rootFolder"));
        }
        let mut parts = ConnectionParts {
            protocol: self.protocol.clone().unwrap_or_else(|| "https".to_owned()),
            account: self.storage_account_name.clone(),
            key: self.account_access_key.clone(),
            suffix: DEFAULT_SUFFIX.to_owned(),
            blob_endpoint: None,
        };
        if let Some(suffix) = self.endpoint_suffix.as_deref().filter(|s| !s.is_empty()) {
            parts.read_suffix(suffix)?;
        }
        if let Some(endpoint) = &self.blob_endpoint {
            parts.blob_endpoint = Some(endpoint.clone());
        }
        if !matches!(parts.protocol.as_str(), "http" | "https") {
            return Err(invalid(format!(
                "Azure/Blobs account {}: protocol must be http or https.",
                self.name
            )));
        }
        if parts.account.is_empty() && parts.blob_endpoint.is_none() {
            return Err(self.missing("a storageAccountName"));
        }
        let mut container_url = self.container_url(&parts)?;
        let access = if let Some(token) = &self.sas_token {
            let token = token.expose_secret().trim().trim_start_matches('?');
            if token.is_empty() {
                return Err(self.missing("a sasToken that is not empty"));
            }
            container_url.set_query(Some(token));
            Access::Sas
        } else if self.workload_identity {
            Access::Identity(WorkloadIdentityCredential::new(None).map_err(|error| {
                invalid(format!(
                    "Azure/Blobs account {}: workload identity cannot be used: {error}",
                    self.name
                ))
            })?)
        } else {
            let key = parts
                .key
                .as_ref()
                .map(|key| key.expose_secret().trim())
                .filter(|key| !key.is_empty())
                .ok_or_else(|| self.missing("an accountAccessKey"))?;
            let key = BASE64_STANDARD
                .decode(key)
                .map_err(|_| invalid("Storage Key is not a valid base64 encoded string."))?;
            Access::SharedKey {
                account: parts.account,
                key,
            }
        };
        Ok(Resolved {
            container_url,
            access,
        })
    }

    fn container_url(&self, parts: &ConnectionParts) -> Result<Url, StorageError> {
        let text = match &parts.blob_endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!(
                "{}://{}.blob.{}",
                parts.protocol, parts.account, parts.suffix
            ),
        };
        let unfit = || {
            invalid(format!(
                "Azure/Blobs account {}: '{}' is not a URL of a blob service.",
                self.name,
                mask_urls(&text)
            ))
        };
        let mut url = Url::parse(&text).map_err(|_| unfit())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if !plain {
            return Err(unfit());
        }
        url.path_segments_mut()
            .map_err(|()| unfit())?
            .pop_if_empty()
            .push(&self.container);
        Ok(url)
    }

    fn missing(&self, what: &str) -> StorageError {
        invalid(format!(
            "Azure/Blobs account {} is required to specify {what}.",
            self.name
        ))
    }
}

/// What the reference's connection string comes to.
struct ConnectionParts {
    protocol: String,
    account: String,
    key: Option<SecretString>,
    suffix: String,
    blob_endpoint: Option<String>,
}

impl ConnectionParts {
    /// Reads `endpointSuffix`, the last part of the reference's connection string, together with the
    /// parts an operator appended to it; later ones win.
    fn read_suffix(&mut self, text: &str) -> Result<(), StorageError> {
        let malformed = || invalid("Invalid connection string.");
        let text = format!("EndpointSuffix={text}");
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(malformed)?;
            if value.is_empty() || !CONNECTION_STRING_KEYS.contains(&key) {
                return Err(malformed());
            }
            let value = value.to_owned();
            match key {
                "DefaultEndpointsProtocol" => self.protocol = value,
                "AccountName" => self.account = value,
                "AccountKey" => self.key = Some(value.into()),
                "EndpointSuffix" => self.suffix = value,
                "BlobEndpoint" => self.blob_endpoint = Some(value),
                _ => {}
            }
        }
        Ok(())
    }
}

fn invalid(message: impl Into<String>) -> StorageError {
    StorageError::new(StorageErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AzureAccount {
        AzureAccount {
            name: "canary-storage".to_owned(),
            storage_account_name: "acct".to_owned(),
            account_access_key: Some("c2VjcmV0LWtleQ==".into()),
            container: "canary".to_owned(),
            root_folder: "kayenta".to_owned(),
            ..AzureAccount::default()
        }
    }

    fn url(account: &AzureAccount) -> String {
        account.resolve().unwrap().container_url.to_string()
    }

    fn refusal(account: &AzureAccount) -> String {
        account.resolve().unwrap_err().message
    }

    #[test]
    fn the_endpoint_follows_suffix_protocol_and_smuggled_parts() {
        let with = |suffix: &str| AzureAccount {
            endpoint_suffix: Some(suffix.to_owned()),
            ..account()
        };
        for (account, expected) in [
            (account(), "https://acct.blob.core.windows.net/canary"),
            (
                with("core.chinacloudapi.cn"),
                "https://acct.blob.core.chinacloudapi.cn/canary",
            ),
            (
                with("localhost:10000;DefaultEndpointsProtocol=http"),
                "http://acct.blob.localhost:10000/canary",
            ),
            (
                with("core.windows.net;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"),
                "http://127.0.0.1:10000/devstoreaccount1/canary",
            ),
            (
                with("x;AccountName=other;EndpointSuffix=y;;QueueEndpoint=http://q"),
                "https://other.blob.y/canary",
            ),
            (
                AzureAccount {
                    protocol: Some("http".to_owned()),
                    ..account()
                },
                "http://acct.blob.core.windows.net/canary",
            ),
            (
                AzureAccount {
                    blob_endpoint: Some("http://azurite:10000/devstoreaccount1/".to_owned()),
                    ..with("core.windows.net;BlobEndpoint=http://elsewhere")
                },
                "http://azurite:10000/devstoreaccount1/canary",
            ),
        ] {
            assert_eq!(url(&account), expected);
        }
    }

    #[test]
    fn unusable_settings_are_named() {
        let no_container = AzureAccount {
            container: String::new(),
            ..account()
        };
        assert_eq!(
            refusal(&no_container),
            "Azure/Blobs account canary-storage is required to specify a container."
        );
        let no_root = AzureAccount {
            root_folder: String::new(),
            ..account()
        };
        assert_eq!(
            refusal(&no_root),
            "Azure/Blobs account canary-storage is required to specify a rootFolder."
        );
        let bad_key = AzureAccount {
            account_access_key: Some("no base64!".into()),
            ..account()
        };
        assert_eq!(
            refusal(&bad_key),
            "Storage Key is not a valid base64 encoded string."
        );
        for suffix in ["a;b", "a;Unknown=1", "a;AccountName=", "a;=x"] {
            let odd = AzureAccount {
                endpoint_suffix: Some(suffix.to_owned()),
                ..account()
            };
            assert_eq!(refusal(&odd), "Invalid connection string.", "{suffix}");
        }
        for endpoint in ["nonsense", "ftp://x", "http://x?sig=1", "http://u:p@x"] {
            let odd = AzureAccount {
                blob_endpoint: Some(endpoint.to_owned()),
                ..account()
            };
            assert!(refusal(&odd).contains("no URL of a blob service"));
        }
        let odd = AzureAccount {
            protocol: Some("gopher".to_owned()),
            ..account()
        };
        assert!(refusal(&odd).contains("protocol"));
        let none = AzureAccount {
            account_access_key: None,
            ..account()
        };
        assert!(refusal(&none).contains("accountAccessKey"));
    }

    #[test]
    fn secrets_cannot_be_printed() {
        let with_sas = AzureAccount {
            sas_token: Some("?sv=1&sig=topsecret".into()),
            ..account()
        };
        let printed = format!("{with_sas:?} {:?}", with_sas.resolve().unwrap().access);
        assert!(!printed.contains("topsecret") && !printed.contains("c2VjcmV0LWtleQ"));
        let resolved = with_sas.resolve().unwrap();
        assert_eq!(resolved.container_url.query(), Some("sv=1&sig=topsecret"));
    }
}
