//! What can be known to be wrong before an analysis waits its first interval: config, request, judge and accounts.

use kayenta_lint::{Problem, ServiceOffer, config_problems, request_problems};
use kayenta_model::{AnalysisRequest, CanaryConfig};
use serde_json::Value;

use crate::http::StartParameters;

/// What the service said of itself; a part is `None` when it did not answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    /// Answer of `GET /judges`.
    pub(crate) judges: Option<Value>,
    /// Answer of `GET /credentials`.
    pub(crate) accounts: Option<Value>,
}

/// What keeps the analysis from being started, and what is only reported; each in a sentence that says what to change.
#[derive(Debug, Default)]
pub(crate) struct Preflight {
    pub(crate) errors: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Checks a config as it was written, and the request it is to run with.
pub(crate) fn preflight(
    written: &Value,
    config: &CanaryConfig,
    request: &AnalysisRequest,
    parameters: &StartParameters,
    offer: &Offer,
) -> Preflight {
    let judges = judges(offer);
    let known = ServiceOffer {
        judges: judges.as_deref(),
        ..ServiceOffer::default()
    };
    let mut found = Preflight::default();
    let of_config = config_problems(written, &known);
    let of_request = request_problems(config, request);
    let texts = of_config
        .iter()
        .map(|problem| (problem.is_error(), problem.to_string()))
        .chain(
            of_request
                .iter()
                .map(|problem| (problem.is_error(), with_flags(problem))),
        );
    for (is_error, text) in texts {
        if is_error {
            found.errors.push(text);
        } else {
            found.warnings.push(text);
        }
    }
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
        found.errors.extend(account(
            flag,
            chosen.as_deref(),
            supported,
            offer.accounts.as_ref(),
        ));
    }
    found
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

/// What the service is known to have, for the checks of the config.
fn judges(offer: &Offer) -> Option<Vec<String>> {
    let names = offer.judges.as_ref()?.as_array()?.iter();
    let names = names.filter_map(|judge| Some(judge.get("name")?.as_str()?.to_owned()));
    Some(names.collect())
}

/// A problem of the request with the flags that fix it.
fn with_flags(problem: &Problem) -> String {
    let field = problem.pointer.rsplit('/').next().unwrap_or_default();
    let flags = match (problem.rule, field) {
        ("thresholds", "marginal") => "--marginal, --pass".to_owned(),
        ("thresholds", _) => "--pass and --marginal".to_owned(),
        ("interval", _) => "--interval".to_owned(),
        ("scope-name", _) => "--scope-name, or the metric's scopeName".to_owned(),
        ("variable", "controlScope") => "--baseline".to_owned(),
        ("variable", "experimentScope") => "--canary".to_owned(),
        ("variable", "controlLocation") => "--control-location".to_owned(),
        ("variable", "experimentLocation") => "--experiment-location".to_owned(),
        ("variable", name) => format!("--param {name}=VALUE"),
        _ => return problem.to_string(),
    };
    format!("{} (set {flags})", problem.sentence())
}

#[cfg(test)]
mod tests {
    use kayenta_model::AnalysisAdhocRequest;
    use serde_json::json;

    use super::*;

    fn found(change: impl FnOnce(&mut Value)) -> Preflight {
        let mut whole = json!({
            "canaryConfig": {
                "judge": {"name": "NetflixACAJudge-v1.0"},
                "templates": {"t": "PromQL:x{zone=\"${zone}\"}"},
                "metrics": [{"name": "m", "scopeName": "default", "groups": ["g"],
                    "query": {"type": "prometheus", "customFilterTemplate": "t"}}],
                "classifier": {"groupWeights": {"g": 100}}
            },
            "executionRequest": {
                "thresholds": {"pass": 95, "marginal": 75},
                "scopes": [{"scopeName": "default", "extendedScopeParams": {"zone": "a"}}]
            }
        });
        change(&mut whole);
        let written = whole["canaryConfig"].clone();
        let request: AnalysisAdhocRequest = serde_json::from_value(whole).unwrap();
        let offer = Offer {
            judges: Some(json!([{"name": "NetflixACAJudge-v1.0"}])),
            accounts: Some(json!([
                {"name": "prom", "supportedTypes": ["METRICS_STORE"]},
                {"name": "disk", "supportedTypes": ["OBJECT_STORE", "CONFIGURATION_STORE"]}
            ])),
        };
        preflight(
            &written,
            &request.canary_config.unwrap(),
            &request.execution_request.unwrap(),
            &StartParameters::default(),
            &offer,
        )
    }

    #[test]
    fn a_request_that_fits_the_service_has_no_problem() {
        let found = found(|_| {});
        assert_eq!((found.errors.len(), found.warnings.len()), (0, 0));
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
                "--scope-name",
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
            let errors = found(|whole| *whole.pointer_mut(pointer).unwrap() = value).errors;
            assert!(!errors.is_empty(), "{pointer}");
            assert!(errors[0].contains(part), "{pointer}: {errors:?}");
        }
    }

    #[test]
    fn thresholds_that_no_score_meets_or_every_score_meets_are_warned_of() {
        for (pass, marginal, part) in [
            (175, 75, "no canary passes (set --pass"),
            (0, 0, "every canary passes"),
            (-1, -2, "every canary passes"),
            (100, 100, "every canary fails (set --marginal"),
        ] {
            let found = found(|whole| {
                whole["executionRequest"]["thresholds"] =
                    json!({"pass": pass, "marginal": marginal});
            });
            assert_eq!(found.errors, [] as [&str; 0], "{pass}, {marginal}");
            assert!(found.warnings[0].contains(part), "{found:?}");
        }
        for thresholds in [
            json!({"pass": 100, "marginal": 99.9}),
            json!({"pass": 1, "marginal": 0}),
        ] {
            let found = found(|whole| whole["executionRequest"]["thresholds"] = thresholds);
            assert_eq!(found.warnings, [] as [&str; 0]);
        }
    }

    #[test]
    fn what_has_no_effect_is_a_warning_with_the_name_that_was_meant() {
        let found = found(|whole| whole["canaryConfig"]["metrics"][0]["scope"] = json!("x"));
        assert_eq!(found.errors, [] as [&str; 0]);
        assert!(
            found.warnings[0].contains("did you mean 'scopeName'?"),
            "{found:?}"
        );
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
}
