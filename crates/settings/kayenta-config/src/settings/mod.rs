//! Everything an operator can configure, typed and checked. Nothing here is optional where a default
//! exists; times are [`Duration`](std::time::Duration)s, secrets are
//! [`SecretString`](secrecy::SecretString)s.

use std::path::PathBuf;

use kayenta_connections::Connection;
use kayenta_http::RetryPolicy;
use kayenta_model::time::JsonTimes;
use kayenta_settings::{
    AtlasSettings, EngineSettings, HttpClientSettings, IndexSettings, JudgingSettings,
    LoggingSettings, ManagementSettings, NotificationSettings, PagesSettings, PrometheusSettings,
    QueueSettings, RemoteJudgeSettings, RetentionSettings, SecuritySettings, ServerSettings,
    SpectatorSettings, SwaggerSettings, TestDefaults, TracingSettings, WorkBackend,
};

/// Everything an operator can configure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `spring.application.name`, default `kayenta`: names the service in metrics and in the
    /// management endpoints' JSON.
    pub application_name: String,
    /// The active profiles, lowest precedence first; default `composite`, `test`, `local`.
    pub profiles: Vec<String>,
    /// The listening port and what it accepts.
    pub server: ServerSettings,
    /// `/health` and its neighbours.
    pub management: ManagementSettings,
    /// What is logged and how it looks.
    pub logging: LoggingSettings,
    /// Where traces go, if there are any.
    pub tracing: TracingSettings,
    /// Where jobs and execution records live.
    pub work: WorkBackend,
    /// `kayenta.embedded.dataDir` (`--data-dir`): the embedded queue and, by default, the disk store
    /// live here; default `./kayenta-data`.
    pub data_dir: PathBuf,
    /// Names and limits of the queue.
    pub queue: QueueSettings,
    /// How much is done at a time, and how long records are kept.
    pub engine: EngineSettings,
    /// `kayenta.memory.budget` (not in the Java service): bytes that request bodies, answers of stores,
    /// series and responses may take together; by default half of what the control group or the machine
    /// has.
    pub memory_budget: Option<u64>,
    /// When a failed metric fetch is tried again.
    pub retry: RetryPolicy,
    /// The remote judge; `None` when switched off.
    pub remote_judge: Option<RemoteJudgeSettings>,
    /// What judging offers beside the reference's judges.
    pub judging: JudgingSettings,
    /// `kayenta.standaloneCanaryAnalysis.enabled`: whether `/standalone_canary_analysis` exists.
    pub standalone_canary_analysis: bool,
    /// `kayenta.standaloneCanaryAnalysis.refuseImpossibleRequests`, default true: an analysis that can
    /// never make a run is a 400 at once; false accepts it and lets it fail, as the reference does.
    pub refuse_impossible_requests: bool,
    /// How timestamps and durations are written in JSON (`kayenta.serialization.*`).
    pub serialization: JsonTimes,
    /// The config index of the reference; this service reads the store itself, its timings are
    /// upper bounds.
    pub index: IndexSettings,
    /// `kayenta.default-archivers.enabled`, default true: whether finished runs are archived.
    pub archive_executions: bool,
    /// Whether a config's metric names must be present and unique
    /// (`kayenta.disable.metricname.validation` switches it off).
    pub validate_metric_names: bool,
    /// `/spectator/metrics`.
    pub spectator: SpectatorSettings,
    /// The pages under `/ui`.
    pub pages: PagesSettings,
    /// Who is notified of what, and how each is reached.
    pub notifications: Vec<(NotificationSettings, Connection)>,
    /// How long stored objects are kept.
    pub retention: RetentionSettings,
    /// The API document and its user interface.
    pub swagger: SwaggerSettings,
    /// The client every metric store and judge is called with.
    pub http_client: HttpClientSettings,
    /// Who may call.
    pub security: SecuritySettings,
    /// Settings of Prometheus beside its accounts.
    pub prometheus: PrometheusSettings,
    /// Settings of Atlas beside its accounts.
    pub atlas: AtlasSettings,
    /// Defaults of `POST /fetch/<store>/query`, by store.
    pub test_defaults: TestDefaults,
}
