//! What a judged run had to compare: points on each side of every metric, and what makes a verdict
//! worth less than its score.
//!
//! A judge scores what it is given. A metric in `Error` does not count, a series that does not exist
//! becomes zeros under `nanStrategy: replace`, and two sides that are one query are always equal: each
//! of these can end in a score of 100 although nothing was compared. The pair list of the run shows it.

use std::collections::HashMap;

use indexmap::IndexMap;
use kayenta_model::{
    AnalysisResult, CanaryConfig, CanaryExecutionResult, ClassifierConfig, MetricSetPair,
};

/// Fewer points than this on a side reduce confidence in a comparison; the limit of the service's own
/// warning.
const FEW_POINTS: usize = 50;

/// How many names a warning lists before it counts the rest.
const LISTED_NAMES: usize = 5;

/// What one metric of a run had to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricEvidence {
    /// Name of the metric.
    pub name: String,
    /// Points of the baseline, gaps left out; `None` when it is not known.
    pub control_points: Option<usize>,
    /// Points of the canary, gaps left out; `None` when it is not known.
    pub experiment_points: Option<usize>,
    /// Whether both sides are the same query over the same time.
    pub same_query: bool,
    /// Whether the judge compared two sides with data that come from different queries, and the
    /// result counts.
    pub compared: bool,
}

/// What a run had to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// One entry for each judged metric, in the judge's order.
    pub metrics: Vec<MetricEvidence>,
    /// What a reader of the verdict should know, in sentences.
    pub warnings: Vec<String>,
}

impl Evidence {
    /// The evidence of a judged run. Without its pair list, the number of points is taken from the
    /// judge's statistics, which count values that `nanStrategy` put in.
    #[must_use]
    pub fn of(
        run: &CanaryExecutionResult,
        pairs: Option<&[MetricSetPair]>,
        config: Option<&CanaryConfig>,
    ) -> Self {
        let results = results(run);
        let by_id: HashMap<&str, &MetricSetPair> = pairs
            .unwrap_or_default()
            .iter()
            .filter_map(|pair| Some((pair.id.as_deref()?, pair)))
            .collect();
        let metrics: Vec<MetricEvidence> = results
            .iter()
            .map(|result| {
                let pair = result.id.as_deref().and_then(|id| by_id.get(id)).copied();
                metric(result, pair)
            })
            .collect();
        let warnings = warnings(results, &metrics, config);
        Self { metrics, warnings }
    }

    /// Whether at least one metric that counts compared real data.
    #[must_use]
    pub fn compared_anything(&self) -> bool {
        self.metrics.iter().any(|metric| metric.compared)
    }
}

/// The judged metrics of a run.
pub(crate) fn results(run: &CanaryExecutionResult) -> &[AnalysisResult] {
    run.result
        .as_ref()
        .and_then(|result| result.judge_result.as_ref())
        .and_then(|judged| judged.results.as_deref())
        .unwrap_or_default()
}

fn metric(result: &AnalysisResult, pair: Option<&MetricSetPair>) -> MetricEvidence {
    let points = |side: &str, judged: Option<i64>| match pair {
        Some(pair) => Some(points_of(pair, side)),
        None => judged.and_then(|count| usize::try_from(count).ok()),
    };
    let stats = |side: &Option<kayenta_model::SideMetadata>| side.as_ref().and_then(|s| s.count());
    let control_points = points("control", stats(&result.control_metadata));
    let experiment_points = points("experiment", stats(&result.experiment_metadata));
    let same_query = pair.and_then(is_same_query).unwrap_or_default();
    let label = result.classification.as_deref().unwrap_or_default();
    let has_data = |points: Option<usize>| points != Some(0);
    MetricEvidence {
        name: result.name.clone().unwrap_or_default(),
        control_points,
        experiment_points,
        same_query,
        compared: !result.muted
            && !matches!(label, "" | "Error" | "Nodata" | "NodataFailMetric")
            && has_data(control_points)
            && has_data(experiment_points)
            && !same_query,
    }
}

fn points_of(pair: &MetricSetPair, side: &str) -> usize {
    let values = pair.values.as_ref().and_then(|values| values.get(side));
    values.map_or(0, |values| values.iter().filter(|v| !v.is_nan()).count())
}

/// Whether both sides come from one query over one time. The attributes hold all that the store was
/// sent; the values must agree too, so that a store which reports only part of it is not taken for it. `None` when a side lacks one of these.
fn is_same_query(pair: &MetricSetPair) -> Option<bool> {
    let attributes = pair.attributes.as_ref()?;
    let (control, experiment) = (attributes.get("control")?, attributes.get("experiment")?);
    let asked = !control.get("query")?.is_empty();
    let scopes = pair.scopes.as_ref()?;
    let start = |side: &str| Some(scopes.get(side)?.start_time_millis);
    let values = pair.values.as_ref()?;
    let (before, after) = (values.get("control")?, values.get("experiment")?);
    let equal = |(left, right): (&f64, &f64)| left == right || (left.is_nan() && right.is_nan());
    Some(
        asked
            && control == experiment
            && start("control")? == start("experiment")?
            && before.len() == after.len()
            && before.iter().zip(after).all(equal),
    )
}

fn warnings(
    results: &[AnalysisResult],
    metrics: &[MetricEvidence],
    config: Option<&CanaryConfig>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let named = |wanted: &dyn Fn(&MetricEvidence) -> bool| -> Vec<&str> {
        let found = metrics.iter().filter(|metric| wanted(metric));
        found.map(|metric| metric.name.as_str()).collect()
    };
    warnings.extend(unpaired(results, metrics));
    let mut warn = |names: Vec<&str>, text: &str| {
        if !names.is_empty() {
            warnings.push(format!("{text}: {}", listed(&names)));
        }
    };
    warn(
        named(&|metric| metric.control_points == Some(0) && metric.experiment_points == Some(0)),
        "no data on either side",
    );
    warn(
        named(&|metric| metric.control_points == Some(0) && metric.experiment_points != Some(0)),
        "no data for the baseline",
    );
    warn(
        named(&|metric| metric.experiment_points == Some(0) && metric.control_points != Some(0)),
        "no data for the canary",
    );
    warn(
        named(&|metric| metric.same_query),
        "baseline and canary are the same query over the same time, so they are always equal; check \
         that the query uses ${scope} and that the two scopes differ",
    );
    let few = |points: Option<usize>| points.is_some_and(|p| (1..FEW_POINTS).contains(&p));
    warn(
        named(&|metric| few(metric.control_points) || few(metric.experiment_points)),
        &format!("fewer than {FEW_POINTS} points on a side, which reduces confidence"),
    );
    let labeled = |wanted: &dyn Fn(&AnalysisResult) -> bool| -> Vec<&str> {
        let found = results.iter().filter(|result| wanted(result));
        found
            .map(|result| result.name.as_deref().unwrap_or_default())
            .collect()
    };
    let label = |result: &AnalysisResult| result.classification.clone().unwrap_or_default();
    warn(
        labeled(&|result| !result.muted && label(result) == "Error"),
        "could not be judged (Error) and does not count",
    );
    warn(
        labeled(&|result| !result.muted && !result.critical && label(result) == "Nodata"),
        "has no data to compare (Nodata) and does not count for its group",
    );
    warn(labeled(&|result| result.muted), "muted, does not count");
    warn(
        labeled(&|result| {
            !result.muted && !result.critical && result.groups.as_ref().is_none_or(Vec::is_empty)
        }),
        "is in no group and does not count",
    );
    warnings.extend(weights_warning(
        results,
        config.and_then(|c| c.classifier.as_ref()),
    ));
    warnings
}

/// Metrics whose sides both have data, but never under the same labels, so that nothing was compared.
fn unpaired(results: &[AnalysisResult], metrics: &[MetricEvidence]) -> Vec<String> {
    type Sides<'r> = (Vec<&'r AnalysisResult>, Vec<&'r AnalysisResult>, bool);
    let mut by_name: IndexMap<&str, Sides<'_>> = IndexMap::new();
    for (result, metric) in results.iter().zip(metrics) {
        let (control, experiment, paired) = by_name.entry(&metric.name).or_default();
        match (metric.control_points, metric.experiment_points) {
            (Some(0), Some(0)) => {}
            (Some(_), Some(0)) => control.push(result),
            (Some(0), Some(_)) => experiment.push(result),
            _ => *paired = true,
        }
    }
    by_name
        .into_iter()
        .filter(|(_, (control, experiment, paired))| {
            !paired && !control.is_empty() && !experiment.is_empty()
        })
        .map(|(name, (control, experiment, _))| {
            format!(
                "the labels of the two sides differ, so no series has a counterpart: {name} has {} for the \
                 baseline and {} for the canary; aggregate in the query, for example sum by (…), so that both \
                 sides have the same labels",
                labels(&control),
                labels(&experiment)
            )
        })
        .collect()
}

/// The labels of series, `{pod=a}, {pod=b}`.
fn labels(series: &[&AnalysisResult]) -> String {
    let texts: Vec<String> = series
        .iter()
        .map(|result| {
            let tags: Vec<String> = result
                .tags
                .iter()
                .flatten()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("{{{}}}", tags.join(", "))
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    listed(&texts)
}

/// Group weights that leave a perfect canary below, or take it above, a score of 100.
fn weights_warning(
    results: &[AnalysisResult],
    classifier: Option<&ClassifierConfig>,
) -> Option<String> {
    let weights = classifier?.group_weights.as_ref()?;
    let counting = results.iter().filter(|result| !result.muted);
    let mut groups: Vec<&str> = counting
        .flat_map(|result| result.groups.iter().flatten())
        .map(String::as_str)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    if groups.is_empty() {
        return None;
    }
    let given: f64 = weights.values().sum();
    let unweighted = groups.iter().any(|group| !weights.contains_key(*group));
    let occurring: f64 = groups.iter().filter_map(|group| weights.get(*group)).sum();
    let reachable = if unweighted {
        occurring + 100.0 - given
    } else {
        occurring
    };
    ((reachable - 100.0).abs() > 1e-6).then(|| {
        format!(
            "the group weights give a canary whose metrics all pass a score of {reachable}, not 100; \
             the weights of the groups that have metrics ({}) must add up to 100",
            groups.join(", ")
        )
    })
}

fn listed(names: &[&str]) -> String {
    let mut names: Vec<&str> = names.to_vec();
    names.dedup();
    let shown = names.iter().take(LISTED_NAMES).copied();
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if names.len() > LISTED_NAMES {
        text.push_str(&format!(" and {} more", names.len() - LISTED_NAMES));
    }
    text
}
