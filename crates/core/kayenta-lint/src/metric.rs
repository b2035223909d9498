//! Metrics: names, groups, scopes, settings.

use std::collections::HashMap;

use kayenta_judge::{JudgeError, METRIC_SETTINGS, SettingKind, check_metric_settings};
use kayenta_model::{CanaryConfig, JsonMap, MetricConfig};
use serde_json::Value;

use crate::{
    ServiceOffer, judge_name, nearest,
    problem::{Problem, pointer, pointer_of},
    query,
};

pub(crate) fn check(config: &CanaryConfig, offer: &ServiceOffer<'_>, problems: &mut Vec<Problem>) {
    if config.metrics().is_empty() {
        problems.push(Problem::error(
            "/metrics",
            "metrics",
            "a run needs at least one metric",
        ));
    }
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (index, metric) in config.metrics().iter().enumerate() {
        let at = format!("/metrics/{index}");
        let name = metric.name();
        // A stored config is refused for it, one that is sent along is not.
        let report = |pointer: String, rule: &'static str, message: String| {
            if offer.to_store {
                Problem::error(pointer, rule, message)
            } else {
                Problem::warning(pointer, rule, message)
            }
        };
        if name.is_empty() {
            problems.push(report(
                format!("{at}/name"),
                "metric-name",
                "a metric needs a name".to_owned(),
            ));
        } else if let Some(first) = names.get(name) {
            problems.push(report(
                format!("{at}/name"),
                "duplicate-name",
                format!("metrics[{first}] has the name '{name}', too; names must be distinct"),
            ));
        } else {
            names.insert(name, index);
        }
        if metric.groups.iter().flatten().next().is_none() && !is_muted(metric) {
            problems.push(Problem::warning(
                format!("{at}/groups"),
                "no-group",
                format!("metric '{name}' is in no group, so it counts for no score; set groups, for example [\"Latency\"]"),
            ));
        }
        for (group_index, group) in metric.groups.iter().flatten().enumerate() {
            if group.trim().is_empty() {
                problems.push(Problem::warning(
                    format!("{at}/groups/{group_index}"),
                    "empty-group",
                    "the name of a group is empty",
                ));
            }
        }
        match metric.scope_name.as_deref() {
            None | Some("") => problems.push(Problem::error(
                format!("{at}/scopeName"),
                "scope-name",
                format!("metric '{name}' has no scopeName, which names the scope of the request; set \"scopeName\": \"default\""),
            )),
            Some(_) => {}
        }
        query::check(config, metric, &at, offer, problems);
        settings(judge_name(config), metric, &at, problems);
    }
}

fn canary(metric: &MetricConfig) -> Option<&JsonMap> {
    metric.analysis_configurations.as_ref()?.get("canary")
}

fn is_muted(metric: &MetricConfig) -> bool {
    canary(metric).and_then(|canary| canary.get("muted")) == Some(&Value::Bool(true))
}

/// The settings of a metric by their paths.
#[derive(Clone, Copy)]
struct Settings<'a>(&'a JsonMap);

impl<'a> Settings<'a> {
    fn find(self, path: &str) -> Option<&'a Value> {
        let mut parts = path.split('.');
        let first = self.0.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    fn word(self, path: &str) -> Option<&'a str> {
        self.find(path)?.as_str()
    }

    fn flag(self, path: &str) -> bool {
        self.find(path) == Some(&Value::Bool(true))
    }

    fn number(self, path: &str) -> Option<f64> {
        self.find(path)?.as_f64()
    }
}

/// Judge settings of a metric.
fn settings(judge: &str, metric: &MetricConfig, at: &str, problems: &mut Vec<Problem>) {
    let at = format!("{at}/analysisConfigurations");
    if let Err(error) = check_metric_settings(judge, metric) {
        let pointer = match &error {
            JudgeError::Setting { setting, .. } => format!("{at}{}", pointer_of(setting)),
            JudgeError::OutlierFactor { .. } => format!("{at}/canary/outliers/outlierFactor"),
            _ => format!("{at}/canary"),
        };
        problems.push(Problem::error(pointer, "setting", error.to_string()));
    }
    let Some(canary) = canary(metric) else { return };
    let settings = Settings(canary);
    let place = |path: &str| {
        let parts: Vec<&str> = path.split('.').collect();
        format!("{at}/canary{}", pointer(&parts))
    };
    for setting in METRIC_SETTINGS {
        let SettingKind::Word(words) = setting.kind else {
            continue;
        };
        // The judge of static limits refuses an unknown statistic itself.
        if setting.path.starts_with("staticLimit") {
            continue;
        }
        match settings.find(setting.path) {
            None | Some(Value::Null) => {}
            Some(Value::String(word)) if words.contains(&word.as_str()) => {}
            Some(other) => {
                let found = other
                    .as_str()
                    .map_or_else(|| other.to_string(), str::to_owned);
                let message = format!(
                    "'{found}' is none of '{}', so it counts as '{}'",
                    words.join("', '"),
                    setting.default
                );
                problems.push(
                    Problem::warning(place(setting.path), "setting-word", message)
                        .near(nearest(&found, words.iter().copied())),
                );
            }
        }
    }
    let mut warn = |path: &str, rule: &'static str, message: String| {
        problems.push(Problem::warning(place(path), rule, message));
    };
    if settings.word("nanStrategy") == Some("replace") && settings.flag("mustHaveData") {
        warn(
            "mustHaveData",
            "must-have-data",
            "nanStrategy 'replace' turns missing data into a pass, so mustHaveData has no effect; use nanStrategy 'remove'"
                .to_owned(),
        );
    }
    if settings.number("outliers.outlierFactor").is_some()
        && settings.word("outliers.strategy") != Some("remove")
    {
        warn(
            "outliers.outlierFactor",
            "no-effect",
            "the factor has no effect without \"strategy\": \"remove\"".to_owned(),
        );
    }
    effects(settings, &mut warn);
}

/// Effect sizes the wrong way round, or without effect.
fn effects(settings: Settings<'_>, warn: &mut dyn FnMut(&str, &'static str, String)) {
    let cles = settings.word("effectSize.measure") == Some("cles");
    let (neutral, unit) = if cles {
        (0.5, "a probability of 0.5")
    } else {
        (1.0, "a ratio of 1")
    };
    let direction = settings.word("direction").unwrap_or("either");
    for (side, other, up) in [
        ("Increase", "decrease", true),
        ("Decrease", "increase", false),
    ] {
        let allowed_path = format!("effectSize.allowed{side}");
        let critical_path = format!("effectSize.critical{side}");
        let (allowed, critical) = (
            settings.number(&allowed_path),
            settings.number(&critical_path),
        );
        for (path, value) in [(&allowed_path, allowed), (&critical_path, critical)] {
            let Some(value) = value else { continue };
            if (up && value < neutral) || (!up && value > neutral) {
                let example = match (cles, up) {
                    (false, true) => "1.1 for 10 % more",
                    (false, false) => "0.9 for 10 % less",
                    (true, true) => "0.7",
                    (true, false) => "0.3",
                };
                warn(
                    path,
                    "effect-size",
                    format!(
                        "{value} lies on the other side of {unit}, which is no change, so every significant {} fails; \
                         write for example {example}",
                        side.to_lowercase()
                    ),
                );
            }
            if direction == other {
                warn(
                    path,
                    "no-effect",
                    format!("has no effect, as the direction is '{direction}'"),
                );
            }
        }
        if critical.is_some() && !settings.flag("critical") {
            warn(
                &critical_path,
                "no-effect",
                "has no effect, as the metric is not critical; set \"critical\": true".to_owned(),
            );
        }
        if let (Some(allowed), Some(critical)) = (allowed, critical)
            && ((up && critical < allowed) || (!up && critical > allowed))
        {
            warn(
                &critical_path,
                "effect-size",
                format!("the critical effect ({critical}) lies within the allowed one ({allowed})"),
            );
        }
    }
}
