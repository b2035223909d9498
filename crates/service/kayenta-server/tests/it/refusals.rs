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
