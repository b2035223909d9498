//! What an operator configures, resolved to a container URL and a credential.

use std::{fmt, sync::Arc};

use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, Transport},
};
use azure_identity::{
    ClientAssertionCredentialOptions, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use kayenta_secrets::{Secret, mask_urls};
use kayenta_storage::{StorageError, StorageErrorKind};
use secrecy::ExposeSecret;
use url::Url;

/// An account of `kayenta.azure.accounts` that keeps objects.
#[derive(Clone)]
pub struct AzureAccount {
    /// `name`: what clients and messages call the account.
    pub name: String,
    /// `storageAccountName`: what Azure calls it.
    pub storage_account_name: String,
    /// `container`: created when missing.
    pub container: String,
    /// `rootFolder`: what every blob name begins with; used as it is.
    pub root_folder: String,
    /// The blob service, such as `https://account.blob.core.windows.net` or
    /// `http://127.0.0.1:10000/devstoreaccount1`: what `endpointSuffix`, `protocol` and `blobEndpoint`
    /// come to.
    pub endpoint: Url,
    /// How requests prove who sends them.
    pub credential: AzureCredential,
}

/// The URL may carry a password.
impl fmt::Debug for AzureAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureAccount")
            .field("name", &self.name)
            .field("storage_account_name", &self.storage_account_name)
            .field("container", &self.container)
            .field("root_folder", &self.root_folder)
            .field("endpoint", &mask_urls(self.endpoint.as_str()))
            .field("credential", &self.credential)
            .finish()
    }
}

/// How requests prove who sends them.
#[derive(Clone, Debug)]
pub enum AzureCredential {
    /// `accountAccessKey`: base64.
    SharedKey(Secret),
    /// `sasToken`, which the Java service does not have: a shared access signature, with or without
    /// its `?`.
    SasToken(Secret),
    /// `workloadIdentity: true`, which the Java service does not have: the Entra ID of the Kubernetes
    /// service account (`AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE`).
    WorkloadIdentity,
}

/// The query that a shared access signature is, as it is written or without its `?`.
pub(crate) fn sas_query(token: &str) -> &str {
    token.trim().trim_start_matches('?')
}

/// A credential ready for use.
pub(crate) enum Access {
    SharedKey {
        account: String,
        key: Secret,
    },
    /// The transport adds it to each URL.
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

/// An account ready for use.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) container_url: Url,
    pub(crate) access: Access,
}

impl AzureAccount {
    /// Checks the account without asking the network.
    pub(crate) fn resolve(&self, transport: &Transport) -> Result<Resolved, StorageError> {
        let container_url = self.container_url()?;
        let access = match &self.credential {
            AzureCredential::SasToken(token) => {
                if sas_query(token.current().expose_secret()).is_empty() {
                    return Err(self.unusable("sasToken is empty"));
                }
                Access::Sas
            }
            AzureCredential::WorkloadIdentity => {
                let options = WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions {
                        client_options: ClientOptions {
                            transport: Some(transport.clone()),
                            ..ClientOptions::default()
                        },
                    },
                    ..WorkloadIdentityCredentialOptions::default()
                };
                let credential =
                    WorkloadIdentityCredential::new(Some(options)).map_err(|error| {
                        self.unusable(&format!("workload identity cannot be used: {error}"))
                    })?;
                Access::Identity(credential)
            }
            AzureCredential::SharedKey(key) => {
                BASE64_STANDARD
                    .decode(key.current().expose_secret())
                    .map_err(|_| invalid("Storage Key is not a valid base64 encoded string."))?;
                Access::SharedKey {
                    account: self.storage_account_name.clone(),
                    key: key.clone(),
                }
            }
        };
        Ok(Resolved {
            container_url,
            access,
        })
    }

    /// The shared access signature that requests carry in their URLs.
    pub(crate) fn sas_token(&self) -> Option<Secret> {
        match &self.credential {
            AzureCredential::SasToken(token) => Some(token.clone()),
            AzureCredential::SharedKey(_) | AzureCredential::WorkloadIdentity => None,
        }
    }

    fn container_url(&self) -> Result<Url, StorageError> {
        let mut url = self.endpoint.clone();
        let unfit = || {
            self.unusable(&format!(
                "'{}' is not a URL of a blob service.",
                mask_urls(self.endpoint.as_str())
            ))
        };
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

    fn unusable(&self, why: &str) -> StorageError {
        invalid(format!("Azure/Blobs account {}: {why}", self.name))
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
            container: "canary".to_owned(),
            root_folder: "kayenta".to_owned(),
            endpoint: Url::parse("https://acct.blob.core.windows.net").unwrap(),
            credential: AzureCredential::SharedKey("c2VjcmV0LWtleQ==".into()),
        }
    }

    fn connections() -> Transport {
        crate::transport::transport(&kayenta_http::HttpSettings::default(), None).unwrap()
    }

    fn refusal(account: &AzureAccount) -> String {
        account.resolve(&connections()).unwrap_err().message
    }

    #[test]
    fn the_container_is_the_last_part_of_the_path() {
        for (endpoint, expected) in [
            (
                "https://acct.blob.core.windows.net",
                "https://acct.blob.core.windows.net/canary",
            ),
            (
                "http://azurite:10000/devstoreaccount1/",
                "http://azurite:10000/devstoreaccount1/canary",
            ),
        ] {
            let account = AzureAccount {
                endpoint: Url::parse(endpoint).unwrap(),
                ..account()
            };
            let url = account.resolve(&connections()).unwrap().container_url;
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn unusable_settings_are_named() {
        let bad_key = AzureAccount {
            credential: AzureCredential::SharedKey("no base64!".into()),
            ..account()
        };
        assert_eq!(
            refusal(&bad_key),
            "Storage Key is not a valid base64 encoded string."
        );
        for endpoint in ["ftp://x", "http://x?sig=1", "http://u:p@x"] {
            let odd = AzureAccount {
                endpoint: Url::parse(endpoint).unwrap(),
                ..account()
            };
            let refusal = refusal(&odd);
            assert!(refusal.contains("not a URL of a blob service"), "{refusal}");
            assert!(!refusal.contains("u:p@"), "{refusal}");
        }
    }

    #[test]
    fn secrets_cannot_be_printed() {
        let with_sas = AzureAccount {
            credential: AzureCredential::SasToken("sv=1&sig=topsecret".into()),
            ..account()
        };
        let resolved = with_sas.resolve(&connections()).unwrap();
        let printed = format!("{with_sas:?} {:?} {:?}", account(), resolved.access);
        assert!(!printed.contains("topsecret") && !printed.contains("c2VjcmV0LWtleQ"));
        // The transport adds it to each request.
        assert_eq!(resolved.container_url.query(), None);
    }
}
