//! The store: one request a query, one metric set an answer.

use async_trait::async_trait;
use http::{HeaderValue, header::ACCEPT};
use indexmap::IndexMap;
use kayenta_http::{Answer, Credentials, HttpClient, HttpSetupError, Transport, path_segment};
use kayenta_metrics::{
    FetchError, Metadata, MetricQuery, MetricsStore, StoreDescription,
    series::{self, Axis},
};
use kayenta_model::MetricSet;
use kayenta_secrets::{BaseUrl, Secret};
use secrecy::ExposeSecret;

use crate::{
    DESCRIPTION, answer,
    query::{self, DefaultKeys},
};

/// The cheapest query that needs the account and its key.
const PROBE: &str = "SHOW EVENT TYPES SINCE 1 hour ago";

/// What `kayenta.newrelic` says of one account.
#[derive(Clone, Debug)]
pub struct NewRelicAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`, `https://insights-api.newrelic.com`.
    pub base_url: BaseUrl,
    /// `apiKey`: sent as `X-Query-Key`.
    pub api_key: Option<Secret>,
    /// `applicationKey`: the number of the account, part of the path.
    pub application_key: Option<Secret>,
    /// `defaultScopeKey` and `defaultLocationKey`.
    pub defaults: DefaultKeys,
}

/// One New Relic account.
#[derive(Debug)]
pub struct NewRelicStore {
    account: String,
    client: HttpClient,
    application_key: Option<Secret>,
    defaults: DefaultKeys,
}

impl NewRelicStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL or the key cannot be used.
    pub fn new(account: NewRelicAccount, transport: &Transport) -> Result<Self, HttpSetupError> {
        let credentials = match account.api_key {
            Some(key) => Credentials::Headers(vec![("X-Query-Key".to_owned(), key)]),
            None => Credentials::None,
        };
        let builder = HttpClient::builder("New Relic", account.base_url)
            .credentials(credentials)
            .error_text(answer::error_text);
        Ok(Self {
            account: account.name,
            client: builder.build(transport)?,
            application_key: account.application_key,
            defaults: account.defaults,
        })
    }

    async fn ask(&self, nrql: &str) -> Result<Answer, FetchError> {
        let number = self.application_key.as_ref().ok_or_else(|| {
            FetchError::invalid(format!(
                "New Relic account {} has no applicationKey; set \
                 kayenta.newrelic.accounts[].applicationKey to the number of the account.",
                self.account
            ))
        })?;
        let number = number.current();
        let path = format!(
            "/v1/accounts/{}/query",
            path_segment(number.expose_secret())
        );
        let answer = self
            .client
            .get(&path)
            // C-NEWRELIC-03: it is configured as a key, so no error or log line shows it.
            .secret(number)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .query("nrql", nrql)
            .send()
            .await?;
        Ok(answer)
    }
}

#[async_trait]
impl MetricsStore for NewRelicStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        query::text(query, query::settings(query)?, &self.defaults)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = query::settings(query)?;
        let text = query::text(query, settings, &self.defaults)?;
        let answer = self.ask(&text).await?;
        let found = answer
            .read_with(answer::read)
            .await?
            .map_err(|error| answer.unexpected(error))?;
        let step_seconds = match query.scope.step.unwrap_or_default() {
            0 => found.spacing_seconds,
            seconds => seconds,
        };
        let axis = Axis {
            start_millis: found.begin_millis,
            end_millis: found.end_millis,
            step_millis: step_seconds.saturating_mul(1000),
        };
        let set = series::metric_set(
            query.metric.name(),
            axis,
            found.values,
            IndexMap::new(),
            series::query_attribute(text),
        )
        .map_err(|error| answer.unexpected(error))?;
        Ok(vec![set])
    }

    async fn metadata(&self, _filter: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.ask(PROBE).await.map(drop)
    }
}
