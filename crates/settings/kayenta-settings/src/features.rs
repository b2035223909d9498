//! The smaller groups under `kayenta.*`, and `spectator.*` and `swagger.*`.

use std::time::Duration;

use indexmap::IndexMap;

use kayenta_secrets::BaseUrl;

use crate::security::BrowserAccess;

/// The remote judge (`kayenta.remoteJudge.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteJudgeSettings {
    /// `endpoint.baseUrl`.
    pub base_url: BaseUrl,
    /// Connect timeout, fixed at 30 s in the reference; `connect-timeout` here.
    pub connect_timeout: Duration,
    /// Read timeout, fixed at 90 s in the reference; `read-timeout` here.
    pub read_timeout: Duration,
}

impl RemoteJudgeSettings {
    /// The reference's limits for an endpoint.
    #[must_use]
    pub fn new(base_url: BaseUrl) -> Self {
        Self {
            base_url,
            connect_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(90),
        }
    }
}

/// What judging offers beside the reference's judges; all off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JudgingSettings {
    /// `kayenta.paired-judge.enabled`: whether configs may name `PairedCanaryJudge-v1.0`.
    pub paired_judge: bool,
    /// `kayenta.static-limit-judge.enabled`: whether configs may name `StaticLimitJudge-v1.0`.
    pub static_limit_judge: bool,
    /// `kayenta.explanations.enabled`: whether verdicts contain their explanations.
    pub explanations: bool,
}

/// The config index of the reference (`kayenta.index.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSettings {
    /// `enabled`, default true: whether the health component is there.
    pub enabled: bool,
    /// `heartbeatIntervalMS`, default 5 s.
    pub heartbeat_interval: Duration,
    /// `indexingInitialDelayMS`, default 5 s: an upper bound here.
    pub initial_delay: Duration,
    /// `indexingIntervalMS`, default 15 min.
    pub interval: Duration,
    /// `indexingLockTTLSec`, default 15 min.
    pub lock_ttl: Duration,
    /// `pendingUpdateStaleEntryThresholdMS`, default 1 h.
    pub stale_entry_threshold: Duration,
}

/// `/spectator/metrics` (`spectator.*`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpectatorSettings {
    /// `webEndpoint.enabled`, default false.
    pub enabled: bool,
    /// `applicationName`.
    pub application_name: String,
    /// `applicationVersion`.
    pub application_version: String,
}

/// The pages (`kayenta.ui.*`).
#[derive(Clone, Debug, Default)]
pub struct PagesSettings {
    /// `enabled`, default true: whether `/ui` is there.
    pub enabled: bool,
    /// `publicUrl`: the address of this service for browsers, without `/ui` and without a slash at its end.
    pub public_url: Option<String>,
    /// How browsers show who they are.
    pub browser: BrowserAccess,
}

/// The API document (`swagger.*`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwaggerSettings {
    /// `enabled`, off when absent.
    pub enabled: bool,
    /// `title`.
    pub title: String,
    /// `description`.
    pub description: String,
    /// `contact`.
    pub contact: String,
    /// `patterns`: regular expressions of the paths the document lists; empty for all.
    pub patterns: Vec<String>,
}

/// Prometheus beside its accounts (`kayenta.prometheus.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrometheusSettings {
    /// `health.*`; `None` unless switched on with at least one account.
    pub health: Option<PrometheusHealthSettings>,
}

/// The `prometheus` health component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrometheusHealthSettings {
    /// `initial-delay`, default 2 s.
    pub initial_delay: Duration,
    /// `fixed-delay`, default 5 min.
    pub fixed_delay: Duration,
}

/// Atlas beside its accounts (`kayenta.atlas.*`); read and without effect (C-ATLAS-06).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtlasSettings {
    /// `stageTimeoutMinutes`, default 3 min.
    pub stage_timeout: Duration,
    /// `maxBackoffPeriodSeconds`, default 32 s.
    pub max_back_off: Duration,
}

/// Defaults of `POST /fetch/<store>/query`: store to property (`scope`, `start`, `end`, `project`,
/// `resourceType`, `location`) to value (`kayenta.<store>.testControllerDefaults.*`).
pub type TestDefaults = IndexMap<String, IndexMap<String, String>>;
