//! Properties that hold for any data.

use kayenta_stats::{
    Interval, MannWhitney, SortedSample, common_language_effect, critical_value, rank_sum,
};
use proptest::prelude::*;

use crate::oracle;

/// Data of every temper: continuous, rounded, counts, zero-inflated, signed zeros, near-duplicates.
fn values(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let near = |base: f64| (0u64..4).prop_map(move |ulps| f64::from_bits(base.to_bits() + ulps));
    prop_oneof![
        prop::collection::vec(-100.0..100.0f64, sizes.clone()),
        prop::collection::vec((0i32..12).prop_map(f64::from), sizes.clone()),
        prop::collection::vec(
            (-40i32..40).prop_map(|n| f64::from(n) / 10.0),
            sizes.clone()
        ),
        prop::collection::vec(
            prop_oneof![3 => Just(0.0), 1 => Just(-0.0), 2 => -1.0..5.0f64],
            sizes.clone()
        ),
        prop::collection::vec(prop_oneof![near(0.1), near(0.3), near(1e3)], sizes.clone()),
        prop::collection::vec(
            prop_oneof![-1e300..1e300f64, -1e-300..1e-300f64],
            sizes.clone()
        ),
        prop::collection::vec(
            prop_oneof![4 => 0.0..9.0f64, 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY)],
            sizes
        ),
    ]
}

fn sorted(values: &[f64]) -> SortedSample {
    SortedSample::new(values.iter().copied())
}

fn bits(interval: Interval) -> [u64; 3] {
    // A NaN is a NaN: only its payload may differ between ways to come by it.
    [interval.lower, interval.upper, interval.estimate].map(|value| {
        if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            value.to_bits()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_statistic_equals_the_plain_one(
        x in values(1..70), y in values(1..70), mu in prop_oneof![-10.0..10.0f64, Just(0.0), Just(1.0), Just(-0.0), Just(0.1)],
    ) {
        let (a, b) = (sorted(&x), sorted(&y));
        let ours = MannWhitney::new(&a, &b).statistic(mu).ok().map(f64::to_bits);
        prop_assert_eq!(ours, oracle::statistic(&x, &y, mu).map(f64::to_bits));
    }

    #[test]
    fn the_interval_equals_the_plain_one(
        x in values(1..60), y in values(1..60), confidence in 0.5..0.999f64,
    ) {
        let (a, b) = (sorted(&x), sorted(&y));
        let critical = critical_value(confidence);
        let ours = MannWhitney::new(&a, &b).interval(critical).ok().map(bits);
        prop_assert_eq!(ours, oracle::interval(&x, &y, critical).map(bits));
    }

    #[test]
    fn the_rank_sum_follows_from_the_effect(x in values(1..50), y in values(1..50)) {
        let m = x.len() as f64;
        let effect = common_language_effect(&sorted(&x), &sorted(&y));
        let wins = rank_sum(&x, &y) - m * (m + 1.0) / 2.0;
        prop_assert_eq!(effect, 2.0 * wins / (2.0 * y.len() as f64 * m));
    }

    #[test]
    fn order_of_the_values_does_not_matter(
        x in values(1..40), y in values(1..40), seed in any::<u64>(),
    ) {
        let rotate = |v: &[f64]| {
            let mut v = v.to_vec();
            let by = seed as usize % v.len();
            v.rotate_left(by);
            if seed.is_multiple_of(2) { v.reverse(); }
            v
        };
        let critical = critical_value(0.98);
        let (a, b) = (sorted(&x), sorted(&y));
        let (c, d) = (sorted(&rotate(&x)), sorted(&rotate(&y)));
        prop_assert_eq!(
            MannWhitney::new(&a, &b).interval(critical).ok().map(bits),
            MannWhitney::new(&c, &d).interval(critical).ok().map(bits)
        );
    }

    #[test]
    fn swapping_the_samples_negates_the_statistic(
        x in prop::collection::vec((-64i32..64).prop_map(f64::from), 1..40),
        y in prop::collection::vec((-64i32..64).prop_map(f64::from), 1..40),
        mu in (-64i32..64).prop_map(|n| f64::from(n) / 2.0),
    ) {
        // Halves and integers subtract without rounding, so the ties are the same on both sides.
        let (a, b) = (sorted(&x), sorted(&y));
        let forth = MannWhitney::new(&a, &b).statistic(mu);
        let back = MannWhitney::new(&b, &a).statistic(-mu);
        prop_assert_eq!(forth, back.map(|g| 0.0 - g));
    }

    #[test]
    fn shifting_the_experiment_shifts_the_interval(
        x in prop::collection::vec(0.0..8.0f64, 2..40),
        y in prop::collection::vec(0.0..8.0f64, 2..40),
        shift in -20.0..20.0f64,
    ) {
        let moved: Vec<f64> = x.iter().map(|value| value + shift).collect();
        let critical = critical_value(0.98);
        let (a, b, c) = (sorted(&x), sorted(&y), sorted(&moved));
        let here = MannWhitney::new(&a, &b).interval(critical).unwrap();
        let there = MannWhitney::new(&c, &b).interval(critical).unwrap();
        // Each end is within the root finder's tolerance of a change of sign; the estimate may be any
        // point of a plateau, so only the ends move along.
        prop_assert!((there.lower - here.lower - shift).abs() < 2.5e-4);
        prop_assert!((there.upper - here.upper - shift).abs() < 2.5e-4);
    }
}
