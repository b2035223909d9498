//! Statistics of the values that were judged.

use crate::{
    chart::distribution::{Distributions, quantile},
    number,
    run::signed_percent,
};

pub(crate) struct StatisticLine {
    pub(crate) name: &'static str,
    pub(crate) baseline: String,
    pub(crate) canary: String,
    pub(crate) change: String,
}

/// A statistic of values in time order and in ascending order.
type Statistic<'a> = &'a dyn Fn(&[f64], &[f64]) -> Option<f64>;

pub(crate) fn statistics(baseline: &[f64], canary: &[f64]) -> Vec<StatisticLine> {
    let sorted = Distributions::new(baseline, canary);
    let mut lines = vec![StatisticLine {
        name: "count",
        baseline: baseline.len().to_string(),
        canary: canary.len().to_string(),
        change: String::new(),
    }];
    let mut line = |name: &'static str, of: Statistic<'_>| {
        let (before, after) = (of(baseline, &sorted.baseline), of(canary, &sorted.canary));
        let text = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), number::number);
        let change = before
            .zip(after)
            .map(|(before, after)| 100.0 * (after - before) / before.abs())
            .filter(|change| change.is_finite());
        lines.push(StatisticLine {
            name,
            baseline: text(before),
            canary: text(after),
            change: change.map(signed_percent).unwrap_or_default(),
        });
    };
    let present = |values: &[f64], of: fn(&[f64]) -> f64| (!values.is_empty()).then(|| of(values));
    line("mean", &|values, _| present(values, kayenta_stats::mean));
    line("median", &|_, sorted| quantile(sorted, 0.5));
    line("min", &|values, _| present(values, kayenta_stats::min));
    line("max", &|values, _| present(values, kayenta_stats::max));
    line("standard deviation", &|values, _| {
        present(values, kayenta_stats::sample_std)
    });
    line("P95", &|_, sorted| quantile(sorted, 0.95));
    lines
}
