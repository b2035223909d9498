//! `kayenta.serialization.*`: timestamps and durations as numbers.

use std::time::Duration;

use kayenta_testkit::FakePrometheus;
use serde_json::json;

use crate::{
    requests::{Caller, WINDOW, latency_canary},
    samples::embedded_service,
};

#[tokio::test(flavor = "multi_thread")]
async fn moments_and_durations_are_numbers_when_configured_in_answers_and_in_stored_objects() {
    let prometheus = FakePrometheus::start().await.unwrap();
    for numbers in [false, true] {
        let more = format!(
            "kayenta.serialization: {{writeDatesAsTimestamps: {numbers}, writeDurationsAsTimestamps: {numbers}}}\n"
        );
        let service = embedded_service(&prometheus.base_url(), &more).await;
        let caller = Caller::new(service.base_url());
        let id = caller
            .start(
                "/canary?storageAccountName=canary-storage",
                &latency_canary(),
            )
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
        // Written when the run is complete, so a moment later.
        let path = format!("/canaryResultArchive/{id}");
        caller.complete(&path, Duration::from_secs(15)).await;
        let (status, archive) = caller.get(&path).await.unwrap();
        assert_eq!(status, 200, "{archive}");
        for reported in [&answer, &archive] {
            assert_eq!(reported["result"]["canaryDuration"], duration, "{reported}");
            let scope = &reported["canaryExecutionRequest"]["scopes"]["default"]["controlScope"];
            assert_eq!(scope["start"], start, "{reported}");
        }
        let (status, error) = caller.get("/nowhere").await.unwrap();
        assert_eq!(status, 404);
        assert_eq!(error["timestamp"].is_u64(), numbers, "{error}");
    }
}
