//! The few calls a gate needs, each retried through a restart of the server.

use std::time::{Duration, Instant};

use kayenta_errors::with_causes;
use kayenta_json::JsonError;
use kayenta_model::{
    AnalysisRequest, AnalysisStatusResponse, CanaryConfig, MetricSetPair,
    explanation::AnalysisExplanation,
};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// What went wrong with a call, in words a person can act on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server understood and refused.
    #[error("the server refused the request ({status}): {message}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// No answer for longer than the caller has patience.
    #[error("no answer from {url} for {} s: {reason}", .patience.as_secs())]
    Unreachable {
        /// What was called.
        url: String,
        /// How long it was tried.
        patience: Duration,
        /// The last failure.
        reason: String,
    },
    /// An answer that is not the API's.
    #[error("{url} answered something that is not Kayenta's API: {reason}; is the URL right?")]
    Answer {
        /// What was called.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The client itself could not be built.
    #[error("cannot call {url}: {reason}")]
    Setup {
        /// The base URL.
        url: String,
        /// Why.
        reason: String,
    },
}

/// How the client proves who it is.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// It does not.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer(SecretString),
    /// HTTP basic.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: SecretString,
    },
}

/// Query parameters of a start request; `None` leaves the server's default.
#[derive(Clone, Debug, Default)]
pub struct StartParameters {
    /// Application the analysis runs for.
    pub application: Option<String>,
    /// Who asks.
    pub user: Option<String>,
    /// Metrics account.
    pub metrics_account: Option<String>,
    /// Storage account.
    pub storage_account: Option<String>,
    /// Configuration account, for configs by id.
    pub configuration_account: Option<String>,
    /// Free reference to the pipeline that asks.
    pub parent_execution: Option<String>,
}

/// A client of one service.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    credentials: Credentials,
    patience: Duration,
    http: reqwest::Client,
}

/// An analysis that the service has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Its id.
    #[serde(rename = "canaryAnalysisExecutionId")]
    pub id: String,
    /// What the service accepted although it has no effect.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Client {
    /// A client of the service at `base`; `patience` is how long it keeps trying while there is no
    /// answer, or only 502, 503 and 504 from a balancer.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when the URL or the TLS set-up is unusable.
    pub fn new(
        base: &str,
        credentials: Credentials,
        patience: Duration,
    ) -> Result<Self, ClientError> {
        let setup = |reason: String| ClientError::Setup {
            url: base.to_owned(),
            reason,
        };
        if base.is_empty() {
            let reason = "the URL of the service is empty; set --url or KAYENTA_URL".to_owned();
            return Err(setup(reason));
        }
        if !(base.starts_with("http://") || base.starts_with("https://")) {
            return Err(setup(
                "the URL must begin with http:// or https://".to_owned(),
            ));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| setup(with_causes(error.to_string(), &error)))?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            credentials,
            patience,
            http,
        })
    }

    /// Starts an analysis with a config of the request's own.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn start_adhoc(
        &self,
        config: &CanaryConfig,
        request: &AnalysisRequest,
        parameters: &StartParameters,
    ) -> Result<Started, ClientError> {
        let body = json!({"canaryConfig": config, "executionRequest": request});
        self.start("/standalone_canary_analysis", &body, parameters)
            .await
    }

    /// Starts an analysis with a stored config.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn start_by_id(
        &self,
        config_id: &str,
        request: &AnalysisRequest,
        parameters: &StartParameters,
    ) -> Result<Started, ClientError> {
        let body = json!(request);
        self.start(
            &format!("/standalone_canary_analysis/{config_id}"),
            &body,
            parameters,
        )
        .await
    }

    async fn start(
        &self,
        path: &str,
        body: &Value,
        parameters: &StartParameters,
    ) -> Result<Started, ClientError> {
        let query: Vec<(&str, &str)> = [
            ("application", &parameters.application),
            ("user", &parameters.user),
            ("metricsAccountName", &parameters.metrics_account),
            ("storageAccountName", &parameters.storage_account),
            (
                "configurationAccountName",
                &parameters.configuration_account,
            ),
            ("parentPipelineExecutionId", &parameters.parent_execution),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect();
        self.call(path, |http, url| http.post(url).query(&query).json(body))
            .await
    }

    /// Where an analysis stands.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn analysis(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<AnalysisStatusResponse, ClientError> {
        self.get(
            &format!("/standalone_canary_analysis/{id}"),
            "storageAccountName",
            storage_account,
        )
        .await
    }

    /// A stored pair list: the series a run compared.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn pairs(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<Vec<MetricSetPair>, ClientError> {
        self.get(
            &format!("/metricSetPairList/{id}"),
            "storageAccountName",
            storage_account,
        )
        .await
    }

    /// A stored canary config.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn config(
        &self,
        id: &str,
        configuration_account: Option<&str>,
    ) -> Result<CanaryConfig, ClientError> {
        self.get(
            &format!("/canaryConfig/{id}"),
            "configurationAccountName",
            configuration_account,
        )
        .await
    }

    /// The judges the service offers, as it lists them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn judges(&self) -> Result<Value, ClientError> {
        self.call("/judges", |http, url| http.get(url)).await
    }

    /// Why the newest verdict of an analysis is what it is.
    ///
    /// # Errors
    /// See [`ClientError`]; the Java service has no explanations.
    pub async fn explanation(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<AnalysisExplanation, ClientError> {
        self.get(
            &format!("/standalone_canary_analysis/{id}/explanation"),
            "storageAccountName",
            storage_account,
        )
        .await
    }

    /// The page of an analysis for browsers, if the service knows its own address (`kayenta.ui.publicUrl`).
    pub async fn page(&self, id: &str) -> Option<String> {
        let url = format!("{}/standalone_canary_analysis/{id}", self.base);
        let response = self.authorised(self.http.head(url)).send().await.ok()?;
        let mut links = response.headers().get_all("link").iter();
        links.find_map(|link| {
            let link = link.to_str().ok()?;
            let (address, parameters) = link.strip_prefix('<')?.split_once('>')?;
            let is_page = parameters.contains("text/html")
                && ["http://", "https://"]
                    .iter()
                    .any(|scheme| address.starts_with(scheme));
            is_page.then(|| address.to_owned())
        })
    }

    /// The accounts the service offers, as it lists them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn accounts(&self) -> Result<Value, ClientError> {
        self.call("/credentials", |http, url| http.get(url)).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameter: &str,
        account: Option<&str>,
    ) -> Result<T, ClientError> {
        self.call(path, |http, url| {
            let request = http.get(url);
            match account {
                Some(account) => request.query(&[(parameter, account)]),
                None => request,
            }
        })
        .await
    }

    /// Cancels an execution.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn cancel(&self, id: &str) -> Result<(), ClientError> {
        self.exchange(&format!("/pipelines/{id}/cancel"), |http, url| {
            http.put(url)
        })
        .await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        request: impl Fn(&reqwest::Client, &str) -> RequestBuilder,
    ) -> Result<T, ClientError> {
        let body = self.exchange(path, request).await?;
        serde_json::from_str(&body).map_err(|error| ClientError::Answer {
            url: format!("{}{path}", self.base),
            reason: JsonError::from(error).to_string(),
        })
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Credentials::Basic { user, password } => {
                request.basic_auth(user, Some(password.expose_secret()))
            }
        }
    }

    /// One call, repeated while the service does not respond; returns the body of a 2xx.
    async fn exchange(
        &self,
        path: &str,
        request: impl Fn(&reqwest::Client, &str) -> RequestBuilder,
    ) -> Result<String, ClientError> {
        let url = format!("{}{path}", self.base);
        let begun = Instant::now();
        let mut pause = Duration::from_millis(200);
        loop {
            let authorised = self.authorised(request(&self.http, &url));
            let reason = match authorised.send().await {
                Ok(response) => {
                    let status = response.status();
                    match response.text().await {
                        Ok(body) if status.is_success() => return Ok(body),
                        Ok(body) if !is_restarting(status) => {
                            return Err(refusal(url, status, &body));
                        }
                        Ok(_) => format!("the server answers {status}"),
                        Err(error) => with_causes(error.to_string(), &error),
                    }
                }
                Err(error) => with_causes(error.to_string(), &error),
            };
            if begun.elapsed() + pause > self.patience {
                return Err(ClientError::Unreachable {
                    url,
                    patience: self.patience,
                    reason,
                });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

/// Statuses a balancer or a starting pod answers with.
fn is_restarting(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// What a server that does not do what it is asked says.
fn refusal(url: String, status: StatusCode, body: &str) -> ClientError {
    let message = message_of(body, status);
    // Kayenta's own answer for a path it does not have, and what other servers answer.
    let no_such_path = ["No message available", "Not Found"].contains(&message.as_str());
    if status == StatusCode::NOT_FOUND && no_such_path {
        return ClientError::Answer {
            url,
            reason: "404, there is no such path".to_owned(),
        };
    }
    ClientError::Refused {
        status: status.as_u16(),
        message,
    }
}

/// The server's own words: its message, and the lists that may stand beside it.
fn message_of(body: &str, status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("no reason given");
    let Ok(json) = serde_json::from_str::<Value>(body) else {
        return reason.to_owned();
    };
    let message = json.get("message").and_then(Value::as_str);
    let mut text = message
        .filter(|message| !message.is_empty())
        .unwrap_or(reason)
        .to_owned();
    for (member, introduction) in [
        ("errors", "errors"),
        ("warnings", "warnings"),
        ("knownAccounts", "the service has the accounts"),
    ] {
        let listed: Vec<&str> = json
            .get(member)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|entry| !text.contains(entry))
            .collect();
        if !listed.is_empty() {
            text = format!("{text}; {introduction}: {}", listed.join(", "));
        }
    }
    text
}
