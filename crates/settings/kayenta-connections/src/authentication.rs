//! `authentication`: what proves to the server who is asking.

use std::{path::PathBuf, sync::Arc};

use kayenta_accounts::google::default_credentials;
use kayenta_aws::{AwsConnections, AwsEnvironment, AwsSigner, CredentialSource};
use kayenta_errors::with_causes;
use kayenta_google::{GoogleCredentials, GoogleTokens};
use kayenta_http::{
    Authorizer, BearerFile, BearerTokens, ClientCredentials, ClientCredentialsGrant, ClientProof,
    HttpSetupError, Now, Transport,
};
use kayenta_properties::{Group, convert::Choices};
use kayenta_secrets::{BaseUrl, Secret};

use crate::entra::Entra;

/// Reading metrics of Google Cloud.
const GOOGLE_SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";

/// Who asks, and how that is proved.
#[derive(Clone, Debug, Default)]
pub enum Authentication {
    /// No credentials.
    #[default]
    None,
    /// `basic`: `username` and `password`.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// `bearer`: `token`.
    Bearer(Secret),
    /// `bearerFile`: the token in `file`, which something else renews.
    BearerFile(PathBuf),
    /// `oauth2`: tokens of an OAuth 2.0 server for this service itself.
    OAuth2(ClientCredentials),
    /// `sigv4`: requests signed for AWS.
    SigV4 {
        /// Where the keys come from.
        source: CredentialSource,
        /// `service`: `aps` is Amazon Managed Service for Prometheus, `monitoring` is CloudWatch.
        service: String,
        /// `region`.
        region: String,
        /// `AWS_…` and the home directory.
        environment: AwsEnvironment,
    },
    /// `entra`: tokens of Microsoft Entra ID.
    Entra(Entra),
    /// `google`: tokens of Google Cloud.
    Google {
        /// The file of the credentials; without one they are the machine's own.
        file: Option<PathBuf>,
        /// Another metadata server than Google's.
        metadata_host: Option<String>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Basic,
    Bearer,
    BearerFile,
    OAuth2,
    SigV4,
    Entra,
    Google,
}

const KINDS: &Choices<Kind> = &[
    ("basic", Kind::Basic),
    ("bearer", Kind::Bearer),
    ("bearerFile", Kind::BearerFile),
    ("oauth2", Kind::OAuth2),
    ("sigv4", Kind::SigV4),
    ("entra", Kind::Entra),
    ("google", Kind::Google),
];

impl Authentication {
    /// Reads the group; `None` for a mistake, which is reported.
    #[must_use]
    pub fn read(group: &Group<'_>) -> Option<Self> {
        let kind = group.choice("type", KINDS);
        let username = group.text("username");
        let password = group.secret("password");
        let token = group.secret("token");
        let file = group.path("file");
        let oauth2 = OAuth2::read(group);
        let region = group.text("region");
        let service = group.text_or("service", "aps");
        let source = source(group);
        let entra = Entra::read(group);
        let json_path = group.path("jsonPath");
        if !group.is_present() {
            return Some(Self::None);
        }
        let Some(kind) = kind else {
            if group.get("type").is_none_or(|value| value.text.is_empty()) {
                let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                group.missing("type", &format!("one of {}", names.join(", ")));
            }
            return None;
        };
        let environment = group.environment();
        Some(match kind {
            Kind::Basic => {
                needed(group, "username", "the user", &username);
                needed(group, "password", "the password", &password);
                Self::Basic {
                    username: username?,
                    password: password?,
                }
            }
            Kind::Bearer => {
                needed(group, "token", "the token", &token);
                Self::Bearer(token?)
            }
            Kind::BearerFile => {
                needed(group, "file", "the path of a file with a token", &file);
                Self::BearerFile(environment.locate(file?))
            }
            Kind::OAuth2 => Self::OAuth2(oauth2.settings(group)?),
            Kind::SigV4 => {
                let region = region.or_else(|| {
                    let names = ["AWS_REGION", "AWS_DEFAULT_REGION"];
                    names
                        .iter()
                        .find_map(|name| environment.var(name))
                        .map(str::to_owned)
                });
                needed(
                    group,
                    "region",
                    "a region such as eu-central-1, or AWS_REGION",
                    &region,
                );
                let variables = environment
                    .variables()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()));
                let home = environment.locate(environment.home_dir());
                Self::SigV4 {
                    source: source?,
                    service,
                    region: region?,
                    environment: AwsEnvironment::new(variables, Some(home)),
                }
            }
            Kind::Entra => Self::Entra(entra?),
            Kind::Google => Self::Google {
                file: json_path
                    .map(|path| environment.locate(path))
                    .or_else(|| default_credentials(environment)),
                metadata_host: environment.var("GCE_METADATA_HOST").map(str::to_owned),
            },
        })
    }

    /// What proves each request anew, for the kinds that do.
    pub(crate) fn authorizer(
        &self,
        transport: &Transport,
        now: Now,
    ) -> Result<Option<Arc<dyn Authorizer>>, HttpSetupError> {
        Ok(match self {
            Self::None | Self::Basic { .. } | Self::Bearer(_) => None,
            Self::BearerFile(path) => Some(Arc::new(BearerFile::new(path.clone()))),
            Self::OAuth2(settings) => {
                let grant = ClientCredentialsGrant::new(settings.clone(), transport)?;
                Some(Arc::new(BearerTokens::new(grant, now)))
            }
            Self::SigV4 {
                source,
                service,
                region,
                environment,
            } => {
                let connections = AwsConnections::new(transport.settings(), environment.clone())?;
                let signer = AwsSigner::new(&connections, source.clone(), service, region);
                Some(Arc::new(signer))
            }
            Self::Entra(entra) => Some(entra.authorizer(transport, now)?),
            Self::Google {
                file,
                metadata_host,
            } => {
                let credentials =
                    GoogleCredentials::find(file.as_deref(), metadata_host.as_deref()).map_err(
                        |error| HttpSetupError::new(with_causes(error.to_string(), &error)),
                    )?;
                let tokens = GoogleTokens::new(credentials, GOOGLE_SCOPE, transport, now)?;
                Some(Arc::new(tokens))
            }
        })
    }
}

/// Reports a setting that the kind of authentication cannot do without.
pub(crate) fn needed<T>(group: &Group<'_>, property: &str, what: &str, found: &Option<T>) {
    if found.is_none()
        && group
            .get(property)
            .is_none_or(|value| value.text.is_empty())
    {
        group.missing(property, what);
    }
}

/// Where the keys of AWS come from; `None` for a mistake.
fn source(group: &Group<'_>) -> Option<CredentialSource> {
    let access_key = group.secret("accessKey");
    let secret_key = group.secret("secretKey");
    let session_token = group.secret("sessionToken");
    let profile = group.text("profileName");
    match (access_key, secret_key, profile) {
        (Some(access_key), Some(secret_key), _) => Some(CredentialSource::Keys {
            access_key,
            secret_key,
            session_token,
        }),
        (Some(_), None, _) => {
            group.missing("secretKey", "the secret of accessKey");
            None
        }
        (None, Some(_), _) => {
            group.missing("accessKey", "the id of secretKey");
            None
        }
        (None, None, Some(profile)) => Some(CredentialSource::Profile(profile)),
        (None, None, None) => Some(CredentialSource::Chain),
    }
}

/// The settings of an OAuth 2.0 client as they were found.
struct OAuth2 {
    token_url: Option<BaseUrl>,
    client_id: Option<String>,
    secret: Option<Secret>,
    secret_file: Option<PathBuf>,
    scope: Option<String>,
    audience: Option<String>,
}

impl OAuth2 {
    fn read(group: &Group<'_>) -> Self {
        Self {
            token_url: group.base_url_or_flawed("tokenUrl"),
            client_id: group.text("clientId"),
            secret: group.secret("clientSecret"),
            secret_file: group.path("clientSecretFile"),
            scope: group.text("scope"),
            audience: group.text("audience"),
        }
    }

    fn settings(self, group: &Group<'_>) -> Option<ClientCredentials> {
        needed(
            group,
            "tokenUrl",
            "the URL of the token endpoint",
            &self.token_url,
        );
        needed(group, "clientId", "the id of the client", &self.client_id);
        let proof = match (self.secret, self.secret_file) {
            (Some(secret), _) => Some(ClientProof::Secret(secret)),
            (None, Some(file)) => Some(ClientProof::SecretFile(group.environment().locate(file))),
            (None, None) => {
                group.missing(
                    "clientSecret",
                    "the secret of the client, or clientSecretFile",
                );
                None
            }
        };
        Some(ClientCredentials {
            token_url: self.token_url?,
            client_id: self.client_id?,
            proof: proof?,
            scope: self.scope,
            audience: self.audience,
        })
    }
}
