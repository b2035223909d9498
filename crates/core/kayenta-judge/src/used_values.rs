//! Which of the given values a judgement rests on, for charts and statistics beside it.

use kayenta_model::{CanaryConfig, MetricSetPair};

use crate::{
    JudgeError,
    cleaning::{CONTROL, CleanSample, EXPERIMENT, without_nan},
    metrics_by_name::metric_of,
    settings::{Direction, MetricSettings, NanStrategy},
};

/// What of a pair is judged, and under which settings.
#[derive(Clone, Debug, PartialEq)]
pub struct UsedValues {
    /// The baseline.
    pub control: UsedSide,
    /// The canary.
    pub experiment: UsedSide,
    /// Whether the metric can fail the canary on its own.
    pub critical: bool,
    /// Whether the metric fails without data.
    pub must_have_data: bool,
    /// Which change counts: `increase`, `decrease` or `either`.
    pub direction: &'static str,
    /// Whether gaps count as zero.
    pub gaps_are_zero: bool,
}

/// What of one side is judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsedSide {
    /// The values that are judged, in time order.
    pub values: Vec<f64>,
    /// Positions of given values that are left out as outliers.
    pub outliers: Vec<usize>,
}

impl UsedValues {
    /// What a judgement of `pair` with `config` rests on.
    ///
    /// # Errors
    /// When the config has no such metric, or a setting of it has the wrong type.
    pub fn of(config: &CanaryConfig, pair: &MetricSetPair) -> Result<Self, JudgeError> {
        let settings = MetricSettings::read(metric_of(config.metrics(), pair)?)?;
        let side = |side| {
            let values = pair.values.as_ref().and_then(|values| values.get(side));
            UsedSide::of(values.map_or(&[], Vec::as_slice), &settings)
        };
        Ok(Self {
            control: side(CONTROL),
            experiment: side(EXPERIMENT),
            critical: settings.critical,
            must_have_data: settings.must_have_data,
            direction: match settings.direction {
                Direction::Increase => "increase",
                Direction::Decrease => "decrease",
                Direction::Either => "either",
            },
            gaps_are_zero: settings.nan_strategy == NanStrategy::Replace,
        })
    }
}

impl UsedSide {
    fn of(raw: &[f64], settings: &MetricSettings) -> Self {
        let values = CleanSample::new(raw, settings).values.into_owned();
        let mut outliers = Vec::new();
        if values.len() < without_nan(raw, settings.nan_strategy).len() {
            // What is left keeps its order: a value that does not come next was left out.
            let mut kept = values.iter().peekable();
            for (position, &value) in raw.iter().enumerate() {
                let value = match settings.nan_strategy {
                    NanStrategy::Replace if value.is_nan() => 0.0,
                    _ => value,
                };
                if value.is_nan() {
                    continue;
                }
                if kept
                    .peek()
                    .is_some_and(|next| next.to_bits() == value.to_bits())
                {
                    kept.next();
                } else {
                    outliers.push(position);
                }
            }
        }
        Self { values, outliers }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outliers_are_named_by_their_position_among_the_given_values() {
        let config: CanaryConfig = serde_json::from_value(json!({"metrics": [{"name": "m",
            "analysisConfigurations": {"canary": {"critical": true, "direction": "increase",
                "outliers": {"strategy": "remove"}}}}]}))
        .unwrap();
        let pair: MetricSetPair = serde_json::from_value(json!({"name": "m", "values": {
            "control": [21.0, "NaN", 23.0, 24.0, 25.0, 50.0, 29.0, 23.0, 21.0],
            "experiment": [1.0, "NaN"]}}))
        .unwrap();
        let used = UsedValues::of(&config, &pair).unwrap();
        assert_eq!(used.control.outliers, [5]);
        assert_eq!(
            used.control.values,
            [21.0, 23.0, 24.0, 25.0, 29.0, 23.0, 21.0]
        );
        assert_eq!(used.experiment.values, [1.0]);
        assert!(used.critical && !used.gaps_are_zero);
        assert_eq!(used.direction, "increase");
    }
}
