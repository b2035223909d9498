use kayenta_model::AnalysisAdhocRequest;
use serde_json::json;

use super::*;

fn good() -> Value {
    json!({
        "name": "checkout",
        "applications": ["shop"],
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": [
            {"name": "errors", "groups": ["Errors"], "scopeName": "default",
             "query": {"type": "prometheus", "customInlineTemplate": "PromQL:sum(errors{v=\"${scope}\"})"},
             "analysisConfigurations": {"canary": {"direction": "increase", "critical": true,
                "effectSize": {"allowedIncrease": 1.1, "criticalIncrease": 1.5}}}},
            {"name": "latency", "groups": ["Latency"], "scopeName": "default",
             "query": {"type": "prometheus", "customFilterTemplate": "latency"},
             "analysisConfigurations": {"canary": {"direction": "increase"}}}
        ],
        "templates": {"latency": "PromQL:latency{v=\"${scope}\"}"},
        "classifier": {"groupWeights": {"Errors": 60, "Latency": 40}}
    })
}

fn found(written: &Value) -> Vec<Problem> {
    let judges = [
        "NetflixACAJudge-v1.0".to_owned(),
        "PairedCanaryJudge-v1.0".to_owned(),
    ];
    let stores = ["prometheus".to_owned(), "graphite".to_owned()];
    config_problems(
        written,
        &ServiceOffer {
            judges: Some(&judges),
            stores: Some(&stores),
            to_store: true,
        },
    )
}

#[test]
fn a_config_without_mistakes_has_no_problem() {
    assert_eq!(found(&good()), []);
}

#[test]
fn each_mistake_in_a_config_is_one_problem_at_its_field() {
    let canary = "/metrics/0/analysisConfigurations/canary";
    // Where, what, where it is reported, rule, level, nearest.
    type Case = (
        &'static str,
        Value,
        &'static str,
        &'static str,
        ProblemLevel,
        Option<&'static str>,
    );
    let cases: Vec<Case> = vec![
        (
            "/name",
            json!("a b"),
            "/name",
            "name",
            ProblemLevel::Error,
            None,
        ),
        (
            "/applications",
            json!([]),
            "/applications",
            "applications",
            ProblemLevel::Error,
            None,
        ),
        (
            "/judge/name",
            json!("NetflixACAJudge"),
            "/judge/name",
            "judge",
            ProblemLevel::Error,
            Some("NetflixACAJudge-v1.0"),
        ),
        (
            "/judge/judgeConfiguration",
            json!({}),
            "/judge/judgeConfiguration",
            "unknown-field",
            ProblemLevel::Warning,
            Some("judgeConfigurations"),
        ),
        (
            "/metric",
            json!([]),
            "/metric",
            "unknown-field",
            ProblemLevel::Warning,
            Some("metrics"),
        ),
        (
            "/metrics/0/scope_name",
            json!("x"),
            "/metrics/0/scope_name",
            "unknown-field",
            ProblemLevel::Warning,
            Some("scopeName"),
        ),
        (
            "/metrics/0/scopeName",
            json!(null),
            "/metrics/0/scopeName",
            "scope-name",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/0/name",
            json!(""),
            "/metrics/0/name",
            "metric-name",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/1/name",
            json!("errors"),
            "/metrics/1/name",
            "duplicate-name",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/1/query/type",
            json!("graphite"),
            "/metrics/1/query/type",
            "",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/1/query/type",
            json!("datadog"),
            "/metrics/1/query/type",
            "store",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/1/query/type",
            json!("prometeus"),
            "/metrics/1/query/type",
            "unreadable",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/1/query",
            json!(null),
            "/metrics/1/query",
            "query",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/1/query/metricname",
            json!("x"),
            "/metrics/1/query/metricname",
            "unknown-field",
            ProblemLevel::Warning,
            Some("metricName"),
        ),
        (
            "/metrics/1/query/metricName",
            json!("x"),
            "/metrics/1/query/metricName",
            "no-effect",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/metrics/1/query/customFilterTemplate",
            json!("latncy"),
            "/metrics/1/query/customFilterTemplate",
            "template",
            ProblemLevel::Error,
            Some("latency"),
        ),
        (
            "/metrics/0/query/customInlineTemplate",
            json!("sum(errors)"),
            "/metrics/0/query/customInlineTemplate",
            "promql-prefix",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/0/query/customInlineTemplate",
            json!("promql:up"),
            "/metrics/0/query/customInlineTemplate",
            "promql-prefix",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/0/query/customInlineTemplate",
            json!("v=\"${scope}\""),
            "/metrics/0/query/metricName",
            "metric-name-of-query",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/0/query/customInlineTemplate",
            json!("v=\"$\\{scope}\""),
            "/metrics/0/query/metricName",
            "metric-name-of-query",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/0/query/customFilterTemplate",
            json!("latency"),
            "/metrics/0/query/customFilterTemplate",
            "two-templates",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/metrics/0/query/customFilter",
            json!("x"),
            "/metrics/0/query/customFilter",
            "custom-filter",
            ProblemLevel::Error,
            None,
        ),
        (
            "/metrics/0/groups",
            json!(["Errors", ""]),
            "/metrics/0/groups/1",
            "empty-group",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/classifier/groupWeights/Errors",
            json!(50),
            "/classifier/groupWeights",
            "weights",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/classifier/groupWeights/Errors",
            json!(-60),
            "/classifier/groupWeights/Errors",
            "weight",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/metrics/1/groups",
            json!(["Latencies"]),
            "/classifier/groupWeights/Latency",
            "weight-without-metric",
            ProblemLevel::Warning,
            Some("Latencies"),
        ),
        (
            "/metrics/1/groups",
            json!(["Errors", "Latencies"]),
            "/classifier/groupWeights",
            "group-without-weight",
            ProblemLevel::Warning,
            Some("Latency"),
        ),
        (
            "/metrics/1/groups",
            json!([]),
            "/metrics/1/groups",
            "no-group",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/classifier",
            json!(null),
            "/classifier",
            "classifier",
            ProblemLevel::Error,
            None,
        ),
        (
            "/classifier/scoreThresholds",
            json!({"pass": 50, "marginal": 90}),
            "/classifier/scoreThresholds",
            "thresholds",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/templates/other",
            json!("x"),
            "/templates/other",
            "unused-template",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/metrics/0/groups",
            json!("x"),
            "/metrics/0/groups",
            "unreadable",
            ProblemLevel::Error,
            None,
        ),
    ];
    let settings: Vec<(&str, Value, &str, ProblemLevel, Option<&str>)> = vec![
        (
            "/direction",
            json!("Increase"),
            "setting-word",
            ProblemLevel::Warning,
            Some("increase"),
        ),
        (
            "/critical",
            json!("true"),
            "setting",
            ProblemLevel::Error,
            None,
        ),
        (
            "/mustHaveDta",
            json!(true),
            "unknown-field",
            ProblemLevel::Warning,
            Some("mustHaveData"),
        ),
        (
            "/effectSize/allowedIncrese",
            json!(1.1),
            "unknown-field",
            ProblemLevel::Warning,
            Some("allowedIncrease"),
        ),
        (
            "/effectSize/allowedIncrease",
            json!(0.1),
            "effect-size",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/effectSize/criticalIncrease",
            json!(1.05),
            "effect-size",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/effectSize/allowedDecrease",
            json!(0.9),
            "no-effect",
            ProblemLevel::Warning,
            None,
        ),
        (
            "/effectSize/allowedDecrease",
            json!("0.9"),
            "setting",
            ProblemLevel::Error,
            None,
        ),
    ];
    let settings = settings.into_iter().map(|(at, value, rule, level, near)| {
        let at = format!("{canary}{at}");
        (at.clone(), value, at, rule, level, near)
    });
    let cases = cases
        .into_iter()
        .map(|(at, value, place, rule, level, near)| {
            (at.to_owned(), value, place.to_owned(), rule, level, near)
        });
    for (at, value, place, rule, level, near) in cases.chain(settings) {
        let mut config = good();
        let (parent, name) = at.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[name] = value.clone();
        let problems = found(&config);
        if rule.is_empty() {
            // The other store is known, so nothing is wrong with it.
            assert!(
                problems.iter().all(|problem| problem.pointer != place),
                "{at}: {problems:?}"
            );
            continue;
        }
        let problem = problems
            .iter()
            .find(|problem| problem.pointer == place && problem.rule == rule)
            .unwrap_or_else(|| panic!("{at} = {value}: {problems:?}"));
        assert_eq!(problem.level, level, "{at}: {problem}");
        assert_eq!(problem.nearest.as_deref(), near, "{at}: {problem}");
    }
}

#[test]
fn settings_that_cancel_one_another_are_reported() {
    let mut config = good();
    config["metrics"][1]["analysisConfigurations"]["canary"] = json!({
        "nanStrategy": "replace", "mustHaveData": true,
        "outliers": {"outlierFactor": 2}, "effectSize": {"criticalIncrease": 2}
    });
    let rules: Vec<(String, &str)> = found(&config)
        .into_iter()
        .map(|problem| {
            (
                problem.pointer.rsplit('/').next().unwrap().to_owned(),
                problem.rule,
            )
        })
        .collect();
    let expected = [
        ("mustHaveData", "must-have-data"),
        ("outlierFactor", "no-effect"),
        ("criticalIncrease", "no-effect"),
    ];
    assert_eq!(
        rules,
        expected.map(|(field, rule)| (field.to_owned(), rule))
    );
}

#[test]
fn a_problem_prints_with_the_path_of_its_field_and_the_nearest_name() {
    let mut config = good();
    config["metrics"][0]["query"]["metricname"] = json!("x");
    assert_eq!(
        found(&config)[0].to_string(),
        "metrics[0].query.metricname: has no effect: metric 'errors' is queried without it, as a query of type \
         prometheus has no field 'metricname'; did you mean 'metricName'?"
    );
}

#[test]
fn hostile_json_is_no_panic() {
    for value in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"metrics": {"0": 1}, "judge": [], "classifier": "x"}),
        json!({"metrics": [null, 1, {"query": [], "analysisConfigurations": {"canary": 3}}]}),
        json!({"metrics": [{"name": "\u{202e}<script>", "query": {"type": "prometheus", "a~/b": 1}}]}),
    ] {
        let problems = config_problems(&value, &ServiceOffer::default());
        assert!(!problems.is_empty(), "{value}");
    }
}

#[test]
fn each_mistake_in_a_request_is_one_problem_at_its_field() {
    let whole = json!({
        "canaryConfig": {
            "templates": {"t": "x{zone=\"${zone}\",v=\"${scope}\",l=\"${location}\"}"},
            "metrics": [{"name": "m", "scopeName": "default",
                "query": {"type": "prometheus", "customFilterTemplate": "t"}}]
        },
        "executionRequest": {
            "thresholds": {"pass": 95, "marginal": 75},
            "lifetimeDurationMins": 60, "analysisIntervalMins": 10,
            "scopes": [{"scopeName": "default", "controlScope": "a", "experimentScope": "b",
                "controlLocation": "eu", "experimentLocation": "eu", "extendedScopeParams": {"zone": "a"}}]
        }
    });
    let found = |at: &str, value: Value| {
        let mut whole = whole.clone();
        let (parent, name) = at.rsplit_once('/').unwrap();
        match whole.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            other => other[name] = value,
        }
        let request: AnalysisAdhocRequest = serde_json::from_value(whole).unwrap();
        request_problems(
            &request.canary_config.unwrap(),
            &request.execution_request.unwrap(),
        )
    };
    assert_eq!(found("/executionRequest/siteLocal", json!({})), []);
    for (at, value, place, part) in [
        (
            "/thresholds/marginal",
            json!(99),
            "/thresholds/marginal",
            "above the pass threshold",
        ),
        ("/thresholds", json!(null), "/thresholds", "no thresholds"),
        (
            "/analysisIntervalMins",
            json!(90),
            "/analysisIntervalMins",
            "longer than the lifetime",
        ),
        (
            "/scopes/0/scopeName",
            json!("other"),
            "/scopes/0/scopeName",
            "asks for the scope 'default'",
        ),
        (
            "/scopes/0/extendedScopeParams",
            json!({}),
            "/scopes/0/extendedScopeParams/zone",
            "${zone}",
        ),
        (
            "/scopes/0/controlScope",
            json!(null),
            "/scopes/0/controlScope",
            "${scope}",
        ),
        (
            "/scopes/0/experimentLocation",
            json!(""),
            "/scopes/0/experimentLocation",
            "${location}",
        ),
    ] {
        let problems = found(&format!("/executionRequest{at}"), value);
        assert_eq!(problems[0].pointer, place, "{problems:?}");
        assert!(problems[0].message.contains(part), "{problems:?}");
    }
}
