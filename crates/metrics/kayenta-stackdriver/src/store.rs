//! The store: requests, metric sets, metadata.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_google::{GoogleCredentials, GoogleTokens, TokenError};
use kayenta_http::{Answer, HttpClient, HttpErrorKind, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, Metadata, MetadataCache, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::{Clock, MetricSet};
use kayenta_secrets::BaseUrl;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    DESCRIPTION,
    answer::{self, Pages},
    filter,
};

/// Where Google's monitoring is.
pub const MONITORING_URL: &str = "https://monitoring.googleapis.com";

/// What a token is asked for. The reference asks for writing and for all of the cloud too
/// (C-STACKDRIVER-04).
const SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";

/// Most pages of one answer.
const MOST_PAGES: usize = 100;

/// What Google's own client leaves as it is in a query.
const LITERAL: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'(')
    .remove(b')')
    .remove(b'@')
    .remove(b':')
    .remove(b'$')
    .remove(b',')
    .remove(b';')
    .remove(b'/')
    .remove(b'?');

/// What `kayenta.google` says of one account that reads metrics.
#[derive(Clone, Debug)]
pub struct StackdriverAccount {
    /// Account name.
    pub name: String,
    /// `project`: whose metrics are read.
    pub project: String,
    /// Who is asking.
    pub credentials: GoogleCredentials,
    /// Another root of the API, for emulators and proxies; [`MONITORING_URL`] by default.
    pub base_url: BaseUrl,
    /// `kayenta.stackdriver.metadataCachingIntervalMS`, 60 s.
    pub metadata_interval: Duration,
}

/// One Google Cloud account.
#[derive(Debug)]
pub struct StackdriverStore {
    project: String,
    client: HttpClient,
    tokens: GoogleTokens,
    /// The account's own; the reference has one for all (C-STACKDRIVER-05).
    metrics: MetadataCache,
}

impl StackdriverStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When one of the URLs cannot be used.
    pub fn new(
        account: StackdriverAccount,
        transport: &Transport,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        let client = HttpClient::builder("Google Cloud Monitoring", account.base_url)
            .error_text(answer::error_text)
            .build(transport)?;
        let time = Arc::clone(&clock);
        let now = Arc::new(move || time.now());
        Ok(Self {
            project: account.project,
            client,
            tokens: GoogleTokens::new(account.credentials, SCOPE, transport, now)?,
            metrics: MetadataCache::new(account.name, account.metadata_interval, clock),
        })
    }

    /// Asks the API with a token; once more with a new one when Google does not know it any more.
    async fn get(&self, resource: &str, query: &str) -> Result<Answer, FetchError> {
        let project = utf8_percent_encode(&self.project, &LITERAL);
        let path = format!("/v3/projects/{project}/{resource}{query}");
        let mut refused = None;
        loop {
            let token = self.tokens.get(refused.as_ref()).await.map_err(no_token)?;
            let outcome = self
                .client
                .get(&path)
                .credential(
                    "authorization",
                    &format!("Bearer {}", token.expose_secret()).into(),
                )?
                .send()
                .await;
            match outcome {
                Err(failure)
                    if refused.is_none()
                        && matches!(failure.kind, HttpErrorKind::Status { status: 401, .. }) =>
                {
                    refused = Some(token);
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// The descriptors of the project's metrics, unchanged, asked for now.
    async fn descriptors(&self) -> Result<Vec<Value>, FetchError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            #[serde(default)]
            metric_descriptors: Vec<Value>,
            next_page_token: Option<String>,
        }
        let mut found = Vec::new();
        let mut query = String::new();
        for _ in 0..MOST_PAGES {
            let page: Page = self.get("metricDescriptors", &query).await?.json()?;
            found.extend(page.metric_descriptors);
            match page.next_page_token.filter(|token| !token.is_empty()) {
                Some(token) => query = format!("?pageToken={}", encoded(&token)),
                None => break,
            }
        }
        Ok(found)
    }
}

fn no_token(error: TokenError) -> FetchError {
    match error {
        TokenError::Call(error) => error.into(),
        TokenError::Unusable { message, source } => FetchError {
            source,
            ..FetchError::invalid(message)
        },
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &LITERAL).to_string()
}

/// A query in alphabetical order, as Google's own client sends it.
fn query_string(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    format!("?{}", pairs.join("&"))
}

#[async_trait]
impl MetricsStore for StackdriverStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        filter::text(query, filter::settings(query)?, &self.project)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = filter::settings(query)?;
        filter::resource_type(query, settings)?;
        let (start, end) = scope::window(query.scope)?;
        let step = scope::positive_step(query.scope)?;
        let text = filter::text(query, settings, &self.project)?;
        let reducer = settings.cross_series_reducer.as_deref();
        let reducer =
            filter::own_or_scope(query, reducer, "crossSeriesReducer").unwrap_or("REDUCE_MEAN");
        let aligner = settings.per_series_aligner.as_deref();
        let aligner =
            filter::own_or_scope(query, aligner, "perSeriesAligner").unwrap_or("ALIGN_MEAN");

        let (period, from, to) = (format!("{step}s"), start.to_string(), end.to_string());
        let mut pairs = vec![
            ("aggregation.alignmentPeriod", period.as_str()),
            ("aggregation.crossSeriesReducer", reducer),
        ];
        for field in settings.group_by_fields.iter().flatten() {
            pairs.push(("aggregation.groupByFields", field));
        }
        pairs.extend([
            ("aggregation.perSeriesAligner", aligner),
            ("filter", text.as_str()),
            ("interval.endTime", to.as_str()),
            ("interval.startTime", from.as_str()),
        ]);
        let asked = query_string(&pairs);

        // The reference reads the first page only (C-STACKDRIVER-03).
        let mut pages = Pages::default();
        let mut page_query = asked.clone();
        let mut page = 1;
        let last = loop {
            let answer = self.get("timeSeries", &page_query).await?;
            match pages.take(&answer)? {
                None => break answer,
                Some(_) if page == MOST_PAGES => {
                    let message = format!(
                        "it has more than {MOST_PAGES} pages; group by fewer fields, or ask for a \
                         shorter window or a larger step"
                    );
                    return Err(answer.unexpected(message).into());
                }
                Some(token) => page_query = format!("{asked}&pageToken={}", encoded(&token)),
            }
            page += 1;
        };

        let attributes: IndexMap<String, String> = [
            ("query", text.as_str()),
            ("crossSeriesReducer", reducer),
            ("perSeriesAligner", aligner),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let step_millis = step.saturating_mul(1000);
        let found = pages.finish();
        if found.is_empty() {
            let set = series::placeholder(query, (start, end), step_millis, attributes);
            return Ok(vec![set]);
        }
        let name = query.metric.name();
        found
            .into_iter()
            .map(|found| {
                let (first, until) = found.span.unwrap_or((start, end));
                let axis = Axis {
                    start_millis: first.millis(),
                    end_millis: until.millis(),
                    step_millis,
                };
                series::metric_set(name, axis, found.values, found.tags, attributes.clone())
            })
            .collect::<Result<_, _>>()
            .map_err(|error| last.unexpected(error).into())
    }

    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        Ok(self.metrics.get_or_ask(filter, self.descriptors()).await)
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.get("metricDescriptors", "?pageSize=1").await.map(drop)
    }

    async fn keep_fresh(&self, canceled: &CancellationToken) {
        self.metrics
            .keep_fresh(canceled, || self.descriptors())
            .await;
    }
}
