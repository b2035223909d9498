//! How the services that issue credentials are reached, and files read.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kayenta_http::{HttpSettings, HttpSetupError, Proxies, Transport};
use reqsign_core::{Context, Error, FileRead, HttpSend, Result};

use crate::environment::AwsEnvironment;

/// To reach a machine's own metadata service, which is near or not there.
const LOCAL_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest answer to one request for credentials.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer or file.
const MOST_BYTES: usize = 1 << 20;

/// The connections and the environment that credentials are found through. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AwsConnections {
    pub(crate) context: Context,
    pub(crate) environment: Arc<AwsEnvironment>,
}

impl AwsConnections {
    /// Connections as `settings` say, which open when they are needed. The metadata services of
    /// machines and containers, the only ones asked by plain http, are reached without a proxy.
    ///
    /// # Errors
    /// When a certificate of the settings cannot be read.
    pub fn new(
        settings: &HttpSettings,
        environment: AwsEnvironment,
    ) -> std::result::Result<Self, HttpSetupError> {
        let local = HttpSettings {
            connect_timeout: LOCAL_CONNECT_TIMEOUT,
            proxies: Proxies::default(),
            ..settings.clone()
        };
        let sender = Sender {
            shared: Transport::new(settings)?,
            local: Transport::new(&local)?,
        };
        Ok(Self {
            context: Context::new()
                .with_http_send(sender)
                .with_file_read(Files)
                .with_env(environment.clone()),
            environment: Arc::new(environment),
        })
    }
}

#[derive(Debug)]
struct Sender {
    shared: Transport,
    local: Transport,
}

impl HttpSend for Sender {
    async fn http_send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
        let transport = match request.uri().scheme_str() {
            Some("http") => &self.local,
            _ => &self.shared,
        };
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = transport.exchange(request, MOST_BYTES);
        let failed = |why: String| {
            Error::unexpected(format!("no answer from {host}: {why}")).set_retryable(true)
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!(
                "none within {} s",
                ANSWER_TIMEOUT.as_secs()
            ))),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>> {
        tokio::fs::read(path)
            .await
            .map_err(|error| Error::config_invalid(format!("{path} cannot be read: {error}")))
    }
}
