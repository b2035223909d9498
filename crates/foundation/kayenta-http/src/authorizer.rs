//! Proof of who is calling that changes from request to request: signatures, and tokens that end.

use std::{fmt, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderValue, header::AUTHORIZATION, request::Parts};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

/// How long before its end a token is not used any more.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Says what time it is.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// There is no proof for a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AuthorizeError {
    /// Why, without a secret.
    pub message: String,
    /// Whether another attempt may succeed.
    pub transient: bool,
}

/// Proves to a server who is calling, for each request anew.
#[async_trait]
pub trait Authorizer: fmt::Debug + Send + Sync {
    /// Adds headers to a request that is complete but for them and returns the secrets among them,
    /// which are masked in logs and error texts. Only requests to the configured host are shown.
    ///
    /// # Errors
    /// When there is no proof.
    async fn authorize(
        &self,
        request: &mut Parts,
        body: &[u8],
    ) -> Result<Vec<SecretString>, AuthorizeError>;

    /// The server did not accept a proof (401 or 403); `shown` are the secrets that
    /// [`authorize`](Self::authorize) returned with it. Returns whether the next one may be another, which
    /// is so as well when another request has replaced the proof meanwhile; the request is then made once
    /// more.
    async fn refused(&self, shown: &[SecretString]) -> bool;
}

/// Sets `Authorization: Bearer …`.
///
/// # Errors
/// When the token has characters no header may have.
pub fn bearer(request: &mut Parts, token: &SecretString) -> Result<(), AuthorizeError> {
    let text = format!("Bearer {}", token.expose_secret());
    let mut value = HeaderValue::try_from(text).map_err(|_| AuthorizeError {
        message: "the token has characters no header may have".to_owned(),
        transient: false,
    })?;
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// A token that was granted for some time.
#[derive(Debug)]
pub struct Granted {
    /// The token.
    pub token: SecretString,
    /// How long it is good for, in seconds.
    pub seconds: i64,
}

/// The token in use: granted when it is needed, shared by all who wait for it, renewed before it ends.
pub struct KeptToken {
    now: Now,
    /// Held while a token is granted, so that a burst of requests asks once.
    kept: Mutex<Option<Kept>>,
    /// The last token a server refused, which several requests may have shown.
    refused: Mutex<Option<Arc<SecretString>>>,
}

struct Kept {
    token: Arc<SecretString>,
    ends: DateTime<Utc>,
}

impl fmt::Debug for KeptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptToken").finish_non_exhaustive()
    }
}

impl KeptToken {
    /// No token yet.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self {
            now,
            kept: Mutex::new(None),
            refused: Mutex::new(None),
        }
    }

    /// A token that is good for a minute at least, unless shorter ones are granted. `refused` is one
    /// the server did not accept, which is not handed out again.
    ///
    /// # Errors
    /// Those of `grant`; nothing is kept then.
    pub async fn get<E>(
        &self,
        refused: Option<&Arc<SecretString>>,
        grant: impl Future<Output = Result<Granted, E>>,
    ) -> Result<Arc<SecretString>, E> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = &*kept
            && (self.now)() < kept.ends
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, &kept.token))
        {
            return Ok(Arc::clone(&kept.token));
        }
        *kept = None;
        let granted = grant.await?;
        let token = Arc::new(granted.token);
        let good_for = TimeDelta::try_seconds(granted.seconds).unwrap_or(TimeDelta::zero());
        if let Some(ends) = (self.now)().checked_add_signed(good_for - MARGIN) {
            *kept = Some(Kept {
                token: Arc::clone(&token),
                ends,
            });
        }
        Ok(token)
    }

    /// Forgets the token if it is the one a server has refused, `shown`; whether the next one may be
    /// another.
    pub async fn refuse(&self, shown: &[SecretString]) -> bool {
        let is = |token: &Arc<SecretString>| contains(shown, token);
        let mut refused = self.refused.lock().await;
        let mut kept = self.kept.lock().await;
        match &*kept {
            Some(current) if is(&current.token) => {
                *refused = kept.take().map(|kept| kept.token);
                true
            }
            Some(_) => true,
            None => refused.as_ref().is_some_and(is),
        }
    }
}

/// A source of tokens.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// Asks for a token.
    ///
    /// # Errors
    /// Why there is none.
    async fn grant(&self) -> Result<Granted, AuthorizeError>;
}

/// Sends the token of a source with every request.
#[derive(Debug)]
pub struct BearerTokens<S> {
    source: S,
    kept: KeptToken,
}

impl<S: TokenSource> BearerTokens<S> {
    /// Tokens of `source`; none is asked for yet.
    pub fn new(source: S, now: Now) -> Self {
        Self {
            source,
            kept: KeptToken::new(now),
        }
    }
}

#[async_trait]
impl<S: TokenSource> Authorizer for BearerTokens<S> {
    async fn authorize(
        &self,
        request: &mut Parts,
        _: &[u8],
    ) -> Result<Vec<SecretString>, AuthorizeError> {
        let token = self.kept.get(None, self.source.grant()).await?;
        bearer(request, &token)?;
        Ok(vec![(*token).clone()])
    }

    async fn refused(&self, shown: &[SecretString]) -> bool {
        self.kept.refuse(shown).await
    }
}

/// A bearer token in a file that something else renews, as Kubernetes does with service account
/// tokens. The file is read for every request.
#[derive(Debug)]
pub struct BearerFile {
    path: PathBuf,
}

impl BearerFile {
    /// The token in this file.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl Authorizer for BearerFile {
    async fn authorize(
        &self,
        request: &mut Parts,
        _: &[u8],
    ) -> Result<Vec<SecretString>, AuthorizeError> {
        let token = read_secret(&self.path).await?;
        bearer(request, &token)?;
        Ok(vec![token])
    }

    async fn refused(&self, shown: &[SecretString]) -> bool {
        // It may have been replaced since it was read.
        let now = read_secret(&self.path).await;
        now.is_ok_and(|now| !contains(shown, &now))
    }
}

/// Whether a secret is among those that were shown.
pub(crate) fn contains(shown: &[SecretString], secret: &SecretString) -> bool {
    shown
        .iter()
        .any(|one| one.expose_secret() == secret.expose_secret())
}

/// A secret in a file, without the blanks around it.
///
/// # Errors
/// When the file cannot be read or is empty. It may be in the middle of being replaced, so another
/// attempt may succeed.
pub(crate) async fn read_secret(path: &std::path::Path) -> Result<SecretString, AuthorizeError> {
    let failed = |why: &dyn fmt::Display| AuthorizeError {
        message: format!("the file {} cannot be used: {why}", path.display()),
        transient: true,
    };
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| failed(&error))?;
    match text.trim() {
        "" => Err(failed(&"it is empty")),
        token => Ok(token.into()),
    }
}
