//! Connections: timeouts, pool, certificates, proxies; one for all accounts.

use std::{fmt, sync::Arc, time::Duration};

use kayenta_errors::with_causes;
use reqwest::header::HeaderMap;
use url::Url;

/// How servers are reached.
#[derive(Clone)]
pub struct HttpSettings {
    /// The `User-Agent` of every call.
    pub user_agent: String,
    /// Longest time to connect, 5 s.
    pub connect_timeout: Duration,
    /// Longest silence of a server, 120 s.
    pub read_timeout: Duration,
    /// Longest time of one call in all, 10 min; a server that sends a byte a minute ends too.
    pub total_timeout: Duration,
    /// Idle connections kept for each host, 15.
    pub max_idle_connections: usize,
    /// How long an idle connection is kept, 30 s.
    pub keep_alive: Duration,
    /// Largest answer that is read, in bytes after decompression, 128 MiB.
    pub max_answer_bytes: usize,
    /// Certificate authorities trusted beside the system's: PEM, any number in each.
    pub extra_ca_pem: Vec<Vec<u8>>,
    /// Client certificate and its key: PEM.
    pub identity_pem: Option<Vec<u8>>,
    /// Proxies. The environment's are never used.
    pub proxies: Proxies,
    /// Whether each call is logged at DEBUG.
    pub log_calls: bool,
    /// Whether bodies are logged too, at TRACE, at most 4 KiB each.
    pub log_bodies: bool,
    /// What makes calls part of a trace; `None` when there are no traces.
    pub traces: Option<TraceHeaders>,
}

/// Which headers make a call part of the trace it is made in.
#[derive(Clone)]
pub struct TraceHeaders(Arc<dyn Fn() -> HeaderMap + Send + Sync>);

impl TraceHeaders {
    /// `headers` is asked anew for every call, in the span in which the call is made.
    pub fn new(headers: impl Fn() -> HeaderMap + Send + Sync + 'static) -> Self {
        Self(Arc::new(headers))
    }

    /// Those of a call made now.
    pub(crate) fn now(&self) -> HeaderMap {
        (self.0)()
    }
}

impl fmt::Debug for TraceHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceHeaders")
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(120),
            total_timeout: Duration::from_secs(600),
            max_idle_connections: 15,
            keep_alive: Duration::from_secs(30),
            max_answer_bytes: 128 << 20,
            extra_ca_pem: Vec::new(),
            identity_pem: None,
            proxies: Proxies::default(),
            log_calls: true,
            log_bodies: true,
            traces: None,
        }
    }
}

/// The client's key is not shown.
impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("max_answer_bytes", &self.max_answer_bytes)
            .field("extra_ca_pem", &self.extra_ca_pem.len())
            .field("identity_pem", &self.identity_pem.is_some())
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}

/// Proxies by scheme, and hosts reached without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http` URLs.
    pub http: Option<Url>,
    /// For `https` URLs.
    pub https: Option<Url>,
    /// Hosts reached directly; `*` at the start or end matches any text.
    pub direct_hosts: Vec<String>,
}

impl Proxies {
    /// The proxy a URL is reached through.
    #[must_use]
    pub fn proxy_of(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => None,
        }?;
        let host = url.host_str().unwrap_or_default();
        let direct = self.direct_hosts.iter().any(|pattern| {
            match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
                (Some(end), None) => host.ends_with(end),
                (None, Some(start)) => host.starts_with(start),
                (Some(middle), Some(_)) => host.contains(middle.trim_end_matches('*')),
                (None, None) => host.eq_ignore_ascii_case(pattern),
            }
        });
        (!direct).then_some(proxy)
    }
}

/// The HTTP client or an account's part of it cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HttpSetupError {
    /// What is wrong with which setting.
    pub message: String,
    #[source]
    source: Option<reqwest::Error>,
}

impl HttpSetupError {
    /// With what is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }
}

/// The shared connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Transport {
    settings: Arc<HttpSettings>,
    pub(crate) client: reqwest::Client,
    pub(crate) total_timeout: Duration,
    pub(crate) max_answer_bytes: usize,
    pub(crate) log_calls: bool,
    pub(crate) log_bodies: bool,
    pub(crate) traces: Option<TraceHeaders>,
}

impl HttpSettings {
    /// Connections with the certificates and proxies of these settings, for the clients of libraries. Redirects are not
    /// followed: a client has to know which headers are secret.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn connections(&self) -> Result<reqwest::ClientBuilder, HttpSetupError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if !self.extra_ca_pem.is_empty() || self.identity_pem.is_some() {
            let mut tls =
                kayenta_tls::client_config(&self.extra_ca_pem, self.identity_pem.as_deref())
                    .map_err(|error| HttpSetupError::new(with_causes(error.to_string(), &error)))?;
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            builder = builder.tls_backend_preconfigured(tls);
        }
        if self.proxies.http.is_some() || self.proxies.https.is_some() {
            let proxies = self.proxies.clone();
            builder = builder.proxy(reqwest::Proxy::custom(move |url| {
                proxies.proxy_of(url).cloned()
            }));
        }
        Ok(builder)
    }
}

impl Transport {
    /// Sets up connections; opens none.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpSetupError> {
        let failed = |what: &str, source: reqwest::Error| HttpSetupError {
            message: what.to_owned(),
            source: Some(source),
        };
        let builder = settings
            .connections()?
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .pool_max_idle_per_host(settings.max_idle_connections)
            .pool_idle_timeout(settings.keep_alive)
            .referer(false);
        Ok(Self {
            settings: Arc::new(settings.clone()),
            client: builder
                .build()
                .map_err(|e| failed("the HTTP client cannot be set up", e))?,
            total_timeout: settings.total_timeout,
            max_answer_bytes: settings.max_answer_bytes,
            log_calls: settings.log_calls,
            log_bodies: settings.log_bodies,
            traces: settings.traces.clone(),
        })
    }
}

impl Transport {
    /// What the connections were set up with, to set up others that differ in something.
    #[must_use]
    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_reached_directly_as_the_jvm_does() {
        let proxies = Proxies {
            http: Some(Url::parse("http://proxy:3128").unwrap()),
            https: None,
            direct_hosts: ["localhost", "127.*", "*.internal"]
                .map(str::to_owned)
                .into(),
        };
        let through = |url: &str| proxies.proxy_of(&Url::parse(url).unwrap()).is_some();
        assert!(through("http://example.com/"));
        assert!(!through("https://example.com/"));
        for direct in [
            "http://localhost:1/",
            "http://127.0.0.1/",
            "http://a.internal/",
        ] {
            assert!(!through(direct), "{direct}");
        }
    }

    #[test]
    fn a_wrong_certificate_is_reported() {
        let settings = HttpSettings {
            identity_pem: Some(b"no pem".to_vec()),
            ..HttpSettings::default()
        };
        let error = Transport::new(&settings).unwrap_err().to_string();
        assert_eq!(
            error,
            "the client certificate is not a PEM certificate and key: no items found"
        );
    }
}
