//! The store: requests and metric sets.

use async_trait::async_trait;
use indexmap::IndexMap;
use kayenta_http::{Credentials, HttpClient, HttpError, HttpErrorKind, HttpSetupError, Transport};
use kayenta_metrics::{
    FetchError, Metadata, MetricQuery, MetricsStore, StoreDescription, scope,
    series::{self, Axis},
};
use kayenta_model::{MetricSet, query::SignalFxQuery};
use kayenta_secrets::{BaseUrl, Secret};

use crate::{
    DESCRIPTION,
    program::{self, DefaultKeys},
    stream::{self, refused},
};

/// What `kayenta.signalfx` says of one account.
#[derive(Clone, Debug)]
pub struct SignalFxAccount {
    /// Account name; part of every set's attributes.
    pub name: String,
    /// `endpoint.baseUrl`, in the reference `https://stream.signalfx.com` by default.
    pub base_url: BaseUrl,
    /// `accessToken`, sent as `X-SF-TOKEN`.
    pub access_token: Option<Secret>,
    /// `defaultScopeKey`: the dimension a scope is a value of.
    pub default_scope_key: Option<String>,
    /// `defaultLocationKey`: the same for the location.
    pub default_location_key: Option<String>,
}

/// One SignalFx account.
#[derive(Debug)]
pub struct SignalFxStore {
    name: String,
    client: HttpClient,
    default_keys: DefaultKeys,
}

impl SignalFxStore {
    /// Prepares the account; nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL or the token cannot be used.
    pub fn new(account: SignalFxAccount, transport: &Transport) -> Result<Self, HttpSetupError> {
        let credentials = match account.access_token {
            Some(token) => Credentials::Headers(vec![("X-SF-TOKEN".to_owned(), token)]),
            None => Credentials::None,
        };
        let client = HttpClient::builder("SignalFx", account.base_url)
            .credentials(credentials)
            .error_text(stream::error_text)
            .build(transport)?;
        Ok(Self {
            name: account.name,
            client,
            default_keys: DefaultKeys {
                scope: account.default_scope_key,
                location: account.default_location_key,
            },
        })
    }
}

#[async_trait]
impl MetricsStore for SignalFxStore {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        program::text(query, program::settings(query)?, &self.default_keys)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let settings = program::settings(query)?;
        let tags = tags(settings)?;
        let (start, end) = scope::window(query.scope)?;
        let axis = Axis {
            start_millis: start.millis(),
            end_millis: end.millis(),
            step_millis: scope::positive_step(query.scope)?.saturating_mul(1000),
        };
        let text = program::text(query, settings, &self.default_keys)?;
        let (from, to, step) = (axis.start_millis, axis.end_millis, axis.step_millis);
        let events = self
            .client
            .post("/v2/signalflow/execute")
            .query("start", &from.to_string())
            .query("stop", &to.to_string())
            .query("resolution", &step.to_string())
            .query("maxDelay", "0")
            .query("immediate", "true")
            .body("text/plain; charset=UTF-8", text.clone())
            .events()
            .await
            .map_err(|error| self.request_failed(error, &text, (from, to, step)))?;
        let outcome = stream::read(events, |words| {
            format!(
                "An error occurred while executing the Signal Flow program. account: {} \
                 startEpochMilli: {from} endEpochMilli: {to} stepMilli: {step} maxDelay: 0 \
                 immediate: true program: {text} error: {words}",
                self.name
            )
        })
        .await?;

        let mut attributes: IndexMap<String, String> = [
            ("signal-flow-program", text),
            ("actual-data-point-count", outcome.values.len().to_string()),
            ("requested-start", from.to_string()),
            ("requested-end", to.to_string()),
            ("requested-step-milli", step.to_string()),
            ("requested-max-delay", "0".to_owned()),
            ("requested-immediate", "true".to_owned()),
            ("requested-account", self.name.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if let Some((first, last)) = outcome.span {
            attributes.insert("actual-start-ts".to_owned(), first.to_string());
            attributes.insert("actual-end-ts".to_owned(), last.to_string());
        }
        let name = query.metric.name();
        series::metric_set(name, axis, outcome.values, tags, attributes)
            .map(|set| vec![set])
            .map_err(|error| FetchError::invalid(error.to_string()))
    }

    async fn metadata(&self, _filter: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    /// Asks for the root: SignalFx has no page there, but a server that says so is reachable and accepts the
    /// token.
    async fn check(&self) -> Result<(), FetchError> {
        match self.client.get("/").send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind {
                HttpErrorKind::Status {
                    status: 400 | 404 | 405,
                    ..
                } => Ok(()),
                _ => Err(error.into()),
            },
        }
    }
}

impl SignalFxStore {
    /// An error status in the reference's words, followed by SignalFx's own message
    /// (C-SIGNALFX-01). As in the reference no status is retried: SignalFx refuses the program,
    /// whenever it is sent.
    fn request_failed(
        &self,
        error: HttpError,
        program: &str,
        (from, to, step): (i64, i64, i64),
    ) -> FetchError {
        let HttpErrorKind::Status { status, reason, .. } = &error.kind else {
            return error.into();
        };
        let message = format!(
            "An error occurred when trying to execute a SignalFlow program with \
             program='{program}', startMs='{from}', endMs='{to}', resolution='{step}' for \
             accountName: {}. Received error response: {status} {reason}",
            self.name
        );
        FetchError {
            retry_after: error.retry_after,
            ..refused("SignalFxRequestError", message).caused_by(error)
        }
    }
}

/// The metric's pairs as the tags of its set.
fn tags(settings: &SignalFxQuery) -> Result<IndexMap<String, String>, FetchError> {
    let mut tags = IndexMap::new();
    for pair in settings.query_pairs.iter().flatten() {
        let key = pair.key.clone().unwrap_or_default();
        let value = pair.value.clone().unwrap_or_default();
        if let Some(first) = tags.insert(key, value) {
            // C-SIGNALFX-05: the reference finds out once the data has arrived.
            let key = pair.key.as_deref().unwrap_or_default();
            return Err(FetchError::invalid(format!(
                "The key '{key}' is twice among the queryPairs; write its values into one, as in \
                 '{first},{}'.",
                pair.value.as_deref().unwrap_or_default()
            )));
        }
    }
    Ok(tags)
}
