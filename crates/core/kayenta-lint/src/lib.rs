//! What is wrong with a canary config or a request before it runs: each problem at its field, in a sentence that says
//! what to change.
//!
//! One validator for `kayenta lint`, `kayenta analyze`, `POST /canaryConfig` and the editor. It reads JSON as a person wrote
//! it, so it sees misspelt fields that the service drops. It fetches nothing: what a service offers (judges, metric
//! stores) is handed in.
//!
//! ```
//! use kayenta_lint::{ServiceOffer, config_problems};
//!
//! let config = serde_json::json!({
//!     "metrics": [{"name": "errors", "groups": ["App"], "scopeName": "default",
//!         "query": {"type": "graphite", "metricNam": "errors.$scope"}}],
//!     "classifier": {"groupWeights": {"App": 90}}
//! });
//! let problems = config_problems(&config, &ServiceOffer::default());
//! assert_eq!(problems[0].pointer, "/metrics/0/query/metricNam");
//! assert_eq!(problems[0].nearest.as_deref(), Some("metricName"));
//! assert!(problems.iter().any(|problem| problem.message.contains("add up to 90")));
//! ```

mod group_weights;
mod keys;
mod metric;
mod nearest;
mod problem;
mod query;
mod request;
mod template;

use kayenta_json::JsonError;
use kayenta_judge::{JudgeError, check_config_settings};
use kayenta_model::{CanaryConfig, canary_config::is_config_name};
use serde_json::Value;

pub use keys::UNKNOWN_FIELD;
pub use nearest::{is_slip, nearest};
pub use problem::{Problem, ProblemLevel, field_path};
pub use request::{request_problems, threshold_warnings};

/// What is known of the service that is to run a config.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceOffer<'a> {
    /// The judges it has; `None` when that is not known.
    pub judges: Option<&'a [String]>,
    /// The kinds of metric stores (`prometheus`) for which it has accounts; `None` when that is not known.
    pub stores: Option<&'a [String]>,
    /// Whether the config is to be stored: then it needs a name and applications.
    pub to_store: bool,
}

/// Every problem of a config as it was written, in the order of its fields: first what the service drops, then what it
/// refuses and what probably is not meant.
#[must_use]
pub fn config_problems(written: &Value, offer: &ServiceOffer<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    keys::unknown(written, &mut problems);
    let config: CanaryConfig = match serde_path_to_error::deserialize(written) {
        Ok(config) => config,
        Err(error) => {
            problems.push(unreadable(&error.path().to_string(), &error.into_inner()));
            return problems;
        }
    };
    if offer.to_store {
        storable(&config, &mut problems);
    }
    judge(&config, offer, &mut problems);
    metric::check(&config, offer, &mut problems);
    group_weights::check(&config, &mut problems);
    templates(&config, &mut problems);
    problems
}

/// What has the wrong type.
fn unreadable(path: &str, error: &serde_json::Error) -> Problem {
    let error = JsonError::from(error);
    let path = match (path, error.field()) {
        ("." | "?", None) => String::new(),
        ("." | "?", Some(field)) => field.to_owned(),
        (path, None) => path.to_owned(),
        (path, Some(field)) if field.starts_with('[') => format!("{path}{field}"),
        (path, Some(field)) => format!("{path}.{field}"),
    };
    Problem::error(problem::pointer_of(&path), "unreadable", error.mistake())
}

fn storable(config: &CanaryConfig, problems: &mut Vec<Problem>) {
    match config.name.as_deref().unwrap_or_default() {
        "" => problems.push(Problem::error(
            "/name",
            "name",
            "a stored config needs a name",
        )),
        name if !is_config_name(name) => problems.push(Problem::error(
            "/name",
            "name",
            format!("a config cannot be stored as '{name}'; use letters, digits, '-' and '_'"),
        )),
        _ => {}
    }
    if config
        .applications
        .as_deref()
        .unwrap_or_default()
        .is_empty()
    {
        problems.push(Problem::error(
            "/applications",
            "applications",
            "a stored config needs at least one application, for example [\"shop\"]",
        ));
    }
}

/// The name of the judge, empty for the default one.
fn judge_name(config: &CanaryConfig) -> &str {
    config
        .judge
        .as_ref()
        .and_then(|judge| judge.name.as_deref())
        .unwrap_or_default()
}

fn judge(config: &CanaryConfig, offer: &ServiceOffer<'_>, problems: &mut Vec<Problem>) {
    let name = judge_name(config);
    if let Some(judges) = offer.judges
        && !name.is_empty()
        && !judges.is_empty()
        && !judges.iter().any(|judge| judge == name)
    {
        let text = format!(
            "the service has no judge '{name}'; it has {}",
            judges.join(", ")
        );
        let nearest = nearest(name, judges.iter().map(String::as_str));
        problems.push(Problem::error("/judge/name", "judge", text).near(nearest));
    }
    if let Err(error) = check_config_settings(name, config) {
        let pointer = match &error {
            JudgeError::JudgeSetting { setting, .. } => problem::pointer_of(setting),
            _ => "/judge/judgeConfigurations".to_owned(),
        };
        problems.push(Problem::error(pointer, "judge-setting", error.to_string()));
    }
}

/// Templates that no metric uses.
fn templates(config: &CanaryConfig, problems: &mut Vec<Problem>) {
    for name in config.templates.iter().flatten().map(|(name, _)| name) {
        let used = config.metrics().iter().any(|metric| {
            let query = metric.query.as_ref();
            query.and_then(|query| query.filter_template()) == Some(name)
        });
        if !used {
            problems.push(Problem::warning(
                problem::pointer(&["templates", name]),
                "unused-template",
                format!("no metric uses the template '{name}' as its customFilterTemplate"),
            ));
        }
    }
}

#[cfg(test)]
mod tests;
