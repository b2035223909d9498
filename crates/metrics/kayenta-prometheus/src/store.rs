//! The store: requests, metric sets, metadata, health.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kayenta_http::{Answer, Credentials, HttpClient, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, Metadata, MetadataCache, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::{Clock, MetricSet};
use kayenta_secrets::BaseUrl;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    DESCRIPTION,
    answer::{self, Series},
    query,
};

/// What `kayenta.prometheus` says of one account.
#[derive(Clone, Debug)]
pub struct PrometheusAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`; a path in it stays.
    pub base_url: BaseUrl,
    /// Sent with every request at once (C-PROM-03).
    pub credentials: Credentials,
    /// `username` as configured; `/credentials` shows it.
    pub username: Option<String>,
    /// `usernamePasswordFile` as configured; `/credentials` shows it.
    pub username_password_file: Option<String>,
    /// `kayenta.prometheus.metadataCachingIntervalMS`, 60 s.
    pub metadata_interval: Duration,
    /// `kayenta.prometheus.scopeLabel`, `instance`.
    pub scope_label: String,
}

impl PrometheusAccount {
    /// An account without credentials and with the defaults of the reference.
    #[must_use]
    pub fn new(name: impl Into<String>, base_url: BaseUrl) -> Self {
        Self {
            name: name.into(),
            base_url,
            credentials: Credentials::None,
            username: None,
            username_password_file: None,
            metadata_interval: Duration::from_secs(60),
            scope_label: "instance".to_owned(),
        }
    }
}

/// One Prometheus account.
#[derive(Debug)]
pub struct PrometheusStore {
    client: HttpClient,
    scope_label: String,
    metrics: MetadataCache,
}

impl PrometheusStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL or the credentials cannot be used.
    pub fn new(
        account: PrometheusAccount,
        transport: &Transport,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        let client = HttpClient::builder("Prometheus", account.base_url)
            .credentials(account.credentials)
            .error_text(answer::error_text)
            .build(transport)?;
        Ok(Self {
            client,
            scope_label: account.scope_label,
            metrics: MetadataCache::new(account.name, account.metadata_interval, clock),
        })
    }

    /// The list of metric names, asked of the server now.
    async fn list_metrics(&self) -> Result<Vec<Value>, FetchError> {
        #[derive(Deserialize)]
        struct Names {
            status: Option<String>,
            #[serde(default)]
            data: Option<Vec<String>>,
        }
        let answer = self
            .client
            .get("/api/v1/label/__name__/values")
            .send()
            .await?;
        let names: Names = answer.json()?;
        if names.status.as_deref() != Some("success") {
            return Ok(Vec::new());
        }
        let names = names.data.unwrap_or_default();
        Ok(names
            .into_iter()
            .map(|name| json!({"name": name}))
            .collect())
    }
}

#[async_trait]
impl MetricsStore for PrometheusStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        query::text(query, query::settings(query)?, &self.scope_label)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = query::settings(query)?;
        let (start, end) = scope::window(query.scope)?;
        // The reference sends `step=0` or none at all and retries what it gets (C-PROM-01).
        let step = scope::positive_step(query.scope)?;
        let text = query::text(query, settings, &self.scope_label)?;
        let answer = self
            .client
            .get("/api/v1/query_range")
            .query("query", &text)
            .query("start", &start.to_string())
            .query("end", &end.to_string())
            .query("step", &step.to_string())
            .send()
            .await?;
        let found = answer
            .read_with(answer::read)
            .await?
            .map_err(|error| answer.unexpected(error))?;
        if found.is_empty() {
            let attributes = series::query_attribute(text);
            let step_millis = step.saturating_mul(1000);
            return Ok(vec![series::placeholder(
                query,
                (start, end),
                step_millis,
                attributes,
            )]);
        }
        found
            .into_iter()
            .map(|series| metric_set(query.metric.name(), series, &text, &answer))
            .collect()
    }

    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        Ok(self.metrics.get_or_ask(filter, self.list_metrics()).await)
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.client.get("/-/healthy").send().await?;
        Ok(())
    }

    async fn keep_fresh(&self, canceled: &CancellationToken) {
        self.metrics
            .keep_fresh(canceled, || self.list_metrics())
            .await;
    }
}

fn metric_set(
    name: &str,
    found: Series,
    text: &str,
    answer: &Answer,
) -> Result<MetricSet, FetchError> {
    let axis = Axis {
        start_millis: found.start_millis,
        end_millis: found.end_millis,
        step_millis: found.step_seconds.saturating_mul(1000),
    };
    series::metric_set(
        name,
        axis,
        found.values,
        found.tags,
        series::query_attribute(text),
    )
    .map_err(|error| answer.unexpected(error).into())
}
