//! A request together with the config it is to run.

use kayenta_model::{AnalysisRequest, AnalysisScope, CanaryConfig, Thresholds};

use crate::{
    nearest,
    problem::{Problem, pointer},
    template::{Template, template_of, variables},
};

/// Names that some metric store fills in without a parameter of the request: what its scope derives,
/// and the window in the forms it offers.
const FILLED_IN: [&str; 10] = [
    "start",
    "end",
    "step",
    "project",
    "resourceType",
    "timeFilter",
    "startEpochSeconds",
    "endEpochSeconds",
    "startEpochMillis",
    "endEpochMillis",
];

/// What can be known to be wrong before an analysis waits its first interval. Pointers are those of the request.
#[must_use]
pub fn request_problems(config: &CanaryConfig, request: &AnalysisRequest) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(thresholds(request));
    problems.extend(request.thresholds.iter().flat_map(threshold_warnings));
    problems.extend(lifetime(request));
    scope_names(config, request, &mut problems);
    variables_of_templates(config, request, &mut problems);
    problems
}

fn thresholds(request: &AnalysisRequest) -> Option<Problem> {
    let Some(thresholds) = request.thresholds else {
        return Some(Problem::error(
            "/thresholds",
            "thresholds",
            "the request has no thresholds; set pass and marginal",
        ));
    };
    let (pass, marginal) = (thresholds.pass?, thresholds.marginal?);
    (marginal > pass).then(|| {
        Problem::error(
            "/thresholds/marginal",
            "thresholds",
            format!(
                "the marginal threshold ({marginal}) is above the pass threshold ({pass}); set marginal to the score \
                 at or below which the canary fails, and pass to the higher one at which it passes"
            ),
        )
    })
}

/// Thresholds that a run accepts, but that no score or every score meets: scores go from 0 to 100, and for a run a
/// missing threshold counts as 0. Pointers are those of a request.
#[must_use]
pub fn threshold_warnings(thresholds: &Thresholds) -> Vec<Problem> {
    let pass = match thresholds.pass {
        None => Some("the pass threshold is missing: every score that is not below the marginal threshold passes".to_owned()),
        Some(pass) if pass > 100.0 => Some(format!(
            "the pass threshold ({pass}) is above 100, which no score is, so no canary passes"
        )),
        Some(pass) if pass <= 0.0 => Some(format!(
            "the pass threshold ({pass}) is not above 0, so every canary passes that is not stopped before"
        )),
        Some(_) => None,
    };
    let marginal = match thresholds.marginal {
        None => Some("the marginal threshold is missing: no score fails a canary, and an analysis is refused without it".to_owned()),
        Some(marginal) if marginal >= 100.0 => Some(format!(
            "the marginal threshold ({marginal}) is not below 100, so every canary fails"
        )),
        Some(_) => None,
    };
    let warning = |field: &str, text: String| {
        Problem::warning(format!("/thresholds/{field}"), "thresholds", text)
    };
    let pass = pass.map(|text| warning("pass", text));
    pass.into_iter()
        .chain(marginal.map(|text| warning("marginal", text)))
        .collect()
}

fn lifetime(request: &AnalysisRequest) -> Option<Problem> {
    let scope = request.scopes.iter().flatten().flatten().next()?;
    if scope.end_time_iso.is_some() {
        return None;
    }
    let lifetime = request.lifetime_duration_mins?;
    let interval = request.analysis_interval_mins?;
    (interval > lifetime && lifetime > 0).then(|| {
        Problem::warning(
            "/analysisIntervalMins",
            "interval",
            format!(
                "the interval ({interval} minutes) is longer than the lifetime ({lifetime} minutes)"
            ),
        )
    })
}

fn scopes(request: &AnalysisRequest) -> impl Iterator<Item = (usize, &AnalysisScope)> {
    let scopes = request.scopes.iter().flatten().enumerate();
    scopes.filter_map(|(index, scope)| Some((index, scope.as_ref()?)))
}

fn scope_names(config: &CanaryConfig, request: &AnalysisRequest, problems: &mut Vec<Problem>) {
    let given: Vec<&str> = scopes(request)
        .map(|(_, scope)| scope.scope_name.as_str())
        .collect();
    for metric in config.metrics() {
        let Some(wanted) = metric.scope_name.as_deref() else {
            continue;
        };
        if !given.contains(&wanted) {
            let found = match given.as_slice() {
                [] => "no scope".to_owned(),
                given => given.join(", "),
            };
            let message = format!(
                "metric '{}' asks for the scope '{wanted}', but the request has {found}",
                metric.name()
            );
            problems.push(
                Problem::error("/scopes/0/scopeName", "scope-name", message)
                    .near(nearest(wanted, given.iter().copied())),
            );
        }
    }
}

/// Template variables that neither the scope nor a parameter of the request can fill.
fn variables_of_templates(
    config: &CanaryConfig,
    request: &AnalysisRequest,
    problems: &mut Vec<Problem>,
) {
    for metric in config.metrics() {
        let Some(query) = &metric.query else { continue };
        let Template::Text(text) = template_of(config, query) else {
            continue;
        };
        for variable in variables(text) {
            if let Some((index, field)) = unbound(variable, request, metric.scope_name.as_deref()) {
                let parameter = pointer(&[variable]);
                let pointer = match field {
                    "extendedScopeParams" => {
                        format!("/scopes/{index}/extendedScopeParams{parameter}")
                    }
                    field => format!("/scopes/{index}/{field}"),
                };
                problems.push(Problem::error(
                    pointer,
                    "variable",
                    format!(
                        "metric '{}' uses the template variable ${{{variable}}}, which the request does not set for both \
                         sides",
                        metric.name()
                    ),
                ));
            }
        }
    }
}

/// The first scope, and the field of it, that leaves a variable without a value.
fn unbound(
    variable: &str,
    request: &AnalysisRequest,
    scope_name: Option<&str>,
) -> Option<(usize, &'static str)> {
    if FILLED_IN.contains(&variable) {
        return None;
    }
    let set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    scopes(request)
        .filter(|(_, scope)| scope_name.is_none_or(|name| scope.scope_name == name))
        .find_map(|(index, scope)| {
            if scope.extended_scope_params.contains_key(variable) {
                return None;
            }
            let field = match variable {
                "scope" if !set(&scope.control_scope) => "controlScope",
                "scope" if !set(&scope.experiment_scope) => "experimentScope",
                "location" if !set(&scope.control_location) => "controlLocation",
                "location" if !set(&scope.experiment_location) => "experimentLocation",
                "scope" | "location" => return None,
                _ => "extendedScopeParams",
            };
            Some((index, field))
        })
}
