//! From raw values to the ones that are judged.

use std::borrow::Cow;

use kayenta_model::{MetricSetPair, is_null_sample};
use kayenta_stats::{SortedSample, Summary};

use crate::{
    JudgeError,
    settings::{MetricSettings, NanStrategy},
};

/// Name of the side under test in the values of a pair.
pub(crate) const EXPERIMENT: &str = "experiment";
/// Name of the side it is compared with.
pub(crate) const CONTROL: &str = "control";

/// The values of one side of a pair, nulls refused.
pub(crate) fn side<'a>(
    pair: &'a MetricSetPair,
    metric: &str,
    side: &'static str,
) -> Result<&'a [f64], JudgeError> {
    let values = pair
        .values
        .as_ref()
        .and_then(|values| values.get(side))
        .ok_or_else(|| JudgeError::MissingValues {
            metric: metric.to_owned(),
            side,
        })?;
    match values.iter().position(|&value| is_null_sample(value)) {
        Some(index) => Err(JudgeError::NullValue {
            metric: metric.to_owned(),
            side,
            index,
        }),
        None => Ok(values),
    }
}

/// One side after NaN and outlier handling.
#[derive(Debug)]
pub(crate) struct CleanSample<'a> {
    /// In the order of measurement, on which the last bits of mean and deviation depend. Borrowed as
    /// long as nothing had to go.
    pub(crate) values: Cow<'a, [f64]>,
    /// The same values in ascending order.
    pub(crate) sorted: SortedSample,
}

impl<'a> CleanSample<'a> {
    /// Cleans one side. The sides do not know of each other.
    pub(crate) fn new(raw: &'a [f64], settings: &MetricSettings) -> Self {
        let values = without_nan(raw, settings.nan_strategy);
        let sorted = SortedSample::new(values.iter().copied());
        let clean = Self { values, sorted };
        match settings.outlier_factor {
            Some(factor) => clean.without_outliers(factor),
            None => clean,
        }
    }

    fn without_outliers(mut self, factor: f64) -> Self {
        let fences = self.sorted.outlier_fences(factor);
        let before = self.sorted.len();
        self.sorted.retain_within(&fences);
        if self.sorted.len() < before {
            self.values.to_mut().retain(|&value| fences.keep(value));
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary::of(&self.values)
    }
}

/// The values with NaN dropped or replaced by zero; borrowed when there is none.
pub(crate) fn without_nan(raw: &[f64], strategy: NanStrategy) -> Cow<'_, [f64]> {
    if !raw.iter().any(|value| value.is_nan()) {
        return Cow::Borrowed(raw);
    }
    let clean = raw.iter().copied();
    Cow::Owned(match strategy {
        NanStrategy::Remove => clean.filter(|value| !value.is_nan()).collect(),
        NanStrategy::Replace => clean
            .map(|value| if value.is_nan() { 0.0 } else { value })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use kayenta_model::MetricConfig;
    use serde_json::json;

    use super::*;

    const NAN: f64 = f64::NAN;

    fn clean(raw: &[f64], canary: serde_json::Value) -> Vec<f64> {
        let metric: MetricConfig =
            serde_json::from_value(json!({"analysisConfigurations": {"canary": canary}})).unwrap();
        let settings = MetricSettings::read(&metric).unwrap();
        let sample = CleanSample::new(raw, &settings);
        let mut sorted = sample.values.to_vec();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(sample.sorted.values(), sorted);
        sample.values.into_owned()
    }

    #[test]
    fn nan_is_removed_or_replaced() {
        assert_eq!(
            clean(&[0.0, 1.0, NAN, 1.0, 0.0], json!({})),
            [0.0, 1.0, 1.0, 0.0]
        );
        assert_eq!(clean(&[NAN; 3], json!({})), [0.0; 0]);
        assert_eq!(
            clean(&[NAN, 10.1, NAN, 40.4], json!({"nanStrategy": "replace"})),
            [0.0, 10.1, 0.0, 40.4]
        );
    }

    #[test]
    fn outliers_are_removed_in_place() {
        let removing = json!({"outliers": {"strategy": "remove"}});
        let raw = [21.0, 23.0, 24.0, 25.0, 50.0, 29.0, 23.0, 21.0];
        assert_eq!(
            clean(&raw, removing.clone()),
            [21.0, 23.0, 24.0, 25.0, 29.0, 23.0, 21.0]
        );
        assert_eq!(clean(&raw, json!({})), raw);
        assert_eq!(clean(&[], removing.clone()), [0.0; 0]);
        let inside = [1.0, 1.0, 1.0, 5.0, -1.0, -1.0, -1.0, -5.0];
        assert_eq!(clean(&inside, removing), inside);
    }

    #[test]
    fn nulls_and_missing_sides_are_refused() {
        let pair: MetricSetPair =
            serde_json::from_value(json!({"name": "m", "values": {"control": [1.0, "NaN", null]}}))
                .unwrap();
        assert_eq!(
            side(&pair, "m", CONTROL).unwrap_err().to_string(),
            "metric 'm': value 2 of 'control' is null"
        );
        assert_eq!(
            side(&pair, "m", EXPERIMENT).unwrap_err().to_string(),
            "metric 'm': the metric set pair has no values for 'experiment'"
        );
    }
}
