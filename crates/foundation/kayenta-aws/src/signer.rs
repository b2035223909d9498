//! Signed requests of one account.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::request::Parts;
use kayenta_errors::with_causes;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::Signer;

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
    service: &'static str,
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
        service: &'static str,
        region: impl Into<String>,
    ) -> Self {
        let region = region.into();
        let current = current(connections, &source, service, &region);
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

    /// Finds the credentials anew for the next request: the service did not accept these.
    pub fn forget(&self) {
        let fresh = current(&self.connections, &self.source, self.service, &self.region);
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
