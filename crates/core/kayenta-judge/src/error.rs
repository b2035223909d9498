//! Why a whole judgement fails.

use std::time::Duration;

use thiserror::Error;

/// What sort of failure a [`JudgeError`] is, for callers that map it to their own errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JudgeErrorKind {
    /// The reference refuses the request as an illegal argument; its text is on the wire.
    InvalidArgument,
    /// Config or values are malformed in a way the reference stumbles over without a text of its own.
    Malformed,
    /// Another service failed.
    Remote,
}

/// Why a whole judgement fails. Nothing is returned then; a single metric that cannot be classified
/// is a result of class `Error` instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// No judge has the name a config or request asks for.
    #[error("Unable to resolve canary judge '{name}'.")]
    UnknownJudge {
        /// The name asked for.
        name: String,
    },
    /// A registry without any judge was asked for its default.
    #[error("no canary judge is registered")]
    NoJudge,
    /// A pair has a name no metric of the config has.
    #[error("Could not find metric config for {metric}")]
    UnknownMetric {
        /// Name of the pair.
        metric: String,
    },
    /// Outliers are to be removed with a factor that is not positive.
    #[error("requirement failed: factor must be greater than zero")]
    OutlierFactor {
        /// Name of the metric.
        metric: String,
        /// The factor found.
        factor: f64,
    },
    /// A judge setting of a metric has the wrong type.
    #[error("metric '{metric}': setting '{setting}' is {found}, expected {expected}")]
    Setting {
        /// Name of the metric.
        metric: String,
        /// Path of the setting under `analysisConfigurations`, such as `canary.critical`.
        setting: String,
        /// The offending JSON value.
        found: String,
        /// The type the judge wants.
        expected: &'static str,
    },
    /// A config is made for the static-baseline judge of another distribution.
    #[error(
        "metric '{metric}': 'staticBaseline' is not supported; set 'upper' and/or 'lower' under \
         'analysisConfigurations.canary.staticLimit', and there 'statistic' (mean, median, p95, p99, max or \
         share) and 'toleratedShare'"
    )]
    StaticBaseline {
        /// Name of the metric.
        metric: String,
    },
    /// A setting of the judge itself has the wrong type or is out of range.
    #[error("setting '{setting}' is {found}, expected {expected}")]
    JudgeSetting {
        /// Path of the setting in the config.
        setting: String,
        /// The offending JSON value.
        found: String,
        /// What the judge wants.
        expected: &'static str,
    },
    /// A look is outside of the looks that are planned.
    #[error("look {index} of {total}: the index of a look lies between 1 and its total")]
    Look {
        /// Index of the look.
        index: u32,
        /// Looks that are planned.
        total: u32,
    },
    /// A pair lacks the values of one side.
    #[error("metric '{metric}': the metric set pair has no values for '{side}'")]
    MissingValues {
        /// Name of the metric.
        metric: String,
        /// `experiment` or `control`.
        side: &'static str,
    },
    /// A value is JSON `null`.
    #[error("metric '{metric}': value {index} of '{side}' is null")]
    NullValue {
        /// Name of the metric.
        metric: String,
        /// `experiment` or `control`.
        side: &'static str,
        /// Position of the first null, from 0.
        index: usize,
    },
    /// The config has no `classifier`, where the group weights are.
    #[error("the canary config has no classifier")]
    MissingClassifier,
    /// Another service failed.
    #[error("{message}")]
    Remote {
        /// What was asked.
        url: String,
        /// What was tried and what went wrong, fit for clients. For HTTP failures it is the
        /// reference's: `Status: <code>, URL: <url>, Message: <reason>`.
        message: String,
        /// HTTP status of the answer, when there was one; 2xx when the answer itself is of no use.
        status: Option<u16>,
        /// The service's own account of the failure.
        said: RemoteWords,
        /// How often it was asked.
        attempts: u32,
        /// How long that took in all.
        elapsed: Duration,
        /// The cause below.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// What a service that judges said of its failure, in Spinnaker's form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteWords {
    /// Its `error`.
    pub error: Option<String>,
    /// Its `errors`.
    pub errors: Vec<String>,
}

impl JudgeError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> JudgeErrorKind {
        match self {
            Self::UnknownJudge { .. }
            | Self::UnknownMetric { .. }
            | Self::OutlierFactor { .. }
            | Self::StaticBaseline { .. }
            | Self::JudgeSetting { .. }
            | Self::Look { .. } => JudgeErrorKind::InvalidArgument,
            Self::Remote { .. } => JudgeErrorKind::Remote,
            Self::NoJudge
            | Self::Setting { .. }
            | Self::MissingValues { .. }
            | Self::NullValue { .. }
            | Self::MissingClassifier => JudgeErrorKind::Malformed,
        }
    }
}
