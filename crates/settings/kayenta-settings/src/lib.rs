//! The groups of settings. Each is one type, which the configuration fills and which goes unchanged to the
//! crate that uses it.
//!
//! Nothing here is optional where a default exists; times are [`Duration`](std::time::Duration)s, secrets
//! are [`Secret`](kayenta_secrets::Secret)s. Reading is the business of `kayenta-config`, which puts the
//! groups together; a crate that uses a group depends on this crate alone.
//!
//! ```
//! use kayenta_settings::{AccessRule, Role};
//!
//! let rule = AccessRule {
//!     methods: vec!["POST".to_owned()],
//!     path: "/fetch/*".to_owned(),
//!     role: Some(Role::Read),
//! };
//! assert!(rule.covers("POST", "/fetch/prometheus/query"));
//! assert!(!rule.covers("POST", "/canary"));
//! ```

mod features;
mod logging;
mod management;
mod notifications;
mod outbound;
mod retention;
mod security;
mod server;
mod tracing;
mod work;

pub use features::{
    AtlasSettings, IndexSettings, JudgingSettings, PagesSettings, PrometheusHealthSettings,
    PrometheusSettings, RemoteJudgeSettings, SpectatorSettings, SwaggerSettings, TestDefaults,
};
pub use logging::{
    AnsiOutput, LogFileSettings, LogFormat, LogLevel, LoggingSettings, UnknownLevel,
};
pub use management::{
    ExposureSettings, HealthGroupSettings, HealthSettings, ManagementPort, ManagementSettings,
    ManagementTls, Show,
};
pub use notifications::{
    NotificationEvent, NotificationForm, NotificationSettings, NotificationVerdict,
};
pub use outbound::{HttpClientSettings, HttpLogLevel, OutboundProxy, ProxySettings, TrustStore};
pub use retention::{RetentionAges, RetentionSettings};
pub use security::{
    AccessRule, AuthenticationSettings, BasicUser, BearerToken, BrowserAccess, JwtSettings, Role,
    SecuritySettings,
};
pub use server::{
    ClientAuth, CompressionSettings, CorsSettings, ServerSettings, ShutdownMode, TlsIdentity,
    TlsSettings,
};
pub use tracing::TracingSettings;
pub use work::{
    EngineSettings, ExecutionCleanup, QueueSettings, RedisSettings, RedisTopology, WorkBackend,
};
