//! `RemoteJudge-v1.0`: hands config, thresholds and pairs to `POST <baseUrl>/judge` and returns the
//! answer unchanged.
//!
//! The endpoint comes from configuration alone. An answer is bounded in size and time. The reference
//! lets its engine try again when the endpoint says 503; here the judge does, and a refused
//! connection counts as the same, since nothing was sent (`C-RJUDGE-01`).
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use kayenta_http::{HttpSettings, Transport};
//! use kayenta_judge::{JudgeError, JudgeRequest, RemoteJudge, ScoreThresholds};
//! use kayenta_model::{CanaryConfig, Look};
//! use kayenta_remote_judge::HttpRemoteJudge;
//! use kayenta_settings::RemoteJudgeSettings;
//! # use chrono::{DateTime, Utc};
//! # use kayenta_model::{Clock, Sleep};
//! # /// Two minutes pass whenever somebody waits.
//! # #[derive(Debug, Default)]
//! # struct Hasty(std::sync::Mutex<DateTime<Utc>>);
//! # impl Clock for Hasty {
//! #     fn now(&self) -> DateTime<Utc> { *self.0.lock().unwrap() }
//! #     fn sleep_until(&self, deadline: DateTime<Utc>) -> Sleep<'_> {
//! #         *self.0.lock().unwrap() = deadline + Duration::from_secs(120);
//! #         Box::pin(std::future::ready(()))
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let clock = Arc::<Hasty>::default();
//! let endpoint = RemoteJudgeSettings::new("http://127.0.0.1:1/".parse()?);
//! let transport = Transport::new(&HttpSettings::default())?;
//! let judge = HttpRemoteJudge::new(&endpoint, &transport, clock)?;
//!
//! // Nothing listens there: the judge tries for two minutes, and says how often.
//! let request = JudgeRequest {
//!     canary_config: Arc::new(CanaryConfig::default()),
//!     thresholds: ScoreThresholds { pass: 95.0, marginal: 75.0 },
//!     metric_set_pairs: Arc::default(),
//!     look: Look::default(),
//! };
//! let Err(JudgeError::Remote { attempts, .. }) = judge.judge(&request).await else {
//!     panic!("a judgement from nowhere");
//! };
//! assert_eq!(attempts, 2);
//! # Ok(())
//! # }
//! ```

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kayenta_http::{Answer, HttpClient, HttpError, HttpErrorKind, HttpSetupError, Transport};
use kayenta_json::JsonError;
use kayenta_judge::{JudgeError, JudgeRequest, RemoteJudge, RemoteWords};
use kayenta_model::{CanaryConfig, CanaryJudgeResult, Clock, MetricSetPair};
use kayenta_settings::RemoteJudgeSettings;
use serde::Serialize;
use serde_json::Value;

/// Name under which configs ask for the judge.
pub const NAME: &str = "RemoteJudge-v1.0";

/// Limit of all attempts and the pauses between them, as in the reference.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between attempts, as in the reference.
const PAUSE: Duration = Duration::from_secs(2);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// A judge at an HTTP endpoint.
#[derive(Debug)]
pub struct HttpRemoteJudge {
    client: HttpClient,
    /// The URL as it may be shown.
    shown: String,
    /// Limit of one attempt, from connecting to the last byte.
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

/// Most of a judge's own messages that are passed on.
const MOST_WORDS: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    canary_config: &'a CanaryConfig,
    score_thresholds: Thresholds,
    metric_set_pair_list: &'a [MetricSetPair],
}

#[derive(Serialize)]
struct Thresholds {
    pass: f64,
    marginal: f64,
}

impl HttpRemoteJudge {
    /// Prepares the judge; nothing is sent yet. The proxies and certificates of `transport` apply.
    ///
    /// # Errors
    /// When the endpoint cannot be called.
    pub fn new(
        settings: &RemoteJudgeSettings,
        transport: &Transport,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Self::with_max_answer(MAX_ANSWER, settings, transport, clock)
    }

    /// As [`HttpRemoteJudge::new`], which reads answers of at most 64 MiB, with another limit in bytes.
    ///
    /// # Errors
    /// When the endpoint cannot be called.
    pub fn with_max_answer(
        max_answer: usize,
        settings: &RemoteJudgeSettings,
        transport: &Transport,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        let shown = settings.base_url.join("/judge").to_string();
        let client = HttpClient::builder("the remote judge", settings.base_url.clone())
            .within_host()
            .max_answer_bytes(max_answer)
            .build(transport)?;
        Ok(Self {
            client,
            shown,
            timeout: settings.connect_timeout + settings.read_timeout,
            clock,
        })
    }

    async fn attempt(
        &self,
        body: Bytes,
        timeout: Duration,
    ) -> Result<CanaryJudgeResult, HttpError> {
        let answer = self
            .client
            .post("/judge")
            .body("application/json; charset=UTF-8", body)
            .timeout(timeout)
            .send()
            .await?;
        verdict(&answer)
    }

    fn elapsed(&self, begun: DateTime<Utc>) -> Duration {
        (self.clock.now() - begun).to_std().unwrap_or_default()
    }

    /// What is left of the time for all attempts.
    fn time_left(&self, begun: DateTime<Utc>) -> Duration {
        PATIENCE.saturating_sub(self.elapsed(begun))
    }

    fn failure(&self, error: &HttpError, attempts: u32, elapsed: Duration) -> JudgeError {
        let status = match error.kind {
            HttpErrorKind::Status { status, .. } => Some(status),
            // There was an answer, so it is no failure of the network.
            HttpErrorKind::Answer { .. } | HttpErrorKind::Incomplete => Some(200),
            HttpErrorKind::Invalid
            | HttpErrorKind::Unreachable { .. }
            | HttpErrorKind::Network { .. } => None,
        };
        JudgeError::Remote {
            url: self.shown.clone(),
            message: error.to_string(),
            status,
            said: error.said.as_deref().map(words).unwrap_or_default(),
            attempts,
            elapsed,
            source: None,
        }
    }
}

/// A judge's own account of a failure: `error`, and `errors` or `messages`, or else `message`, as the
/// reference reads them.
fn words(body: &str) -> RemoteWords {
    let Ok(Value::Object(body)) = serde_json::from_str(body) else {
        return RemoteWords::default();
    };
    let text = |name: &str| Some(body.get(name)?.as_str()?.to_owned()).filter(|t| !t.is_empty());
    let texts = |name: &str| -> Vec<String> {
        let items = body.get(name).and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .take(MOST_WORDS)
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect()
    };
    let errors = [texts("errors"), texts("messages")]
        .into_iter()
        .find(|texts| !texts.is_empty());
    RemoteWords {
        error: text("error"),
        errors: errors.unwrap_or_else(|| text("message").into_iter().collect()),
    }
}

/// C-RJUDGE-02: an answer without a score is no verdict, and is refused with what it was.
fn verdict(answer: &Answer) -> Result<CanaryJudgeResult, HttpError> {
    let result: CanaryJudgeResult = serde_json::from_slice(answer.body()).map_err(|error| {
        answer.unexpected(format_args!(
            "it is not a judge result: {}",
            JsonError::from(error)
        ))
    })?;
    match result.total() {
        Some(_) => Ok(result),
        None => Err(answer.unexpected(format_args!("it has no score.score: {}", excerpt(answer)))),
    }
}

/// Whether the endpoint may answer later: it says so, or nothing was sent.
fn is_temporary(kind: &HttpErrorKind) -> bool {
    matches!(
        kind,
        HttpErrorKind::Status { status: 503, .. } | HttpErrorKind::Unreachable { .. }
    )
}

#[async_trait]
impl RemoteJudge for HttpRemoteJudge {
    fn name(&self) -> &str {
        NAME
    }

    fn visible(&self) -> bool {
        true
    }

    async fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError> {
        let body = serde_json::to_vec(&Request {
            canary_config: &request.canary_config,
            score_thresholds: Thresholds {
                pass: request.thresholds.pass,
                marginal: request.thresholds.marginal,
            },
            metric_set_pair_list: &request.metric_set_pairs,
        })
        .map_err(|error| JudgeError::Remote {
            url: self.shown.clone(),
            message: format!("The request cannot be written as JSON: {error}"),
            status: None,
            said: RemoteWords::default(),
            attempts: 0,
            elapsed: Duration::ZERO,
            source: None,
        })?;
        let body = Bytes::from(body);
        let begun = self.clock.now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let timeout = self.timeout.min(self.time_left(begun));
            let failure = match self.attempt(body.clone(), timeout).await {
                Ok(result) => return Ok(result),
                Err(failure) => failure,
            };
            if !is_temporary(&failure.kind) || self.time_left(begun) <= PAUSE {
                return Err(self.failure(&failure, attempts, self.elapsed(begun)));
            }
            tracing::debug!(error = %failure, "the remote judge is unavailable; retrying");
            self.clock.sleep(PAUSE).await;
        }
    }
}

/// The beginning of an answer. Masked before it is cut, or half a secret would be left at the end.
fn excerpt(answer: &Answer) -> String {
    let text = answer.masked(&String::from_utf8_lossy(answer.body()));
    text.chars().take(200).collect()
}
