//! The token of an account: fetched when it is needed, shared by all who wait for it, renewed before it
//! ends.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::request::Parts;
use kayenta_http::{AuthorizeError, Authorizer, HttpSetupError, KeptToken, Now, Transport, bearer};
use secrecy::SecretString;

use crate::{
    credentials::{Exchange, GoogleCredentials},
    error::TokenError,
};

/// Hands out the token of one account for one scope.
pub struct GoogleTokens {
    exchange: Exchange,
    kept: KeptToken,
}

impl fmt::Debug for GoogleTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GoogleTokens").field(&self.exchange).finish()
    }
}

impl GoogleTokens {
    /// Prepares tokens of `scope`, a URL of Google's; nothing is sent yet.
    ///
    /// # Errors
    /// When a URL of the credentials cannot be used.
    pub fn new(
        credentials: GoogleCredentials,
        scope: &'static str,
        transport: &Transport,
        now: Now,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            exchange: Exchange::new(credentials, scope, transport, Arc::clone(&now))?,
            kept: KeptToken::new(now),
        })
    }

    /// A token that is good for a minute at least, unless Google grants shorter ones. `refused` is one
    /// Google did not accept, which is not handed out again.
    ///
    /// # Errors
    /// Why there is none; nothing is kept then.
    pub async fn get(
        &self,
        refused: Option<&Arc<SecretString>>,
    ) -> Result<Arc<SecretString>, TokenError> {
        self.kept.get(refused, self.exchange.token()).await
    }
}

#[async_trait]
impl Authorizer for GoogleTokens {
    async fn authorize(
        &self,
        request: &mut Parts,
        _: &[u8],
    ) -> Result<Vec<SecretString>, AuthorizeError> {
        let token = self.get(None).await.map_err(|error| AuthorizeError {
            message: error.to_string(),
            transient: error.is_transient(),
        })?;
        bearer(request, &token)?;
        Ok(vec![(*token).clone()])
    }

    async fn refused(&self, shown: &[SecretString]) -> bool {
        self.kept.refuse(shown).await
    }
}
