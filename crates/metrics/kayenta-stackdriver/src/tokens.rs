//! The token of an account: fetched when it is needed, shared by all fetches, renewed before it ends.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_metrics::FetchError;
use kayenta_model::Clock;
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::credentials::Exchange;

/// How long before its end a token is not used any more.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Hands out the token of one account.
#[derive(Debug)]
pub(crate) struct Tokens {
    exchange: Exchange,
    clock: Arc<dyn Clock>,
    /// Held during an exchange, so that a burst of fetches makes one.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    token: Arc<SecretString>,
    ends: DateTime<Utc>,
}

impl Tokens {
    pub(crate) fn new(exchange: Exchange, clock: Arc<dyn Clock>) -> Self {
        Self {
            exchange,
            clock,
            kept: Mutex::new(None),
        }
    }

    /// A token that is good for a minute at least, unless Google grants shorter ones. `refused` is one
    /// Google did not accept, which is not handed out again.
    ///
    /// # Errors
    /// Why there is none; nothing is kept then.
    pub(crate) async fn get(
        &self,
        refused: Option<&Arc<SecretString>>,
    ) -> Result<Arc<SecretString>, FetchError> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = &*kept
            && self.clock.now() < kept.ends
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, &kept.token))
        {
            return Ok(Arc::clone(&kept.token));
        }
        *kept = None;
        let granted = self.exchange.token().await?;
        let token = Arc::new(granted.token);
        let good_for = TimeDelta::try_seconds(granted.seconds).unwrap_or(TimeDelta::zero());
        if let Some(ends) = self.clock.now().checked_add_signed(good_for - MARGIN) {
            *kept = Some(Kept {
                token: Arc::clone(&token),
                ends,
            });
        }
        Ok(token)
    }
}
