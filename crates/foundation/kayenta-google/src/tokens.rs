//! The token of an account: fetched when it is needed, shared by all who wait for it, renewed before it
//! ends. Credentials in a file are read again for each token.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use http::request::Parts;
use kayenta_http::{
    AuthorizeError, Authorizer, Granted, HttpSetupError, KeptToken, Now, Transport, bearer,
};
use secrecy::SecretString;

use crate::{
    credentials::{Exchange, GoogleCredentials},
    error::TokenError,
};

/// Hands out the token of one account for one scope.
pub struct GoogleTokens {
    /// Another one when the file of the credentials has others.
    exchange: RwLock<Arc<Exchange>>,
    scope: &'static str,
    transport: Transport,
    now: Now,
    kept: KeptToken,
}

impl fmt::Debug for GoogleTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GoogleTokens")
            .field(&self.exchange())
            .finish()
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
        let exchange = Exchange::new(credentials, scope, transport, Arc::clone(&now))?;
        Ok(Self {
            exchange: RwLock::new(Arc::new(exchange)),
            scope,
            transport: transport.clone(),
            kept: KeptToken::new(Arc::clone(&now)),
            now,
        })
    }

    fn exchange(&self) -> Arc<Exchange> {
        let exchange = self.exchange.read();
        Arc::clone(&exchange.unwrap_or_else(PoisonError::into_inner))
    }

    /// A new token for the credentials that their file has now.
    async fn granted(&self) -> Result<Granted, TokenError> {
        let mut exchange = self.exchange();
        if let Some(renewed) = exchange.credentials().renewed().await {
            let now = Arc::clone(&self.now);
            match Exchange::new(renewed, self.scope, &self.transport, now) {
                Ok(of_renewed) => {
                    exchange = Arc::new(of_renewed);
                    let mut kept = self
                        .exchange
                        .write()
                        .unwrap_or_else(PoisonError::into_inner);
                    *kept = Arc::clone(&exchange);
                }
                Err(error) => tracing::warn!(%error, "renewed credentials cannot be used"),
            }
        }
        exchange.token().await
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
        self.kept.get(refused, self.granted()).await
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::{Router, routing::post};
    use chrono::{DateTime, TimeDelta, Utc};
    use kayenta_http::HttpSettings;
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn credentials_renewed_in_their_file_are_exchanged_from_the_next_token_on() {
        let forms = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&forms);
        let answer = move |form: String| async move {
            let mut forms = noted.lock().unwrap();
            forms.push(form);
            format!(
                r#"{{"access_token": "token-{}", "expires_in": 3600}}"#,
                forms.len()
            )
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let routes = Router::new().route("/token", post(answer));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        let write = |refresh_token: &str| {
            let json = format!(
                r#"{{"type": "authorized_user", "client_id": "c", "client_secret": "s",
                    "refresh_token": "{refresh_token}", "token_uri": "{url}"}}"#
            );
            std::fs::write(&path, json).unwrap();
        };
        write("first");
        let time = Arc::new(Mutex::new(DateTime::<Utc>::UNIX_EPOCH));
        let clock = Arc::clone(&time);
        let tokens = GoogleTokens::new(
            GoogleCredentials::find(Some(&path), None).unwrap(),
            "scope",
            &Transport::new(&HttpSettings::default()).unwrap(),
            Arc::new(move || *clock.lock().unwrap()),
        )
        .unwrap();
        let token = async || tokens.get(None).await.unwrap().expose_secret().to_owned();
        assert_eq!(token().await, "token-1");
        write("second");
        assert_eq!(token().await, "token-1", "the token is good for an hour");
        for (content, expected) in [(Some("second"), "token-2"), (None, "token-3")] {
            match content {
                Some(content) => write(content),
                None => std::fs::write(&path, "no json").unwrap(),
            }
            *time.lock().unwrap() += TimeDelta::hours(1);
            assert_eq!(token().await, expected);
        }
        let forms = forms.lock().unwrap();
        let used = |at: usize, what: &str| forms[at].contains(&format!("refresh_token={what}"));
        assert!(
            used(0, "first") && used(1, "second") && used(2, "second"),
            "{forms:?}"
        );
    }
}
