use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kayenta_metrics::{FetchError, MetadataCache};
use kayenta_model::Clock;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{JumpingClock, http};

fn names() -> Vec<Value> {
    ["metric_1", "METRIC_2", "MEtriC_3", "other_thing"]
        .map(|name| json!({"name": name}))
        .into()
}

#[tokio::test]
async fn names_are_found_in_any_case_and_an_old_list_outlives_a_failure() {
    let clock = JumpingClock::new();
    let cache = MetadataCache::new("a", Duration::from_secs(60), clock.clone());
    assert_eq!(cache.get(""), (vec![], None));
    cache.refresh(async { Ok(names()) }).await.unwrap();
    assert_eq!(cache.get("").0, names());
    assert_eq!(cache.get("METR").0, names()[..3]);
    assert!(cache.get("nothing").0.is_empty());

    clock
        .sleep_until(clock.now() + chrono::TimeDelta::seconds(90))
        .await;
    let failure = cache.refresh(async { Err(FetchError::new(http(503), "down")) });
    assert!(failure.await.is_err());
    let (entries, age) = cache.get("");
    assert_eq!(entries, names());
    assert_eq!(age, Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn the_list_is_kept_fresh_until_canceled() {
    let clock = JumpingClock::new();
    let cache = Arc::new(MetadataCache::new("a", Duration::ZERO, clock.clone()));
    let canceled = CancellationToken::new();
    let calls = AtomicUsize::new(0);
    cache
        .keep_fresh(&canceled, || async {
            match calls.fetch_add(1, Ordering::Relaxed) {
                0 => Err(FetchError::new(http(500), "not yet")),
                3 => {
                    canceled.cancel();
                    Ok(names())
                }
                _ => Ok(names()),
            }
        })
        .await;
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    assert_eq!(cache.get("").0.len(), 4);
    // An interval of nothing is still a pause.
    assert!(clock.waits().iter().all(|wait| *wait == 1000));
}
