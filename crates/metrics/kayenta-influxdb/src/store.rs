//! The store: one request a query, one metric set a column.

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_http::{Credentials, HttpClient, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, Metadata, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::MetricSet;
use kayenta_secrets::{BaseUrl, Secret};

use crate::{DESCRIPTION, answer, query};

/// What `kayenta.influxdb` says of one account.
#[derive(Clone, Debug)]
pub struct InfluxDbAccount {
    /// `endpoint.baseUrl`.
    pub base_url: BaseUrl,
    /// Who is asking.
    pub credentials: InfluxDbCredentials,
}

/// What InfluxDB may be shown; the reference knows nothing of the kind (C-INFLUX-04).
#[derive(Clone, Debug, Default)]
pub enum InfluxDbCredentials {
    /// Nothing.
    #[default]
    None,
    /// `token`, of InfluxDB 1.8 and 2.x: `Authorization: Token …`.
    Token(Secret),
    /// `username` and `password`: HTTP basic.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
}

/// One InfluxDB account.
#[derive(Debug)]
pub struct InfluxDbStore {
    client: HttpClient,
}

impl InfluxDbStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL or the credentials cannot be used.
    pub fn new(account: InfluxDbAccount, transport: &Transport) -> Result<Self, HttpSetupError> {
        let credentials = match account.credentials {
            InfluxDbCredentials::None => Credentials::None,
            InfluxDbCredentials::Basic { username, password } => {
                Credentials::Basic { username, password }
            }
            InfluxDbCredentials::Token(token) => Credentials::Scheme {
                header: "authorization".to_owned(),
                scheme: "Token".to_owned(),
                proof: token,
            },
        };
        let client = HttpClient::builder("InfluxDB", account.base_url)
            .credentials(credentials)
            .error_text(answer::error_text)
            .build(transport)?;
        Ok(Self { client })
    }
}

#[async_trait]
impl MetricsStore for InfluxDbStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        query::text(query, query::settings(query)?)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = query::settings(query)?;
        let text = query::text(query, settings)?;
        let name = query.metric.name();
        let answer = self
            .client
            .get("/query")
            // The database is called as the metric is; so it was always.
            .query("db", name)
            .query("q", &text)
            .send()
            .await?;
        let found = answer
            .read_with(answer::read)
            .await?
            .map_err(|error| answer.unexpected(error))?;
        let Some(rows) = found else {
            let window = scope::window(query.scope)?;
            let step_millis = scope::positive_step(query.scope)?.saturating_mul(1000);
            let attributes = series::query_attribute(text);
            return Ok(vec![series::placeholder(
                query,
                window,
                step_millis,
                attributes,
            )]);
        };
        rows.columns
            .into_iter()
            .map(|column| {
                let count = i64::try_from(column.values.len()).unwrap_or(i64::MAX);
                let axis = Axis {
                    start_millis: rows.first_millis,
                    end_millis: rows
                        .first_millis
                        .saturating_add(rows.step_millis.saturating_mul(count)),
                    step_millis: rows.step_millis,
                };
                let tags = IndexMap::from([("field".to_owned(), column.name)]);
                series::metric_set(name, axis, column.values, tags, IndexMap::new())
                    .map_err(|error| answer.unexpected(error).into())
            })
            .collect()
    }

    async fn metadata(&self, _filter: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.client.get("/ping").send().await?;
        Ok(())
    }
}
