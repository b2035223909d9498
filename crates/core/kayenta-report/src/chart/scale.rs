//! From values to coordinates, and where ticks go.

/// A linear scale from values to coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Maps `from..to` onto `start..end`. A domain without a width is widened, so that nothing divides by zero.
    pub(crate) fn new((from, to): (f64, f64), (start, end): (f64, f64)) -> Self {
        let (from, to) = if from.is_finite() && to.is_finite() && from < to {
            (from, to)
        } else if from.is_finite() {
            let half = if from == 0.0 { 1.0 } else { from.abs() * 0.05 };
            (from - half, from + half)
        } else {
            (0.0, 1.0)
        };
        Self {
            from,
            to,
            start,
            end,
        }
    }

    /// The coordinate of a value, kept within the scale.
    pub(crate) fn at(&self, value: f64) -> f64 {
        // Halved first: the difference of two large doubles may be infinite.
        let share = (value / 2.0 - self.from / 2.0) / (self.to / 2.0 - self.from / 2.0);
        self.start + share.clamp(0.0, 1.0) * (self.end - self.start)
    }

    pub(crate) fn contains(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    /// Round values within the domain, about `count` of them.
    pub(crate) fn ticks(&self, count: usize) -> Vec<f64> {
        let width = self.to - self.from;
        if !width.is_finite() || width <= 0.0 {
            return vec![self.from, self.to];
        }
        let rough = width / count.max(1) as f64;
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|part| part * magnitude)
            .find(|step| *step >= rough)
            .unwrap_or(10.0 * magnitude);
        if !step.is_finite() || step <= 0.0 {
            return vec![self.from, self.to];
        }
        let first = (self.from / step).ceil();
        (0..=2 * count)
            .map(|index| (first + index as f64) * step)
            .take_while(|tick| *tick <= self.to + step * 1e-9)
            .collect()
    }
}

/// Steps of a time axis, in milliseconds.
const TIME_STEPS: [i64; 15] = [
    1_000,
    5_000,
    10_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    7_200_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
];

/// Round times from `start` on, at most about `count` of them, in milliseconds.
pub(crate) fn time_ticks(start: i64, length: i64, count: i64) -> Vec<i64> {
    let step = TIME_STEPS
        .into_iter()
        .find(|step| length / step <= count.max(1))
        .unwrap_or_else(|| (length / count.max(1)).max(1));
    let first = start.div_euclid(step) * step;
    let end = start.saturating_add(length);
    (0..=count + 2)
        .map(|index| first.saturating_add(index * step))
        .filter(|tick| (start..=end).contains(tick))
        .collect()
}

/// The least and the greatest finite value.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold(None, |extent, value| match extent {
            None => Some((value, value)),
            Some((least, greatest)) => Some((least.min(value), greatest.max(value))),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let scale = Scale::new((0.0, 97.0), (0.0, 100.0));
        assert_eq!(scale.ticks(5), [0.0, 20.0, 40.0, 60.0, 80.0]);
        assert_eq!(
            time_ticks(1_000, 3_600_000, 6),
            [
                600_000, 1_200_000, 1_800_000, 2_400_000, 3_000_000, 3_600_000
            ]
        );
    }

    proptest! {
        #[test]
        fn coordinates_stay_within_the_scale_and_ticks_ascend(from: f64, to: f64, value: f64, count in 1usize..12) {
            let scale = Scale::new((from, to), (10.0, 90.0));
            let at = scale.at(value);
            prop_assert!(value.is_nan() || (10.0..=90.0).contains(&at), "{at}");
            let ticks = scale.ticks(count);
            prop_assert!(ticks.len() <= 2 * count + 2);
            prop_assert!(ticks.windows(2).all(|pair| pair[0] <= pair[1]));
        }

        #[test]
        fn time_ticks_lie_within_the_axis(start in -1e14 as i64..1e14 as i64, length in 0i64..1e12 as i64) {
            for tick in time_ticks(start, length, 8) {
                prop_assert!((start..=start + length).contains(&tick));
            }
        }
    }
}
