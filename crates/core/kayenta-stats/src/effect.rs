//! Effect sizes.

use crate::{MannWhitney, SortedSample, mean};

/// Mean of the experiment over mean of the control; NaN when either mean is zero.
#[must_use]
pub fn mean_ratio(experiment: &[f64], control: &[f64]) -> f64 {
    ratio_of_means(mean(experiment), mean(control))
}

/// [`mean_ratio`] of means already known.
#[must_use]
pub fn ratio_of_means(experiment: f64, control: f64) -> f64 {
    if experiment == 0.0 || control == 0.0 {
        f64::NAN
    } else {
        experiment / control
    }
}

/// Common language effect size: the chance that a value of the experiment exceeds one of the control,
/// ties counting half. In 0..=1; NaN when a side is empty.
///
/// The reference overflows 32-bit integers from 32,768 points a side on; this does not (C-JUDGE-02).
#[must_use]
pub fn common_language_effect(experiment: &SortedSample, control: &SortedSample) -> f64 {
    MannWhitney::new(experiment, control).common_language_effect()
}
