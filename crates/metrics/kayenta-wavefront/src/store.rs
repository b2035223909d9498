//! The store: one chart a query, one metric set a series.

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_http::{Credentials, HttpClient, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, FetchErrorKind, Metadata, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::MetricSet;
use kayenta_secrets::{BaseUrl, Secret};

use crate::{
    DESCRIPTION,
    answer::{self, Grid},
    query,
};

/// What `kayenta.wavefront` says of one account.
#[derive(Clone, Debug)]
pub struct WavefrontAccount {
    /// `endpoint.baseUrl`.
    pub base_url: BaseUrl,
    /// `apiToken`: sent as a bearer token.
    pub api_token: Secret,
}

/// One Wavefront account.
#[derive(Debug)]
pub struct WavefrontStore {
    client: HttpClient,
}

impl WavefrontStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL or the token cannot be used.
    pub fn new(account: WavefrontAccount, transport: &Transport) -> Result<Self, HttpSetupError> {
        let client = HttpClient::builder("Wavefront", account.base_url)
            .credentials(Credentials::Bearer(account.api_token))
            .build(transport)?;
        Ok(Self { client })
    }
}

#[async_trait]
impl MetricsStore for WavefrontStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        query::text(query, query::settings(query)?)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = query::settings(query)?;
        let (start, end) = scope::window(query.scope)?;
        // The reference loops for ever on a step of 0 and fails on none after the call (C-WAVEFRONT-01).
        let step = scope::positive_step(query.scope)?;
        let text = query::text(query, settings)?;
        let summarization = settings.summarization.as_deref();
        let answer = self
            .client
            .get("/api/v2/chart/api")
            .query("n", "Kayenta-Query")
            .query("q", &text)
            .query("s", &start.millis().to_string())
            .query("e", &end.millis().to_string())
            .query("g", query::granularity(step))
            .query_some("summarization", summarization)
            .query("listMode", "true")
            .query("strict", "true")
            .query("sorted", "true")
            .send()
            .await?;
        let chart = answer
            .read_with(answer::read)
            .await?
            .map_err(|error| answer.unreadable(error))?;
        let Some(found) = chart.timeseries else {
            let asked = chart.query.unwrap_or(text);
            let error = FetchError::new(
                FetchErrorKind::Refused {
                    class: "IllegalStateException",
                },
                format!("No metrics returned for query: {asked} from {start} to {end}"),
            );
            return Err(match chart.warnings {
                Some(warnings) => error.caused_by(warnings),
                None => error,
            });
        };
        let mut attributes = series::query_attribute(text);
        attributes.extend(summarization.map(|x| ("summarization".to_owned(), x.to_owned())));
        let mut sets = Vec::with_capacity(found.len());
        for one in found {
            let on_grid = one.data.on_grid(step);
            let Some(grid) = on_grid.map_err(|error| answer.unexpected(error))? else {
                continue;
            };
            let set = metric_set(query, grid, step, one.tags, attributes.clone());
            sets.push(set.map_err(|error| answer.unexpected(error))?);
        }
        Ok(sets)
    }

    async fn metadata(&self, _filter: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.client
            .get("/api/v2/source")
            .query("limit", "1")
            .send()
            .await?;
        Ok(())
    }
}

fn metric_set(
    query: &MetricQuery<'_>,
    grid: Grid,
    step: i64,
    tags: Option<IndexMap<String, String>>,
    attributes: IndexMap<String, String>,
) -> Result<MetricSet, series::NoTime> {
    let axis = Axis {
        start_millis: grid.first.saturating_mul(1000),
        end_millis: grid.last.saturating_mul(1000),
        step_millis: step.saturating_mul(1000),
    };
    series::metric_set(
        query.metric.name(),
        axis,
        grid.values,
        tags.unwrap_or_default(),
        attributes,
    )
}
