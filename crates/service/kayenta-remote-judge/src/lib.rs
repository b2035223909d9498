//! `RemoteJudge-v1.0`: hands config, thresholds and pairs to `POST <baseUrl>/judge` and returns the
//! answer unchanged.
//!
//! The endpoint comes from configuration alone. An answer is bounded in size and time. The reference
//! lets its engine try again when the endpoint says 503; here the judge does, and a refused
//! connection counts as the same, since nothing was sent (`C-RJUDGE-01`).

use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt;
use kayenta_judge::{JudgeError, JudgeRequest, RemoteJudge};
use kayenta_model::{
    CanaryConfig, CanaryJudgeResult, MetricSetPair,
    masking::{Masker, SecretUrl},
    with_causes,
};
use reqwest::{Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

/// Name under which configs ask for the judge.
pub const NAME: &str = "RemoteJudge-v1.0";

/// Where the judge is and how long it may take.
#[derive(Clone, Debug)]
pub struct RemoteJudgeSettings {
    /// `kayenta.remote-judge.endpoint.baseUrl`; one trailing slash is dropped.
    pub base_url: SecretUrl,
    /// Limit of one attempt, from connecting to the last byte. The reference's reading limit is 90 s.
    pub timeout: Duration,
    /// How long 503 and refused connections are tried again. The reference's is 2 minutes.
    pub patience: Duration,
    /// Pause between attempts. The reference's is 2 s.
    pub pause: Duration,
    /// The largest answer that is read, in bytes.
    pub max_answer: usize,
}

impl RemoteJudgeSettings {
    /// The reference's limits for an endpoint.
    #[must_use]
    pub fn new(base_url: impl Into<SecretUrl>) -> Self {
        Self {
            base_url: base_url.into(),
            timeout: Duration::from_secs(90),
            patience: Duration::from_secs(120),
            pause: Duration::from_secs(2),
            max_answer: 64 << 20,
        }
    }
}

/// A judge behind an HTTP endpoint.
#[derive(Clone, Debug)]
pub struct HttpRemoteJudge {
    url: SecretUrl,
    /// The URL as it may be told.
    shown: String,
    /// Knows what secrets the URL has, which the endpoint may repeat.
    masker: Masker,
    settings: RemoteJudgeSettings,
    http: reqwest::Client,
}

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
    /// A judge that calls through `http`, whose proxy and certificate settings apply.
    #[must_use]
    pub fn new(settings: RemoteJudgeSettings, http: reqwest::Client) -> Self {
        let base = settings.base_url.expose();
        let base = base.strip_suffix('/').unwrap_or(base);
        let url = format!("{base}/judge");
        let masker = Masker::default().and_of_url(&url);
        Self {
            shown: masker.url(&url),
            masker,
            url: url.into(),
            settings,
            http,
        }
    }

    fn failed(&self, what: &str) -> JudgeError {
        self.failure(format!("POST {}: {what}", self.shown), None)
    }

    fn failure(&self, message: String, status: Option<StatusCode>) -> JudgeError {
        JudgeError::Remote {
            url: self.shown.clone(),
            message: self.masker.text(&message),
            status: status.map(|status| status.as_u16()),
            source: None,
        }
    }

    async fn attempt(&self, body: &[u8]) -> Result<CanaryJudgeResult, Attempt> {
        let sent = self
            .http
            .post(self.url.expose())
            .header(header::CONTENT_TYPE, "application/json; charset=UTF-8")
            .timeout(self.settings.timeout)
            .body(body.to_vec())
            .send()
            .await;
        let response = sent.map_err(|error| {
            let failure = self.failed(&told(&error));
            if error.is_connect() {
                Attempt::Again(failure)
            } else {
                Attempt::Final(failure)
            }
        })?;
        let status = response.status();
        let answer = self.read(response).await.map_err(Attempt::Final)?;
        if !status.is_success() {
            let reason = own_words(&answer)
                .unwrap_or_else(|| status.canonical_reason().unwrap_or("unknown").to_owned());
            // The reference's sentence, which clients show.
            let message = format!(
                "Status: {}, URL: {}, Message: {reason}",
                status.as_u16(),
                self.shown
            );
            let failure = self.failure(message, Some(status));
            let again = status == StatusCode::SERVICE_UNAVAILABLE;
            return Err(if again {
                Attempt::Again(failure)
            } else {
                Attempt::Final(failure)
            });
        }
        self.result(&answer).map_err(Attempt::Final)
    }

    /// C-RJUDGE-02: an answer without a score is no verdict, and is refused with what it was.
    fn result(&self, answer: &[u8]) -> Result<CanaryJudgeResult, JudgeError> {
        let result: CanaryJudgeResult = serde_json::from_slice(answer)
            .map_err(|error| self.useless(&format!("the answer is not a judge result: {error}")))?;
        match result.total() {
            Some(_) => Ok(result),
            None => Err(self.useless(&format!(
                "the answer has no score.score: {}",
                excerpt(&self.masker.text(&String::from_utf8_lossy(answer)))
            ))),
        }
    }

    /// There was an answer, so it is no failure of the network.
    fn useless(&self, what: &str) -> JudgeError {
        self.failure(format!("POST {}: {what}", self.shown), Some(StatusCode::OK))
    }

    async fn read(&self, response: Response) -> Result<Vec<u8>, JudgeError> {
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.failed(&told(&error)))?;
            if body.len() + chunk.len() > self.settings.max_answer {
                let limit = self.settings.max_answer;
                return Err(self.useless(&format!("the answer is larger than {limit} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

enum Attempt {
    Again(JudgeError),
    Final(JudgeError),
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
        .map_err(|error| self.failed(&error.to_string()))?;
        let begun = Instant::now();
        loop {
            let failure = match self.attempt(&body).await {
                Ok(result) => return Ok(result),
                Err(Attempt::Final(failure)) => return Err(failure),
                Err(Attempt::Again(failure)) => failure,
            };
            if begun.elapsed() + self.settings.pause > self.settings.patience {
                return Err(failure);
            }
            tracing::debug!(url = %self.shown, error = %failure, "the remote judge is not there yet, trying again");
            tokio::time::sleep(self.settings.pause).await;
        }
    }
}

/// What the endpoint says itself, from the `message` of a JSON answer.
fn own_words(answer: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(answer).ok()?;
    json.get("message")?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The beginning of an answer.
fn excerpt(answer: &str) -> String {
    answer.chars().take(200).collect()
}

/// A failed call with its causes; that it took too long is said first.
fn told(error: &reqwest::Error) -> String {
    let text = if error.is_timeout() {
        "timed out".to_owned()
    } else {
        error.to_string()
    };
    with_causes(text, error)
}
