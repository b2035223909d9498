use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kayenta_metrics::{FetchError, Metadata, MetadataCache};
use kayenta_model::Clock;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{JumpingClock, http};

fn names() -> Vec<Value> {
    ["metric_1", "METRIC_2", "MEtriC_3", "other_thing"]
        .map(|name| json!({"name": name}))
        .into()
}

/// C-PROM-05.
#[tokio::test]
async fn names_are_found_in_any_case_and_an_old_list_outlives_a_failure() {
    let clock = JumpingClock::new();
    let cache = MetadataCache::new("a", Duration::from_secs(60), clock.clone());
    assert_eq!(cache.get(""), None);
    cache.refresh(async { Ok(names()) }).await.unwrap();
    let entries = |filter| cache.get(filter).unwrap().entries;
    assert_eq!(entries(""), names());
    assert_eq!(entries("METR"), names()[..3]);
    assert!(entries("nothing").is_empty());

    clock
        .sleep_until(clock.now() + chrono::TimeDelta::seconds(90))
        .await;
    let failure = cache.refresh(async { Err(FetchError::new(http(503), "down")) });
    assert!(failure.await.is_err());
    let stale = cache.get("").unwrap();
    assert_eq!(stale.entries, names());
    assert_eq!(stale.age, Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn a_list_never_taken_is_asked_for() {
    let cache = MetadataCache::new("a", Duration::from_secs(60), JumpingClock::new());
    let dead = cache.get_or_ask("", async { Err(FetchError::new(http(503), "down")) });
    assert_eq!(dead.await, Metadata::default());
    let found = cache.get_or_ask("METR", async { Ok(names()) }).await;
    assert_eq!(found.entries, names()[..3]);
    assert_eq!(found.age, Some(Duration::ZERO));
    let kept = cache.get_or_ask("", async { panic!("it is kept") }).await;
    assert_eq!(kept.entries, names());
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
    assert_eq!(cache.get("").unwrap().entries.len(), 4);
    // An interval of nothing is still a pause.
    assert!(clock.waits().iter().all(|wait| *wait == 1000));
}
