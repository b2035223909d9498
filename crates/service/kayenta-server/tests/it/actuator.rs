//! The management endpoints answer in the shapes recorded from the reference.

use std::{collections::BTreeSet, time::Duration};

use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};

use crate::{
    requests::{Caller, latency_canary},
    samples::{embedded_service, testdata},
};

/// Components of the reference's cloud client, which means nothing outside that platform.
const NOT_OURS: [&str; 2] = ["discoveryComposite", "reactiveDiscoveryClients"];

/// Recorded meters that dashboards watch and that mean something here (C-METER-01).
const WATCHED: [&str; 14] = [
    "canary.pipelines.initiated",
    "canary.telemetry.query",
    "controller.invocations",
    "disk.free",
    "disk.total",
    "executions.active",
    "http.server.requests",
    "process.cpu.usage",
    "process.files.max",
    "process.files.open",
    "process.start.time",
    "process.uptime",
    "queue.depth",
    "system.cpu.count",
];

fn recorded(name: &str) -> Value {
    let path = testdata("reference").join(format!("actuator-{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_management_endpoints_have_the_recorded_shapes() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let more = "kayenta.azure.accounts: [{name: off, accountAccessKey: c2VjcmV0}]\nkayenta.azure.enabled: false\n";
    let service = embedded_service(&prometheus.base_url(), more).await;
    let caller = Caller::new(service.base_url());
    let ours = async |path: &str| {
        let (status, answer) = caller.get(path).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };

    assert_eq!(ours("/info").await, recorded("info"));
    assert_eq!(ours("/loggers/ROOT").await, recorded("loggers_ROOT"));

    let (env, expected) = (ours("/env").await, recorded("env"));
    assert_eq!(keys(&env), keys(&expected));
    assert_eq!(env["activeProfiles"], expected["activeProfiles"]);
    let property = |env: &Value, name: &str| {
        let sources = env["propertySources"].as_array().unwrap();
        sources
            .iter()
            .find_map(|source| source["properties"].get(name).cloned())
            .unwrap_or_else(|| panic!("{name}: {env}"))
    };
    for name in [
        "kayenta.azure.enabled",
        "kayenta.azure.accounts[0].accountAccessKey",
    ] {
        let (found, wanted) = (property(&env, name), property(&expected, name));
        assert_eq!(
            std::mem::discriminant(&found["value"]),
            std::mem::discriminant(&wanted["value"]),
            "{name}: {found}"
        );
    }
    assert_eq!(
        property(&env, "kayenta.azure.accounts[0].accountAccessKey")["value"],
        json!("******")
    );

    let (health, expected) = (ours("/health").await, recorded("health"));
    assert_eq!(keys(&health), keys(&expected));
    for (name, component) in expected["components"].as_object().unwrap() {
        // The queue is in the data directory here, so that component has another name.
        let name = match name.as_str() {
            "redisHealth" => "embeddedQueue",
            name if NOT_OURS.contains(&name) => continue,
            name => name,
        };
        let found = &health["components"][name];
        assert_eq!(found["status"], component["status"], "{name}: {health}");
        let details = keys(&component["details"]);
        assert!(
            details.is_subset(&keys(&found["details"])),
            "{name}: {found}"
        );
    }

    let (tasks, expected) = (ours("/scheduledtasks").await, recorded("scheduledtasks"));
    assert_eq!(keys(&tasks), keys(&expected));
    let task = &tasks["fixedDelay"][0];
    assert_eq!(keys(task), keys(&expected["fixedDelay"][0]));
    assert!(task["runnable"]["target"].is_string() && task["interval"].is_u64());

    // Some meters come with the first run.
    let id = caller.start("/canary", &latency_canary()).await.unwrap();
    caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(15))
        .await;
    let (meters, expected) = (ours("/metrics").await, recorded("metrics"));
    assert_eq!(keys(&meters), keys(&expected));
    let names = |answer: &Value| -> BTreeSet<String> {
        serde_json::from_value(answer["names"].clone()).unwrap()
    };
    let (found, wanted) = (names(&meters), names(&expected));
    println!(
        "meters of the reference that are not here: {:?}",
        wanted.difference(&found).collect::<Vec<_>>()
    );
    for name in WATCHED {
        assert!(wanted.contains(name), "not recorded: {name}");
        assert!(found.contains(name), "{name}: {found:?}");
    }
}
