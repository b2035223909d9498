//! What the verdict of a run would have been: its stored series judged by a changed config. Nothing is fetched, nothing stored.

mod changes;
mod settings;

pub(crate) use settings::{about, label_of};

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use kayenta_engine::{CanaryEvidence, EngineErrorKind, JudgePairs};
use kayenta_model::{CanaryJudgeResult, explanation::CanaryExplanation};
use kayenta_report::{ComparisonSide, JudgedRun, Markup, RunComparison, encoded};

use crate::{
    actions::Subject,
    query::PageQuery,
    run::judged,
    shell::{Crumb, drawn},
    state::PageState,
    visitor::Visitor,
    what_if::{
        changes::{Change, Changed, WEIGHT, groups, parameter},
        settings::{Kind, SETTINGS, Setting},
    },
};

/// Parameters of the page that change nothing about the config.
const VIEW: [&str; 3] = ["edit", "only", "storageAccountName"];

#[derive(Template)]
#[template(path = "what_if.html")]
struct WhatIfTemplate {
    pass: String,
    marginal: String,
    judges: Vec<ChoiceView>,
    weights: Vec<(String, String)>,
    weight: &'static str,
    kept: Vec<(String, String)>,
    edited: Option<EditedView>,
    edit_all: String,
    changes: Vec<(String, String)>,
    reset: String,
    refused: Option<String>,
    comparison: Option<Markup>,
    config: String,
    /// The editor of the stored config, and the token of its form.
    take_over: Option<(String, String)>,
}

struct ChoiceView {
    value: String,
    selected: bool,
}

/// The settings of one metric, or of every metric, as fields.
struct EditedView {
    name: String,
    fields: Vec<FieldView>,
}

struct FieldView {
    label: &'static str,
    name: String,
    value: String,
    /// What it does, and what counts without it.
    about: String,
    /// The words to choose from; empty for a number.
    choices: Vec<ChoiceView>,
}

/// A judgement by a changed config.
struct Rejudged {
    changed: Changed,
    verdict: CanaryJudgeResult,
    explanation: Option<CanaryExplanation>,
}

pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let evidence = match pages.evidence(&id, &query).await {
        Ok(evidence) => evidence,
        Err(error) => return pages.failed(&error),
    };
    let Some((title, config, thresholds)) =
        judged(&evidence).map(|run| (run.title(), run.config.clone(), run.thresholds))
    else {
        return pages.problem(
            StatusCode::CONFLICT,
            "There is nothing to judge again",
            "The run has no verdict.",
            "Its page says how far it came.",
        );
    };
    if evidence.pairs.is_empty() {
        return pages.problem(
            StatusCode::CONFLICT,
            "There is nothing to judge again",
            match &evidence.no_memory {
                Some(why) => why,
                None => "The series of this run cannot be read.",
            },
            "Judging again needs the series of all metrics, which the storage account of the run has to have.",
        );
    }
    let mut trail = pages.above(&evidence);
    let changed = Changed::read(&query, &config, thresholds);
    let judging = pages.engine.judge_pairs(JudgePairs {
        config: changed.config.clone(),
        thresholds: changed.thresholds,
        pairs: Arc::clone(&evidence.pairs),
        look: evidence.status.look.unwrap_or_default(),
    });
    let mut page = form(&pages, &query, &changed);
    let stored = evidence.status.canary_config_id.as_deref();
    page.take_over = stored
        .filter(|id| *id != "ad-hoc" && !changed.changes.is_empty())
        .map(|id| {
            (
                format!("{}/configs/{}", pages.root, encoded(id)),
                visitor.token,
            )
        });
    match judging.await {
        Ok((verdict, explanation)) => {
            let again = Rejudged {
                changed,
                verdict,
                explanation,
            };
            let page_of_run = pages.address_of(Subject::Run, &id);
            let query = query.clone();
            let compared = drawn(move || compare(&evidence, &again, &page_of_run, &query)).await;
            page.comparison = compared.flatten();
            if page.comparison.is_none() {
                return pages.not_drawn("comparison", "/canary/{id}");
            }
        }
        Err(error) if error.kind == EngineErrorKind::InvalidRequest => {
            page.refused = Some(error.to_string());
        }
        Err(error) => return pages.failed(&error),
    }
    trail.push(Crumb {
        text: title.clone(),
        href: format!(
            "{}{}",
            pages.address_of(Subject::Run, &id),
            query.only("storageAccountName")
        ),
    });
    let body = Markup::of(&page);
    pages.page(&format!("What if: {title}"), &trail, &body, false)
}

fn compare(
    evidence: &CanaryEvidence,
    again: &Rejudged,
    page: &str,
    query: &PageQuery,
) -> Option<Markup> {
    let before = judged(evidence)?;
    let after = JudgedRun {
        config: &again.changed.config,
        thresholds: again.changed.thresholds,
        result: &again.verdict,
        explanation: again.explanation.as_ref(),
        ..before
    };
    let changed_only = query.get("only") == Some("changed");
    let toggle = query.with("only", (!changed_only).then_some("changed"));
    let edit =
        |metric: usize| format!("{}#settings", query.with("edit", Some(&metric.to_string())));
    let comparison = RunComparison {
        before: ComparisonSide {
            name: "As judged",
            run: &before,
            page: Some(page),
        },
        after: ComparisonSide {
            name: "With your changes",
            run: &after,
            page: None,
        },
        changed_only,
        toggle: if toggle.is_empty() { "?" } else { &toggle },
        edit: Some(&edit),
    };
    Some(comparison.overview())
}

fn form(pages: &PageState, query: &PageQuery, changed: &Changed) -> WhatIfTemplate {
    let number = |number: Option<f64>| number.unwrap_or_default().to_string();
    let judge = changed.config.judge.as_ref();
    let judge = judge
        .and_then(|judge| judge.name.clone())
        .unwrap_or_default();
    let mut judges: Vec<String> = pages
        .engine
        .judges()
        .judges()
        .iter()
        .map(|judge| judge.name().to_owned())
        .collect();
    if !judges.contains(&judge) {
        judges.insert(0, judge.clone());
    }
    let weights = changed.config.classifier.as_ref();
    let weights = weights.and_then(|classifier| classifier.group_weights.as_ref());
    let weight = |group: &str| weights.and_then(|weights| weights.get(group)).copied();
    let edited = edited(query, changed);
    let own = |change: &&Change| {
        let in_form = ["pass", "marginal", "judge"].contains(&&*change.parameter)
            || change.parameter.starts_with(WEIGHT);
        let in_fields = edited.as_ref().is_some_and(|edited| {
            let mut fields = edited.fields.iter();
            fields.any(|field| field.name == change.parameter)
        });
        !in_form && !in_fields
    };
    let kept = changed.changes.iter().filter(own);
    let kept = kept.map(|change| (change.parameter.clone(), change.value.clone()));
    let view = VIEW
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), query.text(name)?)));
    let without = |parameter: &str| {
        let rest = query.with(parameter, None);
        if rest.is_empty() {
            "?".to_owned()
        } else {
            rest
        }
    };
    WhatIfTemplate {
        pass: number(changed.thresholds.pass),
        marginal: number(changed.thresholds.marginal),
        judges: judges
            .into_iter()
            .map(|value| ChoiceView {
                selected: value == judge,
                value,
            })
            .collect(),
        weights: groups(&changed.config)
            .into_iter()
            .map(|group| {
                let weight = number(weight(&group));
                (group, weight)
            })
            .collect(),
        weight: WEIGHT,
        kept: kept.chain(view).collect(),
        edit_all: format!("{}#settings", query.with("edit", Some("all"))),
        changes: changed
            .changes
            .iter()
            .map(|change| (change.text.clone(), without(&change.parameter)))
            .collect(),
        reset: match query.only("storageAccountName") {
            only if only.is_empty() => "?".to_owned(),
            only => only,
        },
        refused: None,
        comparison: None,
        config: serde_json::to_string_pretty(&changed.config).unwrap_or_default(),
        edited,
        take_over: None,
    }
}

/// The fields of the metric that is edited.
fn edited(query: &PageQuery, changed: &Changed) -> Option<EditedView> {
    let edited = query.get("edit")?;
    let place: Option<usize> = edited.parse().ok();
    if place.is_none() && edited != "all" {
        return None;
    }
    let metric = match place {
        Some(place) => Some(changed.config.metrics().get(place)?),
        None => None,
    };
    let field = |setting: &Setting| {
        let name = parameter(place, setting);
        // For every metric nothing is chosen until somebody does.
        let value = match metric {
            Some(metric) => setting.current(metric),
            None => query.text(&name).unwrap_or_default(),
        };
        let words: &[&str] = match setting.kind {
            Kind::Choice(words) => words,
            Kind::Flag => &["false", "true"],
            Kind::Number => &[],
        };
        let undecided = (metric.is_none() && !words.is_empty()).then_some("");
        let mut choices: Vec<ChoiceView> = undecided
            .iter()
            .chain(words)
            .map(|word| ChoiceView {
                value: (*word).to_owned(),
                selected: *word == value,
            })
            .collect();
        // A word that the config has and this page does not know stays.
        if !words.is_empty() && !choices.iter().any(|choice| choice.selected) {
            choices.insert(
                0,
                ChoiceView {
                    value: value.clone(),
                    selected: true,
                },
            );
        }
        FieldView {
            label: setting.label,
            name,
            value,
            about: setting.about(),
            choices,
        }
    };
    Some(EditedView {
        name: metric.map_or_else(
            || "every metric".to_owned(),
            |metric| metric.name().to_owned(),
        ),
        fields: SETTINGS.iter().map(field).collect(),
    })
}
