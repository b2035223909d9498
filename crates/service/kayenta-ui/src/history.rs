//! The same metric over the last runs of a config, and what change the healthy runs would have allowed.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use indexmap::IndexMap;
use kayenta_engine::ExecutionQuery;
use kayenta_model::{ExecutionKind, MetricConfig};
use kayenta_report::{
    Badge, Markup, TrendPoint, encoded,
    number::{Timestamp, number},
    trend,
};
use serde_json::Value;

use crate::{
    editor::{SUGGESTED, SUGGESTED_METRIC},
    query::PageQuery,
    run::judged,
    shell::Crumb,
    state::PageState,
    visitor::Visitor,
};

/// Runs that are looked at.
const RUNS: usize = 20;
/// Healthy runs a suggestion needs.
const ENOUGH: usize = 3;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryTemplate<'a> {
    token: &'a str,
    /// The editor of the config; nothing for visitors who may only look.
    editor: Option<String>,
    metrics: Vec<MetricHistory>,
    runs: usize,
    missing: usize,
}

struct MetricHistory {
    title: String,
    /// Its change from run to run; nothing where there are too few.
    trend: Option<Markup>,
    rows: Vec<HistoryRow>,
    /// How often its label changed from one run to the next.
    flips: usize,
    suggestion: String,
    /// The suggested settings, with their metric, as the fields of a form.
    taken_over: Vec<(&'static str, String)>,
}

/// What the healthy runs suggest.
#[derive(Clone, Debug, Default, PartialEq)]
struct Suggestion {
    text: String,
    /// Settings of [`SUGGESTED`] with their values.
    settings: Vec<(&'static str, String)>,
}

impl Suggestion {
    fn none(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            settings: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct HistoryRow {
    href: String,
    effect: String,
    verdict: Badge,
    /// When the window ended, the label and the change.
    point: TrendPoint,
}

/// One metric in one run.
#[derive(Clone, Debug, Default)]
struct Look {
    ratio: Option<f64>,
    label: String,
    /// Whether the whole run passed.
    healthy: bool,
}

/// The metric in the newest config that has it, and how it did in each run.
type MetricLooks = (Option<MetricConfig>, Vec<(HistoryRow, Look)>);

/// `GET /ui/configs/{id}/history`.
pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let wanted = ExecutionQuery {
        configs: vec![id.clone()],
        kinds: vec![ExecutionKind::Run, ExecutionKind::AnalysisRun],
        ..ExecutionQuery::default()
    };
    let page = match pages.engine.list_executions(&wanted, None, RUNS).await {
        Ok(page) => page,
        Err(error) => return pages.failed(&error),
    };
    let mut metrics: IndexMap<String, MetricLooks> = IndexMap::new();
    let (mut runs, mut missing, mut name) = (0, 0, None);
    for execution in &page.executions {
        let account = query.get("storageAccountName");
        let evidence = match pages.evidence(&execution.id, &query).await {
            Ok(evidence) => evidence,
            // One that cannot be read takes nothing from the others.
            Err(error) => {
                tracing::info!(%error, ?account, "a run is left out of a history");
                missing += 1;
                continue;
            }
        };
        let Some(run) = judged(&evidence) else {
            continue;
        };
        runs += 1;
        name = name.or(run.config.name.clone());
        let verdict = run.verdict();
        for (index, result) in run.result.results.iter().flatten().enumerate() {
            let mut title = result.name.clone().unwrap_or_default();
            for (tag, value) in result.tags.iter().flatten() {
                title.push_str(&format!(" {tag}={value}"));
            }
            let explained = run
                .explanation
                .and_then(|explanation| explanation.results.get(index))
                .map(|metric| &metric.explanation);
            let ratio = explained
                .and_then(|explanation| explanation.effect.as_ref())
                .and_then(|effect| effect.value)
                .map(f64::from);
            let label = result.classification.clone().unwrap_or_default();
            let key = result.id.clone().unwrap_or_else(|| index.to_string());
            let row = HistoryRow {
                href: format!(
                    "{}/runs/{}?metric={}",
                    pages.root,
                    encoded(&execution.id),
                    encoded(&key)
                ),
                effect: ratio.map(number).unwrap_or_default(),
                verdict: verdict.clone(),
                point: TrendPoint {
                    when: Timestamp::of(
                        execution
                            .window_end_millis
                            .unwrap_or(execution.build_time_millis),
                    ),
                    badge: Badge::of_label(&label),
                    change: run.change(index),
                },
            };
            let look = Look {
                ratio,
                label,
                healthy: verdict.word == "Pass",
            };
            let (config, looks) = metrics.entry(title).or_default();
            if config.is_none() {
                let named = run.config.metrics().iter();
                *config = named
                    .clone()
                    .find(|metric| Some(metric.name()) == result.name.as_deref())
                    .cloned();
            }
            looks.push((row, look));
        }
    }
    let histories = metrics
        .into_iter()
        .map(|(title, (config, looks))| {
            let (rows, looks): (Vec<HistoryRow>, Vec<Look>) = looks.into_iter().unzip();
            let suggestion = suggestion(config.as_ref(), &looks);
            let mut taken_over = suggestion.settings;
            if !taken_over.is_empty() {
                let name = config.as_ref().map(|metric| metric.name().to_owned());
                taken_over.push((SUGGESTED_METRIC, name.unwrap_or_default()));
            }
            let points: Vec<&TrendPoint> = rows.iter().map(|row| &row.point).collect();
            MetricHistory {
                title,
                trend: trend(&points),
                flips: flips(&looks),
                suggestion: suggestion.text,
                taken_over,
                rows,
            }
        })
        .collect();
    let account = query.only("configurationAccountName");
    let template = HistoryTemplate {
        token: &visitor.token,
        editor: visitor
            .may_act
            .then(|| format!("{}/configs/{}{account}", pages.root, encoded(&id))),
        metrics: histories,
        runs,
        missing,
    };
    let name = name.unwrap_or_else(|| id.clone());
    let trail = [
        Crumb {
            text: "Configs".to_owned(),
            href: format!("{}/configs", pages.root),
        },
        Crumb {
            text: name.clone(),
            href: format!("{}/configs/{}", pages.root, encoded(&id)),
        },
    ];
    pages.page(
        &format!("History of {name}"),
        &trail,
        &Markup::of(&template),
        false,
    )
}

fn flips(looks: &[Look]) -> usize {
    let pairs = looks.windows(2);
    pairs.filter(|pair| pair[0].label != pair[1].label).count()
}

/// What effect the runs that passed as a whole show where nothing was wrong, as a setting.
fn suggestion(config: Option<&MetricConfig>, looks: &[Look]) -> Suggestion {
    let healthy: Vec<f64> = looks
        .iter()
        .filter(|look| look.healthy)
        .filter_map(|look| look.ratio)
        .filter(|ratio| ratio.is_finite())
        .collect();
    if healthy.len() < ENOUGH {
        return Suggestion::none(format!(
            "No suggestion: {} of the runs passed and have an effect, {ENOUGH} are needed.",
            healthy.len()
        ));
    }
    let canary = config
        .and_then(|metric| metric.analysis_configurations.as_ref())
        .and_then(|sections| sections.get("canary"));
    let cles = canary.and_then(|canary| canary.get("effectSize")?.get("measure")?.as_str())
        == Some("cles");
    if cles {
        return Suggestion::none("No suggestion for the measure cles.");
    }
    let direction = canary
        .and_then(|canary| canary.get("direction"))
        .and_then(Value::as_str);
    let least = healthy.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = healthy.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let [increase, decrease] = SUGGESTED;
    let up = (
        increase,
        format!("{:.2}", (greatest.max(1.0) * 100.0).floor() / 100.0 + 0.01),
        format!("the largest healthy effect is {}", number(greatest)),
    );
    let down = (
        decrease,
        format!("{:.2}", (least.min(1.0) * 100.0).ceil() / 100.0 - 0.01),
        format!("the smallest healthy effect is {}", number(least)),
    );
    let suggested = match direction {
        Some("increase") => vec![up],
        Some("decrease") => vec![down],
        _ => vec![up, down],
    };
    let said: Vec<String> = suggested
        .iter()
        .map(|(name, value, why)| format!("{name} {value} ({why})"))
        .collect();
    Suggestion {
        text: format!("From {} healthy runs: {}.", healthy.len(), said.join(", ")),
        settings: suggested
            .into_iter()
            .map(|(name, value, _)| (name, value))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(ratios: &[(f64, &str, bool)]) -> Vec<Look> {
        let looks = ratios.iter().map(|(ratio, label, healthy)| Look {
            ratio: Some(*ratio),
            label: (*label).to_owned(),
            healthy: *healthy,
        });
        looks.collect()
    }

    #[test]
    fn the_suggestion_lies_just_beyond_the_largest_healthy_effect() {
        let looks = looks(&[
            (1.02, "Pass", true),
            (1.034, "Pass", true),
            (0.97, "Pass", true),
            (1.6, "High", false),
        ]);
        let metric: MetricConfig = serde_json::from_str(
            r#"{"name": "m", "analysisConfigurations": {"canary": {"direction": "increase"}}}"#,
        )
        .unwrap();
        let one = suggestion(Some(&metric), &looks);
        assert!(
            one.text
                .contains("From 3 healthy runs: allowedIncrease 1.04"),
            "{one:?}"
        );
        assert_eq!(one.settings, [("allowedIncrease", "1.04".to_owned())]);
        let both = suggestion(None, &looks);
        assert_eq!(both.settings[1], ("allowedDecrease", "0.96".to_owned()));
        let none = suggestion(None, &looks[2..]);
        assert!(none.text.starts_with("No suggestion: 1 of"), "{none:?}");
        assert_eq!(none.settings, []);
        assert_eq!(flips(&looks), 1);
    }
}
