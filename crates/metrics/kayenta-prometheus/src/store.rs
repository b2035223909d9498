//! The store: requests, metric sets, metadata, health.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_connections::{Authentication, Connection};
use kayenta_http::{Answer, Call, Credentials, HttpClient, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, Metadata, MetadataCache, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::{Clock, Instant, MetricSet};
use kayenta_secrets::BaseUrl;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    DESCRIPTION,
    answer::{self, Part, Series},
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
    /// How the server is reached and who asks, where the account says more than the Java service
    /// knows.
    pub connection: Connection,
    /// `queryParameters`: sent with every query.
    pub query_parameters: Vec<(String, String)>,
    /// `method` of queries, GET.
    pub method: QueryMethod,
    /// `maxPoints`: points of a series that are asked for at once, 11,000; a longer range is split.
    pub max_points: i64,
}

/// How queries are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryMethod {
    /// By GET, in the URL.
    #[default]
    Url,
    /// By POST, in a form, for queries that are too long for a URL.
    Form,
}

/// The points of a series Prometheus answers with at most.
pub(crate) const MOST_POINTS: i64 = 11_000;
/// Parts a range is split into at most.
const MOST_PARTS: i64 = 64;

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
            connection: Connection::default(),
            query_parameters: Vec::new(),
            method: QueryMethod::Url,
            max_points: MOST_POINTS,
        }
    }
}

/// One Prometheus account.
#[derive(Debug)]
pub struct PrometheusStore {
    client: HttpClient,
    scope_label: String,
    metrics: MetadataCache,
    query_parameters: Vec<(String, String)>,
    method: QueryMethod,
    max_points: i64,
    /// Whether the server is a service of a cloud, which has the query API and nothing else.
    managed: bool,
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
        let connection = &account.connection;
        let transport = connection.transport(transport)?;
        let now = {
            let clock = Arc::clone(&clock);
            Arc::new(move || clock.now())
        };
        let credentials = match &connection.authentication {
            Authentication::None => account.credentials,
            _ => connection.credentials(&transport, now)?,
        };
        let client = HttpClient::builder("Prometheus", account.base_url)
            .credentials(credentials)
            .headers(connection.headers.clone())
            .error_text(answer::error_text)
            .build(&transport)?;
        Ok(Self {
            client,
            scope_label: account.scope_label,
            metrics: MetadataCache::new(account.name, account.metadata_interval, clock),
            managed: matches!(
                connection.authentication,
                Authentication::SigV4 { .. }
                    | Authentication::Entra(_)
                    | Authentication::Google { .. }
            ),
            query_parameters: account.query_parameters,
            method: account.method,
            max_points: account.max_points,
        })
    }

    /// A call of the query API with these parameters and those of the account.
    fn query(&self, path: &str, own: &[(&str, &str)]) -> Call<'_> {
        let more = self.query_parameters.iter();
        let pairs = own
            .iter()
            .copied()
            .chain(more.map(|(name, value)| (name.as_str(), value.as_str())));
        match self.method {
            QueryMethod::Url => pairs.fold(self.client.get(path), |call, (name, value)| {
                call.query(name, value)
            }),
            QueryMethod::Form => self.client.post(path).form(pairs),
        }
    }

    /// One part of a range.
    async fn part(
        &self,
        text: &str,
        window: (&str, &str),
        step: i64,
    ) -> Result<Answer, FetchError> {
        let step = step.to_string();
        let own = [
            ("query", text),
            ("start", window.0),
            ("end", window.1),
            ("step", &step),
        ];
        Ok(self.query("/api/v1/query_range", &own).send().await?)
    }

    /// The list of metric names, asked of the server now.
    async fn list_metrics(&self) -> Result<Vec<Value>, FetchError> {
        #[derive(Deserialize)]
        struct Names {
            status: Option<String>,
            #[serde(default)]
            data: Option<Vec<String>>,
        }
        let path = "/api/v1/label/__name__/values";
        let parameters = self.query_parameters.iter();
        let call = parameters.fold(self.client.get(path), |call, (name, value)| {
            call.query(name, value)
        });
        let answer = call.send().await?;
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
        let windows = parts(start, end, step, self.max_points)?;
        let (found, answer) = if let [(start, end)] = windows.as_slice() {
            let answer = self.part(&text, (start, end), step).await?;
            let found = answer
                .read_with(answer::read)
                .await?
                .map_err(|error| answer.unexpected(error))?;
            (found, answer)
        } else {
            let mut read = Vec::with_capacity(windows.len());
            let mut last = None;
            for (start, end) in &windows {
                let answer = self.part(&text, (start, end), step).await?;
                let part = answer.read_with(Part::read).await?;
                read.push(part.map_err(|error| answer.unexpected(error))?);
                last = Some(answer);
            }
            let last = last.ok_or_else(|| FetchError::invalid("the range is empty"))?;
            let found = answer::join(read).map_err(|error| last.unexpected(error))?;
            (found, last)
        };
        let mut attributes = series::query_attribute(&*text);
        if !found.warnings.is_empty() {
            // C-PROM-06: part of the data may be missing; the reference does not say so.
            let warnings = answer.masked(&found.warnings.join("; "));
            tracing::warn!(metric = query.metric.name(), "Prometheus warns: {warnings}");
            attributes.insert("warnings".to_owned(), warnings);
        }
        let found = found.series;
        if found.is_empty() {
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
            .map(|series| metric_set(query.metric.name(), series, &attributes, &answer))
            .collect()
    }

    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        Ok(self.metrics.get_or_ask(filter, self.list_metrics()).await)
    }

    async fn check(&self) -> Result<(), FetchError> {
        if self.managed {
            self.query("/api/v1/query", &[("query", "up")])
                .send()
                .await?;
        } else {
            self.client.get("/-/healthy").send().await?;
        }
        Ok(())
    }

    async fn keep_fresh(&self, canceled: &CancellationToken) {
        self.metrics
            .keep_fresh(canceled, || self.list_metrics())
            .await;
    }
}

/// C-PROM-07: start and end of each request for a range, of at most `most` points each, on the grid of
/// the whole.
/// A range of one request is asked for as it is.
fn parts(
    start: Instant,
    end: Instant,
    step: i64,
    most: i64,
) -> Result<Vec<(String, String)>, FetchError> {
    let step_millis = step.saturating_mul(1000);
    let length = end.millis().saturating_sub(start.millis());
    let points = length / step_millis + 1;
    if points <= most {
        return Ok(vec![(start.to_string(), end.to_string())]);
    }
    let count = points.saturating_add(most - 1) / most;
    if count > MOST_PARTS {
        return Err(FetchError::invalid(format!(
            "the range has {points} points, more than {}: use a step of at least {} s",
            most * MOST_PARTS,
            length / 1000 / (most * MOST_PARTS) + 1,
        )));
    }
    let text = |millis: i64| {
        Instant::from_millis(millis)
            .map(|instant| instant.to_string())
            .ok_or_else(|| FetchError::invalid(format!("{millis} ms is not a valid time")))
    };
    let size = most * step_millis;
    (0..count)
        .map(|index| {
            let first = start.millis() + index * size;
            let last = (first + size - step_millis).min(end.millis());
            Ok((text(first)?, text(last)?))
        })
        .collect()
}

fn metric_set(
    name: &str,
    found: Series,
    attributes: &IndexMap<String, String>,
    answer: &Answer,
) -> Result<MetricSet, FetchError> {
    let axis = Axis {
        start_millis: found.start_millis,
        end_millis: found.end_millis,
        step_millis: found.step_seconds.saturating_mul(1000),
    };
    series::metric_set(name, axis, found.values, found.tags, attributes.clone())
        .map_err(|error| answer.unexpected(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(seconds: i64, step: i64, most: i64) -> Vec<(String, String)> {
        let at = |millis| Instant::from_millis(millis).unwrap();
        parts(at(0), at(seconds * 1000), step, most).unwrap()
    }

    #[test]
    fn a_range_is_split_on_its_grid_and_no_point_is_asked_for_twice() {
        let short = windows(600, 60, 11);
        assert_eq!(short.len(), 1);
        let times: Vec<_> = windows(630, 60, 4);
        let text = |(start, end): &(String, String)| format!("{}-{}", &start[14..19], &end[14..19]);
        let shown: Vec<_> = times.iter().map(text).collect();
        assert_eq!(shown, ["00:00-03:00", "04:00-07:00", "08:00-10:30"]);
        assert_eq!(windows(11_000, 1, MOST_POINTS).len(), 2);
        assert_eq!(windows(10_999, 1, MOST_POINTS).len(), 1);
    }

    #[test]
    fn a_range_of_too_many_points_is_refused_with_a_step_that_works() {
        let at = |millis| Instant::from_millis(millis).unwrap();
        let year = 31_536_000;
        let error = parts(at(0), at(year * 1000), 1, MOST_POINTS).unwrap_err();
        let step = year / (MOST_POINTS * MOST_PARTS) + 1;
        assert!(
            error.to_string().contains(&format!("at least {step} s")),
            "{error}"
        );
        assert!(parts(at(0), at(year * 1000), step, MOST_POINTS).is_ok());
    }
}
