//! What can be known to be wrong before an analysis waits its first interval: judge, accounts,
//! thresholds, scope names, template variables.

use std::collections::BTreeSet;

use kayenta_model::{AnalysisRequest, CanaryConfig};
use serde_json::Value;

use crate::http::StartParameters;

/// Names that some metric store fills in without a parameter of the request: what its scope derives,
/// and the window in the forms it offers.
const FILLED_IN: [&str; 9] = [
    "start",
    "end",
    "step",
    "project",
    "resourceType",
    "startEpochSeconds",
    "endEpochSeconds",
    "startEpochMillis",
    "endEpochMillis",
];

/// What the service said of itself; a part is `None` when it did not answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    /// Answer of `GET /judges`.
    pub(crate) judges: Option<Value>,
    /// Answer of `GET /credentials`.
    pub(crate) accounts: Option<Value>,
}

/// Every problem found, each in a sentence that says what to change. Empty when nothing is known to be
/// wrong.
pub(crate) fn problems(
    config: &CanaryConfig,
    request: &AnalysisRequest,
    parameters: &StartParameters,
    offer: &Offer,
) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(thresholds(request));
    problems.extend(judge(config, offer.judges.as_ref()));
    problems.extend(scope_names(config, request));
    problems.extend(templates(config, request));
    for (flag, chosen, supported) in [
        (
            "--metrics-account",
            &parameters.metrics_account,
            "METRICS_STORE",
        ),
        (
            "--storage-account",
            &parameters.storage_account,
            "OBJECT_STORE",
        ),
    ] {
        problems.extend(account(
            flag,
            chosen.as_deref(),
            supported,
            offer.accounts.as_ref(),
        ));
    }
    problems
}

fn thresholds(request: &AnalysisRequest) -> Option<String> {
    let thresholds = request.thresholds?;
    let (pass, marginal) = (thresholds.pass?, thresholds.marginal?);
    (marginal > pass).then(|| {
        format!(
            "the marginal threshold ({marginal}) is above the pass threshold ({pass}); set --marginal \
             to the score at or below which the canary fails, and --pass to the higher one at which it \
             passes"
        )
    })
}

fn judge(config: &CanaryConfig, judges: Option<&Value>) -> Option<String> {
    let name = config.judge.as_ref()?.name.as_deref()?;
    let known: Vec<&str> = judges?
        .as_array()?
        .iter()
        .filter_map(|judge| judge.get("name")?.as_str())
        .collect();
    if name.is_empty() || known.is_empty() || known.contains(&name) {
        return None;
    }
    Some(format!(
        "the service has no judge '{name}', which judge.name of the config asks for; it has {}",
        known.join(", ")
    ))
}

fn account(
    flag: &str,
    chosen: Option<&str>,
    supported: &str,
    accounts: Option<&Value>,
) -> Option<String> {
    let able: Vec<&str> = accounts?
        .as_array()?
        .iter()
        .filter(|account| {
            let types = account.get("supportedTypes").and_then(Value::as_array);
            types.is_some_and(|types| types.iter().any(|kind| kind == supported))
        })
        .filter_map(|account| account.get("name")?.as_str())
        .collect();
    match chosen {
        None if able.is_empty() => Some(format!(
            "the service has no account that supports {supported}; configure one in its kayenta.yml"
        )),
        Some(name) if !able.contains(&name) => Some(format!(
            "{flag} {name}: the service has no account of that name that supports {supported}; it has {}",
            if able.is_empty() {
                "none".to_owned()
            } else {
                able.join(", ")
            }
        )),
        _ => None,
    }
}

fn scope_names(config: &CanaryConfig, request: &AnalysisRequest) -> Vec<String> {
    let given: Vec<&str> = scopes(request)
        .map(|scope| scope.scope_name.as_str())
        .collect();
    config
        .metrics()
        .iter()
        .filter_map(|metric| {
            let wanted = metric.scope_name.as_deref()?;
            (!given.contains(&wanted)).then(|| {
                format!(
                    "metric '{}' asks for the scope '{wanted}', but the request has {}; set --scope-name \
                     {wanted} or the metric's scopeName",
                    metric.name(),
                    given.join(", ")
                )
            })
        })
        .collect()
}

fn scopes(request: &AnalysisRequest) -> impl Iterator<Item = &kayenta_model::AnalysisScope> {
    request.scopes.iter().flatten().flatten()
}

/// Template variables that neither the scope nor a parameter of the request can fill.
fn templates(config: &CanaryConfig, request: &AnalysisRequest) -> Vec<String> {
    let mut problems = Vec::new();
    for metric in config.metrics() {
        let Some(query) = &metric.query else { continue };
        let text = match (query.inline_template(), query.filter_template()) {
            (Some(inline), _) if !inline.is_empty() => inline,
            (_, Some(name)) => {
                let templates = config.templates.as_ref();
                match templates.and_then(|templates| templates.get(name)) {
                    Some(text) => text,
                    None => {
                        problems.push(format!(
                            "metric '{}' uses the template '{name}', which is not among the config's \
                             templates",
                            metric.name()
                        ));
                        continue;
                    }
                }
            }
            _ => continue,
        };
        for variable in variables(text) {
            if !is_bound(variable, request, metric.scope_name.as_deref()) {
                problems.push(format!(
                    "metric '{}' uses the template variable ${{{variable}}}, which the request does not \
                     set for both sides; add {}",
                    metric.name(),
                    flags_for(variable)
                ));
            }
        }
    }
    problems
}

fn is_bound(variable: &str, request: &AnalysisRequest, scope_name: Option<&str>) -> bool {
    let set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    FILLED_IN.contains(&variable)
        || scopes(request)
            .filter(|scope| scope_name.is_none_or(|name| scope.scope_name == name))
            .all(|scope| {
                scope.extended_scope_params.contains_key(variable)
                    || match variable {
                        "scope" => set(&scope.control_scope) && set(&scope.experiment_scope),
                        "location" => {
                            set(&scope.control_location) && set(&scope.experiment_location)
                        }
                        _ => false,
                    }
            })
}

/// The flags that fill in a variable.
fn flags_for(variable: &str) -> String {
    match variable {
        "scope" => "--baseline and --canary".to_owned(),
        "location" => "--control-location and --experiment-location".to_owned(),
        _ => format!("--param {variable}=VALUE"),
    }
}

/// The plain names in `${…}` of a template, without those that have a default (`${name:-default}`) or
/// are meant literally (`$${name}`).
fn variables(template: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut from = 0;
    while let Some(at) = template[from..].find("${").map(|at| from + at) {
        from = at + 2;
        let Some(length) = template[from..].find('}') else {
            break;
        };
        let name = &template[from..from + length];
        let literal = template[..at].ends_with('$');
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !literal && !name.is_empty() && name.chars().all(plain) {
            found.insert(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use kayenta_model::AnalysisAdhocRequest;
    use serde_json::json;

    use super::*;

    fn found(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut whole = json!({
            "canaryConfig": {
                "judge": {"name": "NetflixACAJudge-v1.0"},
                "templates": {"t": "x{zone=\"${zone}\"}"},
                "metrics": [{"name": "m", "scopeName": "default",
                    "query": {"type": "prometheus", "customFilterTemplate": "t"}}]
            },
            "executionRequest": {
                "thresholds": {"pass": 95, "marginal": 75},
                "scopes": [{"scopeName": "default", "extendedScopeParams": {"zone": "a"}}]
            }
        });
        change(&mut whole);
        let request: AnalysisAdhocRequest = serde_json::from_value(whole).unwrap();
        let offer = Offer {
            judges: Some(json!([{"name": "NetflixACAJudge-v1.0"}])),
            accounts: Some(json!([
                {"name": "prom", "supportedTypes": ["METRICS_STORE"]},
                {"name": "disk", "supportedTypes": ["OBJECT_STORE", "CONFIGURATION_STORE"]}
            ])),
        };
        let parameters = StartParameters::default();
        problems(
            &request.canary_config.unwrap(),
            &request.execution_request.unwrap(),
            &parameters,
            &offer,
        )
    }

    #[test]
    fn a_request_that_fits_the_service_has_no_problem() {
        assert_eq!(found(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_is_one_problem_that_names_what_to_change() {
        let cases: [(&str, Value, &str); 5] = [
            (
                "/executionRequest/thresholds/marginal",
                json!(99),
                "--marginal",
            ),
            (
                "/canaryConfig/judge/name",
                json!("Mine"),
                "it has NetflixACAJudge-v1.0",
            ),
            (
                "/canaryConfig/metrics/0/scopeName",
                json!("other"),
                "--scope-name other",
            ),
            (
                "/executionRequest/scopes/0/extendedScopeParams",
                json!({}),
                "--param zone=VALUE",
            ),
            (
                "/canaryConfig/templates",
                json!({}),
                "not among the config's templates",
            ),
        ];
        for (pointer, value, part) in cases {
            let problems = found(|whole| *whole.pointer_mut(pointer).unwrap() = value);
            assert!(!problems.is_empty(), "{pointer}");
            assert!(problems[0].contains(part), "{pointer}: {problems:?}");
        }
    }

    #[test]
    fn an_account_is_checked_for_what_it_is_asked_for() {
        let accounts = json!([{"name": "disk", "supportedTypes": ["OBJECT_STORE"]}]);
        let problem = account(
            "--metrics-account",
            Some("disk"),
            "METRICS_STORE",
            Some(&accounts),
        );
        assert!(problem.unwrap().contains("it has none"));
        let none = account("--metrics-account", None, "METRICS_STORE", Some(&accounts));
        assert!(none.unwrap().contains("METRICS_STORE"));
        let fits = account(
            "--storage-account",
            Some("disk"),
            "OBJECT_STORE",
            Some(&accounts),
        );
        assert_eq!(fits, None);
    }

    #[test]
    fn only_plain_names_without_default_are_variables() {
        let text = "a{x=\"${one}\", y=\"$${two}\", z=\"${three:-3}\", w=\"${four_4}\"} ${open";
        assert_eq!(
            variables(text).into_iter().collect::<Vec<_>>(),
            ["four_4", "one"]
        );
    }
}
