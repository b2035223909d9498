//! What callers ask of the engine.

use std::sync::Arc;

use kayenta_model::{
    AnalysisRequest, CanaryConfig, CanaryExecutionRequest, CanaryScope, ExecutionStatus, Look,
    MetricSetPair, Thresholds,
};

/// Where the config of a run comes from.
#[expect(
    clippy::large_enum_variant,
    reason = "made once per request and moved, never kept in numbers"
)]
#[derive(Clone, Debug)]
pub enum ConfigSource {
    /// Stored under an id.
    ById {
        /// Account that keeps it; `None` or empty for the default one.
        configuration_account: Option<String>,
        /// Its key.
        config_id: String,
    },
    /// Sent along. `None` is an absent field, refused after the accounts are resolved.
    AdHoc {
        /// The config.
        config: Option<CanaryConfig>,
    },
}

/// `POST /canary` and `POST /canary/{id}`.
#[derive(Clone, Debug)]
pub struct StartCanary {
    /// The config to run.
    pub config_source: ConfigSource,
    /// Over which scopes, judged by which thresholds; `None` is an absent field of an ad-hoc body.
    pub request: Option<CanaryExecutionRequest>,
    /// As given: `None` when the parameter is absent.
    pub application: Option<String>,
    /// As given.
    pub parent_pipeline_execution_id: Option<String>,
    /// `None` or empty for the default account.
    pub metrics_account: Option<String>,
    /// `None` or empty for the default account.
    pub storage_account: Option<String>,
}

/// `POST /standalone_canary_analysis` and `POST /standalone_canary_analysis/{id}`.
#[derive(Clone, Debug)]
pub struct StartAnalysis {
    /// The config to run.
    pub config_source: ConfigSource,
    /// How to run it; `None` is an absent field of an ad-hoc body.
    pub request: Option<AnalysisRequest>,
    /// As given; `anonymous` when absent.
    pub user: Option<String>,
    /// As given; `ad-hoc` when absent, an empty text is kept.
    pub application: Option<String>,
    /// As given.
    pub parent_pipeline_execution_id: Option<String>,
    /// `None` or empty for the default account.
    pub metrics_account: Option<String>,
    /// `None` or empty for the default account.
    pub storage_account: Option<String>,
}

/// `POST /judges/comparison`: one stored pair list judged twice.
#[derive(Clone, Debug)]
pub struct StartComparison {
    /// Account that keeps the config; `None` or empty for the default one.
    pub configuration_account: Option<String>,
    /// Account that keeps the pair list; `None` or empty for the default one.
    pub storage_account: Option<String>,
    /// Key of the config.
    pub config_id: String,
    /// Key of the pair list.
    pub pair_list_id: String,
    /// Judge of the first run instead of the config's.
    pub override_judge_1: Option<String>,
    /// Judge of the second run instead of the config's.
    pub override_judge_2: Option<String>,
    /// Where a total passes and is marginal.
    pub thresholds: Thresholds,
}

/// Series at hand, to be judged by a config that is not stored.
#[derive(Clone, Debug)]
pub struct JudgePairs {
    /// The config.
    pub config: CanaryConfig,
    /// Where the score passes.
    pub thresholds: Thresholds,
    /// The series.
    pub pairs: Arc<Vec<MetricSetPair>>,
    /// Which look of its analysis it is.
    pub look: Look,
}

/// `POST /judges/judge`: a stored pair list judged at once.
#[derive(Clone, Debug)]
pub struct JudgeStoredPairs {
    /// Account that keeps the config; `None` or empty for the default one.
    pub configuration_account: Option<String>,
    /// Account that keeps the pair list; `None` or empty for the default one.
    pub storage_account: Option<String>,
    /// Key of the config.
    pub config_id: String,
    /// Key of the pair list.
    pub pair_list_id: String,
    /// Where a total passes and is marginal.
    pub thresholds: Thresholds,
}

/// `POST /fetch/<store>/query`: one metric over one scope, fetched while the caller waits.
#[derive(Clone, Debug)]
pub struct FetchOneMetric {
    /// `None` or empty for the default account.
    pub metrics_account: Option<String>,
    /// `None` or empty for the default account.
    pub storage_account: Option<String>,
    /// A config that holds the metric and the templates it names.
    pub config: CanaryConfig,
    /// Which of the config's metrics.
    pub metric_index: usize,
    /// Where and when.
    pub scope: CanaryScope,
    /// Only tell what the store would be sent.
    pub dry_run: bool,
}

/// What came of [`FetchOneMetric`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchOutcome {
    /// What the store would be sent.
    Query(String),
    /// Id of the stored metric set list.
    Stored(String),
}

/// `GET /canary/executions`.
#[derive(Clone, Debug)]
pub struct CanaryListing {
    /// `None` or empty for `ad-hoc`.
    pub application: Option<String>,
    /// Only these; empty for all.
    pub statuses: Vec<ExecutionStatus>,
    /// From 1; 0 counts as 1.
    pub page: usize,
    /// Length of a page.
    pub limit: usize,
    /// Only checked: runs still known are listed, never archives.
    pub storage_account: Option<String>,
}

/// What became of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It was going on and is canceled now.
    Canceled,
    /// It was complete already; nothing changed.
    AlreadyComplete,
}
