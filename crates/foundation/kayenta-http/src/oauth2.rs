//! Tokens of an OAuth 2.0 server for a service itself, not for a person: the client credentials grant
//! (RFC 6749, section 4.4).

use std::path::PathBuf;

use async_trait::async_trait;
use kayenta_secrets::{BaseUrl, Secret};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    authorizer::{AuthorizeError, Granted, TokenSource, read_secret},
    client::HttpClient,
    error::HttpError,
    transport::{HttpSetupError, Transport},
};

/// What proves to the token server who is asking.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// A shared secret, sent in the body (`client_secret_post`).
    Secret(Secret),
    /// A shared secret in a file, read for each token.
    SecretFile(PathBuf),
    /// A signed token in a file that something else renews (RFC 7523): workload identity.
    AssertionFile(PathBuf),
}

/// What a token is asked for with.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: BaseUrl,
    /// `client_id`.
    pub client_id: String,
    /// Who is asking.
    pub proof: ClientProof,
    /// `scope`, several of them separated by blanks.
    pub scope: Option<String>,
    /// `audience`, which some servers want.
    pub audience: Option<String>,
}

/// Asks for tokens.
#[derive(Debug)]
pub struct ClientCredentialsGrant {
    client: HttpClient,
    settings: ClientCredentials,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    /// Seconds; some servers write them as text.
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

/// How long a token is used whose server does not say how long it is good for.
const UNSAID_SECONDS: i64 = 300;

fn error_text(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        error_description: Option<String>,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    Some(match refusal.error_description {
        Some(words) => format!("{}: {words}", refusal.error),
        None => refusal.error,
    })
}

impl ClientCredentialsGrant {
    /// Prepares; nothing is sent yet.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn new(settings: ClientCredentials, transport: &Transport) -> Result<Self, HttpSetupError> {
        let client = HttpClient::builder("the token server", settings.token_url.clone())
            .error_text(error_text)
            .within_host()
            .build(transport)?;
        Ok(Self { client, settings })
    }
}

#[async_trait]
impl TokenSource for ClientCredentialsGrant {
    async fn grant(&self) -> Result<Granted, AuthorizeError> {
        let settings = &self.settings;
        let mut form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", settings.client_id.clone()),
        ];
        let secret = match &settings.proof {
            ClientProof::Secret(secret) => secret.current(),
            ClientProof::SecretFile(path) | ClientProof::AssertionFile(path) => {
                read_secret(path).await?
            }
        };
        if matches!(settings.proof, ClientProof::AssertionFile(_)) {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            form.push(("client_assertion_type", kind.to_owned()));
            form.push(("client_assertion", secret.expose_secret().to_owned()));
        } else {
            form.push(("client_secret", secret.expose_secret().to_owned()));
        }
        form.extend(settings.scope.clone().map(|scope| ("scope", scope)));
        form.extend(settings.audience.clone().map(|who| ("audience", who)));
        let call = self.client.post("").secret(secret).confidential();
        let call = call.form(form.iter().map(|(name, value)| (*name, value.as_str())));
        let answer = call.send().await.map_err(|error| no_token(&error))?;
        let granted: TokenAnswer = answer.json().map_err(|error| no_token(&error))?;
        let seconds = granted
            .expires_in
            .as_ref()
            .and_then(|seconds| seconds.as_i64().or_else(|| seconds.as_str()?.parse().ok()));
        Ok(Granted {
            token: granted.access_token,
            seconds: seconds.unwrap_or(UNSAID_SECONDS),
        })
    }
}

/// The failure of a call for a token.
#[must_use]
pub fn no_token(error: &HttpError) -> AuthorizeError {
    AuthorizeError {
        message: format!("no token: {error}"),
        transient: error.is_transient(),
    }
}
