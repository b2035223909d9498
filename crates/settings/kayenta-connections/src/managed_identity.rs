//! Tokens of the machine's own identity on Azure.

use std::fmt;

use async_trait::async_trait;
use kayenta_http::{
    AuthorizeError, Granted, HttpClient, HttpSetupError, Now, Proxies, TokenSource, Transport,
    no_token,
};
use kayenta_properties::Environment;
use kayenta_secrets::BaseUrl;
use secrecy::SecretString;
use serde::Deserialize;

/// The metadata service of a virtual machine, also reached from the pods of a node.
const METADATA: &str = "http://169.254.169.254";
/// Its version of the request.
const METADATA_VERSION: &str = "2018-02-01";
/// The version of App Service, Container Apps and Functions.
const APP_SERVICE_VERSION: &str = "2019-08-01";

/// Where the machine asks about itself.
#[derive(Clone, Debug)]
pub(crate) struct ManagedIdentity {
    endpoint: BaseUrl,
    path: &'static str,
    version: &'static str,
    header: (&'static str, SecretString),
    client_id: Option<String>,
}

impl ManagedIdentity {
    /// As the environment says: App Service sets `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    pub(crate) fn read(environment: &Environment, client_id: Option<String>) -> Option<Self> {
        let of_app = environment
            .var("IDENTITY_ENDPOINT")
            .zip(environment.var("IDENTITY_HEADER"));
        Some(match of_app {
            Some((endpoint, secret)) => Self {
                endpoint: endpoint.parse().ok()?,
                path: "",
                version: APP_SERVICE_VERSION,
                header: ("x-identity-header", secret.into()),
                client_id,
            },
            None => Self {
                endpoint: environment
                    .var("AZURE_POD_IDENTITY_AUTHORITY_HOST")
                    .unwrap_or(METADATA)
                    .parse()
                    .ok()?,
                path: "/metadata/identity/oauth2/token",
                version: METADATA_VERSION,
                header: ("metadata", "true".into()),
                client_id,
            },
        })
    }

    /// Tokens for a resource.
    pub(crate) fn tokens(
        &self,
        resource: &str,
        transport: &Transport,
        now: Now,
    ) -> Result<MachineTokens, HttpSetupError> {
        // It is near or not there, and never behind a proxy.
        let mut settings = transport.settings().clone();
        settings.proxies = Proxies::default();
        let client = HttpClient::builder("the identity endpoint", self.endpoint.clone())
            .error_text(error_text)
            .within_host()
            .build(&Transport::new(&settings)?)?;
        Ok(MachineTokens {
            client,
            identity: self.clone(),
            resource: resource.to_owned(),
            now,
        })
    }
}

fn error_text(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error_description: Option<String>,
        message: Option<String>,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    refusal.error_description.or(refusal.message)
}

/// Asks for tokens.
pub(crate) struct MachineTokens {
    client: HttpClient,
    identity: ManagedIdentity,
    resource: String,
    now: Now,
}

impl fmt::Debug for MachineTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MachineTokens").field(&self.client).finish()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    /// Seconds as a text from a virtual machine.
    expires_in: Option<serde_json::Value>,
    /// Seconds since 1970 as a text, where the other is missing: App Service.
    expires_on: Option<serde_json::Value>,
}

fn number(value: Option<&serde_json::Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[async_trait]
impl TokenSource for MachineTokens {
    async fn grant(&self) -> Result<Granted, AuthorizeError> {
        let identity = &self.identity;
        let (name, secret) = &identity.header;
        let call = self
            .client
            .get(identity.path)
            .query("api-version", identity.version)
            .query("resource", &self.resource)
            .query_some("client_id", identity.client_id.as_deref())
            .credential(name, secret)
            .map_err(|error| no_token(&error))?
            .confidential();
        let answer = call.send().await.map_err(|error| no_token(&error))?;
        let granted: TokenAnswer = answer.json().map_err(|error| no_token(&error))?;
        let now = (self.now)().timestamp();
        let seconds = number(granted.expires_in.as_ref())
            .or_else(|| Some(number(granted.expires_on.as_ref())?.saturating_sub(now)));
        Ok(Granted {
            token: granted.access_token,
            seconds: seconds.unwrap_or(300),
        })
    }
}
