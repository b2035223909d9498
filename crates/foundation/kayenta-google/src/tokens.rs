//! The token of an account: fetched when it is needed, shared by all who wait for it, renewed before it
//! ends.

use std::{fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_http::{HttpSetupError, Transport};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::{
    credentials::{Exchange, GoogleCredentials},
    error::TokenError,
};

/// How long before its end a token is not used any more.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Says what time it is.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Hands out the token of one account for one scope.
pub struct GoogleTokens {
    exchange: Exchange,
    now: Now,
    /// Held during an exchange, so that a burst of requests makes one.
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    token: Arc<SecretString>,
    ends: DateTime<Utc>,
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
            now,
            kept: Mutex::new(None),
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
        let mut kept = self.kept.lock().await;
        if let Some(kept) = &*kept
            && (self.now)() < kept.ends
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, &kept.token))
        {
            return Ok(Arc::clone(&kept.token));
        }
        *kept = None;
        let granted = self.exchange.token().await?;
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
}
