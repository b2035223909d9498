//! Lists of metric names kept in memory and refreshed in the background, one cache an account: a
//! dead account keeps its own old list and holds up no other.

use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_model::Clock;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::FetchError;

/// Metrics a store knows, as `/metadata/metricsService` lists them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// One object a metric, `name` at least.
    pub entries: Vec<Value>,
    /// How long ago the store was asked; `None` when it was asked right now, or need not be asked.
    pub age: Option<Duration>,
}

impl From<Vec<Value>> for Metadata {
    /// What a store that is asked live has said.
    fn from(entries: Vec<Value>) -> Self {
        Self { entries, age: None }
    }
}

/// The list of one account.
#[derive(Debug)]
pub struct MetadataCache {
    account: String,
    interval: Duration,
    clock: Arc<dyn Clock>,
    list: RwLock<Option<Listing>>,
}

#[derive(Debug)]
struct Listing {
    entries: Arc<[Value]>,
    taken: DateTime<Utc>,
}

impl MetadataCache {
    /// An empty cache of `account`, to be refreshed every `interval` after the end of the refresh
    /// before.
    #[must_use]
    pub fn new(account: impl Into<String>, interval: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            account: account.into(),
            interval: interval.max(Duration::from_secs(1)),
            clock,
            list: RwLock::new(None),
        }
    }

    /// The entries whose `name` contains `filter` in any case (all for an empty one), in the order
    /// of the store, and their age; `None` before the first refresh has succeeded.
    #[must_use]
    pub fn get(&self, filter: &str) -> Option<Metadata> {
        let (entries, taken) = {
            let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
            let listing = list.as_ref()?;
            (Arc::clone(&listing.entries), listing.taken)
        };
        let age = (self.clock.now() - taken).to_std().unwrap_or_default();
        Some(Metadata {
            entries: filtered(&entries, filter),
            age: Some(age),
        })
    }

    /// The same; before the first refresh has succeeded the store is asked now. One that does not
    /// answer knows no metrics, as in the reference.
    pub async fn get_or_ask<F>(&self, filter: &str, list: F) -> Metadata
    where
        F: Future<Output = Result<Vec<Value>, FetchError>>,
    {
        if let Some(kept) = self.get(filter) {
            return kept;
        }
        if let Err(error) = self.refresh(list).await {
            tracing::warn!(account = self.account, %error, "could not list the metrics");
        }
        self.get(filter).unwrap_or_default()
    }

    /// Asks the store once; its answer replaces the list, a failure keeps the old one.
    ///
    /// # Errors
    /// What the store said.
    pub async fn refresh<F>(&self, list: F) -> Result<(), FetchError>
    where
        F: Future<Output = Result<Vec<Value>, FetchError>>,
    {
        let entries = list.await?;
        let count = entries.len();
        let listing = Listing {
            entries: entries.into(),
            taken: self.clock.now(),
        };
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Some(listing);
        tracing::debug!(
            account = self.account,
            count,
            "refreshed the list of metrics"
        );
        Ok(())
    }

    /// Refreshes at once and then after every interval, until canceled. Failures are logged.
    pub async fn keep_fresh<F, R>(&self, canceled: &CancellationToken, list: F)
    where
        F: Fn() -> R,
        R: Future<Output = Result<Vec<Value>, FetchError>>,
    {
        let wait = TimeDelta::from_std(self.interval).unwrap_or(TimeDelta::MAX);
        loop {
            let round = async {
                if let Err(error) = self.refresh(list()).await {
                    tracing::warn!(
                        account = self.account,
                        %error,
                        "could not refresh the list of metrics, keeping the old one"
                    );
                }
                let next = self.clock.now().checked_add_signed(wait);
                self.clock
                    .sleep_until(next.unwrap_or(DateTime::<Utc>::MAX_UTC))
                    .await;
            };
            tokio::select! {
                biased;
                () = canceled.cancelled() => return,
                () = round => {}
            }
        }
    }
}

/// The entries whose `name` contains `filter` whatever its case.
#[must_use]
pub fn filtered(entries: &[Value], filter: &str) -> Vec<Value> {
    let filter = filter.to_lowercase();
    entries
        .iter()
        .filter(|entry| {
            filter.is_empty()
                || entry["name"]
                    .as_str()
                    .is_some_and(|name| name.to_lowercase().contains(&filter))
        })
        .cloned()
        .collect()
}
