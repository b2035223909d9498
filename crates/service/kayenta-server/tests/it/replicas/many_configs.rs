//! Two thousand configs listed through the API.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kayenta_storage::{ObjectKind, WriteCondition};
use serde_json::json;

use super::fleet::{Surroundings, object_store, three_metrics};
use crate::requests::Caller;

const CONFIGS: usize = 2_000;

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

async fn fill(shared: &Surroundings) {
    // As many as the service stores itself take longer than a test should; the blobs are the same.
    let store = object_store(&shared.objects);
    let configs = (0..CONFIGS).map(|number| {
        let mut config = three_metrics(&format!("config-{number}"));
        config["id"] = json!(format!("id-{number}"));
        config["applications"] = json!([format!("app-{}", number % 10)]);
        let (key, file) = (format!("id-{number}"), format!("config-{number}.json"));
        (key, file, config.to_string())
    });
    stream::iter(configs)
        .for_each_concurrent(32, |(key, file, text)| {
            let store = &store;
            async move {
                store
                    .store(
                        ObjectKind::CanaryConfig,
                        &key,
                        Some(&file),
                        text.into(),
                        WriteCondition::Always,
                    )
                    .await
                    .unwrap();
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn two_thousand_configs_are_listed_through_the_api() {
    let shared = Surroundings::start().await;
    fill(&shared).await;
    let services = shared.replicas(2, "").await;
    // The first list reads every config once.
    let patience = Duration::from_secs(120);
    let [one, other] = [0, 1].map(|i| Caller::patient(services[i].base_url(), patience));
    let list = async || {
        let began = Instant::now();
        let (status, answer) = one.get("/canaryConfig").await.unwrap();
        assert_eq!(status, 200, "{answer}");
        (began.elapsed(), answer.as_array().unwrap().len())
    };
    let (cold, count) = list().await;
    assert_eq!(count, CONFIGS);
    let mut warm = Vec::new();
    for _ in 0..9 {
        let (took, count) = list().await;
        assert_eq!(count, CONFIGS);
        warm.push(took);
    }
    warm.sort_unstable();
    let (status, filtered) = one.get("/canaryConfig?application=app-3").await.unwrap();
    assert_eq!(
        (status, filtered.as_array().unwrap().len()),
        (200, CONFIGS / 10)
    );

    // What one replica writes the other lists at once, at this size, too.
    let (status, answer) = other
        .post("/canaryConfig", &three_metrics("one-more"))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    let (after_a_write, count) = list().await;
    assert_eq!(count, CONFIGS + 1);

    println!(
        "{CONFIGS} configs on Azurite through GET /canaryConfig: first {:.0} ms, warm {:.0} ms (median) and \
         {:.0} ms (worst), after a write by another replica {:.0} ms",
        milliseconds(cold),
        milliseconds(warm[4]),
        milliseconds(warm[8]),
        milliseconds(after_a_write),
    );
}
