//! The judge `dredd-v1.0`: a dummy that throws dice.

use std::{fmt::Debug, sync::Arc};

use kayenta_model::{AnalysisResult, CanaryJudgeResult, MetricSetPair};
use kayenta_stats::Summary;

use crate::{
    JudgeError, JudgeRequest, LocalJudge,
    classification::Label,
    cleaning::{CONTROL, EXPERIMENT, side},
    metrics_by_name::MetricsByName,
    netflix::blank_result,
    scoring::{Judged, JudgedPairs},
};

/// Where the dice come from; the crate has none of its own.
pub trait Dice: Send + Sync + Debug {
    /// A uniform draw from 0.0 (inclusive) to 1.0 (exclusive).
    fn uniform(&self) -> f64;
}

/// Labels every metric at random, about a third each `High`, `Pass` and `Low`, whatever the values.
/// Meant for trying out the service, so it is not offered to users.
#[derive(Clone, Debug)]
pub struct RandomDummyJudge {
    dice: Arc<dyn Dice>,
}

impl RandomDummyJudge {
    /// The name configs ask for.
    pub const NAME: &str = "dredd-v1.0";

    /// A judge that throws these dice.
    #[must_use]
    pub fn new(dice: Arc<dyn Dice>) -> Self {
        Self { dice }
    }

    fn judge_pair(
        &self,
        metrics: &MetricsByName<'_>,
        pair: &MetricSetPair,
    ) -> Result<Judged, JudgeError> {
        let metric = metrics.of_pair(pair)?;
        let experiment = side(pair, metric.name(), EXPERIMENT)?;
        let control = side(pair, metric.name(), CONTROL)?;
        // The draw is a percentage of two decimals.
        let draw = (self.dice.uniform() * 10_000.0).round() / 100.0;
        let label = if draw >= 66.0 {
            Label::High
        } else if draw >= 33.0 {
            Label::Pass
        } else {
            Label::Low
        };
        Ok(Judged {
            label,
            result: AnalysisResult {
                classification: Some(label.as_str().to_owned()),
                ..blank_result(metric, pair, Summary::of(experiment), Summary::of(control))
            },
        })
    }
}

impl LocalJudge for RandomDummyJudge {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn visible(&self) -> bool {
        false
    }

    fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError> {
        let metrics = MetricsByName::of(&request.canary_config);
        let pairs = request.metric_set_pairs.iter();
        let judged = pairs.map(|pair| self.judge_pair(&metrics, pair));
        judged
            .collect::<Result<JudgedPairs, _>>()?
            .verdict(Self::NAME, request)
    }
}
