//! The store: requests, metric sets, metadata.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_http::{Credentials, HttpClient, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, Metadata, MetadataCache, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::{Clock, MetricSet};
use kayenta_secrets::{BaseUrl, Secret};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{DESCRIPTION, answer, query};

/// How far back a metric must have been reported to be listed, in seconds.
const LISTED_SECONDS: i64 = 3600;
/// Distance of points of the set that stands for "no data", in milliseconds; the reference does not
/// take the request's.
const PLACEHOLDER_STEP_MILLIS: i64 = 1000;

/// What `kayenta.datadog` says of one account.
#[derive(Clone, Debug)]
pub struct DatadogAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`; a path in it stays.
    pub base_url: BaseUrl,
    /// `apiKey`, sent as `DD-API-KEY`.
    pub api_key: Option<Secret>,
    /// `applicationKey`, sent as `DD-APPLICATION-KEY`.
    pub application_key: Option<Secret>,
    /// `kayenta.datadog.metadataCachingIntervalMS`, 15 min.
    pub metadata_interval: Duration,
}

/// One Datadog account.
#[derive(Debug)]
pub struct DatadogStore {
    client: HttpClient,
    metrics: MetadataCache,
    clock: Arc<dyn Clock>,
}

impl DatadogStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL or a key cannot be used.
    pub fn new(
        account: DatadogAccount,
        transport: &Transport,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        let keys = [
            ("DD-API-KEY", account.api_key),
            ("DD-APPLICATION-KEY", account.application_key),
        ];
        let keys = keys
            .into_iter()
            .filter_map(|(name, key)| Some((name.to_owned(), key?)))
            .collect();
        let client = HttpClient::builder("Datadog", account.base_url)
            .credentials(Credentials::Headers(keys))
            .error_text(answer::error_text)
            .build(transport)?;
        Ok(Self {
            client,
            metrics: MetadataCache::new(
                account.name,
                account.metadata_interval,
                Arc::clone(&clock),
            ),
            clock,
        })
    }

    /// The metrics reported within the last hour, asked of the server now.
    async fn list_metrics(&self) -> Result<Vec<Value>, FetchError> {
        #[derive(Deserialize)]
        struct Names {
            #[serde(default)]
            metrics: Vec<String>,
        }
        let from = self.clock.now().timestamp() - LISTED_SECONDS;
        let answer = self
            .client
            .get("/api/v1/metrics")
            .query("from", &from.to_string())
            .send()
            .await?;
        let names: Names = answer.json()?;
        Ok(names
            .metrics
            .into_iter()
            .map(|name| json!({"name": name}))
            .collect())
    }
}

#[async_trait]
impl MetricsStore for DatadogStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        query::text(query, query::settings(query)?)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = query::settings(query)?;
        let (start, end) = scope::window(query.scope)?;
        let text = query::text(query, settings)?;
        let answer = self
            .client
            .get("/api/v1/query")
            .query("from", &start.0.timestamp().to_string())
            .query("to", &end.0.timestamp().to_string())
            .query("query", &text)
            .send()
            .await?;
        let found = answer
            .read_with(answer::read)
            .await?
            .map_err(|error| answer.unexpected(error))?;
        let attributes = series::query_attribute(text);
        if found.is_empty() {
            let window = (start, end);
            let empty = series::placeholder(query, window, PLACEHOLDER_STEP_MILLIS, attributes);
            return Ok(vec![empty]);
        }
        found
            .into_iter()
            .map(|one| {
                let axis = Axis {
                    start_millis: one.start_millis,
                    end_millis: one.end_millis,
                    step_millis: one.step_millis,
                };
                let name = query.metric.name();
                series::metric_set(name, axis, one.values, IndexMap::new(), attributes.clone())
                    .map_err(|error| answer.unexpected(error).into())
            })
            .collect()
    }

    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        Ok(self.metrics.get_or_ask(filter, self.list_metrics()).await)
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.client.get("/api/v1/validate").send().await?;
        Ok(())
    }

    async fn keep_fresh(&self, canceled: &CancellationToken) {
        self.metrics
            .keep_fresh(canceled, || self.list_metrics())
            .await;
    }
}
