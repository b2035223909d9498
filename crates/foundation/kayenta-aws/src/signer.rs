//! Signed requests of one account.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use http::{HeaderValue, request::Parts};
use kayenta_errors::with_causes;
use kayenta_http::{AuthorizeError, Authorizer, reread};
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Signer, hash::hex_sha256};
use secrecy::SecretString;

use crate::{
    chain::{Chain, CredentialLink, CredentialSource},
    connections::AwsConnections,
    error::AwsError,
};

/// Signs the requests of one account to one service in one region. Credentials are found when the
/// first request is signed, kept, and renewed before they end; a burst of requests finds them once.
#[derive(Debug)]
pub struct AwsSigner {
    connections: AwsConnections,
    source: CredentialSource,
    service: String,
    region: String,
    current: RwLock<Current>,
}

#[derive(Clone, Debug)]
struct Current {
    signer: Signer<Credential>,
    used: Arc<Mutex<Option<CredentialLink>>>,
}

impl AwsSigner {
    /// A signer for `service` in `region`.
    #[must_use]
    pub fn new(
        connections: &AwsConnections,
        source: CredentialSource,
        service: impl Into<String>,
        region: impl Into<String>,
    ) -> Self {
        let (service, region) = (service.into(), region.into());
        let current = current(connections, &source, &service, &region);
        Self {
            connections: connections.clone(),
            source,
            service,
            region,
            current: RwLock::new(current),
        }
    }

    /// The region requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Adds the signature. `x-amz-content-sha256` has to be among the headers where the content is
    /// to be signed too.
    ///
    /// # Errors
    /// When there are no credentials.
    pub async fn sign(&self, request: &mut Parts) -> Result<(), AwsError> {
        let signer = self.current().signer;
        signer.sign(request, None).await.map_err(|error| AwsError {
            message: with_causes(error.to_string(), &error),
            transient: error.is_retryable(),
        })
    }

    /// Finds the credentials anew for the next request, those in files included: the service did not accept
    /// these.
    pub async fn forget(&self) {
        reread(self.source.secrets()).await;
        let fresh = current(&self.connections, &self.source, &self.service, &self.region);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// The place the credentials in use were found in; `None` before the first request.
    #[must_use]
    pub fn credential_link(&self) -> Option<CredentialLink> {
        let used = self.current().used;
        let used = used.lock().unwrap_or_else(PoisonError::into_inner);
        used.clone()
    }

    fn current(&self) -> Current {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn current(
    connections: &AwsConnections,
    source: &CredentialSource,
    service: &str,
    region: &str,
) -> Current {
    let chain = Chain::new(source, &connections.environment);
    let used = chain.used();
    let signer = Signer::new(
        connections.context.clone(),
        chain,
        RequestSigner::new(service, region),
    );
    Current { signer, used }
}

/// Signs the whole request, its content included.
#[async_trait]
impl Authorizer for AwsSigner {
    async fn authorize(
        &self,
        request: &mut Parts,
        body: &[u8],
    ) -> Result<Vec<SecretString>, AuthorizeError> {
        let unusable = |message: String| AuthorizeError {
            message,
            transient: false,
        };
        // A plus is a blank in a form and itself in a signature; %20 is a blank in both.
        let uri = request.uri.to_string();
        if let Some((path, query)) = uri.split_once('?')
            && query.contains('+')
        {
            request.uri = format!("{path}?{}", query.replace('+', "%20"))
                .parse()
                .map_err(|error| unusable(format!("the URL cannot be signed: {error}")))?;
        }
        let hash =
            HeaderValue::try_from(hex_sha256(body)).map_err(|error| unusable(error.to_string()))?;
        request.headers.insert("x-amz-content-sha256", hash);
        self.sign(request).await.map_err(|error| AuthorizeError {
            message: error.message,
            transient: error.transient,
        })?;
        // A signature is good for this request alone; the session's token is a secret.
        let token = request.headers.get("x-amz-security-token");
        let token = token.and_then(|token| token.to_str().ok());
        Ok(token.map(SecretString::from).into_iter().collect())
    }

    async fn refused(&self, _: &[SecretString]) -> bool {
        self.forget().await;
        true
    }
}
