//! Which executions a listing across applications shows.

use kayenta_model::{ExecutionKind, ExecutionStatus, ExecutionSummary};

/// Which executions a listing shows; empty lists and absent values let everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionQuery {
    /// Applications.
    pub applications: Vec<String>,
    /// Ids or names of configs.
    pub configs: Vec<String>,
    /// Statuses.
    pub statuses: Vec<ExecutionStatus>,
    /// Verdicts, in any case.
    pub verdicts: Vec<String>,
    /// Kinds.
    pub kinds: Vec<ExecutionKind>,
    /// Accepted at or after it, in milliseconds since 1970.
    pub from: Option<i64>,
    /// Accepted before it, in milliseconds since 1970.
    pub to: Option<i64>,
    /// A text that occurs in a name, a scope, an id or a message, in any case.
    pub search: Option<String>,
}

impl ExecutionQuery {
    /// Whether the listing shows it.
    #[must_use]
    pub fn matches(&self, summary: &ExecutionSummary) -> bool {
        let among = |wanted: &[String], found: &[Option<&String>]| {
            wanted.is_empty() || found.iter().flatten().any(|found| wanted.contains(found))
        };
        let built = summary.build_time_millis;
        among(&self.applications, &[Some(&summary.application)])
            && among(
                &self.configs,
                &[summary.config_id.as_ref(), summary.config_name.as_ref()],
            )
            && (self.statuses.is_empty() || self.statuses.contains(&summary.status))
            && (self.kinds.is_empty() || self.kinds.contains(&summary.kind))
            && (self.verdicts.is_empty()
                || summary.verdict.as_ref().is_some_and(|verdict| {
                    self.verdicts
                        .iter()
                        .any(|wanted| wanted.eq_ignore_ascii_case(verdict))
                }))
            && self.from.is_none_or(|from| built >= from)
            && self.to.is_none_or(|to| built < to)
            && self.search.as_ref().is_none_or(|text| finds(summary, text))
    }
}

fn finds(summary: &ExecutionSummary, text: &str) -> bool {
    let text = text.to_lowercase();
    [
        Some(&summary.id),
        Some(&summary.application),
        summary.config_name.as_ref(),
        summary.config_id.as_ref(),
        summary.baseline.as_ref(),
        summary.canary.as_ref(),
        summary.user.as_ref(),
        summary.parent_pipeline_execution_id.as_ref(),
        summary.message.as_ref(),
    ]
    .into_iter()
    .flatten()
    .any(|field| field.to_lowercase().contains(&text))
}
