use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, http::StatusCode, http::Uri};
use kayenta_http::{HttpSettings, Transport};
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Instantly, fetch, fetches, metric, on_fake, store_with, ten_minutes};

fn learned(store: &dyn MetricsStore) -> Vec<(&'static str, bool)> {
    let prerequisites = store.prerequisites();
    prerequisites.iter().map(|p| (p.component, p.met)).collect()
}

#[tokio::test]
async fn a_query_goes_to_the_cluster_of_its_location() {
    let (store, fake, _folder) = on_fake().await;
    let sets = fetch(
        &store,
        metric("name,multi,:eq,(,version,),:by"),
        ten_minutes(),
    )
    .await
    .unwrap();
    assert_eq!(sets.len(), 3);
    let set = serde_json::to_value(&sets[1]).unwrap();
    assert_eq!(set["tags"], json!({"version": "v1"}));
    assert_eq!(set["values"].as_array().unwrap().len(), 10);
    assert_eq!(
        set["attributes"],
        json!({
            "query": "name,multi,:eq,(,version,),:by,:list,(,nf.cluster,web-main,:eq,:cq,),:each",
            "baseURL": format!("{}/us-east-1.regional", fake.tls_base_url()),
        })
    );
    assert_eq!(
        fetches(&fake),
        [
            "https /us-east-1.regional/api/v2/fetch?q=name%2Cmulti%2C%3Aeq%2C%28%2Cversion%2C%29%2C%3Aby\
             %2C%3Alist%2C%28%2Cnf.cluster%2Cweb-main%2C%3Aeq%2C%3Acq%2C%29%2C%3Aeach\
             &s=1605913200000&e=1605913800000&step=PT1M&id=kayenta-test&kayentaQueryUUID=id-1"
        ]
    );
}

#[tokio::test]
async fn c_atlas_04_lists_are_asked_for_when_they_are_needed_first() {
    let (store, fake, _folder) = on_fake().await;
    assert_eq!(store.locations(), Some(Vec::new()));
    let both = |met| {
        [
            ("backendUpdaterService", met),
            ("atlasStorageUpdaterService", met),
        ]
    };
    assert_eq!(learned(&store), both(false));
    let mut scope = ten_minutes();
    scope["location"] = "ap-south-1".into();
    scope["extendedScopeParams"] = json!({"accountId": "123456789012"});
    let burst = (0..4).map(|_| fetch(&store, metric("name,x,:eq"), scope.clone()));
    for outcome in futures::future::join_all(burst).await {
        outcome.unwrap();
    }
    assert!(fetches(&fake)[3].starts_with("https /storage-ap-south-1/api/v2/fetch?"));
    let lists = fake.seen().len() - fetches(&fake).len();
    assert_eq!(lists, 2, "each list is asked for once");
    assert_eq!(learned(&store), both(true));
    let locations = store.locations().unwrap();
    assert_eq!(
        locations,
        [
            "us-east-1.main",
            "us-west-2.main",
            "test.global",
            "prod.global",
            "eu-west-1.test.other",
            "us-east-1.test.other",
            "eu-west-1.prod.other",
            "us-east-1.prod.other",
            "single.one",
        ]
    );
}

#[tokio::test]
async fn a_location_without_a_cluster_is_reported() {
    let (store, fake, _folder) = on_fake().await;
    let mut scope = ten_minutes();
    scope["location"] = "mars".into();
    scope["extendedScopeParams"] = json!({"accountId": "1"});
    let error = fetch(&store, metric("x"), scope.clone()).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "Unable to find an appropriate Atlas cluster for location=mars accountId=1 dataset=regional \
         deployment=main environment=test"
    );
    scope["extendedScopeParams"] = json!({"deployment": "", "dataset": "", "environment": ""});
    let error = fetch(&store, metric("x"), scope).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Unable to find an appropriate Atlas cluster for location=mars accountId=null dataset=null \
         deployment=null environment=null"
    );
    assert!(fetches(&fake).is_empty());
}

#[tokio::test]
async fn the_last_good_lists_are_kept() {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let router = Router::new().fallback(move |uri: Uri| async move {
        if switch.load(Ordering::Relaxed) {
            return (StatusCode::BAD_GATEWAY, String::new());
        }
        let list = match uri.path() {
            "/api/v1/atlas/backends.json" => json!([{"cname": "c", "target": "t"}]),
            // The key is missing.
            _ => json!({}),
        };
        (StatusCode::OK, list.to_string())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    let store = Arc::new(store_with(&base, &transport, Arc::new(Instantly)));
    let canceled = CancellationToken::new();
    let (background, token) = (Arc::clone(&store), canceled.clone());
    let task = tokio::spawn(async move { background.keep_fresh(&token).await });
    while store.locations() == Some(Vec::new()) {
        tokio::task::yield_now().await;
    }
    canceled.cancel();
    task.await.unwrap();
    broken.store(true, Ordering::Relaxed);
    store.check().await.unwrap_err();
    assert_eq!(store.locations(), Some(vec!["t".to_owned()]));
    assert_eq!(
        learned(&*store),
        [
            ("backendUpdaterService", true),
            ("atlasStorageUpdaterService", false)
        ]
    );
}
