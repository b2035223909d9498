//! The store: one request a query, one metric set a series.

use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_connections::Connection;
use kayenta_http::{
    Answer, Call, HttpClient, HttpError, HttpErrorKind, HttpSetupError, Now, Transport,
};
use kayenta_metrics::{FetchError, Metadata, MetricQuery, MetricsStore, StoreDescription, series};
use kayenta_model::MetricSet;
use kayenta_secrets::{InvalidBaseUrl, Secret, SecretUrl};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{
    DESCRIPTION,
    answer::{self, AnswerError, Path, PathError, Paths, Series, TimestampUnit},
    bindings::Bindings,
    template::{Template, TemplateError, authority_end},
};

/// Largest answer that is read. All of it is in memory as a tree while the paths are looked up.
const MOST_BYTES: usize = 16 << 20;
/// How the server is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST.
    Post,
}

/// What `kayenta.http-json` says of one account.
#[derive(Clone, Debug)]
pub struct HttpJsonAccount {
    /// `url`: a template whose scheme and host are fixed.
    pub url: SecretUrl,
    /// `method`.
    pub method: Method,
    /// `headers`; every value counts as a secret.
    pub headers: IndexMap<String, Secret>,
    /// `body`: a template, encoded as the header `Content-Type` says, JSON without one.
    pub body: Option<String>,
    /// `seriesPath`.
    pub series_path: Option<String>,
    /// `tagsPath`.
    pub tags_path: Option<String>,
    /// `timestampsPath`.
    pub timestamps_path: Option<String>,
    /// `timestampUnit`.
    pub timestamp_unit: TimestampUnit,
    /// `valuesPath`.
    pub values_path: String,
    /// `timeout` of one call, that of all calls when unset.
    pub timeout: Option<Duration>,
    /// `tls`, `proxy`, the other limits of time and `authentication`.
    pub connection: Connection,
}

/// An account that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `url` or `body`.
    #[error("{setting} is not a valid template: {source}")]
    Template {
        /// The setting.
        setting: &'static str,
        /// What is wrong.
        source: TemplateError,
    },
    /// One of the paths.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Scheme and host of `url`.
    #[error("url is not a URL: {0}")]
    Url(#[from] InvalidBaseUrl),
    /// A header.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
}

/// One account of a server that answers with JSON.
#[derive(Debug)]
pub struct HttpJsonStore {
    client: HttpClient,
    method: Method,
    url: Template,
    body: Option<Template>,
    paths: Paths,
    timeout: Option<Duration>,
    /// Length of scheme and host, which the client puts before every path.
    host_length: usize,
}

impl HttpJsonStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn new(
        account: HttpJsonAccount,
        transport: &Transport,
        now: Now,
    ) -> Result<Self, SetupError> {
        let transport = account.connection.transport(transport)?;
        let credentials = account.connection.credentials(&transport, now)?;
        let template = |setting| move |source| SetupError::Template { setting, source };
        let text = account.url.expose();
        let url = Template::url(text).map_err(template("url"))?;
        let host_length = authority_end(text).unwrap_or_default();
        let content_type = account
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map_or("application/json".into(), |(_, value)| value.current());
        let body = account
            .body
            .as_deref()
            .map(|body| Template::body(body, content_type.expose_secret()))
            .transpose()
            .map_err(template("body"))?;
        let path = |setting, text: &Option<String>| {
            text.as_deref()
                .map(|text| Path::parse(setting, text))
                .transpose()
        };
        let paths = Paths {
            series: path("seriesPath", &account.series_path)?,
            tags: path("tagsPath", &account.tags_path)?,
            timestamps: path("timestampsPath", &account.timestamps_path)?,
            unit: account.timestamp_unit,
            values: Path::parse("valuesPath", &account.values_path)?,
        };
        let client = HttpClient::builder("http-json", text[..host_length].parse()?)
            .secrets_of_url(text)
            .credentials(credentials)
            .headers(account.headers)
            .error_text(error_text)
            .within_host()
            .max_answer_bytes(MOST_BYTES)
            .build(&transport)?;
        Ok(Self {
            client,
            method: account.method,
            url,
            body,
            paths,
            timeout: account.timeout,
            host_length,
        })
    }

    /// The request of a query, ready to be sent.
    fn request(&self, bindings: &Bindings) -> Result<Call<'_>, FetchError> {
        let fill = |setting: &str, template: &Template| {
            template.fill(&|name| bindings.get(name)).map_err(|error| {
                FetchError::invalid(format!(
                    "The account's {setting} cannot be filled in: {error}"
                ))
                .caused_by(error)
            })
        };
        let url = fill("url", &self.url)?;
        let mut call = match self.method {
            Method::Get => self.client.get(&url[self.host_length..]),
            Method::Post => self.client.post(&url[self.host_length..]),
        };
        if let Some(body) = &self.body {
            call = call.body("application/json", fill("body", body)?);
        }
        if let Some(timeout) = self.timeout {
            call = call.timeout(timeout);
        }
        Ok(call)
    }

    async fn series(&self, answer: &Answer) -> Result<Vec<Series>, FetchError> {
        let unusable = |error: AnswerError| answer.unexpected(error).into();
        let paths = self.paths.clone();
        answer
            .read_whole_with(move |body| answer::read(body, &paths))
            .await?
            .map_err(unusable)
    }
}

/// The server's own words in an error answer, where most servers have them.
fn error_text(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    [
        "/message",
        "/error/message",
        "/error",
        "/detail",
        "/title",
        "/errors/0/message",
        "/errors/0",
    ]
    .iter()
    .find_map(|place| body.pointer(place)?.as_str().map(str::to_owned))
}

#[async_trait]
impl MetricsStore for HttpJsonStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        let bindings = Bindings::of(query)?;
        // A dry run reports everything the real one would stumble over. The request itself is not
        // shown: what configuration puts into it is not for callers.
        self.request(&bindings)?;
        Ok(bindings.text)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let bindings = Bindings::of(query)?;
        let answer = self.request(&bindings)?.send().await?;
        let found = self.series(&answer).await?;
        let attributes = series::query_attribute(bindings.text);
        if found.is_empty() {
            let step_millis = bindings.step.saturating_mul(1000);
            return Ok(vec![series::placeholder(
                query,
                bindings.window,
                step_millis,
                attributes,
            )]);
        }
        found
            .into_iter()
            .map(|mut one| {
                let tags = std::mem::take(&mut one.tags);
                let (axis, values) = one
                    .on_axis(bindings.window, bindings.step)
                    .map_err(|error| answer.unexpected(error))?;
                let name = query.metric.name();
                series::metric_set(name, axis, values, tags, attributes.clone())
                    .map_err(|error| answer.unexpected(error).into())
            })
            .collect()
    }

    async fn metadata(&self, _filter: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    /// Whether somebody answers there. What they think of a request without a query says nothing.
    async fn check(&self) -> Result<(), FetchError> {
        match self.client.get("/").send().await {
            Err(HttpError {
                kind: HttpErrorKind::Status { status, .. },
                ..
            }) if status < 500 => Ok(()),
            outcome => Ok(outcome.map(drop)?),
        }
    }
}
