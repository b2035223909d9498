//! Two series point by point.

/// What becomes of a gap (NaN) before points are paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// A gap stays one, so its point is in no pair.
    Keep,
    /// A gap counts as zero, as in a counter that does not exist before its first event.
    Zero,
}

/// The points at which both sides have a finite value, closed up. Index `t` of both vectors is the same
/// point, in the unit of the metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompletePairs {
    /// Values of the baseline.
    pub control: Vec<f64>,
    /// Values of the canary.
    pub experiment: Vec<f64>,
}

impl CompletePairs {
    /// Pairs both sides up to the end of the shorter one.
    #[must_use]
    pub fn new(control: &[f64], experiment: &[f64], gaps: Gaps) -> Self {
        let filled = |value: f64| match gaps {
            Gaps::Zero if value.is_nan() => 0.0,
            _ => value,
        };
        let capacity = control.len().min(experiment.len());
        let mut pairs = Self {
            control: Vec::with_capacity(capacity),
            experiment: Vec::with_capacity(capacity),
        };
        for (&c, &e) in control.iter().zip(experiment) {
            let (c, e) = (filled(c), filled(e));
            if c.is_finite() && e.is_finite() {
                pairs.control.push(c);
                pairs.experiment.push(e);
            }
        }
        pairs
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.control.len()
    }

    /// Whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.control.is_empty()
    }

    /// Whether there are pairs and both sides are equal in all of them.
    #[must_use]
    pub fn identical(&self) -> bool {
        !self.is_empty() && self.control == self.experiment
    }

    /// Baseline and canary of each pair.
    pub fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        self.control
            .iter()
            .copied()
            .zip(self.experiment.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn only_points_finite_on_both_sides_are_kept() {
        let control = [1.0, NAN, 3.0, f64::INFINITY, 5.0, 6.0];
        let experiment = [2.0, 2.0, NAN, 4.0, 7.0];
        let pairs = CompletePairs::new(&control, &experiment, Gaps::Keep);
        assert_eq!(
            (&pairs.control[..], &pairs.experiment[..]),
            (&[1.0, 5.0][..], &[2.0, 7.0][..])
        );
        let pairs = CompletePairs::new(&control, &experiment, Gaps::Zero);
        assert_eq!(pairs.control, [1.0, 0.0, 3.0, 5.0]);
        assert_eq!(pairs.experiment, [2.0, 2.0, 0.0, 7.0]);
    }

    #[test]
    fn no_pair_is_not_identical() {
        let identical = |c: &[f64], e: &[f64]| CompletePairs::new(c, e, Gaps::Keep).identical();
        assert!(identical(&[1.0, NAN, 0.0], &[1.0, 4.0, -0.0]));
        assert!(!identical(&[1.0, 2.0], &[1.0, 3.0]));
        assert!(!identical(&[NAN], &[1.0]));
    }
}
