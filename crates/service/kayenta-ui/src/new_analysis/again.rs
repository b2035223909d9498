//! An execution as the form that starts it again.

use kayenta_model::{
    AnalysisRequest, AnalysisScope, AnalysisStatusResponse, CanaryExecutionRequest, CanaryScope,
    CanaryStatusResponse, ScopePair, Thresholds, time::iso_millis,
};

use super::wish::{OF, Wish};
use crate::{
    actions::Subject, executed::Executed, query::PageQuery, scope_fields::ScopeFields,
    scope_fields::time,
};

/// What an execution was started with.
struct Started<'s> {
    subject: Subject,
    id: &'s str,
    config_id: Option<&'s str>,
    application: Option<&'s str>,
    user: Option<&'s str>,
    metrics_account: Option<&'s str>,
    storage_account: Option<&'s str>,
    request: AnalysisRequest,
}

/// The query of the form that starts an analysis with the config and the request of this one. `None` when the form has no
/// field for something that the request says.
pub(crate) fn again_analysis(id: &str, status: &AnalysisStatusResponse) -> Option<String> {
    let started = Started {
        subject: Subject::Analysis,
        id,
        config_id: status.canary_config_id.as_deref(),
        application: status.application.as_deref(),
        user: status.user.as_deref(),
        metrics_account: status.metrics_account_name.as_deref(),
        storage_account: status.storage_account_name.as_deref(),
        request: status.canary_analysis_execution_request.clone()?,
    };
    status.canary_config.as_ref()?;
    started.query()
}

/// The query of the form that starts an analysis over the window of this run, with its config. `None` when the form has no
/// field for something that the run's request says.
pub(crate) fn again_run(id: &str, status: &CanaryStatusResponse) -> Option<String> {
    let request = status.canary_execution_request.as_ref()?;
    status.config.as_ref()?;
    let started = Started {
        subject: Subject::Run,
        id,
        config_id: status.canary_config_id.as_deref(),
        application: status.application.as_deref(),
        user: None,
        metrics_account: status.metrics_account_name.as_deref(),
        storage_account: status.storage_account_name.as_deref(),
        request: as_analysis(request)?,
    };
    started.query()
}

impl Started<'_> {
    fn query(&self) -> Option<String> {
        let mut scopes = self.request.scopes.iter().flatten();
        let scope = scopes.next()?.as_ref()?;
        let stored = self.config_id.filter(|id| *id != "ad-hoc");
        let executed = Executed {
            subject: self.subject,
            id: self.id.to_owned(),
        };
        let thresholds = self.request.thresholds.unwrap_or_default();
        let number = |number: Option<f64>| number.map(|number| number.to_string());
        let minutes = |minutes: i64| Some(minutes.to_string());
        let other_location = scope.experiment_location.clone();
        let parameters = ScopeFields {
            parameters: scope.extended_scope_params.clone(),
            ..ScopeFields::default()
        };
        let fields = [
            ("config", stored.map(str::to_owned)),
            (OF, Some(executed.text())),
            ("application", self.application.map(str::to_owned)),
            ("user", self.user.map(str::to_owned)),
            ("account", self.metrics_account.map(str::to_owned)),
            ("storage", self.storage_account.map(str::to_owned)),
            ("baseline", scope.control_scope.clone()),
            ("canary", scope.experiment_scope.clone()),
            ("location", scope.control_location.clone()),
            (
                "canary-location",
                other_location.filter(|_| scope.experiment_location != scope.control_location),
            ),
            ("step", minutes(scope.step)),
            ("params", Some(parameters.parameter_lines())),
            ("start", scope.start_time_iso.clone()),
            ("end", scope.end_time_iso.clone()),
            (
                "lifetime",
                self.request.lifetime_duration_mins.and_then(minutes),
            ),
            (
                "interval",
                self.request.analysis_interval_mins.and_then(minutes),
            ),
            ("begin", minutes(self.request.begin_after_mins)),
            ("lookback", minutes(self.request.lookback_mins)),
            ("offset", minutes(scope.control_offset_in_minutes)),
            ("pass", number(thresholds.pass)),
            ("marginal", number(thresholds.marginal)),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(name, &value);
            }
        }
        let query = query.finish();
        // Read back, the form has to say what the request said.
        let read = PageQuery::read(Some(&query));
        let (request, mistakes) = Wish::read(|name| read.get(name), 0).request(&scope.scope_name);
        let says_all = mistakes.is_empty() && request == in_one_form(&self.request);
        says_all.then_some(query)
    }
}

/// A request as the form writes it: times in UTC, no lifetime beside an end.
fn in_one_form(request: &AnalysisRequest) -> AnalysisRequest {
    let mut request = request.clone();
    let iso = |text: &mut Option<String>| {
        if let Some(millis) = text.as_deref().and_then(|text| time(text).ok()) {
            *text = Some(iso_millis(millis));
        }
    };
    for scope in request.scopes.iter_mut().flatten().flatten() {
        iso(&mut scope.start_time_iso);
        iso(&mut scope.end_time_iso);
        if scope.end_time_iso.is_some() {
            request.lifetime_duration_mins = None;
        }
    }
    request
}

/// An analysis over the window of a run.
fn as_analysis(request: &CanaryExecutionRequest) -> Option<AnalysisRequest> {
    let scopes = request.scopes.as_ref()?;
    let (name, pair) = scopes.first().filter(|_| scopes.len() == 1)?;
    let ScopePair {
        control_scope: Some(baseline),
        experiment_scope: Some(canary),
    } = pair.as_ref()?
    else {
        return None;
    };
    let window = |side: &CanaryScope| Some((side.start?.millis(), side.end?.millis()));
    let ((before, _), (start, end)) = (window(baseline)?, window(canary)?);
    let length = |side: &CanaryScope| window(side).map(|(start, end)| end - start);
    let parameters = |side: &CanaryScope| side.extended_scope_params.clone().unwrap_or_default();
    let offset = start - before;
    let is_one = length(baseline) == length(canary)
        && baseline.step == canary.step
        && parameters(baseline) == parameters(canary)
        && offset >= 0
        && offset % 60_000 == 0
        && (end - start) % 60_000 == 0;
    let scope = AnalysisScope {
        scope_name: name.clone(),
        control_scope: baseline.scope.clone(),
        control_location: baseline.location.clone(),
        control_offset_in_minutes: offset / 60_000,
        experiment_scope: canary.scope.clone(),
        experiment_location: canary.location.clone(),
        start_time_iso: Some(iso_millis(start)),
        end_time_iso: Some(iso_millis(end)),
        step: canary.step?,
        extended_scope_params: parameters(canary),
    };
    let thresholds: Option<Thresholds> = request.thresholds;
    is_one.then(|| AnalysisRequest {
        scopes: Some(vec![Some(scope)]),
        thresholds,
        ..AnalysisRequest::default()
    })
}

#[cfg(test)]
mod tests {
    use kayenta_model::CanaryConfig;
    use serde_json::json;

    use super::*;

    fn analysis(request: serde_json::Value) -> AnalysisStatusResponse {
        AnalysisStatusResponse {
            canary_config: Some(CanaryConfig::default()),
            canary_config_id: Some("ad-hoc".to_owned()),
            application: Some("shop & co".to_owned()),
            canary_analysis_execution_request: Some(serde_json::from_value(request).unwrap()),
            ..AnalysisStatusResponse::default()
        }
    }

    #[test]
    fn an_analysis_is_the_query_of_a_form_that_says_the_same() {
        let request = json!({
            "scopes": [{"scopeName": "zone", "controlScope": "1.0", "experimentScope": "1.1", "step": 30,
                "controlLocation": "eu", "experimentLocation": "us", "controlOffsetInMinutes": 60,
                "extendedScopeParams": {"pod": "a=b"}}],
            "lifetimeDurationMins": 45, "analysisIntervalMins": 15, "beginAfterMins": 5, "lookbackMins": 10,
            "thresholds": {"pass": "95.5", "marginal": "50"}});
        let query = again_analysis("01A", &analysis(request)).unwrap();
        for part in [
            "of=analyses%2F01A",
            "application=shop+%26+co",
            "baseline=1.0&canary=1.1",
            "location=eu&canary-location=us",
            "step=30",
            "params=pod%3Da%3Db",
            "lifetime=45&interval=15&begin=5&lookback=10&offset=60",
            "pass=95.5&marginal=50",
        ] {
            assert!(query.contains(part), "no {part} in {query}");
        }
    }

    #[test]
    fn what_the_form_cannot_say_is_no_query_of_it() {
        let scope = json!({"controlScope": "1.0", "experimentScope": "1.1"});
        for request in [
            json!({"scopes": [scope, scope], "lifetimeDurationMins": 5, "thresholds": {"pass": 95, "marginal": 75}}),
            json!({"scopes": [scope], "lifetimeDurationMins": 5}),
            json!({"scopes": [scope], "lifetimeDurationMins": 5, "thresholds": {"pass": 95, "marginal": 75},
                "siteLocal": {"a": 1}}),
        ] {
            assert_eq!(
                again_analysis("01A", &analysis(request.clone())),
                None,
                "{request}"
            );
        }
    }

    #[test]
    fn a_run_is_an_analysis_over_its_window_when_its_sides_are_of_one_length() {
        let side = |scope: &str, start: &str, end: &str| {
            json!({"scope": scope, "location": "eu", "start": start, "end": end, "step": 60,
                "extendedScopeParams": {}})
        };
        let run = |control: serde_json::Value| {
            CanaryStatusResponse {
            config: Some(CanaryConfig::default()),
            canary_config_id: Some("stored".to_owned()),
            canary_execution_request: serde_json::from_value(json!({
                "scopes": {"default": {"controlScope": control,
                    "experimentScope": side("1.1", "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z")}},
                "thresholds": {"pass": 95, "marginal": 75}}))
            .unwrap(),
            ..CanaryStatusResponse::default()
        }
        };
        let hour = side("1.0", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
        let query = again_run("01R", &run(hour)).unwrap();
        for part in [
            "config=stored&of=runs%2F01R",
            "start=2026-01-01T01%3A00%3A00Z&end=2026-01-01T02%3A00%3A00Z",
            "offset=60",
        ] {
            assert!(query.contains(part), "no {part} in {query}");
        }
        let half = side("1.0", "2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z");
        assert_eq!(again_run("01R", &run(half)), None);
    }
}
