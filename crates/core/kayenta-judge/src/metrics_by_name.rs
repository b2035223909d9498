//! The metrics of a config, found by name.

use std::collections::HashMap;

use kayenta_model::{CanaryConfig, MetricConfig, MetricSetPair};

use crate::JudgeError;

/// Up to so many metrics are looked through, which is quicker than an index.
const FEW: usize = 16;

/// The metrics of a config. Finding one takes as long in a config of thousands as in one of a few.
#[derive(Debug)]
pub(crate) struct MetricsByName<'a> {
    all: &'a [MetricConfig],
    /// Where there are many.
    by_name: HashMap<Option<&'a str>, &'a MetricConfig>,
}

impl<'a> MetricsByName<'a> {
    pub(crate) fn of(config: &'a CanaryConfig) -> Self {
        let all = config.metrics();
        let mut by_name = HashMap::new();
        if all.len() > FEW {
            by_name.reserve(all.len());
            for metric in all {
                // The first one of a name counts.
                by_name.entry(metric.name.as_deref()).or_insert(metric);
            }
        }
        Self { all, by_name }
    }

    /// The first metric of the config with the name of the pair.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn of_pair(&self, pair: &MetricSetPair) -> Result<&'a MetricConfig, JudgeError> {
        if self.by_name.is_empty() {
            return metric_of(self.all, pair);
        }
        let found = self.by_name.get(&pair.name.as_deref()).copied();
        found.ok_or_else(|| unknown(pair))
    }
}

/// The first of the metrics with the name of the pair, for who looks for one alone.
///
/// # Errors
/// When there is none.
pub(crate) fn metric_of<'a>(
    metrics: &'a [MetricConfig],
    pair: &MetricSetPair,
) -> Result<&'a MetricConfig, JudgeError> {
    let found = metrics.iter().find(|metric| metric.name == pair.name);
    found.ok_or_else(|| unknown(pair))
}

fn unknown(pair: &MetricSetPair) -> JudgeError {
    JudgeError::UnknownMetric {
        metric: pair.name.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn the_first_metric_of_a_name_is_found_among_few_and_many_and_an_unknown_one_is_not() {
        let named = |name: Option<&str>, scope: &str| MetricConfig {
            name: name.map(str::to_owned),
            scope_name: Some(scope.to_owned()),
            ..MetricConfig::default()
        };
        for others in [0, FEW, 1_000] {
            let mut metrics = vec![named(Some("a"), "first"), named(Some("a"), "second")];
            metrics.extend((0..others).map(|number| named(Some(&format!("m{number}")), "other")));
            metrics.push(named(None, "nameless"));
            let config = CanaryConfig {
                metrics: Some(metrics),
                ..CanaryConfig::default()
            };
            let metrics = MetricsByName::of(&config);
            let scope = |name: Option<&str>| {
                let pair = MetricSetPair {
                    name: name.map(str::to_owned),
                    ..MetricSetPair::default()
                };
                let found = metrics.of_pair(&pair);
                found.map(|metric| metric.scope_name.as_deref().unwrap())
            };
            assert_eq!(scope(Some("a")).unwrap(), "first");
            assert_eq!(scope(None).unwrap(), "nameless");
            assert!(matches!(
                scope(Some("b")),
                Err(JudgeError::UnknownMetric { metric }) if metric == "b"
            ));
        }
    }
}
