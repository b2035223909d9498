//! The series of a metric as a file.

use kayenta_model::Side;

use super::{scope, values};
use crate::{number::Timestamp, run::JudgedRun};

impl JudgedRun<'_> {
    /// The series of a metric as CSV: time, baseline, canary, and whether a value is left out as an outlier. Empty when
    /// the series cannot be had.
    #[must_use]
    pub fn csv(&self, index: usize) -> String {
        let Some(pair) = self.pair(index) else {
            return String::new();
        };
        let used = self.used(index);
        let mut text = "offset_seconds,baseline_time,canary_time,baseline,canary,baseline_dropped,canary_dropped\n".to_owned();
        let time = |side: Side, position: usize| {
            let scope = scope(pair, side)?;
            let offset = i64::try_from(position)
                .ok()?
                .checked_mul(scope.step_millis)?;
            Some(Timestamp::of(scope.start_time_millis.checked_add(offset)?)?.iso)
        };
        let (baseline, canary) = (values(pair, Side::Control), values(pair, Side::Experiment));
        let value = |values: &[f64], position: usize| match values.get(position) {
            Some(value) if !value.is_nan() => value.to_string(),
            _ => String::new(),
        };
        let step = scope(pair, Side::Experiment).map_or(0, |scope| scope.step_millis);
        for position in 0..baseline.len().max(canary.len()) {
            let dropped = |outliers: &[usize]| u8::from(outliers.binary_search(&position).is_ok());
            let (of_baseline, of_canary) = used.as_ref().map_or((0, 0), |used| {
                (
                    dropped(&used.control.outliers),
                    dropped(&used.experiment.outliers),
                )
            });
            text.push_str(&format!(
                "{},{},{},{},{},{of_baseline},{of_canary}\n",
                i64::try_from(position)
                    .unwrap_or_default()
                    .saturating_mul(step)
                    / 1000,
                time(Side::Control, position).unwrap_or_default(),
                time(Side::Experiment, position).unwrap_or_default(),
                value(baseline, position),
                value(canary, position),
            ));
        }
        text
    }
}
