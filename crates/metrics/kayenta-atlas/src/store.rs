//! The store: requests, metric sets, what runs in the background.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_http::{HttpClient, HttpSetupError, RetryPolicy, Transport};
use kayenta_metrics::{
    FetchError, FetchErrorKind, Metadata, MetricQuery, MetricsStore, Prerequisite,
    StoreDescription, scope, series,
};
use kayenta_model::{Clock, IdSource, Instant, IsoDuration, MetricSet, query::AtlasQuery};
use kayenta_secrets::{BaseUrl, mask_urls};
use tokio_util::sync::CancellationToken;

use crate::{
    DESCRIPTION,
    answer::{self, Series},
    backends::cluster,
    lists::Lists,
    query,
};

/// Calls for a refused query, and the pause between them.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// What `kayenta.atlas` says of one account.
#[derive(Clone, Debug)]
pub struct AtlasAccount {
    /// Account name.
    pub name: String,
    /// `backendsJsonBaseUrl`: where the clusters are listed.
    pub backends_json_base_url: BaseUrl,
    /// `fetchId`: sent along as `id`.
    pub fetch_id: Option<String>,
}

/// One Atlas account.
#[derive(Debug)]
pub struct AtlasStore {
    client: HttpClient,
    fetch_id: Option<String>,
    lists: Lists,
    ids: Arc<dyn IdSource>,
    retried_by_policy: RetryPolicy,
}

impl AtlasStore {
    /// Prepares the account; nothing is sent yet. Every attempt carries a new id of `ids`.
    ///
    /// # Errors
    /// When the URL of the lists cannot be used.
    pub fn new(
        account: AtlasAccount,
        transport: &Transport,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, HttpSetupError> {
        // An error answer has a `message`, which the reference does not read (C-ATLAS-05).
        let client =
            HttpClient::builder("Atlas", account.backends_json_base_url).build(transport)?;
        Ok(Self {
            lists: Lists::new(account.name, client.clone(), clock),
            client,
            fetch_id: account.fetch_id,
            ids,
            retried_by_policy: RetryPolicy::default(),
        })
    }

    async fn cluster(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        let wanted = query::wanted(query);
        let backends = self.lists.backends().await?;
        let storage = match wanted.account_id {
            Some(_) => self.lists.storage().await?,
            None => Arc::default(),
        };
        cluster(&backends, &storage, &wanted).ok_or_else(|| query::nowhere(&wanted))
    }

    async fn attempt(
        &self,
        query: &MetricQuery<'_>,
        settings: &AtlasQuery,
        base_url: &BaseUrl,
        text: &str,
        (start, end, step): (Instant, Instant, i64),
    ) -> Result<Vec<Series>, FetchError> {
        let step = IsoDuration(i128::from(step) * 1_000_000_000);
        let events = self
            .client
            .at(base_url.clone())
            .get("/api/v2/fetch")
            .query("q", text)
            .query("s", &start.millis().to_string())
            .query("e", &end.millis().to_string())
            .query("step", &step.to_string())
            .query_some("id", self.fetch_id.as_deref())
            .query("kayentaQueryUUID", &self.ids.uuid())
            .events()
            .await?;
        answer::read(events, |message| fatal(query, settings, message)).await
    }
}

/// The failure of a query Atlas does not understand.
fn fatal(query: &MetricQuery<'_>, settings: &AtlasQuery, message: &str) -> FetchError {
    let mut text = "Atlas query".to_owned();
    let named = [
        ("in canary config", query.config.name.as_deref()),
        ("for query", query.metric.name.as_deref()),
    ];
    for (what, name) in named {
        if let Some(name) = name {
            text.push_str(&format!(" {what} [{name}]"));
        }
    }
    if let Some(q) = settings.q.as_deref() {
        text.push_str(&format!(
            " with query string [AtlasCanaryMetricSetQueryConfig(q={q})]"
        ));
    }
    let class = "FatalQueryException";
    FetchError::new(
        FetchErrorKind::Refused { class },
        format!("{text} failed: {message}"),
    )
}

#[async_trait]
impl MetricsStore for AtlasStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        query::text(query, query::settings(query)?)
    }

    /// One attempt, but for statuses the retry policy leaves alone: Atlas answers those while its
    /// clusters move, so they are tried ten times, a second apart, as in the reference. What the
    /// policy tries again is left to it: the reference multiplies both (C-ATLAS-01).
    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = query::settings(query)?;
        let (start, end) = scope::window(query.scope)?;
        let step = scope::positive_step(query.scope)?;
        let text = query::text(query, settings)?;
        let cluster = self.cluster(query).await?;
        let base_url = cluster.parse().map_err(|error| {
            let shown = mask_urls(&cluster);
            FetchError::invalid(format!(
                "The base URL '{shown}' of the cluster is no URL: {error}"
            ))
        })?;
        let mut tries = 1;
        let series = loop {
            let failure = match self
                .attempt(query, settings, &base_url, &text, (start, end, step))
                .await
            {
                Ok(series) => break series,
                Err(failure) => failure,
            };
            let own = matches!(failure.kind, FetchErrorKind::Http { .. })
                && !failure.kind.is_retried_by(&self.retried_by_policy);
            if !own || tries == ATTEMPTS {
                return Err(failure);
            }
            tries += 1;
            tracing::debug!(error = %failure, tries, "Atlas returned an error; retrying");
            self.lists.sleep(PAUSE).await;
        };

        let attributes: IndexMap<String, String> = [("query", text), ("baseURL", cluster)]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        if series.is_empty() {
            let step_millis = step.saturating_mul(1000);
            let set = series::placeholder(query, (start, end), step_millis, attributes);
            return Ok(vec![set]);
        }
        let name = query.metric.name();
        series
            .into_iter()
            .map(|series| {
                let attributes = attributes.clone();
                series::metric_set(name, series.axis, series.values, series.tags, attributes)
            })
            .collect::<Result<_, _>>()
            .map_err(|error| {
                let url = attributes["baseURL"].clone();
                let message = format!("The answer of Atlas is not usable, {error} (URL: {url})");
                FetchError::new(FetchErrorKind::Answer { url }, message)
            })
    }

    async fn metadata(&self, _filter: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.lists.refresh().await
    }

    async fn keep_fresh(&self, canceled: &CancellationToken) {
        self.lists.keep_fresh(canceled).await;
    }

    fn locations(&self) -> Option<Vec<String>> {
        Some(self.lists.locations())
    }

    fn prerequisites(&self) -> Vec<Prerequisite> {
        self.lists.prerequisites()
    }
}
