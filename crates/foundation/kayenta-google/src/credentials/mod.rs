//! Who is asking: the kinds of credentials Google knows, from their JSON files.

mod exchange;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use jsonwebtoken::EncodingKey;
use kayenta_errors::with_causes;
use kayenta_json::JsonError;
use kayenta_secrets::{BaseUrl, InvalidBaseUrl};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;

pub(crate) use exchange::Exchange;

/// Where Google exchanges credentials for tokens.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// What a token is asked for that only serves to act as a service account.
pub(crate) const IMPERSONATION_SCOPE: &str = "https://www.googleapis.com/auth/iam";

/// Credentials of a Google Cloud account.
#[derive(Clone)]
pub struct GoogleCredentials {
    pub(crate) kind: Kind,
    /// The file they are in, which may have others later.
    file: Option<CredentialsFile>,
}

#[derive(Clone)]
struct CredentialsFile {
    path: PathBuf,
    /// As it was read.
    content: SecretSlice<u8>,
}

#[derive(Clone)]
pub(crate) enum Kind {
    /// A key of a service account, which signs its own assertions.
    ServiceAccount(ServiceAccount),
    /// A person, as `gcloud auth application-default login` leaves one.
    User(User),
    /// Another identity provider's token (workload identity federation).
    External(Box<External>),
    /// The machine's own account, asked of the metadata server (GCE, GKE workload identity).
    Metadata {
        /// The server.
        url: BaseUrl,
    },
}

#[derive(Clone)]
pub(crate) struct ServiceAccount {
    pub(crate) email: String,
    pub(crate) key_id: Option<String>,
    pub(crate) key: EncodingKey,
    pub(crate) token_uri: BaseUrl,
}

#[derive(Clone)]
pub(crate) struct User {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) refresh_token: SecretString,
    pub(crate) token_uri: BaseUrl,
}

#[derive(Clone)]
pub(crate) struct External {
    pub(crate) audience: String,
    pub(crate) subject_token_type: String,
    pub(crate) token_uri: BaseUrl,
    pub(crate) source: SubjectSource,
    /// Whom the exchanged token is to act as.
    pub(crate) impersonation_url: Option<BaseUrl>,
}

/// Where another provider's token is read, anew for each exchange.
#[derive(Clone)]
pub(crate) struct SubjectSource {
    pub(crate) place: SubjectPlace,
    pub(crate) format: SubjectFormat,
}

#[derive(Clone)]
pub(crate) enum SubjectPlace {
    /// A file.
    File(String),
    /// A GET with these headers.
    Url(BaseUrl, BTreeMap<String, SecretString>),
}

/// The token is the whole text, or a field of a JSON object.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct SubjectFormat {
    pub(crate) r#type: Option<String>,
    pub(crate) subject_token_field_name: Option<String>,
}

/// Nothing secret is shown.
impl fmt::Debug for GoogleCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, who) = match &self.kind {
            Kind::ServiceAccount(account) => ("service account", account.email.as_str()),
            Kind::User(user) => ("user", user.client_id.as_str()),
            Kind::External(external) => ("external account", external.audience.as_str()),
            Kind::Metadata { url } => (
                "metadata server",
                url.expose_url().host_str().unwrap_or_default(),
            ),
        };
        write!(f, "GoogleCredentials({kind} {who})")
    }
}

/// Why a credentials file cannot be used. None of its content is shown.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// No JSON object of a known kind.
    #[error(
        "the credentials are no JSON of a kind Google makes (service_account, authorized_user or \
         external_account): {0}"
    )]
    Unreadable(#[source] JsonError),
    /// Another kind.
    #[error(
        "credentials of type '{0}' are not supported, use a service_account, authorized_user or \
         external_account"
    )]
    OtherType(String),
    /// Lacks something.
    #[error("the credentials of type '{0}' have no {1}")]
    Lacks(String, &'static str),
    /// One of its URLs is none.
    #[error("{0} is not a URL: {1}")]
    Url(&'static str, #[source] InvalidBaseUrl),
    /// The file with the credentials cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: std::io::Error,
    },
    /// The file with the credentials has something else.
    #[error("{} cannot be used: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<Self>,
    },
    /// The private key is no RSA key in PEM.
    #[error("private_key is not an RSA key in PEM format: {0}")]
    Key(#[source] jsonwebtoken::errors::Error),
}

#[derive(Deserialize)]
struct File {
    r#type: Option<String>,
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<SecretString>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    refresh_token: Option<SecretString>,
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    credential_source: Option<CredentialSource>,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, SecretString>,
    #[serde(default)]
    format: SubjectFormat,
}

fn url(what: &'static str, text: &str) -> Result<BaseUrl, CredentialsError> {
    text.parse()
        .map_err(|error| CredentialsError::Url(what, error))
}

impl GoogleCredentials {
    /// The credentials of a JSON file: a service account's key, or what `gcloud` writes as application
    /// default credentials.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn from_json(json: &[u8]) -> Result<Self, CredentialsError> {
        let file: File = serde_json::from_slice(json)
            .map_err(|error| CredentialsError::Unreadable(error.into()))?;
        let kind = file.r#type.unwrap_or_else(|| "service_account".to_owned());
        let lacks = |what| CredentialsError::Lacks(kind.clone(), what);
        let needed = |text: Option<String>, what| {
            text.filter(|text| !text.is_empty())
                .ok_or_else(|| lacks(what))
        };
        let needed_secret = |secret: Option<SecretString>, what| secret.ok_or_else(|| lacks(what));
        let token_uri = |uri: Option<String>| url("token_uri", uri.as_deref().unwrap_or(TOKEN_URI));
        let kind = match kind.as_str() {
            "service_account" => {
                let pem = needed_secret(file.private_key, "private_key")?;
                Kind::ServiceAccount(ServiceAccount {
                    email: needed(file.client_email, "client_email")?,
                    key_id: file.private_key_id,
                    key: EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
                        .map_err(CredentialsError::Key)?,
                    token_uri: token_uri(file.token_uri)?,
                })
            }
            "authorized_user" => Kind::User(User {
                client_id: needed(file.client_id, "client_id")?,
                client_secret: needed_secret(file.client_secret, "client_secret")?,
                refresh_token: needed_secret(file.refresh_token, "refresh_token")?,
                token_uri: token_uri(file.token_uri)?,
            }),
            "external_account" => {
                let source = file
                    .credential_source
                    .ok_or_else(|| lacks("credential_source"))?;
                let place = match (source.file, source.url) {
                    (Some(file), _) => SubjectPlace::File(file),
                    (None, Some(text)) => {
                        SubjectPlace::Url(url("credential_source.url", &text)?, source.headers)
                    }
                    (None, None) => {
                        return Err(lacks("credential_source.file or credential_source.url"));
                    }
                };
                Kind::External(Box::new(External {
                    audience: needed(file.audience, "audience")?,
                    subject_token_type: needed(file.subject_token_type, "subject_token_type")?,
                    token_uri: url("token_url", &needed(file.token_url, "token_url")?)?,
                    source: SubjectSource {
                        place,
                        format: source.format,
                    },
                    impersonation_url: file
                        .service_account_impersonation_url
                        .map(|text| url("service_account_impersonation_url", &text))
                        .transpose()?,
                }))
            }
            _ => return Err(CredentialsError::OtherType(kind)),
        };
        Ok(Self { kind, file: None })
    }

    /// The credentials in a file, or without one those of the machine
    /// ([`of_this_machine`](Self::of_this_machine)).
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn find(
        file: Option<&Path>,
        metadata_host: Option<&str>,
    ) -> Result<Self, CredentialsError> {
        let Some(path) = file else {
            return Self::of_this_machine(metadata_host);
        };
        let json = std::fs::read(path).map_err(|source| CredentialsError::File {
            path: path.to_path_buf(),
            source,
        })?;
        Self::of_file(path, json)
    }

    fn of_file(path: &Path, json: Vec<u8>) -> Result<Self, CredentialsError> {
        let found = Self::from_json(&json).map_err(|source| CredentialsError::Content {
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
        let file = CredentialsFile {
            path: path.to_path_buf(),
            content: json.into(),
        };
        Ok(Self {
            file: Some(file),
            ..found
        })
    }

    /// The credentials that the file has now, if they are others than these. One that cannot be used is logged: these
    /// stay in use.
    pub(crate) async fn renewed(&self) -> Option<Self> {
        let file = self.file.as_ref()?;
        let path = file.path.display();
        let read = match tokio::fs::read(&file.path).await {
            Ok(json) if json == file.content.expose_secret() => return None,
            Ok(json) => Self::of_file(&file.path, json),
            Err(source) => Err(CredentialsError::File {
                path: file.path.clone(),
                source,
            }),
        };
        match read {
            Ok(renewed) => {
                tracing::info!(file = %path, "a secret has changed; the new value is used from now on");
                Some(renewed)
            }
            Err(error) => {
                let cause = with_causes(error.to_string(), &error);
                tracing::warn!(file = %path, cause, "a secret cannot be read from its file; its last value stays in use");
                None
            }
        }
    }

    /// The account of the machine this runs on, asked of the metadata server at `host`, by default
    /// Google's own `metadata.google.internal`.
    ///
    /// # Errors
    /// When `host` is not a host, with or without a port.
    pub fn of_this_machine(host: Option<&str>) -> Result<Self, CredentialsError> {
        let host = host.unwrap_or("metadata.google.internal");
        let url = url("GCE_METADATA_HOST", &format!("http://{host}"))?;
        Ok(Self {
            kind: Kind::Metadata { url },
            file: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(value: serde_json::Value) -> String {
        GoogleCredentials::from_json(value.to_string().as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_a_file_lacks_is_reported_and_none_of_its_secrets() {
        assert_eq!(
            error(json!({"type": "service_account", "client_email": "a@b"})),
            "the credentials of type 'service_account' have no private_key"
        );
        assert_eq!(
            error(json!({"type": "external_account", "credential_source": {}})),
            "the credentials of type 'external_account' have no credential_source.file or \
             credential_source.url"
        );
        let wrong_key = error(json!({
            "type": "service_account", "client_email": "a@b", "private_key": "no-such-key"
        }));
        assert!(wrong_key.starts_with("private_key is not an RSA key in PEM format"));
        assert!(!wrong_key.contains("no-such-key"));
        assert_eq!(
            error(json!({
                "type": "authorized_user", "client_id": "id", "client_secret": "hush-1",
                "refresh_token": "hush-2", "token_uri": "oauth2.googleapis.com"
            })),
            "token_uri is not a URL: Expected URL scheme 'http' or 'https' but no colon was found"
        );
        assert!(
            error(json!({"type": "impersonated"})).contains("'impersonated' are not supported")
        );
        assert!(GoogleCredentials::from_json(b"no json").is_err());
    }

    #[test]
    fn credentials_do_not_show() {
        let user = GoogleCredentials::from_json(
            json!({
                "type": "authorized_user", "client_id": "id", "client_secret": "hush-1",
                "refresh_token": "hush-2"
            })
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        assert_eq!(format!("{user:?}"), "GoogleCredentials(user id)");
        let machine = GoogleCredentials::of_this_machine(None).unwrap();
        assert_eq!(
            format!("{machine:?}"),
            "GoogleCredentials(metadata server metadata.google.internal)"
        );
    }
}
