//! The client every metric store and judge is called with (`ok-http-client.*`, `retrofit.*`, the
//! JVM's proxy and trust store properties).

use std::{path::PathBuf, time::Duration};

use kayenta_secrets::Secret;

use crate::TlsIdentity;

/// The client every metric store and judge is called with.
#[derive(Clone, Debug)]
pub struct HttpClientSettings {
    /// `connectTimeoutMs`, default 5 s.
    pub connect_timeout: Duration,
    /// `readTimeoutMs`, default 120 s.
    pub read_timeout: Duration,
    /// `retryOnConnectionFailure`, default true: one silent reconnect on a stale connection.
    pub retry_on_connection_failure: bool,
    /// `connectionPool.maxIdleConnections`, default 15.
    pub max_idle_connections: usize,
    /// `connectionPool.keepAliveDurationMs`, default 30 s.
    pub keep_alive: Duration,
    /// `keyStore*`: the client certificate.
    pub identity: Option<TlsIdentity>,
    /// `trustStore*`, or the JVM's `javax.net.ssl.trustStore`: certificate authorities beside the
    /// system's.
    pub trust: Option<TrustStore>,
    /// `retrofit.logLevel` (or `retrofit2.logLevel`), default BASIC.
    pub log: HttpLogLevel,
    /// `-Dhttp.proxyHost` and its like. `HTTP_PROXY` and `NO_PROXY` mean nothing, as in the reference.
    pub proxies: ProxySettings,
}

/// Certificate authorities in a file.
#[derive(Clone, Debug)]
pub enum TrustStore {
    /// A PKCS#12 file.
    Pkcs12 {
        /// The file.
        path: PathBuf,
        /// Its password.
        password: Secret,
    },
    /// A PEM file with one or more certificates.
    Pem {
        /// The file.
        path: PathBuf,
    },
}

/// How much of an outgoing call is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HttpLogLevel {
    /// Nothing.
    None,
    /// Method, URL, status, time.
    Basic,
    /// And headers, secrets redacted (`HEADERS_AND_ARGS` too).
    Headers,
    /// And bodies (`BODY` too).
    Full,
}

/// The proxies of the JVM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// `http.proxyHost` and `http.proxyPort` (80): for `http` URLs.
    pub http: Option<OutboundProxy>,
    /// `https.proxyHost` and `https.proxyPort` (443): for `https` URLs.
    pub https: Option<OutboundProxy>,
    /// `http.nonProxyHosts`: hosts reached directly, `*` at either end; default `localhost`, `127.*`,
    /// `[::1]`.
    pub direct_hosts: Vec<String>,
}

/// One proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundProxy {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
}
