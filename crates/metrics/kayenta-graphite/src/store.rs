//! The store: requests, metric sets, completion of paths.

use async_trait::async_trait;
use indexmap::{IndexMap, IndexSet};
use kayenta_http::{HttpClient, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, Metadata, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::MetricSet;
use kayenta_secrets::BaseUrl;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{DESCRIPTION, answer, query};

/// What `kayenta.graphite` says of one account.
#[derive(Clone, Debug)]
pub struct GraphiteAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`; a path in it stays.
    pub base_url: BaseUrl,
}

/// One Graphite account.
#[derive(Debug)]
pub struct GraphiteStore {
    client: HttpClient,
}

impl GraphiteStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL cannot be used.
    pub fn new(account: GraphiteAccount, transport: &Transport) -> Result<Self, HttpSetupError> {
        let client = HttpClient::builder("Graphite", account.base_url)
            .error_text(answer::error_text)
            .build(transport)?;
        Ok(Self { client })
    }

    /// What a path may go on with, as the server's own completer has it.
    async fn completions(&self, path: &str) -> Result<Vec<Completion>, FetchError> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(default)]
            metrics: Vec<Completion>,
        }
        let answer = self
            .client
            .get("/metrics/find")
            .query("query", path)
            .query("format", "completer")
            .send()
            .await?;
        let found: Found = answer.json()?;
        Ok(found.metrics)
    }
}

/// One way to go on.
#[derive(Deserialize)]
struct Completion {
    name: String,
    /// `"1"` for a metric, anything else for a branch.
    #[serde(default)]
    is_leaf: Value,
}

impl Completion {
    fn is_leaf(&self) -> bool {
        matches!(&self.is_leaf, Value::String(text) if text == "1") || self.is_leaf == 1
    }
}

#[async_trait]
impl MetricsStore for GraphiteStore {
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
            .get("/render")
            .query("target", &text)
            .query("from", &start.0.timestamp().to_string())
            .query("until", &end.0.timestamp().to_string())
            .query("format", "json")
            .send()
            .await?;
        let found = answer
            .read_with(answer::read)
            .await?
            .map_err(|error| answer.unreadable(error))?;
        // No series is no set, as in the reference: mixing then says which metric has nothing.
        found
            .into_iter()
            .map(|one| {
                let axis = Axis {
                    start_millis: one.start_seconds.saturating_mul(1000),
                    end_millis: one.end_seconds.saturating_mul(1000),
                    step_millis: one.step_seconds.saturating_mul(1000),
                };
                let name = query.metric.name();
                series::metric_set(name, axis, one.values, IndexMap::new(), IndexMap::new())
                    .map_err(|error| answer.unexpected(error).into())
            })
            .collect()
    }

    /// Completes `filter` by one part of the path. After a `$` the two variables are offered; the
    /// ones before stand for any part.
    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        let (base, last) = filter.split_at(filter.rfind('.').map_or(0, |dot| dot + 1));
        let names: IndexSet<String> = if last.contains('$') {
            ["$scope", "$location"]
                .map(|name| format!("{base}{name}"))
                .into()
        } else {
            let path = filter.replace("$scope", "*").replace("$location", "*");
            // Without a filter the top level is listed; a null pointer in the reference
            // (C-GRAPHITE-02).
            let path = if path.is_empty() { "*" } else { &path };
            let completions = self.completions(path).await?;
            completions
                .iter()
                .map(|found| {
                    let end = if found.is_leaf() { "" } else { "." };
                    format!("{base}{}{end}", found.name)
                })
                .collect()
        };
        let entries: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        Ok(entries.into())
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.completions("*").await.map(drop)
    }
}
