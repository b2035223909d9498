//! What a submission is refused for, in the reference's order and words.

use kayenta_engine::{ConfigSource, EngineErrorKind, StartCanary};
use kayenta_model::CanaryConfig;
use kayenta_storage::{ObjectKind, WriteCondition};
use serde_json::json;

use crate::world::{World, config, read, start};

async fn refusal(world: &World, start: StartCanary) -> String {
    let error = world.engine().start_canary(start).await.unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::InvalidRequest, "{error}");
    error.message
}

/// C-ENG-05.
#[tokio::test]
async fn checks_have_their_order_and_their_words() {
    let world = World::new();
    let good = || start(config(&["cpu"]));

    let mut bad = good();
    bad.metrics_account = Some("nope".to_owned());
    bad.storage_account = Some("nope too".to_owned());
    bad.config_source = ConfigSource::AdHoc { config: None };
    assert_eq!(
        refusal(&world, bad.clone()).await,
        "Unable to resolve account nope."
    );
    bad.metrics_account = None;
    assert_eq!(
        refusal(&world, bad.clone()).await,
        "Unable to resolve account nope too."
    );
    bad.storage_account = None;
    bad.request = None;
    assert_eq!(
        refusal(&world, bad.clone()).await,
        "canaryConfig must be provided for ad-hoc requests"
    );
    bad.config_source = good().config_source;
    assert_eq!(
        refusal(&world, bad).await,
        "executionRequest must be provided for ad-hoc requests"
    );

    for none in [Some(Vec::new()), None] {
        let mut empty = config(&[]);
        empty.metrics = none;
        assert_eq!(
            refusal(&world, start(empty)).await,
            "The canary config must specify at least one metric. Otherwise we're not analyzing anything. :)"
        );
    }

    let with_request = |request: serde_json::Value| StartCanary {
        request: Some(read(request)),
        ..good()
    };
    assert_eq!(
        refusal(&world, with_request(json!({}))).await,
        "Canary metrics require scopes, but no scopes were provided in the execution request."
    );
    assert_eq!(
        refusal(&world, with_request(json!({"scopes": {}}))).await,
        "Canary metrics require scopes which were not provided in the execution request: [default]"
    );
    assert_eq!(
        refusal(
            &world,
            with_request(json!({"scopes": {"default": {"controlScope": {}}}}))
        )
        .await,
        "Canary scope for named scope default is missing experimentScope or controlScope keys"
    );
    assert_eq!(
        refusal(&world, with_request(json!({"scopes": {"default": null}}))).await,
        "Canary scope for named scope default is missing experimentScope or controlScope keys"
    );
    let mut no_thresholds = good();
    no_thresholds.request.as_mut().unwrap().thresholds = None;
    assert_eq!(
        refusal(&world, no_thresholds).await,
        "Execution request must contain thresholds"
    );

    let with_metric = |metric: serde_json::Value| {
        let mut config = config(&["cpu"]);
        config.metrics = Some(vec![read(metric)]);
        start(config)
    };
    assert_eq!(
        refusal(
            &world,
            with_metric(json!({"name": "m", "query": {"type": "prometheus"}}))
        )
        .await,
        "Canary scope for metric named 'm' is null."
    );
    assert_eq!(
        refusal(
            &world,
            with_metric(
                json!({"name": "m", "scopeName": "default", "query": {"type": "graphite"}})
            )
        )
        .await,
        "Unable to resolve canary scope factory for 'graphite'."
    );
    assert_eq!(
        refusal(
            &world,
            with_metric(json!({"name": "m", "scopeName": "default"}))
        )
        .await,
        "Canary metric named 'm' must specify a query."
    );
    assert!(world.engine().ids().await.unwrap().is_empty());
}

#[tokio::test]
async fn missing_scopes_are_named_in_hash_order() {
    let world = World::new();
    let mut config = config(&["a", "b", "c"]);
    for (metric, scope) in config
        .metrics
        .as_mut()
        .unwrap()
        .iter_mut()
        .zip(["beta", "zeta", "beta"])
    {
        metric.scope_name = Some(scope.to_owned());
    }
    // The hash of zeta lands in bucket 0 of 16, that of beta in 14.
    assert_eq!(
        refusal(&world, start(config)).await,
        "Canary metrics require scopes which were not provided in the execution request: [zeta, beta]"
    );
}

#[tokio::test]
async fn a_nameless_config_and_partial_thresholds_are_accepted() {
    let world = World::new();
    let mut config = config(&["cpu"]);
    config.name = None;
    let mut request = start(config);
    request.request.as_mut().unwrap().thresholds = Some(Default::default());
    let engine = world.engine();
    let id = engine.start_canary(request).await.unwrap();
    let process = world.process();
    let status = world.canary_end(&engine, &id).await;
    // A missing threshold counts as 0.0: any score passes.
    let judged = status.result.unwrap().judge_result.unwrap();
    assert_eq!(
        judged.score.unwrap().classification.as_deref(),
        Some("Pass")
    );
    process.stop().await;
}

#[tokio::test]
async fn applications_default_as_in_the_reference() {
    let world = World::new();
    let engine = world.engine();
    let stored: CanaryConfig = config(&["cpu"]);
    world
        .repository()
        .store(
            ObjectKind::CanaryConfig,
            "cfg",
            None,
            stored,
            WriteCondition::Always,
        )
        .await
        .unwrap();
    let by_id = || ConfigSource::ById {
        configuration_account: None,
        config_id: "cfg".to_owned(),
    };
    for (source, application, wanted) in [
        (None, None, "ad-hoc"),
        (None, Some(""), "kayenta-here"),
        (None, Some("app"), "app"),
        (Some(by_id()), None, "kayenta-here"),
        (Some(by_id()), Some(""), "kayenta-here"),
        (Some(by_id()), Some("app"), "app"),
    ] {
        let mut request = start(config(&["cpu"]));
        let is_by_id = source.is_some();
        if let Some(source) = source {
            request.config_source = source;
        }
        request.application = application.map(str::to_owned);
        let id = engine.start_canary(request).await.unwrap();
        let status = engine.canary_status(&id, None).await.unwrap();
        assert_eq!(status.application.as_deref(), Some(wanted));
        assert_eq!(
            status.canary_config_id.as_deref(),
            Some(if is_by_id { "cfg" } else { "ad-hoc" })
        );
        assert_eq!(
            status.configuration_account_name.as_deref(),
            is_by_id.then_some("mem")
        );
        assert!(!status.complete && status.start_time_millis.is_none());
    }
}

#[tokio::test]
async fn stored_configs_are_looked_up_in_the_configuration_account() {
    let world = World::new();
    let engine = world.engine();
    let by_id = |account: Option<&str>, id: &str| StartCanary {
        config_source: ConfigSource::ById {
            configuration_account: account.map(str::to_owned),
            config_id: id.to_owned(),
        },
        ..start(config(&["cpu"]))
    };
    let error = engine
        .start_canary(by_id(None, "absent"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::NotFound);
    assert_eq!(
        refusal(&world, by_id(Some("prom"), "absent")).await,
        "Unable to resolve storage service prom."
    );
    assert_eq!(
        refusal(&world, by_id(Some("nope"), "absent")).await,
        "Unable to resolve account nope."
    );
    let error = engine.canary_status("x", Some("nope")).await.unwrap_err();
    assert_eq!(error.message, "Unable to resolve account nope.");
}
