//! Fields that the service drops.

use kayenta_judge::{
    METRIC_SETTINGS, NetflixAcaJudge, PAIRED_JUDGE_SETTINGS, PairedCanaryJudge, StaticLimitJudge,
};
use kayenta_model::{
    CanaryConfig, ClassifierConfig, JudgeConfig, MetricConfig, QueryConfig, Thresholds,
    fields::field_names, query::SignalFxPair,
};
use serde_json::Value;

use crate::{
    nearest,
    problem::{Problem, pointer},
};

/// The rule of fields that the service drops.
pub const UNKNOWN_FIELD: &str = "unknown-field";

/// Finds them wherever the shape is known.
pub(crate) fn unknown(config: &Value, problems: &mut Vec<Problem>) {
    let at = |parts: &[&str]| pointer(parts);
    // `$schema` is for editors.
    let mut known = field_names::<CanaryConfig>().to_vec();
    known.push("$schema");
    object(config, "", "a config", &known, problems);
    let judge = &config["judge"];
    object(
        judge,
        "/judge",
        "a judge",
        field_names::<JudgeConfig>(),
        problems,
    );
    let name = judge["name"].as_str().unwrap_or_default();
    let classifier = &config["classifier"];
    object(
        classifier,
        "/classifier",
        "a classifier",
        field_names::<ClassifierConfig>(),
        problems,
    );
    object(
        &classifier["scoreThresholds"],
        "/classifier/scoreThresholds",
        "a pair of thresholds",
        field_names::<Thresholds>(),
        problems,
    );
    if name == PairedCanaryJudge::NAME {
        let known: Vec<&str> = PAIRED_JUDGE_SETTINGS.iter().map(|s| s.path).collect();
        object(
            &judge["judgeConfigurations"]["paired"],
            "/judge/judgeConfigurations/paired",
            PairedCanaryJudge::NAME,
            &known,
            problems,
        );
    }
    for (index, metric) in config["metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let index = index.to_string();
        object(
            metric,
            &at(&["metrics", &index]),
            "a metric",
            field_names::<MetricConfig>(),
            problems,
        );
        query(metric, &at(&["metrics", &index, "query"]), problems);
        if is_built_in(name) {
            let sections = at(&["metrics", &index, "analysisConfigurations"]);
            settings(&metric["analysisConfigurations"], &sections, problems);
        }
    }
}

/// Whether the settings of a judge are known; the empty name is the default judge's.
fn is_built_in(judge: &str) -> bool {
    [
        "",
        NetflixAcaJudge::NAME,
        PairedCanaryJudge::NAME,
        StaticLimitJudge::NAME,
    ]
    .contains(&judge)
}

/// Names of `value` that are none of `known`.
fn object(value: &Value, at: &str, what: &str, known: &[&str], problems: &mut Vec<Problem>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        if !value.is_null() && !known.contains(&name.as_str()) {
            let pointer = format!("{at}{}", pointer(&[name]));
            let message = format!("{what} has no field '{name}', so it has no effect");
            problems.push(
                Problem::warning(pointer, UNKNOWN_FIELD, message)
                    .near(nearest(name, known.iter().copied())),
            );
        }
    }
}

/// C-API-29.
fn query(metric: &Value, at: &str, problems: &mut Vec<Problem>) {
    let query = &metric["query"];
    let Some(store) = query["type"].as_str() else {
        return;
    };
    let Some(known) = QueryConfig::fields_of(store) else {
        return;
    };
    let metric = metric["name"].as_str().unwrap_or_default();
    for (name, value) in query.as_object().into_iter().flatten() {
        let known_name =
            known.contains(&name.as_str()) || ["type", "serviceType"].contains(&name.as_str());
        if !value.is_null() && !known_name {
            let message = format!(
                "has no effect: metric '{metric}' is queried without it, as a query of type {store} has no field \
                 '{name}'"
            );
            problems.push(
                Problem::warning(format!("{at}{}", pointer(&[name])), UNKNOWN_FIELD, message)
                    .near(nearest(name, known.iter().copied())),
            );
        }
    }
    for (index, pair) in query["queryPairs"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("{at}/queryPairs/{index}");
        object(
            pair,
            &at,
            "a filter",
            field_names::<SignalFxPair>(),
            problems,
        );
    }
}

fn settings(sections: &Value, at: &str, problems: &mut Vec<Problem>) {
    for name in sections
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
    {
        if name != "canary" {
            let message =
                format!("judges read analysisConfigurations.canary, so '{name}' has no effect");
            problems.push(
                Problem::warning(format!("{at}{}", pointer(&[name])), UNKNOWN_FIELD, message)
                    .near(nearest(name, ["canary"])),
            );
        }
    }
    let at = format!("{at}/canary");
    let canary = &sections["canary"];
    let mut top: Vec<&str> = METRIC_SETTINGS
        .iter()
        .map(|setting| setting.path.split('.').next().unwrap_or_default())
        .collect();
    top.dedup();
    // A config of another distribution, which StaticLimitJudge-v1.0 refuses in its own words.
    top.push("staticBaseline");
    object(canary, &at, "a metric's settings", &top, problems);
    for section in top {
        let prefix = format!("{section}.");
        let known: Vec<&str> = METRIC_SETTINGS
            .iter()
            .filter_map(|setting| setting.path.strip_prefix(&prefix))
            .collect();
        if !known.is_empty() {
            object(
                &canary[section],
                &format!("{at}/{section}"),
                section,
                &known,
                problems,
            );
        }
    }
}
