//! Why a canary has its labels, how far it was from others, and what the run could not have seen.
//!
//! Explanations are computed from what is stored anyway (config, pair list, result), so they exist for
//! runs of the Java service, too, and cost nothing unless requested. They change no label and no score.

mod built_in;
mod design_effect;
mod findings;
mod numbers;
mod paired;
mod quality;
mod static_limit;
mod subject;

#[cfg(test)]
mod tests;

use kayenta_model::{
    CanaryConfig, CanaryJudgeResult, JsonMap,
    explanation::{CanaryExplanation, Explanation, MetricExplanation},
};
use serde_json::Value;

use self::{findings::Findings, subject::Subject};
use crate::{
    JudgeError, JudgeRequest, NetflixAcaJudge, PairedCanaryJudge, StaticLimitJudge,
    metrics_by_name::MetricsByName,
};

/// Explains the result of a judgement of `request`. The look of the request matters to judges whose level
/// depends on it.
///
/// Results of judges that are not known here (remote ones, the dummy) have the quality of their data and
/// findings, but no test.
///
/// # Errors
/// Those of judging the request again.
pub fn explain(
    request: &JudgeRequest,
    result: &CanaryJudgeResult,
) -> Result<CanaryExplanation, JudgeError> {
    let metrics = MetricsByName::of(&request.canary_config);
    let subjects = request
        .metric_set_pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| Subject::new(&metrics, result, index, pair))
        .collect::<Result<Vec<_>, _>>()?;
    let judge = match result.judge_name.as_deref() {
        Some(NetflixAcaJudge::NAME) => ExplainedJudge::BuiltIn,
        Some(PairedCanaryJudge::NAME) => ExplainedJudge::Paired,
        Some(StaticLimitJudge::NAME) => ExplainedJudge::StaticLimit,
        _ => ExplainedJudge::Other,
    };
    let mut conclusion = None;
    let explanations: Vec<Explanation> = match judge {
        ExplainedJudge::BuiltIn => subjects.iter().map(built_in::explanation).collect(),
        ExplainedJudge::Paired => {
            let (concluded, explanations) = paired::explanations(request, &subjects)?;
            conclusion = Some(concluded);
            explanations
        }
        ExplainedJudge::StaticLimit => subjects
            .iter()
            .map(static_limit::explanation)
            .collect::<Result<_, _>>()?,
        ExplainedJudge::Other => subjects
            .iter()
            .map(|subject| Explanation {
                data: Some(subject.quality()),
                ..Explanation::default()
            })
            .collect(),
    };
    let findings = Findings::new(&subjects, judge, request.look, result);
    let results = subjects
        .iter()
        .zip(explanations)
        .enumerate()
        .map(|(index, (subject, mut explanation))| {
            explanation.sentences.extend(warnings(subject));
            MetricExplanation {
                name: subject.name.to_owned(),
                id: subject.pair.id.clone(),
                tags: subject.pair.tags.clone().unwrap_or_default(),
                explanation,
                findings: findings.of(index),
            }
        })
        .collect();
    Ok(CanaryExplanation {
        conclusion,
        results,
        findings: findings.into_list(&subjects),
    })
}

/// The attribute in which a metric store keeps why its series may be incomplete.
const WARNINGS: &str = "warnings";

/// What the metric store warned of when it answered.
fn warnings(subject: &Subject<'_>) -> Option<String> {
    let attributes = subject.pair.attributes.as_ref()?;
    let of = |side: &str| attributes.get(side)?.get(WARNINGS).map(String::as_str);
    let name = subject.name;
    Some(match (of("control"), of("experiment")) {
        (None, None) => return None,
        (Some(both), Some(canary)) if both == canary => {
            format!("{name}: the metric store warned about both sides: {both}")
        }
        (Some(baseline), Some(canary)) => format!(
            "{name}: the metric store warned about the baseline: {baseline}; and about the canary: {canary}"
        ),
        (Some(baseline), None) => {
            format!("{name}: the metric store warned about the baseline: {baseline}")
        }
        (None, Some(canary)) => {
            format!("{name}: the metric store warned about the canary: {canary}")
        }
    })
}

/// Which judge's labels are explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExplainedJudge {
    BuiltIn,
    Paired,
    StaticLimit,
    Other,
}

/// Whether a config asks for explanations inside its results
/// (`judge.judgeConfigurations.explain: true`).
#[must_use]
pub fn is_wanted(config: &CanaryConfig) -> bool {
    let configurations = config
        .judge
        .as_ref()
        .and_then(|judge| judge.judge_configurations.as_ref());
    configurations.and_then(|configurations| configurations.get("explain"))
        == Some(&Value::Bool(true))
}

/// Adds explanations and findings to the metadata of the results, after what is there.
///
/// # Errors
/// When an explanation cannot be written as JSON, which no explanation of [`explain`] does.
pub fn attach(
    result: &mut CanaryJudgeResult,
    explanation: &CanaryExplanation,
) -> serde_json::Result<()> {
    let results = result.results.iter_mut().flatten();
    for (result, explained) in results.zip(&explanation.results) {
        let metadata = result.result_metadata.get_or_insert_with(JsonMap::new);
        let value = serde_json::to_value(&explained.explanation)?;
        metadata.insert("explanation".to_owned(), value);
        if !explained.findings.is_empty() {
            let value = serde_json::to_value(&explained.findings)?;
            metadata.insert("findings".to_owned(), value);
        }
    }
    Ok(())
}
