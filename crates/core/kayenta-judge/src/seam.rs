//! The seam of all judges.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use async_trait::async_trait;
use kayenta_model::{CanaryConfig, CanaryJudgeResult, Look, MetricSetPair, Thresholds};

use crate::{JudgeError, figures::percent, scoring::JudgedPairs};

/// The scores from which a canary passes or is marginal. They always come with the request; the ones
/// inside a config are never used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreThresholds {
    /// A total at or above it is a `Pass`.
    pub pass: f64,
    /// A total at or above it, but below `pass`, is `Marginal`; anything lower is `Fail`.
    pub marginal: f64,
}

/// Absent thresholds count as `0.0`.
impl From<Thresholds> for ScoreThresholds {
    fn from(thresholds: Thresholds) -> Self {
        Self {
            pass: thresholds.pass.unwrap_or_default(),
            marginal: thresholds.marginal.unwrap_or_default(),
        }
    }
}

impl From<ScoreThresholds> for Thresholds {
    fn from(thresholds: ScoreThresholds) -> Self {
        Self {
            pass: Some(thresholds.pass),
            marginal: Some(thresholds.marginal),
        }
    }
}

/// Everything a judge looks at. Shared as an `Arc` between the caller and the thread that judges, so
/// that no sample is ever copied.
#[derive(Clone, Debug, Default)]
pub struct JudgeRequest {
    /// The config whose metrics, groups and weights apply.
    pub canary_config: Arc<CanaryConfig>,
    /// Where a total passes.
    pub thresholds: ScoreThresholds,
    /// The pairs to judge; results come in the same order.
    pub metric_set_pairs: Arc<Vec<MetricSetPair>>,
    /// Which judgement of its analysis it is. Judges whose error rate does not depend on it ignore it.
    pub look: Look,
}

/// A verdict, and whether the analysis it is a look of may end with it.
#[derive(Clone, Debug, PartialEq)]
pub struct LookVerdict {
    /// The verdict.
    pub result: CanaryJudgeResult,
    /// Set when the remaining looks can be spared because a harmful change is excluded.
    pub early_success: Option<EarlySuccess>,
}

/// A verdict of a judge that makes nothing of looks.
impl From<CanaryJudgeResult> for LookVerdict {
    fn from(result: CanaryJudgeResult) -> Self {
        Self {
            result,
            early_success: None,
        }
    }
}

/// Why an analysis ends before its last look although nothing is wrong. Its text is the message of the
/// analysis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlySuccess {
    /// The look that is the last one now.
    pub look: Look,
    /// The relative change that is excluded.
    pub tolerated_change: f64,
    /// The chance that there is one all the same.
    pub miss_rate: f64,
}

impl fmt::Display for EarlySuccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Ended early at look {} of {}: a change of {} or more is excluded (error at most {}).",
            self.look.index,
            self.look.total,
            percent(self.tolerated_change),
            self.miss_rate
        )
    }
}

/// A judge that computes: synchronous, deterministic in its inputs, free of I/O.
pub trait LocalJudge: Send + Sync + Debug {
    /// The name configs ask for.
    fn name(&self) -> &str;

    /// Whether user interfaces should offer it.
    fn visible(&self) -> bool;

    /// Whether it compares the canary with a baseline. A run whose judge does not may leave the baseline out.
    fn needs_baseline(&self) -> bool {
        true
    }

    /// Whether its error rate is shared among the looks of an analysis, so that a verdict depends on which
    /// look it is.
    fn heeds_looks(&self) -> bool {
        false
    }

    /// The judge as one that looks at each pair alone; `None` for those that need all pairs at once.
    fn pair_by_pair(self: Arc<Self>) -> Option<Arc<dyn PairJudge>> {
        None
    }

    /// Judges all pairs. May take long on long series: call it on a blocking thread.
    ///
    /// # Errors
    /// The whole judgement fails when the config does not fit the pairs or a setting has the wrong
    /// type. A metric that cannot be classified is no error but a result of class `Error`.
    fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError>;

    /// Judges all pairs as a look of an analysis. Only judges that keep an error rate over all looks ever
    /// end an analysis early.
    ///
    /// # Errors
    /// Those of [`judge`](Self::judge).
    fn judge_look(&self, request: &JudgeRequest) -> Result<LookVerdict, JudgeError> {
        self.judge(request).map(LookVerdict::from)
    }
}

/// A judge whose verdict on a pair depends on that pair alone, so that the pairs of a large run need not all be there at
/// the same time.
pub trait PairJudge: LocalJudge {
    /// Judges some of a run's pairs. May take long on long series: call it on a blocking thread.
    ///
    /// # Errors
    /// As [`LocalJudge::judge`].
    fn judge_pairs(&self, request: &JudgeRequest) -> Result<JudgedPairs, JudgeError>;
}

/// A judge that asks another service.
#[async_trait]
pub trait RemoteJudge: Send + Sync + Debug {
    /// The name configs ask for.
    fn name(&self) -> &str;

    /// Whether user interfaces should offer it.
    fn visible(&self) -> bool;

    /// Judges all pairs.
    ///
    /// # Errors
    /// [`JudgeError::Remote`] when the service cannot be reached or does not answer with a result.
    async fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError>;
}

/// A judge of either sort. Cloning shares it.
#[derive(Clone, Debug)]
pub enum Judge {
    /// Burns CPU; belongs on a blocking thread.
    Local(Arc<dyn LocalJudge>),
    /// Waits for the network; belongs on the async runtime.
    Remote(Arc<dyn RemoteJudge>),
}

impl Judge {
    /// The name configs ask for.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Local(judge) => judge.name(),
            Self::Remote(judge) => judge.name(),
        }
    }

    /// Whether user interfaces should offer it.
    #[must_use]
    pub fn visible(&self) -> bool {
        match self {
            Self::Local(judge) => judge.visible(),
            Self::Remote(judge) => judge.visible(),
        }
    }

    /// Whether it compares the canary with a baseline.
    #[must_use]
    pub fn needs_baseline(&self) -> bool {
        match self {
            Self::Local(judge) => judge.needs_baseline(),
            Self::Remote(_) => true,
        }
    }

    /// Whether its verdict depends on which look of an analysis it is; that of a remote judge does not, as
    /// it is not sent the look.
    #[must_use]
    pub fn heeds_looks(&self) -> bool {
        match self {
            Self::Local(judge) => judge.heeds_looks(),
            Self::Remote(_) => false,
        }
    }
}
