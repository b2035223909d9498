//! The listening port and what it accepts (`server.*`, `kayenta.server.*`).

use std::{path::PathBuf, time::Duration};

use kayenta_secrets::Secret;

use super::TrustStore;

/// The listening port and what it accepts.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// `server.port`. `Some(0)` is any free port, `None` (`-1`) no HTTP at all. Default 8080; 8090 in
    /// the shipped file and with no configuration at all.
    pub port: Option<u16>,
    /// `server.address`: an address or host name to bind; `None` is every interface, both stacks.
    pub address: Option<String>,
    /// `server.servlet.context-path`: prefix of every path on this port, such as `/kayenta`, without
    /// a slash at its end; empty for none.
    pub context_path: String,
    /// `server.ssl.*`: HTTPS instead of HTTP.
    pub tls: Option<TlsSettings>,
    /// `server.shutdown`; default [`ShutdownMode::Graceful`].
    pub shutdown: ShutdownMode,
    /// `spring.lifecycle.timeout-per-shutdown-phase`: how long work in flight may take to end.
    /// 25 s when unset, so that the whole stop fits Kubernetes' 30 s.
    pub shutdown_timeout: Duration,
    /// `server.max-http-header-size` in bytes; default 8 KiB.
    pub max_header_bytes: u64,
    /// `server.compression.*`; `None` when off.
    pub compression: Option<CompressionSettings>,
    /// `kayenta.server.max-body-size` in bytes (not in the Java service); default 64 MiB.
    pub max_body_bytes: u64,
    /// `kayenta.server.body-timeout` (not in the Java service): how long a client may take to send
    /// a body; default 30 s.
    pub body_timeout: Duration,
    /// `kayenta.server.max-connections` (not in the Java service); by default half of the files the
    /// process may have open, at most 8,192.
    pub max_connections: Option<u32>,
    /// `kayenta.server.max-connections-per-peer` (not in the Java service); by default half of all.
    pub max_connections_per_peer: Option<u32>,
    /// `kayenta.server.response-timeout` (not in the Java service): how long a client may take to read
    /// an answer; default 5 min.
    pub response_timeout: Duration,
    /// `kayenta.server.min-response-rate` (not in the Java service): bytes a second that a client has
    /// to take of an answer, over 15 s; default 8 KiB.
    pub min_response_rate: u64,
    /// `kayenta.server.cors.*` (not in the Java service): which origins browsers may call from.
    pub cors: CorsSettings,
}

/// What happens to requests in flight on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownMode {
    /// They are cut.
    Immediate,
    /// They are finished.
    Graceful,
}

/// Gzip of answers (`server.compression.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressionSettings {
    /// Content types compressed; empty for the usual texts.
    pub mime_types: Vec<String>,
    /// Shortest answer compressed, in bytes; default 2 KiB.
    pub min_response_bytes: u64,
}

/// Which origins browsers may call from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CorsSettings {
    /// Any (`*`), echoed back: what the reference does.
    #[default]
    AnyOrigin,
    /// Only these origins, each as a browser sends it (`https://ui.example.com`).
    Origins(Vec<String>),
    /// None; no CORS header is ever sent (`kayenta.server.cors.enabled: false`).
    Disabled,
}

impl CorsSettings {
    /// Whether the origin may read answers.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::AnyOrigin => true,
            Self::Origins(origins) => origins.iter().any(|allowed| allowed == origin),
            Self::Disabled => false,
        }
    }
}

/// HTTPS on the port (`server.ssl.*`).
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Certificate and key.
    pub identity: TlsIdentity,
    /// `server.ssl.client-auth`.
    pub client_auth: ClientAuth,
    /// What client certificates are checked against.
    pub trust: Option<TrustStore>,
    /// `server.ssl.enabled-protocols`: `TLSv1.2` and `TLSv1.3` mean something; empty for both.
    pub protocols: Vec<String>,
    /// `kayenta.server.tls-reload-interval` (not in the Java service): how often to check for a
    /// renewed certificate; default 60 s.
    pub reload_interval: Duration,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub enum TlsIdentity {
    /// A PKCS#12 file.
    Pkcs12 {
        /// The file.
        path: PathBuf,
        /// Its password.
        password: Secret,
        /// Which entry, when there are several.
        alias: Option<String>,
    },
    /// Two PEM files.
    Pem {
        /// The certificate chain.
        certificate: PathBuf,
        /// The private key.
        private_key: PathBuf,
    },
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    None,
    /// They are asked, and let in without.
    Want,
    /// They must.
    Need,
}
