//! What can be known when a run or an analysis is posted is answered then, with what can be used, and not after all
//! fetches.

use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};

use crate::{
    requests::{Caller, WINDOW, analysis, canary, config, metric},
    samples::embedded_service,
};

/// Both bodies, of a config that `change` was made to.
fn bodies(change: impl Fn(&mut Value)) -> [(&'static str, Value); 2] {
    let metrics = [metric("load", "Load", r#"load{v="${scope}"}"#)];
    let mut config = config("load", &metrics, json!({"Load": 100}));
    change(&mut config);
    [
        ("/canary", canary(&config, "baseline", "canary", WINDOW)),
        (
            "/standalone_canary_analysis",
            analysis(&config, "baseline", "canary", WINDOW, 60),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_or_an_account_that_cannot_be_used_is_400_at_post_with_those_that_can() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());
    let judges = "Judges that can be used: NetflixACAJudge-v1.0, dredd-v1.0.";
    for (judge, parts) in [
        ("Mine", ["'Mine'", judges]),
        ("netflixacajudge-v1.0", ["'netflixacajudge-v1.0'", judges]),
        (
            "RemoteJudge-v1.0",
            [
                "switched off: set kayenta.remote-judge.enabled: true",
                "endpoint.base-url",
            ],
        ),
        (
            "StaticLimitJudge-v1.0",
            [
                "switched off",
                "set kayenta.static-limit-judge.enabled: true",
            ],
        ),
    ] {
        let named = |config: &mut Value| config["judge"]["name"] = judge.into();
        for (path, body) in bodies(named) {
            let (status, answer) = caller.post(path, &body).await.unwrap();
            assert_eq!(status, 400, "{path}, {judge}: {answer}");
            let message = answer["message"].as_str().unwrap();
            for part in parts {
                assert!(message.contains(part), "{path}, {judge}: {message}");
            }
        }
    }
    for (query, known) in [
        ("metricsAccountName=nope", "canary-prometheus"),
        ("metricsAccountName=canary-storage", "canary-prometheus"),
        ("storageAccountName=nope", "canary-storage"),
        ("storageAccountName=canary-prometheus", "canary-storage"),
    ] {
        for (path, body) in bodies(|_| {}) {
            let path = format!("{path}?{query}");
            let (status, answer) = caller.post(&path, &body).await.unwrap();
            assert_eq!(status, 400, "{path}: {answer}");
            assert_eq!(answer["knownAccounts"], json!([known]), "{path}: {answer}");
        }
    }
    // Nothing was fetched for any of them, and a stored config is refused as well.
    assert_eq!(
        prometheus
            .seen()
            .iter()
            .filter(|seen| seen.target.contains("query_range"))
            .count(),
        0
    );
    let [(_, body), _] = bodies(|config| config["judge"]["name"] = "Mine".into());
    let (status, stored) = caller
        .post("/canaryConfig", &body["canaryConfig"])
        .await
        .unwrap();
    assert_eq!(status, 200, "{stored}");
    let id = stored["canaryConfigId"].as_str().unwrap();
    for (path, body) in bodies(|_| {}) {
        let path = format!("{path}/{id}");
        let request = &body["executionRequest"];
        let (status, answer) = caller.post(&path, request).await.unwrap();
        assert_eq!(status, 400, "{path}: {answer}");
        assert!(
            answer["message"].as_str().unwrap().contains(judges),
            "{answer}"
        );
    }
}

/// C-API-30.
#[tokio::test(flavor = "multi_thread")]
async fn c_api_30_thresholds_that_no_score_or_every_score_meets_are_warned_of() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());
    let [(_, body), _] = bodies(|_| {});
    let (_, stored) = caller
        .post("/canaryConfig", &body["canaryConfig"])
        .await
        .unwrap();
    let id = stored["canaryConfigId"].as_str().unwrap();
    for (thresholds, fields, analysis_starts) in [
        (json!({"pass": 95, "marginal": 75}), &[][..], true),
        (json!({}), &["pass", "marginal"], false),
        (json!({"pass": 95}), &["marginal"], false),
        (json!({"marginal": 75}), &["pass"], true),
        (json!({"pass": 0, "marginal": 0}), &["pass"], true),
        (
            json!({"pass": 101, "marginal": 100}),
            &["pass", "marginal"],
            true,
        ),
    ] {
        for (path, mut body) in bodies(|_| {}) {
            body["executionRequest"]["thresholds"] = thresholds.clone();
            let by_id = format!("{path}/{id}");
            for (path, body) in [(path, &body), (by_id.as_str(), &body["executionRequest"])] {
                let (status, answer) = caller.post(path, body).await.unwrap();
                if !analysis_starts && path.starts_with("/standalone") {
                    assert_eq!(status, 400, "{path}, {thresholds}: {answer}");
                    continue;
                }
                assert_eq!(status, 200, "{path}, {thresholds}: {answer}");
                let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
                assert_eq!(
                    warnings.len(),
                    fields.len(),
                    "{path}, {thresholds}: {answer}"
                );
                for (warning, field) in warnings.iter().zip(fields) {
                    let start = format!("thresholds.{field}: ");
                    assert!(warning.as_str().unwrap().starts_with(&start), "{answer}");
                }
                // Recorded answers have no such member.
                assert_eq!(
                    answer.get("warnings").is_some(),
                    !fields.is_empty(),
                    "{answer}"
                );
            }
        }
    }
}

/// Words of the program that reads JSON, and of Rust's types.
const INNER_WORDS: [&str; 20] = [
    "invalid type",
    "invalid value",
    "expected struct",
    "a sequence",
    "a map",
    "unknown variant",
    "unknown field",
    "missing field",
    "did not match",
    "untagged",
    "visitor",
    "Option<",
    "Vec<",
    "HashMap",
    "f64",
    "i64",
    "usize",
    "serde",
    "trailing",
    "EOF while",
];

/// The pointers of a value and of everything in it.
fn places(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut add = |name: &str, inner: &Value| {
        let inside = places(inner).into_iter();
        found.extend(inside.map(|pointer| format!("/{name}{pointer}")));
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, inner)| add(name, inner)),
        Value::Array(entries) => {
            let entries = entries.iter().enumerate();
            entries.for_each(|(index, inner)| add(&index.to_string(), inner));
        }
        _ => {}
    }
    found
}

/// The kind of F04: whatever stands in the place of whatever in a body, the answer names the place in the words of the
/// person who wrote it.
#[tokio::test(flavor = "multi_thread")]
async fn no_body_with_a_wrong_value_anywhere_is_answered_in_words_of_serde_or_of_rust() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());
    let filled = |config: &mut Value| {
        config["description"] = "d".into();
        config["templates"] = json!({"t": "x"});
        config["classifier"]["scoreThresholds"] = json!({"pass": 1, "marginal": 1});
        config["judge"]["judgeConfigurations"] = json!({"explain": true});
        let metric = &mut config["metrics"][0];
        metric["query"]["labelBindings"] = json!(["a"]);
        metric["query"]["groupByFields"] = json!(["a"]);
        metric["analysisConfigurations"]["canary"] = json!({
            "direction": "increase", "nanStrategy": "remove", "critical": true,
            "effectSize": {"allowedIncrease": 1.1, "measure": "cles"},
            "outliers": {"strategy": "keep", "outlierFactor": 3.0},
        });
    };
    let wrong = [
        json!("a text"),
        json!(-1.5),
        json!(true),
        json!([]),
        json!({"x": {"y": [1]}}),
        json!([[1]]),
    ];
    let mut tried = 0;
    for (path, body) in bodies(filled) {
        // The body is read before the account is looked up, so that nothing runs.
        let path = format!("{path}?metricsAccountName=nope");
        for place in places(&body) {
            for value in &wrong {
                let mut body = body.clone();
                *body.pointer_mut(&place).unwrap() = value.clone();
                let (status, answer) = caller.post(&path, &body).await.unwrap();
                assert_eq!(status, 400, "{path}: {value} at {place}: {answer}");
                let message = answer["message"].as_str().unwrap();
                for word in INNER_WORDS {
                    assert!(
                        !message.contains(word),
                        "{value} at {place}: {word} in {message}"
                    );
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "only {tried} bodies were tried");
}
