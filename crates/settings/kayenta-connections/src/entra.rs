//! Tokens of Microsoft Entra ID: for a client with a secret, for a Kubernetes workload, or for the
//! machine.

use std::{path::PathBuf, sync::Arc};

use kayenta_http::{
    Authorizer, BearerTokens, ClientCredentials, ClientCredentialsGrant, ClientProof,
    HttpSetupError, Now, Transport,
};
use kayenta_properties::Group;
use kayenta_secrets::BaseUrl;

use crate::managed_identity::ManagedIdentity;

/// Azure Monitor managed service for Prometheus.
const PROMETHEUS_SCOPE: &str = "https://prometheus.monitor.azure.com/.default";

/// What the account says of Entra ID, and what the environment adds.
#[derive(Clone, Debug)]
pub struct Entra {
    pub(crate) scope: String,
    pub(crate) identity: Identity,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// A client of a tenant, by a secret (`clientSecret`) or by the token of a Kubernetes service
    /// account (`AZURE_FEDERATED_TOKEN_FILE`).
    Client {
        authority: BaseUrl,
        tenant: String,
        client_id: String,
        proof: ClientProof,
    },
    /// The machine, or the identity with this client id that is assigned to it.
    Machine(ManagedIdentity),
}

impl Entra {
    pub(crate) fn read(group: &Group<'_>) -> Option<Self> {
        let environment = group.environment();
        let setting = |property: &str, variable: &str| {
            let own = group.text(property);
            own.or_else(|| environment.var(variable).map(str::to_owned))
        };
        let tenant = setting("tenantId", "AZURE_TENANT_ID");
        let client_id = setting("clientId", "AZURE_CLIENT_ID");
        let scope = group
            .text("scope")
            .unwrap_or_else(|| PROMETHEUS_SCOPE.to_owned());
        let secret = group.secret("clientSecret");
        let secret_file = group.path("clientSecretFile");
        let token_file = environment
            .var("AZURE_FEDERATED_TOKEN_FILE")
            .map(PathBuf::from);
        let authority = environment
            .var("AZURE_AUTHORITY_HOST")
            .unwrap_or("https://login.microsoftonline.com/");
        let proof = match (secret, secret_file, token_file) {
            (Some(secret), ..) => Some(ClientProof::Secret(secret)),
            (None, Some(file), _) => Some(ClientProof::SecretFile(environment.locate(file))),
            (None, None, Some(file)) => Some(ClientProof::AssertionFile(environment.locate(file))),
            (None, None, None) => None,
        };
        let identity = match proof {
            None => Identity::Machine(ManagedIdentity::read(environment, client_id)?),
            Some(proof) => {
                let is_entra = group
                    .get("type")
                    .is_some_and(|value| value.text.eq_ignore_ascii_case("entra"));
                if is_entra && tenant.is_none() {
                    group.missing("tenantId", "the tenant, or AZURE_TENANT_ID");
                }
                if is_entra && client_id.is_none() {
                    group.missing("clientId", "the id of the client, or AZURE_CLIENT_ID");
                }
                Identity::Client {
                    authority: authority.parse().ok()?,
                    tenant: tenant?,
                    client_id: client_id?,
                    proof,
                }
            }
        };
        Some(Self { scope, identity })
    }

    pub(crate) fn authorizer(
        &self,
        transport: &Transport,
        now: Now,
    ) -> Result<Arc<dyn Authorizer>, HttpSetupError> {
        match &self.identity {
            Identity::Client {
                authority,
                tenant,
                client_id,
                proof,
            } => {
                let path = format!("/{tenant}/oauth2/v2.0/token");
                let token_url = authority.join(&path).expose().parse();
                let settings = ClientCredentials {
                    token_url: token_url
                        .map_err(|error| HttpSetupError::new(format!("tenantId: {error}")))?,
                    client_id: client_id.clone(),
                    proof: proof.clone(),
                    scope: Some(self.scope.clone()),
                    audience: None,
                };
                let grant = ClientCredentialsGrant::new(settings, transport)?;
                Ok(Arc::new(BearerTokens::new(grant, now)))
            }
            Identity::Machine(machine) => {
                let resource = self.scope.trim_end_matches("/.default");
                let source = machine.tokens(resource, transport, Arc::clone(&now))?;
                Ok(Arc::new(BearerTokens::new(source, now)))
            }
        }
    }
}
