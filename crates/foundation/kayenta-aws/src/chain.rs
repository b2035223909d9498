//! Where credentials come from: what the account says, or the first link of the default chain that
//! has some.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kayenta_errors::with_causes;
use kayenta_secrets::Secret;
use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider,
    EnvCredentialProvider, IMDSv2CredentialProvider, StaticCredentialProvider,
};
use reqsign_core::{
    Context, Error, ProvideCredential, ProvideCredentialDyn, Result, SigningCredential,
    time::Timestamp,
};
use secrecy::ExposeSecret;

use crate::{
    environment::AwsEnvironment,
    profile::{self, ProfileProvider},
};

/// Files are read again after this long, so that keys rotated in them are found.
const FILES_ARE_GOOD_FOR: Duration = Duration::from_secs(300);
/// Keys of the settings that are in files are looked at again after this long.
const KEYS_ARE_GOOD_FOR: Duration = Duration::from_secs(5);
/// So long before their end `reqsign` renews credentials.
const RENEWED_BEFORE: Duration = Duration::from_secs(120);

/// What an account says about its credentials.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// These keys.
    Keys {
        /// The id of the access key.
        access_key: Secret,
        /// The secret key.
        secret_key: Secret,
        /// The token that goes with temporary keys.
        session_token: Option<Secret>,
    },
    /// A profile of the files `~/.aws/config` and `~/.aws/credentials`.
    Profile(String),
    /// The default chain of the AWS SDK for Java.
    Chain,
}

impl CredentialSource {
    /// The secrets that may be in files.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Keys {
                access_key,
                secret_key,
                session_token,
            } => {
                let keys = [access_key, secret_key].into_iter();
                keys.chain(session_token).cloned().collect()
            }
            Self::Profile(_) | Self::Chain => Vec::new(),
        }
    }
}

/// A place credentials were found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialLink {
    /// Keys of the account's settings.
    Keys,
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    Environment,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`: a Kubernetes service account's role (IRSA).
    WebIdentity,
    /// A profile.
    Profile(String),
    /// The container's credentials (ECS, EKS pod identity).
    Container,
    /// The instance profile, asked of the machine's metadata service (IMDSv2).
    InstanceMetadata,
}

impl fmt::Display for CredentialLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys => f.write_str("explicitCredentials"),
            Self::Environment => f.write_str("environment variables"),
            Self::WebIdentity => f.write_str("web identity token"),
            Self::Profile(name) => write!(f, "profile '{name}'"),
            Self::Container => f.write_str("container credentials"),
            Self::InstanceMetadata => f.write_str("instance metadata"),
        }
    }
}

impl CredentialLink {
    /// What would have to be there for the link to be used.
    fn wants(&self) -> &'static str {
        match self {
            Self::Keys => "no keys",
            Self::Environment => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
            Self::WebIdentity => "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not set",
            Self::Profile(_) => "there is none",
            Self::Container => "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set",
            Self::InstanceMetadata => "switched off by AWS_EC2_METADATA_DISABLED",
        }
    }
}

type Provider = Box<dyn ProvideCredentialDyn<Credential = Credential>>;

/// The links in their order, and which one gave the last credentials.
#[derive(Debug)]
pub(crate) struct Chain {
    links: Vec<(CredentialLink, Provider)>,
    used: Arc<Mutex<Option<CredentialLink>>>,
}

impl Chain {
    pub(crate) fn new(source: &CredentialSource, environment: &AwsEnvironment) -> Self {
        let links: Vec<(CredentialLink, Provider)> = match source {
            CredentialSource::Keys {
                access_key,
                secret_key,
                session_token,
            } => {
                let keys = ConfiguredKeys {
                    access_key: access_key.clone(),
                    secret_key: secret_key.clone(),
                    session_token: session_token.clone(),
                };
                vec![(CredentialLink::Keys, Box::new(keys))]
            }
            CredentialSource::Profile(name) => vec![of_profile(environment, name.clone(), true)],
            CredentialSource::Chain => vec![
                (
                    CredentialLink::Environment,
                    Box::new(EnvCredentialProvider::new()),
                ),
                (CredentialLink::WebIdentity, web_identity(environment)),
                of_profile(environment, profile::default_name(environment), false),
                (
                    CredentialLink::Container,
                    Box::new(ECSCredentialProvider::new()),
                ),
                (
                    CredentialLink::InstanceMetadata,
                    Box::new(IMDSv2CredentialProvider::new()),
                ),
            ],
        };
        Self {
            links,
            used: Arc::default(),
        }
    }

    /// Where the link of the last credentials is noted.
    pub(crate) fn used(&self) -> Arc<Mutex<Option<CredentialLink>>> {
        Arc::clone(&self.used)
    }
}

fn of_profile(
    environment: &AwsEnvironment,
    name: String,
    required: bool,
) -> (CredentialLink, Provider) {
    (
        CredentialLink::Profile(name.clone()),
        Box::new(ProfileProvider {
            environment: environment.clone(),
            name,
            required,
        }),
    )
}

fn web_identity(environment: &AwsEnvironment) -> Provider {
    let mut provider = AssumeRoleWithWebIdentityCredentialProvider::new();
    if environment.variable("AWS_ROLE_SESSION_NAME").is_none() {
        provider = provider.with_role_session_name("kayenta".to_owned());
    }
    if let Some(region) = environment.variable("AWS_REGION") {
        provider = provider
            .with_region(region.to_owned())
            .with_regional_sts_endpoint();
    }
    Box::new(provider)
}

/// Keys of the settings, as they are now.
#[derive(Debug)]
struct ConfiguredKeys {
    access_key: Secret,
    secret_key: Secret,
    session_token: Option<Secret>,
}

impl ConfiguredKeys {
    fn rotate(&self) -> bool {
        let keys = [&self.access_key, &self.secret_key].into_iter();
        keys.chain(&self.session_token).any(Secret::rotates)
    }
}

impl ProvideCredential for ConfiguredKeys {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        let (access_key, secret_key) = (self.access_key.current(), self.secret_key.current());
        let mut keys =
            StaticCredentialProvider::new(access_key.expose_secret(), secret_key.expose_secret());
        if let Some(token) = &self.session_token {
            keys = keys.with_session_token(token.current().expose_secret());
        }
        let mut credential = keys.provide_credential(context).await?;
        if self.rotate()
            && let Some(credential) = &mut credential
        {
            credential.expires_in = Some(Timestamp::now() + KEYS_ARE_GOOD_FOR + RENEWED_BEFORE);
        }
        Ok(credential)
    }
}

impl ProvideCredential for Chain {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        let mut tried = Vec::new();
        let mut transient = false;
        for (link, provider) in &self.links {
            let why = match provider.provide_credential_dyn(context).await {
                Ok(Some(mut credential)) if credential.is_valid_at(Timestamp::now()) => {
                    if matches!(link, CredentialLink::Profile(_)) {
                        let read_again = Timestamp::now() + FILES_ARE_GOOD_FOR + RENEWED_BEFORE;
                        credential.expires_in.get_or_insert(read_again);
                    }
                    let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
                    if used.as_ref() != Some(link) {
                        tracing::info!("AWS credentials come from {link}");
                        *used = Some(link.clone());
                    }
                    return Ok(Some(credential));
                }
                Ok(Some(_)) => "the keys are empty or have expired".to_owned(),
                Ok(None) => link.wants().to_owned(),
                Err(error) => {
                    transient |= error.is_retryable();
                    with_causes(error.to_string(), &error)
                }
            };
            tried.push(format!("{link}: {why}"));
        }
        Err(
            Error::credential_invalid(format!("no AWS credentials ({})", tried.join("; ")))
                .set_retryable(transient),
        )
    }
}
