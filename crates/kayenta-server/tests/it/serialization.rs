//! `kayenta.serialization.*`: moments and durations as numbers.

use std::time::Duration;

use kayenta_testkit::{FakePrometheus, ServiceBuilder};
use serde_json::json;

use crate::{
    requests::{Caller, Window, canary, config, metric},
    samples::{BINARY, sample},
};

const WINDOW: Window<'static> = Window {
    start: "2020-11-20T23:00:00Z",
    end: "2020-11-21T00:00:00Z",
    step_seconds: 60,
};

#[tokio::test(flavor = "multi_thread")]
async fn moments_and_durations_are_numbers_when_told_in_answers_and_in_stored_objects() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let yaml = sample(
        "transcripts-embedded.yml",
        &[("prometheus", &prometheus.base_url())],
    );
    for numbers in [false, true] {
        let yaml = format!(
            "{yaml}kayenta.serialization: {{writeDatesAsTimestamps: {numbers}, writeDurationsAsTimestamps: {numbers}}}\n"
        );
        let service = ServiceBuilder::new(BINARY)
            .config(yaml)
            .start()
            .await
            .unwrap();
        let caller = Caller::new(service.base_url());
        let metrics = [metric("latency", "Latency", r#"latency{v="${scope}"}"#)];
        let config = config("times", &metrics, json!({"Latency": 100}));
        let body = canary(&config, "baseline", "canary", WINDOW);
        let id = caller
            .start("/canary?storageAccountName=canary-storage", &body)
            .await
            .unwrap();
        let answer = caller
            .complete(&format!("/canary/{id}"), Duration::from_secs(15))
            .await;
        let (start, duration) = if numbers {
            (json!(1_605_913_200_000_u64), json!(3_600_000))
        } else {
            (json!(WINDOW.start), json!("PT1H"))
        };
        let (status, archive) = caller
            .get(&format!("/canaryResultArchive/{id}"))
            .await
            .unwrap();
        assert_eq!(status, 200, "{archive}");
        for told in [&answer, &archive] {
            assert_eq!(told["result"]["canaryDuration"], duration, "{told}");
            let scope = &told["canaryExecutionRequest"]["scopes"]["default"]["controlScope"];
            assert_eq!(scope["start"], start, "{told}");
        }
        let (status, error) = caller.get("/nowhere").await.unwrap();
        assert_eq!(status, 404);
        assert_eq!(error["timestamp"].is_u64(), numbers, "{error}");
    }
}
