//! The lists of clusters and of accounts' storage, kept fresh in the background.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_http::HttpClient;
use kayenta_metrics::{FetchError, Prerequisite};
use kayenta_model::Clock;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::backends::{AccountStorage, Backend, StorageList, locations};

/// The first look, and the pause between looks.
const FIRST: Duration = Duration::from_secs(2);
const PERIOD: Duration = Duration::from_secs(122);

/// A list that is read again and again; the last good one is kept for ever.
#[derive(Debug)]
struct List<T> {
    path: &'static str,
    content: RwLock<Option<Arc<T>>>,
    /// Held while somebody asks, so that a burst of fetches asks once.
    asking: tokio::sync::Mutex<()>,
}

impl<T> List<T> {
    fn new(path: &'static str) -> Self {
        Self {
            path,
            content: RwLock::new(None),
            asking: tokio::sync::Mutex::new(()),
        }
    }

    fn get(&self) -> Option<Arc<T>> {
        self.content
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn refresh<B>(&self, client: &HttpClient, from: fn(B) -> T) -> Result<Arc<T>, FetchError>
    where
        B: DeserializeOwned,
    {
        let body: B = client.get(self.path).send().await?.json()?;
        let content = Arc::new(from(body));
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&content));
        Ok(content)
    }

    /// What is kept; asked for now when nothing is kept yet (C-ATLAS-04).
    async fn kept_or_asked<B>(
        &self,
        client: &HttpClient,
        from: fn(B) -> T,
    ) -> Result<Arc<T>, FetchError>
    where
        B: DeserializeOwned,
    {
        if let Some(kept) = self.get() {
            return Ok(kept);
        }
        let _asking = self.asking.lock().await;
        match self.get() {
            Some(kept) => Ok(kept),
            None => self.refresh(client, from).await,
        }
    }
}

pub(crate) type Backends = Vec<Backend>;
pub(crate) type Storage = HashMap<String, AccountStorage>;

/// Both lists of one account.
#[derive(Debug)]
pub(crate) struct Lists {
    account: String,
    client: HttpClient,
    clock: Arc<dyn Clock>,
    backends: List<Backends>,
    storage: List<Storage>,
}

impl Lists {
    pub(crate) fn new(account: String, client: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self {
            account,
            client,
            clock,
            backends: List::new("/api/v1/atlas/backends.json"),
            storage: List::new("/api/v1/atlas/storage.json"),
        }
    }

    pub(crate) async fn backends(&self) -> Result<Arc<Backends>, FetchError> {
        self.backends.kept_or_asked(&self.client, all).await
    }

    pub(crate) async fn storage(&self) -> Result<Arc<Storage>, FetchError> {
        self.storage.kept_or_asked(&self.client, by_account).await
    }

    /// Every location of the clusters known so far.
    pub(crate) fn locations(&self) -> Vec<String> {
        self.backends
            .get()
            .map(|backends| locations(&backends))
            .unwrap_or_default()
    }

    /// Which of the lists were read at least once, by the name of the health component of each.
    pub(crate) fn prerequisites(&self) -> Vec<Prerequisite> {
        let list = |component, met| Prerequisite { component, met };
        vec![
            list("backendUpdaterService", self.backends.get().is_some()),
            list("atlasStorageUpdaterService", self.storage.get().is_some()),
        ]
    }

    /// Asks for both lists now.
    ///
    /// # Errors
    /// The first failure; the other list is asked for all the same.
    pub(crate) async fn refresh(&self) -> Result<(), FetchError> {
        let (backends, storage) = tokio::join!(
            self.backends.refresh(&self.client, all),
            self.storage.refresh(&self.client, by_account),
        );
        backends.map(drop).and(storage.map(drop))
    }

    /// Refreshes both lists until canceled. Failures are logged.
    pub(crate) async fn keep_fresh(&self, canceled: &CancellationToken) {
        let mut pause = FIRST;
        loop {
            let round = async {
                self.sleep(pause).await;
                if let Err(error) = self.refresh().await {
                    tracing::warn!(
                        account = self.account,
                        %error,
                        "could not refresh the lists of Atlas clusters, keeping the old ones"
                    );
                }
            };
            tokio::select! {
                biased;
                () = canceled.cancelled() => return,
                () = round => {}
            }
            pause = PERIOD;
        }
    }

    pub(crate) async fn sleep(&self, pause: Duration) {
        let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
        let end = self.clock.now().checked_add_signed(pause);
        self.clock
            .sleep_until(end.unwrap_or(DateTime::<Utc>::MAX_UTC))
            .await;
    }
}

fn all(backends: Backends) -> Backends {
    backends
}

fn by_account(list: StorageList) -> Storage {
    list.atlas_storage
}
